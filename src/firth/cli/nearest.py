"""``firth nearest``: the words whose vectors point the same way."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from firth.cli.options import Count, FormatOption, JsonFlag, LimitOption, ModelPath, Words, load_vectors, require_words
from firth.cli.output import print_json, print_table
from firth.errors import ConfigError

__all__ = ["nearest"]


def nearest(
    model: ModelPath,
    words: Words,
    /,
    *,
    count: Count = 10,
    together: Annotated[bool, Parameter(negative="", help="Add the words up and ask once.")] = False,
    minus: Annotated[
        list[str] | None, Parameter(consume_multiple=True, negative="", help="Words to subtract; implies --together.")
    ] = None,
    limit: LimitOption = None,
    format: FormatOption = None,
    json: JsonFlag = False,
) -> None:
    """Show the words nearest to each word, by cosine."""
    if count < 1:
        raise ConfigError("--count is too small", got=count, expected="at least 1")
    if words == ["-"]:
        words = [line.strip() for line in sys.stdin if line.strip()]
    vectors = load_vectors(model, limit, format)
    require_words(vectors, [*words, *(minus or ())])
    if together or minus:
        name = " + ".join(words) + "".join(f" - {word}" for word in minus or ())
        answers = {name: vectors.nearest(positive=words, negative=minus or [], n=count)}
    else:
        answers = {word: vectors.nearest(word, n=count) for word in words}
    if json:
        print_json(
            [
                {"query": query, "neighbours": [{"word": word, "cosine": float(cosine)} for word, cosine in found]}
                for query, found in answers.items()
            ]
        )
        return
    if len(answers) == 1:
        [(query, found)] = answers.items()
        print_table((query, "cosine"), [(word, f"{cosine:.4f}") for word, cosine in found])
        return
    rows = [(query, word, f"{cosine:.4f}") for query, found in answers.items() for word, cosine in found]
    print_table(("query", "word", "cosine"), rows)
