"""The tokenizers in plain Python, written to be read: what the native ones must equal, and slow.

Texts are bytes; what is not UTF-8 is decoded with ``surrogateescape``. The word boundaries are those of Unicode
Standard Annex #29, section 4.1.1, with one rule of ours: a byte that is not UTF-8 counts as a letter.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from firth import _core

__all__ = [
    "WHITE_SPACE",
    "WordBreak",
    "chars",
    "phrases",
    "sentences",
    "vocabulary",
    "whitespace",
    "word_segments",
    "words",
]

# The characters with the property White_Space, all 25 of them.
WHITE_SPACE = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
WORDLIKE = 0x20

WordBreak = enum.IntEnum(
    "WordBreak",
    "OTHER CR LF NEWLINE EXTEND ZWJ FORMAT KATAKANA HEBREW_LETTER ALETTER SINGLE_QUOTE DOUBLE_QUOTE MID_NUM_LET"
    " MID_LETTER MID_NUM NUMERIC EXTEND_NUM_LET W_SEG_SPACE REGIONAL_INDICATOR PICTURE LETTER_PICTURE",
    start=0,
)
W = WordBreak
LINE_BREAK = {W.CR, W.LF, W.NEWLINE}
IGNORED = {W.EXTEND, W.FORMAT, W.ZWJ}
AH_LETTER = {W.ALETTER, W.HEBREW_LETTER, W.LETTER_PICTURE}
PICTURES = {W.PICTURE, W.LETTER_PICTURE}
MID_LETTER = {W.MID_LETTER, W.MID_NUM_LET, W.SINGLE_QUOTE}
MID_NUM = {W.MID_NUM, W.MID_NUM_LET, W.SINGLE_QUOTE}


def sentences(data: bytes, tokenizer: Callable[[str], Iterable[str]]) -> list[list[str]]:
    """Return the tokens of every line that has any.

    Examples
    --------
    >>> sentences(b"a b\\n\\nc", whitespace)
    [['a', 'b'], ['c']]
    """
    lines = (list(tokenizer(line)) for line in data.decode("utf-8", "surrogateescape").split("\n"))
    return [line for line in lines if line]


def vocabulary(lines: Iterable[Iterable[str]]) -> list[tuple[str, int]]:
    """Return every word with its count, by count and then by bytes."""
    counts = Counter(word for line in lines for word in line)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0].encode("utf-8", "surrogateescape")))


def whitespace(line: str) -> list[str]:
    """Cut at White_Space characters."""
    return [token for token in "".join(" " if char in WHITE_SPACE else char for char in line).split(" ") if token]


def chars(line: str) -> list[str]:
    """Take every code point that is no white space."""
    return [char for char in line if char not in WHITE_SPACE]


def words(line: str) -> list[str]:
    """Take the segments of UAX #29 that hold a letter or a number.

    Examples
    --------
    >>> words("Isn't it 3.14? 你好")
    ["Isn't", 'it', '3.14', '你', '好']
    """
    return [segment for segment in word_segments(line) if any(_properties(char) & WORDLIKE for char in segment)]


def word_segments(text: str) -> Iterator[str]:
    """Cut at every word boundary."""
    begin = 0
    kinds = [W(_properties(char) & 0x1F) for char in text]
    for position in range(1, len(text) + 1):
        if position == len(text) or _is_boundary(kinds, position):
            yield text[begin:position]
            begin = position


def _properties(char: str) -> int:
    return W.ALETTER | WORDLIKE if "\udc80" <= char <= "\udcff" else _core.code_point_properties(ord(char))


def _is_boundary(kinds: list[WordBreak], at: int) -> bool:
    """Apply the rules, in their order, to the place between ``kinds[at - 1]`` and ``kinds[at]``."""
    left, right = kinds[at - 1], kinds[at]
    if left == W.CR and right == W.LF:  # WB3
        return False
    if left in LINE_BREAK or right in LINE_BREAK:  # WB3a, WB3b
        return True
    if left == W.ZWJ and right in PICTURES:  # WB3c
        return False
    if left == right == W.W_SEG_SPACE:  # WB3d
        return False
    if right in IGNORED:  # WB4
        return False
    before = _effective(kinds[:at])
    return not _joins(before, right, _first_effective(kinds[at + 1 :]))


def _effective(kinds: list[WordBreak]) -> list[WordBreak]:
    """Leave out what WB4 ignores, in what stands before a place."""
    kept: list[WordBreak] = []
    for kind in kinds:
        if kind not in IGNORED or not kept or kept[-1] in LINE_BREAK:
            kept.append(kind)
    return kept


def _first_effective(kinds: list[WordBreak]) -> WordBreak | None:
    return next((kind for kind in kinds if kind not in IGNORED), None)


def _joins(before: list[WordBreak], right: WordBreak, after: WordBreak | None) -> bool:
    left = before[-1]
    second = before[-2] if len(before) > 1 else None
    flags = next((n for n, kind in enumerate(reversed(before)) if kind != W.REGIONAL_INDICATOR), len(before))
    return (
        (left in AH_LETTER and right in AH_LETTER)  # WB5
        or (left in AH_LETTER and right in MID_LETTER and after in AH_LETTER)  # WB6
        or (second in AH_LETTER and left in MID_LETTER and right in AH_LETTER)  # WB7
        or (left == W.HEBREW_LETTER and right == W.SINGLE_QUOTE)  # WB7a
        or (left == after == W.HEBREW_LETTER and right == W.DOUBLE_QUOTE)  # WB7b
        or (second == right == W.HEBREW_LETTER and left == W.DOUBLE_QUOTE)  # WB7c
        or (left in AH_LETTER | {W.NUMERIC} and right == W.NUMERIC)  # WB8, WB9
        or (left == W.NUMERIC and right in AH_LETTER)  # WB10
        or (second == right == W.NUMERIC and left in MID_NUM)  # WB11
        or (left == after == W.NUMERIC and right in MID_NUM)  # WB12
        or (left == right == W.KATAKANA)  # WB13
        or (left in AH_LETTER | {W.NUMERIC, W.KATAKANA, W.EXTEND_NUM_LET} and right == W.EXTEND_NUM_LET)  # WB13a
        or (left == W.EXTEND_NUM_LET and right in AH_LETTER | {W.NUMERIC, W.KATAKANA})  # WB13b
        or (left == right == W.REGIONAL_INDICATOR and flags % 2 == 1)  # WB15, WB16
    )


def phrases(lines: list[list[str]], is_phrase: Callable[[str, str], bool], delimiter: str) -> list[list[str]]:
    """Join, from the left, each pair of neighbours that is a phrase; no word is in two phrases.

    Examples
    --------
    >>> phrases([["a", "b", "c"]], lambda first, second: True, "_")
    [['a_b', 'c']]
    """
    joined = []
    for line in lines:
        out, at = [], 0
        while at < len(line):
            pair = at + 1 < len(line) and is_phrase(line[at], line[at + 1])
            out.append(delimiter.join(line[at : at + 2]) if pair else line[at])
            at += 2 if pair else 1
        joined.append(out)
    return joined
