"""Where everything stands in a ``.bin`` or ``.ftz`` of Facebook's fastText or of floret, found without reading it.

After the dictionary come the input and the output matrix, each behind a byte that tells whether it is quantised.
"""

from __future__ import annotations

import dataclasses

from firth.formats.fasttext_args import FASTTEXT
from firth.formats.fasttext_dictionary import Dictionary, dictionary_of
from firth.formats.random_bytes import RandomBytes

__all__ = ["DensePlace", "Layout", "QuantPlace", "layout_of"]

_CODES = 256


@dataclasses.dataclass(frozen=True)
class DensePlace:
    """A matrix of float32 values that begin at byte ``at``."""

    rows: int
    dim: int
    at: int

    @property
    def stop(self) -> int:
        """The byte after it."""
        return self.at + 4 * self.rows * self.dim


@dataclasses.dataclass(frozen=True)
class QuantPlace:
    """A product-quantised matrix: its codes, the centroids, and the same of its norms where those stand apart."""

    rows: int
    dim: int
    dsub: int
    codes_at: int
    centroids_at: int
    norm_codes_at: int | None
    norms_at: int | None
    stop: int

    @property
    def n_sub(self) -> int:
        """Bytes of a row."""
        return -(-self.dim // self.dsub)


@dataclasses.dataclass(frozen=True)
class Layout:
    """The whole file."""

    dictionary: Dictionary
    input: DensePlace | QuantPlace
    output: DensePlace | QuantPlace
    qout: bool


def layout_of(data: RandomBytes, *, floret: bool = False) -> Layout:
    """Find every part of the file.

    Raises
    ------
    FormatError
        When a part is broken, promises more than the file holds, or does not fit the others.
    """
    dictionary = dictionary_of(data, floret=floret)
    args = dictionary.args
    quantised, at = _flag(data, dictionary.stop, dictionary.version)
    rows = dictionary.n_words + dictionary.n_hashed
    if args.mode != FASTTEXT and args.is_supervised:
        raise data.fault("a classifier over floret's table, which Firth does not know", 0)
    read = _quantised if quantised else _dense
    inputs = read(data, at, (rows, args.dim), "the input matrix")
    qout, at = _flag(data, inputs.stop, dictionary.version)
    rows = dictionary.n_labels if args.is_supervised else dictionary.n_words
    read = _quantised if quantised and qout else _dense
    outputs = read(data, at, (rows, args.dim), "the output matrix")
    if data.has(outputs.stop + 1):
        raise data.fault("bytes follow the output matrix", outputs.stop)
    return Layout(dictionary, inputs, outputs, qout)


def _flag(data: RandomBytes, at: int, version: int) -> tuple[bool, int]:
    """Return the byte that tells whether a matrix is quantised; files without a version have none."""
    if not version:
        return False, at
    (value,) = data.numbers("B", at, "the matrices")
    if value > 1:
        raise data.fault("neither a plain nor a quantised matrix", at, got=value, expected="0 or 1")
    return bool(value), at + 1


def _dense(data: RandomBytes, at: int, wanted: tuple[int, int], what: str) -> DensePlace | QuantPlace:
    shape = data.numbers("2q", at, what)
    if shape != wanted:
        raise data.fault(f"{what} does not fit the dictionary", at, got=shape, expected=str(wanted))
    data.need(at + 16, 4 * shape[0] * shape[1], what, got=f"{shape[0]:,} rows of {shape[1]:,} promised")
    return DensePlace(*wanted, at + 16)


def _quantised(data: RandomBytes, at: int, wanted: tuple[int, int], what: str) -> DensePlace | QuantPlace:
    has_norms, rows, dim, size = data.numbers("B2qi", at, what)
    if (rows, dim) != wanted or has_norms > 1:
        raise data.fault(f"{what} does not fit the dictionary", at, got=(rows, dim), expected=str(wanted))
    codes_at = at + 21
    data.need(codes_at, max(size, 0), what, got=f"{size:,} bytes of codes promised")
    dsub, centroids_at, stop = _quantiser(data, codes_at + max(size, 0), dim, what)
    if size != rows * -(-dim // dsub):
        raise data.fault(f"the codes of {what} don't fit", at + 17, got=size, expected=f"{rows} x {-(-dim // dsub)}")
    if not has_norms:
        return QuantPlace(rows, dim, dsub, codes_at, centroids_at, None, None, stop)
    data.need(stop, rows, what)
    _, norms_at, end = _quantiser(data, stop + rows, 1, what)
    return QuantPlace(rows, dim, dsub, codes_at, centroids_at, stop, norms_at, end)


def _quantiser(data: RandomBytes, at: int, wanted: int, what: str) -> tuple[int, int, int]:
    """Return the numbers in a piece, where the centroids begin and where they end."""
    dim, n_sub, dsub, last = data.numbers("4i", at, what)
    fits = dim == wanted and dsub >= 1 and n_sub == -(-dim // dsub) and last == dim - (n_sub - 1) * dsub
    if not fits:
        raise data.fault(
            f"the centroids of {what} don't fit", at, got=(dim, n_sub, dsub, last), expected=f"dim {wanted}"
        )
    data.need(at + 16, 4 * dim * _CODES, what)
    return dsub, at + 16, at + 16 + 4 * dim * _CODES
