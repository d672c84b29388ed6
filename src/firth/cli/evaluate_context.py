"""The part of ``firth evaluate`` that is about words in context: senses, similarity and meaning in sentences."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from firth.cli.contextual import load_encoder
from firth.cli.display import listening
from firth.cli.output import print_json, print_table
from firth.cli.texts import TextOptions
from firth.errors import ConfigError

if TYPE_CHECKING:
    from firth.evaluate.similarity_in_context import ContextSimilarityScore
    from firth.evaluate.word_in_context import WicScore
    from firth.evaluate.wsd import WsdScore

__all__ = ["ContextSets", "evaluate_in_context"]

_SETS = Parameter(consume_multiple=True, negative="", show_default=False)


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class ContextSets:
    """Sets of words in their sentences."""

    wsd: Annotated[
        tuple[Path, ...],
        _SETS,
        Parameter(
            help="Word sense sets: .data.xml files of the unified framework, keys beside them, or folders of them."
        ),
    ] = ()
    semcor: Annotated[Path | None, Parameter(help="--wsd: SemCor, which the senses are learnt from.")] = None
    wordnet: Annotated[
        Path | None, Parameter(help="--wsd: folder of WordNet's files, for the first sense of lemmas SemCor lacks.")
    ] = None
    scws: Annotated[tuple[Path, ...], _SETS, Parameter(help="Similarity of words in context: SCWS's ratings.txt.")] = ()
    wic: Annotated[
        tuple[Path, ...], _SETS, Parameter(help="Same meaning or not: sets of WiC or MCL-WiC, labels beside them.")
    ] = ()
    wic_fit: Annotated[
        Path | None, Parameter(name="--wic-fit", help="--wic: the set that the threshold is fitted on.")
    ] = None

    def __bool__(self) -> bool:
        return any((self.wsd, self.scws, self.wic, self.semcor, self.wordnet, self.wic_fit))

    def check(self) -> None:
        """Make sure that what belongs together is there.

        Raises
        ------
        ConfigError
            When it is not.
        """
        if bool(self.wsd) != (self.semcor is not None):
            raise ConfigError("--wsd and --semcor belong together", remedy="name the sets, and SemCor to learn from")
        if self.wordnet is not None and not self.wsd:
            raise ConfigError("--wordnet is for --wsd")
        if bool(self.wic) != (self.wic_fit is not None):
            raise ConfigError(
                "--wic and --wic-fit belong together", remedy="name the sets, and one to fit the threshold on"
            )


def evaluate_in_context(
    model: Path, sets: ContextSets, reading: TextOptions, *, json: bool = False, format: str | None = None
) -> None:
    """Score a model on the sets, and print the scores; ``reading`` may name a tokenizer in the place of the model's."""
    sets.check()
    from firth.evaluate.similarity_in_context import similarity_in_context
    from firth.evaluate.word_in_context import word_in_context
    from firth.evaluate.wsd import disambiguation
    from firth.text.tokenize import Tokenizer

    how = None
    if reading.tokenizer is not None:
        how = Tokenizer.of(reading.tokenizer, lower=reading.lower, fold_digits=reading.fold_digits)
    elif reading.lower or reading.fold_digits:
        raise ConfigError("--lower and --fold-digits need --tokenizer here", remedy="name the tokenizer too")
    encoder = load_encoder(model, format)
    senses: list[WsdScore] = []
    if sets.wsd and sets.semcor is not None:
        with listening() as listen:
            senses = disambiguation(encoder, sets.semcor, sets.wsd, wordnet=sets.wordnet, tokenizer=how, listen=listen)
    similar = [score for path in sets.scws for score in similarity_in_context(encoder, path, tokenizer=how)]
    same: list[WicScore] = []
    if sets.wic_fit is not None:
        same = [score for path in sets.wic for score in word_in_context(encoder, path, sets.wic_fit, tokenizer=how)]
    if json:
        parts = {
            "wsd": [score.as_dict() for score in senses],
            "scws": [score.as_dict() for score in similar],
            "wic": [score.as_dict() for score in same],
        }
        print_json({"model": str(model)} | parts)
    else:
        _print(senses, similar, same)


def _print(senses: list[WsdScore], similar: list[ContextSimilarityScore], same: list[WicScore]) -> None:
    from firth.evaluate import context_table as table

    if senses:
        print_table(table.WSD_COLUMNS, table.wsd_rows(senses), title="Word sense disambiguation (F1 in percent)")
    if similar:
        print_table(table.SCWS_COLUMNS, table.scws_rows(similar), title="Similarity in context (correlation x 100)")
    if same:
        print_table(table.WIC_COLUMNS, table.wic_rows(same), title="Words in context")
