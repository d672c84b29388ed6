"""The output layer that a neural language model's options ask for, and what it has to know of the text."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from firth.errors import ConfigError
from firth.lm.lexicon import Lexicon
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax, SampledSoftmax, inclusion
from firth.text.corpus import Corpus

__all__ = ["OutputOptions", "cutoffs_of", "output_counts", "output_layer", "read_in_full"]


class OutputOptions(Protocol):
    """The options of a config that the output layer is made by."""

    @property
    def softmax(self) -> str: ...
    @property
    def samples(self) -> int: ...
    @property
    def proposal(self) -> str: ...
    @property
    def cutoffs(self) -> tuple[int, ...] | None: ...


def output_layer(
    options: OutputOptions, dim: int, counts: NDArray[np.int64], shared: nn.Parameter | None
) -> FullSoftmax | AdaptiveSoftmax:
    """Return the layer, without weights yet.

    Parameters
    ----------
    options : OutputOptions
    dim : int
        Length of what it reads.
    counts : ndarray of int64, shape (n_outputs,)
        As :func:`output_counts` gives them.
    shared : Parameter, shape (n_outputs, dim), optional
        Embeddings that are its matrix too.
    """
    n = len(counts)
    if options.softmax == "adaptive":
        return AdaptiveSoftmax(dim, n, counts, cutoffs_of(options.cutoffs, n))
    if options.softmax == "sampled":
        return SampledSoftmax(dim, n, inclusion(counts, options.samples, options.proposal), shared)
    return FullSoftmax(dim, n, shared)


def output_counts(lexicon: Lexicon, corpus: Corpus) -> NDArray[np.int64]:
    """Return how often each output occurs, the ends of sentences and the words out of the lexicon too."""
    counts = np.asarray(lexicon.vocab.counts[: lexicon.n_outputs]).astype(np.int64)
    known = int(counts[[i for i in range(len(counts)) if i != lexicon.eos]].sum())
    counts[lexicon.eos] = len(corpus.ends)
    counts[lexicon.unk] += max(int(corpus.vocab.counts.sum()) - known, 0)
    return counts


def cutoffs_of(cutoffs: tuple[int, ...] | None, n_outputs: int) -> tuple[int, ...]:
    """Return the ranks at which the clusters of an adaptive softmax begin, which have a default.

    Raises
    ------
    ConfigError
        When they do not ascend, or lie outside the outputs.
    """
    if cutoffs is None:
        wanted = (n_outputs // 15, 3 * n_outputs // 15)  # of Grave et al. 2017: small head, most mass
        return tuple(sorted({max(1, min(cut, n_outputs - 1)) for cut in wanted}))
    if not cutoffs or list(cutoffs) != sorted(set(cutoffs)) or cutoffs[0] < 1 or cutoffs[-1] >= n_outputs:
        raise ConfigError("cutoffs are no ascending ranks", got=cutoffs, expected=f"each from 1 to {n_outputs - 1}")
    return cutoffs


def read_in_full(net: Any) -> Any:
    """Return the net with a full softmax over the matrix that was trained by samples."""
    full = FullSoftmax(net.last, net.softmax.n_outputs, net.softmax.weight)
    full.bias = net.softmax.bias
    net.softmax = full
    return net
