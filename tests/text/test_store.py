"""Corpora on disk: whole or not at all, checked when opened, found again, cleared away."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError, FirthError, FormatError
from firth.text import store
from firth.text.corpus import Corpus, as_corpus

FILES = [file for file, _, _ in store.ARRAYS.values()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    as_corpus([f"word{i % 50} the end" for i in range(300)], out=tmp_path / "corpus")
    return tmp_path / "corpus"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_bytes_are_the_same_for_any_number_of_threads(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("\n".join(f"word{i * i % 977} ends {i % 7}" for i in range(60_000)))
    made = [as_corpus(path, threads=n, out=tmp_path / f"c{n}") for n in (1, 2, 3, 8)]
    assert all(contents(corpus.path) == contents(made[0].path) for corpus in made[1:])
    made[0].verify()


@pytest.mark.parametrize("name", [*FILES, "config.json"])
@pytest.mark.parametrize("change", ["missing", "shorter", "longer"])
def test_a_broken_file_is_told(name: str, change: str, folder: Path) -> None:
    path = folder / name
    data = path.read_bytes()
    path.unlink()
    if change != "missing":
        path.write_bytes(data[:-9] if change == "shorter" else data + b"}")
    with pytest.raises(FormatError, match="config.json" if name == "config.json" else name.split(".", maxsplit=1)[0]):
        Corpus.open(folder)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from([*FILES, "config.json"]), at=st.integers(0, 1 << 16), byte=st.integers(0, 255))
def test_no_byte_crashes_the_reader(folder: Path, name: str, at: int, byte: int) -> None:
    path = folder / name
    good = path.read_bytes()
    bad = bytearray(good)
    bad[at % len(bad)] = byte
    path.write_bytes(bad)
    try:
        corpus = Corpus.open(folder)
        corpus.verify()
        assert bytes(bad) == good or name in ("config.json", "counts.i64")
    except FirthError:
        pass
    finally:
        path.write_bytes(good)


@pytest.mark.parametrize(
    ("key", "value"),
    [("schema", 2), ("schema", None), ("kind", "x"), ("n_tokens", 10**12), ("n_types", -1), ("n_tokens", True)],
)
def test_a_config_that_promises_wrongly_is_told(key: str, value: object, folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(FormatError):
        Corpus.open(folder)


def test_what_is_no_corpus_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_text("keep")
    with pytest.raises(DataError, match="no corpus"):
        as_corpus(["a b"], out=tmp_path / "photos")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    first = as_corpus(["a b"], out=tmp_path / "c")
    second = as_corpus(["c d"], out=tmp_path / "c")
    assert first.digest != second.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "photos"]


def test_a_corpus_without_a_place_is_gone_with_its_object() -> None:
    corpus = as_corpus(["a b"])
    path, ids = corpus.path, corpus.ids
    assert path.is_dir()
    del corpus
    assert not path.exists()
    assert ids.tolist() == [0, 1]


def test_a_broken_cached_corpus_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one two")
    first = as_corpus(tmp_path / "text")
    (first.path / "ids.i32").write_bytes(b"")
    assert list(as_corpus(tmp_path / "text").sentences()) == [["one", "two"]]


def test_older_states_of_a_text_are_forgotten(tmp_path: Path, own_cache: Path) -> None:
    for text in ("one", "one two", "one two three"):
        (tmp_path / "text").write_text(text)
        as_corpus(tmp_path / "text")
        as_corpus(tmp_path / "text", lower=True)
    assert len(list((own_cache / "corpora").iterdir())) == 2


def test_without_a_cache_folder_a_temporary_one_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FIRTH_CACHE", str(tmp_path / "file"))
    (tmp_path / "text").write_text("one two")
    told: list[object] = []
    assert as_corpus(tmp_path / "text", listen=told.append).n_tokens == 2
    assert "temporary" in str(told[0])


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store, "write_config", full)
    with pytest.raises(DataError, match="No space left on device"):
        as_corpus(["a b"], out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_native_pass_tells_a_full_disk(tmp_path: Path) -> None:
    import numpy as np

    from firth import _core

    full, ends = os.open("/dev/full", os.O_RDWR), os.open(tmp_path / "ends", os.O_RDWR | os.O_CREAT)
    work = _core.TextPass("words", False, False, 2, full, ends)
    work.feed(np.frombuffer(b"a b c", np.uint8))
    with pytest.raises(OSError, match="No space left on device"):
        work.finish()


SLOW = """
import sys, time
from firth import as_corpus
def lines():
    for i in range(10**9):
        yield "some words " * 1000
        if i == 3000:
            print("ready", flush=True)
as_corpus(lines(), out=sys.argv[1])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing_half_written(number: int, tmp_path: Path) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert run.stdout is not None
    assert run.stdout.readline() == b"ready\n"
    run.send_signal(number)
    begun = time.monotonic()
    _, error = run.communicate()
    assert time.monotonic() - begun < 30
    assert (b"KeyboardInterrupt" in error) == (number == signal.SIGINT)
    assert not (tmp_path / "out").exists()
    as_corpus(["a b"], out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_threads_are_a_positive_number(threads: object) -> None:
    with pytest.raises(ConfigError, match="threads"):
        as_corpus(["a"], threads=threads)  # type: ignore[arg-type]
