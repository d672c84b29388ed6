"""How the verbs read texts: the options of the text, and the corpus made from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from firth.errors import DataError

if TYPE_CHECKING:
    from firth.events import Listener
    from firth.text.corpus import Corpus

__all__ = ["TextOptions", "read_corpus"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How a text becomes sentences of words."""

    tokenizer: Annotated[
        Literal["words", "whitespace", "chars", "zh"],
        Parameter(help="Unicode words, words between blanks, characters, or Chinese words (extra [zh])."),
    ] = "words"
    lower: Annotated[bool, Parameter(negative="", help="Lower-case the text.")] = False
    field: Annotated[str | None, Parameter(help="Field of JSON lines that holds the text.")] = None


def read_corpus(
    texts: Sequence[str],
    options: TextOptions,
    *,
    out: Path | None = None,
    threads: int | None = None,
    listen: Listener | None = None,
) -> Corpus:
    """Return the corpus of the texts; ``-`` is standard input.

    Raises
    ------
    DataError
        When a text cannot be read, or standard input is mixed with files.
    """
    from firth.text.corpus import as_corpus

    if "-" in texts and len(texts) > 1:
        raise DataError("standard input cannot be mixed with files", got=" ".join(texts))
    data = texts[0] if len(texts) == 1 else [Path(text) for text in texts]
    return as_corpus(
        data,
        tokenizer=options.tokenizer,
        lower=options.lower,
        field=options.field,
        out=out,
        threads=threads,
        listen=listen,
    )
