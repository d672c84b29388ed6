"""The causal Transformer as a language model: each word is predicted from those before it, which attention reads.

Vaswani et al. 2017 (arXiv 1706.03762); Radford et al. 2018 and 2019 (GPT); the memory of Dai et al. 2019,
"Transformer-XL" (arXiv 1901.02860), with positions by rotation (Su et al. 2021, arXiv 2104.09864).
``docs/transformer.md`` teaches it. The net is in :mod:`firth.lm.transformer_module`: nothing here needs torch before
training begins.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.config import option
from firth.errors import ConfigError
from firth.events import Listener
from firth.nn.schedule import OPTIMIZERS, Schooling

if TYPE_CHECKING:
    from firth.lm.transformer_model import TransformerModel

__all__ = ["Trained", "Transformer", "train"]


@dataclasses.dataclass(frozen=True)
class Transformer(Schooling):
    """Options of a causal Transformer.

    Examples
    --------
    >>> Transformer(layers=2, dim=64, heads=2).context
    128
    """

    layers: int = option(4, "blocks", minimum=1, maximum=1000)
    dim: int = option(256, "length of the vectors that go from block to block", minimum=1, maximum=100_000)
    heads: int = option(4, "of attention, each of dim / heads entries", minimum=1, maximum=10_000)
    hidden: int = option(1024, "cells of each block's inner net", minimum=1, maximum=1_000_000)
    activation: str = option(
        "gelu", "of the inner net; the last two are gates",
        choices=("gelu", "gelu_tanh", "relu", "silu", "geglu", "swiglu"),
    )  # fmt: skip
    norm: str = option("pre", "norms before the parts of a block, or behind its sums", choices=("pre", "post"))
    bias: bool = option(True, "maps and norms have summands")
    positions: str = option("rotary", "turn queries and keys by their place, or leave it", choices=("rotary", "none"))
    context: int = option(128, "words back that a block reads", minimum=1, maximum=1_000_000)
    tie: bool = option(True, "the word vectors are the output layer's too")
    dropout: float = option(0.3, "left out of word vectors and of each block's parts", minimum=0, maximum=0.99)
    dropout_attention: float = option(0.1, "left out of the weights of attention", minimum=0, maximum=0.99)
    dropout_output: float = option(0.3, "left out of what the output layer reads", minimum=0, maximum=0.99)
    softmax: str = option("full", "output layer in training", choices=("full", "adaptive", "sampled"))
    samples: int = option(1000, "outputs in a sample, on the average (sampled softmax)", minimum=1)
    proposal: str = option("log-uniform", "what a sample is drawn by", choices=("log-uniform", "unigram"))
    cutoffs: tuple[int, ...] | None = option(None, "ranks at which clusters begin (adaptive softmax)")
    bptt: int = option(128, "words that are read together", minimum=1, maximum=1_000_000)
    batch: int = option(16, "places of the text that are read side by side", minimum=1, maximum=1 << 20)
    epochs: int = option(20, "passes over the text", minimum=1, maximum=1_000_000)
    rate: float = option(1e-3, "learning rate at its highest", minimum=0, maximum=1000)
    decay: str = option("cosine", "how the learning rate falls over the training",
                        choices=("constant", "linear", "cosine"))  # fmt: skip
    warmup: float = option(0.03, "share of training in which the rate rises to its highest", minimum=0, maximum=1)
    optimizer: str = option("adamw", "kind of update", choices=OPTIMIZERS)
    beta2: float = option(0.98, "Adam's memory of the gradient's square", minimum=0, maximum=1)
    weight_decay: float = option(0.1, "pull of the matrices to zero", minimum=0, maximum=10)
    clip: float = option(1.0, "longest gradient, in its 2-norm; 0 is no limit", minimum=0)
    min_count: int = option(1, "take rarer words for <unk>", minimum=1)
    max_vocab: int | None = option(None, "keep at most so many words, the most frequent", minimum=1)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dim % self.heads:
            raise ConfigError("dim is no multiple of heads", got=f"{self.dim} and {self.heads}")
        if self.positions == "rotary" and self.dim // self.heads % 2:
            raise ConfigError("positions by rotation turn pairs of entries", got=f"{self.dim // self.heads} to a head",
                              expected="an even number")  # fmt: skip
        if self.tie and self.softmax == "adaptive":
            raise ConfigError("tie does not go with the adaptive softmax, whose rows are of several lengths",
                              remedy="give --no-tie, or another softmax")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : TransformerModel
    config : Transformer
    losses : tuple of float
        Mean loss of a prediction in each epoch, with dropout, and as the softmax of training has it.
    heldout : tuple of float or None
        Mean negative log probability of the held-out text's predictions, after each epoch.
    seconds : float
        Time of training, in all runs of the job.
    """

    model: TransformerModel
    config: Transformer
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    seconds: float


def train(
    data: Any,
    config: Transformer | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Any = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    device: str | None = None,
) -> Trained:
    """Train a causal Transformer.

    The text is read at ``batch`` places side by side, ``bptt`` words at a time; each word reads up to ``context``
    words back, also those of the stretch before, which get no gradient.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
    config : Transformer, optional
    threads : int, optional
        Of torch; all processors by default. Bytes are the same on the same number of threads.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    heldout : like ``data``, optional
        A text whose loss is told after every epoch. The parameters that did best on it are kept.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin.
    minutes : float, optional
        Plan the training for this much time, in the place of epochs.
    device : str, optional
        A GPU where there is one.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, the loss is no longer a number, or a checkpoint is of another job.
    MissingExtraError
        When torch is not installed.

    Examples
    --------
    >>> text = ["a b a b a b"] * 20
    >>> made = train(text, Transformer(layers=1, dim=8, heads=2, hidden=8, epochs=20, batch=4, rate=0.02), threads=1)
    >>> made.model.next_words(["a"], 1)[0][0]
    'b'
    """
    from firth.nn.extra import need_torch

    need_torch("the Transformer")
    from firth.lm import transformer_training

    return transformer_training.train(
        data, config or Transformer(), threads=threads, listen=listen, heldout=heldout, checkpoint=checkpoint,
        resume=resume, minutes=minutes, device=device,
    )  # fmt: skip
