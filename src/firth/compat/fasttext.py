"""The names that users of fastText's Python module know, over Firth's own parts. NumPy 2 works.

Training gives the same bytes on any number of threads. Options without effect on the model (``lrUpdateRate``, and
``ws`` and ``t`` of classifiers) are accepted and have none.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from typing import Any

from firth.compat.fasttext_model import FastTextModel
from firth.compat.fasttext_options import SUPERVISED, UNSUPERVISED, autotune_size, named, options_of
from firth.errors import DataError
from firth.events import EpochEnd, Event, Listener, Notice
from firth.formats.registry import load
from firth.tasks.fasttext_quantize import quantize
from firth.tasks.fasttext_train import FastTextClassify, train
from firth.tasks.fasttext_tune import tune

__all__ = ["BOW", "EOS", "EOW", "FastTextModel", "load_model", "tokenize", "train_supervised", "train_unsupervised"]

EOS, BOW, EOW = "</s>", "<", ">"
_BLANKS = str.maketrans(dict.fromkeys("\r\t\v\f\0", " "))


def load_model(path: Any) -> FastTextModel:
    """Load a ``.bin`` or ``.ftz`` of Facebook's, or a folder of Firth's."""
    return FastTextModel(load(path))


def tokenize(text: str) -> list[str]:
    """Return the words of a text as fastText splits it, with ``</s>`` at line breaks."""
    return [word for line in text.split("\n") for word in [*_words(line), EOS]][:-1]


def _words(line: str) -> list[str]:
    return [word for word in line.translate(_BLANKS).split(" ") if word]


def _listener(verbose: int) -> Listener | None:
    """Return what writes notices and the end of every epoch on stderr, or None."""

    def tell(event: Event) -> None:
        if isinstance(event, Notice):
            print(event.message, file=sys.stderr)
        elif isinstance(event, EpochEnd):
            print(f"epoch {event.epoch}: mean loss {event.loss:.4f}, after {event.seconds:.1f} s", file=sys.stderr)

    return tell if verbose > 0 and sys.stderr is not None else None


def train_supervised(input: Any, **options: Any) -> FastTextModel:
    """Train a classifier on labelled lines.

    Parameters
    ----------
    input : path
        Or anything that :func:`firth.tasks.fasttext_train.train` takes.
    **options
        ``lr dim ws epoch minCount minCountLabel minn maxn neg wordNgrams loss bucket thread lrUpdateRate t label
        verbose pretrainedVectors seed autotuneValidationFile autotuneMetric autotunePredictions autotuneDuration
        autotuneModelSize``, with fastText's defaults.

    Examples
    --------
    >>> lines = [("warm", "sun and sand"), ("cold", "snow and ice")] * 50
    >>> model = train_supervised(lines, dim=8, lr=0.5, verbose=0)
    >>> labels, probabilities = model.predict("sand and sun")
    >>> labels, bool(probabilities[0] > 0.5)
    (('__label__warm',), True)
    """
    given = named(options, SUPERVISED)
    fields = {field.name for field in dataclasses.fields(FastTextClassify)}
    config = FastTextClassify(**options_of(given, fields))
    listen = _listener(given["verbose"])
    if given["autotuneValidationFile"]:
        return _tuned(input, config, given, set(options), listen)
    init = load(given["pretrainedVectors"]) if given["pretrainedVectors"] else None
    return FastTextModel(train(input, config, threads=given["thread"], listen=listen, init=init).model)


def _tuned(
    input: Any, config: FastTextClassify, given: dict[str, Any], manual: set[str], listen: Listener | None
) -> FastTextModel:
    """Search for options, then make the model as small as ``autotuneModelSize`` asks."""
    if given["pretrainedVectors"]:
        raise DataError("autotuning takes no pretrained vectors", remedy="leave one of the two out")
    ours = (("epoch", "epochs"), ("lr", "rate"), ("dim", "dim"), ("wordNgrams", "word_ngrams"), ("minn", "minn"))
    tuned = tune(
        input,
        given["autotuneValidationFile"],
        config,
        minutes=given["autotuneDuration"] / 60,
        fixed=tuple(name for theirs, name in (*ours, ("bucket", "buckets")) if theirs in manual),
        metric=given["autotuneMetric"],
        k=given["autotunePredictions"],
        threads=given["thread"],
        listen=listen,
    )
    model, size = tuned.trained.model, autotune_size(given["autotuneModelSize"])
    if size:
        rows, dim = len(model.input), model.dim
        # Bytes of a .ftz with norms apart: what is there anyway, then codes, a norm and 10 bytes for each row.
        room = size - 107 - 1024 * dim - 16 - 4 * len(model.labels) * dim
        cutoff = room // (-(-dim // 2) + 1 + 10)
        if cutoff < 256:
            raise DataError("autotuneModelSize is too small", got=given["autotuneModelSize"], remedy="raise it")
        again = {"cutoff": cutoff, "retrain": input} if cutoff < rows else {}
        model = quantize(model, qnorm=True, threads=given["thread"], listen=listen, **again)
    return FastTextModel(model)


def train_unsupervised(input: Any, **options: Any) -> FastTextModel:
    """Train word vectors with character n-grams, by skip-gram or CBOW.

    Parameters
    ----------
    input : path
        Or anything that :func:`firth.train` takes.
    **options
        ``model lr dim ws epoch minCount minn maxn neg loss bucket thread t verbose pretrainedVectors seed`` and the rest
        of fastText's, with its defaults.
    """
    given = named(options, UNSUPERVISED)
    module: Any = importlib.import_module("firth.static.fasttext")
    fields = {field.name for field in dataclasses.fields(module.FastText)}
    values = options_of(given, fields)
    if "architecture" in fields:
        values["architecture"] = given["model"]
    init = load(given["pretrainedVectors"]) if given["pretrainedVectors"] else None
    more = {} if init is None else {"init": init}
    listen = _listener(given["verbose"])
    trained = module.train(input, module.FastText(**values), threads=given["thread"], listen=listen, **more)
    return FastTextModel(getattr(trained, "vectors", trained))
