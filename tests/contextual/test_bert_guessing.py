"""Guesses at masks, held-out scores, pseudo-likelihoods, by the definition; cloze of n-gram models by brute force."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import firth
from firth.contextual.bert import BERT, train
from firth.contextual.bert_guessing import fill_mask, masked_score, pseudo_scores
from firth.contextual.bert_model import BertModel
from firth.contextual.bert_net import BertNet
from firth.errors import ConfigError, DataError
from firth.evaluate.cloze import cloze_places, cloze_scores, masked_cloze_scores, piece_sentences
from firth.lm.ngram import NGram
from firth.lm.ngram import train as train_ngram
from firth.text.corpus import as_corpus

TEXT = ["the king of france is old", "the queen of spain is old", "a cat sat", "paris is in france"] * 6


@pytest.fixture(scope="module")
def model() -> BertModel:
    config = BERT(layers=1, dim=16, heads=2, hidden=24, vocab_size=44, length=32, batch=96, epochs=15, rate=0.02)
    return train(TEXT, config, threads=1, heldout=TEXT[:4]).model


def log_probs(model: BertModel, ids: list[int], place: int) -> torch.Tensor:
    marks = model.pieces.marks
    with torch.no_grad():
        hidden = model.net(torch.tensor([[marks.first, *ids, marks.last]]))[0, place + 1]
        return model.net.logits(hidden).double().log_softmax(0)


def test_fill_mask_gives_the_likeliest_words(model: BertModel) -> None:
    rows = model.pieces.rows(["the", "of", "spain", "is", "old"])
    before, behind = rows[0], [piece for row in rows[1:] for piece in row]
    mask = model.pieces.marks.mask
    assert mask is not None
    found = fill_mask(model, "the [MASK] of spain is old", n=4)
    scores = log_probs(model, [*before, mask, *behind], len(before))
    strings = model.pieces.strings
    ranked = sorted(
        ((float(p), s) for p, s in zip(scores.exp(), strings, strict=True) if s and s[0] not in "[#"), reverse=True
    )
    assert [(guess.word, pytest.approx(guess.probability)) for guess in found[0]] == [
        (s, pytest.approx(p)) for p, s in ranked[:4]
    ]
    by_words = fill_mask(model, ["the", "[MASK]", "of", "spain", "is", "old"], n=4)
    assert [g.word for g in by_words[0]] == [g.word for g in found[0]]
    assert len(fill_mask(model, "the [MASK] of [MASK]")) == 2
    with pytest.raises(DataError, match="no mask"):
        fill_mask(model, "the king")
    with pytest.raises(ConfigError):
        fill_mask(model, "the [MASK]", n=0)


def test_a_mask_far_into_a_long_text_is_found(model: BertModel) -> None:
    words = ["cat"] * 80
    words[60] = "[MASK]"
    whole = fill_mask(model, words, n=2)[0]
    changed = ["sat", *words[1:], "sat"]  # too far away to be read
    assert fill_mask(model, changed, n=2)[0] == whole
    near = [*words[:59], "sat", *words[60:]]
    assert fill_mask(model, near, n=2)[0] != whole


def test_pseudo_scores_mask_the_rest_of_a_word(model: BertModel) -> None:
    sentences = [["the", "queens", "cat"], [], ["sat"]]
    mask = model.pieces.marks.mask
    found = pseudo_scores(model, sentences)
    assert [len(scores) for scores in found] == [3, 0, 1]
    rows = model.pieces.rows(sentences[0])
    assert len(rows[1]) > 1
    ids, begin = [piece for row in rows for piece in row], 0
    for score, row in zip(found[0], rows, strict=True):
        total = 0.0
        for k, piece in enumerate(row):
            seen = list(ids)
            seen[begin + k : begin + len(row)] = [mask] * (len(row) - k)  # type: ignore[list-item]
            total += float(log_probs(model, seen, begin + k)[piece])
        assert score == pytest.approx(total, abs=1e-5)
        begin += len(row)


def test_masked_score_is_the_held_out_loss(tmp_path: Path) -> None:
    config = BERT(layers=1, dim=8, heads=2, hidden=8, vocab_size=40, length=12, batch=96, epochs=1)
    made = train(TEXT, config, threads=1, heldout=TEXT[:8])
    firth.save(made, tmp_path / "bert")
    found = masked_score(firth.load(tmp_path / "bert"), TEXT[:8])
    assert found.loss == pytest.approx(made.heldout[-1])
    assert found.unigram == pytest.approx(made.unigram)
    assert found.own_counts
    bare = BertModel(made.model.net, made.model.pieces)
    other = masked_score(bare, TEXT[:8])
    assert not other.own_counts
    assert other.perplexity == pytest.approx(math.exp(other.loss))


def test_a_model_without_a_head_guesses_nothing(model: BertModel) -> None:
    import dataclasses

    bare = BertModel(BertNet(dataclasses.replace(model.net.shape, head=None)), model.pieces)
    for call in (
        lambda: fill_mask(bare, "[MASK]"),
        lambda: masked_score(bare, TEXT),
        lambda: pseudo_scores(bare, [["a"]]),
    ):
        with pytest.raises(DataError, match="no head"):
            call()


# ---------------------------------------------------------------- cloze
def test_cloze_of_an_ngram_model_is_that_of_whole_sentences() -> None:
    sentences = [line.split() for line in TEXT]
    model = train_ngram(TEXT, NGram(order=3, smoothing="witten-bell")).model
    tests = [["the", "king", "of", "spain", "is", "old"], ["a", "zebra", "sat"], ["cat"], sentences[3]]
    places = [(s, p) for s, sentence in enumerate(tests) for p in range(len(sentence))]
    found = cloze_scores(model, tests, places)
    words = [*(word for word in model.vocab.words[: model.lexicon.n_outputs - 2]), "\x00 unseen"]
    assert len(words) == model.lexicon.n_outputs - 1
    for score, (sentence, place) in zip(found, places, strict=True):
        whole = []
        for word in words:
            other = [*tests[sentence]]
            other[place] = word
            whole.append(float(model.logprobs([other], carry=False)[0].sum()))
        own = float(model.logprobs([tests[sentence]], carry=False)[0].sum())
        assert score == pytest.approx(own - np.logaddexp.reduce(whole), abs=1e-9)
    with pytest.raises(DataError, match="no such place"):
        cloze_scores(model, tests, [(0, 6)])


def test_cloze_of_a_bert_is_its_guess_at_one_mask(model: BertModel) -> None:
    corpus = as_corpus(["the queens sat", "paris is old"])
    sentences = list(piece_sentences(model, corpus))
    assert [piece for s in sentences for piece in s] == [
        model.pieces.strings[piece]
        for row in model.pieces.rows(["the", "queens", "sat", "paris", "is", "old"])
        for piece in row
    ]
    places = cloze_places(sentences, 1000)
    assert places == [(s, p) for s in range(2) for p in range(len(sentences[s]))]
    found = masked_cloze_scores(model, sentences, places)
    numbers = {string: piece for piece, string in enumerate(model.pieces.strings)}
    for score, (sentence, place) in zip(found, places, strict=True):
        ids = [numbers[string] for string in sentences[sentence]]
        right, ids[place] = ids[place], model.pieces.marks.mask  # type: ignore[call-overload]
        assert score == pytest.approx(float(log_probs(model, ids, place)[right]), abs=1e-5)
    drawn = cloze_places([["a"] * 50] * 4, 30)
    assert len(set(drawn)) == 30
    assert all(a < b for a, b in itertools.pairwise(drawn))
