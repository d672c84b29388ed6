"""Folders of counts and GloVe's own files, from and to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import firth
from firth.errors import DataError, FormatError
from firth.formats.registry import inspect, load, save
from firth.static.cooccurrence import Cooc, train
from firth.static.counts import CooccurrenceMatrix, PPMIMatrix, WordByWord
from firth.static.ppmi import weigh
from firth.static.shards import merge

TEXT = ["the cat sat on the mat", "le chat était sur le tapis", "水 鸭 水", "the dog sat on the cat"]
RECORD = np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f8")])


@pytest.fixture
def counts() -> CooccurrenceMatrix:
    return train(TEXT, Cooc(window=3, min_count=1)).model


def same(a: WordByWord, b: WordByWord) -> None:
    assert type(a) is type(b)
    assert list(a.words) == list(b.words)
    for name in ("counts", "indptr", "indices", "values"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).dtype == getattr(b, name).dtype


@pytest.mark.parametrize("mmap", [True, False])
def test_a_folder_gives_back_what_was_saved(counts: CooccurrenceMatrix, tmp_path: Path, *, mmap: bool) -> None:
    for model in (counts, weigh(counts)):
        save(model, tmp_path / "m")
        found = load(tmp_path / "m", mmap=mmap)
        same(found, model)
        assert found.metadata["options"] == model.metadata["options"]
        report = inspect(tmp_path / "m")
        assert report.kind == ("cooccurrence" if isinstance(model, CooccurrenceMatrix) else "ppmi")
        assert report.words == len(model)


def test_saved_shards_merge_to_the_whole(tmp_path: Path) -> None:
    words = ["the", "cat", "水", "sat"]
    for number, part in enumerate((TEXT[:1], TEXT[1:])):
        save(train(part, Cooc(min_count=1), words=words).model, tmp_path / str(number))
    merged = merge([load(tmp_path / "0"), load(tmp_path / "1")])
    same(merged, train(TEXT, Cooc(min_count=1), words=words).model)


def test_a_limit_takes_the_first_words(counts: CooccurrenceMatrix, tmp_path: Path) -> None:
    save(counts, tmp_path / "m")
    found = load(tmp_path / "m", limit=3)
    assert list(found.words) == list(counts.words)[:3]
    np.testing.assert_array_equal(found.matrix.toarray(), counts.matrix.toarray()[:3, :3])


def test_glove_files_there_and_back(counts: CooccurrenceMatrix, tmp_path: Path) -> None:
    path = tmp_path / "glove" / "counts.bin"
    save(counts, path, format="glove-cooccurrence")
    records = np.fromfile(path, RECORD)
    assert records["row"].min() == records["column"].min() == 1
    same(load(path), counts)
    report = inspect(path)
    assert (report.format, report.words, report.details["pairs"]) == ("glove-cooccurrence", len(counts), len(records))
    np.random.default_rng(1).shuffle(records)
    records.tofile(path)
    same(load(path), counts)


def test_the_layout_is_glove_s(tmp_path: Path) -> None:
    model = train(["a b", "a b", "a"], Cooc(window=1, min_count=1, sides="right")).model
    save(model, tmp_path / "c.cooc")
    assert (tmp_path / "vocab.txt").read_bytes() == b"a 3\nb 2\n"
    assert (tmp_path / "c.cooc").read_bytes() == bytes.fromhex("01000000 02000000 0000000000000040")


@pytest.mark.skipif("GLOVE" not in os.environ, reason="GLOVE names no build folder of the GloVe programs")
@pytest.mark.parametrize(("window", "sides"), [(15, "both"), (4, "right")])
def test_the_glove_program_counts_the_same(window: int, sides: str, tmp_path: Path) -> None:
    build = Path(os.environ["GLOVE"])
    random = np.random.default_rng(1)
    lines = [" ".join(f"w{i}" for i in np.minimum(random.zipf(1.4, 50), 400)) for _ in range(300)]
    text = "\n".join(lines).encode() + b"\n"
    count_words = [build / "vocab_count", "-min-count", "3", "-verbose", "0"]
    vocabulary = subprocess.run(count_words, input=text, stdout=-1, check=True)
    (tmp_path / "vocab.txt").write_bytes(vocabulary.stdout)
    options = ["-window-size", str(window), "-symmetric", str(int(sides == "both")), "-verbose", "0"]
    places = ["-vocab-file", tmp_path / "vocab.txt", "-overflow-file", tmp_path / "overflow"]
    # Where no pair is left for its overflow file, cooccur.c counts the first cell twice: a failed fread leaves the
    # record before in place. A small dense part keeps that from happening.
    places += ["-memory", "0.1", "-max-product", "200"]
    found = subprocess.run([build / "cooccur", *options, *places], input=text, stdout=-1, check=True)
    (tmp_path / "theirs.bin").write_bytes(found.stdout)
    theirs = load(tmp_path / "theirs.bin")
    ours = train(lines, Cooc(window=window, sides=sides, min_count=3), words=list(theirs.words)).model
    np.testing.assert_array_equal(theirs.counts, ours.counts)
    np.testing.assert_array_equal(theirs.indices, ours.indices)
    np.testing.assert_array_equal(theirs.indptr, ours.indptr)
    np.testing.assert_allclose(theirs.values, ours.values, rtol=1e-12)


def test_words_with_spaces_and_another_vocabulary_are_refused(counts: CooccurrenceMatrix, tmp_path: Path) -> None:
    spaced = train([["new york", "city"]], Cooc(min_count=1)).model
    with pytest.raises(DataError, match="cannot stand"):
        save(spaced, tmp_path / "c.cooc")
    (tmp_path / "vocab.txt").write_text("mine 1\n")
    with pytest.raises(DataError, match=r"another vocab\.txt"):
        save(counts, tmp_path / "c.cooc")
    assert (tmp_path / "vocab.txt").read_text() == "mine 1\n"
    assert not (tmp_path / "c.cooc").exists()


def _records(*records: tuple[int, int, float]) -> bytes:
    return np.array(list(records), RECORD).tobytes()


GOOD = _records((1, 2, 1.0), (2, 1, 1.0))
FAULTY = {
    "cut": (GOOD[:-3], b"a 1\nb 1\n", "cut short", 16),
    "row beyond": (_records((1, 2, 1.0), (3, 1, 1.0)), b"a 1\nb 1\n", "broken", 16),
    "row of 2^31 - 1": (_records((2**31 - 1, 1, 1.0)), b"a 1\nb 1\n", "broken", 0),
    "row 0": (_records((0, 1, 1.0)), b"a 1\nb 1\n", "broken", 0),
    "NaN": (_records((1, 1, float("nan"))), b"a 1\nb 1\n", "broken", 0),
    "negative": (_records((1, 1, -1.0)), b"a 1\nb 1\n", "broken", 0),
    "twice": (GOOD + GOOD, b"a 1\nb 1\n", "twice", None),
    "vocabulary without counts": (GOOD, b"a 1\nb\n", "word and its count", 4),
    "vocabulary of huge counts": (GOOD, b"a 1\nb 99999999999999999999999\n", "word and its count", 4),
    "no vocabulary": (GOOD, None, "no vocab.txt", None),
}


@pytest.mark.parametrize("case", FAULTY)
def test_broken_glove_files_are_told(case: str, tmp_path: Path) -> None:
    content, vocabulary, message, offset = FAULTY[case]
    path = tmp_path / "c.bin"
    path.write_bytes(content)
    if vocabulary is not None:
        (tmp_path / "vocab.txt").write_bytes(vocabulary)
    with pytest.raises(FormatError, match=message) as told:
        load(path, format="glove-cooccurrence")
    assert offset is None or told.value.offset == offset
    assert str(tmp_path) in str(told.value)


@pytest.mark.parametrize("name", ["indices", "indptr", "values", "counts"])
def test_broken_folders_are_told(counts: CooccurrenceMatrix, name: str, tmp_path: Path) -> None:
    from firth.tensors import map_tensors, write_tensors

    save(counts, tmp_path / "m")
    file = tmp_path / "m" / "model.safetensors"
    tensors = {key: value.copy() for key, value in map_tensors(file).items()}
    broken = {"indices": 1 << 30, "indptr": -5, "values": np.nan, "counts": -1}
    for change in ("content", "length", "absent"):
        changed = dict(tensors)
        if change == "content":
            changed[name] = tensors[name].copy()
            changed[name][1] = broken[name]
        elif change == "length":
            changed[name] = tensors[name][:-1]
        else:
            del changed[name]
        write_tensors(file, changed)
        with pytest.raises(FormatError):
            load(tmp_path / "m")


def test_text_is_not_taken_for_counts(tmp_path: Path) -> None:
    (tmp_path / "v.vec").write_text("2 3\nking 1 0 0.5\nqueen 0 1 0.5\n")
    shutil.copy(tmp_path / "v.vec", tmp_path / "w.bin")
    assert inspect(tmp_path / "w.bin").format == "word2vec-text"
    (tmp_path / "prose").write_text("It was the best of times, it was." * 16)
    with pytest.raises(FormatError):
        inspect(tmp_path / "prose")


def test_other_formats_do_not_take_counts(counts: CooccurrenceMatrix, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot hold this model"):
        save(counts, tmp_path / "x.vec")
    with pytest.raises(DataError, match="cannot hold this model"):
        save(weigh(counts), tmp_path / "x.cooc")
    assert isinstance(weigh(counts), PPMIMatrix)
    firth.save(counts, tmp_path / "folder")
