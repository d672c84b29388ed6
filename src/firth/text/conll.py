"""CoNLL-U: treebanks with parts of speech, as https://universaldependencies.org/format.html has it.

Read strictly: a line that breaks the format is an error that names its place. Words are the syntactic ones (1, 2, ...);
the surface tokens that some of them share (``3-4``) and the empty nodes (``5.1``) are kept apart.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from firth.errors import FormatError
from firth.text.lines import lines_of
from firth.text.sources import chunks, find_files

__all__ = ["ConllSentence", "ConllWord", "MultiwordToken", "bounded", "conllu_lines", "read_conllu"]

_COLUMNS = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_LONGEST_LINE = 1 << 24
_ID = re.compile(r"([1-9][0-9]{0,8})(?:(-)([1-9][0-9]{0,8}))?|(0|[1-9][0-9]{0,8})\.([1-9][0-9]{0,8})")


@dataclasses.dataclass(frozen=True)
class ConllWord:
    """A word of a sentence: its columns as they stand, ``_`` for what is not given.

    Attributes
    ----------
    id : str
        ``3``, or ``5.1`` of an empty node.
    form, lemma, upos, xpos, feats, deprel, deps, misc : str
    head : int or None
        0 is the root.
    """

    id: str
    form: str
    lemma: str
    upos: str
    xpos: str
    feats: str
    head: int | None
    deprel: str
    deps: str
    misc: str


@dataclasses.dataclass(frozen=True)
class MultiwordToken:
    """A surface token that stands for the words ``first`` to ``last``, such as *du* for *de le*."""

    first: int
    last: int
    form: str
    feats: str = "_"
    misc: str = "_"


@dataclasses.dataclass(frozen=True)
class ConllSentence:
    """A sentence.

    Attributes
    ----------
    words : tuple of ConllWord
        Numbered from 1, without gaps.
    multiword : tuple of MultiwordToken
    empty : tuple of ConllWord
        Nodes of the enhanced graph that are no words of the text.
    comments : tuple of str
        Without their ``#``.
    """

    words: tuple[ConllWord, ...]
    multiword: tuple[MultiwordToken, ...] = ()
    empty: tuple[ConllWord, ...] = ()
    comments: tuple[str, ...] = ()

    @property
    def forms(self) -> list[str]:
        """The words as they are written."""
        return [word.form for word in self.words]

    @property
    def upos(self) -> list[str]:
        """Their universal parts of speech."""
        return [word.upos for word in self.words]

    @property
    def xpos(self) -> list[str]:
        """Their parts of speech by the treebank's own scheme."""
        return [word.xpos for word in self.words]


def read_conllu(path: str | Path) -> Iterator[ConllSentence]:
    """Yield the sentences of a CoNLL-U file, of all files of a folder, or of a pattern; compressed ones too.

    Raises
    ------
    DataError
        When there is no such file.
    FormatError
        When a line breaks the format, with its byte offset in the (unfolded) file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.conllu"
    >>> columns = ["1\\t我\\t我\\tPRON", "2\\t吃\\t吃\\tVERB", "3\\t苹果\\t苹果\\tNOUN"]
    >>> _ = path.write_text("".join(c + "\\t_" * 6 + "\\n" for c in columns) + "\\n", encoding="utf-8")
    >>> [(sentence.forms, sentence.upos) for sentence in read_conllu(path)]
    [(['我', '吃', '苹果'], ['PRON', 'VERB', 'NOUN'])]
    """
    for file in find_files(str(path)):
        with file.open() as opened:
            yield from _sentences(lines_of(bounded(chunks(opened, file.name), file.name)), file.name)


def _sentences(lines: Iterable[bytes], name: str) -> Iterator[ConllSentence]:
    offset, reader = 0, _Reader(name)
    for raw in lines:
        line = raw.removesuffix(b"\r")
        reader.offset = offset
        if not line:
            if reader.began:
                yield reader.sentence()
                reader = _Reader(name)
        else:
            reader.take(line.removeprefix(b"\xef\xbb\xbf") if offset == 0 else line)
        offset += len(raw) + 1
    reader.offset = offset
    if reader.began:
        yield reader.sentence()


class _Reader:
    """One sentence, line by line."""

    def __init__(self, name: str) -> None:
        self.name, self.offset = name, 0
        self.words: list[ConllWord] = []
        self.empty: list[ConllWord] = []
        self.multiword: list[MultiwordToken] = []
        self.comments: list[str] = []
        self._covered = 0  # the last word of the last multiword token
        self._places: list[int] = []

    @property
    def began(self) -> bool:
        return bool(self.words or self.comments or self.multiword or self.empty)

    def fault(self, what: str, got: object, expected: str, offset: int | None = None) -> FormatError:
        at = self.offset if offset is None else offset
        return FormatError(what, path=Path(self.name), offset=at, got=got, expected=expected)

    def take(self, raw: bytes) -> None:
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.fault("the line is not UTF-8", raw[:40], "UTF-8", self.offset + error.start) from error
        if line.startswith("#") and not (self.words or self.multiword or self.empty):
            self.comments.append(line[1:].strip())
            return
        columns = line.split("\t")
        if len(columns) != len(_COLUMNS):
            expected = "10 columns parted by tabs: " + " ".join(_COLUMNS)
            raise self.fault("the line has the wrong number of columns", len(columns), expected)
        if not all(columns):
            name = _COLUMNS[columns.index("")]
            raise self.fault(f"the column {name} is empty", line[:60], "a value, or _ for none")
        found = _ID.fullmatch(columns[0])
        if found is None:
            raise self.fault("no proper id of a word", columns[0], "3, 3-4 or 3.1")
        if found[2]:
            self._multiword(int(found[1]), int(found[3]), columns)
        elif found[4]:
            self._empty(int(found[4]), int(found[5]), columns)
        else:
            self._word(int(found[1]), columns)

    def _word(self, number: int, columns: list[str]) -> None:
        if number != len(self.words) + 1:
            raise self.fault("the words are not numbered in order", columns[0], str(len(self.words) + 1))
        head = columns[6]
        if head != "_" and not (head.isascii() and head.isdigit() and len(head) < 10):
            raise self.fault("the head is no number", head, "a word's number, 0, or _")
        self._places.append(self.offset)
        self.words.append(_word_of(columns, None if head == "_" else int(head)))

    def _multiword(self, first: int, last: int, columns: list[str]) -> None:
        if first != len(self.words) + 1 or last <= first or first <= self._covered:
            raise self.fault(
                "a multiword token stands in the wrong place", f"{first}-{last}", f"{len(self.words) + 1}-"
            )
        self._covered = last
        self.multiword.append(MultiwordToken(first, last, columns[1], columns[5], columns[9]))

    def _empty(self, after: int, number: int, columns: list[str]) -> None:
        before = [node for node in self.empty if node.id.startswith(f"{after}.")]
        if after != len(self.words) or number != len(before) + 1:
            wanted = f"{len(self.words)}.{len(before) + 1}"
            raise self.fault("an empty node stands in the wrong place", columns[0], wanted)
        self.empty.append(_word_of(columns, None))

    def sentence(self) -> ConllSentence:
        if not self.words:
            raise self.fault("a sentence has no words", "comments alone", "at least one word")
        if self._covered > len(self.words):
            raise self.fault("a multiword token ends behind the sentence", self._covered, f"at most {len(self.words)}")
        for word, place in zip(self.words, self._places, strict=True):
            if word.head is not None and (word.head > len(self.words) or word.head == int(word.id)):
                expected = f"another of 0 to {len(self.words)}"
                raise self.fault(f"the head of word {word.id} is none", word.head, expected, place)
        return ConllSentence(tuple(self.words), tuple(self.multiword), tuple(self.empty), tuple(self.comments))


def _word_of(columns: list[str], head: int | None) -> ConllWord:
    number, form, lemma, upos, xpos, feats, _, deprel, deps, misc = columns
    return ConllWord(number, form, lemma, upos, xpos, feats, head, deprel, deps, misc)


def bounded(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """Pass the text on, unless a line is too long to be one: what a small file can unfold to has no bound."""
    offset = line = 0
    for piece in pieces:
        end = piece.rfind(b"\n")
        line = line + len(piece) if end < 0 else len(piece) - end - 1
        if line > _LONGEST_LINE:
            expected = f"at most {_LONGEST_LINE:,} bytes"
            raise FormatError("a line is too long", path=Path(name), offset=offset, got=f"{line:,}", expected=expected)
        offset += len(piece)
        yield piece


def conllu_lines(sentence: ConllSentence) -> str:
    r"""Return a sentence as it stands in a file, with the empty line behind it.

    Examples
    --------
    >>> word = ConllWord("1", "go", "_", "VERB", "_", "_", None, "_", "_", "_")
    >>> conllu_lines(ConllSentence((word,), comments=("text = go",)))
    '# text = go\n1\tgo\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n'
    """
    lines = [f"# {comment}" for comment in sentence.comments]
    ranges = {token.first: token for token in sentence.multiword}
    empty = list(sentence.empty)
    for number in range(len(sentence.words) + 1):
        if number:
            if number in ranges:
                token = ranges[number]
                lines.append(
                    "\t".join([f"{token.first}-{token.last}", token.form, *"___", token.feats, *"___", token.misc])
                )
            lines.append(_line_of(sentence.words[number - 1]))
        lines += [_line_of(node) for node in empty if node.id.startswith(f"{number}.")]
    return "\n".join(lines) + "\n\n"


def _line_of(word: ConllWord) -> str:
    values = dataclasses.asdict(word)
    return "\t".join("_" if values[name] is None else str(values[name]) for name in _COLUMNS)
