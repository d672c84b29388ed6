"""Pieces against the tokenizers library alone, and BPE-dropout against BPE."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from firth.errors import DataError
from firth.tasks.translator_dropout import VariedTexts, cut
from firth.tasks.translator_pieces import BYTES, Subwords, WordUnits, learn_subwords, learn_words

TEXTS = [
    "Zwei junge Männer sind im Freien, nahe vieler Büsche.",
    "A man's hat: 25 %!",
    "你好，世界。",
    "der den dem des",
] * 3
PIECES = learn_subwords(TEXTS, 120, lower=False)


@given(st.text(max_size=40))
def test_nothing_is_unknown_and_text_comes_back(text: str) -> None:
    plain = " ".join(text.replace("\u2581", " ").split())
    try:
        plain.encode()
    except UnicodeEncodeError:
        with pytest.raises(DataError, match="no UTF-8"):
            PIECES.encode([plain])
        return
    (ids,) = PIECES.encode([plain])
    assert all(4 <= number < PIECES.n_ids for number in ids)
    if not any("<0x" in plain[i:] for i in range(len(plain))):
        assert PIECES.join(PIECES.names(ids)) == plain


def test_learning_is_the_same_each_time() -> None:
    again = learn_subwords(iter(TEXTS), 120, lower=False)
    assert (again.vocab, again.merges) == (PIECES.vocab, PIECES.merges)
    assert tuple(again.vocab[:256]) == BYTES
    assert 256 + 60 < len(again.vocab) <= 256 + 120


def test_merges_are_those_of_the_library() -> None:
    """The library alone, with the same vocabulary and no bytes, cuts known letters the same."""
    ids = {piece: row for row, piece in enumerate(PIECES.vocab)}
    other = Tokenizer(models.BPE(vocab=ids, merges=PIECES.merges))
    other.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")])
    for text in TEXTS:
        assert PIECES.names(PIECES.encode([text])[0]) == other.encode(text).tokens


def test_lower_case_and_blanks() -> None:
    lower = learn_subwords(TEXTS, 120, lower=True)
    assert lower.encode(["DER  Den\tdem"]) == lower.encode([" der den dem\n"])
    assert lower.join(lower.surfaces("Männer, HAT!")) == "männer, hat!"
    assert PIECES.encode(["", "  "]) == [[], []]


@pytest.mark.parametrize(
    ("vocab", "merges"), [(["a"], []), ([*BYTES, "a", "a"], []), ([*BYTES, "a"], [("a", "a")]), (BYTES[::-1], [])]
)
def test_pieces_that_do_not_fit(vocab: list[str], merges: list[tuple[str, str]]) -> None:
    with pytest.raises(DataError, match="pieces of BPE"):
        Subwords(vocab, merges)


def test_words_by_count() -> None:
    units = learn_words(
        ["b a <unk>", "b c <pad>", "b a"], tokenizer="whitespace", lower=False, min_count=1, max_vocab=2
    )
    assert units.words == ["b", "a"]
    assert units.encode(["a c b <eos>"]) == [[5, 1, 4, 1]]
    with pytest.raises(DataError, match="no word is frequent enough"):
        learn_words(["a b"], tokenizer="whitespace", lower=False, min_count=2, max_vocab=9)
    assert WordUnits(["水"], "chars").join(["水", "火"]) == "水火"


# ------------------------------------------------------------------ dropout
def test_without_dropout_it_is_bpe() -> None:
    varied = VariedTexts(PIECES, [*TEXTS, "€ unbekannt"], 0.0, 1)
    assert varied.epoch(0) == varied.epoch(3) == PIECES.encode([*TEXTS, "€ unbekannt"])


def test_with_dropout_the_text_is_the_same_in_other_pieces() -> None:
    varied = VariedTexts(PIECES, TEXTS, 0.3, 1)
    one, other = varied.epoch(0), varied.epoch(1)
    assert one != other
    assert VariedTexts(PIECES, TEXTS, 0.3, 1).epoch(1) == other  # though epoch 0 was never asked for
    assert VariedTexts(PIECES, TEXTS, 0.3, 2).epoch(1) != other
    for text, ids in zip(TEXTS, one, strict=True):
        assert PIECES.join(PIECES.names(ids)) == text
    assert sum(map(len, one)) > sum(map(len, PIECES.encode(TEXTS)))


def test_a_merge_is_passed_over_as_often_as_it_should_be() -> None:
    chance, n = random.Random(1), 4000
    split = sum(cut("ab", {("a", "b"): 0}, 0.3, chance) == ["a", "b"] for _ in range(n)) / n
    assert split == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / n))
    assert cut("ab", {("a", "b"): 0}, 1.0, chance) == ["a", "b"]
