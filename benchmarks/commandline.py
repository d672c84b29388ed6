"""What the two scripts' command lines have in common."""

from __future__ import annotations

import argparse
import json
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from jobs import JOBS, PEERS, Job
from tables import update_page

__all__ = ["known_job", "read_common", "read_peers", "run_script", "show_tables", "split_names"]


def read_common(parser: argparse.ArgumentParser, arguments: list[str] | None) -> argparse.Namespace:
    """Parse ``arguments`` and check what both scripts need; a fault ends the program with one line."""
    options = parser.parse_args(arguments)
    if not options.table and options.corpus is None:
        parser.error("--corpus is missing: which text shall they train on?")
    if not options.table and not options.corpus.is_file():
        parser.error(f"--corpus {options.corpus}: no such file")
    for name in ("threads", "epochs", "repeats", "words"):
        value = getattr(options, name, None)
        if value is not None and value < 1:
            parser.error(f"--{name} {value}: expected at least 1")
    return options


def run_script(main: Callable[[], int]) -> NoReturn:
    """Run ``main``; a signal to end leaves by way of the clean-up, which ends the child and removes the copied text."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit("stopped") from None


def split_names(text: str) -> list[str]:
    """Return the names of a list with commas, without blanks."""
    return [name.strip() for name in text.split(",") if name.strip()]


def known_job(name: str) -> Job:
    """Return a job by name, or end the program with the names that exist."""
    if name not in JOBS:
        raise SystemExit(f"no such job: {name}; expected one of {', '.join(JOBS)}")
    return JOBS[name]


def read_peers(entries: list[str]) -> dict[str, Path]:
    """Return the programs given as ``NAME=PATH``.

    Examples
    --------
    >>> read_peers(["word2vec:ofast=bin/word2vec"])
    {'word2vec:ofast': PosixPath('bin/word2vec')}
    """
    peers = {}
    for entry in entries:
        name, equals, path = entry.partition("=")
        if not equals or name.partition(":")[0] not in PEERS:
            raise SystemExit(f"--peer {entry}: expected NAME=PATH with NAME one of {', '.join(PEERS)}")
        peers[name] = Path(path)
    return peers


def show_tables(files: list[Path], pages: list[Path], kind: str, make: Callable[[dict[str, Any]], str]) -> int:
    """Make tables of kept results, print them or write them into pages; return the exit status."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    for path, result in zip(files, results, strict=True):
        if result.get("kind") != kind:
            raise SystemExit(f"{path} is no result of this script: kind is {result.get('kind')!r}, expected {kind!r}")
    text = "\n\n".join(make(result) for result in results)
    for page in pages:
        update_page(page, kind, text)
    if not pages:
        print(text)
    return 0
