"""Where words stand in their sentences, and that a model's vectors are taken from just there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError
from firth.evaluate.in_context import (
    Place,
    cosine_rows,
    joined,
    layer_names,
    model_tokenizer,
    place_of,
    place_of_word,
    place_vectors,
    refuse_static,
    retokenised,
    span_vectors,
    unit_rows,
)
from firth.text.tokenize import Tokenizer
from firth.vectors.onehot import OneHot
from firth.vectors.static import Vectors

WORDS = Tokenizer("words")


def test_offsets_become_tokens_of_their_own() -> None:
    text = "In that context, Bolivia holds a key play in it."
    place = place_of(text, 37, 41, WORDS)
    assert place == Place(("In", "that", "context", "Bolivia", "holds", "a", "key", "play", "in", "it"), 7, 8)


def test_a_chinese_word_is_cut_out_where_the_segmenter_would_join_it() -> None:
    pytest.importorskip("rjieba")
    text = "他的思想包袱很重。"
    how = Tokenizer("zh")
    assert "包袱" not in how.sentences(text)[0]  # else this test tests nothing
    place = place_of(text, 4, 6, how)
    assert place is not None
    assert place.word == ("包袱",)
    assert "".join(place.sentence) == "他的思想包袱很重"


@given(
    st.text(alphabet="ab ,.\n苹", max_size=12),
    st.text(alphabet="ab", min_size=1, max_size=4),
    st.text("ab ,.", max_size=9),
)
def test_the_tokens_of_a_place_spell_its_word(before: str, word: str, behind: str) -> None:
    place = place_of(before + word + behind, len(before), len(before) + len(word), WORDS)
    assert place is not None
    assert "".join(place.word) == word
    parts = [token for part in (before, word, behind) for line in WORDS.sentences(part) for token in line]
    assert list(place.sentence) == parts


def test_of_a_word_that_the_tokenizer_drops_nothing_is_left() -> None:
    assert place_of("10 % of it", 3, 4, WORDS) is None


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 99)])
def test_offsets_outside_are_refused(start: int, end: int) -> None:
    with pytest.raises(DataError, match="offsets"):
        place_of("a few words", start, end, WORDS)


def test_an_absent_word_is_refused() -> None:
    with pytest.raises(DataError, match="does not hold 梨"):
        place_of_word("我吃了一个苹果", "梨", Tokenizer("chars"))


def test_cut_tokens_keep_their_spans() -> None:
    tokens = ["The", "well-known", "``", "Fulton", "County", "''", "%", "jury", "."]
    found, spans = retokenised(tokens, [(1, 2), (3, 5), (6, 7), (7, 8)], WORDS)
    assert found == ["The", "well", "known", "Fulton", "County", "jury"]
    assert [found[start:end] for start, end in spans] == [["well", "known"], ["Fulton", "County"], [], ["jury"]]


@given(st.lists(st.text(alphabet="aB-.9%\u3000\n", min_size=0, max_size=5), max_size=8))
def test_cut_tokens_are_those_of_each_token_alone(tokens: list[str]) -> None:
    how = Tokenizer("words", lower=True)
    spans = [(at, at + 1) for at in range(len(tokens))]
    found, moved = retokenised(tokens, spans, how)
    for token, (start, end) in zip(tokens, moved, strict=True):
        assert found[start:end] == [piece for line in how.sentences(token) for piece in line]


def test_without_a_tokenizer_tokens_stay() -> None:
    assert retokenised(["a", ","], [(1, 2)], None) == (["a", ","], [(1, 2)])
    assert retokenised(["a", ","], [(1, 2)], Tokenizer("whitespace")) == (["a", ","], [(1, 2)])


def test_spans_are_means_of_their_tokens(neighbour_mix: Any) -> None:
    model = neighbour_mix()
    items = [(["a", "b", "c"], [(0, 2), (2, 3)]), ([], []), (["d"], [(0, 1)])]
    layers = model.encode_layers([tokens for tokens, _ in items])
    every = list(span_vectors(model, items, layer="all"))
    assert [array.shape for array in every] == [(2, 3, 32), (0, 32), (1, 3, 32)]
    assert model.encoded == 5  # the empty one only by ourselves
    assert np.allclose(every[0][0, :2], layers[0][:, :2].mean(1), atol=1e-6)
    assert np.allclose(every[0][0, 2], layers[0][:, :2].mean((0, 1)), atol=1e-6)  # the mean of the layers
    assert np.allclose(next(span_vectors(model, items, layer=1))[1], layers[0][1, 2])
    assert np.allclose(list(span_vectors(model, items))[2], model.encode([["d"]])[0])
    assert layer_names(2) == ("0", "1", "mean")
    assert layer_names(1) == ("0",)


def test_many_sentences_keep_their_order(neighbour_mix: Any) -> None:
    model = neighbour_mix(dim=4)
    places = [Place((f"w{n}", *["x"] * 99), 0, 1) for n in range(200)]  # more than one batch
    found = place_vectors(model, places, layer=0)
    assert np.array_equal(found, np.stack([model.vector(f"w{n}") for n in range(200)]))


def test_an_absent_layer_is_refused(neighbour_mix: Any) -> None:
    with pytest.raises(ConfigError, match="no such layer: got 2, expected 0 to 1"):
        place_vectors(neighbour_mix(), [Place(("a",), 0, 1)], layer=2)


def test_static_models_are_refused(neighbour_mix: Any) -> None:
    refuse_static(neighbour_mix())
    for model in (Vectors(["a"], [[1.0]]), OneHot(["a"])):
        with pytest.raises(DataError, match="same vector in every sentence"):
            refuse_static(model)
    with pytest.raises(DataError, match="encodes no sentences"):
        refuse_static(object())


def test_the_tokenizer_of_a_model(neighbour_mix: Any) -> None:
    model = neighbour_mix()
    assert model_tokenizer(model) is None
    model.metadata = {"tokenizer": {"name": "zh", "lower": True, "blank_lines": True}}
    assert model_tokenizer(model) == Tokenizer("zh", lower=True)
    model.metadata = {"tokenizer": {"name": "custom", "function": "mine"}}
    assert model_tokenizer(model) is None


def test_cosines() -> None:
    a = np.array([[3, 4], [0, 0], [1, 0]], np.float32)
    assert np.allclose(unit_rows(a), [[0.6, 0.8], [0, 0], [1, 0]])
    assert np.allclose(cosine_rows(a, np.array([[4, 3], [1, 1], [-2, 0]], np.float32)), [0.96, 0, -1])


def test_lines_of_tokens() -> None:
    assert joined(["用", "苹果", "iPhone", "6", "手机"]) == "用苹果 iPhone 6 手机"
    assert joined([]) == ""
