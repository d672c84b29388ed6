"""Exchange clustering against a twin that takes the whole likelihood anew for every move."""

from __future__ import annotations

import numpy as np
import pytest

from firth.lm import maxent_reference as reference
from firth.lm.lexicon import Lexicon
from firth.lm.word_classes import exchange_classes, log_likelihood
from firth.text.corpus import as_corpus


def _text(seed: int) -> tuple[np.ndarray, Lexicon]:
    random = np.random.default_rng(seed)
    sentences = [[f"w{word}" for word in random.zipf(1.5, 6) % 14] for _ in range(40)]
    corpus = as_corpus(sentences, cache=False)
    lexicon = Lexicon.of(corpus.vocab)
    return lexicon.whole(corpus).ids, lexicon


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_moves_are_the_twins(seed: int) -> None:
    ids, lexicon = _text(seed)
    begun = exchange_classes(ids, lexicon, 4, sweeps=0)
    twin = reference.exchange(ids, begun, lexicon, 4, 10)
    native = exchange_classes(ids, lexicon, 4, sweeps=10)
    np.testing.assert_array_equal(native, np.unique(twin, return_inverse=True)[1])
    assert int(np.count_nonzero(native == native[lexicon.bos])) == 1
    assert log_likelihood(ids, native, lexicon) > log_likelihood(ids, begun, lexicon)


def test_there_are_never_more_classes_than_words() -> None:
    ids, lexicon = _text(3)
    found = exchange_classes(ids, lexicon, 10**6, sweeps=2)
    assert found.max() < len(lexicon)
    assert exchange_classes(ids, lexicon, 1, sweeps=2)[: lexicon.n_outputs].max() == 0
