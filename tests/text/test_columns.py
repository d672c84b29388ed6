"""Files of words with labels in columns: what is read, and what is refused with its place."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from firth.errors import ConfigError, FormatError
from firth.text.columns import read_columns, read_tagged, tagged_lines
from firth.text.conll import conllu_lines, read_conllu


def written(folder: Path, raw: bytes, name: str = "a.txt") -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def test_blanks_tabs_and_windows_lines(tmp_path: Path) -> None:
    text = "EU NNP B-NP B-ORG\r\nrejects  VBZ B-VP O\r\n\r\n \t\r\nBonn NNP B-NP B-LOC"
    found = list(read_columns(written(tmp_path, text.encode())))
    assert [(s.words, s.labels, s.line) for s in found] == [
        (["EU", "rejects"], ["B-ORG", "O"], 1), (["Bonn"], ["B-LOC"], 5)
    ]  # fmt: skip
    assert [s.labels for s in read_columns(tmp_path / "a.txt", column=2)] == [["NNP", "VBZ"], ["NNP"]]
    assert [s.words for s in read_columns(tmp_path / "a.txt", column=None, word=2)][1] == ["NNP"]
    # Only tabs and blanks part columns: a wide blank is a word.
    wide = written(tmp_path, "　\tO\n在\tO\n \tO\n".encode(), "b.txt")
    assert next(read_columns(wide)).words == ["　", "在", " "]


def test_packed_and_written_back(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(("\ufeff" + tagged_lines(["苹果", "好"], ["B-X", "O"])).encode()))
    assert [(s.words, s.labels) for s in read_tagged(path)] == [(["苹果", "好"], ["B-X", "O"])]


@pytest.mark.parametrize(
    ("raw", "said", "offset"),
    [
        (b"a O\nb\n", "line 2 has another number of columns", 4),
        (b"a O\nb X O\n", "line 2 has another number of columns", 4),
        (b"a\nb\n", "lacks its label", 0),
        (b"a O\nb\xff O\n", "not UTF-8", 5),
        (b"a\tO\n\tO\n", "a column is empty", 4),
    ],
)
def test_broken_files_name_the_byte(tmp_path: Path, raw: bytes, said: str, offset: int) -> None:
    with pytest.raises(FormatError, match=said) as caught:
        list(read_columns(written(tmp_path, raw)))
    assert caught.value.offset == offset


def test_a_line_without_end(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="a line is too long"):
        list(read_columns(written(tmp_path, b"a" * ((1 << 24) + 2))))


def test_columns_that_are_none(tmp_path: Path) -> None:
    path = written(tmp_path, b"a O\n")
    for column, said in ((0, "counted from 1"), (9, "too few columns"), ("x", "no number")):
        with pytest.raises((ConfigError, FormatError), match=said):
            list(read_tagged(path, column=column))
    with pytest.raises(ConfigError, match="no such column of labels"):
        list(read_tagged(path, "conllu", "head"))


def test_conllu_goes_out_as_it_came_in(tmp_path: Path, data: Callable[[str], Path]) -> None:
    path = data("ud-en-ewt/en_ewt-ud-dev.conllu.gz")
    out = tmp_path / "out.conllu"
    with out.open("w", encoding="utf-8") as file:
        for sentence in read_conllu(path):
            file.write(conllu_lines(sentence))
    assert out.read_bytes() == gzip.decompress(path.read_bytes())
    first = next(read_tagged(path))
    assert (first.words[:2], first.labels[:2]) == (["From", "the"], ["ADP", "DET"])


def test_the_labels_of_conll2003(data: Callable[[str], Path]) -> None:
    """The counts are the published ones: sentences, tokens, names, and 1 document mark a document."""
    from firth.text.spans import scheme_of, spans_of

    found = list(read_tagged(data("conll2003/eng.testb.gz")))
    kept = [s for s in found if not s.is_document_mark]
    assert (len(kept), len(found) - len(kept), sum(len(s.words) for s in kept)) == (3453, 231, 46435)
    assert scheme_of([s.labels for s in kept]) == "iob1"
    assert sum(len(spans_of(s.labels)) for s in kept) == 5648
