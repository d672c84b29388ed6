"""What ``firth task evaluate`` is asked of a classifier over representations."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

__all__ = ["Scoring"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scoring:
    """Where labels and texts stand, and which pictures to draw."""

    label: Annotated[
        str | None,
        Parameter(help="Classifiers: column or field of the labels, by number or name.", allow_leading_hyphen=True),
    ] = None
    text: Annotated[
        str | None,
        Parameter(help="Classifiers: column or field of the texts, by number or name.", allow_leading_hyphen=True),
    ] = None
    confusion: Annotated[
        Path | None, Parameter(help="Classifiers: draw which labels were taken for which; .png, .svg or .pdf.")
    ] = None
    calibration: Annotated[
        Path | None, Parameter(help="Classifiers: draw how honest the probabilities are; .png, .svg or .pdf.")
    ] = None
    bins: Annotated[int, Parameter(help="Classifiers: bins of the calibration.")] = 15
