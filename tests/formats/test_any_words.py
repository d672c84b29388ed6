"""Whatever the words and values are: a format gives them back exactly, or refuses to write them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import load, save
from firth.errors import DataError
from firth.formats.registry import formats
from firth.vectors.static import Vectors
from firth.vectors.words import Words

RAW = st.one_of(
    st.binary(max_size=6),
    st.text(max_size=5).map(lambda text: text.encode("utf-8", "ignore")),
    st.lists(
        st.sampled_from([b" ", b"\t", b"\r", b"\n", b"1", b"-", b"a", b"\xef\xbb\xbf", b"\x00", b"nan"]), max_size=4
    ).map(b"".join),
)
WORDS = st.lists(RAW.map(lambda raw: raw.decode("utf-8", "surrogateescape")), min_size=1, max_size=6, unique=True)
VALUES = st.floats(width=32, allow_nan=False, allow_infinity=False)


PLAIN = Vectors(["a"], [[1.0]])
PARTING = {"firth": b"", "word2vec-binary": b" \n", "fasttext-bin": b"\0", "floret-bin": b"\0", "projector": b"\t\r\n"}
PARTING |= {"sparse-text": b" \t\r\n", "gensim": b"", "npz": b""}
TEXT_ONLY = {"finalfusion", "parquet", "arrow", "model2vec", "static-embedding", "spacy"}


def refused(name: str, word: str) -> bool:
    """Return whether the format has no way to hold the word."""
    raw = word.encode("utf-8", "surrogateescape")
    if name in TEXT_ONLY:
        return any("\udc80" <= character <= "\udcff" for character in word)
    return (name == "npz" and raw.endswith(b"\0")) or any(byte in PARTING.get(name, b"\n") for byte in raw)


@pytest.mark.parametrize("name", [name for name, kind in formats().items() if kind.write and kind.takes(PLAIN)])
@settings(max_examples=150, deadline=None)
@given(words=WORDS, data=st.data())
def test_any_words_and_values(name: str, words: list[str], data: st.DataObject) -> None:
    dim = data.draw(st.integers(1, 3))
    values = data.draw(st.lists(VALUES, min_size=dim * len(words), max_size=dim * len(words)))
    matrix = np.array(values, dtype=np.float32).reshape(len(words), dim)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        if any(refused(name, word) for word in words):
            with pytest.raises(DataError, match="cannot hold"):
                save(Vectors(words, matrix), path, format=name)
            return
        if name == "glove":
            return  # without a header only the likeliest dimension is known; test_conversions has its cases
        if name == "finalfusion" and np.linalg.norm(matrix.astype(np.float64), axis=1).max() > np.finfo(np.float32).max:
            with pytest.raises(DataError, match="length"):
                save(Vectors(words, matrix), path, format=name)
            return
        save(Vectors(words, matrix), path, format=name)
        back = load(path, format=name)
        assert list(back.words) == words
        if name == "finalfusion":  # unit vectors and lengths: no format for the last bit
            lengths = np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
            assert (np.abs(back.matrix - matrix) <= 1e-6 * np.abs(matrix) + 1e-38 * lengths + 1e-44).all()
        elif name == "sparse-text":  # the zero below zero is a zero
            np.testing.assert_array_equal(back.matrix, matrix)
        else:
            np.testing.assert_array_equal(back.matrix.view(np.uint32), matrix.view(np.uint32))


@given(WORDS)
def test_words_are_a_sequence(words: list[str]) -> None:
    held = Words.of(words)
    assert list(held) == words == [held[row] for row in range(len(words))]
    assert [held.find(word) for word in words] == list(range(len(words)))
    assert held[-1] == words[-1]
    assert held[:2] == words[:2]
    assert held[1:] == words[1:]
    assert held.find("surely not there") == -1


@given(WORDS, st.integers(0, 10), st.integers(0, 1), st.integers(0, 3))
def test_words_spread_with_other_gaps(words: list[str], held: int, gap: int, before: int) -> None:
    raw = [word.encode("utf-8", "surrogateescape") for word in words]
    joined = b"x" * before + b"".join(word + b"y" * held for word in raw)
    offsets = before + np.cumsum([0, *(len(word) + held for word in raw)])
    blob, moved = Words(np.frombuffer(joined, np.uint8), offsets, held).spread(gap, ord("z"))
    assert blob.tobytes() == b"".join(word + b"z" * gap for word in raw)
    assert list(Words(blob, moved, gap)) == words
