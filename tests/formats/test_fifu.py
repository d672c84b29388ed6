"""finalfusion's files: its own fixtures as its own package reads them, and ours as it reads them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import finalfusion
import numpy as np
import pytest
from finalfusion.subword import FinalfusionHashIndexer

from firth import inspect, load, save
from firth.errors import FormatError
from firth.vectors.floret import FloretRows
from firth.vectors.ngrams import BucketNgrams, NamedNgrams, ngrams_of
from firth.vectors.quantize import Quantized
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

WORDS = ["the", "水", "naïve", "two words", ""]
RNG = np.random.default_rng(5)
MATRIX = RNG.standard_normal((5, 4)).astype(np.float32)
UNSEEN = ["unseen", "水鱼", "naïveté", "them"]


def same(ours: Vectors, theirs: finalfusion.Embeddings) -> None:
    assert list(ours.words) == theirs.vocab.words
    for word in theirs.vocab.words:
        unit, norm = theirs.embedding_with_norm(word) if theirs.norms is not None else (theirs.embedding(word), 1)
        np.testing.assert_allclose(ours[word], unit * norm, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["embeddings", "ff_buckets", "pq-check", "pq", "similarity", "simple_vocab"])
def test_files_of_others(data: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    path = data(f"format-fixtures/finalfusion-python/{name}.fifu")
    theirs = finalfusion.load_finalfusion(str(path))
    ours = load(path)
    assert inspect(path).format == "finalfusion"
    same(ours, theirs)
    save(ours, tmp_path / "again.fifu")
    same(load(tmp_path / "again.fifu"), theirs)
    if name == "ff_buckets":
        for word in UNSEEN:
            np.testing.assert_allclose(ours[word], theirs.embedding(word), atol=1e-6)
        assert ours.metadata["finalfusion"]["model_config"]["model"] == "StructuredSkipGram"
        assert load(tmp_path / "again.fifu").metadata == ours.metadata
    if name == "pq":
        assert type(ours.store).__name__ == "Quantized"
        assert (tmp_path / "again.fifu").read_bytes() == path.read_bytes()


def test_finalfusion_reads_plain_vectors(tmp_path: Path) -> None:
    given = Vectors(WORDS, MATRIX, metadata={"model": "x", "text": 'quote " \\ \x7f \U0001f600\n'})
    save(given, tmp_path / "v.fifu")
    theirs = finalfusion.load_finalfusion(str(tmp_path / "v.fifu"))
    same(given, theirs)
    np.testing.assert_allclose(np.linalg.norm(np.asarray(theirs.storage), axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.asarray(theirs.norms), np.linalg.norm(MATRIX, axis=1), rtol=1e-6)
    assert theirs.word_similarity("the", k=1)[0].word == given.nearest("the", n=1)[0][0]
    back = load(tmp_path / "v.fifu")
    assert back.metadata == given.metadata
    assert "multiplies" in inspect(tmp_path / "v.fifu").details["lengths"]


def test_finalfusion_reads_hashed_ngrams(tmp_path: Path) -> None:
    rows = RNG.standard_normal((32, 4)).astype(np.float32)
    for grams in (BucketNgrams(rows, 2, 4, 32), NgramRows(rows, 2, 4, 32)):
        given = SubwordVectors(WORDS[:4], MATRIX[:4], subwords=grams)
        save(given, tmp_path / "v.fifu")
        theirs = finalfusion.load_finalfusion(str(tmp_path / "v.fifu"))
        same(given, theirs)
        back = load(tmp_path / "v.fifu")
        assert type(back.subwords) is type(grams)
        for word in UNSEEN:
            unit = given[word] / np.linalg.norm(given[word])
            np.testing.assert_allclose(unit, theirs.embedding(word), atol=1e-6)
            np.testing.assert_array_equal(back[word], given[word])
            if isinstance(grams, BucketNgrams):
                np.testing.assert_allclose(np.linalg.norm(given[word]), 1, rtol=1e-6)


def test_finalfusion_reads_named_ngrams(tmp_path: Path) -> None:
    table = {"<th": 1, "the": 0, "he>": 2, "hem": 1, "水鱼": 0}
    grams = NamedNgrams(RNG.standard_normal((3, 4)).astype(np.float32), 2, 3, table)
    given = SubwordVectors(WORDS[:4], MATRIX[:4], subwords=grams)
    save(given, tmp_path / "v.fifu")
    back = load(tmp_path / "v.fifu")
    assert dict(back.subwords.table) == table
    for word in ("them", "水鱼"):
        np.testing.assert_array_equal(back[word], given[word])
    theirs = finalfusion.load_finalfusion(str(tmp_path / "v.fifu"))
    np.testing.assert_allclose(theirs.embedding("them"), given["them"], atol=1e-6)


def test_the_hash_is_finalfusions() -> None:
    indexer = FinalfusionHashIndexer(7, 2, 5)
    grams = BucketNgrams(np.zeros((128, 1), np.float32), 2, 5, 128)
    for word in [*WORDS, *UNSEEN, "\U0001f600"]:
        assert sorted(grams.indices(word).tolist()) == sorted(indexer.subword_indices(word)), word
    assert len(list(ngrams_of("the", 2, 5))) == 4 + 3 + 2 + 1


def test_quantised_vectors_stay_so(tmp_path: Path) -> None:
    words, matrix = [f"w{i}" for i in range(300)], RNG.standard_normal((300, 8)).astype(np.float32)
    given = Vectors(words, Quantized.of(matrix, dsub=2, norms=True))
    save(given, tmp_path / "v.fifu")
    theirs = finalfusion.load_finalfusion(str(tmp_path / "v.fifu"))
    assert theirs.storage.quantizer.n_centroids == 256
    same(given, theirs)
    assert (tmp_path / "v.fifu").stat().st_size < matrix.nbytes * 3


def test_floret_inside_finalfusion(tmp_path: Path) -> None:
    rows = RNG.standard_normal((20, 4)).astype("<f4")
    vocab = struct.pack("<IIQII", 2, 3, 20, 2, 42) + struct.pack("<I", 1) + b"[" + struct.pack("<I", 1) + b"]"
    head = b"FiFu" + struct.pack("<IIII", 0, 2, 9, 2) + struct.pack("<IQ", 9, len(vocab)) + vocab
    padding = bytes(4 - (len(head) + 12 + 16) % 4)
    matrix = struct.pack("<QII", 20, 4, 10) + padding + rows.tobytes()
    (tmp_path / "f.fifu").write_bytes(head + struct.pack("<IQ", 2, len(matrix)) + matrix)
    back = load(tmp_path / "f.fifu")
    expected = FloretRows(rows, 2, 3, 2, 42, "[", "]")
    assert len(back) == 0
    np.testing.assert_array_equal(back["水鱼"], expected.vector("水鱼"))


def chunked(*chunks: bytes, ids: tuple[int, ...]) -> bytes:
    return b"FiFu" + struct.pack(f"<II{len(ids)}I", 0, len(ids), *ids) + b"".join(chunks)


def quantised(runs: int, dim: int, centroids: int) -> bytes:
    return struct.pack("<IQ5IQII", 4, 36, 0, 0, runs, dim, centroids, 1, 1, 10) + bytes(8)


VOCAB = struct.pack("<IQQ", 1, 13, 1) + struct.pack("<I", 1) + b"a"
HOSTILE = {
    "a later version": b"FiFu" + struct.pack("<II", 1, 0),
    "no chunks": b"FiFu" + struct.pack("<II", 0, 0),
    "2^32 chunks": b"FiFu" + struct.pack("<II", 0, 0xFFFFFFFF),
    "an unknown chunk": chunked(struct.pack("<IQ", 77, 0), ids=(77,)),
    "chunks in another order": chunked(VOCAB, ids=(2,)),
    "a chunk of 2^63 bytes": chunked(struct.pack("<IQ", 1, 1 << 63), ids=(1,)),
    "2^60 words": chunked(struct.pack("<IQQ", 1, 8, 1 << 60), ids=(1,)),
    "a word of 4 GB": chunked(struct.pack("<IQQI", 1, 12, 1, 0xFFFFFFFF), ids=(1,)),
    "words alone": chunked(VOCAB, ids=(1,)),
    "2^60 rows": chunked(VOCAB, struct.pack("<IQQIIxxx", 2, 19, 1 << 60, 300, 10), ids=(1, 2)),
    "rows of another type": chunked(VOCAB, struct.pack("<IQQIIxxx", 2, 19, 1, 1, 11), ids=(1, 2)),
    "no columns": chunked(VOCAB, struct.pack("<IQQII", 2, 16, 1, 0, 10) + bytes(4), ids=(1, 2)),
    "2^32 n-grams": chunked(struct.pack("<IQQQII", 8, 24, 0, 1 << 32, 3, 6), ids=(8,)),
    "2^31 runs of codes": chunked(VOCAB, quantised(1 << 31, 1 << 31, 256), ids=(1, 4)),
    "no runs of codes": chunked(VOCAB, quantised(0, 4, 256), ids=(1, 4)),
    "runs of two and a half columns": chunked(VOCAB, quantised(2, 5, 256), ids=(1, 4)),
    "2^32 centroids": chunked(VOCAB, quantised(2, 4, 0xFFFFFFFF), ids=(1, 4)),
    "metadata that are no TOML": chunked(struct.pack("<IQ", 5, 4) + b"a = ", ids=(5,)),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_chunks(tmp_path: Path, name: str) -> None:
    (tmp_path / "v.fifu").write_bytes(HOSTILE[name])
    with pytest.raises(FormatError, match=r"v\.fifu"):
        load(tmp_path / "v.fifu")
    with pytest.raises(FormatError):
        load(tmp_path / "v.fifu", format="finalfusion", nonfinite="keep")
