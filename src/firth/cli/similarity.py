"""``firth similarity``: the cosine of two words."""

from __future__ import annotations

from firth.cli.options import FormatOption, JsonFlag, LimitOption, ModelPath, load_vectors, require_words
from firth.cli.output import print_json

__all__ = ["similarity"]


def similarity(
    model: ModelPath,
    first: str,
    second: str,
    /,
    *,
    limit: LimitOption = None,
    format: FormatOption = None,
    json: JsonFlag = False,
) -> None:
    """Show the cosine of two words, from -1 to 1."""
    vectors = load_vectors(model, limit, format)
    require_words(vectors, [first, second])
    cosine = float(vectors.similarity(first, second))
    if json:
        print_json({"words": [first, second], "cosine": cosine})
    else:
        print(f"{cosine:.4f}")
