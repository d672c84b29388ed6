"""All that a static trainer reads, gathered from text, options and start vectors: the same for kernel and twin."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.protocols import Float32
from firth.static.sampling import AliasTable, Tree

__all__ = ["PAD", "Model", "Parts", "Schedule", "Task", "Text", "aligned_rows", "compact", "padded"]

PAD = 16  # numbers; a row of the native matrices is padded with zeros to a multiple of it

ARCHITECTURES = ("skipgram", "cbow")
LOSSES = ("negative", "hierarchical", "softmax")
CONTEXTS = ("mean", "sum", "historic")


@dataclasses.dataclass(frozen=True)
class Text:
    """Words as rows of the model.

    Attributes
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        Types of a corpus.
    ends : ndarray of int64, shape (n_sentences,)
        Exclusive end of each sentence in ``ids``.
    row_of : ndarray of int32, shape (n_types,), or None
        From types to rows of the model, -1 where the reader drops the word; None where type i is row i and types
        from ``n_words`` on are dropped.
    """

    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    row_of: NDArray[np.int32] | None = None


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How the corpus is cut up. The cut is part of the result: the same for any number of threads.

    Attributes
    ----------
    block_words : int
        Words of the text in a block.
    blocks_per_round : int
        Blocks that work side by side, on parameters frozen at the start of their round.
    group : int
        Consecutive centre words in one gradient step.
    pool : int
        Noise words that the centres of a group share.
    pull : float
        How far one use moves a row towards where its neighbours pull it, for each unit of the learning rate: what
        the changes of blocks that touched the same row are weighed by.
    """

    block_words: int = 512
    blocks_per_round: int = 8
    group: int = 8
    pool: int = 8
    pull: float = 10.0

    @staticmethod
    def fit(
        n_tokens: int, n_words: int, rate: float, *, window: int, negative: int, cbow: bool, composed: bool
    ) -> Schedule:
        """Return the schedule for a text.

        A short text takes smaller rounds, so that an epoch has 64 or more; a small vocabulary smaller groups, since
        the same few rows would else take many steps at once at frozen parameters, which is a larger learning rate.
        For the same reason a noise word takes no more than one unit of rate times pairs in a step. CBOW has one
        example for a centre word where skip-gram has several, and needs more noise words beside it. Where words are
        composed of several rows, most of the work is done once for each word of a round: rounds are longer.
        """
        plain = Schedule(block_words=1024) if composed else Schedule()
        blocks = -(-n_tokens // plain.block_words)
        pool = max(plain.pool * 3 // 2 if cbow else plain.pool, negative)
        pairs = (1 if cbow else window + 1) * negative / pool  # that a noise word meets, for each centre word
        return dataclasses.replace(
            plain,
            blocks_per_round=min(max(blocks // 64, 1), plain.blocks_per_round),
            group=max(min(n_words // 100, plain.group, int(1 / max(rate * pairs, 1e-9))), 1),
            pool=pool,
            pull=float(window if cbow else 2 * window),
        )


@dataclasses.dataclass(frozen=True)
class Model:
    """The two matrices in training, rows padded to a multiple of ``PAD``; ``[:, :dim]`` holds the numbers."""

    input: Float32
    output: Float32
    dim: int


@dataclasses.dataclass(frozen=True)
class Parts:
    """Rows that words are composed of: word i's are ``row[first[i] : first[i + 1]]``, its own first.

    Attributes
    ----------
    first : ndarray of int64, shape (n_words + 1,)
    row : ndarray of int32
        Rows of the input matrix; those of words come before those of n-grams.
    """

    first: NDArray[np.int64]
    row: NDArray[np.int32]


@dataclasses.dataclass(frozen=True)
class Task:
    """One training job, ready to run: see ``native/word2vec.h`` for the same in C++."""

    text: Text
    model: Model
    n_words: int
    keep: NDArray[np.uint32]
    noise: AliasTable | None
    tree: Tree | None
    frozen: NDArray[np.uint8] | None
    architecture: str
    loss: str
    context: str
    window: int
    dynamic_window: bool
    negative: int
    epochs: int
    rate: float
    seed: int
    deterministic: bool
    schedule: Schedule
    update: bool = True
    parts: Parts | None = None

    @property
    def last_rate(self) -> float:
        """Floor of the learning rate: a ten-thousandth of its start, as in word2vec.c."""
        return self.rate * 1e-4

    def word_vectors(self) -> Float32:
        """Return the vectors of the words as they are, with their padding, shape (n_words, padded(dim))."""
        if self.parts is None:
            return self.model.input
        found = np.empty((self.n_words, self.model.input.shape[1]), np.float32)
        first, step = self.parts.first, 4096
        for start in range(0, self.n_words, step):
            bounds = first[start : start + step + 1]
            rows = self.model.input[self.parts.row[bounds[0] : bounds[-1]]]
            sums = np.add.reduceat(rows, bounds[:-1] - bounds[0], axis=0)
            found[start : start + step] = sums / np.diff(bounds)[:, None].astype(np.float32)
        return found

    def native(self) -> _core.Word2VecTrainer:
        """Return the native trainer of this task."""
        noise, tree = self.noise, self.tree
        values: dict[str, Any] = {
            **dataclasses.asdict(self.schedule),
            "ids": self.text.ids,
            "ends": self.text.ends,
            "row_of": self.text.row_of,
            "n_words": self.n_words,
            "keep": self.keep,
            "input": self.model.input,
            "output": self.model.output,
            "dim": self.model.dim,
            "n_outputs": len(self.model.output),
            "part_first": self.parts.first if self.parts else None,
            "part_row": self.parts.row if self.parts else None,
            "frozen": self.frozen,
            "architecture": ARCHITECTURES.index(self.architecture),
            "loss": LOSSES.index(self.loss),
            "context": CONTEXTS.index(self.context),
            "noise_keep": noise.keep if noise else None,
            "noise_other": noise.other if noise else None,
            "path_first": tree.first if tree else None,
            "path_node": tree.node if tree else None,
            "path_code": np.append(tree.code, np.zeros(3, np.uint8)) if tree else None,  # read in fours
        }
        for name in ("window", "dynamic_window", "negative", "epochs", "rate", "seed", "deterministic", "update"):
            values[name] = getattr(self, name)
        return _core.Word2VecTrainer({**values, "last_rate": self.last_rate})


def padded(dim: int) -> int:
    """Return ``dim`` rounded up to whole native rows."""
    return -(-dim // PAD) * PAD


def aligned_rows(n: int, dim: int) -> Float32:
    """Return zeros of shape ``(n, padded(dim))`` that begin on a 64-byte boundary."""
    stride = padded(dim)
    room = np.zeros(n * stride + PAD, np.float32)
    start = -room.ctypes.data // 4 % PAD
    return room[start : start + n * stride].reshape(n, stride)


def compact(rows: Float32, dim: int) -> Float32:
    """Take the padding out of ``rows``, in place, and return the matrix of shape ``(n, dim)``; ``rows`` is spent."""
    if rows.shape[1] == dim:
        return rows
    flat, step = rows.reshape(-1), 4096
    for start in range(0, len(rows), step):
        block = rows[start : start + step, :dim].copy()
        flat[start * dim : start * dim + block.size] = block.reshape(-1)
    return flat[: len(rows) * dim].reshape(len(rows), dim)
