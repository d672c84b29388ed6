"""Product-quantised matrices as Facebook's files hold them."""

from __future__ import annotations

import dataclasses
import struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from firth.formats.fasttext_layout import QuantPlace
from firth.formats.random_bytes import RandomBytes
from firth.protocols import Float32
from firth.vectors.quantize import CENTROIDS, ProductQuantizer, Quantized

__all__ = ["NormCoded", "joined", "quantised_rows", "write_quantised"]


@dataclasses.dataclass(frozen=True, eq=False)
class NormCoded(Quantized):
    """Quantised rows whose norms are codes too, as they stood in a file.

    Attributes
    ----------
    norm_codes : ndarray of uint8, shape (n,)
    norm_table : ndarray of float32, shape (256,)
    """

    norm_codes: NDArray[np.uint8] = dataclasses.field(default_factory=lambda: np.zeros(0, np.uint8))
    norm_table: Float32 = dataclasses.field(default_factory=lambda: np.zeros(CENTROIDS, np.float32))


def quantised_rows(data: RandomBytes, place: QuantPlace, first: int, last: int) -> Quantized:
    """Return rows ``first`` to ``last - 1`` of a matrix; the codes stay in the file where it is mapped."""
    flat = data.array(place.centroids_at, 4 * CENTROIDS * place.dim).copy().view("<f4").astype(np.float32)
    quantizer = ProductQuantizer(_in_pieces(flat, place), place.dim)
    codes = data.array(place.codes_at, place.rows * place.n_sub).reshape(place.rows, place.n_sub)[first:last]
    if place.norms_at is None or place.norm_codes_at is None:
        return Quantized(quantizer, codes)
    table = data.array(place.norms_at, 4 * CENTROIDS).copy().view("<f4").astype(np.float32)
    norm_codes = data.array(place.norm_codes_at, place.rows)[first:last]
    return NormCoded(quantizer, codes, table[norm_codes], norm_codes, table)


def _in_pieces(flat: Float32, place: QuantPlace) -> Float32:
    """Return centroids of shape (n_sub, 256, dsub); those of the last piece may be narrower in the file."""
    pieces = np.zeros((place.n_sub, CENTROIDS, place.dsub), dtype=np.float32)
    whole = (place.n_sub - 1) * CENTROIDS * place.dsub
    pieces[:-1] = flat[:whole].reshape(place.n_sub - 1, CENTROIDS, place.dsub)
    last = flat[whole:].reshape(CENTROIDS, -1)
    pieces[-1, :, : last.shape[1]] = last
    return pieces


def joined(own: Any, grams: Any) -> Quantized | None:
    """Return rows of words and of n-grams as one quantised matrix, where both are and share their centroids."""
    if type(own) is not type(grams) or not isinstance(own, Quantized):
        return None
    if own.quantizer is not grams.quantizer and not np.array_equal(own.quantizer.centroids, grams.quantizer.centroids):
        return None
    codes = np.concatenate([own.codes, grams.codes])
    if isinstance(own, NormCoded):
        norm_codes = np.concatenate([own.norm_codes, grams.norm_codes])
        return NormCoded(own.quantizer, codes, own.norm_table[norm_codes], norm_codes, own.norm_table)
    return Quantized(own.quantizer, codes) if own.norms is None and grams.norms is None else None


def write_quantised(file: IO[bytes], rows: Quantized) -> None:
    """Write a matrix: whether norms stand apart, its sides, the codes, the centroids, the norms."""
    n, dim = rows.shape
    quantizer = rows.quantizer
    file.write(struct.pack("<B2qi", rows.norms is not None, n, dim, n * quantizer.n_sub))
    file.write(np.ascontiguousarray(rows.codes).tobytes())
    file.write(struct.pack("<4i", dim, quantizer.n_sub, quantizer.dsub, quantizer.last))
    file.write(np.ascontiguousarray(quantizer.centroids[:-1], "<f4").tobytes())
    file.write(np.ascontiguousarray(quantizer.centroids[-1, :, : quantizer.last], "<f4").tobytes())
    if rows.norms is not None:
        codes, table = _norms(rows)
        file.write(np.ascontiguousarray(codes).tobytes())
        file.write(struct.pack("<4i", 1, 1, 1, 1))
        file.write(table.astype("<f4").tobytes())


def _norms(rows: Quantized) -> tuple[NDArray[np.uint8], Float32]:
    if isinstance(rows, NormCoded):
        return rows.norm_codes, rows.norm_table
    assert rows.norms is not None
    values, codes = np.unique(rows.norms, return_inverse=True)
    if len(values) > CENTROIDS:
        quantizer = ProductQuantizer.fit(rows.norms[:, None], 1)
        return quantizer.encode(rows.norms[:, None])[:, 0], quantizer.centroids[0, :, 0]
    table = np.zeros(CENTROIDS, dtype=np.float32)
    table[: len(values)] = values
    return codes.astype(np.uint8), table
