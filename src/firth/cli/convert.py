"""``firth convert``: from any format to any other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from firth.cli.output import note, note_event
from firth.cli.target import check_target, make_parents
from firth.errors import DataError

__all__ = ["convert"]


def convert(
    source: Annotated[Path, Parameter(help="A model folder, or a file of vectors or n-grams.")],
    target: Annotated[Path, Parameter(help="Where to write; the suffix tells the format unless --format does.")],
    /,
    *,
    format: Annotated[str | None, Parameter(help="Format to write.")] = None,
    compress: Annotated[
        Literal["float16", "int8", "pq"] | None,
        Parameter(
            help="Pack vectors (half precision, bytes, product quantisation) or n-grams (int8); the loss is told."
        ),
    ] = None,
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at the target.")] = False,
) -> None:
    """Convert vectors and other models from one format to another; what the new one cannot hold is told."""
    from firth.formats.registry import convert as carry_over

    check_target(target, overwrite=overwrite, sources=[source])
    if not source.exists():
        raise DataError("no such file", got=str(source))
    make_parents(target)
    for lost in carry_over(source, target, format=format, compress=compress, listen=note_event):
        note(lost)
