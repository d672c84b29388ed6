"""What the verbs print: results on stdout, as text for people and pipes or as JSON; notices on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from firth.events import Event, Notice

__all__ = ["STDIN_MARK", "error_line", "note", "note_event", "print_json", "print_table", "shown"]

# Stands for a bare "-" among the arguments, which the parser would take for an option; no argument can hold a NUL.
STDIN_MARK = "\0-"


def shown(text: object) -> str:
    r"""Return one printable line: control characters and invalid bytes become escapes.

    Examples
    --------
    >>> shown("two\nlines")
    'two\\nlines'
    """
    return "".join(c if c.isprintable() else _escaped(c) for c in str(text))


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8, kept by surrogateescape
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def error_line(text: str) -> None:
    """Print one line on stderr; silent where stderr is closed."""
    text = " ".join(text.replace(STDIN_MARK, "-").split())
    try:
        print(f"firth: {shown(text)}", file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        return


def note(text: str) -> None:
    """Print something that the user should know on stderr."""
    print(f"note: {shown(text)}", file=sys.stderr, flush=True)


def note_event(event: Event) -> None:
    """Print a notice of the library on stderr; a listener for verbs that show no progress."""
    if isinstance(event, Notice):
        note(event.message)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on stdout; lone surrogates (invalid bytes of a word) are escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, allow_nan=False)
    print(text)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Print a table on stdout: drawn on a terminal, tab-separated with a header line in a pipe."""
    if sys.stdout.isatty():
        from rich.console import Console

        from firth.evaluate.table import drawn

        Console(file=sys.stdout).print(drawn(columns, [[shown(cell) for cell in row] for row in rows], title=title))
        return
    for row in (columns, *rows):
        print("\t".join(shown(cell) for cell in row))
