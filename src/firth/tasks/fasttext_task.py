"""The task of training fastText's classifier: labelled lines and options made into what the native trainer reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.config import to_dict
from firth.errors import ConfigError, DataError
from firth.protocols import Float32
from firth.static.sampling import alias_table
from firth.static.task import aligned_rows
from firth.tasks.fasttext import LOSSES, FastTextClassifier
from firth.tasks.fasttext_data import LabelledLines, byte_pieces
from firth.vectors.buckets import KeptBuckets
from firth.vectors.static import Vectors
from firth.vectors.words import Words

if TYPE_CHECKING:
    from firth.tasks.fasttext_train import FastTextClassify

__all__ = ["Task", "labelled_documents", "native_trainer"]

_NOISE_EXPONENT = 0.5  # of label counts, as fastText has it
_ROWS_AT_ONCE = 65_536


class Task:
    """Text, options and start vectors as a native trainer; the matrices begin as fastText's do."""

    def __init__(self, lines: LabelledLines, config: FastTextClassify, init: Vectors | None, threads: int) -> None:
        self.config = config
        self.buckets = config.buckets if config.hashed else 0
        found = lines.native.documents(
            config.min_count,
            config.min_count_label,
            config.word_ngrams,
            config.minn,
            config.maxn,
            self.buckets,
            True,
        )
        self.found = found
        self.n_tokens: int = found["tokens"]
        _refuse_unlabelled(found, config)
        words, offsets, self.counts = found["words"]
        self.words = Words(words, offsets)
        n_text_words = len(self.words)
        if init is not None:
            self._add_words(init)
        n_words = len(self.words)
        labels, offsets, self.label_counts = found["label_words"]
        self.labels = Words(labels, offsets)
        self.numbers = np.concatenate([np.arange(n_words), n_words + found["buckets"].astype(np.int64)])
        self.input = aligned_rows(len(self.numbers), config.dim)
        _core.init_row_numbers(self.input, self.numbers, config.dim, config.seed, threads)
        if init is not None:
            self._start_from(init, n_text_words)
        self.output = aligned_rows(len(self.labels), config.dim)
        self.own = aligned_rows(len(found["own_ends"]), config.dim)
        self.trainer = self._trainer(found, update=True)
        self.trainer.gather_own(threads)

    def _add_words(self, init: Vectors) -> None:
        """Give the words of start vectors that the text lacks rows after its own, with a count of 0."""
        if init.dim != self.config.dim:
            raise ConfigError("the start vectors have another dim", got=init.dim, expected=str(self.config.dim))
        extra = [word for word in init.words if word not in self.words]
        n_before = len(self.words)
        self.words = Words.of([*self.words, *extra])
        self.counts = np.concatenate([self.counts, np.zeros(len(extra), np.int64)])
        for name in ("features", "own_rows"):
            rows = self.found[name]
            rows[rows >= n_before] += len(extra)

    def _start_from(self, init: Vectors, n_text_words: int) -> None:
        rows = np.fromiter((init.words.find(word) for word in self.words), np.int64, len(self.words))
        known = np.flatnonzero(rows >= 0)
        self.input[known, : self.config.dim] = init.store[rows[known]]

    def _trainer(self, found: dict[str, Any], *, update: bool) -> _core.SupervisedTrainer:
        own = self.own if update else None
        return native_trainer(
            found, self.config, self.label_counts, input=self.input, output=self.output, own=own, update=update
        )

    def notices(self) -> list[str]:
        """Return what a user should know of the text."""
        found = self.found
        told = []
        if found["without_labels"]:
            told.append(
                f"{found['without_labels']:,} of {found['lines']:,} lines have no label and are left out "
                f"(the first is line {found['first_without_labels']:,})"
            )
        if found["without_words"]:
            told.append(f"{found['without_words']:,} lines have no word that is left and are left out")
        return told

    def heldout(self, data: Any, threads: int) -> Any:
        """Return a function that measures the mean loss on other lines with the parameters as they are."""
        found = labelled_documents(self.model(), data, threads)

        def measure() -> float:
            words = self.input[: len(self.words)].copy()
            self.trainer.spread_own(threads)
            probe = self._trainer(found, update=False)
            probe.run(probe.rounds_per_epoch, threads)
            self.input[: len(self.words)] = words
            self._begin_own_buckets(threads)
            return probe.loss / probe.pairs

        return measure

    def _begin_own_buckets(self, threads: int) -> None:
        """Put the rows of buckets that one document has back to how they began, which they keep until the end."""
        rows = self.found["own_rows"]
        rows = rows[rows >= len(self.words)]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            fresh = aligned_rows(len(some), self.config.dim)
            _core.init_row_numbers(fresh, self.numbers[some], self.config.dim, self.config.seed, threads)
            self.input[some] = fresh

    def model(self, **metadata: Any) -> FastTextClassifier:
        """Return the model as it stands; its matrices are those in training."""
        config = self.config
        return FastTextClassifier(
            words=self.words,
            counts=self.counts,
            labels=self.labels,
            label_counts=self.label_counts,
            input=self.input[:, : config.dim],
            output=self.output[:, : config.dim],
            loss=config.loss,
            word_ngrams=config.word_ngrams,
            minn=config.minn,
            maxn=config.maxn,
            buckets=self.buckets,
            label_prefix=config.label_prefix,
            kept=KeptBuckets(self.found["buckets"]) if self.buckets else None,
            metadata=metadata,
        )

    def finish(self, threads: int, digest: str) -> FastTextClassifier:
        """Give the rows of single documents their share, and return the model."""
        self.trainer.spread_own(threads)
        config = self.config
        return self.model(
            model="fasttext-classifier",
            options=to_dict(config),
            seed=config.seed,
            corpus=digest,
            cpu_level=_core.cpu_level(),
        )


def native_trainer(
    found: Mapping[str, Any],
    config: FastTextClassify,
    label_counts: NDArray[np.int64],
    *,
    input: Float32,
    output: Float32,
    own: Float32 | None = None,
    update: bool = True,
) -> _core.SupervisedTrainer:
    """Return the native trainer of documents (see ``native/supervised.h``) on matrices of padded rows."""
    noise = path = None
    if config.loss == "negative":
        noise = alias_table(np.maximum(label_counts, 1).astype(np.float64) ** _NOISE_EXPONENT)
    elif config.loss == "hierarchical":
        path = _core.label_paths(label_counts)
    names = ("features", "feature_ends", "labels", "label_ends", "own_rows", "own_times", "own_ends")
    return _core.SupervisedTrainer(
        {
            **{name: found.get(name) for name in names},
            "input": input,
            "output": output,
            "own": own,
            "dim": config.dim,
            "n_labels": len(output),
            "loss": LOSSES.index(config.loss),
            "negative": config.negative,
            "noise_keep": noise.keep if noise else None,
            "noise_other": noise.other if noise else None,
            "path_first": path[0] if path else None,
            "path_node": path[1] if path else None,
            "path_code": path[2] if path else None,
            "epochs": config.epochs if update else 1,
            "rate": config.rate,
            "seed": config.seed,
            "shuffle": config.shuffle and update,
            "update": update,
        }
    )


def labelled_documents(model: FastTextClassifier, data: Any, threads: int) -> dict[str, Any]:
    """Return what a model's own words, buckets and labels make of labelled lines.

    Raises
    ------
    DataError
        When no line has a label and a word that are known.
    """
    from firth.tasks.fasttext_predict import feature_space

    lines = b"".join(piece for pieces in byte_pieces(data, model.label_prefix) for piece in pieces)
    rows, ends, labels, label_ends = feature_space(model).encode(lines, threads)
    kept = (np.diff(ends, prepend=0) > 0) & (np.diff(label_ends, prepend=0) > 0)
    if not kept.any():
        raise DataError("no line has a label that is known and a word that is known")
    features, feature_ends = _select(rows, ends, kept)
    picked, picked_ends = _select(labels, label_ends, kept)
    return {"features": features, "feature_ends": feature_ends, "labels": picked, "label_ends": picked_ends}


def _select(
    values: NDArray[np.int32], ends: NDArray[np.int64], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    sizes = np.diff(ends, prepend=0)
    return values[np.repeat(kept, sizes)], np.cumsum(sizes[kept])


def _refuse_unlabelled(found: dict[str, Any], config: FastTextClassify) -> None:
    if len(found["feature_ends"]):
        return
    if not found["lines"]:
        raise DataError("the text holds no lines", remedy="give another text")
    if not len(found["label_words"][2]):
        raise DataError(
            f"none of the {found['lines']:,} lines has a label",
            expected=f"words that begin with {config.label_prefix}",
            remedy="mark the labels so, or name another prefix with --label-prefix",
        )
    raise DataError(
        "no line has both a label and a word that are frequent enough",
        got=f"min_count {config.min_count}, min_count_label {config.min_count_label}",
        remedy="lower --min-count or --min-count-label",
    )
