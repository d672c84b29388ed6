"""What a context word adds by its distance, in whole numbers, so that sums are exact in any order."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError

__all__ = ["Weighting"]

_WIDEST_EXACT = 16  # lcm(1, ..., 16) = 720,720
_FINE = 1 << 24


@dataclasses.dataclass(frozen=True)
class Weighting:
    """Weights as parts of a unit.

    Attributes
    ----------
    parts : ndarray of uint64, shape (reach,)
        What a word d places away adds is ``parts[d - 1] / unit``.
    unit : int
        How many parts make a weight of 1.

    Examples
    --------
    >>> weighting = Weighting.of("harmonic", window=4)
    >>> weighting.parts.tolist(), weighting.unit
    ([12, 6, 4, 3], 12)
    """

    parts: NDArray[np.uint64]
    unit: int

    @classmethod
    def of(cls, weights: str, window: int, longest: int = 0) -> Weighting:
        """Return the weights of a window, or, where it is 0, of sentences of up to ``longest`` words.

        The unit depends on the kind of weights and the window alone, never on the text, so that counts of different
        texts can be added up. Harmonic weights 1/d are whole multiples of 1/lcm(1, ..., window) for windows up to 16;
        wider ones are rounded to multiples of 2^-24 (for the window 100: by 0.0003 % at most).
        """
        distance = np.arange(1, (window or max(longest - 1, 1)) + 1)
        if weights == "flat":
            return cls(np.ones(len(distance), np.uint64), 1)
        if weights == "linear":
            return cls((window + 1 - distance).astype(np.uint64), window)
        unit = math.lcm(*range(1, window + 1)) if 1 <= window <= _WIDEST_EXACT else _FINE
        parts = np.rint(unit / distance).astype(np.uint64)
        return cls(parts[parts > 0], unit)

    def check_room(self, counts: NDArray[np.int64], sides: str) -> None:
        """Make sure that no sum can pass 64 bits.

        Raises
        ------
        DataError
            When the most frequent word could.
        """
        most = int(counts.max(initial=0)) * int(self.parts.sum()) * (2 if sides == "both" else 1)
        if most >= 1 << 63:
            raise DataError(
                "the text is too large for exact counts",
                got=f"a word that occurs {int(counts.max()):,} times",
                remedy="choose a smaller window or flat weights",
            )
