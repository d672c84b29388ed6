"""The ``firth`` command: finds the verb, and turns every ending into one line and an exit code.

0 done; 1 failed; 2 bad command line; 130 and 143 interrupted by Ctrl-C and by SIGTERM; 141 the reader of our output
went away.
"""

from __future__ import annotations

import difflib
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from cyclopts import App, CycloptsError, UnknownCommandError, UnusedCliTokensError

from firth.cli.output import STDIN_MARK, error_line
from firth.errors import ConfigError, FirthError

__all__ = ["VERBS", "app", "main"]

VERBS = {
    "demo": "Train on text found on this machine, show what was learnt, and write it all into a folder.",
    "corpus": "Tokenise and count a text once, into a corpus that every trainer reads.",
    "train": "Train a model on texts or a corpus.",
    "task": "Train, run and score taggers, text classifiers and translators.",
    "compare": "Compare models under one protocol: what vectors are worth where labels are few.",
    "nearest": "Show the words nearest to each word.",
    "similarity": "Show the cosine of two words.",
    "analogy": "Find the word that is to C as B is to A.",
    "odd": "Find the word that does not belong.",
    "evaluate": "Score a model on similarity, analogy and word sense sets, or a language model on a text.",
    "score": "Show how likely a language model finds every word of a text, or rank guesses with it.",
    "senses": "Group the occurrences of a word in a text by their vectors in context.",
    "generate": "Draw sentences from a language model.",
    "embed": "Turn every sentence of a text into vectors.",
    "distil": "Take one vector a word out of a model of words in context.",
    "inspect": "Tell what a file or folder is and what can be done with it.",
    "convert": "Convert vectors from one format to another.",
}


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"firth {version('firth')}"
    except PackageNotFoundError:
        return "firth, run from a source tree"


app = App(
    name="firth",
    help="Representations of words: train them on your own text, look at them, score, use and convert them.",
    help_epilogue="Every verb takes --help. --debug shows the traceback of an error.",
    help_format="plaintext",
    version=_version,
    suppress_keyboard_interrupt=False,
)
for _place, (_verb, _help) in enumerate(VERBS.items()):
    app.command(
        f"firth.cli.{_verb}:{'app' if _verb in ('train', 'task', 'compare') else _verb}",
        name=_verb,
        help=_help,
        sort_key=_place,
    )


class _Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process if left out.

    Returns
    -------
    int
        The exit code.
    """
    if arguments is None:
        arguments = sys.argv[1:]
        _show_any_word()
    tokens, debug = _prepared(list(arguments))
    with _terminable():
        try:
            code = app(tokens, print_error=False, exit_on_error=False, result_action="return_value")
            sys.stdout.flush()
        except KeyboardInterrupt as stop:
            error_line("; ".join(["interrupted", *getattr(stop, "__notes__", [])]))
            return 143 if isinstance(stop, _Terminated) else 130
        except BrokenPipeError:
            _silence_stdout()
            return 141
        except Exception as error:
            if debug:
                raise
            text, code = _told(error)
            error_line(text)
            return code
    return code if isinstance(code, int) else 0


def _told(error: Exception) -> tuple[str, int]:
    """Return the line for an error, and the exit code."""
    if isinstance(error, CycloptsError):
        verb = " ".join(["firth", *(error.command_chain or ())])
        return f"{_misuse(error)} Try: {verb} --help", 2
    if isinstance(error, ConfigError):
        return str(error), 2
    if isinstance(error, FirthError):
        return str(error), 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}", 1
    if isinstance(error, MemoryError):
        return "not enough memory" + (f": {error}" if str(error) else ""), 1
    return f"internal error: {type(error).__name__}: {error}; please report it with what --debug shows", 1


def _misuse(error: CycloptsError) -> str:
    """Return one sentence about a bad command line."""
    error.verbose = False
    if isinstance(error, UnknownCommandError) and error.unused_tokens and error.app is not None:
        token = error.unused_tokens[0]
        names = [name for name in error.app if not name.startswith("-")]
        close = difflib.get_close_matches(token, names, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"expected one of {', '.join(names)}."
        return f"unknown {'model' if error.command_chain else 'command'} {token}: {hint}"
    if isinstance(error, UnusedCliTokensError):
        return f"one argument too many: {' '.join(error.unused_tokens or ())}."
    return str(error).strip()


def _prepared(tokens: list[str]) -> tuple[list[str], bool]:
    """Take ``--debug`` out, and mark each ``-`` as an argument, wherever they stand before ``--``."""
    end = tokens.index("--") if "--" in tokens else len(tokens)
    options = [STDIN_MARK if token == "-" else token for token in tokens[:end] if token != "--debug"]
    return options + tokens[end:], len(options) < end


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the work as Ctrl-C does: cleanly."""

    def stop(_number: int, _frame: FrameType | None) -> Any:
        raise _Terminated

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread, where signals cannot be caught
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show_any_word() -> None:
    """Escape what the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    """Point stdout at nothing, so that the flush at exit does not fail again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return
