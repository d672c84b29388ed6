"""A corpus among the files that Firth knows."""

from __future__ import annotations

from pathlib import Path

import pytest

import firth
from firth.errors import DataError, FirthError
from firth.formats.registry import inspect
from firth.text.corpus import Corpus, as_corpus


def test_a_corpus_is_known(tmp_path: Path) -> None:
    made = as_corpus(["the cat sat", "on the mat"], out=tmp_path / "corpus")
    told = inspect(tmp_path / "corpus")
    assert (told.format, told.kind, told.words) == ("corpus", "corpus", 5)
    assert (told.details["tokens"], told.details["sentences"], told.details["digest"]) == (6, 2, made.digest)
    loaded = firth.load(tmp_path / "corpus")
    assert isinstance(loaded, Corpus)
    assert loaded.digest == made.digest


def test_a_corpus_is_no_model(tmp_path: Path) -> None:
    as_corpus(["the cat sat"], out=tmp_path / "corpus")
    with pytest.raises(DataError, match="no model to save"):
        firth.save(firth.load(tmp_path / "corpus"), tmp_path / "copy")


def test_a_broken_corpus_is_one_error(tmp_path: Path) -> None:
    as_corpus(["the cat sat"], out=tmp_path / "corpus")
    (tmp_path / "corpus" / "ids.i32").write_bytes(b"\0")
    with pytest.raises(FirthError):
        inspect(tmp_path / "corpus")
