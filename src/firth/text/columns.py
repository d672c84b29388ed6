"""Files of one word a line with its labels in columns, as the CoNLL shared tasks have them: read strictly, and written.

Columns are parted by tabs where a line has any, else by blanks; a line without a word ends a sentence. A file has as
many columns in every line as in its first. CoNLL-U is read by :mod:`firth.text.conll`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from firth.errors import ConfigError, DataError, FormatError
from firth.text.conll import bounded, read_conllu
from firth.text.lines import lines_of
from firth.text.sources import chunks, find_files

__all__ = ["DOCUMENT", "FORMATS", "Tagged", "format_of", "read_columns", "read_tagged", "tagged_lines"]

DOCUMENT = "-DOCSTART-"  # stands in the place of a sentence where a document begins
FORMATS = ("columns", "conllu")
CONLLU_COLUMNS = ("upos", "xpos", "feats", "deprel", "lemma")
_PACKED = {".gz", ".bz2", ".xz", ".zst"}
_BLANKS = re.compile("[ \t]+")  # no other white space: Chinese files have words that are wide blanks


@dataclasses.dataclass(frozen=True)
class Tagged:
    """A sentence with a label for each word.

    Attributes
    ----------
    words, labels : list of str
    path : str
        The file; empty where there is none.
    line : int
        The first word's, from 1; 0 where it is not known.
    """

    words: list[str]
    labels: list[str]
    path: str = ""
    line: int = 0

    @property
    def is_document_mark(self) -> bool:
        """Whether it only says that a document begins."""
        return isinstance(self.words, list) and self.words == [DOCUMENT]

    def fault(self, what: str, word: int) -> FormatError:
        """Return an error at one of its words."""
        at = f"line {self.line + word:,}" if self.line else f"word {word + 1:,} of {' '.join(self.words[:8])!r}"
        return FormatError(f"{at}: {what}", path=self.path or None)


def format_of(path: str | Path) -> str:
    """Return the format that a file's name tells: ``conllu``, else ``columns``.

    Examples
    --------
    >>> format_of("en-dev.conllu.gz"), format_of("eng.train")
    ('conllu', 'columns')
    """
    name = Path(path)
    name = name.with_suffix("") if name.suffix in _PACKED else name
    return "conllu" if name.suffix in (".conllu", ".conll-u") else "columns"


def read_tagged(path: str | Path, format: str | None = None, column: str | int | None = None) -> Iterator[Tagged]:
    """Yield the sentences of a file with labels.

    Parameters
    ----------
    path : path-like
        A file, packed or not, a folder, a pattern, or ``-``.
    format : {"columns", "conllu"}, optional
        By default as the name tells.
    column : int or str, optional
        The labels: a number from 1, or from -1 backwards (columns; by default the last), or ``upos xpos feats deprel
        lemma`` (CoNLL-U; by default ``upos``).

    Raises
    ------
    FormatError
        When a line breaks the format, with its byte offset.
    """
    format = format or format_of(path)
    if format not in FORMATS:
        raise ConfigError("no such format of labelled words", got=format, expected="one of " + ", ".join(FORMATS))
    if format == "columns":
        yield from read_columns(path, column=_number(column))
        return
    name = "upos" if column is None else str(column)
    if name not in CONLLU_COLUMNS:
        raise ConfigError("no such column of labels", got=name, expected="one of " + ", ".join(CONLLU_COLUMNS))
    for sentence in read_conllu(path):
        yield Tagged(sentence.forms, [getattr(word, name) for word in sentence.words], str(path))


def read_columns(path: str | Path, *, word: int = 1, column: int | None = -1) -> Iterator[Tagged]:
    """Yield the sentences of a file of columns; None for ``column``: words without labels.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = path.write_text("Sally NNP B-PER\\nfarms VBZ O\\n\\n")
    >>> [(found.words, found.labels, found.line) for found in read_columns(path)]
    [(['Sally', 'farms'], ['B-PER', 'O'], 1)]
    """
    if word == 0 or column == 0:
        raise ConfigError("columns are counted from 1, or from -1 backwards", got=0)
    for file in find_files(str(path)):
        with file.open() as opened:
            lines = lines_of(bounded(chunks(opened, file.name), file.name))
            yield from _sentences(lines, file.name, word, column)


def _sentences(lines: Iterable[bytes], name: str, word: int, column: int | None) -> Iterator[Tagged]:
    offset, width, begun = 0, 0, 1
    words: list[str] = []
    labels: list[str] = []
    for number, raw in enumerate(lines, 1):
        parts = _parts(raw, name, offset)
        if not parts:
            if words:
                yield Tagged(words, labels, name, begun)
            words, labels = [], []
        else:
            width = width or _width(len(parts), word, column, name, offset)
            if len(parts) != width:
                raise FormatError(
                    f"line {number:,} has another number of columns than those before", path=name, offset=offset,
                    got=len(parts), expected=str(width),
                )  # fmt: skip
            begun = begun if words else number
            words.append(parts[word - 1 if word > 0 else word])
            labels.append("" if column is None else parts[column - 1 if column > 0 else column])
        offset += len(raw) + 1
    if words:
        yield Tagged(words, labels, name, begun)


def _parts(raw: bytes, name: str, offset: int) -> list[str]:
    """Return a line's columns; none of an empty line."""
    try:
        line = raw.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        place = offset + error.start
        remedy = "convert the file: iconv -f ENCODING -t UTF-8"
        raise FormatError("the line is not UTF-8", path=name, offset=place, got=raw[:40], remedy=remedy) from error
    if not line.strip(" \t"):
        return []
    parts = line.split("\t") if "\t" in line else _BLANKS.split(line.strip(" "))
    if not all(parts):
        raise FormatError("a column is empty", path=name, offset=offset, got=line[:60])
    return parts


def _width(found: int, word: int, column: int | None, name: str, offset: int) -> int:
    """Check that the first line has the columns asked for, and one for words beside that of labels."""
    wanted = max(abs(word), 1 if column is None else abs(column), 1 if column is None else 2)
    if found < wanted:
        what = "a line lacks its label" if found == 1 else "a line has too few columns"
        raise FormatError(what, path=name, offset=offset, got=found, expected=f"at least {wanted} columns")
    return found


def _number(column: str | int | None) -> int:
    try:
        return -1 if column is None else int(column)
    except ValueError as error:
        raise ConfigError("the column of labels is no number", got=column, expected="such as 4, or -1") from error


def tagged_lines(words: Sequence[str], labels: Sequence[str]) -> str:
    """Return a sentence as lines of word, tab and label, and an empty line.

    Raises
    ------
    DataError
        When a word would not be read back as it is.

    Examples
    --------
    >>> tagged_lines(["Sally", "farms"], ["B-PER", "O"])
    'Sally\\tB-PER\\nfarms\\tO\\n\\n'
    """
    for word in words:
        if not word or "\t" in word or "\n" in word:
            raise DataError("a word cannot stand in a file of columns", got=repr(word))
    return "".join(f"{word}\t{label}\n" for word, label in zip(words, labels, strict=True)) + "\n"
