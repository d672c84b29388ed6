"""Training fastText's classifier on labelled lines.

Joulin, Grave, Bojanowski and Mikolov 2017, "Bag of Tricks for Efficient Text Classification" (arXiv 1607.01759).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from firth import _core, checkpoint
from firth.config import Config, option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.static.loop import Epoch, Job, cpu_threads, run
from firth.tasks.fasttext import LOSSES, FastTextClassifier
from firth.tasks.fasttext_data import LabelledLines, check_prefix
from firth.tasks.fasttext_task import Task
from firth.vectors.static import Vectors

__all__ = ["FastTextClassify", "Trained", "train"]


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
    task = Task(lines, config, init, workers)
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


class _Keeper:
    """Checkpoints: the matrices, the trainer's place, and proof that the job is the same."""

    def __init__(self, folder: str | Path | None, task: Task, digest: str) -> None:
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
        found = checkpoint.resumed(self.folder, resume=resume, listen=listen)
        if found is None:
            return []
        arrays, state = found
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
