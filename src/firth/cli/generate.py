"""``firth generate``: sentences drawn from a language model, or the likeliest next words."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from firth.cli.language_model import Mixing, language_model
from firth.cli.options import Count, JsonFlag, ModelPath
from firth.cli.output import print_json, print_table, shown
from firth.errors import ConfigError, DataError

__all__ = ["generate"]


def generate(
    model: ModelPath,
    /,
    *,
    count: Count = 5,
    context: Annotated[str, Parameter(help="The first words; read with the model's tokenizer.")] = "",
    next: Annotated[bool, Parameter(negative="", help="Show the likeliest next words instead.")] = False,
    temperature: Annotated[float, Parameter(help="Below 1 likelier words, above 1 more chance; 0: none.")] = 1.0,
    top_k: Annotated[int | None, Parameter(help="Draw among the k likeliest words.")] = None,
    top_p: Annotated[float | None, Parameter(help="Draw among the likeliest words that make up this much.")] = None,
    longest: Annotated[int, Parameter(help="Words of a sentence at most.")] = 100,
    unknown: Annotated[bool, Parameter(negative="", help="Let <unk> be drawn.")] = False,
    seed: Annotated[int, Parameter(help="Seed of the draws.")] = 1,
    mixing: Mixing | None = None,
    json: JsonFlag = False,
) -> None:
    """Draw sentences from a language model."""
    from firth.lm.sample import Sampling
    from firth.text.tokenize import Tokenizer

    if count < 0:
        raise ConfigError("--count is too small", got=count, expected="at least 0")
    sampling = Sampling(temperature, top_k, top_p, longest, unknown, seed)
    lm = language_model(model, mixing)
    how = Tokenizer.described(lm.metadata.get("tokenizer") or {"name": "whitespace"})
    words = [token for sentence in how.sentences(context) for token in sentence]
    if unfamiliar := [word for word in words if word not in lm.vocab]:
        raise DataError("not in the model's vocabulary: " + ", ".join(unfamiliar), remedy="choose other words")
    if next:
        found = lm.next_words(words, count)
        if json:
            print_json([{"word": word, "probability": probability} for word, probability in found])
        else:
            print_table(("word", "probability"), [[word, f"{probability:.4f}"] for word, probability in found])
        return
    sentences = lm.sample(count, sampling, context=words)
    if json:
        print_json(sentences)
        return
    for sentence in sentences:
        print(shown(" ".join(sentence)))
