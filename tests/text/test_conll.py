"""CoNLL-U: what is read, counts of real treebanks, and every way of breaking the format."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from firth.errors import DataError, FormatError
from firth.text.conll import MultiwordToken, read_conllu


def row(number: str, form: str = "x", head: str = "0", upos: str = "X") -> str:
    return f"{number}\t{form}\t_\t{upos}\t_\t_\t{head}\t_\t_\t_\n"


GOOD = (
    "# sent_id = 1\n# text = Vamos\n"
    + row("1-2", "du", "_")
    + row("1", "de", "3", "ADP")
    + row("2", "le", "3", "DET")
    + row("3", "chat", "0", "NOUN")
    + row("3.1", "dort", "_", "VERB")
    + row("4", ".", "3", "PUNCT")
    + "\n"
    + row("1", "fin")
    + "\n"
)


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "a.conllu"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_words_surface_tokens_and_empty_nodes_are_kept_apart(tmp_path: Path) -> None:
    first, second = read_conllu(written(tmp_path, GOOD))
    assert first.forms == ["de", "le", "chat", "."]
    assert first.upos == ["ADP", "DET", "NOUN", "PUNCT"]
    assert first.multiword == (MultiwordToken(1, 2, "du"),)
    assert [(node.id, node.form) for node in first.empty] == [("3.1", "dort")]
    assert first.comments == ("sent_id = 1", "text = Vamos")
    assert [word.head for word in first.words] == [3, 3, 0, 3]
    assert second.forms == ["fin"]


def test_line_ends_compression_and_a_missing_last_line_do_not_matter(tmp_path: Path) -> None:
    expected = list(read_conllu(written(tmp_path, GOOD)))
    assert list(read_conllu(written(tmp_path, GOOD.replace("\n", "\r\n")))) == expected
    assert list(read_conllu(written(tmp_path, b"\xef\xbb\xbf" + GOOD.encode()))) == expected
    assert list(read_conllu(written(tmp_path, GOOD.rstrip("\n")))) == expected
    assert list(read_conllu(written(tmp_path, gzip.compress(GOOD.encode())))) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1\tx\n", "number of columns"),
        ("1 x _ X _ _ 0 _ _ _\n", "number of columns"),
        (row("1", ""), "form is empty"),
        (row("2"), "in order"),
        (row("1") + row("3"), "in order"),
        (row("x"), "no proper id"),
        (row("0"), "no proper id"),
        (row("1", head="two"), "head is no number"),
        (row("1", head="²"), "head is no number"),
        (row("1", head="2"), "head of word 1"),
        (row("1", head="1"), "head of word 1"),
        (row("2-3"), "multiword"),
        (row("1-1"), "multiword"),
        (row("1-3") + row("1"), "ends behind"),
        (row("1-3") + row("1") + row("2-3"), "multiword"),
        (row("1.1"), "empty node"),
        (row("1") + row("1.2"), "empty node"),
        ("# alone\n\n", "no words"),
        (row("1", b"\xff".decode("latin1")).encode("latin1"), "not UTF-8"),
    ],
)
def test_a_broken_line_is_told_with_its_place(tmp_path: Path, text: str | bytes, said: str) -> None:
    good = (row("1") + "\n").encode()
    path = written(tmp_path, good + (text.encode() if isinstance(text, str) else text))
    with pytest.raises(FormatError, match=said) as caught:
        list(read_conllu(path))
    assert caught.value.offset is not None
    assert caught.value.offset >= len(good)


def test_a_line_without_end_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.text.conll._LONGEST_LINE", 1000)
    with pytest.raises(FormatError, match="too long"):
        list(read_conllu(written(tmp_path, "x" * 5000)))


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(read_conllu(tmp_path / "none"))


@pytest.mark.parametrize(
    ("name", "sentences", "words"),
    [
        ("ud-en-ewt/en_ewt-ud-dev.conllu.gz", 2001, 25147),
        ("ud-en-ewt/en_ewt-ud-test.conllu.gz", 2077, 25094),
        ("ud-zh-gsd-v1/zh-ud-test.conllu.gz", 500, 12012),
    ],
)
def test_treebanks_have_their_published_sizes(
    data: Callable[[str], Path], name: str, sentences: int, words: int
) -> None:
    found = list(read_conllu(data(name)))
    assert (len(found), sum(len(sentence.words) for sentence in found)) == (sentences, words)
