"""Files from strangers: every fault is one FirthError that names the file, and memory stays small."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import firth
from firth import convert, inspect, load, save
from firth.errors import DataError, FirthError, FormatError
from firth.formats.registry import formats
from firth.vectors.static import Vectors

ROW = struct.pack("<3f", 1, 2, 3)
FAULTY: dict[str, bytes] = {
    "empty": b"",
    "header only, rows promised": b"3 5\n",
    "10^12 rows of text": b"1000000000000 300\na 1 2\n",
    "10^12 rows of binary": b"1000000000000 300\na \x00\x01\x02",
    "10^300 rows": b"1" + b"0" * 200 + b" 3\na 1 2 3\n",
    "huge dim": b"1 999999999999\na 1 2\n",
    "dim 0": b"1 0\na\n",
    "negative rows": b"-1 3\na 1 2 3\n",
    "negative dim": b"1 -3\na 1 2 3\n",
    "binary cut in a row": b"2 3\na " + ROW + b"b " + ROW[:7],
    "binary cut in a word": b"2 3\na " + ROW + b"bbbbbbbbbbbbbb",
    "binary with a row too many": b"1 3\na " + ROW + b"b " + ROW,
    "text with a row too many": b"1 3\na 1 2 3\nb 1 2 3\n",
    "text cut in a row": b"2 3\na 1 2 3\nb 1 2",
    "text with a word for a number": b"2 3\na 1 2 3\nb 1 x 3\n",
    "NaN in text": b"2 3\na 1 2 3\nb 1 nan 3\n",
    "infinity in text": b"2 3\na 1 2 3\nb 1 1e39 3\n",
    "NaN in binary": b"1 3\na " + struct.pack("<3f", 1, float("nan"), 3),
    "GloVe with a short row": b"a 1 2 3\nb 1 2 3\nc 1 2\n",
    "prose": b"It was the best of times, it was the worst of times.\n",
    "zeros": b"\x00" * 5000,
    "gz cut": gzip.compress(b"2 3\na 1 2 3\nb 1 2 3\n")[:-9],
    "gz broken": gzip.compress(os.urandom(4000))[:2000] + b"\xff" * 300,
    "bz2 cut": bz2.compress(b"2 3\na 1 2 3\nb 1 2 3\n")[:-9],
    "xz cut": lzma.compress(b"2 3\na 1 2 3\nb 1 2 3\n")[:-9],
    "zst cut": zstandard.compress(b"2 3\na 1 2 3\nb 1 2 3\n" * 99)[:-9],
    "gz with 10^12 rows": gzip.compress(b"1000000000000 300\na 1 2\n"),
    "gz with a huge dim": gzip.compress(b"1 999999999999\na 1 2\n"),
    "gz binary with a huge dim": gzip.compress(b"1 99999999999\na \x00\x01\x02"),
}


def refused(path: Path) -> None:
    tracemalloc.start()
    with pytest.raises(FirthError) as caught:
        load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert peak < 64 << 20


@pytest.mark.parametrize("fault", FAULTY)
def test_faulty_file(tmp_path: Path, fault: str) -> None:
    (tmp_path / "file").write_bytes(FAULTY[fault])
    refused(tmp_path / "file")


@pytest.mark.parametrize(
    ("content", "offset"),
    [
        (b"2 3\na 1 2 3\nb 1 x 3\n", 12),
        (b"2 3\naaaaaaaa " + ROW + b"b " + ROW[:7], 25),
        (b"1 3\na 1 2 3\nb 1 2 3\n", 12),
        (b"a 1 2 3\nb 1 2 3\nc 1 2\n", 16),
    ],
)
def test_the_offset_of_the_fault(tmp_path: Path, content: bytes, offset: int) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(FormatError) as caught:
        load(tmp_path / "file")
    assert caught.value.offset == offset


def test_missing_folder_and_special_files(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", Path(os.devnull)):
        with pytest.raises(DataError):
            load(path)
    with pytest.raises(FormatError):
        load(tmp_path)


def test_nan_is_kept_on_request(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(FAULTY["NaN in text"])
    assert np.isnan(load(tmp_path / "file", nonfinite="keep")["b"][1])


def model(folder: Path) -> Path:
    save(Vectors(["a", "b"], np.eye(2), counts=[2, 1], output=np.ones((2, 2))), folder / "model")
    return folder / "model"


def rewrite(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return apply


FAULTY_FOLDERS: dict[str, Callable[[Path], None]] = {
    "no matrix": lambda folder: (folder / "model.safetensors").unlink(),
    "no words": lambda folder: (folder / "vocab.txt").unlink(),
    "no config": lambda folder: (folder / "config.json").unlink(),
    "config of another kind": rewrite("config.json", lambda raw: b"[1, 2]"),
    "config nested without end": rewrite("config.json", lambda raw: b"[" * 100_000),
    "later schema": rewrite("config.json", lambda raw: raw.replace(b'"schema": 1', b'"schema": 99')),
    "odd policy": rewrite("config.json", lambda raw: raw.replace(b'"oov": "error"', b'"oov": ["x"]')),
    "a word too few": rewrite("vocab.txt", lambda raw: raw[:2]),
    "a word without its end": rewrite("vocab.txt", lambda raw: raw[:3]),
    "matrix cut": rewrite("model.safetensors", lambda raw: raw[:-1]),
    "table cut": rewrite("model.safetensors", lambda raw: raw[:20]),
    "table of 2^63 bytes": rewrite("model.safetensors", lambda raw: struct.pack("<Q", 1 << 63) + raw[8:]),
    "huge shape": rewrite("model.safetensors", lambda raw: raw.replace(b"[2,2]", b"[2,9]", 1)),
    "another type": rewrite("model.safetensors", lambda raw: raw.replace(b"F32", b"F16", 1)),
    "counts of doubles": rewrite("model.safetensors", lambda raw: raw.replace(b"I64", b"F64", 1)),
}


@pytest.mark.parametrize("fault", FAULTY_FOLDERS)
def test_faulty_folder(tmp_path: Path, fault: str) -> None:
    folder = model(tmp_path)
    FAULTY_FOLDERS[fault](folder)
    refused(folder)


# ---------------------------------------------------------------- what hypothesis finds
def tried(content: bytes, name: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        tracemalloc.start()
        try:
            vectors = load(path, format=name, nonfinite="keep", listen=lambda event: None)
            assert vectors.matrix.shape == (len(vectors.words), vectors.dim)
            assert all(vectors.words.find(word) == row for row, word in enumerate(vectors.words))
            inspect(path, format=name)
        except (DataError, FormatError):
            pass
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 64 << 20


FILES = st.sampled_from(["word2vec-text", "word2vec-binary", "glove", None])
TOKENS = st.lists(
    st.sampled_from([b"a", b" ", b"\n", b"\t", b"1", b"-2.5", b"1e5", b"\r\n", b"2 3\n", b"\xff", b"\x00", b"3 ", ROW]),
    max_size=40,
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), TOKENS), FILES)
def test_any_bytes(content: bytes, name: str | None) -> None:
    tried(content, name)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([".gz", ".bz2", ".xz", ".zst"]), TOKENS, st.integers(0, 400), st.binary(max_size=3))
def test_any_compressed_bytes(kind: str, content: bytes, at: int, patch: bytes) -> None:
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}[kind]
    packed = bytearray(pack(content))
    packed[at : at + len(patch)] = patch
    tried(bytes(packed), None)


def valid_files() -> dict[str, bytes]:
    vectors = Vectors(["the", "水", "ab"], np.arange(12, dtype=np.float32).reshape(3, 4) / 7)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in formats().items():
            if kind.write is not None and kind.takes(vectors) and name != "firth":
                save(vectors, Path(folder) / "file", format=name)
                found[name] = (Path(folder) / "file").read_bytes()
    return found


VALID = valid_files()


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(VALID)), st.integers(0, 200), st.integers(0, 20), st.binary(max_size=20), st.booleans())
def test_a_valid_file_changed_somewhere(name: str, at: int, gone: int, new: bytes, named: bool) -> None:
    content = VALID[name][:at] + new + VALID[name][at + gone :]
    tried(content, name if named else None)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["config.json", "model.safetensors", "vocab.bin"]),
    st.integers(0, 400),
    st.integers(0, 20),
    st.binary(max_size=20),
)
def test_a_valid_folder_changed_somewhere(name: str, at: int, gone: int, new: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        save(Vectors(["the", "two\nlines", "\udcff"], np.ones((3, 4)), counts=[3, 2, 1]), path)
        rewrite(name, lambda raw: raw[:at] + new + raw[at + gone :])(path)
        try:
            vectors = load(path)
            assert vectors.matrix.shape == (len(vectors), vectors.dim)
            list(vectors.words)
        except (DataError, FormatError):
            pass


# ---------------------------------------------------------------- writing where one cannot
def test_other_folders_and_files_are_never_replaced(tmp_path: Path) -> None:
    vectors = Vectors(["a"], [[1.0]])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="something else"):
        save(vectors, tmp_path / "mine")
    with pytest.raises(DataError, match="folder"):
        save(vectors, tmp_path / "mine", format="glove")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError):
        save(vectors, tmp_path / "file", format="firth")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]


FULL = """
import resource, signal, sys
import numpy as np
from firth import save, Vectors
from firth.errors import DataError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    save(Vectors([str(i) for i in range(1000)], np.ones((1000, 50))), sys.argv[1])
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["model", "v.bin", "v.txt", "v.glove.gz"])
def test_a_full_disk_leaves_the_old_and_nothing_else(tmp_path: Path, name: str) -> None:
    old = Vectors(["old"], [[1.0]])
    save(old, tmp_path / name)
    source = Path(firth.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", FULL.replace("np.ones((1000, 50))", "np.random.rand(1000, 50)"), str(tmp_path / name)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
        check=True,
    )
    assert "cannot write" in done.stdout
    assert "too large" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert list(load(tmp_path / name).words) == ["old"]


def test_an_interruption_leaves_the_old_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = model(tmp_path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("firth.formats.folder._write_words", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(Vectors(["new"], [[1.0]]), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert list(load(folder).words) == ["a", "b"]


@pytest.mark.parametrize("word", ["two words", "two\nlines"])
def test_words_that_binary_cannot_hold(tmp_path: Path, word: str) -> None:
    save(Vectors([word], [[1.0, 2.0]]), tmp_path / "model")
    with pytest.raises(DataError, match="cannot hold"):
        convert(tmp_path / "model", tmp_path / "v.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


KILLED = """
import os, signal, sys
import firth.formats.folder as folder
from firth import save, Vectors
folder._write_words = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
save(Vectors(["new"], [[1.0]]), sys.argv[1])
"""


def test_a_kill_leaves_the_old(tmp_path: Path) -> None:
    folder = model(tmp_path)
    source = Path(firth.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], env={**os.environ, "PYTHONPATH": str(source)}, check=False
    )
    assert done.returncode == -9
    assert list(load(folder).words) == ["a", "b"]
    left = [path.name for path in tmp_path.iterdir() if path.name != "model"]
    assert all(name.startswith(".firth-") for name in left)
