"""The names of fastText's Python module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from firth.compat import fasttext
from firth.compat.fasttext_options import autotune_size
from firth.errors import ConfigError
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words


@pytest.fixture(name="path")
def labelled_path(tmp_path: Path) -> str:
    path = tmp_path / "train.txt"
    path.write_text("__label__warm sun and sand\n__label__cold snow and ice\n" * 50)
    return str(path)


def test_train_predict_save_and_load(path: str, tmp_path: Path) -> None:
    model = fasttext.train_supervised(path, dim=10, lr=0.5, epoch=6, wordNgrams=2, bucket=500, verbose=0, thread=1)
    assert sorted(model.labels) == ["__label__cold", "__label__warm"]
    labels, chances = model.predict("sun and sand", k=2)
    assert labels == ("__label__warm", "__label__cold")
    assert chances.dtype == np.float64
    assert chances[0] > 0.8 > chances[1]
    many, many_chances = model.predict(["sun", "ice"])
    assert many == [["__label__warm"], ["__label__cold"]]
    assert [len(found) for found in many_chances] == [1, 1]
    assert model.test(path) == (100, 1.0, 1.0)
    assert model.test_label(path)["__label__warm"] == {"precision": 1.0, "recall": 1.0, "f1score": 1.0}
    model.save_model(tmp_path / "model")
    again = fasttext.load_model(str(tmp_path / "model"))
    assert again.predict("sun and sand", k=2)[0] == labels
    with pytest.raises(ValueError, match="one line at a time"):
        model.predict("two\nlines")


def test_what_a_classifier_shows(path: str) -> None:
    model = fasttext.train_supervised(path, dim=6, minn=2, maxn=3, bucket=300, verbose=0)
    words, counts = model.get_words(include_freq=True)
    assert words[:2] == ["</s>", "and"]
    assert counts[:2].tolist() == [100, 100]
    assert model.get_labels(include_freq=True)[1].tolist() == [50, 50]
    texts, rows = model.get_subwords("sun")
    assert texts == ["sun", "<s", "<su", "su", "sun", "un", "un>", "n>"]
    assert rows[0] == model.get_word_id("sun")
    assert rows[2] == model.get_subword_id("<su")
    mean = np.mean([model.get_input_vector(int(row)) for row in rows], axis=0)
    np.testing.assert_allclose(model.get_word_vector("sun"), mean, atol=1e-6)
    np.testing.assert_allclose(model["sun"], mean, atol=1e-6)
    line = [*rows, *model.get_subwords("ice")[1], model.get_word_id("</s>")]
    expected = np.mean([model.get_input_vector(int(row)) for row in line], axis=0)
    np.testing.assert_allclose(model.get_sentence_vector("sun ice"), expected, atol=1e-6)
    assert model.get_input_matrix().shape == (len(words) + 300, 6)
    assert model.get_output_matrix().shape == (2, 6)
    assert model.get_dimension() == model.dim == 6
    assert "sun" in model
    assert "moon" not in model
    assert model.get_label_id("__label__warm") in (0, 1)
    with pytest.raises(ValueError, match="no row"):
        model.get_input_vector(10**6)


def test_quantising_in_place(path: str) -> None:
    model = fasttext.train_supervised(path, dim=10, lr=0.5, epoch=6, wordNgrams=2, bucket=500, verbose=0)
    assert not model.is_quantized()
    model.quantize(input=path, cutoff=6, retrain=True, qnorm=True, epoch=3, lr=0.5)
    assert model.is_quantized()
    assert len(model.words) <= 6
    assert model.test(path)[1] == 1.0
    with pytest.raises(ValueError, match="quantized"):
        model.get_input_matrix()
    with pytest.raises(ValueError, match="input file"):
        model.quantize(retrain=True)


def _vectors() -> SubwordVectors:
    random = np.random.default_rng(0)
    words = Words.of(["sea", "wave", "oven"])
    grams = NgramRows(random.normal(size=(50, 4)).astype(np.float32), 3, 4, 50)
    return SubwordVectors(words, Composed(random.normal(size=(3, 4)).astype(np.float32), grams, words), subwords=grams)


def test_vectors_with_ngrams() -> None:
    vectors = _vectors()
    model = fasttext.FastTextModel(vectors)
    for word in ("sea", "waves", "x"):
        expected = vectors[word] if vectors.knows(word) else np.zeros(4)
        np.testing.assert_allclose(model.get_word_vector(word), expected, atol=1e-6)
    unit = [vectors[word] / np.linalg.norm(vectors[word]) for word in ("sea", "waves")]
    np.testing.assert_allclose(model.get_sentence_vector("sea waves"), np.mean(unit, axis=0), atol=1e-6)
    cosine = float(vectors["sea"] @ vectors["wave"] / np.linalg.norm(vectors["sea"]) / np.linalg.norm(vectors["wave"]))
    near = {word: score for score, word in model.get_nearest_neighbors("sea", k=5)}
    assert near.keys() == {"wave", "oven"}
    assert near["wave"] == pytest.approx(cosine, abs=1e-6)
    assert {word for _, word in model.get_analogies("sea", "wave", "x")} == {"oven"}
    assert model.labels == model.words
    with pytest.raises(ValueError, match="supervised"):
        model.predict("sea")


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_vectors_trained_under_the_old_names(tmp_path: Path, model: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text("the cat sat here\nthe dog sat there\n" * 60)
    options = {"dim": 8, "minCount": 2, "epoch": 2, "bucket": 500, "minn": 2, "maxn": 3, "t": 0.1, "verbose": 0}
    trained = fasttext.train_unsupervised(str(path), model=model, ws=2, thread=1, **options)
    assert sorted(trained.words) == ["cat", "dog", "here", "sat", "the", "there"]
    assert isinstance(trained.firth, SubwordVectors)
    assert trained.firth.metadata["options"]["window"] == 2
    assert trained.firth.metadata["options"]["architecture"] == model
    np.testing.assert_allclose(trained.get_word_vector("cats"), trained.firth["cats"], atol=1e-6)
    assert len(trained.get_subwords("cat")[0]) == 8
    assert len(trained.get_nearest_neighbors("cat", k=3)) == 3
    with pytest.raises(ConfigError, match="no such model"):
        fasttext.train_unsupervised(str(path), model="glove")


def test_options_by_their_other_names_and_wrong_ones(path: str) -> None:
    model = fasttext.train_supervised(path, dim=4, min_count=60, word_ngrams=1, verbose=0)
    assert model.words == ["</s>", "and"]
    with pytest.raises(TypeError, match="unexpected keyword argument 'rate'"):
        fasttext.train_supervised(path, rate=1)
    with pytest.raises(ConfigError, match="no such loss"):
        fasttext.train_supervised(path, loss="hinge")
    with pytest.raises(ConfigError, match="range of character n-grams"):
        fasttext.train_supervised(path, minn=5, maxn=3)


def test_autotuning_down_to_a_size(path: str) -> None:
    model = fasttext.train_supervised(
        path, autotuneValidationFile=path, autotuneDuration=0.001, autotuneModelSize="200k", verbose=0
    )
    assert model.is_quantized()
    assert model.test(path)[1] > 0.9
    with pytest.raises(ConfigError, match="no size"):
        autotune_size("much")


def test_tokens() -> None:
    assert fasttext.tokenize("a b\tc\n d") == ["a", "b", "c", "</s>", "d"]
