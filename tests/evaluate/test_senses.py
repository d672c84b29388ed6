"""Senses of a word in a text: those that were put there come out, with their words, sentences and neighbours."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from firth.errors import ConfigError, DataError
from firth.evaluate.in_context import place_of_word
from firth.evaluate.nearer import nearer_sense
from firth.evaluate.sense_words import characteristic_words
from firth.evaluate.senses import senses
from firth.events import Notice
from firth.text.tokenize import Tokenizer
from firth.vectors.static import Vectors

TOPICS = [
    ["pie", "tree", "ate", "juice", "fruit", "ripe"],
    ["phone", "software", "screen", "firm", "shares", "computer"],
]
FILLER = ["the", "a", "of", "and", "in", "to"]


def sentences(n: int = 90) -> Iterator[list[str]]:
    """Yield sentences with apple, every third about the firm, then as many of each topic without it."""
    draw = random.Random(5)
    for number in range(n):
        words = draw.choices(TOPICS[number % 3 == 0], k=5) + draw.choices(FILLER, k=3)
        draw.shuffle(words)
        yield [*words[:4], "Apple" if number % 3 == 0 else "apple", *words[4:]]
    for number in range(n):
        yield draw.choices(TOPICS[number % 2], k=5) + draw.choices(FILLER, k=3)


@pytest.fixture
def model(neighbour_mix: Any) -> Any:
    return neighbour_mix(topics=TOPICS)


def test_two_senses_come_out(model: Any) -> None:
    found = senses(model, sentences(), "apple", n=4)
    assert found.word == "apple"
    assert found.n_found == len(found.places) == len(found.labels) == 90
    fruit, firm = found.senses
    assert (fruit.n, firm.n) == (60, 30)
    assert fruit.share == pytest.approx(2 / 3)
    firms = np.array([place.word == ("Apple",) for place in found.places])
    assert np.array_equal(found.labels == 1, firms)
    for sense, topic in zip(found.senses, TOPICS, strict=True):
        assert sense.words
        assert {word for word, _ in sense.words} <= set(topic)
        assert len(sense.typical) == len(sense.neighbours) == 4
        assert all("apple" not in [token.lower() for token in near.place.sentence] for near in sense.neighbours)
        cosines = [each.cosine for each in sense.typical]
        assert cosines == sorted(cosines, reverse=True)
        assert [near.cosine for near in sense.neighbours] == sorted(
            (near.cosine for near in sense.neighbours), reverse=True
        )
    assert {near.word for near in fruit.neighbours} & set(TOPICS[0])


def test_typical_sentences_and_neighbours_are_the_nearest(model: Any) -> None:
    found = senses(model, sentences(), "apple", n=3, layer=1)
    rows = found.vectors[found.labels == 0]
    centre = rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0))
    assert found.senses[0].typical[0].cosine == pytest.approx(float((rows @ centre).max()), abs=1e-6)
    others = [tuple(each) for each in sentences() if "apple" not in [token.lower() for token in each]]
    best: dict[str, float] = {}
    for sentence, layers in zip(others, model.encode_layers(others), strict=True):
        unit = layers[1] / np.linalg.norm(layers[1], axis=1, keepdims=True)
        for token, cosine in zip(sentence, unit @ centre, strict=True):
            best[token] = max(best.get(token, -1.0), float(cosine))
    expected = sorted(best.items(), key=lambda item: -item[1])[:3]
    near = found.senses[0].neighbours
    assert [each.word for each in near] == [word for word, _ in expected]
    assert [each.cosine for each in near] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)
    lines = list(sentences())
    for each in found.senses[0].typical:
        assert list(each.place.sentence) == lines[each.line - 1]


def test_one_sense_and_a_number_by_hand(model: Any) -> None:
    text = [each for each in sentences() if "Apple" not in each]
    assert len(senses(model, text, "apple").senses) == 1
    three = senses(model, text, "apple", n_senses=3)
    assert len(three.senses) == 3
    assert sum(sense.n for sense in three.senses) == three.n_found


def test_a_draw_is_told_and_the_same_again(model: Any) -> None:
    heard: list[Any] = []
    first = senses(model, sentences(), "apple", most=40, listen=heard.append)
    assert any(isinstance(event, Notice) and "40 of 90" in event.message for event in heard)
    assert first.as_dict() == senses(model, sentences(), "apple", most=40).as_dict()
    assert len(first.places) == 40
    assert first.n_found == 90


def test_words_of_several_tokens(model: Any) -> None:
    text = ["the ripe apple pie was good", "a ripe apple is red", "ripe apple"]
    found = senses(model, text, "ripe apple", pool=0)
    assert found.n_found == 3
    layers = model.encode_layers([text[2].split()])[0]
    expected = layers.mean(0).mean(0)
    assert np.allclose(found.vectors[2], expected / np.linalg.norm(expected), atol=1e-6)
    assert found.senses[0].neighbours == ()


def test_models_that_cannot_tell_are_refused(model: Any) -> None:
    with pytest.raises(DataError, match="same vector in every sentence: got Vectors"):
        senses(Vectors(["apple"], [[1.0]]), sentences(), "apple")
    with pytest.raises(DataError, match="layer 0 gives the word the same vector in every sentence"):
        senses(model, sentences(), "apple", layer=0)
    with pytest.raises(ConfigError, match="no such layer: got 7"):
        senses(model, sentences(), "apple", layer=7)


def test_vectors_that_are_not_finite_are_refused(model: Any) -> None:
    model.vector = lambda word: np.full(32, np.nan, np.float32)
    with pytest.raises(DataError, match="NaN"):
        senses(model, sentences(), "apple")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"n_senses": 0}, "senses is too small"),
        ({"n": 0}, "count is too small"),
        ({"most": 0}, "max is too small"),
        ({"most": 5001}, "max is too large: got 5001, expected at most 5,000"),
        ({"context": -1}, "context is too small"),
        ({"pool": -1}, "pool is too small"),
        ({"case": "any"}, "case is not one of the choices"),
    ],
)
def test_options_out_of_range_are_refused(model: Any, options: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        senses(model, sentences(), "apple", **options)


def test_an_empty_text_and_an_absent_word_are_refused(model: Any) -> None:
    with pytest.raises(DataError, match="no words"):
        senses(model, [""], "apple")
    with pytest.raises(DataError, match="does not hold pear"):
        senses(model, sentences(), "pear")


def test_characteristic_words_by_hand() -> None:
    """By the equations: the prior of x is 100 * 10 / 100 = 10, that of all words 100."""
    assert characteristic_words({"x": 5, "y": 5}, {"x": 1, "y": 9}, {"x": 10, "y": 90}, 1) == []  # too few to tell
    [(word, z)] = characteristic_words({"x": 500, "y": 500}, {"x": 100, "y": 900}, {"x": 10, "y": 90}, 2)
    odds = np.log(510 / (1100 - 510)) - np.log(110 / (1100 - 110))
    assert word == "x"
    assert z == pytest.approx(odds / np.sqrt(1 / 510 + 1 / 110))


def test_the_nearer_sense(model: Any) -> None:
    how = Tokenizer("words")
    examples = {
        "fruit": [
            place_of_word(text, "apple", how) for text in ("He ate the ripe apple pie", "juice of apple and fruit")
        ],
        "firm": [
            place_of_word(text, "Apple", how) for text in ("the software of Apple phone", "Apple firm and its shares")
        ],
    }
    assert nearer_sense(model, examples, place_of_word("a tree and its apple fruit", "apple", how)).sense == "fruit"
    answer = nearer_sense(model, examples, place_of_word("Apple computer in the firm", "Apple", how), layer=1)
    assert answer.sense == "firm"
    assert answer.margin == pytest.approx(answer.cosines["firm"] - answer.cosines["fruit"])
    with pytest.raises(DataError, match="two senses"):
        nearer_sense(model, {"fruit": examples["fruit"], "firm": []}, examples["fruit"][0])
