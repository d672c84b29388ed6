"""Labelled words as the verbs of a tagger name them: files, and the column of labels in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

from cyclopts import Parameter

from firth.cli.options import plain_texts
from firth.errors import DataError

if TYPE_CHECKING:
    from firth.text.columns import Tagged

__all__ = ["Column", "Labelled", "read_labelled"]

Labelled: TypeAlias = Annotated[
    list[str],
    Parameter(
        converter=plain_texts,
        help="Files of one word a line with its label in a column, or CoNLL-U (.conllu), packed or not; - for standard "
        "input.",
    ),
]
Column: TypeAlias = Annotated[
    str | None,
    Parameter(
        help="The labels' column: a number, from the end where negative (by default the last); in CoNLL-U upos, xpos, "
        "feats, deprel or lemma (by default upos).",
        allow_leading_hyphen=True,
    ),
]


def read_labelled(paths: list[str], format: str | None, column: str | None) -> list[Tagged]:
    """Return the sentences of files.

    Raises
    ------
    DataError
        When standard input is mixed with files.
    """
    from firth.text.columns import read_tagged

    if "-" in paths and len(paths) > 1:
        raise DataError("standard input cannot be mixed with files", got=" ".join(paths))
    return [sentence for path in paths for sentence in read_tagged(path, format, column)]
