"""spaCy's vectors: what spaCy writes, in both modes, and what spaCy reads of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.strings import StringStore, hash_string
from spacy.symbols import IDS
from spacy.vectors import Vectors as SpacyVectors
from spacy.vocab import Vocab

from firth import inspect, load, save
from firth.errors import FormatError
from firth.formats.msgpack import pack_numbers, unpack
from firth.formats.spacy_strings import keys_of
from firth.formats.spacy_symbols import SYMBOLS
from firth.vectors.floret import FloretRows
from firth.vectors.static import Vectors
from firth.vectors.subword import SubwordVectors

WORDS = ["the", "水", "naïve", "two words", "mark", "NOUN", "a" * 8, "b" * 17, "\U0001f600"]
MATRIX = np.random.default_rng(2).standard_normal((9, 5)).astype(np.float32)


def test_keys_are_spacys() -> None:
    words = [*WORDS, "", *("x" * n for n in range(40))]
    expected = [IDS.get(word, hash_string(word)) for word in words]
    assert keys_of([word.encode() for word in words]).tolist() == expected
    assert {name: number for name, number in IDS.items() if name} == SYMBOLS


@pytest.mark.parametrize("place", ["pipeline", "vocab", "vectors"])
def test_what_spacy_writes(tmp_path: Path, place: str) -> None:
    nlp = spacy.blank("en")
    for word, row in zip(WORDS, MATRIX, strict=True):
        nlp.vocab.set_vector(word, row)
    {"pipeline": nlp, "vocab": nlp.vocab, "vectors": nlp.vocab.vectors}[place].to_disk(tmp_path / "m")
    report, vectors = inspect(tmp_path / "m"), load(tmp_path / "m")
    assert (report.format, report.words, report.dim) == ("spacy", 9, 5)
    assert sorted(vectors.words) == sorted(WORDS)
    for word, row in zip(WORDS, MATRIX, strict=True):
        np.testing.assert_array_equal(vectors[word], row)


def test_a_pruned_table_shares_rows(tmp_path: Path) -> None:
    vocab = Vocab()
    for word, row in zip(WORDS, MATRIX, strict=True):
        vocab.set_vector(word, row)
    vocab.prune_vectors(3)
    vocab.to_disk(tmp_path / "m")
    vectors = load(tmp_path / "m")
    assert sorted(vectors.words) == sorted(WORDS)
    for word in WORDS:
        np.testing.assert_array_equal(vectors[word], vocab.get_vector(word))
    assert vectors.nearest("the", n=3)
    save(vectors, tmp_path / "again", format="spacy")
    np.testing.assert_array_equal(load(tmp_path / "again").matrix, vectors.matrix)


def test_spacy_reads_ours(tmp_path: Path) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "m", format="spacy")
    theirs = SpacyVectors()
    theirs.from_disk(tmp_path / "m")
    vocab = Vocab()
    vocab.from_disk(tmp_path / "m")
    for word, row in zip(WORDS, MATRIX, strict=True):
        np.testing.assert_array_equal(theirs[word], row)
        np.testing.assert_array_equal(vocab.get_vector(word), row)


def test_floret_both_ways(tmp_path: Path) -> None:
    table = np.random.default_rng(4).standard_normal((50, 4)).astype(np.float32)
    options: dict[str, Any] = {"hash_count": 2, "minn": 2, "maxn": 3, "bow": "<", "eow": ">", "hash_seed": 7}
    theirs = SpacyVectors(mode="floret", strings=StringStore(WORDS), data=table, **options)
    theirs.to_disk(tmp_path / "theirs")
    ours = load(tmp_path / "theirs")
    assert isinstance(ours, SubwordVectors)
    assert isinstance(ours.subwords, FloretRows)
    save(ours, tmp_path / "ours", format="spacy")
    again = SpacyVectors()
    again.from_disk(tmp_path / "ours")
    for word in [*WORDS, "unseen", "水鱼"]:
        np.testing.assert_allclose(ours[word], theirs[word], rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(again[word], theirs[word])


def test_vectors_without_a_string_are_told(tmp_path: Path) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "m", format="spacy")
    (tmp_path / "m" / "strings.json").write_text(json.dumps(WORDS[:3]))
    with pytest.warns(UserWarning, match="4 vectors have no string"):
        vectors = load(tmp_path / "m")
    assert list(vectors.words) == ["the", "水", "naïve", "mark", "NOUN"]


BROKEN: dict[str, Callable[[Path], Any]] = {
    "no strings": lambda m: (m / "strings.json").unlink(),
    "strings of another kind": lambda m: (m / "strings.json").write_text("{}"),
    "strings cut": lambda m: (m / "strings.json").write_text('["a'),
    "keys cut": lambda m: (m / "key2row").write_bytes((m / "key2row").read_bytes()[:-3]),
    "2^32 keys": lambda m: (m / "key2row").write_bytes(b"\xdf\xff\xff\xff\xff"),
    "keys nested without end": lambda m: (m / "key2row").write_bytes(b"\x91" * 100_000),
    "an extension": lambda m: (m / "key2row").write_bytes(b"\xc7\x01\x01x"),
    "a row that is not there": lambda m: (m / "key2row").write_bytes(pack_numbers({7: 9})),
    "matrix cut": lambda m: (m / "vectors").write_bytes((m / "vectors").read_bytes()[:-1]),
    "options of another kind": lambda m: (m / "vectors.cfg").write_text("[]"),
    "floret without options": lambda m: (m / "vectors.cfg").write_text('{"mode": "floret"}'),
    "floret with many hashes": lambda m: (m / "vectors.cfg").write_text(
        '{"mode": "floret", "minn": 1, "maxn": 2, "hash_count": 99, "hash_seed": 1}'
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_folders(tmp_path: Path, fault: str) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "m", format="spacy")
    BROKEN[fault](tmp_path / "m")
    with pytest.raises(FormatError):
        load(tmp_path / "m")


def test_messagepack_as_srsly_writes_it() -> None:
    import srsly

    for value in (
        {1: 2, 1 << 63: 3},
        [1, -1, -200, 3.5, None, True, "é" * 300, {"a": [1]}],
        {i: i for i in range(70_000)},
    ):
        assert unpack(srsly.msgpack_dumps(value), Path("x")) == value
    table = {n: n * 3 for n in (0, 1, 127, 128, 255, 256, 65535, 65536, 1 << 32, 1 << 61)}
    assert srsly.msgpack_loads(pack_numbers(table)) == table
