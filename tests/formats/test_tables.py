"""Tables of words and vectors that other programs make: Parquet, Arrow, TensorBoard's projector, NumPy, sparse text."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet
from scipy.sparse import csr_array

from firth import inspect, load, save
from firth.errors import DataError, FormatError, MissingExtraError
from firth.vectors.sparse import SparseRows
from firth.vectors.static import Vectors

WORDS = ["the", "水", "naïve"]
MATRIX = np.random.default_rng(2).standard_normal((3, 4)).astype(np.float32)
LISTS = MATRIX.tolist()
FIXED = pa.array(LISTS, pa.list_(pa.float32(), 4))


@pytest.mark.parametrize(
    ("columns", "counts"),
    [
        ({"word": WORDS, "vector": pa.array(LISTS, pa.list_(pa.float32()))}, None),
        ({"token": WORDS, "embedding": pa.array(LISTS, pa.list_(pa.float64())), "count": [3, 2, 1]}, [3, 2, 1]),
        ({"id": [1, 2, 3], "x": pa.array(WORDS, pa.large_string()), "y": FIXED}, None),
        ({"label": pa.array(WORDS).dictionary_encode(), "values": pa.array(LISTS, pa.large_list(pa.float32()))}, None),
        ({"word": WORDS, "half": pa.array(MATRIX.astype(np.float16).tolist(), pa.list_(pa.float16()))}, None),
    ],
)  # fmt: skip
def test_tables_of_others(tmp_path: Path, columns: dict[str, object], counts: list[int] | None) -> None:
    table = pa.table(columns)
    parquet.write_table(table, tmp_path / "a", row_group_size=2)
    feather.write_feather(table, str(tmp_path / "b"), compression="zstd")
    with pa.OSFile(str(tmp_path / "c"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    tolerance = 1e-3 if "half" in columns else 0
    for name in "abc":
        vectors, report = load(tmp_path / name), inspect(tmp_path / name)
        assert report.format == ("parquet" if name == "a" else "arrow")
        assert list(vectors.words) == WORDS
        np.testing.assert_allclose(vectors.matrix, MATRIX, rtol=tolerance, atol=tolerance)
        assert (None if vectors.counts is None else vectors.counts.tolist()) == counts


def test_pyarrow_reads_ours(tmp_path: Path) -> None:
    given = Vectors(WORDS, MATRIX, counts=[3, 2, 1])
    for name, read in (("v.parquet", parquet.read_table), ("v.feather", feather.read_table)):
        save(given, tmp_path / name)
        table = read(str(tmp_path / name))
        assert table.column_names == ["word", "vector", "count"]
        assert table.column("word").to_pylist() == WORDS
        assert table.column("vector").to_pylist() == LISTS
        assert table.column("count").to_pylist() == [3, 2, 1]


@pytest.mark.parametrize(
    "columns",
    [
        {"word": WORDS},
        {"vector": pa.array(LISTS, pa.list_(pa.float32()))},
        {"word": WORDS, "vector": pa.array([[1.0], [1.0, 2.0], [1.0]], pa.list_(pa.float32()))},
        {"word": WORDS, "vector": pa.array([[1.0], None, [1.0]], pa.list_(pa.float32()))},
        {"word": WORDS, "vector": pa.array([[1.0], [None], [1.0]], pa.list_(pa.float32()))},
        {"word": ["a", None, "b"], "vector": pa.array([[1.0]] * 3, pa.list_(pa.float32()))},
        {"word": WORDS, "vector": pa.array([[]] * 3, pa.list_(pa.float32()))},
    ],
)
def test_tables_that_hold_no_vectors(tmp_path: Path, columns: dict[str, object]) -> None:
    parquet.write_table(pa.table(columns), tmp_path / "a")
    with pytest.raises(FormatError, match="/a: "):
        load(tmp_path / "a")


@pytest.mark.parametrize("name", ["v.parquet", "v.arrow"])
def test_broken_tables(tmp_path: Path, name: str) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    for content in (raw[:-9], raw[: len(raw) // 2], raw[:8], raw[:-8] + struct.pack("<I", 1 << 31) + raw[-4:]):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FormatError, match=name):
            load(tmp_path / name)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "v.parquet")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"firth\[io\]"):
        load(tmp_path / "v.parquet")
    with pytest.raises(MissingExtraError, match=r"firth\[io\]"):
        save(Vectors(WORDS, MATRIX), tmp_path / "w.arrow")


# ---------------------------------------------------------------- projector
def test_projector_files_of_others(tmp_path: Path) -> None:
    rows = "".join("\t".join(map(str, row)) + "\n" for row in MATRIX)
    for tensor, labels in (
        ("v_tensor.tsv", "v_metadata.tsv"),
        ("x/vectors.tsv", "x/metadata.tsv"),
        ("y/t.tsv", "y/metadata.tsv"),
    ):
        (tmp_path / tensor).parent.mkdir(exist_ok=True)
        (tmp_path / tensor).write_text(rows.rstrip("\n") if "y" in tensor else rows, encoding="utf-8")
        (tmp_path / labels).write_text("\n".join(WORDS) + "\n", encoding="utf-8")
        vectors = load(tmp_path / tensor)
        assert inspect(tmp_path / tensor).format == "projector"
        assert list(vectors.words) == WORDS
        np.testing.assert_array_equal(vectors.matrix, MATRIX)
    (tmp_path / "x" / "metadata.tsv").write_text("count\tWord\tcolour\n" + "".join(f"9\t{w}\tred\n" for w in WORDS))
    vectors = load(tmp_path / "x")
    assert list(vectors.words) == WORDS
    assert vectors.counts is not None
    assert vectors.counts.tolist() == [9, 9, 9]


def test_projector_folder_as_tensorboard_wants_it(tmp_path: Path) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "p", format="projector")
    assert (tmp_path / "p" / "metadata.tsv").read_text(encoding="utf-8") == "the\n水\nnaïve\n"
    read = np.loadtxt(tmp_path / "p" / "vectors.tsv", delimiter="\t", dtype=np.float32)
    np.testing.assert_array_equal(read, MATRIX)
    save(Vectors(WORDS, MATRIX, counts=[3, 2, 1]), tmp_path / "p", format="projector")
    assert (tmp_path / "p" / "metadata.tsv").read_text(encoding="utf-8").startswith("word\tcount\nthe\t3\n")


@pytest.mark.parametrize(
    ("vectors", "labels"),
    [
        ("1\t2\n", "a\nb\n"),
        ("1\t2\n3\n", "a\nb\n"),
        ("1\t2\n3\tx\n", "a\nb\n"),
        ("1\t2\n3\t4\n", "a\tb\nc\n"),
        ("", "a\n"),
    ],
)
def test_broken_projector_files(tmp_path: Path, vectors: str, labels: str) -> None:
    (tmp_path / "vectors.tsv").write_text(vectors)
    (tmp_path / "metadata.tsv").write_text(labels)
    with pytest.raises(FormatError):
        load(tmp_path)


# ---------------------------------------------------------------- NumPy
def test_numpy_archives_and_matrices(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "v.npz", w=np.array(WORDS), m=MATRIX.astype(np.float64), c=np.array([3, 2, 1]))
    vectors = load(tmp_path / "v.npz")
    assert list(vectors.words) == WORDS
    np.testing.assert_array_equal(vectors.matrix, MATRIX)
    assert vectors.counts is not None
    np.save(tmp_path / "m.npy", MATRIX)
    with pytest.raises(FormatError, match=r"m\.txt.*a word a line"):
        load(tmp_path / "m.npy")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    assert list(load(tmp_path / "m.npy").words) == WORDS
    np.savez(tmp_path / "bad.npz", m=MATRIX)
    with pytest.raises(FormatError, match="one array of words"):
        load(tmp_path / "bad.npz")
    with pytest.raises(DataError, match="null"):
        save(Vectors(["a\0"], [[1.0]]), tmp_path / "n.npz")


# ---------------------------------------------------------------- sparse text
SPARSE = b"3 6\nthe 0:1.5 5:-2\n\xe6\xb0\xb4 \nnaive 3:1e-3 0:2\n"


def test_sparse_text(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(SPARSE)
    assert inspect(tmp_path / "s").format == "sparse-text"
    vectors = load(tmp_path / "s")
    assert list(vectors.words) == ["the", "水", "naive"]
    expected = np.zeros((3, 6), np.float32)
    expected[0, [0, 5]], expected[2, [3, 0]] = (1.5, -2), (1e-3, 2)
    np.testing.assert_array_equal(vectors.matrix, expected)


def test_sparse_vectors_stay_sparse(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n, dim = 300, 200_000
    columns = [np.sort(rng.choice(dim, 40, replace=False)) for _ in range(n)]
    values = rng.random((n, 40)).astype(np.float32)
    lines = [
        f"w{row} " + " ".join(f"{c}:{v}" for c, v in zip(columns[row], values[row], strict=True)) for row in range(n)
    ]
    (tmp_path / "s").write_text(f"{n} {dim}\n" + "\n".join(lines) + "\n")
    vectors = load(tmp_path / "s")
    assert isinstance(vectors.store, SparseRows)
    whole = csr_array((values.ravel(), (np.repeat(np.arange(n), 40), np.concatenate(columns))), shape=(n, dim))
    np.testing.assert_array_equal(vectors["w7"], whole[[7]].toarray()[0])
    lengths = np.sqrt((values.astype(np.float64) ** 2).sum(axis=1))
    cosines = (whole @ whole[[7]].T).toarray()[:, 0] / lengths / lengths[7]
    cosines[7] = -1
    found = vectors.nearest("w7", n=2)
    assert found[0][0] == f"w{np.argmax(cosines)}"
    assert found[0][1] == pytest.approx(cosines.max(), abs=1e-6)
    save(vectors, tmp_path / "m")
    back = load(tmp_path / "m")
    assert isinstance(back.store, SparseRows)
    assert (tmp_path / "m" / "model.safetensors").stat().st_size < 200_000
    assert back.nearest("w7", n=2) == found
    assert inspect(tmp_path / "m").dim == dim
    save(vectors, tmp_path / "t", format="sparse-text")
    np.testing.assert_array_equal(load(tmp_path / "t")["w9"], vectors["w9"])


@pytest.mark.parametrize(
    "content",
    [
        b"2 6\nthe 0:1\n",
        b"1 6\nthe 0:1\nof 0:1\n",
        b"1 6\nthe 6:1\n",
        b"1 6\nthe -1:1\n",
        b"1 6\nthe 1.5:1\n",
        b"1 6\nthe 1:x\n",
        b"1 6\nthe 1:2 3\n",
        b"1 6\nthe 1:2:3\n",
        b"1 6\nthe 0:nan\n",
        b"1 6\nthe 0:1e39\n",
        b"999999999999 6\nthe 0:1\n",
        b"1 99999999999999\nthe 0:1\n",
    ],
)
def test_broken_sparse_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(FormatError):
        load(tmp_path / "s", format="sparse-text")
