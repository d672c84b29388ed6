"""The verbs of language models: train ngram, evaluate --text, score, generate."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Call = Callable[..., Any]

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n" * 3
OTHER = "the cat saw a log\nthe zebra sat\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from firth.formats.registry import save
    from firth.lm.ngram import NGram, train

    place = tmp_path_factory.mktemp("lm")
    (place / "train.txt").write_text(TEXT)
    (place / "other.txt").write_text(OTHER)
    for name, order in (("two", 2), ("one", 1)):
        save(train(place / "train.txt", NGram(order=order, smoothing="witten-bell")), place / name)
    return place


def test_from_text_to_perplexity_in_two_commands(call: Call, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    made = call("train", "ngram", folder / "train.txt", "--order", 2, "--smoothing", "witten-bell", "--out", out)
    assert made.code == 0
    done = call("evaluate", out, "--text", folder / "other.txt", folder / "train.txt", "--json")
    found = json.loads(done.out)
    other = found[str(folder / "other.txt")]
    assert (other["n_words"], other["n_sentences"], other["n_unknown"]) == (8, 2, 1)
    assert other["perplexity"] > other["perplexity_without_unknown"] > found[str(folder / "train.txt")]["perplexity"]
    table = call("evaluate", out, "--text", folder / "other.txt").out.splitlines()
    assert table[0].split("\t")[:2] == ["text", "perplexity"]
    assert table[1].split("\t")[1] == f"{other['perplexity']:.2f}"


def test_score_tells_each_word_and_they_make_the_perplexity(call: Call, folder: Path) -> None:
    done = call("score", folder / "two", folder / "other.txt")
    head, *lines = (line.split("\t") for line in done.out.splitlines())
    assert head == ["sentence", "word", "log_prob", "unknown"]
    assert [line[1] for line in lines] == ["the", "cat", "saw", "a", "log", "<eos>", "the", "zebra", "sat", "<eos>"]
    assert [line[1] for line in lines if line[3]] == ["zebra"]
    mean = np.mean([float(line[2]) for line in lines])
    assert f"perplexity {math.exp(-mean):.1f}" in done.err
    whole = call("score", folder / "two", folder / "other.txt", "--sentences").out.splitlines()
    assert float(whole[1].split("\t")[0]) == pytest.approx(sum(float(line[2]) for line in lines[:6]), abs=1e-3)
    records = [
        json.loads(line) for line in call("score", folder / "two", folder / "other.txt", "--json").out.splitlines()
    ]
    assert records[1]["unknown"] == [False, True, False, False]


def test_score_reads_standard_input(call: Call, folder: Path) -> None:
    done = call("score", folder / "two", "-", stdin="the cat\n")
    assert [line.split("\t")[1] for line in done.out.splitlines()[1:]] == ["the", "cat", "<eos>"]


def test_guesses_are_ranked(call: Call, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "guesses.txt"
    path.write_text("1 ||| mat the on sat ||| 0.0\n1 ||| sat on the mat ||| 0.0\n")
    done = call("score", folder / "two", "--nbest", path)
    assert [line.split(" ||| ")[1] for line in done.out.splitlines()] == ["sat on the mat", "mat the on sat"]
    assert len(call("score", folder / "two", "--nbest", path, "--best").out.splitlines()) == 1


def test_mixing_with_fitted_shares(call: Call, folder: Path) -> None:
    mix = ("--with", folder / "one", "--cache", 20, "--fit-on", folder / "train.txt")
    done = call("evaluate", folder / "two", "--text", folder / "train.txt", *mix, "--json")
    assert "shares fitted on" in done.err
    alone = json.loads(call("evaluate", folder / "two", "--text", folder / "train.txt", "--json").out)
    mixed = json.loads(done.out)
    name = str(folder / "train.txt")
    assert mixed[name]["perplexity"] <= alone[name]["perplexity"] * 1.0001
    fixed = call("score", folder / "two", folder / "other.txt", "--with", folder / "one", "--shares", 0, "--shares", 1)
    plain = call("score", folder / "one", folder / "other.txt")
    assert fixed.out == plain.out


def test_samples_and_next_words(call: Call, folder: Path) -> None:
    done = call("generate", folder / "two", "-n", 4, "--seed", 3, "--context", "the")
    assert done.code == 0
    assert all(line.split()[0] == "the" for line in done.out.splitlines())
    assert len(done.out.splitlines()) == 4
    assert done.out == call("generate", folder / "two", "-n", 4, "--seed", 3, "--context", "the").out
    greedy = call("generate", folder / "two", "-n", 2, "--temperature", 0).out.splitlines()
    assert greedy[0] == greedy[1]
    likely = call("generate", folder / "two", "--next", "--context", "sat", "-n", 1).out.splitlines()
    assert likely[1].split("\t")[0] == "on"
    assert json.loads(call("generate", folder / "two", "--json", "-n", 1).out)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("score", "two"), 2, "nothing to score"),
        (("score", "two", "other.txt", "--nbest", "other.txt"), 2, "takes the place of a text"),
        (("score", "two", "missing.txt"), 1, "missing.txt"),
        (("score", "two", "--nbest", "missing.txt"), 1, "missing.txt"),
        (("score", "two", "--nbest", "other.txt"), 1, "no guess"),
        (("score", "missing", "other.txt"), 1, "missing"),
        (("evaluate", "two", "--text", "other.txt", "--shares", "1"), 2, "nothing to mix"),
        (("evaluate", "two", "--text", "other.txt", "--with", "one", "--shares", "0.5"), 2, "improper shares"),
        (("evaluate", "two", "--text", "other.txt", "--cache", "0"), 2, "improper cache"),
        (("evaluate", "two", "--text", "other.txt", "--analogies", "other.txt"), 2, "language models alone"),
        (("evaluate", "two", "--analogies", "other.txt"), 1, "no word vectors"),
        (("generate", "two", "--context", "zebra"), 1, "zebra"),
        (("generate", "two", "--top-p", "1.5"), 2, "top_p is too large"),
        (("generate", "two", "-n", "-1"), 2, "too small"),
    ],
)
def test_bad_input_is_one_line(call: Call, folder: Path, words: tuple[str, ...], code: int, said: str) -> None:
    names = {"two", "one", "other.txt", "missing.txt", "missing"}
    done = call(*(folder / word if word in names else word for word in words))
    assert done.code == code
    assert said in done.complaint


def test_vectors_are_no_language_model(call: Call, model: Path, folder: Path) -> None:
    assert "no language model" in call("evaluate", model, "--text", folder / "other.txt").complaint


def test_a_transformer_from_text_to_samples(call: Call, folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    small = ("--layers", 1, "--dim", 8, "--heads", 2, "--hidden", 8, "--epochs", 2, "--batch", 2, "--bptt", 8)
    made = call("train", "transformer", folder / "train.txt", *small, "--heldout", folder / "other.txt",
                "--threads", 1, "--out", tmp_path / "gpt")  # fmt: skip
    assert made.code == 0, made.err
    found = json.loads(call("evaluate", tmp_path / "gpt", "--text", folder / "other.txt", "--json").out)
    assert 1 < found[str(folder / "other.txt")]["perplexity"] < 20
    assert len(call("generate", tmp_path / "gpt", "-n", 3).out.splitlines()) == 3
    assert "Transformer" in call("inspect", tmp_path / "gpt").out
    bad = call("train", "transformer", folder / "train.txt", "--heads", 3, "--dim", 10, "--out", tmp_path / "no")
    assert bad.code == 2
    assert "no multiple of heads" in bad.err
