"""How the verbs read texts: the options of the text, and the corpus made from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.output import note
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.events import Listener
    from firth.text.corpus import Corpus

__all__ = ["TOKENIZERS", "TextOptions", "read_as_trained", "read_corpus", "read_model", "token_lines"]

TOKENIZERS = ("words", "whitespace", "chars", "zh")
_DEFAULT = "words"
_FLAGS = ("lower", "fold_digits", "blank_lines")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How a text becomes sentences of words."""

    tokenizer: Annotated[
        Literal["words", "whitespace", "chars", "zh"] | None,
        Parameter(
            help="Unicode words, words between blanks, characters, or Chinese words (extra [zh]). By default that of "
            "the corpus or the model, else words."
        ),
    ] = None
    lower: Annotated[bool, Parameter(negative="", help="Lower-case the text.")] = False
    fold_digits: Annotated[bool, Parameter(negative="", help="Write every digit as 0.")] = False
    blank_lines: Annotated[
        bool, Parameter(negative="", help="Keep empty lines as empty sentences, as in WikiText (language models).")
    ] = False
    field: Annotated[str | None, Parameter(help="Field of JSON lines that holds the text.")] = None

    def like(self, made: Mapping[str, Any]) -> TextOptions:
        """Return the options that read another text with the tokenizer that ``made`` describes."""
        flags: dict[str, Any] = {flag: bool(made.get(flag)) for flag in _FLAGS}
        return dataclasses.replace(self, tokenizer=made["name"], **flags)

    def over(self, made: Mapping[str, Any]) -> TextOptions:
        """Return the options given, or without a tokenizer among them those that ``made`` describes and the flags."""
        if self.tokenizer is not None:
            return self
        like = self.like(made)
        return dataclasses.replace(like, **{flag: getattr(self, flag) or getattr(like, flag) for flag in _FLAGS})

    def __str__(self) -> str:
        flags = ["--" + flag.replace("_", "-") for flag in _FLAGS if getattr(self, flag)]
        return " ".join([f"--tokenizer {self.tokenizer or _DEFAULT}", *flags])


def read_as_trained(text: TextOptions, model: Any) -> TextOptions:
    """Return the options given, or without a tokenizer among them those that the model was trained with, if known."""
    metadata = getattr(model, "metadata", None)
    made = metadata.get("tokenizer") if isinstance(metadata, Mapping) else None
    if not isinstance(made, dict):
        return text
    if text.tokenizer is None and made.get("name") not in TOKENIZERS:
        note(f"the model was trained with the tokenizer {made.get('name')}, which cannot be used here")
        return text
    return text.over(made)


def read_corpus(
    texts: Sequence[str],
    options: TextOptions,
    *,
    out: Path | None = None,
    threads: int | None = None,
    listen: Listener | None = None,
) -> Corpus:
    """Return the corpus of the texts; ``-`` is standard input.

    Raises
    ------
    DataError
        When a text cannot be read, or standard input is mixed with files.
    ConfigError
        When options of the text are given that differ from those of a corpus.
    """
    from firth.text.corpus import as_corpus

    check_cpu_level()
    _check_input(texts)
    data = texts[0] if len(texts) == 1 else [Path(text) for text in texts]
    corpus = as_corpus(
        data,
        tokenizer=options.tokenizer or _DEFAULT,
        lower=options.lower,
        fold_digits=options.fold_digits,
        blank_lines=options.blank_lines,
        field=options.field,
        out=out,
        threads=threads,
        listen=listen,
    )
    made = options.like(corpus.tokenizer)
    if made != options.over(corpus.tokenizer):
        raise ConfigError("a corpus keeps the tokenizer that it was made with", got=" ".join(texts), expected=str(made))
    return corpus


def read_model(texts: Sequence[str], options: TextOptions, takes: tuple[type, ...], listen: Listener) -> Any | None:
    """Return the model that stands in the place of a text, such as counts to train GloVe on, or None.

    Parameters
    ----------
    texts : sequence of str
        A single folder of ours may hold a model; anything else is text.
    options : TextOptions
    takes : tuple of type
        What the model's training takes beside text (``TAKES`` of its module).
    listen : callable

    Raises
    ------
    DataError
        When the folder holds another kind of model.
    ConfigError
        When options of the text are given.
    """
    if len(texts) != 1 or not (Path(texts[0]) / "model.safetensors").is_file():
        return None
    from firth.formats.registry import load

    check_cpu_level()
    model = load(texts[0], listen=listen)
    if not isinstance(model, takes):
        wanted = " or ".join(["a text", "a corpus", *(kind.__name__ for kind in takes)])
        raise DataError(f"{texts[0]} holds a model", got=type(model).__name__, expected=wanted)
    if options != TextOptions():
        raise ConfigError("there is no text to read", got=str(options), remedy="leave the options of the text out")
    return model


def token_lines(texts: Sequence[str], options: TextOptions) -> Iterator[list[str]]:
    """Yield the tokens of every line of the texts; unlike a corpus, with the empty ones.

    Raises
    ------
    DataError
        When a text cannot be read, or standard input is mixed with files.
    """
    from firth.text.jsonl import field_texts
    from firth.text.lines import lines_of
    from firth.text.sources import chunks, find_files
    from firth.text.tokenize import Tokenizer

    _check_input(texts)
    how = Tokenizer.of(options.tokenizer or _DEFAULT, lower=options.lower, fold_digits=options.fold_digits)
    for file in [file for text in texts for file in find_files(text)]:
        with file.open() as opened:
            pieces = chunks(opened, file.name)
            if options.field is not None:
                pieces = field_texts(pieces, options.field, file.name)
            for line in lines_of(pieces):
                found = how.sentences(line.decode("utf-8", "surrogateescape"))
                yield [token for sentence in found for token in sentence]


def _check_input(texts: Sequence[str]) -> None:
    if "-" in texts and len(texts) > 1:
        raise DataError("standard input cannot be mixed with files", got=" ".join(texts))
