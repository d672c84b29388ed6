"""Smaller classifiers: the most important rows kept, perhaps trained on, then product-quantised.

Joulin et al. 2016, "FastText.zip: Compressing text classification models" (arXiv 1612.03651), sections 3.1 and 3.2.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError, DataError
from firth.events import Listener
from firth.protocols import Float32
from firth.tasks.fasttext import FastTextClassifier
from firth.vectors.buckets import KeptBuckets
from firth.vectors.quantize import Quantized
from firth.vectors.storage import BLOCK_VALUES
from firth.vectors.words import Words

__all__ = ["prune", "quantize"]

_END_OF_LINE = "</s>"


def quantize(
    model: FastTextClassifier,
    *,
    dsub: int = 2,
    qnorm: bool = False,
    qout: bool = False,
    cutoff: int = 0,
    retrain: Any = None,
    epochs: int | None = None,
    rate: float | None = None,
    seed: int = 1,
    threads: int | None = None,
    listen: Listener | None = None,
) -> FastTextClassifier:
    """Return a smaller model.

    Parameters
    ----------
    model : FastTextClassifier
    dsub : int
        Numbers of a row that one byte stands for.
    qnorm : bool
        Quantise norms and directions of rows apart.
    qout : bool
        Quantise the output rows too; of use with many labels.
    cutoff : int
        Words and buckets to keep, those of the largest norms; 0 keeps all.
    retrain : path, list of paths, or iterable of (label or labels, text), optional
        With ``cutoff``: train what is kept on this text before it is quantised.
    epochs, rate : optional
        Of that training; those that the model was trained with, or 5 and 0.1, by default.
    seed : int
        Of the centroids and of that training.
    threads, listen
        As for :func:`firth.tasks.fasttext_train.train`.

    Raises
    ------
    ConfigError
        When an option is out of range, or ``retrain`` comes without ``cutoff``.
    DataError
        When the model is quantised already.

    Examples
    --------
    >>> from firth.tasks.fasttext_train import FastTextClassify, train
    >>> lines = [("warm", "sun and sand"), ("cold", "snow and ice")] * 50
    >>> small = quantize(train(lines, FastTextClassify(dim=8), threads=1).model, cutoff=4)
    >>> type(small.input).__name__, small.input.shape
    ('Quantized', (4, 8))
    """
    if isinstance(model.input, Quantized):
        raise DataError("the model is quantised already", remedy="quantise the model that it was made from")
    if retrain is not None and not cutoff:
        raise ConfigError("training again is for what a cutoff leaves", remedy="give a cutoff too")
    workers = threads or 0
    if cutoff:
        model = prune(model, cutoff)
        if retrain is not None:
            from firth.tasks.fasttext_retrain import train_again

            model = train_again(model, retrain, epochs=epochs, rate=rate, seed=seed, threads=threads, listen=listen)
    return dataclasses.replace(
        model,
        input=Quantized.of(model.input, dsub, norms=qnorm, seed=seed, threads=workers),
        output=Quantized.of(model.output, 2, norms=qnorm, seed=seed, threads=workers) if qout else model.output,
        metadata={**model.metadata, "quantised": {"dsub": dsub, "qnorm": qnorm, "qout": qout, "cutoff": cutoff}},
    )


def prune(model: FastTextClassifier, cutoff: int) -> FastTextClassifier:
    """Keep the ``cutoff`` rows of the largest norms, of words and buckets together, and the end of the line always.

    Raises
    ------
    ConfigError
        When ``cutoff`` is below 1.
    """
    if cutoff < 1:
        raise ConfigError("cutoff is too small", got=cutoff, expected="at least 1")
    n_words = len(model.words)
    if cutoff >= len(model.input):
        return model
    norms = _norms(model)
    end = model.words.find(_END_OF_LINE)
    if end >= 0:
        norms[end] = np.inf
    kept = np.sort(np.argsort(-norms, kind="stable")[:cutoff])
    words, rest = kept[kept < n_words], kept[kept >= n_words] - n_words
    return dataclasses.replace(
        model,
        words=Words.of([model.words[row] for row in words.tolist()]),
        counts=model.counts[words],
        input=np.ascontiguousarray(model.input[kept]),
        kept=_kept(model, rest),
    )


def _kept(model: FastTextClassifier, rest: NDArray[np.int64]) -> KeptBuckets:
    """Return which buckets the rows after the words, numbered from 0 in the old model, are of."""
    if model.kept is None:
        return KeptBuckets(rest)
    kept = KeptBuckets.of(model.kept)
    bucket_of = np.full(int(kept.rows.max(initial=-1)) + 1, -1, np.int32)
    bucket_of[kept.rows] = kept.buckets
    return KeptBuckets(bucket_of[rest])


def _norms(model: FastTextClassifier) -> Float32:
    n, dim = model.input.shape
    norms = np.empty(n, np.float32)
    step = max(1, BLOCK_VALUES // dim)
    for start in range(0, n, step):
        block = np.asarray(model.input[start : start + step])
        norms[start : start + step] = np.sqrt(np.einsum("ij,ij->i", block, block))
    return norms
