"""The native text pass under a coverage-guided fuzzer, with address and undefined-behaviour checks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "fuzz"
NATIVE = Path(__file__).parents[2] / "native"
CHECKED = ["-std=c++20", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{NATIVE}"]
PARTS = ("text", "text_split", "text_words", "text_unicode", "text_merge", "text_pairs", "text_join")


def test_any_text_in_any_pieces(tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ on this machine")
    objects = []
    for source in (HERE / "text.cpp", *(NATIVE / f"{name}.cpp" for name in PARTS), HERE / "driver.cpp"):
        objects.append(tmp_path / f"{source.parent.name}-{source.stem}.o")
        coverage = [] if source.stem == "driver" else ["-fsanitize-coverage=trace-pc"]
        subprocess.run([compiler, *CHECKED, *coverage, "-c", str(source), "-o", str(objects[-1])], check=True)
    program = tmp_path / "fuzz"
    link = [compiler, "-fsanitize=address,undefined", *map(str, objects), "-o", str(program), "-lpthread"]
    subprocess.run(link, check=True)
    runs = os.environ.get("FIRTH_FUZZ_RUNS", "1500")
    done = subprocess.run([str(program), runs, "1"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    places = int(done.stdout.split(" places")[0].rsplit(" ", 1)[1])
    assert places > 1000, done.stdout
