"""Rows as tensors of a model's folder: float32, packed (float16, int8, codes of a quantiser) or sparse; each is mapped.

The type of the tensor tells which: ``vectors`` of float32, float16, int8 (with ``vectors.scales``), uint8 (with
``vectors.centroids``, ``vectors.shape`` and perhaps ``vectors.norms``), or no such tensor but ``vectors.values``,
``vectors.columns``, ``vectors.ends`` and ``vectors.shape`` of a sparse matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.formats.kinds import Parts
from firth.vectors.compressed import Bytes, Halves
from firth.vectors.quantize import ProductQuantizer, Quantized
from firth.vectors.sparse import SparseRows
from firth.vectors.storage import Rows, dense
from firth.vectors.subword import Composed

__all__ = ["rows_of", "tensors_of"]


def tensors_of(name: str, rows: Rows) -> dict[str, NDArray[Any]]:
    """Return the tensors that hold ``rows`` under ``name``; what no tensor can hold as it is becomes float32."""
    if isinstance(rows, Composed) and rows.made is not None:
        return tensors_of(name, rows.made)
    if isinstance(rows, Halves):
        return {name: rows.halves}
    if isinstance(rows, Bytes):
        return {name: rows.codes, f"{name}.scales": rows.scales}
    if isinstance(rows, Quantized):
        found: dict[str, NDArray[Any]] = {name: rows.codes, f"{name}.centroids": rows.quantizer.centroids}
        found[f"{name}.shape"] = np.array(rows.shape, dtype=np.int64)
        return found if rows.norms is None else {**found, f"{name}.norms": rows.norms}
    if isinstance(rows, SparseRows):
        matrix = rows.sparse
        return {
            f"{name}.values": matrix.data, f"{name}.columns": matrix.indices.astype(np.int32),
            f"{name}.ends": matrix.indptr.astype(np.int64), f"{name}.shape": np.array(rows.shape, dtype=np.int64),
        }  # fmt: skip
    return {name: dense(rows)}


def rows_of(parts: Parts, name: str, n: int | None = None, dim: int | None = None) -> Rows:
    """Return the rows that lie under ``name``, of ``n`` rows and ``dim`` columns (None: any).

    Raises
    ------
    FormatError
        When they are missing, or don't fit.
    """
    found = parts.tensors.get(name)
    rows = _sparse(parts, name) if found is None and f"{name}.values" in parts.tensors else _rows(parts, name, found)
    fits = rows is not None and rows.shape[1] and n in (None, rows.shape[0]) and dim in (None, rows.shape[1])
    if rows is None or not fits:
        got = None if found is None else f"{found.dtype} {found.shape}"
        wanted = ", ".join("any" if side is None else str(side) for side in (n, dim))
        raise parts.fault(f"the rows {name!r} do not fit the vocabulary", got=got, expected=f"float32 ({wanted})")
    return rows


def _rows(parts: Parts, name: str, found: NDArray[Any] | None) -> Rows | None:
    if found is None or found.ndim != 2:
        return None
    if found.dtype == np.float32:
        return found
    if found.dtype == np.float16:
        return Halves(found)
    if found.dtype == np.int8:
        return Bytes(found, parts.tensor(f"{name}.scales", np.float32, (len(found),)))
    return _quantised(parts, name, found) if found.dtype == np.uint8 else None


def _quantised(parts: Parts, name: str, codes: NDArray[np.uint8]) -> Rows:
    shape = parts.tensor(f"{name}.shape", np.int64, (2,)).tolist()
    centroids = parts.tensor(f"{name}.centroids", np.float32, (None, None, None))
    norms = parts.tensor(f"{name}.norms", np.float32, (len(codes),)) if f"{name}.norms" in parts.tensors else None
    try:
        return Quantized(ProductQuantizer(centroids, shape[1]), codes, norms)
    except DataError as error:
        raise parts.fault(error.what, got=error.got, expected=error.expected) from error


def _sparse(parts: Parts, name: str) -> Rows:
    from scipy.sparse import csr_array

    n, dim = parts.tensor(f"{name}.shape", np.int64, (2,)).tolist()
    values = parts.tensor(f"{name}.values", np.float32, (None,))
    columns = parts.tensor(f"{name}.columns", np.int32, (len(values),))
    ends = parts.tensor(f"{name}.ends", np.int64, (None,))
    fits = n >= 0 and dim > 0 and len(ends) == n + 1 and ends[0] == 0 and ends[-1] == len(values)
    if not fits or bool((np.diff(ends) < 0).any()) or (len(columns) and not 0 <= columns.min() <= columns.max() < dim):
        raise parts.fault(f"the sparse rows {name!r} are broken")
    return SparseRows(csr_array((values, columns, ends), shape=(n, dim)))
