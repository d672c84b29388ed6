"""Answers of fastText's classifier: Facebook's own models must answer as in Facebook's program."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firth.errors import ConfigError, DataError
from firth.tasks.fasttext import FastTextClassifier, all_buckets
from firth.tasks.fasttext_predict import Predictor, predict, test
from firth.tasks.fasttext_train import FastTextClassify, train
from firth.vectors.quantize import Quantized
from firth.vectors.storage import dense

NAMES = {"softmax": "softmax", "negative": "ns", "hierarchical": "hs", "one-vs-all": "one-vs-all"}


def _write(path: Path, lines: list[str]) -> Path:
    path.write_bytes(b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines))
    return path


@pytest.mark.parametrize("loss", NAMES)
@pytest.mark.parametrize(("ngrams", "minn", "maxn"), [(1, 0, 0), (3, 0, 0), (2, 2, 4)])
def test_facebooks_models_answer_as_in_facebooks_program(  # noqa: PLR0917
    tmp_path: Path,
    labelled: Callable[..., list[str]],
    fasttext: Callable[..., str],
    read_bin: Callable[[Path], FastTextClassifier],
    loss: str,
    ngrams: int,
    minn: int,
    maxn: int,
) -> None:
    path = _write(tmp_path / "train.txt", labelled(150, several=True))
    fasttext(
        "supervised", "-input", path, "-output", tmp_path / "fb", "-dim", 11, "-epoch", 4, "-lr", 0.6, "-thread", 1,
        "-loss", NAMES[loss], "-wordNgrams", ngrams, "-minn", minn, "-maxn", maxn, "-bucket", 1009, "-verbose", 0,
    )  # fmt: skip
    texts = [line.split(" ", 1)[1] for line in labelled(40, seed=3)]
    texts += ["", "unknownword", "née \udcff 水滴", "__label__fish sea", "a\tb\x0b c", "</s> fish"]
    asked = _write(tmp_path / "asked.txt", texts[:-1])  # there a </s> would end a line
    model = read_bin(tmp_path / "fb.bin")
    for k, threshold in ((1, 0.0), (3, 0.0), (-1, 0.2)):
        said = fasttext("predict-prob", tmp_path / "fb.bin", asked, k, threshold).split("\n")[:-1]
        for line, found in zip(said, predict(model, texts[:-1], k, threshold), strict=True):
            theirs = line.split()
            assert [label for label, _ in found] == theirs[::2]
            np.testing.assert_allclose([p for _, p in found], np.array(theirs[1::2], float), rtol=2e-5, atol=1e-6)
    tested = test(model, path, 2)
    n, precision, recall = (
        line.split("\t")[1] for line in fasttext("test", tmp_path / "fb.bin", path, 2).split("\n")[:3]
    )
    assert (str(tested.n), f"{tested.precision:.3g}", f"{tested.recall:.3g}") == (n, precision, recall)


def test_scores_of_labels(
    tmp_path: Path,
    labelled: Callable[..., list[str]],
    fasttext: Callable[..., str],
    read_bin: Callable[[Path], FastTextClassifier],
) -> None:
    path = _write(tmp_path / "train.txt", labelled(150))
    fasttext(
        "supervised", "-input", path, "-output", tmp_path / "fb", "-lr", 1, "-epoch", 25, "-thread", 1, "-verbose", 0
    )
    lines = labelled(60, seed=4, several=True)
    other = _write(tmp_path / "test.txt", [*lines, "no label", "__label__never seen"])
    said = fasttext("test-label", tmp_path / "fb.bin", other).split("\n")
    model = read_bin(tmp_path / "fb.bin")
    scores = {score.label: score for score in test(model, other).labels}
    gold = [{word for word in line.split() if word.startswith("__label__")} for line in lines]
    answers = [found[0][0] for found in predict(model, [re.sub(r"__label__\S+", "", line) for line in lines])]
    for line in said[: len(scores)]:
        parts = line.split()
        score = scores[parts[-1]]
        assert parts[5] == ("--------" if np.isnan(score.precision) else f"{score.precision:.6f}")
        # fastText 0.9.2 itself counts no label as gold here, so that its recall and F1 are not to be had.
        right = sum(answer == score.label and score.label in known for answer, known in zip(answers, gold, strict=True))
        assert score.recall == right / sum(score.label in known for known in gold)
    assert min(score.recall for score in scores.values()) > 0.3


def _small(**options: object) -> FastTextClassifier:
    lines = [("warm", "sun and sand"), ("cold", "snow and ice"), ("wet", "rain and sea")] * 40
    values = {"dim": 9, "rate": 0.5, "word_ngrams": 2, "buckets": 500, **options}
    return train(lines, FastTextClassify(**values), threads=1).model  # type: ignore[arg-type]


def test_any_store_of_rows_answers_as_its_dense_rows_do() -> None:
    model = _small()
    store = Quantized.of(model.input)
    texts = ["sun and ice", "", "rain", "nothing known here", "sea and sand and sun"]
    lazy = dataclasses.replace(model, input=store, output=Quantized.of(model.output))
    solid = dataclasses.replace(model, input=dense(store), output=dense(lazy.output))
    for found, expected in zip(predict(lazy, texts, -1), predict(solid, texts, -1), strict=True):
        assert [label for label, _ in found] == [label for label, _ in expected]
        np.testing.assert_allclose([p for _, p in found], [p for _, p in expected], rtol=1e-5)


def test_probabilities_follow_from_the_rows() -> None:
    model = _small(word_ngrams=1)
    rows = [model.words.find(word) for word in ("sun", "and", "ice", "</s>")]
    scores = model.output[:] @ np.asarray(model.input)[rows].mean(axis=0)
    p = np.exp(scores) / np.exp(scores).sum()
    found = predict(model, ["sun and ice strange"], -1)[0]
    assert [label for label, _ in found] == [model.labels[at] for at in np.argsort(-p)]
    np.testing.assert_allclose([value for _, value in found], np.sort(p)[::-1] + 1e-5, rtol=1e-5)


def test_missing_buckets_as_zeros_leave_the_order_of_labels() -> None:
    model = _small()
    whole = all_buckets(model)
    assert whole.kept is None
    assert whole.input.shape == (len(model.words) + 500, 9)
    for ours, theirs in zip(predict(model, ["sun ice rain"], -1), predict(whole, ["sun ice rain"], -1), strict=True):
        assert [label for label, _ in ours] == [label for label, _ in theirs]


def test_many_texts_on_many_threads_and_one_by_one_agree() -> None:
    model = _small()
    texts = [" ".join(["sun", "ice", "rain", "sea"][i % 4 : i % 4 + 2]) for i in range(9000)]
    together = predict(model, texts, 2, threads=3)
    assert len(together) == 9000
    assert together[:5] == [predict(model, [text], 2, threads=1)[0] for text in texts[:5]]
    assert together[8999] == together[3]


def test_a_text_of_several_lines_is_one_text() -> None:
    model = _small()
    assert predict(model, ["sun\nand\r\nice"]) == predict(model, ["sun and ice"])
    assert len(predict(model, ["a\nb", "c"])) == 2
    assert predict(model, []) == []


@pytest.mark.parametrize(("k", "threshold"), [(0, 0.0), (-2, 0.0), (1, 1.5), (1, -0.1), (1, float("nan"))])
def test_questions_out_of_range(k: int, threshold: float) -> None:
    with pytest.raises(ConfigError):
        predict(_small(), ["x"], k, threshold)


def test_what_cannot_be_asked_or_tested() -> None:
    model = _small()
    with pytest.raises(DataError, match="one text"):
        predict(model, "sun")
    with pytest.raises(DataError, match="not str"):
        predict(model, [1])  # type: ignore[list-item]
    with pytest.raises(DataError, match="no line has a label that the model knows"):
        test(model, [("strange", "sun")])


def test_lines_that_do_not_count_are_counted() -> None:
    tested = test(_small(), [("warm", "sun"), ([], "sun"), ("strange", "sun"), (["warm", "cold"], "sun")])
    assert (tested.n, tested.skipped) == (2, 2)
    assert tested.precision == 1.0
    assert tested.recall == pytest.approx(2 / 3)
    assert tested.as_dict()["labels"][0].keys() >= {"label", "precision", "recall", "f1"}


def test_predictors_are_made_once_and_let_go() -> None:
    import gc
    import weakref

    model = _small()
    assert Predictor.of(model) is Predictor.of(model)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
