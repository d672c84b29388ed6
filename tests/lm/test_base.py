"""What every language model does, on one whose probabilities are known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from firth.lm.lexicon import Lexicon
from firth.lm.sample import Sampling, weights
from firth.protocols import LanguageModel
from firth.text.corpus import as_corpus


def test_it_is_a_language_model(known: Any) -> None:
    assert isinstance(known(), LanguageModel)


def test_logprobs_have_one_for_each_word_and_one_for_the_end(known: Any) -> None:
    first, second = known().logprobs([["a", "zebra"], []])
    np.testing.assert_allclose(np.exp(first), [0.7, 0.1, 0.25])
    np.testing.assert_allclose(np.exp(second), [0.1])


def test_carrying_goes_on_from_the_sentence_before(known: Any) -> None:
    model = known()
    apart, carried = model.logprobs([["a"], ["b"]]), model.logprobs([["a"], ["b"]], carry=True)
    np.testing.assert_allclose(apart[1], np.log([0.1, 0.3]))
    np.testing.assert_allclose(carried[1], np.log([0.1, 0.3]))  # <eos> and the start are one row here
    assert len(carried) == 2


def test_perplexity_counts_words_ends_and_unknown_words_apart(known: Any) -> None:
    found = known().perplexity(as_corpus([["a", "b"], ["zebra", "a"]], cache=False))
    logs = np.log([0.7, 0.6, 0.3, 0.1, 0.25, 0.2])
    assert (found.n_words, found.n_sentences, found.n_unknown, found.n_predictions) == (4, 2, 1, 6)
    assert found.with_unknown == pytest.approx(math.exp(-logs.mean()))
    assert found.without_unknown == pytest.approx(math.exp(-np.delete(logs, 3).mean()))
    assert found.bits == pytest.approx(-logs.mean() / math.log(2))


def test_pieces_of_a_long_text_add_up(known: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [["a"] * (1 + i % 7) + ["b"] for i in range(50)]
    whole = known().perplexity(as_corpus(sentences, cache=False))
    monkeypatch.setattr("firth.lm.lexicon._TOKENS", 16)
    pieces = known().perplexity(as_corpus(sentences, cache=False))
    assert pieces.n_predictions == whole.n_predictions == sum(len(s) + 1 for s in sentences)
    assert pieces.with_unknown == pytest.approx(whole.with_unknown, rel=1e-12)


def test_next_words_are_the_likeliest_first(known: Any) -> None:
    assert [(w, round(p, 3)) for w, p in known().next_words(["b", "a"], 2)] == [("b", 0.6), ("<eos>", 0.2)]
    assert known().next_words([], 1)[0][0] == "a"


def test_samples_follow_the_model_and_the_seed(known: Any) -> None:
    model, sampling = known(), Sampling(seed=7, unknown=True)
    found = model.sample(4000, sampling)
    assert found == model.sample(4000, sampling)
    assert found != model.sample(4000, Sampling(seed=8, unknown=True))
    starts = [sentence[0] if sentence else "<eos>" for sentence in found]
    assert abs(starts.count("a") / 4000 - 0.7) < 0.03
    assert abs(starts.count("<eos>") / 4000 - 0.1) < 0.02


def test_samples_go_on_from_a_context_and_keep_the_limit(known: Any) -> None:
    found = known().sample(20, Sampling(longest=3), context=["b"])
    assert all(sentence[0] == "b" and len(sentence) <= 3 for sentence in found)
    assert "<unk>" not in {word for sentence in found for word in sentence}


def test_temperature_top_k_and_top_p() -> None:
    logs = np.log([0.1, 0.6, 0.1, 0.2])
    assert weights(logs, Sampling(temperature=0)).tolist() == [0, 1, 0, 0]
    assert np.count_nonzero(weights(logs, Sampling(top_k=2))) == 2
    np.testing.assert_allclose(weights(logs, Sampling(top_p=0.7)), [0, 0.75, 0, 0.25])
    sharp = weights(logs, Sampling(temperature=0.5))
    np.testing.assert_allclose(sharp, np.square([0.1, 0.6, 0.1, 0.2]) / 0.42)


def test_an_unk_in_the_text_is_an_ordinary_word_that_unknown_words_are_taken_for() -> None:
    lexicon = Lexicon.of(as_corpus([["a", "<unk>", "<unk>"]], cache=False).vocab)
    stream = lexicon.stream([["<unk>", "zebra"]])
    assert stream.ids.tolist() == [0, 0, lexicon.eos]
    assert stream.unknown.tolist() == [False, True, False]
    assert lexicon.n_outputs == 3
