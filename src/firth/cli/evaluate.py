"""``firth evaluate``: scores of a model on similarity, analogy and sense sets, and of language models on texts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from firth.cli.evaluate_context import ContextSets, evaluate_in_context
from firth.cli.evaluate_masked import evaluate_masked, holds_bert
from firth.cli.language_model import Mixing, is_elmo, language_model, reading_options
from firth.cli.options import CaseOption, FormatOption, JsonFlag, LimitOption, Method, ModelPath, load_vectors
from firth.cli.output import note, print_json, print_table
from firth.cli.texts import TextOptions, read_corpus
from firth.errors import ConfigError

if TYPE_CHECKING:
    from firth.contextual.elmo_model import ElmoModel
    from firth.evaluate import AnalogyScore, SimilarityScore
    from firth.lm.base import BaseLanguageModel
    from firth.text.corpus import Corpus
    from firth.vectors.static import Vectors

__all__ = ["evaluate"]

_MOST_RESAMPLES = 1_000_000

Files = Annotated[list[Path] | None, Parameter(consume_multiple=True, negative="")]


def evaluate(
    model: ModelPath,
    /,
    *,
    similarity: Annotated[Files, Parameter(help="Similarity sets: two words and a score a line; folders too.")] = None,
    analogies: Annotated[Files, Parameter(help="Analogy sets in Google's format, or tables; folders too.")] = None,
    text: Annotated[
        Files, Parameter(help="Texts whose perplexity is wanted (language models), or masked loss (BERT).")
    ] = None,
    context: ContextSets | None = None,
    mixing: Mixing | None = None,
    carry: Annotated[
        bool | None, Parameter(help="--text: read it as one, each sentence after those before; as the model does.")
    ] = None,
    reading: Annotated[TextOptions, Parameter(name="*")] = TextOptions(),  # noqa: B008
    restrict: Annotated[
        int, Parameter(help="Analogies among the first so many words (the most frequent); 0 for all.")
    ] = 30_000,
    method: Method = "3cosadd",
    case: CaseOption = "fallback",
    missing: Annotated[
        Literal["skip", "zero", "compose"],
        Parameter(help="Leave out pairs with an unknown word, score them 0, or compose it from its n-grams."),
    ] = "skip",
    resamples: Annotated[int, Parameter(help="Resamples of the bootstrap interval.")] = 1000,
    seed: Annotated[int, Parameter(help="Seed of the bootstrap.")] = 1,
    limit: LimitOption = None,
    format: FormatOption = None,
    json: JsonFlag = False,
) -> None:
    """Score a model on published sets, or a language model on texts."""
    if context:
        if similarity or analogies or text:
            raise ConfigError("sets of words in context are scored alone", remedy="ask for the other sets apart")
        evaluate_in_context(model, context, reading, json=json, format=format)
        return
    if text:
        if similarity or analogies:
            raise ConfigError("--text is for language models alone", remedy="ask for similarity and analogies apart")
        if holds_bert(model):
            if mixing is not None or carry is not None:
                raise ConfigError("a masked language model is mixed with nothing, and reads no text as one")
            evaluate_masked(model, text, reading, json=json)
            return
        _perplexities(language_model(model, mixing), text, reading, carry, json)
        return
    if mixing is not None:
        raise ConfigError("mixing is for --text", remedy="name a text with --text")
    from firth.evaluate import analogies as score_analogies
    from firth.evaluate import similarity as score_similarity

    if not similarity and not analogies:
        raise ConfigError("nothing to evaluate on", remedy="name files with --similarity, --analogies or --text")
    if restrict < 0:
        raise ConfigError("--restrict is too small", got=restrict, expected="at least 0")
    if not 1 <= resamples <= _MOST_RESAMPLES:
        raise ConfigError("--resamples is out of range", got=resamples, expected=f"1 to {_MOST_RESAMPLES:,}")
    vectors = load_vectors(model, limit, format)
    _tell_of_broken_rows(vectors)
    ranked = (
        score_similarity(vectors, similarity, case=case, missing=missing, resamples=resamples, seed=seed)
        if similarity
        else []
    )
    asked = (
        score_analogies(vectors, analogies, restrict=restrict or None, method=method, case=case) if analogies else []
    )
    if json:
        print_json(
            {
                "model": str(model),
                "words": len(vectors),
                "similarity": [score.as_dict() for score in ranked],
                "analogies": [score.as_dict() for score in asked],
            }
        )
    else:
        _print(ranked, asked)


def _perplexities(
    model: BaseLanguageModel, texts: Sequence[Path], reading: TextOptions, carry: bool | None, json: bool
) -> None:
    from firth.evaluate.language_model import PERPLEXITY_COLUMNS, perplexity_row

    options = reading_options(model, reading)
    elmo: Any = getattr(model, "model", None)  # behind the forward direction of a biLM, which is evaluated in both
    if is_elmo(elmo):
        _both_directions(elmo, {str(path): read_corpus([str(path)], options) for path in texts}, carry, json)
        return
    found = {str(path): model.perplexity(read_corpus([str(path)], options), carry=carry) for path in texts}
    if json:
        print_json({name: score.as_dict() for name, score in found.items()})
        return
    print_table(PERPLEXITY_COLUMNS, [perplexity_row(name, score) for name, score in found.items()], title="Perplexity")


def _both_directions(elmo: ElmoModel, texts: Mapping[str, Corpus], carry: bool | None, json: bool) -> None:
    """Tell the perplexity of each direction, and of their mean log probability, which is the figure of a biLM."""
    from firth.contextual.elmo_lm import both_perplexities
    from firth.evaluate.language_model import PERPLEXITY_COLUMNS, perplexity_row

    found = {name: both_perplexities(elmo, corpus, carry=carry) for name, corpus in texts.items()}
    if json:
        ways = ("forward", "backward")
        print_json(
            {
                name: scores["mean"].as_dict() | {way: scores[way].as_dict() for way in ways}
                for name, scores in found.items()
            }
        )
        return
    rows = [perplexity_row(f"{name}, {way}", score) for name, scores in found.items() for way, score in scores.items()]
    print_table(PERPLEXITY_COLUMNS, rows, title="Perplexity")


def _tell_of_broken_rows(vectors: Vectors) -> None:
    """Say how many vectors hold NaN or infinite values, which would otherwise only look like a poor score."""
    import numpy as np

    step = max(1, (1 << 22) // max(1, vectors.dim))
    blocks = (vectors.store[start : start + step] for start in range(0, len(vectors), step))
    broken = sum(int(np.count_nonzero(~np.isfinite(block).all(axis=1))) for block in blocks)
    if broken:
        note(f"{broken:,} of {len(vectors):,} vectors hold NaN or infinite values and count as like nothing")


def _print(ranked: Sequence[SimilarityScore], asked: Sequence[AnalogyScore]) -> None:
    from firth.evaluate.table import ANALOGY_COLUMNS, SIMILARITY_COLUMNS, analogy_rows, similarity_rows

    if ranked:
        print_table(SIMILARITY_COLUMNS, similarity_rows(ranked), title="Similarity (correlation x 100)")
    if asked and not sys.stdout.isatty():
        rows = [[score.name, *row] for score in asked for row in analogy_rows(score)]
        print_table(("set", *ANALOGY_COLUMNS), rows)
        return
    for score in asked:
        title = f"{score.name}: {score.method}, first {score.restrict:,} words"
        print_table(ANALOGY_COLUMNS, analogy_rows(score), title=title)
