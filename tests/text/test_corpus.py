"""Corpora: what goes in, what comes out, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from firth.errors import DataError
from firth.text.corpus import Corpus, as_corpus


def test_every_way_in_gives_the_same_digest(tmp_path: Path) -> None:
    lines = ["the cat sat on the mat", "", "the dog"]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    made = [
        as_corpus(path, tokenizer="whitespace"),
        as_corpus([path], tokenizer="whitespace"),
        as_corpus(lines, tokenizer="whitespace"),
        as_corpus((line for line in lines), tokenizer=str.split),
        as_corpus([line.split() for line in lines]),
    ]
    assert len({corpus.digest for corpus in made}) == 1
    assert list(made[0].sentences()) == [line.split() for line in lines if line]


def test_ids_go_by_count_and_then_by_bytes() -> None:
    corpus = as_corpus(["b a c c é z"], tokenizer="whitespace")
    assert list(corpus.vocab.words) == ["c", "a", "b", "z", "é"]
    assert corpus.vocab.counts.tolist() == [2, 1, 1, 1, 1]


def test_a_text_is_found_again_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one two")
    first = as_corpus(path)
    assert as_corpus(path).path == first.path
    path.write_text("two one")
    again = as_corpus(path)
    assert again.path != first.path
    assert list(again.sentences()) == [["two", "one"]]


def test_out_keeps_the_corpus(tmp_path: Path) -> None:
    made = as_corpus(["a b"], out=tmp_path / "kept")
    assert Corpus.open(tmp_path / "kept").digest == made.digest
    assert as_corpus(tmp_path / "kept").path == tmp_path / "kept"


@pytest.mark.parametrize("data", ["", "/no/such/file", [], [""], [[]], 5, {"a": 1}, b"abc", [3], ["a", 3], [["a"], 3]])
def test_what_is_no_text_is_refused(data: object) -> None:
    with pytest.raises(DataError):
        as_corpus(data)
