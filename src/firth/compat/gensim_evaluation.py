"""gensim's two evaluations, with its ways of choosing and leaving out; :mod:`firth.evaluate` is Firth's own."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from firth.errors import DataError
from firth.vectors.static import Vectors

__all__ = ["PairScore", "Section", "word_analogies", "word_pairs"]

PairScore: TypeAlias = tuple[tuple[float, float], tuple[float, float], float]
Section: TypeAlias = dict[str, Any]


def _vocabulary(vectors: Vectors, restrict: int, fold: bool) -> dict[str, int]:
    """Return word to row for the first ``restrict`` words; in upper case, the first of equal ones, under ``fold``."""
    found: dict[str, int] = {}
    for row, word in enumerate(vectors.words[:restrict]):
        found.setdefault(word.upper() if fold else word, row)
    return found


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read an evaluation set: {error}", got=path) from error


def word_pairs(
    vectors: Vectors,
    pairs: str,
    delimiter: str = "\t",
    restrict_vocab: int = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> PairScore:
    """Correlate cosines with human judgments.

    Parameters
    ----------
    vectors : Vectors
        What is tested.
    pairs : str
        File of two words and a number a line; lines with ``#`` are left out.
    delimiter : str
        Between them.
    restrict_vocab : int
        Use the first words only.
    case_insensitive : bool
        Compare in upper case.
    dummy4unknown : bool
        Count a pair with an unknown word as 0 rather than leave it out.

    Returns
    -------
    (pearson, p), (spearman, p), percent of pairs with unknown words
    """
    from scipy import stats

    known = _vocabulary(vectors, restrict_vocab, case_insensitive)
    human, ours, unknown = [], [], 0
    for line in _lines(pairs):
        fields = (line.upper() if case_insensitive else line).split(delimiter)
        try:
            a, b, judged = fields[0], fields[1], float(fields[2])
        except (IndexError, ValueError):
            continue
        if line.startswith("#") or len(fields) != 3:
            continue
        if a in known and b in known:
            human.append(judged)
            ours.append(vectors.similarity(vectors.matrix[known[a]], vectors.matrix[known[b]]))
            continue
        unknown += 1
        if dummy4unknown:
            human.append(judged)
            ours.append(0.0)
    if len(human) < 2:
        raise DataError("fewer than two pairs can be compared", got=pairs, remedy="check delimiter and vocabulary")
    share = 100 * unknown / (len(human) + (0 if dummy4unknown else unknown))
    pearson, spearman = stats.pearsonr(human, ours), stats.spearmanr(human, ours)
    return (
        (float(pearson[0]), float(pearson[1])),
        (float(spearman[0]), float(spearman[1])),
        share,
    )


def word_analogies(
    vectors: Vectors,
    analogies: str,
    restrict_vocab: int = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
) -> tuple[float, list[Section]]:
    """Answer questions of Google's format by 3CosAdd.

    Parameters
    ----------
    vectors, restrict_vocab, case_insensitive, dummy4unknown
        As for :func:`word_pairs`; ``dummy4unknown`` counts a question with an unknown word as answered wrongly.
    analogies : str
        File of ``: section`` lines and lines of four words.

    Returns
    -------
    share, sections
        The share of right answers; for each section, and ``Total accuracy`` at the end, its name under ``section``
        and the questions under ``correct`` and ``incorrect``.
    """
    known = _vocabulary(vectors, restrict_vocab, case_insensitive)
    names = {row: word for word, row in known.items()}
    sections: list[Section] = []
    for line in _lines(analogies):
        if line.startswith(": "):
            sections.append({"section": line.lstrip(": ").strip(), "correct": [], "incorrect": []})
            continue
        words = tuple((line.upper() if case_insensitive else line).split())
        if not sections:
            raise DataError("a question stands before the first section", got=line)
        if len(words) != 4:
            continue
        if all(word in known for word in words):
            answer = _answer(vectors, [known[word] for word in words[:3]], names, restrict_vocab)
            sections[-1]["correct" if answer == words[3] else "incorrect"].append(words)
        elif dummy4unknown:
            sections[-1]["incorrect"].append(words)
    total: Section = {"section": "Total accuracy"}
    for side in ("correct", "incorrect"):
        total[side] = [question for section in sections for question in section[side]]
    asked = len(total["correct"]) + len(total["incorrect"])
    return len(total["correct"]) / asked if asked else 0.0, [*sections, total]


def _answer(vectors: Vectors, rows: list[int], names: dict[int, str], restrict: int) -> str | None:
    a, b, c = (vectors.matrix[row] / np.float32(np.linalg.norm(vectors.matrix[row]) or 1) for row in rows)
    asked = [vectors.words[row] for row in rows]
    taken = {names.get(row) for row in rows}
    # gensim looks at the first five neighbours: one that differs from a given word by its case alone is passed over.
    near = vectors.nearest(positive=[b, c], negative=[a], n=5, limit=restrict, exclude=asked)
    found = (names.get(vectors.index(word)) for word, _ in near)
    return next((name for name in found if name is not None and name not in taken), None)
