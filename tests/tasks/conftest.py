"""Facebook's program as an oracle, its .bin files read as plainly as can be, and small labelled texts."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firth.tasks.fasttext import FastTextClassifier
from firth.vectors.words import Words

LOSSES = {1: "hierarchical", 2: "negative", 3: "softmax", 4: "one-vs-all"}


def _fasttext(*arguments: object) -> str:
    """Run the program and return what it prints, or skip."""
    program = shutil.which("fasttext")
    if program is None:
        pytest.skip("Debian's fasttext is not on this machine")
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, check=True, timeout=120)
    return done.stdout.decode("utf-8", "surrogateescape")


def _read_bin(path: Path) -> FastTextClassifier:
    """Return the classifier of an unquantised .bin."""
    raw, at = path.read_bytes(), 8

    def take(form: str) -> list:
        nonlocal at
        found = struct.unpack_from("<" + form, raw, at)
        at += struct.calcsize("<" + form)
        return list(found)

    _, _, _, _, _, word_ngrams, loss, _, buckets, minn, maxn, _, _ = take("12id")
    _, n_words, n_labels, _, _ = take("iiiqq")
    entries: list[tuple[str, int]] = []
    for _ in range(n_words + n_labels):
        end = raw.index(b"\0", at)
        word = raw[at:end].decode("utf-8", "surrogateescape")
        at = end + 1
        count, _ = take("qb")
        entries.append((word, count))

    def matrix() -> np.ndarray:
        nonlocal at
        take("?")
        rows, columns = take("qq")
        values = np.frombuffer(raw, "<f4", rows * columns, at).reshape(rows, columns)
        at += values.nbytes
        return values

    words, labels = entries[:n_words], entries[n_words:]
    return FastTextClassifier(
        words=Words.of([word for word, _ in words]),
        counts=np.array([count for _, count in words], np.int64),
        labels=Words.of([word for word, _ in labels]),
        label_counts=np.array([count for _, count in labels], np.int64),
        input=matrix(),
        output=matrix(),
        loss=LOSSES[loss],
        word_ngrams=word_ngrams,
        minn=minn,
        maxn=maxn,
        buckets=buckets,
    )


TOPICS = {
    "fish": "sea wave net boat salmon fin salt tide",
    "bread": "oven flour yeast crust dough salt knead",
    "star": "night sky light orbit lens moon wave",
    "水": "河 海 雨 流 水滴 雪",
}


def _labelled(n: int = 200, seed: int = 0, several: bool = False) -> list[str]:
    """Return lines of one label, or of up to three."""
    chance = random.Random(seed)
    lines = []
    for _ in range(n):
        topics = chance.sample(sorted(TOPICS), chance.randint(1, 3) if several else 1)
        words = [chance.choice(TOPICS[topic].split()) for topic in topics for _ in range(chance.randint(1, 6))]
        words += chance.choices(["the", "a", "of", "née", f"w{chance.randint(0, 400)}"], k=chance.randint(0, 4))
        chance.shuffle(words)
        lines.append(" ".join([f"__label__{topic}" for topic in topics] + words))
    return lines


@pytest.fixture(name="fasttext")
def fasttext_fixture() -> Callable[..., str]:
    """Run the program with arguments and return what it prints; skip where it is absent."""
    return _fasttext


@pytest.fixture(name="read_bin")
def read_bin_fixture() -> Callable[[Path], FastTextClassifier]:
    """Read an unquantised .bin of a classifier."""
    return _read_bin


@pytest.fixture(name="labelled")
def labelled_fixture() -> Callable[..., list[str]]:
    """Make ``n`` labelled lines from a ``seed``, of ``several`` labels each or of one."""
    return _labelled
