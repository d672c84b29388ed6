"""Analogies: is the word nearest to b - a + c the one that is to c as b is to a?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from firth.errors import ConfigError
from firth.evaluate.lookup import Case, check_choice, fold_groups, word_finder
from firth.evaluate.sets import Paths, Question, read_questions, set_files
from firth.vectors.static import Vectors

__all__ = ["AnalogyScore", "SectionScore", "analogies", "best_rows"]

METHODS = ("3cosadd", "3cosmul")
_ROWS_AT_ONCE = 32_768
_COSINES_AT_ONCE = 32_000_000  # question words times rows; bounds the memory
_EPSILON = 1e-3  # of 3CosMul, as in Levy and Goldberg 2014, section 6

# The morphological sections of CA8 do not carry Google's "gram" prefix.
_SYNTACTIC_NAMES = frozenset({"A", "AB", "prefix", "suffix"})


@dataclasses.dataclass(frozen=True)
class SectionScore:
    """The outcome of one group of questions.

    Attributes
    ----------
    name : str
    questions : int
        Questions in the file.
    asked : int
        Questions with all four words in the vocabulary; the others are skipped.
    correct : int
        Questions answered right.
    """

    name: str
    questions: int
    asked: int
    correct: int

    @property
    def accuracy(self) -> float | None:
        """Share of the questions asked that were answered right; None if none was asked."""
        return self.correct / self.asked if self.asked else None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return dataclasses.asdict(self) | {"skipped": self.questions - self.asked, "accuracy": self.accuracy}


@dataclasses.dataclass(frozen=True)
class AnalogyScore:
    """How an analogy set comes out under a set of vectors.

    Attributes
    ----------
    name, path : str
        The file's name without its suffix, and the file.
    sections : tuple of SectionScore
        In the order of the file.
    semantic, syntactic, total : SectionScore
        Sums; sections named ``gram...`` and the morphological ones of CA8 are syntactic.
    method : {"3cosadd", "3cosmul"}
    restrict : int
        Rows that could be asked about and could be answers.
    case : str
        How letter case counted.
    """

    name: str
    path: str
    sections: tuple[SectionScore, ...]
    semantic: SectionScore
    syntactic: SectionScore
    total: SectionScore
    method: str
    restrict: int
    case: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        sums = {name: getattr(self, name).as_dict() for name in ("semantic", "syntactic", "total")}
        sections = [section.as_dict() for section in self.sections]
        options = {name: getattr(self, name) for name in ("name", "path", "method", "restrict", "case")}
        return options | sums | {"sections": sections}


def analogies(
    vectors: Vectors,
    paths: Paths,
    *,
    restrict: int | None = 30_000,
    method: Literal["3cosadd", "3cosmul"] = "3cosadd",
    case: Case = "fallback",
) -> list[AnalogyScore]:
    """Score vectors on analogy sets, one score per file.

    Parameters
    ----------
    vectors : Vectors
        Rows by frequency, the most frequent first, as every trainer here and most published files have them.
    paths : path or iterable of paths
        Files in Google's format or tables (:func:`firth.evaluate.sets.read_questions`), or folders of them.
    restrict : int, optional
        Only the first so many words are asked about and can be answers; None for all.
    method : {"3cosadd", "3cosmul"}
        How candidates are ranked (Mikolov et al. 2013; Levy and Goldberg 2014, equation 4). The three words of the
        question are never answers.
    case : {"fallback", "exact", "ignore"}
        How letter case counts (:func:`firth.evaluate.lookup.word_finder`); under ``ignore`` an answer that differs
        from the right one in case alone is right.

    Returns
    -------
    list of AnalogyScore

    Raises
    ------
    DataError
        When a file is no analogy set; the message names the line.
    ConfigError
        When an option is none of its choices or ``restrict`` is below 1.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "family.txt"
    >>> _ = path.write_text(": family\\nman woman king queen\\nman woman monk nun\\n")
    >>> rows = np.array([[1, 0, 0.1], [1, 1, 0.1], [1, 0, 1], [1, 1, 1], [0, 0, -1]], dtype=np.float32)
    >>> [score] = analogies(Vectors(["man", "woman", "king", "queen", "tree"], rows), path)
    >>> score.total.correct, score.total.asked, score.total.questions
    (1, 1, 2)
    """
    check_choice("method", method, METHODS)
    if restrict is not None and restrict < 1:
        raise ConfigError("restrict is too small", got=restrict, expected="at least 1")
    limit = len(vectors) if restrict is None else min(restrict, len(vectors))
    find = word_finder(vectors, case, limit)
    groups = fold_groups(vectors, limit) if case == "ignore" else None
    scores = []
    for path in set_files(paths):
        questions = read_questions(path)
        rows = [[find(word) for word in (q.a, q.b, q.c, q.answer)] for q in questions]
        asked = np.array([None not in row for row in rows])
        known = np.array([row for row in rows if None not in row], dtype=np.int64).reshape(-1, 4)
        best = best_rows(vectors.matrix[:limit], known[:, :3], method, groups)
        if groups is not None:
            best = np.where(best >= 0, groups[best], -1)
        correct = np.zeros(len(questions), dtype=bool)
        correct[asked] = best == known[:, 3]
        parts = _tallies(questions, asked, correct)
        scores.append(AnalogyScore(path.stem, str(path), *parts, method=method, restrict=limit, case=case))
    return scores


def best_rows(
    matrix: NDArray[Any], questions: NDArray[np.int64], method: str, groups: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Return the best answer to each question.

    Parameters
    ----------
    matrix : ndarray, shape (n, dim)
        The candidates, of any length.
    questions : ndarray of int64, shape (n_questions, 3)
        Rows of ``a``, ``b`` and ``c``, which are no candidates.
    method : {"3cosadd", "3cosmul"}
    groups : ndarray of int64, shape (n,), optional
        Rows of the same group as a question word are no candidates either.

    Returns
    -------
    ndarray of int64, shape (n_questions,)
        -1 where no candidate is left.
    """
    words, terms = np.unique(questions, return_inverse=True)
    terms = terms.reshape(questions.shape)
    asked = _unit(np.asarray(matrix[words], dtype=np.float32))  # (n_words, dim)
    excluded = _excluded(questions, groups)
    best = np.full(len(questions), -1, dtype=np.int64)
    best_score = np.full(len(questions), -np.inf, dtype=np.float32)
    at_once = min(_ROWS_AT_ONCE, max(1, _COSINES_AT_ONCE // max(1, len(words))))
    for start in range(0, len(matrix), at_once):
        block = _unit(np.asarray(matrix[start : start + at_once], dtype=np.float32))
        rank = _ranker(asked @ block.T, method)
        for number, (a, b, c) in enumerate(terms):
            scores = rank(a, b, c)  # (rows,)
            out = excluded[number] - start
            scores[out[(out >= 0) & (out < len(scores))]] = -np.inf
            top = int(scores.argmax())
            if scores[top] > best_score[number]:
                best[number], best_score[number] = top + start, scores[top]
    return best


def _ranker(cosines: NDArray[Any], method: str) -> Callable[[int, int, int], NDArray[Any]]:
    """Return a function from three rows of ``cosines`` (n_words, rows) to the scores (rows,), kept in one buffer."""
    scores = np.empty(cosines.shape[1], dtype=np.float32)
    if method == "3cosadd":

        def add(a: int, b: int, c: int) -> NDArray[Any]:
            np.subtract(cosines[b], cosines[a], out=scores)
            np.add(scores, cosines[c], out=scores)
            return scores

        return add
    # Cosines are moved from [-1, 1] to [0, 1], so that no factor is negative.
    moved = (1 + cosines) / 2
    inverse = 1 / (moved + np.float32(_EPSILON))

    def multiply(a: int, b: int, c: int) -> NDArray[Any]:
        np.multiply(moved[b], moved[c], out=scores)
        np.multiply(scores, inverse[a], out=scores)
        return scores

    return multiply


def _excluded(questions: NDArray[np.int64], groups: NDArray[np.int64] | None) -> Sequence[NDArray[np.int64]]:
    """Return the rows that may not answer each question: its words, or all rows of their groups."""
    if groups is None:
        return list(questions)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], groups[questions])  # (n_questions, 3)
    ends = np.searchsorted(groups[order], groups[questions], side="right")
    return [
        np.concatenate([order[first:last] for first, last in zip(*bounds, strict=True)])
        for bounds in zip(starts, ends, strict=True)
    ]


def _unit(rows: NDArray[Any]) -> NDArray[Any]:
    """Return rows of length 1; a row that is zero or not finite becomes zero."""
    norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    unit: NDArray[Any] = np.divide(rows, norms, out=np.zeros_like(rows), where=np.isfinite(norms) & (norms > 0))
    return unit


def _tallies(
    questions: Sequence[Question], asked: NDArray[np.bool_], correct: NDArray[np.bool_]
) -> tuple[tuple[SectionScore, ...], SectionScore, SectionScore, SectionScore]:
    """Return the scores of the sections, and the semantic, syntactic and total sums."""
    members: dict[str, list[int]] = {}
    for number, question in enumerate(questions):
        members.setdefault(question.section, []).append(number)

    def tally(title: str, numbers: Iterable[int]) -> SectionScore:
        chosen = np.fromiter(numbers, dtype=np.int64)
        return SectionScore(title, len(chosen), int(asked[chosen].sum()), int(correct[chosen].sum()))

    syntactic = [n for section, numbers in members.items() if _is_syntactic(section) for n in numbers]
    semantic = [n for section, numbers in members.items() if not _is_syntactic(section) for n in numbers]
    return (
        tuple(tally(section, numbers) for section, numbers in members.items()),
        tally("semantic", semantic),
        tally("syntactic", syntactic),
        tally("total", range(len(questions))),
    )


def _is_syntactic(section: str) -> bool:
    return section.startswith("gram") or section in _SYNTACTIC_NAMES
