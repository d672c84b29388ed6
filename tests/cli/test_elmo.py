"""ELMo from the command line: train, train on, evaluate in both directions, score, generate."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Call = Callable[..., Any]

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat saw the dog\n" * 4
OTHER = "the cat saw a log\nthe zebra sat\n"
SMALL = (
    "--cells", 8, "--projection", 6, "--filters", "1x4", "2x3", "--character-dim", 3, "--batch", 4, "--bptt", 6,
    "--epochs", 2, "--threads", 1,
)  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elmo")
    (folder / "train.txt").write_text(TEXT)
    (folder / "other.txt").write_text(OTHER)
    return folder


@pytest.fixture(scope="module")
def model(text: Path) -> Path:
    from firth.contextual.elmo import Elmo, train
    from firth.formats.registry import save

    config = Elmo(cells=8, projection=6, filters=("1x4",), character_dim=3, batch=4, bptt=6, epochs=3)
    save(train(text / "train.txt", config, threads=1), text / "model")
    return text / "model"


def test_from_text_to_vectors_and_perplexities(call: Call, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "made"
    made = call("train", "elmo", text / "train.txt", "--heldout", text / "other.txt", *SMALL, "--out", out)
    assert made.code == 0, made.err
    assert "held-out" in made.err
    from firth.formats.registry import load

    kept = load(out)
    assert kept.metadata["tokenizer"]["name"] == "words"
    assert kept.encode([["the", "zebra"]])[0].shape == (2, 12)
    done = call("evaluate", out, "--text", text / "other.txt", "--json")
    found = json.loads(done.out)[str(text / "other.txt")]
    assert (found["n_words"], found["n_sentences"], found["n_unknown"]) == (8, 2, 1)
    ways = [found[way]["log_prob"] for way in ("forward", "backward")]
    assert found["log_prob"] == pytest.approx(sum(ways) / 2)
    assert ways[0] != ways[1]


def test_evaluate_tells_both_directions_and_their_mean(call: Call, text: Path, model: Path) -> None:
    head, *rows = (line.split("\t") for line in call("evaluate", model, "--text", text / "other.txt").out.splitlines())
    assert head[:2] == ["text", "perplexity"]
    assert [row[0].rpartition(", ")[2] for row in rows] == ["forward", "backward", "mean"]
    forward, backward, mean = (float(row[1]) for row in rows)
    assert mean == pytest.approx(math.sqrt(forward * backward), abs=0.01)


def test_score_and_generate_take_the_forward_direction(call: Call, text: Path, model: Path) -> None:
    done = call("score", model, text / "other.txt")
    _, *lines = (line.split("\t") for line in done.out.splitlines())
    assert [line[1] for line in lines if line[3]] == ["zebra"]
    told = json.loads(call("evaluate", model, "--text", text / "other.txt", "--json").out)[str(text / "other.txt")]
    mean = np.mean([float(line[2]) for line in lines])
    assert told["forward"]["perplexity"] == pytest.approx(math.exp(-mean), rel=1e-3)
    drawn = call("generate", model, "-n", 2, "--context", "the cat").out.splitlines()
    assert len(drawn) == 2
    assert all(line.startswith("the cat") for line in drawn)


def test_a_model_is_trained_on_and_a_wrong_start_is_told(call: Call, text: Path, model: Path, tmp_path: Path) -> None:
    more = ("train", "elmo", text / "other.txt", "--batch", 2, "--bptt", 4, "--epochs", 1, "--threads", 1)
    assert call(*more, "--init", model, "--out", tmp_path / "on").code == 0
    wrong = call(*more, "--init", model, "--cells", 9, "--out", tmp_path / "no", "--quiet")
    assert wrong.code != 0
    assert "another cells" in wrong.complaint
    assert not (tmp_path / "no").exists()
    other = call("train", "word2vec", text / "train.txt", "--init", model, "--out", tmp_path / "no", "--quiet")
    assert "no word vectors" in other.complaint


def test_a_table_of_vectors_is_read(call: Call, text: Path, tmp_path: Path) -> None:
    vectors = tmp_path / "v.txt"
    vectors.write_text("the 1 0 0\ncat 0 1 0\nmat 0 0 1\n")
    out = tmp_path / "made"
    words = ("--input", "words", "--init", vectors, "--freeze", *SMALL)
    assert call("train", "elmo", text / "train.txt", *words, "--out", out).code == 0
    from firth.formats.registry import load

    kept = load(out)
    np.testing.assert_array_equal(kept.net.tokens.embedding[3:].detach().numpy(), np.eye(3, dtype=np.float32))
    spelled = call("train", "elmo", text / "train.txt", "--init", vectors, *SMALL, "--out", tmp_path / "no", "--quiet")
    assert "--input words" in spelled.complaint
