"""Feature templates: what of a word and its neighbours a classifier looks at, written as short strings.

A template is one or more looks joined by ``&``; a look is what to take and, in brackets, of which word, counted from
the one in question: ``w[-1]`` the word before, ``suffix3[0]`` the last three letters, ``w[-1]&suffix2[0]`` both.

==============  ====================================================================
look            takes
==============  ====================================================================
``w``           the word
``lower``       the word in lower case
``prefixN``     its first N characters, where it has more; ``prefix1-4`` is four templates
``suffixN``     its last N characters, where it has more
``shape``       letters as X and x, digits as 9, runs cut to two: *McDonald-42* is XxXxx-99
``length``      its number of characters, at most 10
==============  ====================================================================

Beyond the ends of the sentence stand ``<bos>`` and ``<eos>``. (Ratnaparkhi 1996, "A maximum entropy model for
part-of-speech tagging", table 1, has such features.)
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from firth.errors import ConfigError
from firth.protocols import Sentence

__all__ = ["DEFAULT_TEMPLATES", "Template", "features_at", "parse_templates", "word_shape"]

DEFAULT_TEMPLATES = (
    "w[-2]", "w[-1]", "w[0]", "w[1]", "w[2]", "lower[0]", "prefix1-4[0]", "suffix1-4[0]", "shape[0]",
    "suffix2[-1]", "suffix3[-1]", "suffix2[1]", "suffix3[1]", "shape[-1]", "shape[1]",
    "w[-1]&w[0]", "w[0]&w[1]", "w[-1]&w[1]", "w[-2]&w[-1]", "suffix2[-1]&suffix2[0]",
)  # fmt: skip

_LOOK = re.compile(r"(w|lower|shape|length|(?:prefix|suffix)([1-9][0-9]?)(?:-([1-9][0-9]?))?)\[([+-]?[0-9]{1,2})\]")
_LONGEST = 10


@dataclasses.dataclass(frozen=True)
class Template:
    """A template taken apart.

    Attributes
    ----------
    name : str
        As written, ranges resolved.
    looks : tuple of (int, callable)
        Offset, and from a word to what is taken of it, or None for nothing.
    """

    name: str
    looks: tuple[tuple[int, Callable[[str], str | None]], ...]

    def value(self, sentence: Sentence, position: int) -> str | None:
        """Return the feature's name at a position; None where a look takes nothing.

        Examples
        --------
        >>> parse_templates(["suffix2[0]&w[-1]"])[0].value(["he", "runs"], 1)
        'suffix2[0]&w[-1]=ns&he'
        """
        taken = []
        for offset, look in self.looks:
            at = position + offset
            found = "<bos>" if at < 0 else "<eos>" if at >= len(sentence) else look(sentence[at])
            if found is None:
                return None
            taken.append(found)
        return self.name + "=" + "&".join(taken)


def parse_templates(texts: Iterable[str]) -> list[Template]:
    """Return the templates that the texts mean; a range makes several.

    Raises
    ------
    ConfigError
        When one means none.

    Examples
    --------
    >>> [template.name for template in parse_templates(["prefix1-2[0]&w[+1]"])]
    ['prefix1[0]&w[1]', 'prefix2[0]&w[1]']
    """
    found = []
    for text in texts:
        made: list[tuple[str, tuple[tuple[int, Callable[[str], str | None]], ...]]] = [("", ())]
        for part in text.replace(" ", "").split("&"):
            looks = _looks(part, text)
            made = [(f"{name}&{other}" if name else other, (*own, look)) for name, own in made for other, look in looks]
        found += [Template(name, looks) for name, looks in made]
    return found


def _looks(part: str, text: str) -> list[tuple[str, tuple[int, Callable[[str], str | None]]]]:
    match = _LOOK.fullmatch(part)
    if match is None:
        expected = "w[0], lower[0], prefix3[0], suffix1-4[-1], shape[1], length[0], joined by &"
        raise ConfigError("no such feature template", got=text, expected=expected)
    kind, first, last, offset = match[1], match[2], match[3], int(match[4])
    if first is None:
        return [(f"{kind}[{offset}]", (offset, _WHOLE[kind]))]
    if last is not None and int(last) < int(first):
        raise ConfigError("a feature template's range falls", got=text, expected=f"such as {last}-{first}")
    kind = "prefix" if kind.startswith("prefix") else "suffix"
    lengths = range(int(first), int(last or first) + 1)
    return [(f"{kind}{n}[{offset}]", (offset, _affix(n if kind == "prefix" else -n))) for n in lengths]


def _affix(n: int) -> Callable[[str], str | None]:
    if n > 0:
        return lambda word: word[:n] if len(word) > n else None
    return lambda word: word[n:] if len(word) > -n else None


def word_shape(word: str) -> str:
    """Return the word with letters as X, x or (without case) o, digits as 9, and runs of one cut to two.

    Examples
    --------
    >>> word_shape("McDonald-42"), word_shape("1998年")
    ('XxXxx-99', '99o')
    """
    shape = ""
    for letter in word:
        if letter.isupper():
            sign = "X"
        elif letter.islower():
            sign = "x"
        else:
            sign = {"L": "o", "N": "9"}.get(unicodedata.category(letter)[0], letter)
        if not shape.endswith(sign * 2):
            shape += sign
    return shape


_WHOLE: dict[str, Callable[[str], str | None]] = {
    "w": str,
    "lower": str.lower,
    "shape": word_shape,
    "length": lambda word: str(min(len(word), _LONGEST)),
}


def features_at(templates: Sequence[Template], sentence: Sentence, position: int) -> list[str]:
    """Return the names of the features that hold at a position."""
    values = (template.value(sentence, position) for template in templates)
    return [value for value in values if value is not None]
