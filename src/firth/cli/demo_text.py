"""The text of ``firth demo``: what Python's standard library says about itself, found on any machine.

Docstrings and comments of the library's source files, and the language reference that ``help()`` shows, one paragraph a
line. The same Python gives the same text.
"""

from __future__ import annotations

import ast
import importlib
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from firth.errors import DataError

__all__ = ["collect", "paragraphs_of", "prose_of_source"]

# Tests repeat themselves, code pages are tables, the others are copies of packages that are not part of the library.
_LEFT_OUT = frozenset(
    {
        "__pycache__",
        "test",
        "tests",
        "idle_test",
        "site-packages",
        "dist-packages",
        "_vendor",
        "_bundled",
        "lib2to3",
        "encodings",
    }
)
# Ten times as fast as the tokenize module, and on the library's files it finds the same comments.
_STRING_OR_COMMENT = re.compile(
    r"""(?P<triple>"{3}|'{3})(?:\\.|(?!(?P=triple)).)*(?P=triple)"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\#(?P<comment>[^\n]*)""",
    re.DOTALL,
)
_MARKS = re.compile(r"^(!|-\*-|-+$|type:|pragma|noqa|pylint|pyright|mypy|fmt:|coding)", re.IGNORECASE)
_UNDERLINE = re.compile(r"^\s*([=\-~^*#\"'.+|])\1*\s*$")
_ROLE = re.compile(r":[a-z:]+:`~?\.?([^`]*)`")


def collect() -> list[str]:
    """Return the paragraphs of the text.

    Raises
    ------
    DataError
        When this Python has its library without source files.
    """
    found: list[str] = []
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [file for file in root.rglob("*.py") if not _LEFT_OUT.intersection(file.relative_to(root).parts)]
    for file in sorted(files):
        try:
            source = file.read_bytes()
        except OSError:
            continue
        found += prose_of_source(source)
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        topics = {}
    for name in sorted(topics):
        found += paragraphs_of(topics[name])
    if not found:
        raise DataError("this Python carries no source of its library", got=str(root), expected=".py files")
    return list(dict.fromkeys(found))


def prose_of_source(source: bytes) -> list[str]:
    """Return the paragraphs of the docstrings and comments of Python source; none where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    docstrings = (
        ast.get_docstring(node) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    )
    comments = _comments(source.decode("utf-8", "replace"))
    return [paragraph for text in (*docstrings, *comments) for paragraph in paragraphs_of(text)]


def _comments(source: str) -> Iterator[str]:
    """Yield each run of comments on lines of their own as one text, and each comment after code by itself."""
    run: list[str] = []
    end = 0
    for found in _STRING_OR_COMMENT.finditer(source):
        if found["comment"] is None:
            continue
        before = source[source.rfind("\n", 0, found.start()) + 1 : found.start()]
        between = source[end : found.start()]
        if run and (before.strip() or between.strip() or between.count("\n") != 1):
            yield "\n".join(run)
            run = []
        text = found["comment"].lstrip("#:").strip()
        run.append("" if _MARKS.match(text) else text)
        end = found.end()
        if before.strip():
            yield run.pop()
    if run:
        yield "\n".join(run)


def paragraphs_of(text: str) -> list[str]:
    """Return the paragraphs of prose, each on one line; examples, rules and fragments of a word or two are left out.

    Examples
    --------
    >>> paragraphs_of("Title here\\n==========\\n\\nAdd two\\nnumbers up.\\n\\n>>> add(1, 2)\\n3\\n")
    ['Title here', 'Add two numbers up.']
    """
    found: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in block.split("\n") if not _UNDERLINE.match(line)]
        if any(line.startswith((">>>", "...")) for line in lines):
            continue
        paragraph = _ROLE.sub(r"\1", " ".join(lines)).replace("``", " ").replace("*", " ").replace('"', " ")
        paragraph = " ".join(paragraph.split())
        if len(paragraph.split()) > 1 and any(c.isalpha() for c in paragraph):
            found.append(paragraph)
    return found
