"""word2vec's files, byte for byte against gensim's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors

from firth import load, save
from firth.vectors.static import Vectors

WORDS = ["the", "水", "naïve", "</s>", "a_b", "-1", "0.5"]
MATRIX = np.random.default_rng(3).standard_normal((7, 5)).astype(np.float32)
MATRIX[2] = [0, -0.0, 1e-5, 123456.7, 1.0]


@pytest.fixture
def oracle() -> KeyedVectors:
    keyed = KeyedVectors(5)
    keyed.add_vectors(WORDS, MATRIX)
    return keyed


@pytest.mark.parametrize(("name", "binary"), [("v.bin", True), ("v.txt", False)])
def test_written_as_gensim_writes(tmp_path: Path, oracle: KeyedVectors, name: str, binary: bool) -> None:
    oracle.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
    save(Vectors(WORDS, MATRIX), tmp_path / name)
    assert (tmp_path / name).read_bytes() == (tmp_path / "theirs").read_bytes()


@pytest.mark.parametrize("name", ["v.bin", "v.txt", "v.vec.gz", "v.bin.zst", "v.txt.xz", "v.bin.bz2", "v.glove", "v"])
def test_there_and_back(tmp_path: Path, name: str) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / name)
    back = load(tmp_path / name)
    assert list(back.words) == WORDS
    np.testing.assert_array_equal(back.matrix, MATRIX)
    assert [path.name for path in tmp_path.iterdir()] == [name]
