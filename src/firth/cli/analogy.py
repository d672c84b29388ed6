"""``firth analogy``: A is to B as C is to what?"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from firth.cli.options import Count, FormatOption, JsonFlag, LimitOption, Method, ModelPath, load_vectors, require_words
from firth.cli.output import print_json, print_table
from firth.errors import ConfigError

__all__ = ["analogy"]


def analogy(
    model: ModelPath,
    a: str,
    b: str,
    c: str,
    /,
    *,
    count: Count = 5,
    method: Method = "3cosadd",
    include: Annotated[
        bool, Parameter(name="--include-query", negative="", help="Let A, B and C be answers too.")
    ] = False,
    limit: LimitOption = None,
    format: FormatOption = None,
    json: JsonFlag = False,
) -> None:
    """Find the word that is to C as B is to A: man woman king gives queen."""
    if count < 1:
        raise ConfigError("--count is too small", got=count, expected="at least 1")
    vectors = load_vectors(model, limit, format)
    require_words(vectors, [a, b, c])
    found = vectors.analogy(a, b, c, n=count, method=method, exclude=not include)
    if json:
        answers = [{"word": word, "score": float(score)} for word, score in found]
        print_json({"a": a, "b": b, "c": c, "method": method, "answers": answers})
    else:
        print_table((f"{a} : {b} = {c} : ?", "score"), [(word, f"{score:.4f}") for word, score in found])
