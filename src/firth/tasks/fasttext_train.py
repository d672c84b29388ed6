"""Training fastText's classifier on labelled lines.

Joulin, Grave, Bojanowski and Mikolov 2017, "Bag of Tricks for Efficient Text Classification" (arXiv 1607.01759).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core, checkpoint
from firth.config import Config, option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.protocols import Float32
from firth.static.loop import Epoch, Job, cpu_threads, run
from firth.static.sampling import alias_table
from firth.static.task import aligned_rows
from firth.tasks.fasttext import LOSSES, FastTextClassifier
from firth.tasks.fasttext_data import LabelledLines, byte_pieces, check_prefix
from firth.vectors.buckets import KeptBuckets
from firth.vectors.static import Vectors
from firth.vectors.words import Words

__all__ = ["FastTextClassify", "Trained", "labelled_documents", "native_trainer", "train"]

_NOISE_EXPONENT = 0.5  # of label counts, as fastText has it
_ROWS_AT_ONCE = 65_536
_GROUP = 16  # documents that are scored side by side, where they are short


@dataclasses.dataclass(frozen=True)
class FastTextClassify(Config):
    """Options of fastText's classifier (Joulin et al. 2017).

    Examples
    --------
    >>> FastTextClassify(word_ngrams=2).hashed
    True
    """

    dim: int = option(100, "numbers of a vector", minimum=1, maximum=10_000)
    epochs: int = option(5, "passes over the text", minimum=1)
    rate: float = option(0.1, "learning rate at the start; it falls to 0", minimum=1e-9, maximum=1e6)
    word_ngrams: int = option(1, "longest word n-gram; 1 for words alone", minimum=1, maximum=1000)
    minn: int = option(0, "shortest character n-gram", minimum=0, maximum=1000)
    maxn: int = option(0, "longest character n-gram; 0 for none", minimum=0, maximum=1000)
    buckets: int = option(2_000_000, "buckets that n-grams are hashed into", minimum=0, maximum=2**31 - 1)
    loss: str = option("softmax", "what is minimised", choices=LOSSES)
    negative: int = option(5, "noise labels of negative sampling", minimum=1, maximum=10_000)
    min_count: int = option(1, "least occurrences of a word", minimum=1)
    min_count_label: int = option(0, "least occurrences of a label", minimum=0)
    label_prefix: str = option("__label__", "what labels begin with")
    shuffle: bool = option(True, "take the lines in another order in each epoch")
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prefix(self.label_prefix)
        if self.minn > self.maxn or (self.maxn and not self.minn):
            expected = "minn from 1 to maxn, or both 0 for no character n-grams"
            raise ConfigError("the range of character n-grams is empty", got=(self.minn, self.maxn), expected=expected)
        if self.hashed and not self.buckets:
            raise ConfigError("buckets is too small", got=0, expected="at least 1, where there are n-grams")

    @property
    def hashed(self) -> bool:
        """Whether there are n-grams to hash."""
        return self.word_ngrams > 1 or self.maxn > 0


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : FastTextClassifier
    config : FastTextClassify
    losses : tuple of float
        Mean loss of an example in each epoch.
    heldout : tuple of float or None
        The same on the held-out text, after each epoch.
    seconds : float
        Time spent training (in this run), without reading the text.
    """

    model: FastTextClassifier
    config: FastTextClassify
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    seconds: float


def train(
    data: Any,
    config: FastTextClassify | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Any = None,
    init: Vectors | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> Trained:
    """Train a classifier.

    Parameters
    ----------
    data : LabelledLines, path, list of paths, ``"-"``, or iterable of (label or labels, text)
        See :meth:`firth.tasks.fasttext_data.LabelledLines.of`.
    config : FastTextClassify, optional
    threads : int, optional
        All processors by default. The result does not depend on it. A thread works on 16 columns of every row at
        least, so more than dim / 16 are of no use.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    heldout : like ``data``, optional
        Lines that are not trained on; their mean loss is told after every epoch.
    init : Vectors, optional
        Word vectors to begin with; their words are added to those of the text.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, or no line has a label.

    Examples
    --------
    >>> lines = [("warm", "sun and sand"), ("cold", "snow and ice")] * 50
    >>> model = train(lines, FastTextClassify(dim=8, rate=0.5), threads=1).model
    >>> model.labels[0], model.input.shape, model.loss
    ('__label__cold', (6, 8), 'softmax')
    """
    config = config or FastTextClassify()
    tell = listen or _ignore
    workers = cpu_threads(threads)
    lines = LabelledLines.of(data, config.label_prefix)
    task = _Task(lines, config, init, workers)
    for message in task.notices():
        tell(Notice(message))
    keeper = _Keeper(checkpoint, task, lines.digest)
    history = keeper.start(resume=resume, listen=tell)
    job = Job(
        rounds=task.trainer,
        epochs=config.epochs,
        words=task.n_tokens,
        rate=lambda done: config.rate * (1 - done),
        threads=workers,
        listen=tell,
        save=keeper.save if checkpoint is not None else None,
        heldout=None if heldout is None else task.heldout(heldout, workers),
    )
    seconds = run(job, history)
    model = task.finish(workers, lines.digest)
    losses, held = (tuple(getattr(epoch, name) for epoch in history) for name in ("loss", "heldout"))
    return Trained(model, config, losses, held, seconds)


def _ignore(_event: Any) -> None:
    return


class _Task:
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
            "group": _GROUP,
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


class _Keeper:
    """Checkpoints: the matrices, the trainer's place, and proof that the job is the same."""

    def __init__(self, folder: str | Path | None, task: _Task, digest: str) -> None:
        self.folder = None if folder is None else Path(folder)
        self.task = task
        self.job: dict[str, Any] = {
            "model": "fasttext-classifier",
            "options": to_dict(task.config),
            "corpus": digest,
            "words": len(task.words),
        }

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"input": self.task.input, "output": self.task.output, "own": self.task.own}

    def save(self, history: Sequence[Epoch]) -> Path:
        """Write the state and return the folder."""
        if self.folder is None:
            raise ConfigError("there is no folder for checkpoints", remedy="give checkpoint")
        trainer = self.task.trainer
        state = {
            **self.job,
            "cpu_level": _core.cpu_level(),
            "round": trainer.round,
            "loss": trainer.loss.hex(),
            "pairs": trainer.pairs,
            "history": [dataclasses.astuple(epoch) for epoch in history],
        }
        checkpoint.save(self.folder, self._arrays(), state)
        return self.folder

    def start(self, *, resume: bool, listen: Listener) -> list[Epoch]:
        """Take up the checkpoint where there is one to resume; return the epochs so far."""
        if not resume:
            return []
        if self.folder is None:
            raise ConfigError("there is nothing to resume from", remedy="give checkpoint")
        if not checkpoint.exists(self.folder):
            listen(Notice(f"no checkpoint in {self.folder}: training begins at the start"))
            return []
        arrays, state = checkpoint.load(self.folder)
        different = [key for key, value in self.job.items() if state.get(key) != value]
        if different:
            raise DataError(
                "the checkpoint is of another job",
                got="a different " + ", ".join(different),
                remedy="resume with the same text and options, or train without --resume",
            )
        for name, array in self._arrays().items():
            array[:] = arrays[name]
        self.task.trainer.seek(state["round"], float.fromhex(state["loss"]), state["pairs"])
        return [Epoch(*epoch) for epoch in state["history"]]
