"""Imports go downward only, the base install needs no torch, and ``import firth`` stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import firth

ROOT = Path(firth.__file__).parent

# From the top; a part may import what stands below it, and itself.
LAYERS = (
    ("cli",),
    ("explore", "compare", "compat", "plot", "plot_scores"),
    ("plot_labels", "plot_sheet"),
    ("formats", "evaluate"),
    ("tasks",),
    ("contextual",),  # a biLM is two language models
    ("static", "lm", "seq2seq"),
    ("vectors", "nn"),
    ("text",),
    ("errors", "config", "events", "checkpoint", "tensors", "disk", "protocols", "metrics", "_core"),
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
# Parts that stand at the foot but may import each other: errors below config and events, and so on.
FOOT = len(LAYERS) - 1
TORCH_PARTS = {"nn", "lm", "contextual", "seq2seq", "tasks"}


def part_of(path: Path) -> str:
    relative = path.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


def imported(path: Path) -> list[tuple[int, str]]:
    """Return line and dotted name of every import, also inside functions and for type checks."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.append((node.lineno, "relative"))
            elif node.module == "firth":
                found += [(node.lineno, f"firth.{alias.name}") for alias in node.names]
            else:
                found.append((node.lineno, node.module or ""))
    return found


SOURCES = [path for path in sorted(ROOT.rglob("*.py")) if path.name != "__init__.py" or path.parent != ROOT]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downward(path: Path) -> None:
    part = part_of(path)
    if part == "__main__":
        return
    assert part in LEVEL, f"{part} has no layer: add it to LAYERS as the design says"
    for line, name in imported(path):
        assert name != "relative", f"{path}:{line}: imports are absolute here"
        if not name.startswith("firth."):
            continue
        other = name.split(".")[1]
        if other in (part, "__version__"):
            continue
        assert other in LEVEL, f"{path}:{line}: {name} has no layer"
        below = LEVEL[other] > LEVEL[part] or LEVEL[other] == LEVEL[part] == FOOT
        assert below, f"{path}:{line}: {part} may not import {other}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_neural_parts_import_torch_at_the_top(path: Path) -> None:
    if part_of(path) in TORCH_PARTS:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [alias.name for node in top if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in top if isinstance(node, ast.ImportFrom)]
    assert not [name for name in names if name.split(".")[0] in ("torch", "tokenizers", "transformers")]


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_firth_loads_next_to_nothing() -> None:
    heavy = ["numpy", "scipy", "torch", "rich", "cyclopts", "matplotlib", "gensim", "rjieba", "sklearn"]
    code = f"import sys, firth; print(*[name for name in {heavy!r} if name in sys.modules])"
    assert run_python(code).split() == []


def test_every_public_name_loads_without_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import firth\n"
        "names = [name for name in firth.__all__ if name != '__version__']\n"
        "print(len(names), *[type(getattr(firth, name)).__name__ for name in names])"
    )
    count, *kinds = run_python(code).split()
    assert len(kinds) == int(count) > 8


def test_help_of_the_command_line_loads_no_verb() -> None:
    code = (
        "import sys\n"
        "from firth.cli.main import main\n"
        "main(['--help'])\n"
        "names = 'numpy', 'scipy', 'firth.cli.train', 'firth._core'\n"
        "print('loaded:', *[name for name in names if name in sys.modules])"
    )
    assert run_python(code).splitlines()[-1].split() == ["loaded:"]
