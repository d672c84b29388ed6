"""Texts with WordNet senses: SemCor's own files, and the XML of the unified framework (Raganato et al. 2017)."""

from __future__ import annotations

import dataclasses
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast
from xml.etree import ElementTree

import zstandard

from firth.errors import DataError, FormatError
from firth.text.lines import lines_of
from firth.text.sources import TextFile, chunks

__all__ = ["SenseTag", "TaggedSentence", "gold_path", "read_framework", "read_gold", "read_semcor", "read_tagged"]

_POS = {"1": "NOUN", "2": "VERB", "3": "ADJ", "4": "ADV", "5": "ADJ"}
_LARGEST_MEMBER = 1 << 26
_ATTRIBUTE = re.compile(r"([a-z]+)=(\S+)")
_KEY = re.compile(r"[1-5]:\d\d:\d\d:[^\s:;]*:\d*$")
_MARKER = re.compile(r"\((?:a|p|ip)\)")  # of adjectives in WordNet's data files; no part of a key


@dataclasses.dataclass(frozen=True)
class SenseTag:
    """A word with a sense.

    Attributes
    ----------
    start, end : int
        Its tokens.
    lemma : str
        In lower case, blanks as ``_``.
    pos : {"NOUN", "VERB", "ADJ", "ADV"}
    key : str
        WordNet's sense key, ``lemma%lex_sense``; empty in a text whose keys lie in another file.
    number : int
        The sense's place in WordNet's list for the lemma, from 1; 0 where it is not told.
    name : str
        Names the instance in that other file.
    """

    start: int
    end: int
    lemma: str
    pos: str
    key: str = ""
    number: int = 0
    name: str = ""

    @property
    def lemma_pos(self) -> tuple[str, str]:
        """Lemma and part of speech, which the choice of senses depends on."""
        return self.lemma, self.pos


@dataclasses.dataclass(frozen=True)
class TaggedSentence:
    """A sentence and its words with senses."""

    tokens: tuple[str, ...]
    tags: tuple[SenseTag, ...]


def read_semcor(path: str | Path) -> Iterator[TaggedSentence]:
    """Yield the sentences of SemCor.

    Of a word with several senses the first that WordNet 3.0 has is taken; words whose senses it has not (``wnsn=0``) or
    that have none are no tags. Words joined by ``_`` become tokens of their own.

    Parameters
    ----------
    path : path-like
        The archive (``.tar``, plain or packed), its folder, or one of its tag files.

    Raises
    ------
    DataError
        When there is no such file or none of SemCor's.
    FormatError
        When a file is broken; the message names the line.
    """
    path = Path(path)
    n_files = 0
    for name, data in _tag_files(path):
        n_files += 1
        yield from _semcor_sentences(data.decode("utf-8", "replace"), name)
    if not n_files:
        raise DataError("there are no SemCor files", got=str(path), expected="files that begin with <contextfile")


def _tag_files(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if path.is_dir():
            for file in sorted(each for each in path.rglob("*") if each.is_file()):
                with file.open("rb") as opened:
                    yield from _tag_file(str(file), opened, file.stat().st_size)
            return
        with path.open("rb") as opened:
            head = opened.peek(4)[:4]
            if head.startswith(b"<con"):
                yield from _tag_file(str(path), opened, path.stat().st_size)
            else:
                yield from _members(path, opened, head)
    except OSError as error:
        raise DataError(f"SemCor cannot be read: {error.strerror or error}", got=str(path)) from error


def _members(path: Path, opened: IO[bytes], head: bytes) -> Iterator[tuple[str, bytes]]:
    packed = head == b"\x28\xb5\x2f\xfd"
    stream: Any = zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(opened) if packed else opened
    try:
        with tarfile.open(fileobj=stream, mode="r|" if packed else "r|*") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    yield from _tag_file(f"{path}:{member.name}", file, member.size)
    except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError) as error:
        raise FormatError(f"the archive is broken ({error})", path=path) from error


def _tag_file(name: str, file: IO[bytes], size: int) -> Iterator[tuple[str, bytes]]:
    begin = file.read(12)
    if begin != b"<contextfile":
        return
    if size > _LARGEST_MEMBER:
        raise FormatError("a file of SemCor is too large", path=name, got=size, expected=f"at most {_LARGEST_MEMBER:,}")
    yield name, begin + file.read(_LARGEST_MEMBER)


def _semcor_sentences(text: str, name: str) -> Iterator[TaggedSentence]:
    tokens: list[str] = []
    tags: list[SenseTag] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip()
        if line.startswith("<s ") or line == "<s>":
            tokens, tags = [], []
        elif line == "</s>":
            yield TaggedSentence(tuple(tokens), tuple(tags))
        elif line.startswith(("<wf", "<punc")):
            opened, closed = line.find(">"), line.rfind("</")
            if not -1 < opened < closed or line[-1] != ">":
                raise FormatError(f"line {number:,} is cut short", path=name, got=line)
            start, word = len(tokens), line[opened + 1 : closed]
            tokens += [piece for piece in word.split("_") if piece] or [word]
            if "lexsn=" in line:
                tag = _semcor_tag(dict(_ATTRIBUTE.findall(line[:opened])), start, len(tokens))
                tags += [tag] if tag is not None else []


def _semcor_tag(attributes: dict[str, str], start: int, end: int) -> SenseTag | None:
    """Return the first sense that WordNet 3.0 has."""
    lemma = attributes.get("lemma", "").lower()
    numbers, keys = attributes.get("wnsn", "").split(";"), attributes.get("lexsn", "").split(";")
    for number, key in zip(numbers, keys, strict=False):
        if lemma and number.isascii() and number.isdigit() and int(number) > 0 and _KEY.match(key):
            sense = f"{lemma}%{_MARKER.sub('', key)}"
            return SenseTag(start, end, lemma, _POS[key[0]], sense, int(number))
    return None


def read_framework(path: str | Path) -> Iterator[TaggedSentence]:
    """Yield the sentences of a ``.data.xml`` file of the unified framework, plain or packed.

    Raises
    ------
    DataError
        When there is no such file.
    FormatError
        When it is no XML, defines entities, or is not of the framework.
    """
    path = Path(path)
    n_sentences = 0
    for element in _elements(path):
        if element.tag == "sentence":
            n_sentences += 1
            yield _framework_sentence(element, path)
        if element.tag in ("sentence", "text"):
            element.clear()
    if not n_sentences:
        raise FormatError("the XML holds no <sentence>", path=path)


def _pieces(path: Path) -> Iterator[bytes]:
    file = TextFile(str(path))
    with file.open() as opened:
        yield from chunks(opened, file.name)


def _elements(path: Path) -> Iterator[ElementTree.Element]:
    """Yield the elements of an XML file as they end."""
    parser: ElementTree.XMLPullParser[Any] = ElementTree.XMLPullParser(["end"])
    tail = b""
    try:
        for piece in _pieces(path):
            if b"<!DOCTYPE" in tail + piece:
                raise FormatError("the XML has a document type, which could define entities without end", path=path)
            tail = piece[-16:]
            parser.feed(piece)
            yield from _ended(parser)
        parser.close()
        yield from _ended(parser)
    except ElementTree.ParseError as error:
        raise FormatError(f"this is no XML ({error})", path=path) from error


def _ended(parser: ElementTree.XMLPullParser[Any]) -> Iterator[ElementTree.Element]:
    return (element for _, element in cast("Iterator[tuple[str, ElementTree.Element]]", parser.read_events()))


def _framework_sentence(element: ElementTree.Element, path: Path) -> TaggedSentence:
    tokens: list[str] = []
    tags: list[SenseTag] = []
    for child in element:
        text = (child.text or "").strip()
        start = len(tokens)
        tokens += [piece for piece in re.split(r"[\s_]+", text) if piece] or ([text] if text else [])
        if child.tag != "instance":
            continue
        name, lemma, pos = (child.get(key) or "" for key in ("id", "lemma", "pos"))
        if not name or not lemma or pos not in _POS.values() or len(tokens) == start:
            raise FormatError(
                "an instance lacks its id, lemma, part of speech or text", path=path, got=dict(child.attrib)
            )
        tags.append(SenseTag(start, len(tokens), lemma.lower().replace(" ", "_"), pos, name=name))
    return TaggedSentence(tuple(tokens), tuple(tags))


def read_gold(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Return the right sense keys of each instance of a ``.gold.key.txt`` file, plain or packed.

    Raises
    ------
    DataError
        When there is no such file.
    FormatError
        When a line has no key.
    """
    path = Path(path)
    gold: dict[str, list[str]] = {}
    for number, line in enumerate(lines_of(_pieces(path)), 1):
        fields = line.decode("utf-8", "replace").split()
        if not fields:
            continue
        if len(fields) < 2 or "%" not in fields[1]:
            raise FormatError(f"line {number:,} has no sense key", path=path, got=" ".join(fields))
        gold.setdefault(fields[0], []).extend(fields[1:])
    return {name: tuple(dict.fromkeys(keys)) for name, keys in gold.items()}


def gold_path(path: Path) -> Path:
    """Return the file with the keys of a ``.data.xml`` file, beside it, packed or not.

    Raises
    ------
    DataError
        When there is none.
    """
    stem = path.name.partition(".data.xml")[0]
    for suffix in ("", ".gz", ".zst"):
        beside = path.with_name(f"{stem}.gold.key.txt{suffix}")
        if beside.is_file():
            return beside
    raise DataError("the set's keys are not beside it", got=str(path), expected=f"{stem}.gold.key.txt")


def read_tagged(path: str | Path) -> Iterator[TaggedSentence]:
    """Yield the sentences of a training text: SemCor's files, or a ``.data.xml`` file with its keys beside it.

    Raises
    ------
    DataError, FormatError
        As :func:`read_semcor` and :func:`read_framework` do.
    """
    path = Path(path)
    if ".data.xml" not in path.name:
        yield from read_semcor(path)
        return
    gold = read_gold(gold_path(path))
    for sentence in read_framework(path):
        tags = [dataclasses.replace(tag, key=gold[tag.name][0]) for tag in sentence.tags if tag.name in gold]
        yield dataclasses.replace(sentence, tags=tuple(tags))
