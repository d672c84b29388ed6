"""Words in pieces: the vocabulary of a model of BERT's family, through the tokenizers library.

WordPiece: Schuster and Nakajima 2012, Devlin et al. 2019 (section 4.1 of Wu et al. 2016, arXiv 1609.08144); BPE:
Sennrich et al. 2016 (arXiv 1508.07909). A word is read by itself, so that its pieces are the same in any sentence.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError, MissingExtraError

__all__ = ["MARKS", "Marks", "Pieces", "need_tokenizers", "wordpiece_json"]

# What a mark may be called; the first that a vocabulary has is taken.
MARKS: dict[str, tuple[str, ...]] = {
    "unknown": ("[UNK]", "<unk>"),
    "first": ("[CLS]", "<s>", "<cls>"),
    "last": ("[SEP]", "</s>", "<sep>"),
    "pad": ("[PAD]", "<pad>"),
    "mask": ("[MASK]", "<mask>"),
}
_GAPS = 1 << 16  # numbers without a piece that a vocabulary may have, beside as many as it has pieces
_REMEMBERED = 1 << 20  # words whose pieces are kept at hand
_BYTE_LEVEL = "ByteLevel"
_BLANKS = ("Ġ", "▁")  # how a blank before a word is written in byte-level pieces, and in those of SentencePiece
_LONE = re.compile("[\ud800-\udfff]")


@dataclasses.dataclass(frozen=True)
class Marks:
    """Numbers of the marks: a word without pieces, begin and end of a sequence, filler, and what is to be guessed.

    ``mask`` is None where a vocabulary has none.
    """

    unknown: int
    first: int
    last: int
    pad: int
    mask: int | None


def need_tokenizers(feature: str = "BERT") -> Any:
    """Return the tokenizers library.

    Raises
    ------
    MissingExtraError
        When it is not installed.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise MissingExtraError(feature, extra="neural") from error
    return tokenizers


class Pieces:
    """A vocabulary of pieces and how words are cut into them.

    Parameters
    ----------
    text : str
        A tokenizer as JSON, in the layout of the tokenizers library (``tokenizer.json``).

    Attributes
    ----------
    marks : Marks

    Raises
    ------
    DataError
        When the library cannot read it, or a mark is not in the vocabulary.
    MissingExtraError
        When the tokenizers library is not installed.

    Examples
    --------
    >>> pieces = Pieces(wordpiece_json(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "play", "##ing"]))
    >>> pieces.rows(["playing", "chess"])
    [[5, 6], [1]]
    """

    def __init__(self, text: str) -> None:
        library = need_tokenizers()
        self.text = _settled(text)
        try:
            self._tokenizer = library.Tokenizer.from_str(self.text)
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:  # the library raises Exception itself, and a panic is not even that
            raise DataError(f"the tokenizers library cannot read this tokenizer: {error}") from error
        n = self._tokenizer.get_vocab_size()
        if len(self) > 2 * n + _GAPS:
            raise DataError("the numbers of the pieces have large gaps", got=f"{n:,} pieces, numbers to {len(self):,}")
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.marks = _marks_of(self._tokenizer)
        self._known: dict[str, list[int]] = {}

    def __len__(self) -> int:
        """Rows that a table of pieces needs."""
        return int(max(self._tokenizer.get_vocab().values(), default=-1)) + 1

    def __reduce__(self) -> tuple[type[Pieces], tuple[str]]:
        return Pieces, (self.text,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Pieces:
        return self  # it never changes

    @property
    def special(self) -> list[int]:
        """Numbers that stand for no text: marks and whatever else the tokenizer calls special."""
        added = self._tokenizer.get_added_tokens_decoder()
        marks = [mark for mark in dataclasses.astuple(self.marks) if mark is not None]
        return sorted({number for number, token in added.items() if token.special} | set(marks))

    @property
    def begin_words(self) -> NDArray[np.bool_]:
        """Which pieces can stand at a word's begin; where nothing tells, all."""
        whole = json.loads(self.text)
        inside = whole["model"].get("continuing_subword_prefix") if isinstance(whole.get("model"), dict) else None
        strings = self.strings
        if inside:
            found = [bool(string) and not string.startswith(inside) for string in strings]
        else:
            blank = next((mark for mark in _BLANKS if sum(s.startswith(mark) for s in strings) > 1), "")
            found = [bool(string) and string.startswith(blank) for string in strings]
        begins = np.array(found, bool)
        begins[self.special] = False
        return begins

    @property
    def strings(self) -> list[str]:
        """The string of each number; empty where a number has none."""
        found = [""] * len(self)
        for token, number in self._tokenizer.get_vocab().items():
            found[number] = token
        return found

    def rows(self, words: Sequence[str]) -> list[list[int]]:
        """Return the numbers of each word's pieces; a word that gives none is the unknown one.

        Parameters
        ----------
        words : sequence of str
            Lone surrogates, which stand for bytes that are no text, are read as U+FFFD.
        """
        known = self._known
        absent = list(dict.fromkeys(word for word in words if word not in known))
        if absent:
            if len(known) + len(absent) > _REMEMBERED:
                known.clear()
                absent = list(dict.fromkeys(words))
            known.update(zip(absent, self._cut(absent), strict=True))
        return [known[word] for word in words]

    def _cut(self, words: Sequence[str]) -> list[list[int]]:
        plain = [_LONE.sub("\N{REPLACEMENT CHARACTER}", word) for word in words]
        found = self._tokenizer.encode_batch(plain, add_special_tokens=False)
        return [each.ids or [self.marks.unknown] for each in found]

    def table(self, words: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the pieces of all words in a row, and where each word's end.

        Examples
        --------
        >>> pieces = Pieces(wordpiece_json(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "play", "##ing"]))
        >>> flat, ends = pieces.table(["play", "playing"])
        >>> flat.tolist(), ends.tolist()
        ([5, 5, 6], [1, 3])
        """
        rows = self._cut(words)
        ends = np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))
        flat = np.fromiter((piece for row in rows for piece in row), np.int32, int(ends[-1]) if len(ends) else 0)
        return flat, ends

    def read(self, text: str) -> list[int]:
        """Return the pieces of a running text, without marks at its ends; marks in it are themselves."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def written(self, numbers: Iterable[int]) -> str:
        """Return pieces as text."""
        return str(self._tokenizer.decode(list(numbers), skip_special_tokens=False))

    def misread(self, words: Iterable[str]) -> int:
        """Return how many words have an unknown piece."""
        return sum(self.marks.unknown in row for row in self.rows(list(words)))


def wordpiece_json(
    vocabulary: Sequence[str], *, lower: bool = True, chinese: bool = True, accents: bool | None = None
) -> str:
    """Return the JSON of BERT's own tokenizer over a list of pieces, as ``vocab.txt`` has them, one a line.

    Parameters
    ----------
    vocabulary : sequence of str
    lower : bool
        Lower-case the text, and take accents off.
    chinese : bool
        Take every Chinese character for a word.
    accents : bool, optional
        Whether accents are taken off, where that is not as ``lower`` says.
    """
    vocab = {piece: number for number, piece in enumerate(vocabulary)}
    unknown = next((name for name in MARKS["unknown"] if name in vocab), "[UNK]")
    added: list[dict[str, Any]] = [
        {"id": vocab[name], "content": name, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for names in MARKS.values() for name in names if name in vocab
    ]  # fmt: skip
    whole = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": sorted(added, key=lambda token: token["id"]),
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": chinese,
                       "strip_accents": accents, "lowercase": lower},
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": unknown, "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab},
    }  # fmt: skip
    return json.dumps(whole, ensure_ascii=False)


def _settled(text: str) -> str:
    """Let a byte-level tokenizer put a blank before every word: here words come one by one, not behind blanks."""
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("a tokenizer is no JSON") from error
    parts: list[Any] = [whole.get("pre_tokenizer")] if isinstance(whole, Mapping) else []
    changed = False
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            if part.get("type") == _BYTE_LEVEL and part.get("add_prefix_space") is False:
                part["add_prefix_space"], changed = True, True
            if isinstance(part.get("pretokenizers"), list):
                parts += part["pretokenizers"][:1]
    return json.dumps(whole, ensure_ascii=False) if changed else text


def _marks_of(tokenizer: Any) -> Marks:
    found: dict[str, int | None] = {}
    for role, names in MARKS.items():
        numbers = (tokenizer.token_to_id(name) for name in names)
        found[role] = next((number for number in numbers if number is not None), None)
        if found[role] is None and role != "mask":
            raise DataError(f"the vocabulary has no mark for {role}", expected=" or ".join(names))
    return Marks(**found)  # type: ignore[arg-type]
