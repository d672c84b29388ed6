"""Write ``native/unicode_tables.h`` from the ``regex`` package (word breaks, categories) and ``str.lower`` (case).

Run ``python tools/unicode_tables.py`` after an upgrade of ``regex``, and check the result in: a build never needs it.
Python's own tables are older than those of ``regex``, so letters that only ``regex`` knows are paired by matching them
without regard to case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

import regex

LAST = 0x110000
BLOCK = 128
TARGET = Path(__file__).resolve().parents[1] / "native" / "unicode_tables.h"
WORD_BREAK = [
    "Other",
    "CR",
    "LF",
    "Newline",
    "Extend",
    "ZWJ",
    "Format",
    "Katakana",
    "Hebrew_Letter",
    "ALetter",
    "Single_Quote",
    "Double_Quote",
    "MidNumLet",
    "MidLetter",
    "MidNum",
    "Numeric",
    "ExtendNumLet",
    "WSegSpace",
    "Regional_Indicator",
]
PICTURE, LETTER_PICTURE = len(WORD_BREAK), len(WORD_BREAK) + 1  # Extended_Pictographic, of Other and of ALetter
WORDLIKE, HAN, LETTER = 0x20, 0x40, 0x80


def holds(pattern: str) -> Callable[[int], bool]:
    compiled = regex.compile(pattern)
    return lambda code: compiled.match(chr(code)) is not None


def properties() -> list[int]:
    table = [0] * LAST
    for index, name in enumerate(WORD_BREAK[1:], 1):
        test = holds(rf"\p{{WB={name}}}")
        for code in filter(test, range(LAST)):
            table[code] = index
    picture, number = holds(r"\p{Extended_Pictographic}"), holds(r"\p{N}")
    letter, han = holds(r"\p{L}"), holds(r"\p{Script=Han}")
    for code in range(LAST):
        if picture(code):
            table[code] = {0: PICTURE, WORD_BREAK.index("ALetter"): LETTER_PICTURE}.get(table[code], table[code])
        is_letter = letter(code)
        table[code] |= (WORDLIKE if is_letter or number(code) else 0) | (LETTER if is_letter else 0)
        table[code] |= HAN if is_letter and han(code) else 0
    return table


def lower_pairs() -> list[tuple[int, int]]:
    scalars = [code for code in range(LAST) if not 0xD800 <= code < 0xE000]
    pairs = [(code, ord(chr(code).lower())) for code in scalars if len(chr(code).lower()) == 1]
    pairs = [pair for pair in pairs if pair[0] != pair[1]]
    unknown = [code for code in scalars if unicodedata.category(chr(code)) == "Cn"]
    small = list(filter(holds(r"\p{Ll}"), scalars))
    for code in filter(holds(r"\p{Lu}"), unknown):
        test = holds(f"(?i){regex.escape(chr(code))}")
        pairs += [(code, other) for other in small if test(other)][:1]
    return sorted(pairs)


def sigma_context() -> tuple[list[int], list[int]]:
    """Return the code points skipped before a final sigma, and those that make it final, by asking ``str.lower``."""
    final = "\N{GREEK SMALL LETTER FINAL SIGMA}"
    cased = [c for c in range(LAST) if (chr(c) + "Σ").lower().endswith(final)]
    known = set(cased)
    ignored = [c for c in range(LAST) if c not in known and ("A" + chr(c) + "Σ").lower().endswith(final)]
    return ignored, cased


def ranges(codes: Iterable[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for code in codes:
        if found and found[-1][1] + 1 == code:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found


def listing(kind: str, name: str, values: Iterable[object]) -> str:
    lines, line = [], ""
    for value in values:
        if len(line) + len(str(value)) > 115:
            lines.append(line)
            line = ""
        line += f"{value},"
    return f"inline constexpr {kind} {name}[] = {{\n" + "\n".join([*lines, line]) + "\n};\n"


def pairs_listing(name: str, pairs: Iterable[tuple[int, int]]) -> str:
    return listing("CodePair", name, (f"{{0x{a:X},0x{b:X}}}" for a, b in pairs))


def stages(table: list[int]) -> tuple[list[int], list[int]]:
    blocks: dict[tuple[int, ...], int] = {}
    first = [blocks.setdefault(tuple(table[start : start + BLOCK]), len(blocks)) for start in range(0, LAST, BLOCK)]
    return first, [value for block in blocks for value in block]


def main() -> None:
    first, second = stages(properties())
    digits = list(filter(holds(r"\p{Nd}"), range(LAST)))
    ignored, cased = sigma_context()
    names = [name.replace("_", "") for name in [*WORD_BREAK, "Picture", "LetterPicture"]]
    parts = [
        "// Written by tools/unicode_tables.py; do not edit.\n#pragma once\n#include <cstdint>\n",
        "namespace firth::unicode {\n",
        "struct CodePair {\n    uint32_t first, second;\n};\n",
        "enum WordBreak : uint8_t {\n    " + ",\n    ".join(names) + "\n};\n",
        f"inline constexpr uint8_t kClassMask = 0x1F, kWordlike = {WORDLIKE}, kHan = {HAN}, kLetter = {LETTER};\n",
        f"inline constexpr int kBlockBits = {BLOCK.bit_length() - 1};\n",
        listing("uint16_t", "kBlockOf", first),
        listing("uint8_t", "kProperties", second),
        pairs_listing("kLower", lower_pairs()),
        pairs_listing("kDigits", ranges(digits)),
        pairs_listing("kCaseIgnored", ranges(ignored)),
        pairs_listing("kCased", ranges(cased)),
        "}  // namespace firth::unicode\n",
    ]
    TARGET.write_text("\n".join(parts), encoding="ascii")


if __name__ == "__main__":
    main()
