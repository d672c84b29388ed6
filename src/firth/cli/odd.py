"""``firth odd``: the word that does not belong."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from firth.cli.options import FormatOption, JsonFlag, LimitOption, ModelPath, load_vectors, require_words
from firth.cli.output import print_json, shown
from firth.errors import ConfigError

__all__ = ["odd"]


def odd(
    model: ModelPath,
    words: Annotated[list[str], Parameter(help="Three words or more.")],
    /,
    *,
    limit: LimitOption = None,
    format: FormatOption = None,
    json: JsonFlag = False,
) -> None:
    """Find the word that is farthest from the others."""
    if len(words) < 3:
        raise ConfigError("too few words", got=len(words), expected="at least 3")
    vectors = load_vectors(model, limit, format)
    require_words(vectors, words)
    found = vectors.odd(words)
    if json:
        print_json({"words": words, "odd": found})
    else:
        print(shown(found))
