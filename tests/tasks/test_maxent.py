"""The maximum entropy classifier: verb or noun here, against scikit-learn, and on treebanks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import firth
from firth.errors import ConfigError, DataError, FormatError
from firth.events import EpochEnd
from firth.formats.base import Reading
from firth.formats.kinds import Parts, kinds
from firth.tasks.feature_templates import features_at, parse_templates, word_shape
from firth.tasks.maxent import MaxEntClassify, gather, train
from firth.tasks.maxent_fit import Loss, fit_adagrad, fit_lbfgs
from firth.text.conll import read_conllu

CHINESE = [
    ("我 吃 苹果", "r v n"), ("他 喝 水", "r v n"), ("我 喜欢 苹果", "r v n"), ("她 吃 梨", "r v n"),
    ("我 学习 汉语", "r v n"), ("他 的 学习 好", "r u n a"), ("我 的 工作 好", "r u n a"), ("他 工作", "r v"),
]  # fmt: skip
ENGLISH = [
    ("I watch birds", "PRON VERB NOUN"), ("my watch broke", "PRON NOUN VERB"), ("they watch films", "PRON VERB NOUN"),
    ("the watch stopped", "DET NOUN VERB"), ("we play games", "PRON VERB NOUN"), ("the play began", "DET NOUN VERB"),
]  # fmt: skip


def _pairs(text: list[tuple[str, str]]) -> list[tuple[list[str], list[str]]]:
    return [(words.split(), labels.split()) for words, labels in text]


@pytest.mark.parametrize("algorithm", ["lbfgs", "adagrad"])
def test_verb_or_noun_here(algorithm: str) -> None:
    model = train(_pairs(CHINESE), MaxEntClassify(algorithm=algorithm, epochs=30)).model
    assert model.predict(["我", "吃", "苹果"]) == ["r", "v", "n"]
    assert model.predict(["她", "喜欢", "梨"]) == ["r", "v", "n"]
    assert max(model.probabilities(["我", "工作"], 1).items(), key=lambda item: item[1])[0] == "v"
    assert model.predict(["她", "的", "工作", "好"])[2] == "n"
    model = train(_pairs(ENGLISH), MaxEntClassify(algorithm=algorithm, epochs=30)).model
    assert model.predict(["they", "play", "cards"])[1] == "VERB"
    assert model.predict(["the", "play", "stopped"])[1] == "NOUN"


def test_objective_and_probabilities_are_scikit_learns() -> None:
    config = MaxEntClassify(templates=("w[0]", "w[-1]", "suffix1[0]"), l2=0.5, tolerance=0, iterations=500)
    examples, features, labels = gather(_pairs(CHINESE), config, ())
    x, y = examples.features.toarray(), examples.labels
    # Its intercept has no penalty and ours is a feature like others, so it is left out there.
    oracle = LogisticRegression(C=1 / 0.5, fit_intercept=False, tol=1e-10, max_iter=10000).fit(x, y)
    weights = fit_lbfgs(examples, 0.0, 0.5, iterations=500, tolerance=0)
    ours, theirs = (Loss(examples, 0.5)(table.ravel())[0] for table in (weights, oracle.coef_.T))
    assert ours == pytest.approx(theirs, rel=1e-8)
    model = train(_pairs(CHINESE), config).model
    assert list(model.labels) == labels
    words = CHINESE[5][0].split()
    begin = sum(len(sentence.split()) for sentence, _ in CHINESE[:5])
    expected = oracle.predict_log_proba(x[begin : begin + len(words)])
    np.testing.assert_allclose(model.log_probs(words), expected, atol=1e-4)
    assert len(features) == x.shape[1]


def test_gradient_by_finite_differences() -> None:
    examples, _, _ = gather(_pairs(CHINESE), MaxEntClassify(templates=("w[0]", "w[-1]")), ())
    loss, random = Loss(examples, 0.3), np.random.default_rng(0)
    weights = random.normal(size=examples.features.shape[1] * examples.n_labels)
    gradient = loss(weights)[1]
    for place in random.choice(len(weights), 40, replace=False):
        step = np.zeros(len(weights))
        step[place] = 1e-6
        slope = (loss(weights + step)[0] - loss(weights - step)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, abs=1e-8)


def test_adagrad_nears_the_same_minimum_and_l1_gives_zeros() -> None:
    examples, _, _ = gather(_pairs(CHINESE), MaxEntClassify(templates=("w[0]", "w[-1]")), ())
    loss = Loss(examples, 0.5)
    best = loss(fit_lbfgs(examples, 0.0, 0.5, iterations=500, tolerance=0).ravel())[0]
    near = loss(fit_adagrad(examples, 0.0, 0.5, epochs=200, rate=0.5, batch=4).ravel())[0]
    assert best <= near < best * 1.01

    def whole(weights: np.ndarray) -> float:
        return loss(weights.ravel())[0] + 0.5 * np.abs(weights).sum() / len(examples.labels)

    exact, few = (
        fit_lbfgs(examples, 0.5, 0.5, iterations=500, tolerance=0),
        fit_adagrad(examples, 0.5, 0.5, epochs=200, rate=0.5, batch=4),
    )
    assert whole(exact) <= whole(few) < whole(exact) * 1.01
    zeros = exact == 0
    assert 0.3 < zeros.mean() < 1
    assert (few[zeros] == 0).mean() > 0.9
    repeated = fit_adagrad(examples, 0.5, 0.5, epochs=3, rate=0.5)
    np.testing.assert_array_equal(repeated, fit_adagrad(examples, 0.5, 0.5, epochs=3, rate=0.5))


def test_templates_take_what_they_say() -> None:
    templates = parse_templates(["w[-1]&suffix1-2[0]", "shape[+1]", "prefix4[0]", "length[0]", "lower[2]"])
    assert features_at(templates, ["The", "cats", "Sat-9"], 1) == [
        "w[-1]&suffix1[0]=The&s", "w[-1]&suffix2[0]=The&ts", "shape[1]=Xxx-9", "length[0]=4", "lower[2]=<eos>",
    ]  # fmt: skip
    assert features_at(templates, ["I"], 0) == ["shape[1]=<eos>", "length[0]=1", "lower[2]=<eos>"]
    assert word_shape("") == ""
    for wrong in ("word[0]", "w", "w[x]", "prefix[0]", "prefix3-1[0]", "w[0]&", "", "prefix0[0]"):
        with pytest.raises(ConfigError):
            MaxEntClassify(templates=(wrong,))


def last(sentence: list[str], position: int) -> list[str]:
    return ["last"] if position == len(sentence) - 1 else []


def place(sentence: list[str], position: int) -> dict[str, float]:
    return {"part": position / len(sentence)}


def test_features_of_your_own_with_values_and_in_a_file(tmp_path: Path) -> None:
    data = [(["x"] * n, ["B"] * (n - 1) + ["E"]) for n in range(2, 6)]
    trained = train(data, MaxEntClassify(templates=()), functions=[last, place])
    assert trained.model.accuracy(data) == 1
    assert set(trained.model.features) == {"last:last", "place:part", "bias"}
    firth.save(trained, tmp_path / "m")
    loaded = firth.load(tmp_path / "m")
    with pytest.raises(DataError, match="lacks its functions"):
        loaded.predict(["x", "x"])
    with pytest.raises(DataError, match="other functions"):
        loaded.with_functions(place)
    again = loaded.with_functions(last, place)
    np.testing.assert_array_equal(again.log_probs(["x"] * 3), trained.model.log_probs(["x"] * 3))


def test_bad_data_is_told() -> None:
    with pytest.raises(DataError, match="no examples"):
        train([])
    with pytest.raises(DataError, match="differ in number"):
        train([(["a", "b"], ["x"])])
    with pytest.raises(DataError, match="one name"):
        train(_pairs(CHINESE), functions=[last, last])
    with pytest.raises(DataError, match="finite"):
        train(_pairs(CHINESE), functions=[lambda sentence, position: {"x": float("nan")}])
    model = train([(["a", "b"], ["x", None])]).model
    assert model.predict(["b"]) == ["x"]
    assert model.predict([]) == []
    with pytest.raises(DataError, match="no word at"):
        model.probabilities(["a"], 1)


def test_rare_features_are_cut_and_the_loss_is_told() -> None:
    told: list[float] = []

    def listen(event: object) -> None:
        if isinstance(event, EpochEnd):
            told.append(event.loss)

    found = train(_pairs(CHINESE), MaxEntClassify(min_count=2), listen=listen)
    assert found.n_features < train(_pairs(CHINESE)).n_features
    assert told == sorted(told, reverse=True)
    assert found.n_examples == 5 * 3 + 2 * 4 + 2


def test_a_saved_model_answers_the_same(tmp_path: Path) -> None:
    trained = train(_pairs(CHINESE))
    firth.save(trained, tmp_path / "m")
    loaded = firth.load(tmp_path / "m")
    assert firth.inspect(tmp_path / "m").kind == "maxent-classifier"
    np.testing.assert_array_equal(loaded.log_probs(["我", "吃", "梨"]), trained.model.log_probs(["我", "吃", "梨"]))
    assert loaded.weights_of("v", 3) == trained.model.weights_of("v", 3)


@pytest.mark.parametrize("broken", ["templates", "functions", "shape", "nan", "labels", "template"])
def test_broken_folders_are_told(broken: str) -> None:
    kind = kinds()["maxent-classifier"]
    parts = kind.apart(train(_pairs(CHINESE)).model)
    config, tensors, words = dict(parts.config), dict(parts.tensors), dict(parts.words)
    if broken in ("templates", "functions"):
        config[broken] = {"w[0]": 1}
    elif broken == "template":
        config["templates"] = ["nonsense"]
    elif broken == "shape":
        tensors["weights"] = tensors["weights"][:-1]
    elif broken == "nan":
        tensors["weights"] = np.full_like(tensors["weights"], np.nan)
    else:
        del words["labels"]
    with pytest.raises(FormatError):
        kind.together(Parts(config, tensors, words), Reading())


def test_parts_of_speech_of_english(data: Callable[[str], Path]) -> None:
    read = [(s.forms, s.upos) for s in read_conllu(data("ud-en-ewt/en_ewt-ud-dev.conllu.gz"))]
    test = [(s.forms, s.upos) for s in read_conllu(data("ud-en-ewt/en_ewt-ud-test.conllu.gz"))][:300]
    templates = ("w[-1]", "w[0]", "w[1]", "suffix1-3[0]", "shape[0]")
    model = train(read[:1200], MaxEntClassify(templates=templates, iterations=15, min_count=2)).model
    assert model.accuracy(test) > 0.85
