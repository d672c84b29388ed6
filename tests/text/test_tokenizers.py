"""The native tokenizers against their Python twins, Unicode's own cases and the interpreter."""

from __future__ import annotations

import itertools
import os
import tempfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firth import _core
from firth.errors import ConfigError, DataError
from firth.text import reference
from firth.text.tokenize import Tokenizer, encode_text

TWINS = {"whitespace": reference.whitespace, "words": reference.words, "chars": reference.chars}
# A character or two of every Word_Break class; white space, pictures, marks, letters that change case.
PIECES = [
    *"aZéſΣİßǅяאב中ーカひก٣5５½_‿.,;:'\"’·٫!—\u00ad\u200d\u200b\u0301\uff9e",
    *" \t\r\v\x85\xa0\u3000\u2028\0🇩🇪👩🚀©ℹⓂ\ufeff\x1f",
]
INVALID = [b"\xff", b"\x80", b"\xc3", b"\xe4\xb8", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"]
pieces = st.sampled_from([piece.encode() for piece in PIECES] + INVALID + [b"\n", b"\r\n", b"ab", b"12"])
texts = st.lists(pieces, max_size=30).map(b"".join) | st.binary(max_size=60) | st.text(max_size=30).map(str.encode)


def native(text: bytes, tokenizer: str) -> list[list[str]]:
    tokens, ends = _core.split_text(text, tokenizer)
    words = [token.decode("utf-8", "surrogateescape") for token in tokens]
    bounds = [0, *ends.tolist(), len(words)]
    lines = [words[begin:end] for begin, end in itertools.pairwise(bounds)]
    return [line for line in lines if line]


@pytest.mark.parametrize("tokenizer", sorted(TWINS))
@settings(max_examples=1000, deadline=None)
@given(text=texts)
@example(text=b"")
@example(text=b"don't 3,141.59 e.g. a_b __ U.S.A. x:y 5a a5 \r\n")
def test_native_equals_its_twin(tokenizer: str, text: bytes) -> None:
    assert native(text, tokenizer) == reference.sentences(text, TWINS[tokenizer])


@settings(max_examples=1000, deadline=None)
@given(
    text=texts,
    tokenizer=st.sampled_from(sorted(TWINS)),
    threads=st.sampled_from([1, 2, 3, 8]),
    block=st.integers(1, 20),
    cut=st.integers(0, 60),
)
def test_where_a_text_is_cut_changes_nothing(text: bytes, tokenizer: str, threads: int, block: int, cut: int) -> None:
    tokens, ends = run_pass([text[:cut], text[cut:]], tokenizer, threads, block)
    lines = native(text, tokenizer)
    assert [token.decode("utf-8", "surrogateescape") for token in tokens] == [word for line in lines for word in line]
    assert ends == list(itertools.accumulate(map(len, lines)))


def run_pass(parts: list[bytes], tokenizer: str, threads: int, block: int) -> tuple[list[bytes], list[int]]:
    """Feed one text in parts; return its tokens and sentence ends."""
    with tempfile.TemporaryDirectory() as folder:
        files = [os.open(Path(folder) / name, os.O_RDWR | os.O_CREAT) for name in ("ids", "ends")]
        work = _core.TextPass(tokenizer, False, False, threads, *files, block)
        for part in parts:
            work.feed(np.frombuffer(part, np.uint8))
        vocabulary = work.finish()
        for file in files:
            os.close(file)
        ids = np.fromfile(Path(folder) / "ids", np.int32)
        ends = np.fromfile(Path(folder) / "ends", np.int64)
    data, bounds = vocabulary["words"].tobytes(), [0, *vocabulary["word_ends"].tolist()]
    words = [data[begin:end] for begin, end in itertools.pairwise(bounds)]
    return [words[i] for i in ids], ends.tolist()


def test_word_break_classes_equal_those_of_regex() -> None:
    """``Picture`` and ``LetterPicture`` are our split of Other and ALetter by Extended_Pictographic (rule WB3c)."""
    everything = "".join(map(chr, range(0x110000)))
    properties = np.array([_core.code_point_properties(code) for code in range(0x110000)])
    pictures = members(r"\p{Extended_Pictographic}", everything)
    escaped = set(range(0xDC80, 0xDD00))  # they stand for bytes that are not UTF-8
    for kind in list(reference.WordBreak)[:-2]:
        own = set(np.flatnonzero((properties & 0x1F) == kind)) - escaped
        theirs = members(rf"\p{{WB={kind.name.replace('_', '')}}}", everything) - escaped
        split = {0: reference.WordBreak.PICTURE, 9: reference.WordBreak.LETTER_PICTURE}.get(kind)
        if split is not None:
            assert set(np.flatnonzero((properties & 0x1F) == split)) == theirs & pictures
            theirs -= pictures
        assert own == theirs, kind.name
    assert set(np.flatnonzero(properties & 0x20)) - escaped == members(r"[\p{L}\p{N}]", everything)
    assert set(np.flatnonzero(properties & 0x80)) == members(r"\p{L}", everything)
    assert set(np.flatnonzero(properties & 0x40)) == members(r"[\p{L}&&\p{Script=Han}]", everything)


def members(pattern: str, everything: str) -> set[int]:
    compiled = regex.compile(f"(?V1)(?:{pattern})+")
    return {code for match in compiled.finditer(everything) for code in range(*match.span())}


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("can't", ["can't"]),  # WB6, WB7
        ("a.b 1.5 a.5", ["a.b", " ", "1.5", " ", "a", ".", "5"]),  # WB6, WB12, neither
        ("1,234;a,b", ["1,234", ";", "a", ",", "b"]),
        ("א\"ב א'", ['א"ב', " ", "א'"]),  # WB7b, WB7c, WB7a
        ("カタ_カ a_1", ["カタ_カ", " ", "a_1"]),  # WB13, WB13a, WB13b
        ("中文ひ", ["中", "文", "ひ"]),
        ("a\u0301b", ["a\u0301b"]),  # WB4
        ("a\u0301'\u0301b", ["a\u0301'\u0301b"]),
        ("\r\n\u0301a", ["\r\n", "\u0301", "a"]),  # WB3, WB3a
        ("  \u0301 ", ["  \u0301", " "]),  # WB3d before WB4
        ("🇩🇪🇫🇷🇮", ["🇩🇪", "🇫🇷", "🇮"]),  # WB15, WB16
        ("👩\u200d🚀", ["👩\u200d🚀"]),  # WB3c
    ],
)
def test_word_boundaries_by_the_rules(text: str, segments: list[str]) -> None:
    assert list(reference.word_segments(text)) == segments


def test_unicodes_own_cases(data: Callable[[str], Path]) -> None:
    """Each line of WordBreakTest.txt marks where a text is cut (÷) and where not (×)."""
    for line in data("unicode/WordBreakTest.txt").read_text(encoding="utf-8").splitlines():
        case = line.partition("#")[0].split()
        text = "".join(chr(int(code, 16)) for code in case[1::2])
        cuts = [position for position, mark in enumerate(case[::2]) if mark == "÷"]
        segments = [text[begin:end] for begin, end in itertools.pairwise(cuts)]
        assert list(reference.word_segments(text)) == segments, line


def test_lowering_equals_the_interpreters() -> None:
    """For every code point that this Python knows; the native tables may know newer ones."""
    for code in range(0x110000):
        char = chr(code)
        if not 0xD800 <= code < 0xE000 and unicodedata.category(char) != "Cn":
            assert _core.normalise_word(char.encode(), True, False).decode() == char.lower(), hex(code)


@settings(max_examples=1000, deadline=None)
@given(word=st.text(st.sampled_from("ΑΣσς'·:a\u0301\u00adΣ中\u10ff1İẞ"), max_size=8))
@example(word="ΟΔΟΣ")
@example(word="Σ")
def test_final_sigma_is_lowered_as_by_the_interpreter(word: str) -> None:
    assert _core.normalise_word(word.encode(), True, False).decode() == word.lower()


def test_every_decimal_digit_is_folded() -> None:
    for code in range(0x110000):
        char = chr(code)
        if not 0xD800 <= code < 0xE000 and unicodedata.category(char) != "Cn":
            folded = _core.normalise_word(char.encode(), False, True).decode()
            assert folded == ("0" if unicodedata.category(char) == "Nd" else char)


def test_invalid_bytes_stay_in_their_word() -> None:
    assert native(b"caf\xe9 bar", "words") == [["caf\udce9", "bar"]]
    assert _core.normalise_word(b"CAF\xc9", True, False) == b"caf\xc9"


def test_lone_surrogates_become_bytes() -> None:
    assert encode_text("a\udce9\ud83d") == b"a\xe9\xed\xa0\xbd"


def test_a_tokenizer_that_returns_no_list_is_refused() -> None:
    with pytest.raises(DataError, match="list of str"):
        Tokenizer.of(lambda line: line).sentences("a b")
    with pytest.raises(DataError, match="str tokens"):
        Tokenizer.of(lambda line: [1]).sentences("a b")
    with pytest.raises(ConfigError, match="no such tokenizer"):
        Tokenizer.of("word")
