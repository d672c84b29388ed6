"""``firth task``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firth.cli.main import main


@pytest.fixture(name="lines")
def labelled_lines(tmp_path: Path) -> str:
    path = tmp_path / "lines.txt"
    path.write_text("__label__warm sun and sand\n__label__cold snow and ice\n" * 50)
    return str(path)


def test_train_run_and_evaluate(tmp_path: Path, lines: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "model")
    options = ["--dim", "8", "--rate", "0.5", "--word-ngrams", "2", "--heldout", lines]
    assert main(["task", "train", "classify", lines, "--model", "fasttext", "--out", out, *options]) == 0
    told = capsys.readouterr().err
    assert told.count("held-out loss") == 5
    asked = tmp_path / "asked.txt"
    asked.write_text("sun\n\nice and snow")
    assert main(["task", "run", out, str(asked), "-k", "2"]) == 0
    answers = capsys.readouterr().out.split("\n")
    assert [answers[at].split()[0] for at in (0, 2)] == ["__label__warm", "__label__cold"]
    assert len(answers) == 4
    assert main(["task", "run", out, str(asked), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["labels"][0] for answer in (found[0], found[2])] == ["__label__warm", "__label__cold"]
    assert found[0]["probabilities"][0] > 0.5
    assert main(["task", "evaluate", out, lines, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["n"], scores["precision"], scores["recall"]) == (100, 1.0, 1.0)
    assert [label["gold"] for label in scores["labels"]] == [50, 50]
    assert main(["task", "evaluate", out, lines]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t") == ["all", "100", "1.0000", "1.0000", "1.0000"]
    assert main(["inspect", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "classifier"


def test_autotuning_is_the_same_in_every_run(tmp_path: Path, lines: str, capsys: pytest.CaptureFixture[str]) -> None:
    models = []
    for name in ("a", "b"):
        out = str(tmp_path / name)
        options = ["--autotune-trials", "2", "--heldout", lines, "--dim", "4", "--epochs", "2"]
        assert main(["task", "train", "classify", lines, "--out", out, *options]) == 0
        models.append((tmp_path / name / "model.safetensors").read_bytes())
        assert json.loads((tmp_path / name / "config.json").read_text())["options"]["dim"] == 4
    assert models[0] == models[1]
    assert capsys.readouterr().err.count("trial ") == 4


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{lines}", "--minn", "4", "--maxn", "2"], 2, "range of character n-grams is empty"),
        (["{lines}", "--rate", "0"], 2, "--rate is too small"),
        (["{lines}", "--autotune-minutes", "1"], 2, "autotuning needs --heldout"),
        (["{lines}", "--label-prefix", "#"], 1, "none of the 100 lines has a label"),
        (["{folder}/nothing"], 1, "no such file"),
        (["{folder}/binary"], 1, "binary file"),
        (["{folder}/empty"], 1, "no lines"),
        (["{lines}", "--model", "forest"], 2, "forest"),
    ],
)
def test_bad_input_is_one_line(  # noqa: PLR0917
    tmp_path: Path, lines: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(32)) * 100)
    (tmp_path / "empty").write_bytes(b"")
    given = [argument.format(lines=lines, folder=tmp_path) for argument in arguments]
    assert main(["task", "train", "classify", *given, "--out", str(tmp_path / "out")]) == code
    told = capsys.readouterr().err.strip().splitlines()
    assert said in told[-1]
    assert len([line for line in told if line.startswith("firth:")]) == 1
    assert not (tmp_path / "out").exists()


def test_models_that_are_no_classifiers(tmp_path: Path, lines: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "v.vec").write_text("1 2\nking 1 0\n")
    for verb in ("run", "evaluate"):
        assert main(["task", verb, str(tmp_path / "v.vec"), lines]) == 1
        assert "holds no text classifier" in capsys.readouterr().err
