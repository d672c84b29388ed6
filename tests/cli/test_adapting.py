"""The neural cache and dynamic evaluation from the command line, against the same in Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import firth
from firth.lm.dynamic import Dynamic, DynamicModel, mean_squares
from firth.lm.neural_cache import CachedModel, NeuralCache

from .conftest import Call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapting")
    (path / "train.txt").write_text("the cat sat on the mat\nthe dog lay on the log\n" * 20)
    (path / "new.txt").write_text("a zebra lay on the dog\n" * 10)
    from firth.lm.ngram import NGram
    from firth.lm.ngram import train as count
    from firth.lm.rnn import RNN, train

    made = train(path / "train.txt", RNN(dim=6, hidden=6, epochs=2, batch=2, bptt=5), threads=1)
    firth.save(made.model, path / "rnn")
    firth.save(count(path / "train.txt", NGram(order=1, smoothing="add-k")).model, path / "ngram")
    return path


def perplexity(call: Call, folder: Path, *options: object) -> float:
    done = call("evaluate", folder / "rnn", "--text", folder / "new.txt", "--json", *options)
    found: float = json.loads(done.out)[str(folder / "new.txt")]["perplexity"]
    return found


def test_the_cache(call: Call, folder: Path) -> None:
    model = firth.load(folder / "rnn")
    cached = CachedModel(model, NeuralCache(window=30, share=0.4, flatness=0.2))
    told = perplexity(call, folder, "--neural-cache", 30, "--cache-share", 0.4, "--flatness", 0.2)
    assert told == pytest.approx(cached.perplexity(folder / "new.txt").with_unknown)
    assert told < perplexity(call, folder)
    fitted = perplexity(call, folder, "--neural-cache", 30, "--fit-on", folder / "new.txt")
    assert fitted <= told * 1.0001


@pytest.mark.parametrize("update", ["sgd", "rms"])
def test_dynamic_evaluation(call: Call, folder: Path, update: str) -> None:
    model = firth.load(folder / "rnn")
    squares = mean_squares(model, folder / "train.txt") if update == "rms" else None
    dynamic = DynamicModel(model, Dynamic(update=update, rate=0.01, decay=0.002), squares)
    options = ["--dynamic-from", folder / "train.txt"] if update == "rms" else []
    told = perplexity(call, folder, "--dynamic", update, "--dynamic-rate", 0.01, "--dynamic-decay", 0.002, *options)
    assert told == pytest.approx(dynamic.perplexity(folder / "new.txt").with_unknown, rel=1e-6)


@pytest.mark.parametrize(
    ("model", "options", "code", "said"),
    [
        ("rnn", ("--neural-cache", "0"), 2, "window is too small"),
        ("rnn", ("--flatness", "0.1"), 2, "--neural-cache 2000"),
        ("rnn", ("--dynamic-rate", "0.1"), 2, "--dynamic sgd"),
        ("rnn", ("--neural-cache", "9", "--dynamic", "sgd"), 2, "exclude each other"),
        ("rnn", ("--neural-cache", "9", "--flatness", "0.1", "--fit-on", "new.txt"), 2, "leave it or them out"),
        ("rnn", ("--dynamic", "rms"), 2, "--dynamic-from"),
        ("rnn", ("--dynamic", "sgd", "--dynamic-from", "new.txt"), 2, "is for rms"),
        ("ngram", ("--neural-cache", "9"), 1, "neither a recurrent"),
    ],
)
def test_bad_input_is_one_line(  # noqa: PLR0917
    call: Call, folder: Path, model: str, options: tuple[str, ...], code: int, said: str
) -> None:
    words = [folder / word if word.endswith(".txt") else word for word in options]
    done = call("evaluate", folder / model, "--text", folder / "new.txt", *words)
    assert done.code == code
    assert said in done.complaint
