"""Shared fixtures. Data sets lie outside the repository; a test that needs one skips where it is absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Examples are drawn by the hundred on machines that have other work: none has a time limit.
settings.register_profile("firth", deadline=None)
settings.load_profile("firth")

DATA = Path(os.environ.get("FIRTH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Return a function from a name such as ``similarity-en/EN-WS-353-ALL.txt`` to its path, or skip."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"data set {name} is not on this machine (set FIRTH_DATA)")
        return path

    return find
