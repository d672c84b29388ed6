"""Word sense disambiguation by the nearest sense vector (Melamud et al. 2016; Peters et al. 2018, section 5.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import ConfigError, DataError
from firth.evaluate.in_context import layer_names, model_tokenizer, refuse_static, unit_rows
from firth.evaluate.sense_sets import SenseTag, gold_path, read_framework, read_gold, read_tagged
from firth.evaluate.sense_vectors import Lemma, SeenSenses, SenseVectors, sense_vectors, tag_vectors
from firth.evaluate.wordnet import first_senses
from firth.events import Listener
from firth.metrics import precision_recall_f1
from firth.protocols import Float32, Representation
from firth.text.tokenize import Tokenizer

__all__ = ["WsdScore", "disambiguation", "wsd_files"]

MOST_FREQUENT, FIRST = "most frequent sense", "first sense"


@dataclasses.dataclass(frozen=True)
class WsdScore:
    """How many senses a system got right.

    Attributes
    ----------
    name : str
        The set, or ``all``.
    system : str
        ``most frequent sense`` of the training text, ``first sense`` of WordNet, or the layer whose nearest sense
        vector answers.
    instances, answered, correct : int
        Words to tag, words tagged, words tagged right.
    by_vector : int
        Answers that a choice between several vectors gave.
    backed_off : int
        Answers by the most frequent sense, since the tokenizer leaves nothing of the word.
    by_first_sense : int
        Answers by WordNet's first sense, since the training text lacks the lemma.
    reachable : int
        Instances whose right sense occurs in the training text.
    """

    name: str
    system: str
    instances: int
    answered: int
    correct: int
    by_vector: int
    backed_off: int
    by_first_sense: int
    reachable: int

    @property
    def precision(self) -> float:
        """Right answers of all answers; NaN where there are none."""
        return float(precision_recall_f1(self.correct, self.answered, self.instances)[0])

    @property
    def recall(self) -> float:
        """Right answers of all instances."""
        return float(precision_recall_f1(self.correct, self.answered, self.instances)[1])

    @property
    def f1(self) -> float:
        """Harmonic mean of both, as the framework's scorer has it; 0 where nothing is right."""
        value = float(precision_recall_f1(self.correct, self.answered, self.instances)[2])
        return value if np.isfinite(value) else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        values = dataclasses.asdict(self) | {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return values | {"precision": self.precision if self.answered else None}


@dataclasses.dataclass(frozen=True)
class _Question:
    tag: SenseTag
    gold: tuple[str, ...]
    part: int  # the set


def wsd_files(paths: Sequence[str | Path]) -> list[Path]:
    """Return the ``.data.xml`` files that paths name; folders stand for those in them.

    Raises
    ------
    DataError
        When a folder holds none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        inside = sorted(each for each in path.glob("*.data.xml*") if each.is_file()) if path.is_dir() else [path]
        if not inside:
            raise DataError("the folder holds no set", got=str(path), expected="files named *.data.xml")
        found += inside
    return found


def disambiguation(
    model: Representation,
    semcor: str | Path,
    paths: Sequence[str | Path],
    *,
    wordnet: str | Path | None = None,
    tokenizer: Tokenizer | None = None,
    listen: Listener | None = None,
) -> list[WsdScore]:
    """Tag the words of sets with senses learnt from SemCor.

    A sense's vector is the mean of those of its occurrences in SemCor. A word gets the sense of its lemma and part of
    speech whose vector is nearest by cosine. A lemma that SemCor lacks gets WordNet's first sense where WordNet is
    given, as in the paper, and no answer otherwise, which lowers recall. The baselines are the sense most frequent in
    SemCor (backed by WordNet in the same way), and, where WordNet is given, its first sense.

    Parameters
    ----------
    model : Representation
        A contextual one. Tokens are cut anew by the tokenizer that it was trained with; a word of several tokens has
        their mean.
    semcor : path-like
        As :func:`firth.evaluate.sense_sets.read_semcor` takes it, or a ``.data.xml`` file with its keys beside it.
    paths : sequence of path-like
        Sets of the unified framework: ``.data.xml`` files with their keys beside them, or folders.
    wordnet : path-like, optional
        Folder of WordNet's database files.
    tokenizer : Tokenizer, optional
        In the place of the model's own.
    listen : callable, optional
        Receives :class:`firth.events.Progress` while the training text is encoded.

    Returns
    -------
    list of WsdScore
        For each set, and for all together where they are many: the baselines, each layer, the mean of the layers.

    Raises
    ------
    DataError
        When a file cannot be read, a set's instances lack keys, or the model is static.
    """
    refuse_static(model)
    files, how = wsd_files(paths), tokenizer or model_tokenizer(model)
    if not files:
        raise ConfigError("there is no set to disambiguate")
    questions, vectors = _asked(model, files, how)
    wanted = {question.tag.lemma_pos for question in questions}
    first = first_senses(wordnet, wanted) if wordnet is not None else {}
    seen = SeenSenses.counted(read_tagged(semcor))
    choices = {lemma for lemma in wanted if len(seen.counts.get(lemma, ())) > 1}
    known = sense_vectors(model, semcor, choices, how, n_tokens=seen.n_tokens, listen=listen)
    exam = _Exam(questions, vectors, seen, known, first)
    systems = {MOST_FREQUENT: exam.most_frequent()}
    if wordnet is not None:
        systems[FIRST] = [first.get(question.tag.lemma_pos) for question in questions]
    for row, label in enumerate(exam.layers):
        systems[f"layer {label}" if label.isdigit() else label] = exam.nearest(row)
    parts = [(path.name.partition(".data.xml")[0], {number}) for number, path in enumerate(files)]
    if len(files) > 1:
        parts.append(("all", set(range(len(files)))))
    return [exam.score(name, system, answers, part) for name, part in parts for system, answers in systems.items()]


def _asked(
    model: Representation, files: Sequence[Path], how: Tokenizer | None
) -> tuple[list[_Question], list[Float32 | None]]:
    """Return the instances of all sets, and their vectors."""
    questions: list[_Question] = []
    vectors: list[Float32 | None] = []
    for part, path in enumerate(files):
        gold, sentences = read_gold(gold_path(path)), list(read_framework(path))
        for sentence in sentences:
            for tag in sentence.tags:
                if tag.name not in gold:
                    raise DataError("an instance has no key", got=tag.name, expected=f"a line in {gold_path(path)}")
                questions.append(_Question(tag, gold[tag.name], part))
        for _, found in tag_vectors(model, sentences, how):
            vectors += found
    return questions, vectors


@dataclasses.dataclass(frozen=True)
class _Exam:
    """The instances and all that can answer them."""

    questions: Sequence[_Question]
    vectors: Sequence[Float32 | None]
    seen: SeenSenses
    known: SenseVectors
    first: Mapping[Lemma, str]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the rows of the vectors."""
        n_rows = next((len(vector) for vector in self.vectors if vector is not None), 1)
        return layer_names(max(n_rows - 1, 1))

    def most_frequent(self) -> list[str | None]:
        """Answer by counts alone."""
        return [self._without_vector(question.tag.lemma_pos) for question in self.questions]

    def _without_vector(self, lemma: Lemma) -> str | None:
        return self.seen.most_frequent(lemma) or self.first.get(lemma)

    def _is_choice(self, number: int) -> bool:
        return self.vectors[number] is not None and self.questions[number].tag.lemma_pos in self.known

    def nearest(self, row: int) -> list[str | None]:
        """Answer by the nearest vector of one layer."""
        answers = []
        for number, (question, vector) in enumerate(zip(self.questions, self.vectors, strict=True)):
            lemma = question.tag.lemma_pos
            if vector is None or not self._is_choice(number):
                answers.append(self._without_vector(lemma))
                continue
            keys, means = self.known[lemma]
            cosines = unit_rows(means[:, row]) @ unit_rows(vector[row])  # (n_keys,)
            answers.append(keys[int(np.nan_to_num(cosines, nan=-1.0).argmax())])
        return answers

    def score(self, name: str, system: str, answers: Sequence[str | None], parts: set[int]) -> WsdScore:
        """Count the right answers in some of the sets."""
        chosen = [n for n, question in enumerate(self.questions) if question.part in parts]
        lemmas = [self.questions[n].tag.lemma_pos for n in chosen]
        seen = [lemma in self.seen.counts for lemma in lemmas]
        by_vector = system not in (MOST_FREQUENT, FIRST)
        return WsdScore(
            name,
            system,
            instances=len(chosen),
            answered=sum(answers[n] is not None for n in chosen),
            correct=sum(answers[n] in self.questions[n].gold for n in chosen),
            by_vector=sum(self._is_choice(n) for n in chosen) if by_vector else 0,
            backed_off=sum(self.vectors[n] is None and lemma for n, lemma in zip(chosen, seen, strict=True))
            if by_vector
            else 0,
            by_first_sense=sum(
                answers[n] is not None and (system == FIRST or not lemma) for n, lemma in zip(chosen, seen, strict=True)
            ),
            reachable=sum(
                any(key in self.seen.counts.get(lemma, ()) for key in self.questions[n].gold)
                for n, lemma in zip(chosen, lemmas, strict=True)
            ),
        )
