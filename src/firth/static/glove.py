"""GloVe: vectors whose products are the logarithms of co-occurrence counts.

Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation". ``docs/glove.md`` teaches the
model and its equations; ``docs/decisions/0402-tiled-glove.md`` tells how it is trained on several threads.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firth import _core
from firth.config import Config, option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Event, Listener, Notice
from firth.protocols import Float32
from firth.static.cooccurrence import Cooc, CooccurrenceMatrix
from firth.static.cooccurrence import train as count
from firth.static.loop import Epoch, Job, cpu_threads, run
from firth.static.probes import prober
from firth.static.records import Records, width_of
from firth.static.state import Keeper
from firth.static.tiles import Plan, Tiles, cut, plan_for
from firth.vectors.static import Vectors

__all__ = ["TAKES", "GloVe", "Trained", "train"]

TAKES = (CooccurrenceMatrix,)  # in the place of a text
_COUNTING = ("window", "sides", "weights", "min_count", "max_vocab")
_MB = 1 << 20


@dataclasses.dataclass(frozen=True)
class GloVe(Config):
    """Options of GloVe.

    Examples
    --------
    >>> GloVe(dim=50).window
    15
    """

    dim: int = option(100, "length of the vectors", minimum=1, maximum=100_000)
    window: int = option(15, "context words on each side; 0 takes the whole sentence", minimum=0, maximum=10_000)
    sides: str = option("both", "which side of a word its context is on", choices=("both", "left", "right"))
    weights: str = option(
        "harmonic",
        "a word d places away adds 1/d, 1, or (window + 1 - d) / window",
        choices=("harmonic", "flat", "linear"),
    )
    min_count: int = option(5, "drop words that occur less often", minimum=1)
    max_vocab: int | None = option(None, "keep at most so many words, the most frequent", minimum=1)
    x_max: float = option(
        10.0, "pairs seen so often or more weigh 1; 100 for texts of a billion words", minimum=1e-6, maximum=1e30
    )
    alpha: float = option(0.75, "power of the weighting function below x_max", minimum=0, maximum=10)
    epochs: int = option(15, "passes over the co-occurrences", minimum=1, maximum=1_000_000)
    rate: float = option(0.05, "learning rate of AdaGrad", minimum=0, maximum=100)
    vectors: str = option(
        "sum", "word vectors, context vectors (output), or their sum", choices=("sum", "input", "output")
    )
    memory: int = option(4096, "MB of memory to use; what has no room goes to a temporary file", minimum=16)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def counting(self) -> Cooc:
        """Return the options of counting among these."""
        given = {name: getattr(self, name) for name in (*_COUNTING, "memory", "seed")}
        return Cooc(**given)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    vectors : Vectors
        With counts; with the context vectors as output vectors where they were asked for.
    config : GloVe
    losses : tuple of float
        Mean of f(x) (w·w~ + b + b~ - log x)^2 / 2 over all pairs, in each epoch, each pair just before its step.
    seconds : float
        Time spent training (in this run), without counting.
    biases : pair of ndarray of float32, shape (n_words,) each, or None
        b and b~, where they were asked for.
    """

    vectors: Vectors
    config: GloVe
    losses: tuple[float, ...]
    seconds: float
    biases: tuple[Float32, Float32] | None = None

    @property
    def output(self) -> Float32 | None:
        """The context vectors, shape (n_words, dim), or None where they were not kept."""
        return self.vectors.output


def train(
    data: Any,
    config: GloVe | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    probes: Sequence[str] = (),
    checkpoint: str | Path | None = None,
    resume: bool = False,
    keep_output: bool = False,
    keep_biases: bool = False,
    backend: str = "native",
) -> Trained:
    """Train GloVe on ``data``.

    Parameters
    ----------
    data : CooccurrenceMatrix, Corpus, path, list of paths, or iterable of str or token lists
        Counts, or a text to count; what is no corpus is read by :func:`firth.text.corpus.as_corpus` with its defaults.
    config : GloVe, optional
        Where ``data`` are counts, the options of counting say nothing.
    threads : int, optional
        All processors by default. The result depends neither on it nor on ``memory``.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    probes : sequence of str
        Words whose nearest neighbours are told after every epoch.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin. A text is
        counted again.
    keep_output : bool
        Keep the context vectors w~ in the result.
    keep_biases : bool
        Keep the biases in the result.
    backend : {"native", "reference"}
        ``reference`` runs the NumPy twin: slow, single-threaded, written to be read.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, a checkpoint is of another job, no pair is left, or training diverges.

    Examples
    --------
    >>> text = ["the cat sat on the mat", "the dog sat on the rug"] * 50
    >>> model = train(text, GloVe(dim=8, min_count=1, epochs=2), threads=1)
    >>> model.vectors["cat"].shape
    (8,)
    """
    config = config or GloVe()
    tell = listen or _ignore
    workers = cpu_threads(threads)
    counts = _counts(data, config, threads=threads, listen=tell)
    plan = plan_for(np.diff(counts.indptr), width_of(config.dim), config.seed)
    tiles = cut(
        counts,
        plan,
        x_max=config.x_max,
        alpha=config.alpha,
        threads=workers,
        room=_room_left(counts, config),
    )
    model = Records.start(plan, config.dim, config.seed)
    facts = _facts(data, counts, config, plan, kept=checkpoint is not None)
    about = _About.of(counts, config)
    del counts, data  # the tiles are all that training reads
    keeper = Keeper(checkpoint, config, {"rows": model.rows, "columns": model.columns}, facts)
    trainer, history = keeper.start(_trainer(tiles, model, config, backend), resume=resume, listen=tell)
    job = Job(
        rounds=trainer,
        epochs=config.epochs,
        words=about.n_text_words,
        rate=lambda done: config.rate,
        threads=workers,
        listen=tell,
        save=(lambda epochs: keeper.save(trainer, epochs)) if checkpoint is not None else None,
        probe=prober(about.words, probes, lambda: model.vectors(config.vectors), tell),
        remedy="lower --rate",
    )
    seconds = run(job, history)
    return _result(about, model, config, history, seconds=seconds, output=keep_output, biases=keep_biases)


def _ignore(event: Event) -> None:
    """Tell nobody."""


def _options(config: GloVe) -> dict[str, Any]:
    return {name: value for name, value in to_dict(config).items() if name != "memory"}  # it changes nothing


# ---------------------------------------------------------------- what is trained on
def _counts(data: Any, config: GloVe, *, threads: int | None, listen: Listener) -> CooccurrenceMatrix:
    if isinstance(data, CooccurrenceMatrix):
        plain = GloVe()
        unused = [name for name in _COUNTING if getattr(config, name) != getattr(plain, name)]
        if unused:
            listen(Notice(f"the co-occurrences are counted already: {', '.join(unused)} of GloVe say nothing"))
        counts = data
    else:
        counts = count(data, config.counting(), threads=threads, listen=listen).model
    if len(counts.indices) == 0:
        raise DataError(
            "no word stands near another: there is nothing to train on",
            got=f"{len(counts.words):,} words, 0 pairs",
            remedy="give more text, lower --min-count, or widen the window",
        )
    return counts


def _room_left(counts: CooccurrenceMatrix, config: GloVe) -> int:
    """Bytes that the budget leaves for the entries beside the counts, where these are in memory, and the parameters."""
    parts = (counts.indices, counts.values)
    counted = sum(part.nbytes for part in parts if not isinstance(_owner(part), np.memmap | memoryview))
    parameters = 2 * 2 * 4 * width_of(config.dim) * len(counts.words)
    return config.memory * _MB - counted - parameters


def _owner(array: Any) -> Any:
    while isinstance(array, np.ndarray) and not isinstance(array, np.memmap) and array.base is not None:
        array = array.base
    return array


def _facts(data: Any, counts: CooccurrenceMatrix, config: GloVe, plan: Plan, *, kept: bool) -> dict[str, Any]:
    """What makes this job what it is: given counts by their digest, those of a text by the text's, with the options."""
    digest = counts.metadata.get("corpus")
    if isinstance(data, CooccurrenceMatrix) and kept:
        hashed = hashlib.blake2b(digest_size=16)
        hashed.update("\n".join(counts.words).encode("utf-8", "surrogateescape"))
        for array in (counts.indptr, counts.indices, counts.values):
            content: Any = np.ascontiguousarray(array)
            hashed.update(memoryview(content).cast("B"))
        digest = hashed.hexdigest()
    cut_up = {"blocks": plan.blocks, "stripe": plan.stripe, "run": plan.run}
    return {"options": _options(config), "corpus": digest, "schedule": cut_up, "start": ""}


@dataclasses.dataclass(frozen=True)
class _About:
    """What the result says of the counts, which are not kept while training."""

    words: Any
    counts: Any
    n_text_words: int
    metadata: dict[str, Any]

    @classmethod
    def of(cls, counts: CooccurrenceMatrix, config: GloVe) -> _About:
        metadata = {
            "model": "glove",
            "options": _options(config),
            "seed": config.seed,
            "cpu_level": _core.cpu_level(),
            "counting": counts.metadata.get("options"),
            **{name: counts.metadata[name] for name in ("corpus", "tokenizer") if name in counts.metadata},
        }
        return cls(counts.words, counts.counts, max(int(counts.counts.sum()), 1), metadata)


# ---------------------------------------------------------------- training
def _trainer(tiles: Tiles, model: Records, config: GloVe, backend: str) -> Any:
    if backend == "reference":
        from firth.static.glove_reference import Trainer

        return Trainer(tiles, model, config.rate, config.seed)
    if backend != "native":
        raise ConfigError("there is no such backend", got=backend, expected="native or reference")
    return _core.GloveTrainer(
        tiles.entries.view(np.uint8), tiles.begin, tiles.plan.first, model.rows, model.columns, config.rate, config.seed
    )


def _result(
    about: _About, model: Records, config: GloVe, history: list[Epoch], *, seconds: float, output: bool, biases: bool
) -> Trained:
    vectors = Vectors(
        about.words,
        model.vectors(config.vectors),
        counts=about.counts,
        output=model.vectors("output") if output else None,
        metadata=about.metadata,
    )
    losses = tuple(epoch.loss for epoch in history)
    return Trained(vectors, config, losses, seconds, model.biases() if biases else None)
