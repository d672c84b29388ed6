"""ARPA files against what KenLM's programs write and answer (tests/golden/make_kenlm.py), and broken ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import convert, inspect, load, save
from firth.errors import ConfigError, DataError, FormatError
from firth.events import Event, Notice
from firth.formats.registry import load as load_with
from firth.lm.lexicon import Lexicon
from firth.lm.ngram_model import NGramModel
from firth.lm.ngram_query_reference import as_dicts
from firth.text.vocab import Vocab

GOLDEN = Path(__file__).parents[1] / "golden" / "kenlm"
ANSWERS = json.loads((GOLDEN / "queries.json").read_text())

TINY = """\\data\\
ngram 1=4
ngram 2=2
ngram 3=1

\\1-grams:
-1.5\t<unk>\t0
-99\t<s>\t-0.25
-0.5\t</s>\t0
-0.25\ta\t-0.5

\\2-grams:
-0.125\t<s> a\t-0.75
-0.0625\ta </s>\t0

\\3-grams:
-0.03125\t<s> a </s>

\\end\\
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "model.arpa"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize("name", ["lmplz.arpa", "thin.arpa"])
@pytest.mark.filterwarnings("ignore:.*lacking.*:UserWarning")
def test_scores_are_those_of_kenlm(name: str) -> None:
    model = load(GOLDEN / name)
    for sentence, answer in zip(ANSWERS["sentences"], ANSWERS[name], strict=True):
        ids = model.lexicon.stream([sentence.split()]).ids
        scores, lengths = model.matched(ids)
        assert lengths.tolist() == [length for length, _ in answer]
        np.testing.assert_allclose(scores / np.log(10), [log_prob for _, log_prob in answer], rtol=2e-6)


def test_what_is_lacking_is_told_and_backs_off() -> None:
    heard: list[Event] = []
    model = load_with(GOLDEN / "thin.arpa", listen=heard.append)
    assert any(isinstance(event, Notice) and "are lacking" in event.message for event in heard)
    log_probs, backoffs = as_dicts(model.table)
    named = {line.split("\t")[1] for line in (GOLDEN / "thin.arpa").read_text().split("\n") if "\t" in line}
    spelt = {**dict(enumerate(model.vocab)), model.lexicon.bos: "<s>", model.lexicon.eos: "</s>"}
    added = [gram for gram in log_probs if " ".join(spelt[word] for word in gram) not in named]
    assert added
    assert sum(model.table.counts()) == len(named) + len(added)
    for gram in added:
        backed = backoffs[gram[:-1]] + log_probs[gram[1:]]
        assert log_probs[gram] == pytest.approx(backed, rel=1e-6)
        assert backoffs[gram] == 0


def test_what_is_written_is_what_lmplz_writes(tmp_path: Path) -> None:
    save(load(GOLDEN / "lmplz.arpa"), tmp_path / "again.arpa")
    ours, theirs = ((folder / name).read_text() for folder, name in ((tmp_path, "again.arpa"), (GOLDEN, "lmplz.arpa")))
    for mine, its in zip(ours.split("\n\\"), theirs.split("\n\\"), strict=True):
        assert sorted(mine.split("\n")) == sorted(its.split("\n"))


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_files_may_be_compressed(tmp_path: Path, suffix: str) -> None:
    model = load(GOLDEN / "lmplz.arpa")
    save(model, tmp_path / f"m.arpa{suffix}")
    assert (tmp_path / f"m.arpa{suffix}").stat().st_size < 20_000
    again = load(tmp_path / f"m.arpa{suffix}")
    assert as_dicts(again.table) == as_dicts(model.table)
    assert list(tmp_path.iterdir()) == [tmp_path / f"m.arpa{suffix}"]


@pytest.mark.filterwarnings("ignore:.*lacking.*:UserWarning")
def test_fixtures_of_kenlm_itself(data: Callable[[str], Path]) -> None:
    model = load(data("format-fixtures/kenlm/test.arpa"))
    scores, lengths = model.matched(model.lexicon.stream([["looking", "on", "a", "little", "the", "biarritz"]]).ids)
    # What kenlm's query says; the first values stand in its lm/model_test.cc too.
    expected = [-0.4846522, -0.3488368, -0.01552657, -0.003061223, -4.0400543, -1.9889021, -1.330523]
    np.testing.assert_allclose(scores / np.log(10), expected, rtol=1e-6)
    assert lengths.tolist() == [2, 3, 4, 5, 1, 1, 1]


def test_a_file_without_unk_gives_unknown_words_what_kenlm_gives(data: Callable[[str], Path]) -> None:
    with pytest.warns(UserWarning, match="no <unk>"):
        model = load(data("format-fixtures/kenlm/test_nounk.arpa"))
    _, state = model.score(model.lexicon.stream([["beyond"]]).ids[:-1], model.start())
    unknown = model.score(np.array([model.lexicon.unk], np.int32), state)[0][0]
    assert unknown / np.log(10) == pytest.approx(-100.30103)


def test_an_order_may_have_no_ngrams(tmp_path: Path) -> None:
    empty = TINY.replace("ngram 3=1", "ngram 3=0").replace("-0.03125\t<s> a </s>\n", "")
    model = load(written(tmp_path, empty))
    assert model.table.counts() == [4, 2, 0]
    assert model.matched(model.lexicon.stream([["a"]]).ids)[1].tolist() == [2, 2]
    save(model, tmp_path / "again.arpa")
    save(model.quantized(), tmp_path / "m")
    for name in ("again.arpa", "m"):
        assert load(tmp_path / name).table.counts() == [4, 2, 0]


def test_marks_by_other_names_and_other_blanks(tmp_path: Path) -> None:
    loose = (
        TINY.replace("<unk>", "<UNK>").replace("\t", "  ").replace("\n", " \r\n").replace("ngram 1=4", "ngram  1 = 4")
    )
    plain, other = load(written(tmp_path, TINY)), load(written(tmp_path, loose))
    assert list(plain.vocab) == list(other.vocab) == ["<unk>", "<eos>", "a", "<bos>"]
    assert as_dicts(plain.table) == as_dicts(other.table)


def test_numbers_of_every_spelling(tmp_path: Path) -> None:
    spelt = {"-0.0312500000000000000": -0.03125, "-3.125e-2": -0.03125, "-1e-60": 0.0, "-.5": -0.5, "-123.": -123.0}
    for text, value in spelt.items():
        model = load(written(tmp_path, TINY.replace("-0.03125", text)))
        assert model.table.levels[2].log_prob[0] == np.float32(value)


@settings(max_examples=60, deadline=None)
@given(st.floats(-1e6, 0, width=32))
def test_a_number_comes_back_the_same(tmp_path_factory: pytest.TempPathFactory, number: float) -> None:
    folder = tmp_path_factory.mktemp("number")
    model = load(written(folder, TINY.replace("-0.03125", repr(float(np.float32(number))))))
    save(model, folder / "again.arpa")
    for found in (model, load(folder / "again.arpa")):
        assert found.table.levels[2].log_prob[0] == np.float32(number)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("\\data\\", "\\data"), "no format that Firth knows"),
        (("ngram 2=2\n", ""), "don't go up"),
        (("ngram 1=4\nngram 2=2\nngram 3=1\n", ""), "no counts"),
        (("ngram 3=1", "ngram 3=one"), "no count such as"),
        (("ngram 3=1", "ngram 3=1\nngram 4=1"), r"section \\4-grams: should begin"),
        (("ngram 3=1", "ngram 3=99999999999999999999"), "no count such as"),
        (("ngram 3=1", "ngram 3=9999999999"), "more n-grams than the file can hold"),
        (("ngram 2=2", "ngram 2=3"), "2 n-grams where .* promises 3"),
        (("ngram 2=2", "ngram 2=1"), "2 n-grams where .* promises 1"),
        (("\\2-grams:\n-0.125\t<s> a\t-0.75\n-0.0625\ta </s>\t0\n", ""), r"section \\2-grams: should begin"),
        (("\\end\\", ""), "the file ends before"),
        (("-0.125\t", "0.125\t"), "positive log probability"),
        (("-0.125\t", "-nan\t"), "no number"),
        (("-0.125\t", "-inf\t"), "no number"),
        (("-0.125\t", "-1e99\t"), "number"),
        (("-0.125\t", "x\t"), "no number"),
        (("<s> a </s>", "<s> a"), "ends before its 3 words"),
        (("<s> a </s>", "<s> a </s>\t-0.5"), "back-off weight at the longest"),
        (("<s> a </s>", "<s> a </s>\t0\t0"), "goes on after"),
        (("<s> a </s>", "<s> b </s>"), "not among the single words"),
        (("-0.0625\ta </s>", "-0.0625\t<s> a"), "twice"),
        (("\ta\t-0.5", "\t</s>\t-0.5"), "twice"),
        (("-99\t<s>", "-99\tb"), "no <s>"),
        (("-0.5\t</s>", "-0.5\tb"), "no </s>"),
        (("\ta\t-0.5", "\t<eos>\t-0.5"), "one of Firth's marks"),
    ],
)
def test_broken_files_tell_what_and_where(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert change[0] in TINY
    with pytest.raises(FormatError, match=message) as caught:
        load(written(tmp_path, TINY.replace(*change)))
    assert "byte" in str(caught.value) or "no format" in message


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_file_cut_anywhere_is_told(tmp_path: Path) -> None:
    for length in range(7, len(TINY) - 2):
        with pytest.raises(FormatError):
            load(written(tmp_path, TINY[:length]))


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TINY) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_never_crash(tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(TINY.encode())
    for at, byte in changes:
        raw[at] = byte
    path = tmp_path_factory.mktemp("changed") / "m.arpa"
    path.write_bytes(raw)
    try:
        model = load(path)
    except FormatError:
        return
    scores, _ = model.matched(np.arange(model.lexicon.n_outputs, dtype=np.int32))
    assert np.isfinite(scores).all()


def test_words_of_odd_bytes(tmp_path: Path) -> None:
    odd = "\udcff=水\x0b"
    model = load(
        written(tmp_path, TINY.replace("a", odd).replace(f"\\d{odd}t{odd}\\", "\\data\\").replace(f"gr{odd}m", "gram"))
    )
    assert odd in model.vocab
    with pytest.raises(DataError, match="cannot stand in an ARPA file"):
        save(model, tmp_path / "again.arpa")


def test_the_lacking_context_of_an_ngram_is_put_in(tmp_path: Path) -> None:
    text = TINY.replace("-0.125\t<s> a\t-0.75\n", "").replace("ngram 2=2", "ngram 2=1")
    with pytest.warns(UserWarning, match="1 n-grams"):
        model = load(written(tmp_path, text))
    log_probs, _ = as_dicts(model.table)
    spelt = {word: i for i, word in enumerate(model.vocab)}
    assert log_probs[spelt["<bos>"], spelt["a"]] == -0.5  # the weight of <s> and the probability of a


def test_a_word_spelt_as_a_mark_of_arpa_cannot_be_written(tmp_path: Path) -> None:
    model = load(written(tmp_path, TINY))
    vocab = Vocab(["<unk>", "<eos>", "<s>", "<bos>"], [0, 0, 0, 0], special=("<unk>", "<eos>", "<bos>"))
    with pytest.raises(DataError, match="mark of ARPA"):
        save(NGramModel(Lexicon(vocab), model.table), tmp_path / "again.arpa")


def test_inspect_tells_order_and_counts() -> None:
    report = inspect(GOLDEN / "lmplz.arpa")
    assert (report.format, report.kind, report.words) == ("arpa", "ngram", 18)
    assert report.details["ngrams"] == load(GOLDEN / "lmplz.arpa").table.counts()


def test_conversion_tells_what_is_lost(tmp_path: Path) -> None:
    model = load(GOLDEN / "lmplz.arpa")
    counted = Vocab(model.vocab.words, np.ones(len(model.vocab), np.int64), special=model.vocab.special)
    save(NGramModel(Lexicon(counted), model.table, {"seed": 1}), tmp_path / "m")
    assert convert(tmp_path / "m", tmp_path / "m.arpa") == [
        "the word counts cannot be kept in arpa",
        "the metadata cannot be kept in arpa",
    ]
    assert convert(GOLDEN / "lmplz.arpa", tmp_path / "n") == []


def test_only_whole_models_and_no_vectors(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="in part"):
        load(GOLDEN / "lmplz.arpa", limit=3)
    with pytest.raises(ConfigError, match="write a folder"):
        convert(GOLDEN / "lmplz.arpa", tmp_path / "x.arpa", compress="int8")


def test_small_numbers_are_written_as_lmplz_writes_them(tmp_path: Path) -> None:
    save(load(written(tmp_path, TINY.replace("-0.03125", "-0.000046752575"))), tmp_path / "again.arpa")
    text = (tmp_path / "again.arpa").read_text()
    assert "\n-0.000046752575\t<s> a </s>\n" in text
    assert "\n0\t<s>\t-0.25\n" in text
