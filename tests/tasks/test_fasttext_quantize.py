"""Small classifiers: what is kept, what it costs, and training what is kept again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from firth.errors import ConfigError, DataError
from firth.tasks.fasttext import FastTextClassifier
from firth.tasks.fasttext_predict import predict, test
from firth.tasks.fasttext_quantize import prune, quantize
from firth.tasks.fasttext_retrain import train_again
from firth.tasks.fasttext_train import FastTextClassify, train
from firth.vectors.quantize import Quantized


@pytest.fixture(name="model")
def trained_model(labelled: Callable[..., list[str]]) -> FastTextClassifier:
    config = FastTextClassify(dim=12, word_ngrams=2, buckets=4000, rate=0.5, epochs=8)
    return train(_pairs(labelled(500)), config, threads=1).model


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    return [tuple(line.split(" ", 1)) for line in lines]  # type: ignore[misc]


def test_a_cutoff_keeps_the_rows_of_the_largest_norms_and_the_end_of_the_line(model: FastTextClassifier) -> None:
    small = prune(model, 40)
    assert small.input.shape == (40, 12)
    norms = np.linalg.norm(np.asarray(model.input), axis=1)
    expected = {model.words[row] for row in np.argsort(-norms)[:39].tolist() if row < len(model.words)} | {"</s>"}
    assert expected <= set(small.words)
    for place, word in enumerate(small.words):
        np.testing.assert_array_equal(small.input[place], model.input[model.words.find(word)])
        assert small.counts[place] == model.counts[model.words.find(word)]
    assert small.kept is not None
    assert model.kept is not None
    for bucket, row in small.kept.items():
        np.testing.assert_array_equal(
            small.input[len(small.words) + row], model.input[len(model.words) + model.kept[bucket]]
        )
    assert prune(model, 10**6) is model


def test_quantised_models_are_small_and_nearly_as_good(
    model: FastTextClassifier, labelled: Callable[..., list[str]]
) -> None:
    rest = _pairs(labelled(200, seed=8))
    whole = test(model, rest).precision
    assert whole > 0.9
    for options in ({}, {"qnorm": True}, {"cutoff": 150}, {"dsub": 4, "qout": True}):
        small = quantize(model, **options)  # type: ignore[arg-type]
        assert isinstance(small.input, Quantized)
        assert small.input.codes.nbytes < np.asarray(model.input).nbytes / 7
        assert test(small, rest).precision > whole - 0.06
        assert small.metadata["quantised"]["cutoff"] == options.get("cutoff", 0)


def test_the_same_seed_gives_the_same_bytes(model: FastTextClassifier) -> None:
    found = [quantize(model, qnorm=True, cutoff=100, threads=threads).input for threads in (1, 2)]
    assert isinstance(found[0], Quantized)
    assert isinstance(found[1], Quantized)
    assert found[0].codes.tobytes() == found[1].codes.tobytes()
    assert found[0][:].tobytes() == found[1][:].tobytes()


def test_training_again_mends_what_a_hard_cutoff_broke(
    model: FastTextClassifier, labelled: Callable[..., list[str]]
) -> None:
    text = _pairs(labelled(500))
    cut = quantize(model, cutoff=20)
    mended = quantize(model, cutoff=20, retrain=text, epochs=10, rate=0.5)
    assert mended.input.shape == (20, 12)
    assert list(mended.words) == list(cut.words)
    assert np.abs(mended.output[:] - model.output[:]).max() > 1e-3

    def loss(small: FastTextClassifier) -> float:
        answers = [dict(found) for found in predict(small, [line for _, line in text], -1)]
        return -float(np.mean([np.log(found[label]) for found, (label, _) in zip(answers, text, strict=True)]))

    assert loss(mended) < 0.9 * loss(cut)


def test_training_again_leaves_the_model_alone(model: FastTextClassifier, labelled: Callable[..., list[str]]) -> None:
    before = np.asarray(model.input).tobytes()
    again = train_again(model, _pairs(labelled(50)), epochs=1)
    assert np.asarray(model.input).tobytes() == before
    assert np.asarray(again.input).tobytes() != before


def test_what_cannot_be_done(model: FastTextClassifier) -> None:
    with pytest.raises(DataError, match="quantised already"):
        quantize(quantize(model))
    with pytest.raises(ConfigError, match="cutoff"):
        quantize(model, retrain=[("a", "b")])
    with pytest.raises(ConfigError, match="cutoff is too small"):
        quantize(model, cutoff=-3)
    with pytest.raises(DataError, match="no line has a label"):
        quantize(model, cutoff=30, retrain=[("strange", "sea")])
