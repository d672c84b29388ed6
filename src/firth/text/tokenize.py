"""How a text becomes tokens: the named tokenizers and any callable."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from firth import _core
from firth.errors import ConfigError, DataError

__all__ = ["TOKENIZERS", "Tokenizer", "encode_text"]

TOKENIZERS = ("words", "whitespace", "chars", "zh")
Function = Callable[[str], Iterable[str]]


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """A way to cut text into sentences of tokens. A sentence is a line for all of them.

    Parameters
    ----------
    name : str
        ``words`` (Unicode word boundaries, UAX #29; segments without a letter or a number are dropped), ``whitespace``
        (between characters with the property White_Space), ``chars`` (every code point but white space), ``zh``
        (Chinese words by rjieba, what has no letter or number dropped), or ``custom``.
    lower : bool
        Lower every letter, as ``str.lower`` does.
    fold_digits : bool
        Write every decimal digit as 0.
    function : callable from str to tokens, optional
        The tokenizer itself when ``name`` is ``custom``.
    blank_lines : bool
        Whether a line without a token is a sentence, an empty one, as language models count them in WikiText.

    Examples
    --------
    >>> Tokenizer("words", lower=True).sentences("It isn't 3.14!\\nNo?")
    [['it', "isn't", '3.14'], ['no']]
    """

    name: str = "words"
    lower: bool = False
    fold_digits: bool = False
    function: Function | None = None
    blank_lines: bool = False

    @classmethod
    def of(
        cls,
        tokenizer: str | Function | Tokenizer,
        *,
        lower: bool = False,
        fold_digits: bool = False,
        blank_lines: bool = False,
    ) -> Tokenizer:
        """Make one from a name or a callable.

        Raises
        ------
        ConfigError
            When there is no such tokenizer.
        """
        if isinstance(tokenizer, Tokenizer):
            return tokenizer
        if callable(tokenizer):
            return cls("custom", lower, fold_digits, tokenizer, blank_lines)
        if tokenizer not in TOKENIZERS:
            raise ConfigError(
                "no such tokenizer", got=tokenizer, expected="one of " + ", ".join(TOKENIZERS) + ", or a callable"
            )
        return cls(tokenizer, lower, fold_digits, None, blank_lines)

    @classmethod
    def described(cls, description: Mapping[str, Any]) -> Tokenizer:
        """Make the tokenizer that a corpus names.

        Raises
        ------
        ConfigError
            When it was a function of the user's, which no description brings back.
        """
        name = str(description.get("name"))
        flags = {flag: bool(description.get(flag)) for flag in ("lower", "fold_digits", "blank_lines")}
        return cls.of(name, **flags)

    def as_dict(self) -> dict[str, Any]:
        """Return what describes it, as JSON values; a function by its name only."""
        described: dict[str, Any] = {"name": self.name, "lower": self.lower, "fold_digits": self.fold_digits}
        if self.function is not None:
            described["function"] = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        if self.blank_lines:
            described["blank_lines"] = True
        return described

    def sentences(self, text: str) -> list[list[str]]:
        """Return the tokens of every line of ``text`` that has any, or of every line where blank lines are kept."""
        if self.function is not None:
            lines = [tokens_of(self.function, line) for line in text.split("\n")]
        else:
            lines = self._native(encode_text(text))
        if self.lower or self.fold_digits:
            lines = [[self._normalised(token) for token in line] for line in lines]
        if self.blank_lines:
            return lines[:-1] if lines and not lines[-1] else lines  # no line begins after the last line feed
        return [line for line in lines if line]

    def _native(self, data: bytes) -> list[list[str]]:
        name = self.name
        if name == "zh":
            from firth.text.zh import segment

            name, data = "fields", segment(data)
        tokens, ends = _core.split_text(data, name)
        words = [token.decode("utf-8", "surrogateescape") for token in tokens]
        bounds = [0, *ends.tolist(), len(words)]
        return [words[begin:end] for begin, end in itertools.pairwise(bounds)]

    def _normalised(self, token: str) -> str:
        data = _core.normalise_word(encode_text(token), self.lower, self.fold_digits)
        return data.decode("utf-8", "surrogateescape")


def encode_text(text: str) -> bytes:
    """Return UTF-8, with escaped bytes as they were and other lone surrogates as their three bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"".join(
            char.encode("utf-8", "surrogateescape" if 0xDC80 <= ord(char) <= 0xDCFF else "surrogatepass")
            for char in text
        )


def tokens_of(function: Function, line: str) -> list[str]:
    """Call a user's tokenizer and check what comes back.

    Raises
    ------
    DataError
        When that is not an iterable of str.
    """
    tokens = function(line)
    if isinstance(tokens, str | bytes) or not isinstance(tokens, Iterable):
        raise DataError("the tokenizer must return a list of str", got=tokens)
    tokens = list(tokens)
    wrong = next((token for token in tokens if not isinstance(token, str)), None)
    if wrong is not None:
        raise DataError("the tokenizer must return str tokens", got=wrong)
    return tokens
