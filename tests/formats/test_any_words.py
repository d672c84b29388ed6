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


@pytest.mark.parametrize("name", [name for name, kind in formats().items() if kind.models in (None, (Vectors,))])
@settings(max_examples=150, deadline=None)
@given(words=WORDS, data=st.data())
def test_any_words_and_values(name: str, words: list[str], data: st.DataObject) -> None:
    dim = data.draw(st.integers(1, 3))
    values = data.draw(st.lists(VALUES, min_size=dim * len(words), max_size=dim * len(words)))
    matrix = np.array(values, dtype=np.float32).reshape(len(words), dim)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        parting = {"firth": b"", "word2vec-binary": b" \n"}.get(name, b"\n")
        if any(byte in parting for word in words for byte in word.encode("utf-8", "surrogateescape")):
            with pytest.raises(DataError, match="cannot hold"):
                save(Vectors(words, matrix), path, format=name)
            return
        if name == "glove":
            return  # without a header only the likeliest dimension is known; test_conversions has its cases
        save(Vectors(words, matrix), path, format=name)
        back = load(path, format=name)
        assert list(back.words) == words
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
