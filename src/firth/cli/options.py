"""Options that several verbs share."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter, Token

from firth.cli.cpu import check_cpu_level
from firth.cli.output import STDIN_MARK, note_event
from firth.errors import DataError
from firth.protocols import Contextual

if TYPE_CHECKING:
    from firth.vectors.static import Vectors

__all__ = [
    "CaseOption",
    "Count",
    "FormatOption",
    "JsonFlag",
    "LimitOption",
    "Method",
    "ModelPath",
    "Texts",
    "Words",
    "load_representation",
    "load_start",
    "load_vectors",
    "plain_texts",
    "require_words",
]

_SEARCHED_FOR_SPELLINGS = 20_000


def plain_texts(_type: Any, tokens: Sequence[Token]) -> list[str]:
    return ["-" if token.value == STDIN_MARK else token.value for token in tokens]


Words: TypeAlias = Annotated[
    list[str], Parameter(converter=plain_texts, help="Words to look up; - reads them from standard input, one a line.")
]
Texts: TypeAlias = Annotated[
    list[str],
    Parameter(
        converter=plain_texts,
        help="Text files (.txt, .jsonl, plain or packed by gzip, zstd, xz, bzip2), folders, globs, a corpus, or - for "
        "standard input.",
    ),
]

ModelPath: TypeAlias = Annotated[
    Path, Parameter(help="A folder of ours, or any file of vectors that 'firth inspect' knows.")
]
JsonFlag: TypeAlias = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
Count: TypeAlias = Annotated[int, Parameter(name=["-n", "--count"], help="How many answers to show.")]
LimitOption: TypeAlias = Annotated[
    int | None, Parameter(name="--limit", help="Read only the first so many words of the model.")
]
FormatOption: TypeAlias = Annotated[
    str | None, Parameter(name="--format", help="Read the model as this format instead of finding it out.")
]
Method: TypeAlias = Annotated[
    Literal["3cosadd", "3cosmul"], Parameter(name="--method", help="How candidates are ranked.")
]
CaseOption: TypeAlias = Annotated[
    Literal["fallback", "exact", "ignore"],
    Parameter(name="--case", help="Look words up as written and else lower-cased, only as written, or in any case."),
]


def load_vectors(path: Path, limit: int | None = None, format: str | None = None) -> Vectors:
    """Load a model and make sure that it holds word vectors.

    Raises
    ------
    DataError
        When the model holds something else.
    ConfigError
        When ``FIRTH_CPU`` names no CPU level.
    """
    from firth.vectors.static import Vectors

    found = load_representation(path, limit, format)
    if not isinstance(found, Vectors):
        raise DataError(f"{path} holds no word vectors", got=type(found).__name__)
    return found


def load_representation(path: Path, limit: int | None = None, format: str | None = None) -> Vectors | Contextual:
    """Load a model and make sure that it turns words into vectors, with or without their context.

    Raises
    ------
    DataError
        When the model holds something else.
    ConfigError
        When ``FIRTH_CPU`` names no CPU level.
    """
    from firth.formats.registry import load

    check_cpu_level()
    model = load(path, format=format, limit=limit, listen=note_event)
    return model if isinstance(model, Contextual) else _vectors_of(model, path)


def load_start(path: Path, takes: Sequence[str]) -> Any:
    """Load what training starts from: word vectors, or a model of a class in ``takes``, written ``module:class``.

    Raises
    ------
    DataError
        When it is something else.
    """
    from firth.formats.base import is_one_of
    from firth.formats.registry import load

    check_cpu_level()
    model = load(path, listen=note_event)
    return model if is_one_of(model, *takes) else _vectors_of(model, path)


def _vectors_of(model: Any, path: Path) -> Vectors:
    from firth.vectors.static import Vectors

    vectors = getattr(model, "vectors", model)  # a classifier has some too
    if not isinstance(vectors, Vectors):
        raise DataError(f"{path} holds no word vectors", got=type(model).__name__)
    return vectors


def require_words(vectors: Vectors, words: Sequence[str]) -> None:
    """Make sure that every word has a vector.

    Raises
    ------
    DataError
        With every word that has none, and close spellings of the first among the most frequent words.
    """
    missing = [word for word in words if not vectors.knows(word)]
    if not missing:
        return
    frequent = vectors.words[:_SEARCHED_FOR_SPELLINGS]
    close = difflib.get_close_matches(missing[0], [missing[0].lower(), *frequent], n=4, cutoff=0.75)
    hint = [word for word in dict.fromkeys((missing[0].lower(), *close)) if word in vectors][:3]
    raise DataError(
        "not in the vocabulary: " + ", ".join(missing),
        remedy=f"did you mean {' or '.join(hint)}?" if hint else "check spelling and case",
    )
