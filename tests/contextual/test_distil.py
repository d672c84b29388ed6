"""Vectors of words out of models in context: means of occurrences by hand, each word alone, PCA and weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from firth.contextual.bert import BERT, train
from firth.contextual.distil import Distil, distil, zipf_weights
from firth.contextual.elmo import Elmo
from firth.contextual.elmo import train as train_elmo
from firth.errors import ConfigError, DataError

TEXT = ["the cat sat on the mat", "a dog lay on the rug", "the dog saw a cat", "on the mat lay a rug"] * 4
SENTENCES = [line.split() for line in TEXT]


class Model:
    """Layer k of a word is drawn from the word, its place, and its sentence; layer 0 from the word alone."""

    dim, n_layers = 3, 2
    read = 0

    def __init__(self, layer: int | None = None) -> None:
        self.layer = layer

    def with_mix(self, mix: Any) -> Model:
        return Model(mix)

    def stream(self, sentences: Iterable[Sequence[str]], *, mixed: bool = False, **_: Any) -> Iterator[NDArray[Any]]:
        assert mixed
        for sentence in sentences:
            Model.read += 1
            key = 0 if self.layer == 0 else sum(map(len, sentence))
            yield np.array([[len(w), ord(w[0]), key * (n + 1)] for n, w in enumerate(sentence)], np.float32)


def by_hand(model: Model, word: str, most: int) -> NDArray[np.float64]:
    rows = [
        vectors[n]
        for sentence in SENTENCES
        for vectors in model.stream([sentence], mixed=True)
        for n, other in enumerate(sentence)
        if other == word
    ]
    c = len(rows)
    kept = [row for j, row in enumerate(rows) if c <= most or j * most % c < most]
    assert len(kept) == min(c, most)
    return np.mean(kept, axis=0, dtype=np.float64)


@pytest.mark.parametrize("most", [1, 3, 100])
def test_occurrences_are_averaged(most: int) -> None:
    found = distil(Model(), text=TEXT, options=Distil(min_count=5, most=most))
    counts = {word: sum(s.count(word) for s in SENTENCES) for s in SENTENCES for word in s}
    assert set(found.words) == {word for word, count in counts.items() if count >= 5}
    assert found.counts is not None
    assert list(found.counts) == sorted((counts[word] for word in found.words), reverse=True)
    for word in found.words:
        np.testing.assert_allclose(found[word], by_hand(Model(), word, most), rtol=1e-6)


def test_sentences_with_nothing_to_take_are_not_read() -> None:
    Model.read = 0
    distil(Model(), text=TEXT, options=Distil(min_count=1, most=1))
    assert Model.read <= 4


def test_words_alone_and_layers() -> None:
    found = distil(Model(), words=["cat", "apple", "cat"], options=Distil(layer=0))
    assert list(found.words) == ["cat", "apple"]
    assert found["apple"].tolist() == [5.0, 97.0, 0.0]
    assert distil(Model(), words=["cat", "dog"], options=Distil(max_vocab=1)).words[0] == "cat"


def test_components_and_weights() -> None:
    plain = distil(Model(), text=TEXT, options=Distil(min_count=1)).matrix
    flat = distil(Model(), text=TEXT, options=Distil(min_count=1, dim=2)).matrix
    centred = plain - plain.mean(0)
    u, s, _ = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    np.testing.assert_allclose(np.abs(flat), np.abs(u[:, :2] * s[:2]), atol=1e-3)
    weighted = distil(Model(), text=TEXT, options=Distil(min_count=1, weighting="zipf", smooth=0.01))
    assert weighted.counts is not None
    shares = weighted.counts / weighted.counts.sum()
    np.testing.assert_allclose(weighted.matrix, plain * (0.01 / (0.01 + shares))[:, None], rtol=1e-5)
    ranks = 1 / np.array([2.0, 3.0, 4.0])
    np.testing.assert_allclose(zipf_weights(3), 1e-4 / (1e-4 + ranks / ranks.sum()), rtol=1e-6)
    with pytest.raises(ConfigError, match="dimensions"):
        distil(Model(), text=TEXT, options=Distil(min_count=1, dim=4))


def test_bad_input_is_told() -> None:
    with pytest.raises(DataError, match="frequent enough"):
        distil(Model(), text=TEXT, options=Distil(min_count=1000))
    with pytest.raises(DataError, match="no words"):
        distil(Model())
    with pytest.raises(DataError, match="come from the text"):
        distil(Model(), text=TEXT, words=["a"])


def test_models_of_both_kinds_know_their_words() -> None:
    bert = train(TEXT, BERT(layers=1, dim=8, heads=2, hidden=8, vocab_size=60, length=16, batch=64, epochs=1)).model
    elmo = train_elmo(TEXT, Elmo(cells=8, projection=4, filters=("1x4",), character_dim=3, batch=2, epochs=1)).model
    for model in (bert, elmo):
        found = distil(model)
        assert {"the", "cat", "dog", "rug"} <= set(found.words)
        assert found.words[0] == "the"  # the most frequent first
        np.testing.assert_allclose(found["cat"], model.encode([["cat"]])[0][0], atol=1e-5)
        again = distil(model, text=TEXT, options=Distil(min_count=4))
        rows = [row for s, v in zip(SENTENCES, model.encode(SENTENCES), strict=True)
                for w, row in zip(s, v, strict=True) if w == "cat"]  # fmt: skip
        np.testing.assert_allclose(again["cat"], np.mean(rows, axis=0), atol=1e-5)
