"""PPMI against its equations on dense matrices."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError
from firth.static import ppmi
from firth.static.cooccurrence import Cooc
from firth.static.cooccurrence import train as count
from firth.static.ppmi import PPMI, row_blocks, train, weigh

TEXT = ["the cat sat on the mat", "the dog sat on the rug", "a cat and a dog", "the cat ate the rat"] * 3


def plain(x: np.ndarray, shift: float, alpha: float) -> np.ndarray:
    """Levy, Goldberg and Dagan 2015: probabilities first, as the paper writes them."""
    joint = x / x.sum()
    of_words = joint.sum(axis=1, keepdims=True)
    smoothed = x.sum(axis=0) ** alpha
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(joint / (of_words * (smoothed / smoothed.sum())))
    return np.nan_to_num(np.maximum(pmi - np.log(shift), 0), nan=0)


@settings(max_examples=60, deadline=None)
@given(
    shift=st.sampled_from([1.0, 2.0, 5.0]),
    alpha=st.sampled_from([0.5, 0.75, 1.0]),
    sides=st.sampled_from(["both", "left"]),
    block=st.integers(1, 100),
)
def test_values_are_those_of_the_equations(shift: float, alpha: float, sides: str, block: int) -> None:
    counts = count(TEXT, Cooc(window=3, min_count=1, sides=sides)).model
    with mock.patch.object(ppmi, "_BLOCK", block):
        found = weigh(counts, shift=shift, alpha=alpha)
    assert found.fault() is None
    assert found.values.dtype == np.float32
    np.testing.assert_allclose(found.matrix.toarray(), plain(counts.matrix.toarray(), shift, alpha), atol=1e-6)


def test_training_on_text_and_on_counts_is_the_same() -> None:
    config = PPMI(window=2, min_count=1, shift=2, weights="linear")
    counts = count(TEXT, Cooc(window=2, min_count=1, weights="linear")).model
    a, b = train(TEXT, config).model, train(counts, config).model
    assert a.values.tobytes() == b.values.tobytes()
    assert a.indices.tobytes() == b.indices.tobytes()
    assert a.metadata["options"]["shift"] == 2
    assert a.metadata["options"]["window"] == 2


def test_similarity_is_the_cosine_of_rows() -> None:
    model = train(TEXT, PPMI(min_count=1)).model
    dense = model.matrix.toarray().astype(float)
    a, b = (dense[model.words.find(word)] for word in ("cat", "dog"))
    assert model.similarity("cat", "dog") == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert 0 < model.similarity("cat", "dog") < model.similarity("cat", "cat") == pytest.approx(1)


def test_contexts_are_those_that_are_typical() -> None:
    text = ["the dog barks", "the cat meows"] * 20
    model = train(text, PPMI(min_count=1, alpha=1)).model
    assert model.contexts("dog", 1)[0][0] == "barks"
    assert model["dog", "meows"] == 0


def test_nothing_counted_is_told() -> None:
    with pytest.raises(DataError, match="no pair"):
        train(["a", "b"], PPMI(min_count=1))
    with pytest.raises(ConfigError, match="shift"):
        PPMI(shift=0)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.integers(1, 40))
def test_blocks_of_rows_cover_every_row_once(lengths: list[int], pairs: int) -> None:
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    blocks = row_blocks(indptr, pairs)
    assert [begin for begin, _ in blocks] == [0, *(end for _, end in blocks[:-1])]
    assert blocks[-1][1] == len(lengths)
    assert all(indptr[end] - indptr[begin] <= pairs or end - begin == 1 for begin, end in blocks)
