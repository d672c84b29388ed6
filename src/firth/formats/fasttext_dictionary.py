"""The first half of a ``.bin`` or ``.ftz`` of Facebook's fastText or of floret: options, words and labels.

A magic number and a version (old files have neither), the options, the sizes of the dictionary, an entry per word, and
the map of kept buckets.
"""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
from numpy.typing import NDArray

from firth.formats.fasttext_args import Args, parsed
from firth.formats.random_bytes import RandomBytes
from firth.vectors.buckets import KeptBuckets
from firth.vectors.words import Words

__all__ = ["MAGIC", "VERSION", "Dictionary", "dictionary_of", "is_plausible"]

MAGIC = 793_712_314
VERSION = 12
_ENTRY_TAIL = 10  # the zero after a word, its count (8) and its kind (1)


@dataclasses.dataclass(frozen=True)
class Dictionary:
    """Options and words.

    Attributes
    ----------
    version : int
        0 of the files before the magic number.
    args : Args
    n_words, n_labels, tokens : int
    starts : ndarray of int64, shape (n_words + n_labels + 1,)
        Where each entry begins, words first.
    kept : KeptBuckets or None
        From buckets to rows after those of the words; None where nothing was pruned.
    stop : int
        The byte after it.
    """

    version: int
    args: Args
    n_words: int
    n_labels: int
    tokens: int
    starts: NDArray[np.int64]
    kept: KeptBuckets | None
    stop: int

    @property
    def n_hashed(self) -> int:
        """Input rows after those of the words."""
        return self.args.bucket if self.kept is None else len(self.kept)

    def words(self, data: RandomBytes) -> tuple[Words, NDArray[np.int64]]:
        """Return the words with their counts."""
        return self._entries(data, 0, self.n_words)

    def labels(self, data: RandomBytes) -> tuple[Words, NDArray[np.int64]]:
        """Return the labels with their counts."""
        return self._entries(data, self.n_words, self.n_words + self.n_labels)

    def _entries(self, data: RandomBytes, first: int, last: int) -> tuple[Words, NDArray[np.int64]]:
        starts = self.starts[first : last + 1]
        blob = data.array(int(starts[0]), int(starts[-1] - starts[0]))
        offsets = starts - starts[0]
        if first == last:
            return Words(blob, np.zeros(1, np.int64)), np.zeros(0, np.int64)
        raw = blob[(offsets[1:, None] - _ENTRY_TAIL + 1) + np.arange(8)]
        return Words(blob, offsets, gap=_ENTRY_TAIL), np.ascontiguousarray(raw).view("<i8")[:, 0].astype(np.int64)


def is_plausible(start: bytes, *, floret: bool) -> bool:
    """Return whether ``start`` reads as options and the numbers of a dictionary, in fastText's order or in floret's."""
    if len(start) < 4:
        return False
    (magic,) = struct.unpack_from("<i", start)
    signed = magic == MAGIC
    at, tail = (8, 28) if signed else (0, 20)
    if (floret and not signed) or len(start) < at + 56 + 8 * floret + tail:
        return False
    args, at = parsed(start, at, floret=floret)
    size, n_words, n_labels, tokens = struct.unpack_from("<3iq", start, at)
    pruned = struct.unpack_from("<q", start, at + 20)[0] if signed else -1
    sane = size == n_words + n_labels and n_words >= 0 and n_labels >= 0 and tokens >= 0 and pruned >= -1
    # Without a magic number, only what training writes counts as such a file.
    return sane and args.fault() is None and (signed or (size > 0 and tokens > 0 and args.ws > 0 and args.epoch > 0))


def dictionary_of(data: RandomBytes, *, floret: bool) -> Dictionary:
    """Read options and dictionary.

    Raises
    ------
    FormatError
        When they are broken, or of a later version.
    """
    (magic,) = data.numbers("i", 0, "the magic number")
    version, at = 0, 0
    if magic == MAGIC:
        (version,), at = data.numbers("i", 4, "the version"), 8
        if not 0 < version <= VERSION:
            raise data.fault("of a version that Firth does not know", 4, got=version, expected=f"at most {VERSION}")
    data.need(at, 56 + 8 * floret, "the options")
    args, stop = parsed(data.array(at, 56 + 8 * floret).tobytes(), 0, floret=floret)
    if (fault := args.fault()) is not None:
        raise data.fault(f"the options make no sense: {fault}", at, got=str(dataclasses.astuple(args)))
    if version == 11 and args.is_supervised:  # those classifiers had no character n-grams, whatever maxn says
        args = dataclasses.replace(args, maxn=0)
    at += stop
    size, n_words, n_labels, tokens = data.numbers("3iq", at, "the sizes of the dictionary")
    pruned = data.numbers("q", at + 20, "the sizes of the dictionary")[0] if version else -1
    if size != n_words + n_labels or n_words < 0 or n_labels < 0 or tokens < 0 or pruned < -1:
        raise data.fault("the sizes of the dictionary make no sense", at, got=(size, n_words, n_labels, tokens, pruned))
    at += 28 if version else 20
    starts = _entries(data, at, size)
    _check_entries(data, starts, n_words)
    kept, stop = _kept(data, int(starts[-1]), pruned, args.bucket)
    return Dictionary(version, args, n_words, n_labels, tokens, starts, kept, stop)


def _entries(data: RandomBytes, at: int, size: int) -> NDArray[np.int64]:
    if data.head.compression is None:
        data.need(at, size * _ENTRY_TAIL, "the dictionary", got=f"{size:,} words promised")
    starts = [at]
    for _ in range(size):
        end = data.find(b"\0", at)
        if end < 0:
            raise data.fault("a word does not end", at)
        at = end + _ENTRY_TAIL
        starts.append(at)
        if not data.has(at):
            raise data.fault("the file ends within the dictionary", starts[-2], got=f"{size:,} words promised")
    return np.array(starts, dtype=np.int64)


def _check_entries(data: RandomBytes, starts: NDArray[np.int64], n_words: int) -> None:
    first, stop = int(starts[0]), int(starts[-1])
    blob = data.array(first, stop - first)
    # A copy, so that no view of what a compressed file has unfolded so far stays.
    kinds = blob[starts[1:] - first - 1].copy()
    del blob
    wrong = np.flatnonzero(kinds != (np.arange(len(kinds)) >= n_words))
    if len(wrong):
        expected = "0 for words, which stand first, and 1 for labels"
        raise data.fault(
            "an entry is of the wrong kind", int(starts[wrong[0] + 1]) - 1, got=int(kinds[wrong[0]]), expected=expected
        )


def _kept(data: RandomBytes, at: int, pruned: int, buckets: int) -> tuple[KeptBuckets | None, int]:
    if pruned < 0:
        return None, at
    data.need(at, 8 * pruned, "the map of kept n-grams", got=f"{pruned:,} promised")
    pairs = data.array(at, 8 * pruned).copy().view("<i4").reshape(-1, 2)
    outside = (pairs < 0).any(axis=1) | (pairs[:, 0] >= max(buckets, 1)) | (pairs[:, 1] >= pruned)
    if outside.any():
        worst = int(np.flatnonzero(outside)[0])
        raise data.fault("a kept n-gram is out of range", at + 8 * worst, got=tuple(pairs[worst].tolist()))
    if len(np.unique(pairs[:, 0])) != pruned:
        raise data.fault("a kept n-gram stands twice", at)
    return KeptBuckets(pairs[:, 0], pairs[:, 1]), at + 8 * pruned
