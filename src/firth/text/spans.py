"""Spans of words, such as names, written as one label a word: IOB1, IOB2 and BIOES, and from one to another.

Ramshaw and Marcus 1995 (IOB1), Tjong Kim Sang and Veenstra 1999 (IOB2 and more). ``B-PER I-PER O`` is IOB2 for a person
of two words; IOB1 writes ``I-PER I-PER O`` and keeps B for a span that touches one of its type; BIOES marks the last
word of a span by E and a span of one word by S. BMES and BILOU are BIOES by other letters and are read as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError

__all__ = ["SCHEMES", "Span", "encode_spans", "fault_in", "labels_for", "legal_steps", "plain", "scheme_of", "spans_of"]

SCHEMES = ("iob1", "iob2", "bioes", "none")
Span: TypeAlias = tuple[int, int, str]  # first word, the word behind the last, type

_LABEL = re.compile(r"O|[BIESMLUW]-.+", re.DOTALL)
_OTHER_LETTERS = {"M": "I", "L": "E", "U": "S", "W": "S"}
Part: TypeAlias = tuple[str, str]  # letter and type; ("O", "") outside of spans and beyond the sentence


def plain(label: str) -> str:
    """Return a label with the letters of BIOES.

    Examples
    --------
    >>> [plain(label) for label in ("M-NAME", "U-LOC", "O")]
    ['I-NAME', 'S-LOC', 'O']
    """
    return _OTHER_LETTERS.get(label[:1], label[:1]) + label[1:] if label[1:2] == "-" else label


def spans_of(labels: Sequence[str]) -> list[Span]:
    """Return the spans of a sentence's labels in any scheme, as conlleval and seqeval read them.

    They forgive: a span begins also where IOB2 would want B and finds I, or where the type changes.

    Examples
    --------
    >>> spans_of(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
    [(0, 2, 'PER'), (3, 4, 'LOC'), (4, 5, 'LOC')]
    """
    found: list[Span] = []
    begin, (before, kind) = 0, ("O", "")
    for place, (letter, other) in enumerate([*map(_part, labels), ("O", "")]):
        new = letter in ("B", "S") or other != kind or before in ("E", "S", "O")
        if before != "O" and (letter == "O" or new):
            found.append((begin, place, kind))
        if letter != "O" and new:
            begin = place
        before, kind = letter, other
    return found


def encode_spans(spans: Iterable[Span], n: int, scheme: str) -> list[str]:
    """Return the labels of ``n`` words with these spans, none of which may overlap.

    Examples
    --------
    >>> encode_spans([(0, 2, "PER"), (2, 3, "PER")], 4, "bioes"), encode_spans([(0, 2, "PER")], 2, "iob1")
    (['B-PER', 'E-PER', 'S-PER', 'O'], ['I-PER', 'I-PER'])
    """
    labels = ["O"] * n
    for first, end, kind in sorted(spans):
        for place in range(first, end):
            labels[place] = f"I-{kind}"
        if scheme == "bioes":
            labels[first], labels[end - 1] = f"B-{kind}", f"E-{kind}"
            if end - first == 1:
                labels[first] = f"S-{kind}"
        elif scheme == "iob2" or (first and labels[first - 1][2:] == kind):
            labels[first] = f"B-{kind}"
    return labels


def fault_in(labels: Sequence[str], scheme: str) -> tuple[int, str] | None:
    """Return the first word whose label breaks the scheme and what is wrong with it, or None.

    Examples
    --------
    >>> fault_in(["O", "I-PER"], "iob2"), fault_in(["O", "I-PER"], "iob1")
    ((1, 'I-PER follows O'), None)
    """
    if scheme == "none":
        return None
    letters = "BIES" if scheme == "bioes" else "BI"
    before: Part = ("O", "")
    for place, label in enumerate(labels):
        part = _part(label)
        if part[0] != "O" and (part[0] not in letters or not _LABEL.fullmatch(label)):
            return place, f"{label} is no label of {scheme.upper()}"
        if not _follows(before, part, scheme):
            return place, f"{label} follows {labels[place - 1]}" if place else f"{label} begins a sentence"
        before = part
    if not _follows(before, ("O", ""), scheme):
        return len(labels) - 1, f"{labels[-1]} ends a sentence"
    return None


def scheme_of(sentences: Sequence[Sequence[str]]) -> str:
    """Tell the scheme of labels; ``none`` where they are no spans, such as parts of speech.

    Raises
    ------
    DataError
        When they look like IOB and break both IOB1 and IOB2.

    Examples
    --------
    >>> scheme_of([["I-PER", "I-PER", "O"]]), scheme_of([["B-PER", "O"]]), scheme_of([["NOUN"]])
    ('iob1', 'iob2', 'none')
    """
    seen = {label for labels in sentences for label in labels}
    if not seen - {"O"} or not all(_LABEL.fullmatch(label) for label in seen):
        return "none"
    if {label[0] for label in seen} - set("OBI"):
        return "bioes"
    for scheme in ("iob2", "iob1"):
        if not any(fault_in(labels, scheme) for labels in sentences):
            return scheme
    number, fault = next((i, f) for i, labels in enumerate(sentences, 1) if (f := fault_in(labels, "iob2")))
    raise DataError(
        f"labels are neither IOB1 nor IOB2: in sentence {number:,}, word {fault[0] + 1:,}, {fault[1]}",
        remedy="mend the file, or say which --scheme it is in; none takes labels as they are",
    )


def labels_for(kinds: Iterable[str], scheme: str) -> list[str]:
    """Return all labels of span types: ``O``, and each letter with each type."""
    letters = "BIES" if scheme == "bioes" else "BI"
    return ["O", *(f"{letter}-{kind}" for kind in sorted(set(kinds)) for letter in letters)]


def legal_steps(labels: Sequence[str], scheme: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which labels may begin a sentence, follow each other (from, to) and end a sentence.

    Examples
    --------
    >>> begin, follow, end = legal_steps(["O", "B-X", "I-X"], "iob2")
    >>> begin.tolist(), follow[0].tolist(), end.tolist()
    ([True, True, False], [True, True, False], [True, True, True])
    """
    parts, beyond = [_part(label) for label in labels], ("O", "")
    begin = np.array([_follows(beyond, part, scheme) for part in parts], np.bool_)
    follow = np.array([[_follows(one, other, scheme) for other in parts] for one in parts], np.bool_)
    end = np.array([_follows(part, beyond, scheme) for part in parts], np.bool_)
    return begin, follow, end


def _part(label: str) -> Part:
    label = plain(label)
    if label[:1] not in ("B", "I", "E", "S"):
        return ("O", "") if label == "O" else (label[:1], label)
    return label[0], label[1:].partition("-")[2] if label[1:2] == "-" else label[1:]


def _follows(before: Part, after: Part, scheme: str) -> bool:
    """Return whether a word's part may stand behind another's."""
    if scheme == "none":
        return True
    same = before[1] == after[1]
    if scheme == "bioes":
        opened, goes_on = before[0] in ("B", "I"), after[0] in ("I", "E")
        return opened == goes_on and (same or not goes_on)
    inside = before[0] in ("B", "I") and same
    if scheme == "iob1":
        return inside or after[0] != "B"
    return inside or after[0] != "I"
