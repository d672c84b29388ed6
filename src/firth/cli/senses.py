"""``firth senses``: the senses that a word has in a text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from firth.cli.contextual import load_encoder, parsed_layer
from firth.cli.options import FormatOption, JsonFlag, ModelPath, plain_texts
from firth.cli.output import STDIN_MARK, note, note_event, print_json, print_table
from firth.cli.target import check_target, make_parents
from firth.cli.texts import TextOptions, read_as_trained, read_corpus
from firth.errors import ConfigError

if TYPE_CHECKING:
    from firth.evaluate.in_context import Place
    from firth.evaluate.senses import WordSenses

__all__ = ["senses"]

_PICTURES = (".png", ".svg", ".pdf")
_SHOWN = 9  # tokens of each side


def senses(
    model: ModelPath,
    text: Annotated[str, Parameter(help="A text, a folder or glob of texts, a corpus, or - for standard input.")],
    word: Annotated[list[str], Parameter(converter=plain_texts, help="The word, or words that follow each other.")],
    /,
    *,
    senses: Annotated[int | None, Parameter(help="How many senses; found out if left out.")] = None,
    count: Annotated[
        int, Parameter(name=["-n", "--count"], help="Sentences, words and neighbours to show of each sense.")
    ] = 5,
    layer: Annotated[
        str, Parameter(help="The layer that is compared: 0 is the token layer; mix is what the model makes of all.")
    ] = "mix",
    max: Annotated[int, Parameter(help="Look at so many occurrences, drawn where there are more.")] = 500,
    context: Annotated[int, Parameter(help="Tokens on each side that are read with the word; 0 for all.")] = 50,
    pool: Annotated[int, Parameter(help="Sentences without the word in which neighbours are looked for.")] = 1000,
    case: Annotated[Literal["ignore", "exact"], Parameter(help="Whether letter case counts.")] = "ignore",
    seed: Annotated[int, Parameter(help="Seed of what is drawn.")] = 1,
    picture: Annotated[Path | None, Parameter(help="Also draw a map of the occurrences: .png, .svg or .pdf.")] = None,
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at --picture.")] = False,
    reading: Annotated[TextOptions, Parameter(name="*")] = TextOptions(),  # noqa: B008
    format: FormatOption = None,
    json: JsonFlag = False,
) -> None:
    """Group the occurrences of a word by their vectors in context, and show what each group is about."""
    from firth.evaluate.in_context import refuse_static
    from firth.evaluate.senses import senses as find_senses

    if picture is not None:
        _check_picture(picture, overwrite, [model, text])
    texts, wanted, level = ["-" if text == STDIN_MARK else text], " ".join(word), parsed_layer(layer)
    encoder = load_encoder(model, format)
    refuse_static(encoder)
    corpus = read_corpus(texts, read_as_trained(reading, encoder), listen=note_event)
    found = find_senses(
        encoder, corpus, wanted, n_senses=senses, n=count, layer=level, most=max, context=context, pool=pool,
        case=case, seed=seed, listen=note_event,
    )  # fmt: skip
    if json:
        print_json({"model": str(model)} | found.as_dict())
    else:
        _print(found)
    if picture is not None:
        from firth.plot import sense_map

        make_parents(picture)
        sense_map(found, picture, title=f"{found.word}: {len(found.places):,} occurrences")
        note(f"saved: {picture}")


def _check_picture(path: Path, overwrite: bool, sources: list[str | Path]) -> None:
    if path.suffix.lower() not in _PICTURES:
        raise ConfigError(
            "--picture is no picture", got=path.name, expected="a name that ends in " + ", ".join(_PICTURES)
        )
    check_target(path, overwrite=overwrite, sources=sources)


def _print(found: WordSenses) -> None:
    shape = "one sense" if found.silhouette is None else f"silhouette {found.silhouette:.2f}"
    title = f"{found.word}: {len(found.places):,} of {found.n_found:,} occurrences, {shape}"
    rows = [
        [
            number,
            f"{100 * sense.share:.0f} %",
            ", ".join(word for word, _ in sense.words) or "-",
            ", ".join(f"{near.word} {near.cosine:.2f}" for near in sense.neighbours) or "-",
        ]
        for number, sense in enumerate(found.senses, 1)
    ]
    print_table(("sense", "share", "words around it", "nearest in context"), rows, title=title)
    if not sys.stdout.isatty():
        print()
    rows = [
        [number, kind, f"{each.cosine:.3f}", line(each.place)]
        for number, sense in enumerate(found.senses, 1)
        for kind, examples in (("typical", sense.typical), ("near", sense.neighbours))
        for each in examples
    ]
    print_table(("sense", "what", "cosine", "sentence"), rows)


def line(place: Place, reach: int = _SHOWN) -> str:
    """Return a place as a line: the word in angle quotes, some tokens of each side."""
    from firth.evaluate.in_context import joined

    begin, end = max(0, place.start - reach), place.end + reach
    before = ("… " if begin else "") + joined(place.sentence[begin : place.start])
    behind = joined(place.sentence[place.end : end]) + (" …" if end < len(place.sentence) else "")
    return " ".join(part for part in (before, f"«{joined(place.word)}»", behind) if part)
