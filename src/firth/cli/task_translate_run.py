"""A translator at work: lines of text to lines of text, pictures of attention, and its scores."""

from __future__ import annotations

import dataclasses
import itertools
import json as jsons
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from firth.cli.output import note, print_json, print_table, shown
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.tasks.translator_model import Translation, TranslatorModel

__all__ = ["DEFAULTS", "TranslateOptions", "evaluate_translator", "run_translator"]

_TOGETHER = 512  # lines that are translated before they are printed
_GROUP = Group("Options of translators", sort_key=3)


@Parameter(name="*", group=_GROUP)
@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslateOptions:
    """How a translator searches, and what it shows."""

    beam: Annotated[int, Parameter(help="Beginnings that are kept at each step; 1 is greedy search.")] = 5
    length_penalty: Annotated[float, Parameter(help="Alpha of Wu et al. 2016: more for longer texts.")] = 1.0
    coverage_penalty: Annotated[float, Parameter(help="Beta: counts against what was never looked at.")] = 0.0
    n_best: Annotated[int, Parameter(help="Translations of each line, best first.")] = 1
    longest: Annotated[
        int | None, Parameter(help="Most pieces of a translation; by default twice those of the source and 50 more.")
    ] = None
    keep_unknown: Annotated[
        bool, Parameter(negative="", help="Print <unk>, and not the source word that was looked at most.")
    ] = False
    dictionary: Annotated[
        Path | None, Parameter(help="Lines of a source word, a tab and what to write where it is unknown.")
    ] = None
    temperature: Annotated[
        float | None, Parameter(help="Draw the translation, from log probabilities divided by this.")
    ] = None
    seed: Annotated[int, Parameter(help="Of what is drawn.")] = 1
    attention: Annotated[
        Path | None, Parameter(help="Draw what was looked at: a picture (.png .svg .pdf) of one line's translation.")
    ] = None
    bleu_tokenizer: Annotated[
        Literal["13a", "intl", "zh", "char", "none"] | None,
        Parameter(help="How BLEU cuts texts (evaluate); zh where most letters are Han, else 13a."),
    ] = None
    columns: Annotated[
        str | None, Parameter(help="The source's and the reference's column, such as 2,1 (evaluate, one file).")
    ] = None
    uncased: Annotated[bool, Parameter(negative="", help="Score texts without looking at case (evaluate).")] = False


DEFAULTS = TranslateOptions()


def run_translator(
    model: TranslatorModel, texts: list[str], options: TranslateOptions, threads: int | None, json: bool
) -> None:
    """Print a translation of each line; an empty line gives an empty one."""
    _refuse_rows(model)
    if "-" in texts and len(texts) > 1:
        raise DataError("standard input cannot be mixed with files", got=" ".join(texts))
    from firth.nn.loop import settled
    from firth.tasks.translator_data import read_lines

    lines: Iterator[str] = (line for text in texts for line in read_lines(text))
    if options.attention is not None:
        lines = iter(_one_line(lines))
    words = _dictionary(options.dictionary)
    with settled("cpu", threads, seed=1, deterministic=True):
        for some in _blocks(lines):
            for line, several in zip(some, translated(model, some, options, words), strict=True):
                if line.strip() and not several[0].source_tokens:
                    note(f"nothing is known of {line[:60]!r}")
                _print(line, several, json)
                if options.attention is not None:
                    _draw(several[0], options.attention)


def translated(
    model: TranslatorModel, lines: list[str], options: TranslateOptions, words: dict[str, str] | None
) -> list[list[Translation]]:
    """Return the translations of lines as the options say."""
    if options.temperature is not None:
        if options.n_best != 1:
            raise ConfigError("a drawn translation is one", got=f"--n-best {options.n_best}")
        drawn = model.sample(
            lines, seed=options.seed, temperature=options.temperature, longest=options.longest
        )  # fmt: skip
        return [[one] for one in drawn]
    return model.translate_n(
        lines, beam=options.beam, length_penalty=options.length_penalty, coverage_penalty=options.coverage_penalty,
        n_best=options.n_best, longest=options.longest, replace_unknown=not options.keep_unknown,
        dictionary=words,
    )  # fmt: skip


def _dictionary(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    from firth.tasks.translator_data import read_columns

    return dict(read_columns(path))


def _one_line(lines: Iterable[str]) -> list[str]:
    found = list(itertools.islice((line for line in lines if line.strip()), 2))
    if len(found) != 1:
        got = "none" if not found else "more"
        raise DataError("a picture of attention is of one line", got=got, remedy="give one line")
    return found


def _print(line: str, several: list[Translation], json: bool) -> None:
    if not json:
        for one in several:
            print(shown(one.text))
        return
    rounded = [[[round(x, 4) for x in row] for row in one.attention.tolist()] for one in several]
    answers = [
        {
            "text": one.text, "score": one.score, "log_prob": one.log_prob, "tokens": one.tokens, "ended": one.ended,
            "source_tokens": one.source_tokens, "attention": attention,
        }
        for one, attention in zip(several, rounded, strict=True)
    ]  # fmt: skip
    print(jsons.dumps({"source": line, "translations": answers}))


def _draw(one: Translation, path: Path) -> None:
    from firth.plot import attention_map

    if not one.attention.any():
        raise DataError("this translator has no attention to draw", got=path)
    attention_map(one.attention, one.source_tokens, one.tokens, path)
    note(f"the picture is in {path}")


def _blocks(lines: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(lines)
    while some := list(itertools.islice(waiting, _TOGETHER)):
        yield some


def evaluate_translator(
    model: TranslatorModel,
    texts: list[str],
    options: TranslateOptions,
    threads: int | None,
    json: bool,
) -> None:
    """Print BLEU and chrF of the translations of sources, against the targets beside them."""
    _refuse_rows(model)
    from firth.cli.task_translate import read_given
    from firth.nn.loop import settled
    from firth.tasks.translator_scores import scores

    pairs = list(read_given(texts, options.columns))
    if not pairs:
        raise DataError("there are no pairs of texts", got=" ".join(texts))
    if options.n_best != 1 or options.attention is not None:
        raise ConfigError("evaluate takes neither --n-best nor --attention", remedy="leave them out")
    with settled("cpu", threads, seed=1, deterministic=True):
        words, sources = _dictionary(options.dictionary), [source for source, _ in pairs]
        found = [several[0] for several in translated(model, sources, options, words)]
    if cut := sum(not one.ended for one in found):
        note(f"{cut:,} translations did not end by themselves and were cut (--longest)")
    told: dict[str, Any] = {"sentences": len(pairs)}
    references = [target for _, target in pairs]
    told |= scores([one.text for one in found], references, lower=options.uncased, tokenizer=options.bleu_tokenizer)
    if json:
        print_json(told)
        return
    names = ("bleu", "chrf")
    print_table(("score", "value", "signature"), [(n, f"{told[n]:.2f}", told[f"{n}_signature"]) for n in names])


def _refuse_rows(model: TranslatorModel) -> None:
    from firth.tasks.translator_source import GivenSource

    if isinstance(model.source, GivenSource):
        raise DataError("this model reads matrices of features, not texts", remedy="use it from Python")
