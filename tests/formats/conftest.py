"""The fastText program, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def fasttext() -> Callable[..., bytes]:
    """Return a function that runs Facebook's program and returns what it prints, or skip."""
    program = shutil.which("fasttext")
    if program is None:
        pytest.skip("Facebook's fastText is not on this machine (Debian's package fasttext)")

    def run(*arguments: object, feed: bytes = b"") -> bytes:
        done = subprocess.run([program, *map(str, arguments)], input=feed, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
