"""Occurrences of a word: those that a scan of the sentences finds, drawn evenly and the same way again."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError
from firth.evaluate import occurrences
from firth.evaluate.occurrences import find_occurrences, other_sentences, word_tokens
from firth.text.corpus import as_corpus

TEXT = ["An apple a day", "Apple sells phones", "no fruit here", "apple , apple and Apple", "big apple pie"]


def scan(sentences: Sequence[Sequence[str]], word: Sequence[str], *, exact: bool) -> list[tuple[int, int]]:
    """Return line and place of every occurrence, the slow way."""
    fold = (lambda token: token) if exact else str.casefold
    wanted, n = [fold(token) for token in word], len(word)
    return [
        (line, at)
        for line, tokens in enumerate(sentences)
        for at in range(len(tokens) - n + 1)
        if [fold(token) for token in tokens[at : at + n]] == wanted
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["a", "A", "b", "c"]), min_size=1, max_size=6), min_size=1, max_size=6),
    st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3),
    st.booleans(),
    st.integers(0, 2),
)
def test_all_that_a_scan_finds(sentences: list[list[str]], word: list[str], exact: bool, context: int) -> None:
    expected = scan(sentences, word, exact=exact)
    corpus = as_corpus(sentences)
    case = "exact" if exact else "ignore"
    if not expected:
        with pytest.raises(DataError, match="does not hold"):
            find_occurrences(corpus, word, case=case)
        return
    found = find_occurrences(corpus, word, case=case, context=context)
    assert found.n_found == len(found.places) == len(expected)
    assert list(found.lines) == [line for line, _ in expected]
    assert found.hit.tolist() == sorted({line for line, _ in expected})
    for place, (line, at) in zip(found.places, expected, strict=True):
        begin = max(0, at - context) if context else 0
        end = at + len(word) + context if context else len(sentences[line])
        assert list(place.sentence) == sentences[line][begin:end]
        assert place.start == at - begin
        assert list(place.word) == sentences[line][at : at + len(word)]


def test_blocks_of_ids_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occurrences, "_IDS_AT_ONCE", 3)
    found = find_occurrences(as_corpus(TEXT, tokenizer="whitespace"), ["apple"])
    assert list(found.lines) == [0, 1, 3, 3, 3, 4]


def test_a_draw_is_even_told_by_its_count_and_the_same_again() -> None:
    corpus = as_corpus([f"word{n} apple" for n in range(400)])
    first = find_occurrences(corpus, ["apple"], most=100, seed=3)
    assert first.n_found == 400
    assert len(set(first.lines)) == 100
    assert first.places == find_occurrences(corpus, ["apple"], most=100, seed=3).places
    assert first.lines != find_occurrences(corpus, ["apple"], most=100, seed=4).lines
    assert 120 < np.mean(first.lines) < 280
    assert len(first.hit) == 400


def test_an_absent_word_names_what_holds_it() -> None:
    corpus = as_corpus(["pineapple and apples", "grape"])
    with pytest.raises(DataError, match=re.escape("the text does not hold apple; there are apples, pineapple")):
        find_occurrences(corpus, ["apple"])
    with pytest.raises(DataError, match="in this letter case; there are Pear"):
        find_occurrences(as_corpus(["Pear"]), ["pear"], case="exact")


def test_other_sentences_lack_the_word() -> None:
    corpus = as_corpus([f"filler{n} one two three four" + (" apple" if n % 2 else "") for n in range(60)])
    hit = find_occurrences(corpus, ["apple"]).hit
    found = other_sentences(corpus, hit, most=10, context=1)
    assert len(found) == 10
    assert all(len(sentence) == 3 and "apple" not in sentence for sentence in found)
    assert len({sentence[0] for sentence in found}) > 1  # cut at several places
    assert found == other_sentences(corpus, hit, most=10, context=1)
    assert len(other_sentences(corpus, hit, most=999, context=0)) == 30


def test_the_tokens_of_a_word() -> None:
    corpus = as_corpus(["New York is a state-of-the-art city"], lower=True)
    assert word_tokens("New York", corpus) == ["new", "york"]
    assert word_tokens("state-of-the-art", corpus) == ["state", "of", "the", "art"]
    with pytest.raises(ConfigError, match="leaves nothing"):
        word_tokens("?!", corpus)


def test_a_chinese_word_of_the_text_is_one_token() -> None:
    pytest.importorskip("rjieba")
    corpus = as_corpus(["他背起包袱向远方走去"], tokenizer="zh")
    assert word_tokens("包袱", corpus) == ["包袱"]
    assert word_tokens("苹果手机", corpus) == ["苹果", "手机"]
