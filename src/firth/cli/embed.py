"""``firth embed``: the vectors of a text's sentences or tokens, as an array file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from firth.cli.embed_contextual import ContextOptions, embed_contextual
from firth.cli.options import FormatOption, LimitOption, ModelPath, Texts, load_representation
from firth.cli.output import note
from firth.cli.target import check_target, make_parents
from firth.cli.texts import TextOptions, read_as_trained, token_lines
from firth.errors import ConfigError, DataError
from firth.protocols import Float32

if TYPE_CHECKING:
    from firth.vectors.static import Vectors

__all__ = ["embed"]


def embed(
    model: ModelPath,
    texts: Texts,
    /,
    *,
    out: Annotated[Path, Parameter(help="Where to write: .npy, .safetensors, .h5 (AllenNLP's layout) or .parquet.")],
    what: Annotated[
        Literal["sentences", "tokens"] | None,
        Parameter(
            help="One row per line of the text, or one per token. By default sentences, of models of words in context "
            "tokens."
        ),
    ] = None,
    weighting: Annotated[
        Literal["mean", "sif"], Parameter(help="Sentences: the plain mean, or weighted by smooth inverse frequency.")
    ] = "mean",
    oov: Annotated[
        Literal["skip", "zero", "random", "mean", "unk", "error"],
        Parameter(help="What stands in for a word without a vector; skip leaves it out of a sentence's mean."),
    ] = "skip",
    context: Annotated[ContextOptions, Parameter(name="*")] = ContextOptions(),  # noqa: B008
    text: Annotated[TextOptions, Parameter(name="*")] = TextOptions(),  # noqa: B008
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at --out.")] = False,
    limit: LimitOption = None,
    format: FormatOption = None,
) -> None:
    """Turn a text into vectors: row 0 is the first line (or token), a line without known words is zeros."""
    from firth.formats.arrays import SUFFIXES
    from firth.vectors.static import Vectors

    if out.suffix not in SUFFIXES:
        raise ConfigError("--out is no array file", got=out.name, expected="a name that ends in " + ", ".join(SUFFIXES))
    check_target(out, overwrite=overwrite, sources=[model, *texts])
    context.check()
    found = load_representation(model, limit, format)
    if not isinstance(found, Vectors):
        if (weighting, oov) != ("mean", "skip"):
            raise ConfigError("--weighting and --oov are for models that hold one vector for each word")
        lines = token_lines(texts, _reading(text, found))
        embed_contextual(found, lines, out, context, sentences=what == "sentences")
        return
    if context != ContextOptions():
        raise ConfigError("this model has one vector for each word, without context", got=str(context))
    vectors = found.with_policy(oov)
    rows = list(token_lines(texts, _reading(text, found)))
    _embed_static(vectors, rows, out, None if what == "tokens" else weighting, oov)


def _embed_static(vectors: Vectors, lines: list[list[str]], out: Path, weighting: str | None, oov: str) -> None:
    """Write the vectors of tokens, or with a weighting those of lines."""
    from firth.formats.arrays import save_arrays

    if not lines:
        raise DataError("the text is empty")
    arrays: list[Float32]
    if weighting is None:
        arrays, rows = vectors.encode(lines), lines
    else:
        arrays = [vectors.sentence(line, weighting)[None, :] for line in lines]
        rows = [[" ".join(line)] for line in lines]
    make_parents(out)
    save_arrays(out, arrays, rows)
    absent = {token for line in lines for token in line if token not in vectors}
    unknown = {token for token in absent if not vectors.knows(token)}
    found = [sum(token not in unknown for token in line) for line in lines]
    tokens = sum(map(len, lines))
    if composed := sum(token in absent for line in lines for token in line) - (tokens - sum(found)):
        note(f"{composed:,} of {tokens:,} tokens are not in the vocabulary: composed from their n-grams")
    if sum(found) < tokens:
        note(f"{tokens - sum(found):,} of {tokens:,} tokens are not in the vocabulary ({oov})")
    if (empty := found.count(0)) and weighting is not None:
        note(f"{empty:,} of {len(lines):,} lines have no known word")


def _reading(text: TextOptions, model: Any) -> TextOptions:
    """Return how the text is read, and say what of the model's own reading is left out."""
    made = getattr(model, "metadata", {}).get("tokenizer")
    if isinstance(made, dict) and made.get("phrases"):
        note("the model was trained with phrases, which are not joined in the embedded text")
    return read_as_trained(text, model)
