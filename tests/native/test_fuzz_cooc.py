"""The counter of co-occurrences under a coverage-guided fuzzer, with address and undefined-behaviour checks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "fuzz"
NATIVE = Path(__file__).parents[2] / "native"
CHECKED = ["-std=c++20", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{NATIVE}"]
TARGETS = [HERE / "cooc.cpp", NATIVE / "cooc.cpp", NATIVE / "cooc_store.cpp"]


def test_any_text_and_options_give_the_plain_sums(tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ on this machine")
    parts = []
    for number, source in enumerate((*TARGETS, HERE / "driver.cpp")):
        parts.append(tmp_path / f"{number}.o")
        coverage = [] if source.stem == "driver" else ["-fsanitize-coverage=trace-pc"]
        subprocess.run([compiler, *CHECKED, *coverage, "-c", str(source), "-o", str(parts[-1])], check=True)
    program = tmp_path / "fuzz"
    subprocess.run([compiler, "-fsanitize=address,undefined", "-pthread", *map(str, parts), "-o", program], check=True)
    runs = os.environ.get("FIRTH_FUZZ_RUNS", "3000")
    done = subprocess.run([str(program), runs, "1"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    places = int(done.stdout.split(" places")[0].rsplit(" ", 1)[1])
    assert places > 60, done.stdout
