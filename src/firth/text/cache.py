"""Where corpora made from files are kept, and how they are found again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from firth.errors import FormatError
from firth.text import store
from firth.text.corpus import Corpus
from firth.text.sources import TextFile
from firth.text.tokenize import Tokenizer

__all__ = ["cache_folder", "entry_name", "find", "forget_older"]

# A file written again within one tick of the file system's clock shows no new time.
TICK = 0.02


def cache_folder(cache: bool | str | Path = True) -> Path:
    """Return the folder of cached corpora: the one given, or that of ``FIRTH_CACHE``, or the user's."""
    if not isinstance(cache, bool):
        return Path(cache)
    named = os.environ.get("FIRTH_CACHE")
    if named:
        return Path(named) / "corpora"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "firth" / "corpora"


def entry_name(files: Sequence[TextFile], how: Tokenizer, field: str | None) -> str | None:
    """Return the name of the corpus of these files in their present state, or None where it cannot be cached.

    The first half of the name stands for the paths and the options, the second for the state of the files.
    """
    if how.function is not None:
        return None
    identities = []
    for file in files:
        identity = file.identity()
        if identity is None:
            return None
        identities.append(identity)
    newest = max((max(times[2:4]) for times in identities), default=0) / 1e9
    age = time.time() - newest
    if 0 <= age < TICK:
        time.sleep(TICK - age)
        return entry_name(files, how, field)
    fixed = [store.SCHEMA, how.as_dict(), field, [identity[0] for identity in identities]]
    state = [identity[1:] for identity in identities]
    return "-".join(hashlib.blake2b(json.dumps(part).encode(), digest_size=12).hexdigest() for part in (fixed, state))


def find(folder: Path, name: str) -> Corpus | None:
    """Return the cached corpus, or None; one that is broken is removed."""
    entry = folder / name
    if not entry.is_dir():
        return None
    try:
        return Corpus(entry)
    except (FormatError, OSError):
        shutil.rmtree(entry, ignore_errors=True)
        return None


def forget_older(folder: Path, name: str) -> None:
    """Remove the corpora of the same files and options in an earlier state."""
    fixed = name.split("-", maxsplit=1)[0]
    with contextlib.suppress(OSError):
        for entry in list(folder.iterdir()):
            if entry.name.startswith(f"{fixed}-") and entry.name != name:
                shutil.rmtree(entry, ignore_errors=True)
