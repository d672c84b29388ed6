"""Blank lines as empty sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

import firth
from firth.errors import ConfigError
from firth.text.corpus import Corpus, as_corpus
from firth.text.phrases import find_phrases
from firth.text.tokenize import Tokenizer

TEXT = "\n the cat \n\n\n!\nsat down\n \n"  # "!" has no word in it
KEPT = [[], ["the", "cat"], [], [], [], ["sat", "down"], []]


@pytest.mark.parametrize("tail", ["", "a dog"])
@pytest.mark.parametrize("tokenizer", ["words", "chars", "zh"])
def test_a_file_keeps_every_line(tmp_path: Path, tokenizer: str, tail: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT + tail, encoding="utf-8")
    corpus = as_corpus(path, tokenizer=tokenizer, blank_lines=True, cache=tmp_path / "cache")
    found = list(corpus.sentences())
    if tokenizer == "words":
        assert found == KEPT + ([["a", "dog"]] if tail else [])
    assert [bool(sentence) for sentence in found] == [
        bool(line.strip()) and (tokenizer == "chars" or line != "!") for line in (TEXT + tail).split("\n")
    ][: len(found)]
    assert len(found) == 7 + bool(tail)


def test_a_plain_corpus_drops_them_and_has_an_entry_of_its_own_in_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    kept = as_corpus(path, blank_lines=True, cache=tmp_path / "cache")
    plain = as_corpus(path, cache=tmp_path / "cache")
    assert list(plain.sentences()) == [sentence for sentence in KEPT if sentence]
    assert kept.digest != plain.digest
    assert kept.tokenizer["blank_lines"] is True
    assert "blank_lines" not in plain.tokenizer


def test_token_lists_lines_and_a_function(tmp_path: Path) -> None:
    for data, how in ((KEPT, "words"), (TEXT.split("\n")[:-1], "words"), (iter([TEXT[:-1]]), str.split)):
        corpus = as_corpus(data, tokenizer=how, blank_lines=True, cache=False)
        assert corpus.n_sentences == 7
    assert Tokenizer("words", blank_lines=True).sentences(TEXT) == KEPT


def test_the_corpus_opens_again_and_its_tokenizer_is_described(tmp_path: Path) -> None:
    as_corpus(KEPT, blank_lines=True, out=tmp_path / "corpus")
    corpus = Corpus(tmp_path / "corpus")
    corpus.verify()
    assert list(corpus.sentences()) == KEPT
    assert Tokenizer.described({"name": "words", "blank_lines": True}).blank_lines


def test_threads_and_blocks_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("".join(f"line {i}\n" + "\n" * (i % 3) for i in range(120_000)))
    made = [as_corpus(path, blank_lines=True, cache=False, threads=n) for n in (1, 2, 5)]
    assert len({corpus.digest for corpus in made}) == 1
    assert made[0].n_sentences == 120_000 + 40_000 + 80_000


def test_static_trainers_read_them_as_nothing(tmp_path: Path) -> None:
    sentences = [["a", "b", "c", "a"], ["b", "c", "d"]] * 20
    blank = [line for sentence in sentences for line in (sentence, [])]
    from firth.static.cooccurrence import Cooc

    plain = firth.train(as_corpus(sentences, cache=False), Cooc(min_count=1)).model
    kept = firth.train(as_corpus(blank, blank_lines=True, cache=False), Cooc(min_count=1)).model
    words = list("abcd")
    assert [plain[v, w] for v in words for w in words] == [kept[v, w] for v in words for w in words]
    assert plain["a", "b"] > 0
    config = firth.Word2Vec(dim=8, min_count=1, epochs=1)
    trained = firth.train(as_corpus(blank, blank_lines=True, cache=False), config)
    assert trained.vectors.dim == 8


def test_phrases_refuse_them() -> None:
    with pytest.raises(ConfigError, match="blank"):
        find_phrases(as_corpus(KEPT, blank_lines=True, cache=False))
