"""The gensim-named trainer, beside gensim itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gensim.models import Word2Vec as GensimWord2Vec

from firth.compat.gensim import Word2Vec
from firth.errors import ConfigError, DataError
from firth.static import word2vec as firth_word2vec


def _text(n: int = 400) -> list[list[str]]:
    random = np.random.default_rng(3)
    topics = [[f"{kind}{i}" for i in range(12)] for kind in "abc"]
    return [random.choice(topics[i % 3], 12).tolist() for i in range(n)]


OPTIONS = {"vector_size": 16, "min_count": 1, "window": 4, "epochs": 8, "seed": 2, "sg": 1, "sample": 0, "alpha": 0.05}


def _separation(wv: object) -> float:
    same = np.mean([wv.similarity(f"a{i}", f"a{j}") for i in range(12) for j in range(i)])  # type: ignore[attr-defined]
    other = np.mean([wv.similarity(f"a{i}", f"b{j}") for i in range(12) for j in range(12)])  # type: ignore[attr-defined]
    return float(same - other)


@pytest.mark.parametrize("change", [{}, {"sg": 0}, {"hs": 1, "negative": 0}, {"sg": 0, "cbow_mean": 0}])
def test_same_call_same_names_and_no_worse_vectors(change: dict[str, int]) -> None:
    options = {**OPTIONS, **change}
    ours, theirs = Word2Vec(_text(), **options), GensimWord2Vec(_text(), workers=1, **options)
    assert sorted(ours.wv.index_to_key) == sorted(theirs.wv.index_to_key)
    assert ours.vector_size == theirs.vector_size == ours.layer1_size
    assert (ours.corpus_count, ours.corpus_total_words) == (theirs.corpus_count, theirs.corpus_total_words)
    assert all(ours.wv.get_vecattr(w, "count") == theirs.wv.get_vecattr(w, "count") for w in ours.wv.index_to_key)
    assert _separation(ours.wv) > min(0.5, 0.9 * _separation(theirs.wv))


def test_the_three_steps_equal_the_one() -> None:
    whole = Word2Vec(_text(), **OPTIONS)
    steps = Word2Vec(**OPTIONS)
    steps.build_vocab(iter(_text()))
    assert len(steps.wv) == 36
    steps.train(_text(), total_examples=steps.corpus_count, epochs=steps.epochs)
    np.testing.assert_array_equal(steps.wv.vectors, whole.wv.vectors)


def test_update_adds_words_and_goes_on() -> None:
    model = Word2Vec(_text(), **OPTIONS)
    before = model.wv["a1"].copy()
    more = [["a1", "new"], ["a2", "new"]] * 30
    model.build_vocab(more, update=True)
    model.train(more, total_examples=len(more), epochs=2)
    assert "new" in model.wv
    assert "c3" in model.wv
    assert not np.allclose(model.wv["a1"], before)
    assert model.syn1neg.shape == model.wv.vectors.shape


def test_predicts_the_topic_of_a_context() -> None:
    model = Word2Vec(_text(), **{**OPTIONS, "sg": 0})
    best = model.predict_output_word(["a1", "a2", "unheard"], topn=5)
    assert best is not None
    assert [word[0] for word, _ in best] == ["a"] * 5
    assert model.predict_output_word(["unheard"]) is None


def test_corpus_file_save_and_load(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(line) for line in _text()))
    model = Word2Vec(corpus_file=path, **OPTIONS)
    np.testing.assert_array_equal(model.wv.vectors, Word2Vec(_text(), **OPTIONS).wv.vectors)
    model.save(tmp_path / "model")
    again = Word2Vec.load(tmp_path / "model")
    np.testing.assert_array_equal(again.wv.vectors, model.wv.vectors)
    np.testing.assert_array_equal(again.syn1neg, model.syn1neg)
    assert again.config == model.config


def test_what_cannot_be_honoured_is_refused() -> None:
    with pytest.raises(ConfigError, match="trim_rule"):
        Word2Vec(_text(), trim_rule=lambda *a: 0)
    with pytest.raises(ConfigError, match="nothing to train with"):
        Word2Vec(_text(), hs=0, negative=0)
    with pytest.raises(ConfigError, match="one of sentences"):
        Word2Vec(_text(), corpus_file="x", min_count=1)
    with pytest.raises(DataError, match="no text"):
        Word2Vec().train()
    with pytest.raises(DataError, match="update"):
        Word2Vec().build_vocab(_text(), update=True)


OTHER = [["stranger", "a1", "stranger", "a2"], ["stranger", "b1", "foreign", "b2"], ["stranger"]] * 40


def _built(change: dict[str, int]) -> tuple[Word2Vec, GensimWord2Vec]:
    ours, theirs = Word2Vec(**{**OPTIONS, **change}), GensimWord2Vec(workers=1, **{**OPTIONS, **change})
    for model in (ours, theirs):
        model.build_vocab(_text())
    return ours, theirs


def _counts(wv: object) -> dict[str, int]:
    return {word: int(wv.get_vecattr(word, "count")) for word in wv.index_to_key}  # type: ignore[attr-defined]


FORMS = [{}, {"sg": 0}, {"hs": 1, "negative": 0}, {"min_count": 130}]


@pytest.mark.parametrize("change", FORMS)
def test_a_built_vocabulary_outlives_training_on_another_text(change: dict[str, int]) -> None:
    ours, theirs = _built(change)
    start = {word: ours.wv[word].copy() for word in ours.wv.index_to_key}
    for model in (ours, theirs):
        model.train(OTHER, total_examples=len(OTHER), epochs=2)
    assert _counts(ours.wv) == _counts(theirs.wv)
    met = {"a1", "a2", "b1", "b2"} & start.keys()
    assert {word for word in start if not np.array_equal(ours.wv[word], start[word])} == met
    assert all(np.abs(start[word]).max() > 0 for word in start)


@pytest.mark.parametrize("text", [OTHER, [["a1", "a2", "a1", "stranger"]] * 40])
def test_a_trained_model_learns_no_word_unasked_and_counts_once(text: list[list[str]]) -> None:
    ours, theirs = Word2Vec(_text(), **OPTIONS), GensimWord2Vec(_text(), workers=1, **OPTIONS)
    before = {word: ours.wv[word].copy() for word in ours.wv.index_to_key}
    for _ in range(2):
        for model in (ours, theirs):
            model.train(text, total_examples=len(text), epochs=1)
    assert _counts(ours.wv) == _counts(theirs.wv)
    assert not np.array_equal(ours.wv["a1"], before["a1"])
    np.testing.assert_array_equal(ours.wv["c3"], before["c3"])


def test_train_again_without_a_text_takes_that_of_build_vocab() -> None:
    model = Word2Vec(_text(), **OPTIONS)
    before, counts = model.wv["c3"].copy(), _counts(model.wv)
    model.train(OTHER)
    model.train()
    assert _counts(model.wv) == counts
    assert not np.array_equal(model.wv["c3"], before)


@pytest.mark.parametrize("change", [{}, {"min_count": 3}, {"min_count": 100, "sg": 0}])
def test_update_counts_as_gensim_does(change: dict[str, int]) -> None:
    ours, theirs = _built(change)
    for model in (ours, theirs):
        model.build_vocab(OTHER, update=True)
        model.train(OTHER, total_examples=len(OTHER), epochs=1)
    assert "stranger" in ours.wv
    assert _counts(ours.wv) == _counts(theirs.wv)


def test_the_new_words_of_an_update_begin_at_random_and_the_old_stay() -> None:
    model = Word2Vec(_text(), **OPTIONS)
    before, output = model.wv.vectors.copy(), model.syn1neg.copy()
    model.build_vocab(OTHER, update=True)
    np.testing.assert_array_equal(model.wv.vectors[:36], before)
    np.testing.assert_array_equal(model.syn1neg[:36], output)
    assert len(np.unique(model.wv.vectors[36:])) > OPTIONS["vector_size"]
    assert not model.syn1neg[36:].any()


@pytest.mark.parametrize("change", [{"sg": 0}, {"hs": 1, "negative": 0}, {"min_count": 130, "sample": 1e-2}])
def test_the_three_steps_equal_the_one_in_every_form(change: dict[str, float]) -> None:
    whole, steps = Word2Vec(_text(), **{**OPTIONS, **change}), Word2Vec(**{**OPTIONS, **change})
    steps.build_vocab(_text())
    steps.train(_text())
    np.testing.assert_array_equal(steps.wv.vectors, whole.wv.vectors)
    direct = firth_word2vec.train(_text(), whole.config).vectors
    np.testing.assert_array_equal(direct.matrix, whole.wv.vectors)
    assert list(direct.words) == whole.wv.index_to_key


def test_no_epochs_and_no_known_word_are_refused() -> None:
    model = Word2Vec(_text(), **OPTIONS)
    before = model.wv.vectors.copy()
    with pytest.raises(ConfigError, match="epochs"):
        model.train(_text(), epochs=0)
    with pytest.raises(ConfigError, match="epochs"):
        Word2Vec(_text(), **{**OPTIONS, "epochs": 0})
    with pytest.raises(DataError, match="in the vocabulary"):
        model.train([["stranger", "foreign"]])
    with pytest.raises(DataError, match="no words"):
        model.train([])
    with pytest.raises(DataError, match="no vocabulary"):
        Word2Vec().train(_text())
    with pytest.raises(DataError, match="frequent enough"):
        Word2Vec([["once"]])
    np.testing.assert_array_equal(model.wv.vectors, before)
