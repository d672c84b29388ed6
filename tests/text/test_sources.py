"""Files of every kind: compressed, JSON lines, folders, globs, standard input; and broken ones."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firth.errors import DataError, FirthError, FormatError
from firth.text import sources
from firth.text.corpus import Corpus, as_corpus

TEXT = "".join(f"line {i} of the text is a little longer than {i - 1}\n" for i in range(3000)).encode()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


def long_window(data: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, enable_ldm=True)
    return zstandard.ZstdCompressor(compression_params=parameters).compress(data)


COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "zstd of a long window": long_window,
}


@pytest.fixture
def plain(tmp_path: Path) -> Corpus:
    path = tmp_path / "plain.txt"
    path.write_bytes(TEXT)
    return as_corpus(path)


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_compression_is_seen_by_content(kind: str, tmp_path: Path, plain: Corpus) -> None:
    path = tmp_path / "text.whatever"
    path.write_bytes(COMPRESSORS[kind](TEXT))
    assert as_corpus(path).digest == plain.digest


@pytest.mark.parametrize("kind", COMPRESSORS)
def test_files_of_several_members_are_read_to_the_end(kind: str, tmp_path: Path, plain: Corpus) -> None:
    path = tmp_path / "text"
    path.write_bytes(COMPRESSORS[kind](TEXT[:5000]) + COMPRESSORS[kind](b"") + COMPRESSORS[kind](TEXT[5000:]))
    assert as_corpus(path).digest == plain.digest


@pytest.mark.parametrize("kind", COMPRESSORS)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_told(kind: str, kept: float, tmp_path: Path) -> None:
    path = tmp_path / "text"
    data = COMPRESSORS[kind](TEXT)
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(FormatError, match=r"cut short|broken"):
        as_corpus(path)


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_a_corrupted_file_is_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    data = bytearray(COMPRESSORS[kind](TEXT))
    middle = len(data) // 2
    data[middle : middle + 8] = bytes(byte ^ 0xFF for byte in data[middle : middle + 8])
    path.write_bytes(data)
    with pytest.raises(FormatError):
        as_corpus(path)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from([b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b""]),
    rest=st.binary(max_size=200),
)
def test_no_file_crashes_the_readers(tmp_path: Path, head: bytes, rest: bytes) -> None:
    path = tmp_path / "hostile"
    path.write_bytes(head + rest)
    for options in ({}, {"field": "text"}, {"tokenizer": "whitespace"}):
        with contextlib.suppress(FirthError):
            as_corpus(path, cache=False, **options).verify()  # type: ignore[arg-type]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone two")
    (tmp_path / "b").write_bytes(gzip.compress(b"\xef\xbb\xbfone two"))
    for name in ("a", "b"):
        assert list(as_corpus(tmp_path / name, tokenizer="whitespace").sentences()) == [["one", "two"]]


def test_carriage_returns_are_white_space(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one two\r\nthree\r\n\r\n")
    for tokenizer in ("words", "whitespace"):
        assert list(as_corpus(tmp_path / "a", tokenizer=tokenizer).sentences()) == [["one", "two"], ["three"]]


def test_invalid_bytes_are_kept_counted_and_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("caf\xe9 café caf\xe9".encode("latin-1"))
    told: list[object] = []
    corpus = as_corpus(tmp_path / "a", listen=told.append)
    assert corpus.n_invalid == 3
    assert "3 tokens" in str(told[0])
    word = corpus.vocab.words[0]
    assert word.encode("utf-8", "surrogateescape") == b"caf\xe9"
    again: list[object] = []
    as_corpus(tmp_path / "a", listen=again.append)
    assert again == told


@pytest.mark.parametrize("data", [b"\x7fELF" + bytes(5000), "word ".encode("utf-16"), os.urandom(5000)])
def test_what_is_no_text_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b").write_bytes(gzip.compress(data))
    for name in ("a", "b"):
        with pytest.raises(DataError, match=r"binary|UTF-16"):
            as_corpus(tmp_path / name)


def test_a_few_nul_bytes_are_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one t\0wo " * 3 + b"three " * 100)
    assert "t\0wo" in as_corpus(tmp_path / "a", tokenizer="whitespace").vocab


@pytest.mark.parametrize("tokenizer", ["whitespace", "words", "chars"])
def test_one_long_line_and_one_long_token(tokenizer: str, tmp_path: Path) -> None:
    (tmp_path / "line").write_bytes(b"ab cd " * 2_000_000)
    corpus = as_corpus(tmp_path / "line", tokenizer=tokenizer)
    assert corpus.n_sentences == 1
    assert corpus.n_tokens == (8_000_000 if tokenizer == "chars" else 4_000_000)
    (tmp_path / "token").write_bytes(b"x" * 5_000_000)
    corpus = as_corpus(tmp_path / "token", tokenizer=tokenizer)
    assert len(corpus.vocab.words[0]) == (1 if tokenizer == "chars" else 5_000_000)


def test_folders_are_read_in_order_without_hidden_files(tmp_path: Path) -> None:
    for name, text in {"b.txt": "two", "a/z.txt": "one", ".git/x": "hidden", "a/.y": "hidden"}.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(text)
    assert list(as_corpus(tmp_path / "data").sentences()) == [["one"], ["two"]]
    assert list(as_corpus(str(tmp_path / "data" / "*.txt")).sentences()) == [["two"]]
    assert list(as_corpus(str(tmp_path / "data" / "**" / "*.txt")).sentences()) == [["one"], ["two"]]
    with pytest.raises(DataError, match="no file matches"):
        as_corpus(str(tmp_path / "*.nothing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no files"):
        as_corpus(tmp_path / "empty")


def test_a_list_of_names_is_told_apart_from_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path(name).write_text(f"text of {name}")
    told: list[object] = []
    assert as_corpus(["a", "b"], listen=told.append).n_tokens == 6
    assert "2 paths" in str(told[0])
    with pytest.raises(DataError, match="some of the list are files"):
        as_corpus(["a", "c"])


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"text": "one two", "id": 1}, {"text": "three\nfour"}, {"text": ["five", "six"]}, {"text": "lone \ud83d"}]
    path.write_text("\n\n".join(map(json.dumps, rows)) + "\n")
    lines = list(as_corpus(path, field="text", tokenizer="whitespace").sentences())
    assert lines == [["one", "two"], ["three"], ["four"], ["five"], ["six"], ["lone", "\udced\udca0\udcbd"]]
    (tmp_path / "x.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert list(as_corpus(tmp_path / "x.gz", field="text", tokenizer=str.split).sentences()) == lines


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{oops", "line 2 is not JSON"),
        ("[" * 100_000, "line 2 is not JSON"),
        ("[1]", "line 2 of .* is no JSON object"),
        ('{"body": "x"}', "line 2 of .* has no field 'text'.*body"),
        ('{"text": 5}', "field 'text' in line 2 .* is no text"),
        ('{"text": null}', "is no text"),
    ],
)
def test_broken_json_lines_are_told_by_number(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "fine"}\n' + line + "\n")
    with pytest.raises(FirthError, match=message):
        as_corpus(path, field="text")


def test_json_lines_without_a_field_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "fine"}\n')
    with pytest.raises(DataError, match="field"):
        as_corpus(path)


def test_standard_input(tmp_path: Path, plain: Corpus) -> None:
    program = "import sys; from firth import as_corpus; print(as_corpus('-').digest)"
    for data in (TEXT, gzip.compress(TEXT)):
        done = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, check=True)
        assert done.stdout.decode().strip() == plain.digest


def test_a_named_pipe_is_read_once(tmp_path: Path, plain: Corpus) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[TEXT])
    writer.start()
    assert as_corpus(path).digest == plain.digest
    writer.join()


def test_decompression_is_done_in_bounded_pieces() -> None:
    bomb = io.BytesIO(zstandard.ZstdCompressor(level=19).compress(bytes(1 << 29)))
    largest = max(map(len, sources._zstd(bomb)))
    assert largest <= 1 << 28


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("text")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(DataError, match="Permission denied"):
        as_corpus(path)
