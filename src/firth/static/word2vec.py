"""word2vec: skip-gram and CBOW with full softmax, hierarchical softmax or negative sampling.

Mikolov, Chen, Corrado and Dean 2013a, "Efficient Estimation of Word Representations in Vector Space"
(arXiv 1301.3781); Mikolov, Sutskever, Chen, Corrado and Dean 2013b, "Distributed Representations of Words and Phrases
and their Compositionality" (arXiv 1310.4546). ``docs/word2vec.md`` teaches the model and its equations.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from firth.config import Config, option
from firth.errors import ConfigError
from firth.events import Event, Listener, Notice
from firth.protocols import Float32
from firth.static.build import Built, build_task, heldout_task
from firth.static.loop import Epoch, Job, cpu_threads, run
from firth.static.probes import prober
from firth.static.state import Keeper, facts_of
from firth.static.task import ARCHITECTURES, CONTEXTS, LOSSES, compact
from firth.text.corpus import Corpus, as_corpus
from firth.vectors.static import Vectors

__all__ = ["Trained", "Word2Vec", "ignore", "run_job", "train"]

_HELDOUT_ROUNDS = 64


@dataclasses.dataclass(frozen=True)
class Word2Vec(Config):
    """Options of word2vec.

    Examples
    --------
    >>> Word2Vec(dim=50, window=3).negative
    5
    """

    architecture: str = option(
        "skipgram", "predict the context from the centre word, or the reverse", choices=ARCHITECTURES
    )
    loss: str = option("negative", "negative sampling, hierarchical softmax or full softmax", choices=LOSSES)
    dim: int = option(100, "length of the vectors", minimum=1, maximum=100_000)
    window: int = option(5, "context words on each side, at most", minimum=1, maximum=10_000)
    dynamic_window: bool = option(True, "draw each window's size evenly from 1 to window")
    negative: int = option(5, "noise words for each seen pair", minimum=1, maximum=1000)
    exponent: float = option(0.75, "power of the counts in the noise distribution", minimum=-10, maximum=10)
    sample: float = option(1e-3, "threshold of subsampling; 0 keeps every word", minimum=0, maximum=1)
    min_count: int = option(5, "drop words that occur less often", minimum=1)
    max_vocab: int | None = option(None, "keep at most so many words, the most frequent", minimum=1)
    epochs: int = option(5, "passes over the text", minimum=1, maximum=1_000_000)
    rate: float | None = option(
        None, "learning rate at the start; 0.025, for CBOW 0.05, for its mean form 0.15", minimum=0, maximum=100
    )
    cbow: str = option("mean", "CBOW's hidden vector; historic: the mean with word2vec.c's gradient", choices=CONTEXTS)
    tree: str = option("huffman", "tree of the hierarchical softmax", choices=("huffman", "balanced"))
    deterministic: bool = option(True, "the same bytes on any number of threads")
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    @property
    def start_rate(self) -> float:
        """The learning rate at the start, with the architecture's default filled in."""
        if self.rate is not None:
            return self.rate
        if self.architecture == "skipgram":
            return 0.025
        return 0.15 if self.cbow == "mean" else 0.05  # see docs/decisions/0003-rate-of-cbow.md


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    vectors : Vectors
        The input vectors, with counts; with the output vectors too where they were asked for.
    config : Word2Vec
    losses : tuple of float
        Mean loss of a training example in each epoch.
    heldout : tuple of float or None
        The same on the held-out text, after each epoch.
    seconds : float
        Time spent training (in this run), without reading the text.
    nodes : ndarray, shape (n_words - 1, dim), or None
        The inner nodes of the tree, where output vectors were asked for under the hierarchical softmax.
    positions : ndarray, shape (2 window + 1, dim), or None
        fastText's weights of the places around the centre word, where they were trained.
    """

    vectors: Vectors
    config: Word2Vec
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    seconds: float
    nodes: Float32 | None = None
    positions: Float32 | None = None

    @property
    def output(self) -> Float32 | None:
        """The output vectors, shape (n_words, dim), or None where they were not kept."""
        return self.vectors.output


def train(
    data: Any,
    config: Word2Vec | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Any = None,
    probes: Sequence[str] = (),
    checkpoint: str | Path | None = None,
    resume: bool = False,
    init: Vectors | None = None,
    freeze: bool = False,
    keep_output: bool = False,
    noise: ArrayLike | None = None,
    backend: str = "native",
) -> Trained:
    """Train word2vec on ``data``.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
        The text; what is no corpus is read by :func:`firth.text.corpus.as_corpus` with its defaults.
    config : Word2Vec, optional
    threads : int, optional
        All processors by default. The result does not depend on it (unless ``deterministic=False``).
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    heldout : like ``data``, optional
        A text that is not trained on; its mean loss is told after every epoch.
    probes : sequence of str
        Words whose nearest neighbours are told after every epoch.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin.
    init : Vectors, optional
        Vectors to go on from. Their words keep their order, new words of the text follow.
    freeze : bool
        Leave the vectors of ``init`` as they are and train only those of new words.
    keep_output : bool
        Keep the output vectors (the second matrix) in the result.
    noise : array-like, shape (n_words,), optional
        Weights of the noise words, in the place of counts to the power of ``exponent``.
    backend : {"native", "reference"}
        ``reference`` runs the NumPy twin: slow, single-threaded, written to be read.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, a checkpoint is of another job, or no word is left after the cut.

    Examples
    --------
    >>> text = ["the cat sat on the mat", "the dog sat on the rug"] * 50
    >>> model = train(text, Word2Vec(dim=8, min_count=1, epochs=2), threads=1)
    >>> model.vectors["cat"].shape
    (8,)
    """
    config = config or Word2Vec()
    tell = listen or ignore
    if freeze and init is None:
        raise ConfigError("freeze needs vectors to start from", remedy="give init, or leave freeze out")
    corpus = as_corpus(data, threads=threads, listen=listen)
    built = build_task(corpus, config, init=init, freeze=freeze, noise=noise)
    if config.loss == "hierarchical" and init is not None:
        tell(Notice("the inner nodes of the tree begin anew: a model does not keep them"))
    history, seconds = run_job(
        built, config, corpus, threads=threads, tell=tell, heldout=heldout, probes=probes, checkpoint=checkpoint,
        resume=resume, backend=backend,
    )  # fmt: skip
    model = built.task.model
    kept = compact(model.output, model.dim) if keep_output else None
    tree = config.loss == "hierarchical"
    vectors = Vectors(
        built.words,
        compact(model.input, model.dim),
        counts=built.counts,
        output=None if tree else kept,
        metadata=built.describe(config, corpus),
    )
    return Trained(
        vectors=vectors,
        config=config,
        losses=tuple(epoch.loss for epoch in history),
        heldout=tuple(epoch.heldout for epoch in history),
        seconds=seconds,
        nodes=kept[: max(len(built.words) - 1, 0)] if tree and kept is not None else None,
    )


def run_job(
    built: Built,
    config: Word2Vec,
    corpus: Corpus,
    *,
    threads: int | None,
    tell: Listener,
    heldout: Any,
    probes: Sequence[str],
    checkpoint: str | Path | None,
    resume: bool,
    backend: str,
) -> tuple[list[Epoch], float]:
    """Train a task to its end, in its matrices; return what is kept of the epochs, and the seconds of training."""
    workers = cpu_threads(threads)
    for message in built.notices:
        tell(Notice(message))
    facts = facts_of(built, corpus.digest, kept=checkpoint is not None)
    keeper = Keeper(checkpoint, config, built.task.model.arrays(), facts)
    trainer, history = keeper.start(_trainer(built, backend), resume=resume, listen=tell)
    job = Job(
        rounds=trainer,
        epochs=config.epochs,
        words=built.n_text_words,
        rate=lambda done: max(built.task.last_rate, built.task.rate * (1 - done)),
        threads=workers,
        listen=tell,
        save=(lambda epochs: keeper.save(trainer, epochs)) if checkpoint is not None else None,
        heldout=_heldout_loss(heldout, built, workers, tell),
        probe=prober(built.words, probes, built.task.word_vectors, tell),
    )
    return history, run(job, history)


def ignore(event: Event) -> None:
    """Tell nobody."""


def _trainer(built: Built, backend: str) -> Any:
    if backend == "native":
        return built.task.native()
    if backend == "reference":
        from firth.static.reference import Trainer

        return Trainer(built.task)
    raise ConfigError("there is no such backend", got=backend, expected="native or reference")


def _heldout_loss(heldout: Any, built: Built, threads: int, tell: Listener) -> Any:
    if heldout is None:
        return None
    task = heldout_task(built, as_corpus(heldout, threads=threads, listen=tell), tell)

    def mean_loss() -> float:
        trainer = task.native()
        while trainer.round < trainer.rounds_per_epoch:  # in slices, so that Ctrl-C is heard between them
            trainer.run(min(_HELDOUT_ROUNDS, trainer.rounds_per_epoch - trainer.round), threads)
        return trainer.loss / max(trainer.pairs, 1)

    return mean_loss
