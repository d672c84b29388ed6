"""A way to call the command line in this process, and a small model and text."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firth.cli.main import main
from firth.formats.registry import save
from firth.vectors.static import Vectors


@dataclasses.dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("firth: ")
        return lines[0].removeprefix("firth: ")


Call = Callable[..., Outcome]


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Call:
    """Return a function that runs ``firth ARGUMENTS`` and gives exit code, stdout and stderr."""
    monkeypatch.setenv("FIRTH_CACHE", str(tmp_path_factory.mktemp("cache")))

    def run(*arguments: object, stdin: str | None = None) -> Outcome:
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ours in which man : woman = king : queen."""
    words = ["man", "woman", "king", "queen", "tree", "Root"]
    rows = [[1, 0, 0, 0.1], [1, 1, 0, 0.1], [1, 0, 1, 0.1], [1, 1, 1, 0.1], [0, 0, -0.2, 1], [0.1, 0, -0.3, 1]]
    path = tmp_path_factory.mktemp("models") / "royal"
    save(Vectors(words, np.array(rows, dtype=np.float32), counts=np.arange(6, 0, -1)), path)
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Sentences in which cats and dogs, and tea and coffee, stand in the same places."""
    lines = []
    for animal in ("cat", "dog", "hamster"):
        for drink in ("tea", "coffee", "milk"):
            lines += [f"the {animal} sleeps on the mat", f"she drinks {drink} in the morning", f"a {animal} runs"]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines * 8) + "\n")
    return path
