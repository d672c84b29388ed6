"""What ``native/labelled``, ``documents``, ``supervised`` and ``classify`` do, in NumPy: written to be read, and the
oracle of their tests. Plain gradient descent in float64, one document after another.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firth.static.reference import Random, random_at, stream_key
from firth.static.sampling import alias_table
from firth.tasks.fasttext_train import FastTextClassify

__all__ = ["Example", "Reference", "fnv", "huffman", "line_buckets", "word_buckets"]

Array = NDArray[np.float64]
_INIT, _ORDER, _DOCUMENT = 3, 4, 5
_END = "</s>"


def fnv(text: str) -> int:
    """FNV-1a of 32 bits with bytes as signed numbers, as fastText has it."""
    value = 2166136261
    for byte in text.encode("utf-8", "surrogateescape"):
        value = ((value ^ (byte | (0xFFFFFF00 if byte > 127 else 0))) * 16777619) & 0xFFFFFFFF
    return value


def word_buckets(word: str, config: FastTextClassify) -> list[int]:
    """Buckets of the character n-grams of ``<word>``."""
    framed = f"<{word}>"
    return [
        fnv(framed[first : first + n]) % config.buckets
        for first in range(len(framed))
        for n in range(config.minn, config.maxn + 1)
        if word != _END and first + n <= len(framed) and not (n == 1 and first in (0, len(framed) - 1))
    ]


def line_buckets(tokens: Sequence[str], config: FastTextClassify) -> list[int]:
    """Buckets of the word n-grams of a line."""
    signed = [value - (1 << 32) if (value := fnv(token)) >= 1 << 31 else value for token in tokens]
    found = []
    for first in range(len(signed)):
        hashed = signed[first]
        for following in signed[first + 1 : first + config.word_ngrams]:
            hashed = (hashed * 116049371 + following) % (1 << 64)
            found.append(hashed % config.buckets)
    return found


@dataclasses.dataclass(frozen=True)
class Example:
    """One line: its features, a bucket as ``-1 - bucket``, and its labels."""

    features: list[int]
    labels: list[int]


def huffman(counts: Sequence[int]) -> tuple[list[list[int]], list[list[int]]]:
    """Return the path of every label from its leaf to the root, as nodes and as turns (1: right).

    Leaves and inner nodes wait in two queues, the rarest first; of equal ones the inner node is taken.
    """
    n = len(counts)
    leaves, inner = list(range(n - 1, -1, -1)), list[int]()
    weight, parent, right = list(counts), dict[int, int](), dict[int, int]()
    for node in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            leaf = bool(leaves) and (not inner or weight[leaves[0]] < weight[inner[0]])
            pair.append((leaves if leaf else inner).pop(0))
        weight.append(weight[pair[0]] + weight[pair[1]])
        inner.append(node)
        for turn, child in enumerate(pair):
            parent[child], right[child] = node, turn
    nodes, turns = [], []
    for leaf_ in range(n):
        at, path, code = leaf_, [], []
        while at in parent:
            path.append(parent[at] - n)
            code.append(right[at])
            at = parent[at]
        nodes.append(path)
        turns.append(code)
    return nodes, turns


class Reference:
    """A classifier in training.

    Parameters
    ----------
    lines : sequence of str
        Labelled lines.
    config : FastTextClassify
    """

    def __init__(self, lines: Sequence[str], config: FastTextClassify) -> None:
        self.config = config
        tokens = [[*line.split(), _END] for line in lines]
        counts = Counter(token for line in tokens for token in line)
        order = sorted(counts, key=lambda token: (-counts[token], token.encode()))
        prefix = config.label_prefix
        self.words = [t for t in order if not t.startswith(prefix) and counts[t] >= config.min_count]
        self.labels = [t for t in order if t.startswith(prefix) and counts[t] >= config.min_count_label]
        self.label_counts = [counts[label] for label in self.labels]
        self.examples = [found for line in tokens if (found := self._example(line)).features and found.labels]
        key, scale = stream_key(config.seed, _INIT, 0), 2 / config.dim / (1 << 24)

        def row(number: int) -> Array:
            places = range(number * config.dim, (number + 1) * config.dim)
            return np.array([((random_at(key, place) >> 40) - (1 << 23)) * scale for place in places])

        features = {feature for example in self.examples for feature in example.features}
        self.rows = {f: row(f if f >= 0 else len(self.words) - 1 - f) for f in {*features, *range(len(self.words))}}
        self.output = np.zeros((len(self.labels), config.dim))
        self.tree = huffman(self.label_counts)
        self.noise = alias_table(np.array(self.label_counts, np.float64) ** 0.5)
        self.losses: list[float] = []

    def _example(self, line: list[str]) -> Example:
        prefix, config = self.config.label_prefix, self.config
        words = [token for token in line if not token.startswith(prefix)]
        features = []
        for word in words:
            features += [self.words.index(word)] if word in self.words else []
            features += [-1 - bucket for bucket in word_buckets(word, config)] if config.maxn else []
        features += [-1 - bucket for bucket in line_buckets(words, config)]
        return Example(features, [self.labels.index(token) for token in line if token in self.labels])

    def hidden(self, features: Sequence[int]) -> Array:
        """Return the mean of the rows."""
        return np.asarray(np.sum([self.rows[f] for f in features], axis=0) / len(features))

    def train(self) -> None:
        """Run every epoch."""
        n, config = len(self.examples), self.config
        for epoch in range(config.epochs):
            lost = 0.0
            for place, d in enumerate(self._order(epoch)):
                done = (epoch * n + place) / (config.epochs * n)
                lost += self._step(self.examples[d].features, self._aim(epoch, d), rate=config.rate * (1 - done))
            self.losses.append(lost / n)

    def _order(self, epoch: int) -> list[int]:
        order = list(range(len(self.examples)))
        if self.config.shuffle:
            random = Random(stream_key(self.config.seed, _ORDER, epoch))
            for i in range(len(order), 1, -1):
                j = random.below(i)
                order[i - 1], order[j] = order[j], order[i - 1]
        return order

    def _aim(self, epoch: int, document: int) -> tuple[list[int], Array, Array, int]:
        """Return the targets, how often each is seen and met, and the label that is aimed at."""
        labels, loss = self.examples[document].labels, self.config.loss
        random = Random(random_at(stream_key(self.config.seed, _DOCUMENT, epoch), document))
        every = list(range(len(self.labels)))
        if loss == "one-vs-all":
            return every, np.isin(every, labels).astype(float), np.ones(len(every)), -1
        label = labels[random.below(len(labels))] if len(labels) > 1 else labels[0]
        if loss == "softmax":
            return every, np.zeros(0), np.zeros(0), label
        if loss == "hierarchical":
            nodes, turns = self.tree
            return nodes[label], np.array(turns[label], float), np.ones(len(nodes[label])), label
        met = {label: 1.0}
        for _ in range(self.config.negative if len(self.labels) > 1 else 0):
            while (noise := self._draw(random)) == label:
                pass
            met[noise] = met.get(noise, 0.0) + 1
        rows = list(met)
        return rows, np.array([float(row == label) for row in rows]), np.array(list(met.values())), label

    def _draw(self, random: Random) -> int:
        bits = random.next()
        column = (bits >> 32) * len(self.labels) >> 32
        return column if bits & 0xFFFFFFFF <= int(self.noise.keep[column]) else int(self.noise.other[column])

    def _step(self, features: Sequence[int], aim: tuple[list[int], Array, Array, int], *, rate: float) -> float:
        rows, seen, total, label = aim
        h = self.hidden(features)
        scores = self.output[rows] @ h
        if self.config.loss == "softmax":
            p = np.exp(scores - scores.max())
            p /= p.sum()
            factors, loss = -p, -float(np.log(p[label]))
            factors[label] += 1
        else:
            factors = seen - total / (1 + np.exp(-scores))
            loss = float((total * np.logaddexp(0, scores) - seen * scores).sum())
        change = rate * factors @ self.output[rows]
        self.output[rows] += rate * factors[:, None] * h
        for feature in features:
            self.rows[feature] = self.rows[feature] + change / len(features)
        return loss
