"""The NumPy twin of the native trainer: the same training, one example group at a time, written to be read.

It draws the same random numbers and takes the same steps in the same order as ``native/``, in float64 where the
kernels have float32; the tests hold the two against each other. Papers are named in ``word2vec.py``.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from firth.static.task import Parts, Task

__all__ = ["Trainer", "random_at", "stream_key"]

Array = NDArray[np.float64]
Step = tuple[Array, Array, float]  # changes of the inputs, changes of the targets, loss

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
SUBSAMPLE, BLOCK, INIT = 1, 2, 3


# ---------------------------------------------------------------- random numbers
def mix(z: int) -> int:
    """SplitMix64's mixer (Steele, Lea and Flood 2014, figure 15)."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def stream_key(seed: int, stream: int, epoch: int) -> int:
    """Key of a stream of random numbers: no two uses of randomness share one."""
    return mix((mix((seed * _GOLDEN + stream) & _MASK) + epoch * _GOLDEN) & _MASK)


def random_at(key: int, place: int) -> int:
    """The 64-bit number at one place of a stream."""
    return mix((key + (place + 1) * _GOLDEN) & _MASK)


class Random:
    """The numbers of a stream one after the other."""

    def __init__(self, state: int) -> None:
        self.state = state & _MASK

    def next(self) -> int:
        """Return the next 64-bit number."""
        self.state = (self.state + _GOLDEN) & _MASK
        return mix(self.state)

    def below(self, n: int) -> int:
        """Return a number from 0 to n - 1."""
        return ((self.next() >> 32) * n) >> 32


# ---------------------------------------------------------------- gradients
# Each takes x, (n, dim) inputs, and y, (m, dim) targets, and returns what to add to them for a step of size `rate`
# against the gradient of a loss, with the loss itself.


def logistic_step(x: Array, y: Array, seen: Array, total: Array, rate: float) -> Step:
    """Logistic loss of pairs that were seen and pairs that were not: equation 4 of Mikolov et al. 2013b.

    With s = x y and sigma the logistic function, a seen pair costs ``-log sigma(s) = softplus(s) - s`` and any other
    ``-log sigma(-s) = softplus(s)``; so ``dloss/ds = total sigma(s) - seen``.

    Parameters
    ----------
    x : (n, dim)
    y : (m, dim)
    seen : (n, m)
        How often input n was seen with target m.
    total : (n, m)
        How often, or with what weight, the two meet at all.
    """
    s = x @ y.T
    loss = float((total * np.logaddexp(0.0, s) - seen * s).sum())
    e = rate * (seen - total / (1.0 + np.exp(-s)))
    return e @ y, e.T @ x, loss


def softmax_step(x: Array, y: Array, seen: Array, rate: float) -> Step:
    """Loss: ``-sum seen[n, m] log softmax(x y)[n, m]``, equation 2 of Mikolov et al. 2013b.

    Parameters
    ----------
    x : (n, dim)
    y : (n_words, dim)
    seen : (n, n_words)
        How often each pair was seen.
    """
    s = x @ y.T
    s = s - s.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    e = rate * (seen - seen.sum(axis=1, keepdims=True) * np.exp(logp))
    return e @ y, e.T @ x, float(-(seen * logp).sum())


# ---------------------------------------------------------------- blocks
@dataclasses.dataclass
class Block:
    """The kept words of a block of text, the windows of its centres, its noise words."""

    words: list[int]
    first: int
    last: int
    windows: list[list[int]]  # of each centre in [first, last): places of its context words
    pools: list[list[int]]  # noise words of each group
    rate: float


def read_block(task: Task, epoch: int, number: int) -> Block:
    """Subsample a block, with what its windows reach on both sides; draw its windows and its noise."""
    size, n = task.schedule.block_words, len(task.text.ids)
    low, high = number * size, min(n, (number + 1) * size)
    sentence_of = np.searchsorted(task.text.ends, np.arange(n), side="right")
    before = _some(_kept(task, epoch, range(low - 1, -1, -1)), task.window, sentence_of, sentence_of[low])[::-1]
    inside = list(_kept(task, epoch, range(low, high)))
    after = _some(_kept(task, epoch, range(high, n)), task.window, sentence_of, sentence_of[high - 1])
    tokens = before + inside + after
    words = [word for _, word in tokens]
    first, last = len(before), len(before) + len(inside)

    random = Random(stream_key(task.seed, BLOCK, epoch) + mix(number))
    windows = []
    for i in range(first, last):
        reach = 1 + random.below(task.window) if task.dynamic_window else task.window
        near = range(max(0, i - reach), min(len(tokens), i + reach + 1))
        windows.append([k for k in near if k != i and sentence_of[tokens[k][0]] == sentence_of[tokens[i][0]]])
    pools = []
    if task.loss == "negative":
        for _ in range(-(-(last - first) // task.schedule.group)):
            pools.append([_draw_noise(task, random) for _ in range(task.schedule.pool)])
    rate = max(task.last_rate, task.rate * (1 - (epoch + low / n) / task.epochs))
    return Block(words, first, last, windows, pools, rate)


def _kept(task: Task, epoch: int, places: range) -> Iterator[tuple[int, int]]:
    key = stream_key(task.seed, SUBSAMPLE, epoch)
    for i in places:
        word = int(task.text.ids[i])
        if task.text.row_of is not None:
            word = int(task.text.row_of[word])
        if 0 <= word < task.n_words and (
            task.keep[word] == 2**32 - 1 or random_at(key, i) >> 32 <= int(task.keep[word])
        ):
            yield i, word


def _some(
    tokens: Iterator[tuple[int, int]], most: int, sentence_of: NDArray[np.int64], sentence: int
) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for place, word in tokens:
        if len(found) == most or sentence_of[place] != sentence:
            break
        found.append((place, word))
    return found


def _draw_noise(task: Task, random: Random) -> int:
    if task.noise is None:
        raise ValueError("negative sampling needs a noise table")
    bits = random.next()
    column = ((bits >> 32) * task.n_words) >> 32
    return column if (bits & 0xFFFFFFFF) <= int(task.noise.keep[column]) else int(task.noise.other[column])


# ---------------------------------------------------------------- examples
class Examples:
    """The examples of one block, group by group, on matrices X (inputs) and Y (outputs) that they change."""

    def __init__(self, task: Task, block: Block, x: Array, y: Array) -> None:
        self.task, self.block, self.x, self.y = task, block, x, y
        self.loss, self.pairs = 0.0, 0

    def run(self) -> None:
        """Take every group's step, in order."""
        block, size = self.block, self.task.schedule.group
        for number, at in enumerate(range(block.first, block.last, size)):
            centres = [i for i in range(at, min(at + size, block.last)) if self.window(i)]
            if centres:
                self.group(centres, number)

    def window(self, centre: int) -> list[int]:
        """Places of the context words of the word at ``centre``."""
        return self.block.windows[centre - self.block.first]

    def group(self, centres: list[int], number: int) -> None:
        """Take one step for some centre words, all gradients at the parameters before it."""
        x, meets = self.skipgram_inputs(centres) if self.task.architecture == "skipgram" else self.cbow_inputs(centres)
        words = [self.block.words[i] for i in centres]
        if self.task.loss == "negative":
            dx = self.negative(x, meets, words, self.block.pools[number])
        elif self.task.loss == "hierarchical":
            dx = self.hierarchical(x, words[0])  # a group is one centre word here
        else:
            dx = self.softmax(x, meets, words)
        self.pairs += int(meets.sum())
        if self.task.update:
            self.update_inputs(centres, dx)

    def skipgram_inputs(self, centres: list[int]) -> tuple[Array, Array]:
        """Inputs: the vectors of all context words. ``meets[n, g]``: input n is in the window of centre g."""
        places = self.context(centres)
        meets = np.array([[float(place in self.window(g)) for g in centres] for place in places])
        return self.x[[self.block.words[place] for place in places]], meets

    def context(self, centres: list[int]) -> list[int]:
        """Places in the window of any of ``centres``."""
        return sorted({place for centre in centres for place in self.window(centre)})

    def cbow_inputs(self, centres: list[int]) -> tuple[Array, Array]:
        """Inputs: for each centre the mean or sum of its context words' vectors, which meets that centre alone."""
        rows = [self.x[[self.block.words[k] for k in self.window(g)]] for g in centres]
        hidden = [r.sum(0) if self.task.context == "sum" else r.mean(0) for r in rows]
        return np.array(hidden), np.eye(len(centres))

    def negative(self, x: Array, meets: Array, words: list[int], pool: list[int]) -> Array:
        """Each seen pair weighs 1; each of its noise words ``negative / pool``, or 0 where it is the centre word."""
        allowed = np.array([[float(noise != word) for noise in pool] for word in words])
        noise = self.task.negative / len(pool) * (meets @ allowed)
        seen, total = np.hstack([meets, np.zeros_like(noise)]), np.hstack([meets, noise])
        targets = words + pool
        return self.step(logistic_step(x, self.y[targets], seen, total, self.block.rate), targets)

    def hierarchical(self, x: Array, word: int) -> Array:
        """At every inner node of the centre word's path a choice: left (code 0) is what sigma(x y) stands for."""
        if self.task.tree is None:
            raise ValueError("the hierarchical softmax needs a tree")
        first, node, code = self.task.tree
        path = slice(first[word], first[word + 1])
        total = np.ones((len(x), first[word + 1] - first[word]))
        step = logistic_step(x, self.y[node[path]], total * (code[path] == 0), total, self.block.rate)
        return self.step(step, node[path].tolist())

    def softmax(self, x: Array, meets: Array, words: list[int]) -> Array:
        """Every word is a target."""
        seen = np.zeros((len(x), len(self.y)))
        for g, word in enumerate(words):
            seen[:, word] += meets[:, g]
        return self.step(softmax_step(x, self.y, seen, self.block.rate), list(range(len(self.y))))

    def step(self, step: Step, targets: list[int]) -> Array:
        """Add the changes of the targets; a row that stands twice gets both."""
        dx, dy, loss = step
        self.loss += loss
        if self.task.update:
            np.add.at(self.y, targets, dy)
        return dx

    def update_inputs(self, centres: list[int], dx: Array) -> None:
        """Add the changes of the context words: their own, or their share of each hidden vector's."""
        rows, changes = [], []
        if self.task.architecture == "skipgram":
            rows, changes = [self.block.words[place] for place in self.context(centres)], list(dx)
        else:
            for g, change in zip(centres, dx, strict=True):
                share = 1.0 / len(self.window(g)) if self.task.context == "mean" else 1.0
                rows += [self.block.words[k] for k in self.window(g)]
                changes += [share * change] * len(self.window(g))
        for row, change in zip(rows, changes, strict=True):
            if self.task.frozen is None or not self.task.frozen[row]:
                self.x[row] += change


# ---------------------------------------------------------------- rounds
class Trainer:
    """Trains a task round by round; the same interface as the native trainer (``loop.Rounds``)."""

    def __init__(self, task: Task) -> None:
        self.task = task
        dim = task.model.dim
        self.x = task.model.input[:, :dim].astype(np.float64)
        self.y = task.model.output[:, :dim].astype(np.float64)
        self.blocks = -(-len(task.text.ids) // task.schedule.block_words)
        self.rounds_per_epoch = -(-self.blocks // task.schedule.blocks_per_round)
        self.round, self.loss, self.pairs = 0, 0.0, 0

    def seek(self, round: int, loss: float, pairs: int) -> None:
        """Go on from another place."""
        self.__init__(self.task)  # type: ignore[misc]
        self.round, self.loss, self.pairs = round, loss, pairs

    def run(self, count: int, threads: int) -> None:
        """Train ``count`` rounds; ``threads`` is ignored."""
        del threads
        for _ in range(count):
            if self.round % self.rounds_per_epoch == 0:
                self.loss, self.pairs = 0.0, 0
            self._round()
            self.round += 1
        self.task.model.input[:, : self.task.model.dim] = self.x
        self.task.model.output[:, : self.task.model.dim] = self.y

    def _round(self) -> None:
        """Every block works on its own copy; what several did to a row is added, as far as they agree."""
        epoch, within = divmod(self.round, self.rounds_per_epoch)
        width = self.task.schedule.blocks_per_round
        numbers = range(within * width, min((within + 1) * width, self.blocks))
        blocks = [read_block(self.task, epoch, number) for number in numbers]
        pull = self.task.schedule.pull * blocks[0].rate
        uses = [_uses(self.task, block) for block in blocks]
        start = self.x if self.task.parts is None else composed(self.x, self.task.parts)
        changes = [np.zeros_like(start), np.zeros_like(self.y)]
        for block in blocks:
            examples = Examples(self.task, block, start.copy(), self.y.copy())
            examples.run()
            self.loss, self.pairs = self.loss + examples.loss, self.pairs + examples.pairs
            changes[0] += examples.x - start
            changes[1] += examples.y - self.y
        for part, change in enumerate(changes):
            times = np.array([use[part] for use in uses])
            change *= agreement((times > 0).sum(0), times.sum(0), pull)[:, None]
        self.y += changes[1]
        if self.task.parts is None:
            self.x += changes[0]
        else:
            self._spread(changes[0], np.array([use[0] for use in uses]).sum(0), pull)

    def _spread(self, change: Array, uses: NDArray[np.int64], pull: float) -> None:
        """Give every row of a word the word's change; words that share a row did not see each other's of this round.

        ``change``, (n_words, dim), is what the blocks agree on; each word's counts as one of the k changes of a row.
        """
        parts = self.task.parts
        if parts is None:
            raise ValueError("these inputs are not composed")
        sums, times, of_words = np.zeros_like(self.x), np.zeros(len(self.x), np.int64), np.zeros(len(self.x), np.int64)
        for word in np.flatnonzero(uses):
            for row in parts.row[parts.first[word] : parts.first[word + 1]]:  # a row may stand twice
                sums[row] += change[word]
                times[row] += 1
                of_words[row] += uses[word]
        self.x += agreement(times, of_words, pull)[:, None] * sums


def composed(rows: Array, parts: Parts) -> Array:
    """Vectors of words, each the mean of its rows: equation 2 of Bojanowski et al. 2017, with a mean for the sum."""
    return np.array([rows[parts.row[a:b]].mean(0) for a, b in itertools.pairwise(parts.first)])


def agreement(blocks: NDArray[np.int64], uses: NDArray[np.int64] | Array, pull: float) -> Array:
    """Scale of the summed changes of rows that several blocks changed from the same frozen point.

    If a use takes a row the share ``pull / (1 + pull)`` of the way to where its neighbours pull it, u uses leave
    ``r = 1 / (1 + pull u)`` of the way, and k such blocks one after the other ``r**k``; their changes, each made from
    the start, add up to ``k (1 - r)``. The scale is ``(1 - r**k) / (k (1 - r))``: 1 where little is moved, the mean
    (1 / k) where each block alone goes all the way.

    Parameters
    ----------
    blocks, uses : ndarray, shape (n_rows,)
        Blocks that use each row, and their uses of it together.
    pull : float

    Examples
    --------
    >>> agreement(np.array([1, 4, 4]), np.array([9, 4, 4000]), pull=0.01).round(3)
    array([1.   , 0.985, 0.275])
    """
    k = np.maximum(blocks, 1)
    left = 1.0 / (1.0 + pull * uses / k)
    gone = np.where(uses > 0, 1.0 - left, 1.0)
    scale: Array = np.where(uses > 0, (1.0 - left**k) / (k * gone), 1.0)
    return scale


def _uses(task: Task, block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often a block asks for each row of X and of Y, whether or not it changes them."""
    centres = block.words[block.first : block.last]
    outputs = list(centres)
    if task.loss == "negative":
        outputs += [word for pool in block.pools for word in pool]
    elif task.tree is not None:
        first, node, _ = task.tree
        outputs = [int(k) for word in centres for k in node[first[word] : first[word + 1]]]
    rows = (task.n_words, len(task.model.output))
    asked = (block.words, outputs)
    x, y = (np.bincount(np.array(a, np.int64), minlength=n) for a, n in zip(asked, rows, strict=True))
    return x, y
