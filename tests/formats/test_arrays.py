"""Arrays of token vectors, read back by the libraries that own the formats."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from firth.errors import ConfigError, DataError, MissingExtraError
from firth.formats.arrays import save_arrays

SENTENCES = [["a", "b"], [], ["水"]]
ARRAYS = [np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32), np.full((1, 3), 2, np.float32)]
WHOLE = np.array([[1, 1, 1], [1, 1, 1], [2, 2, 2]], dtype=np.float32)


def test_npy(tmp_path: Path) -> None:
    save_arrays(tmp_path / "v.npy", ARRAYS, SENTENCES)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy", allow_pickle=False), WHOLE)


def test_safetensors(tmp_path: Path) -> None:
    save_arrays(tmp_path / "v.safetensors", ARRAYS, SENTENCES)
    back = load_file(tmp_path / "v.safetensors")
    np.testing.assert_array_equal(back["vectors"], WHOLE)
    assert back["ends"].tolist() == [2, 2, 3]


def test_h5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    save_arrays(tmp_path / "v.h5", ARRAYS, SENTENCES)
    with h5py.File(tmp_path / "v.h5") as file:
        assert [file[str(i)].shape for i in range(3)] == [(2, 3), (0, 3), (1, 3)]


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    save_arrays(tmp_path / "v.parquet", ARRAYS, SENTENCES)
    table = parquet.read_table(tmp_path / "v.parquet").to_pydict()
    assert table["sentence"] == [0, 0, 2]
    assert table["token"] == ["a", "b", "水"]
    assert table["vector"] == WHOLE.tolist()


@pytest.mark.parametrize(("name", "package"), [("v.h5", "h5py"), ("v.parquet", "pyarrow")])
def test_a_missing_package_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match="pip install"):
        save_arrays(tmp_path / name, ARRAYS, SENTENCES)
    assert not list(tmp_path.iterdir())


def test_unfit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.npy"):
        save_arrays(tmp_path / "v.csv", ARRAYS, SENTENCES)
    with pytest.raises(DataError):
        save_arrays(tmp_path / "v.npy", ARRAYS[:2], SENTENCES)
    with pytest.raises(DataError):
        save_arrays(tmp_path / "no\0name.npy", ARRAYS, SENTENCES)
