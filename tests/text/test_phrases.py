"""Phrases against a plain-Python oracle, and scores against gensim's."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from gensim.models.phrases import npmi_scorer, original_scorer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firth.errors import ConfigError
from firth.text import reference
from firth.text.corpus import Corpus, as_corpus
from firth.text.phrases import Phrases, find_phrases, score_pairs

lines = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "a_b", "é"]), max_size=12), min_size=1, max_size=8)


def oracle(sentences: list[list[str]], config: Phrases) -> list[list[str]]:
    """Count, score and join with dictionaries."""
    words = Counter(itertools.chain.from_iterable(sentences))
    pairs = Counter(pair for line in sentences for pair in itertools.pairwise(line))
    total = sum(words.values())

    def is_phrase(first: str, second: str) -> bool:
        together = pairs[first, second]
        if min(words[first], words[second], together) < config.min_count:
            return False
        score = (together - config.discount) / words[first] / words[second] * total
        return score > config.threshold

    return reference.phrases(sentences, is_phrase, config.delimiter)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sentences=lines, passes=st.integers(1, 3), threads=st.sampled_from([1, 2, 3]))
def test_it_equals_the_oracle(sentences: list[list[str]], passes: int, threads: int) -> None:
    sentences = [line for line in sentences if line] or [["a"]]
    config = Phrases(passes=passes, threshold=1.5, min_count=2, discount=1)
    made = find_phrases(as_corpus(sentences), config, threads=threads)
    for _ in range(passes):
        sentences = oracle(sentences, config)
    assert list(made.sentences()) == sentences
    assert list(zip(made.vocab.words, made.vocab.counts.tolist(), strict=True)) == reference.vocabulary(sentences)


def test_long_texts_are_cut_between_phrases(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    words = ["".join(random.choice(list("xyz"), 2)) for _ in range(140_000)]
    config = Phrases(threshold=0.9, min_count=5, discount=0)
    made = [find_phrases(as_corpus([words]), config, threads=threads) for threads in (1, 3)]
    assert len({corpus.digest for corpus in made}) == 1
    assert list(made[0].sentences()) == oracle([words], config)


@pytest.mark.parametrize(("score", "scorer"), [("word2phrase", original_scorer), ("npmi", npmi_scorer)])
def test_scores_equal_gensims(score: str, scorer: object) -> None:
    config = Phrases(score=score, threshold=0.5, discount=5)
    pairs, first, second = np.array([6, 10, 40]), np.array([10, 20, 40]), np.array([9, 1000, 40])
    ours = score_pairs(pairs, first, second, 5000, config)
    theirs = [
        scorer(a, b, ab, len_vocab=5000, min_count=5, corpus_word_count=5000)  # type: ignore[operator]
        for ab, a, b in zip(pairs, first, second, strict=True)
    ]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_the_corpus_tells_how_it_was_made(tmp_path: Path) -> None:
    corpus = as_corpus(["New York"] * 9 + ["new idea", "york"], lower=True)
    made = find_phrases(corpus, Phrases(threshold=0.5), out=tmp_path / "kept")
    assert Corpus.open(tmp_path / "kept").digest == made.digest
    assert made.tokenizer["lower"] is True
    assert made.tokenizer["phrases"]["threshold"] == 0.5
    assert made.vocab.words[0] == "new_york"


def test_a_threshold_that_suits_no_npmi_is_refused() -> None:
    with pytest.raises(ConfigError, match="npmi"):
        Phrases(score="npmi")
