"""Compressed vectors: what each kind stores and costs, and that a search over blocks is that over the matrix."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from firth import convert, inspect, load, save
from firth.cli.main import main
from firth.errors import ConfigError, DataError
from firth.vectors.compress import compress, recall
from firth.vectors.compressed import Bytes, Gathered, Halves, Rotated, Scaled
from firth.vectors.quantize import Quantized
from firth.vectors.sparse import SparseRows
from firth.vectors.static import Vectors
from firth.vectors.storage import dense, first_rows
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words

RNG = np.random.default_rng(8)
MATRIX = (RNG.standard_normal((700, 12)) * RNG.gamma(2, 1, (700, 1))).astype(np.float32)
WORDS = [f"w{row}" for row in range(700)]
PLAIN = Vectors(WORDS, MATRIX, counts=range(700), metadata={"seed": 1})
TURN = np.linalg.qr(RNG.standard_normal((12, 12)))[0].astype(np.float32)
STORES = {
    "float16": Halves.of(MATRIX),
    "int8": Bytes.of(MATRIX),
    "pq": Quantized.of(MATRIX, dsub=2, norms=True),
    "scaled": Scaled(MATRIX, RNG.standard_normal(700).astype(np.float32)),
    "rotated": Rotated(Bytes.of(MATRIX), TURN),
    "gathered": Gathered(Halves.of(MATRIX), RNG.permutation(700)),
    "sparse": SparseRows(csr_array(np.where(np.abs(MATRIX) > 1.5, MATRIX, 0))),
}


@pytest.mark.parametrize("name", STORES)
def test_a_store_selects_as_its_matrix_does(name: str) -> None:
    store = STORES[name]
    whole = dense(store)
    assert whole.shape == store.shape == (700, 12)
    assert whole.dtype == np.float32
    for key in (
        3,
        -1,
        np.int64(5),
        slice(2, 9),
        slice(None, None, 3),
        slice(9, 2),
        [4, 4, 699],
        np.arange(700) % 7 == 0,
    ):
        np.testing.assert_allclose(store[key], whole[key], rtol=1e-6, atol=1e-6)
    with pytest.raises(IndexError):
        store[700]
    assert first_rows(store, 5).shape == (5, 12)
    assert type(first_rows(store, 5)) is type(store)
    np.testing.assert_allclose(dense(first_rows(store, 5)), whole[:5], rtol=1e-6, atol=1e-6)


def test_float16_is_numpys() -> None:
    np.testing.assert_array_equal(dense(STORES["float16"]), MATRIX.astype(np.float16).astype(np.float32))
    with pytest.raises(DataError, match="65504"):
        Halves.of(np.array([[1e6]], np.float32))


def test_int8_is_within_half_a_step() -> None:
    error = np.abs(dense(STORES["int8"]) - MATRIX)
    assert (error <= np.abs(MATRIX).max(axis=1, keepdims=True) / 127 * 0.5001).all()
    np.testing.assert_array_equal(dense(Bytes.of(np.zeros((2, 3), np.float32))), 0)
    with pytest.raises(DataError, match="finite"):
        Bytes.of(np.array([[np.nan]], np.float32))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=4, max_size=4))
def test_int8_of_any_values(values: list[float]) -> None:
    rows = np.array([values], np.float32)
    assert (np.abs(dense(Bytes.of(rows)) - rows) <= np.abs(rows).max() / 127 * 0.51 + 1e-42).all()


@pytest.mark.parametrize("name", STORES)
def test_answers_are_those_of_the_decoded_matrix(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Vectors(WORDS, dense(STORES[name]))
    monkeypatch.setattr("firth.vectors.storage.BLOCK_VALUES", 600)  # 50 rows at a time
    packed = Vectors(WORDS, STORES[name])
    monkeypatch.setattr(type(packed), "_matrix", property(lambda self: pytest.fail("decoded as a whole")))
    for ask in (
        lambda v: v.nearest("w3", n=7),
        lambda v: v.nearest(positive=["w1", "w2"], negative=["w5"], n=5, limit=300),
        lambda v: v.nearest_many(["w9", "w10", "w500"], n=6),
        lambda v: v.analogy("w1", "w2", "w3", n=3, method="3cosmul"),
        lambda v: [("all", float(np.sum(v.cosines("w4", limit=99))))],
        lambda v: [("one", v.similarity("w4", "w5"))],
    ):
        with monkeypatch.context() as patch:
            patch.setattr(type(packed), "_matrix", property(lambda self: dense(self.store)))
            expected = ask(whole)
        found = ask(packed)
        flat, wanted = (
            [pair for item in got for pair in (item if isinstance(item, list) else [item])] for got in (found, expected)
        )
        assert [word for word, _ in flat] == [word for word, _ in wanted]
        np.testing.assert_allclose([score for _, score in flat], [score for _, score in wanted], rtol=2e-5, atol=2e-5)


def test_recall_against_counting_by_hand() -> None:
    packed = Halves.of(MATRIX + 0.3 * RNG.standard_normal(MATRIX.shape).astype(np.float32))
    share, tried = recall(MATRIX, packed, n=10, sample=100, seed=3)
    assert tried == 100

    def near(rows: np.ndarray, row: int) -> set[int]:
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
        scores = unit.astype(np.float64) @ unit[row]
        scores[row] = -2
        return set(np.argsort(-scores)[:10].tolist())

    chosen = np.sort(np.random.default_rng(3).choice(700, 100, replace=False)).tolist()
    by_hand = np.mean([len(near(MATRIX, row) & near(dense(packed), row)) / 10 for row in chosen])
    assert share == pytest.approx(by_hand, abs=0.002)
    assert recall(MATRIX, MATRIX, sample=50)[0] == 1.0
    assert recall(MATRIX, np.roll(MATRIX, 1, axis=0)[:, ::-1], sample=200)[0] < 0.2


@pytest.mark.parametrize(("kind", "least", "bits"), [("float16", 0.99, 16), ("int8", 0.95, 10.7), ("pq", 0.5, 60)])
def test_save_and_load_compressed(tmp_path: Path, kind: str, least: float, bits: float) -> None:
    loss = save(PLAIN, tmp_path / "m", compress=kind)
    assert loss is not None
    assert least < loss.recall <= 1
    assert loss.bits <= bits
    assert f"{loss.recall:.1%} stay" in str(loss)
    back = load(tmp_path / "m")
    expected, _ = compress(PLAIN, kind)
    np.testing.assert_array_equal(back.matrix, expected.matrix)
    assert list(back.words) == WORDS
    assert back.counts is not None
    assert back.metadata["compression"] == {"kind": kind, "recall@10": round(loss.recall, 4)}
    assert type(back.store) is type(expected.store)
    report = inspect(tmp_path / "m")
    assert (report.words, report.dim) == (700, 12)
    assert list(load(tmp_path / "m", limit=5).words) == WORDS[:5]
    assert not convert(tmp_path / "m", tmp_path / "again")
    np.testing.assert_array_equal(load(tmp_path / "again").matrix, back.matrix)
    assert type(load(tmp_path / "again").store) is type(back.store)
    convert(tmp_path / "m", tmp_path / "v.bin")
    np.testing.assert_array_equal(load(tmp_path / "v.bin").matrix, back.matrix)


def test_ngrams_are_compressed_too(tmp_path: Path) -> None:
    grams = NgramRows(RNG.standard_normal((500, 12)).astype(np.float32), 2, 4, 500)
    words = Words.of(WORDS)
    plain = SubwordVectors(words, Composed(MATRIX, grams, words), subwords=grams)
    loss = save(plain, tmp_path / "m", compress="float16")
    assert loss is not None
    assert loss.recall > 0.98
    back = load(tmp_path / "m")
    assert isinstance(back, SubwordVectors)
    assert isinstance(back.subwords.rows, Halves)
    np.testing.assert_allclose(back["unseen"], plain["unseen"], rtol=2e-2, atol=2e-2)
    np.testing.assert_allclose(back["w7"], plain["w7"], rtol=2e-2, atol=2e-2)


def test_the_command_line_tells_the_loss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(PLAIN, tmp_path / "v.bin")
    assert main(["convert", str(tmp_path / "v.bin"), str(tmp_path / "m"), "--compress", "int8"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "recall@10 of 700 words" in said
    assert "int8" in said


def test_what_cannot_be_compressed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="float16, int8, pq"):
        compress(PLAIN, "int4")
    with pytest.raises(ConfigError, match="folder of ours"):
        save(PLAIN, tmp_path / "v.bin", compress="int8")
    with pytest.raises(DataError, match="no vectors"):
        compress(PLAIN.limit(0), "int8")


def test_a_search_of_mapped_bytes_takes_little_memory(tmp_path: Path) -> None:
    large = Vectors([f"w{row}" for row in range(60_000)], RNG.standard_normal((60_000, 100), dtype=np.float32))
    save(large, tmp_path / "m", compress="int8")
    expected = [word for word, _ in large.nearest("w77", n=3)]
    back = load(tmp_path / "m")
    back.nearest("w0")  # the table of words is built at the first look-up
    tracemalloc.start()
    found = [word for word, _ in back.nearest("w77", n=3)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24_000_000 * 0.9  # the matrix as float32 would take 24 MB, and blocks of it at most 16
    assert found[0] == expected[0]
