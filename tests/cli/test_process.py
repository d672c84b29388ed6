"""The command line as a process: signals, closed pipes, standard input, exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firth.formats.registry import load

SOURCE = str(Path(__file__).resolve().parents[2] / "src")


def environment(tmp_path: Path) -> dict[str, str]:
    paths = os.pathsep.join(path for path in (SOURCE, os.environ.get("PYTHONPATH", "")) if path)
    return os.environ | {"PYTHONPATH": paths, "FIRTH_CACHE": str(tmp_path / "cache"), "PYTHONUNBUFFERED": "1"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "firth", *map(str, arguments)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_training_with_one_line_and_leave_a_checkpoint(
    number: signal.Signals, code: int, text: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    arguments = command(
        "train", "word2vec", text, "--out", out, "--epochs", 1_000_000, "--min-count", 1, "--threads", 1
    )
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environment(tmp_path))
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "epoch 3 done" in line:
            process.send_signal(number)
            break
    rest = process.stderr.read().splitlines()
    assert process.wait(timeout=60) == code, lines + rest
    assert rest[-1].startswith("firth: interrupted; a checkpoint is in")
    assert rest[-1].endswith("--resume to go on")
    assert not any("Traceback" in line for line in rest)
    assert not out.exists()
    assert (tmp_path / "model.checkpoint").exists()


def test_a_reader_that_leaves_is_no_error(model: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("nearest", model, "-"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write(b"king\nqueen\nman\n")
    process.stdin.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""


def test_a_full_output_is_one_line(model: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command("nearest", model, "king"), stdout=full, stderr=subprocess.PIPE, text=True, check=False,
            env=environment(tmp_path), timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["firth"]
    assert "space" in done.stderr


def test_text_through_a_pipe_becomes_a_model(tmp_path: Path) -> None:
    out = tmp_path / "model"
    done = subprocess.run(
        command("train", "word2vec", "-", "--out", out, "--min-count", 1, "--dim", 4, "--epochs", 1),
        input="the cat sat\nthe dog sat\n" * 50, capture_output=True, text=True, check=False,
        env=environment(tmp_path), timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    assert set(load(out).words) == {"the", "sat", "cat", "dog"}


def test_exit_codes_reach_the_shell(tmp_path: Path) -> None:
    for arguments, code in (((), 0), (("--version",), 0), (("odd",), 2), (("inspect", tmp_path / "absent"), 1)):
        done = subprocess.run(
            command(*arguments), capture_output=True, text=True, check=False, env=environment(tmp_path), timeout=60
        )
        assert done.returncode == code
        assert len(done.stderr.splitlines()) == (1 if code else 0)


def test_a_narrow_terminal_encoding_shows_words_all_the_same(tmp_path: Path) -> None:
    import numpy as np

    from firth.formats.registry import save
    from firth.vectors.static import Vectors

    save(Vectors(["苹果", "梨子"], np.eye(2, dtype=np.float32) + 0.5), tmp_path / "m")
    done = subprocess.run(
        command("nearest", tmp_path / "m", "苹果"), capture_output=True, check=False, timeout=60,
        env=environment(tmp_path) | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"\\u68a8\\u5b50" in done.stdout


@pytest.mark.parametrize("arguments", [("train", "word2vec", "no text", "--out"), ("corpus", "no text", "--out")])
def test_a_cpu_level_that_is_none_is_told_before_the_text_is_read(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        command(*arguments, tmp_path / "out"),
        env=environment(tmp_path) | {"FIRTH_CPU": "foo"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("firth: FIRTH_CPU names no CPU level of this machine: got foo, expected one of ")


def test_a_query_tells_of_a_cpu_level_that_is_none(model: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command("nearest", model, "king"),
        env=environment(tmp_path) | {"FIRTH_CPU": "foo"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "FIRTH_CPU" in done.stderr
