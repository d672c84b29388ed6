"""Schemes of spans against each other, against a second reading of conlleval's rules, and against seqeval."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import DataError
from firth.metrics import span_scores
from firth.text.spans import encode_spans, fault_in, labels_for, legal_steps, scheme_of, spans_of

SCHEMES = ["iob1", "iob2", "bioes"]


def conlleval(labels: list[str]) -> list[tuple[int, int, str]]:
    """Read spans by conlleval's own two tables (the Perl script's endOfChunk and startOfChunk)."""
    found, begin = [], 0
    before, kind = "O", ""
    for place, label in enumerate([*labels, "O"]):
        letter, _, other = label.partition("-")
        ends = (before, letter) in {
            ("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("E", "E"), ("E", "I"), ("E", "O"), ("E", "B"), ("S", "O"),
            ("S", "B"), ("S", "I"), ("S", "E"), ("S", "S"), ("B", "S"), ("I", "S"), ("E", "S"),
        }  # fmt: skip
        starts = letter in ("B", "S") or (before in ("E", "S", "O") and letter in ("E", "I"))
        ends = ends or (before != "O" and kind != other)
        starts = starts or (letter != "O" and kind != other)
        if ends:
            found.append((begin, place, kind))
        if starts:
            begin = place
        before, kind = letter, other
    return found


any_labels = st.lists(
    st.one_of(st.just("O"), st.builds("{}-{}".format, st.sampled_from("BIES"), st.sampled_from("XY"))), max_size=12
)


@given(any_labels)
def test_spans_are_conllevals(labels: list[str]) -> None:
    assert spans_of(labels) == conlleval(labels)


@given(any_labels, st.sampled_from(SCHEMES))
def test_what_a_scheme_writes_is_legal_in_it_and_reads_back(labels: list[str], scheme: str) -> None:
    spans = spans_of(labels)
    written = encode_spans(spans, len(labels), scheme)
    assert fault_in(written, scheme) is None
    assert spans_of(written) == spans


@given(any_labels, st.sampled_from(["iob2", "bioes"]))
def test_legal_is_what_writing_again_leaves_as_it_is(labels: list[str], scheme: str) -> None:
    legal = fault_in(labels, scheme) is None
    assert legal == (encode_spans(spans_of(labels), len(labels), scheme) == labels)
    known = labels_for("XY", scheme)
    if labels and set(labels) <= set(known):
        begin, follow, end = legal_steps(known, scheme)
        ids = [known.index(label) for label in labels]
        steps = all(follow[a, b] for a, b in itertools.pairwise(ids))
        assert legal == bool(begin[ids[0]] and steps and end[ids[-1]])


@pytest.mark.parametrize(
    ("labels", "scheme", "place", "what"),
    [
        (["O", "I-X"], "iob2", 1, "I-X follows O"),
        (["B-Y", "I-X"], "iob2", 1, "I-X follows B-Y"),
        (["I-X"], "iob2", 0, "I-X begins a sentence"),
        (["B-X"], "iob1", 0, "B-X begins a sentence"),
        (["I-Y", "B-X"], "iob1", 1, "B-X follows I-Y"),
        (["B-X", "O"], "bioes", 1, "O follows B-X"),
        (["O", "B-X"], "bioes", 1, "B-X ends a sentence"),
        (["S-X", "E-X"], "bioes", 1, "E-X follows S-X"),
        (["B-X", "S-X"], "iob2", 1, "S-X is no label of IOB2"),
        (["B"], "iob2", 0, "B is no label of IOB2"),
    ],
)
def test_faults_are_named(labels: list[str], scheme: str, place: int, what: str) -> None:
    assert fault_in(labels, scheme) == (place, what)


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["I-X", "I-X", "B-X"], ["O"]], "iob1"),
        ([["B-X", "I-X"], ["B-X"]], "iob2"),
        ([["B-X", "M-X", "E-X"]], "bioes"),
        ([["U-X", "O"]], "bioes"),
        ([["NOUN", "VERB"]], "none"),
        ([["O", "O"]], "none"),
    ],
)
def test_schemes_are_told_apart(sentences: list[list[str]], scheme: str) -> None:
    assert scheme_of(sentences) == scheme


def test_labels_of_no_scheme() -> None:
    with pytest.raises(DataError, match=r"neither IOB1 nor IOB2: in sentence 2, word 2, I-X follows O"):
        scheme_of([["B-X", "O"], ["O", "I-X"]])


@settings(deadline=None)
@given(st.lists(st.tuples(any_labels, any_labels), min_size=1, max_size=5))
def test_scores_are_seqevals(pairs: list[tuple[list[str], list[str]]]) -> None:
    seqeval = pytest.importorskip("seqeval.metrics.sequence_labeling")  # by hand below where it is not installed
    pairs = [(a[: min(len(a), len(b))], b[: min(len(a), len(b))]) for a, b in pairs]
    gold, found = [a for a, _ in pairs], [b for _, b in pairs]
    scores = span_scores(map(spans_of, gold), map(spans_of, found))
    wanted = seqeval.precision_recall_fscore_support(gold, found, average="micro", zero_division=0)
    assert [scores[name] for name in ("precision", "recall", "f1")] == pytest.approx(list(wanted[:3]))


def test_scores_counted_by_hand() -> None:
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"], ["O"]]
    found = [["B-PER", "I-PER", "B-LOC", "I-LOC"], ["B-PER", "O"], ["B-MISC"]]
    scores = span_scores(map(spans_of, gold), map(spans_of, found))
    assert [scores[name] for name in ("gold", "found")] == [3, 4]
    assert [scores[name] for name in ("precision", "recall", "f1")] == pytest.approx([1 / 4, 1 / 3, 2 / 7])
    assert list(scores["types"]) == ["LOC", "MISC", "ORG", "PER"]
    assert scores["types"]["PER"] == {
        "precision": 0.5,
        "recall": 1.0,
        "f1": pytest.approx(2 / 3),
        "gold": 1,
        "found": 2,
    }
    assert span_scores([[]], [[]])["f1"] == 0.0
