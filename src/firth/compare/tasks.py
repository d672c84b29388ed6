"""The tasks that representations are compared on: names, parts of speech, classes of texts."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from firth.errors import DataError
from firth.events import Event, Listener
from firth.metrics import span_scores
from firth.protocols import Representation
from firth.tasks.classifier import Classifier
from firth.tasks.classifier import train as train_classifier
from firth.tasks.tagger import Tagger
from firth.tasks.tagger import train as train_tagger
from firth.text.spans import spans_of
from firth.text.tokenize import Tokenizer

if TYPE_CHECKING:
    from firth.compare.transfer import Transfer

__all__ = ["Classification", "Tagging", "Task"]

_RICHEST = 4  # a text belongs to the unseen where it is in the quarter with the greatest share of unseen words


def _ignore(event: Event) -> None:
    """Listen to nothing: the many trainings of a comparison tell nothing by themselves."""


class Task(Protocol):
    """Something to learn from labels."""

    name: str
    measure: str

    @property
    def n(self) -> int:
        """Number of labelled sentences to learn from."""
        ...

    @property
    def digest(self) -> str:
        """A fingerprint of the data."""
        ...

    def sentences(self) -> list[list[str]]:
        """Return all sentences, those of the test too."""
        ...

    def cell(  # noqa: PLR0917
        self,
        given: Sequence[Representation],
        chosen: Sequence[int],
        seed: int,
        config: Transfer,
        threads: int | None,
        device: str | None,
    ) -> dict[str, Any]:
        """Train on some sentences, and return ``n score unseen n_unseen layers``."""
        ...


class Tagging:
    """A label for each word: span F1 where labels mark spans, else accuracy.

    Parameters
    ----------
    name : str
    train, test : iterable of (words, labels)
    spans : bool
        Whether labels mark spans, as IOB and BIOES do.
    listen : callable, optional
    """

    def __init__(
        self, name: str, train: Iterable[Any], test: Iterable[Any], *, spans: bool, listen: Listener = _ignore
    ) -> None:
        from firth.tasks.tagger_data import gather, gather_like

        self.name, self.measure = name, "F1" if spans else "accuracy"
        self.spans = spans
        # The scheme is found in the whole text: a hundredth of it may not show which it is.
        self.train = gather(list(train), "auto" if spans else "none", "bioes", listen)
        if spans and self.train.scheme == "none":
            raise DataError(f"the labels of {name} mark no spans", expected="IOB or BIOES", remedy="use --pos")
        self.test = gather_like(list(test), "auto" if spans else "none", self.train, listen)

    @property
    def n(self) -> int:
        """Number of labelled sentences to learn from."""
        return len(self.train.sentences)

    @functools.cached_property
    def digest(self) -> str:
        """A fingerprint of the data."""
        from firth.tasks.word_sources import digest_of

        return "".join(digest_of(part.sentences, part.labels) for part in (self.train, self.test))

    def sentences(self) -> list[list[str]]:
        """Return all sentences, those of the test too."""
        return [*self.train.sentences, *self.test.sentences]

    def cell(  # noqa: PLR0917
        self,
        given: Sequence[Representation],
        chosen: Sequence[int],
        seed: int,
        config: Transfer,
        threads: int | None,
        device: str | None,
    ) -> dict[str, Any]:
        """Train on some sentences, and score the test."""
        data = [(self.train.sentences[n], self.train.labels[n]) for n in chosen]
        options = Tagger(
            hidden=config.hidden, characters=config.characters, batch=config.batch, seed=seed,
            epochs=config.epochs_for(len(chosen)), scheme=self.train.scheme, encoding="bioes", cache=config.cache,
            rate=config.tagger_rate,
            decoder="crf" if self.spans else "softmax",
        )  # fmt: skip
        made = train_tagger(
            data, options, representation=list(given), threads=threads, device=device, minutes=config.minutes
        )
        found = made.model.tag(self.test.sentences)
        known = {word for words, _ in data for word in words}
        score, unseen, n_unseen = self._scores(found, known)
        return {"n": len(chosen), "score": score, "unseen": unseen, "n_unseen": n_unseen, "layers": made.model.mixes}

    def _scores(self, found: Sequence[Sequence[str]], known: set[str]) -> tuple[float, float | None, int]:
        """Return the score, that of what has unseen words in it, and how many words, or spans, those are."""
        words, gold = self.test.sentences, self.test.labels
        if not self.spans:
            right = [
                (word in known, a == b)
                for sentence, labels, said in zip(words, gold, found, strict=True)
                for word, a, b in zip(sentence, labels, said, strict=True)
            ]
            new = [good for seen, good in right if not seen]
            return sum(g for _, g in right) / len(right), sum(new) / len(new) if new else None, len(new)
        wanted, said = ([spans_of(labels) for labels in some] for some in (gold, found))
        new_wanted, new_said = (
            [
                [span for span in spans if any(word not in known for word in sentence[span[0] : span[1]])]
                for sentence, spans in zip(words, some, strict=True)
            ]
            for some in (wanted, said)
        )
        n_new = sum(map(len, new_wanted))
        own = span_scores(new_wanted, new_said)["f1"] if n_new else None
        return span_scores(wanted, said)["f1"], own, n_new


class Classification:
    """A label for each text: accuracy.

    Parameters
    ----------
    name : str
    train, test : iterable of (text, label)
    tokenizer : str
    listen : callable, optional
    """

    measure = "accuracy"

    def __init__(
        self,
        name: str,
        train: Iterable[Any],
        test: Iterable[Any],
        *,
        tokenizer: str = "words",
        listen: Listener = _ignore,
    ) -> None:
        from firth.tasks.classifier_data import gather, gather_like

        how = Tokenizer.of(tokenizer)
        self.name = name
        self.train = gather(list(train), how, listen)
        self.test = gather_like(list(test), how, self.train, listen)
        if self.train.of_rows:
            raise DataError("representations are compared on texts, not on matrices")

    @property
    def n(self) -> int:
        """Number of labelled texts to learn from."""
        return len(self.train.texts)

    @functools.cached_property
    def digest(self) -> str:
        """A fingerprint of the data."""
        from firth.tasks.word_sources import digest_of

        parts = (self.train, self.test)
        return "".join(digest_of(part.texts, [[label] for label in part.labels]) for part in parts)

    def sentences(self) -> list[list[str]]:
        """Return all texts as words, those of the test too."""
        return [*self.train.texts, *self.test.texts]

    def cell(  # noqa: PLR0917
        self,
        given: Sequence[Representation],
        chosen: Sequence[int],
        seed: int,
        config: Transfer,
        threads: int | None,
        device: str | None,
    ) -> dict[str, Any]:
        """Train on some texts, and score the test."""
        part = self.train.part(chosen)
        options = Classifier(
            model=config.classifier, hidden=config.hidden, finetune="none", batch=config.batch, seed=seed,
            epochs=config.epochs_for(len(chosen)), pooling="mean-max" if config.classifier == "contextual" else None,
            cache=config.cache, rate=config.classifier_rate,
        )  # fmt: skip
        data = zip(part.texts, part.labels, strict=True)
        made = train_classifier(
            data, options, representation=list(given), threads=threads, device=device, minutes=config.minutes
        )
        right = np.array(made.model.predict(self.test.texts)) == np.array(self.test.labels)
        known = {word for text in part.texts for word in text}
        share = np.array([sum(word not in known for word in text) / max(len(text), 1) for text in self.test.texts])
        richest = np.argsort(-share, kind="stable")[: max(1, len(share) // _RICHEST)]
        return {
            "n": len(chosen), "score": float(right.mean()), "unseen": float(right[richest].mean()),
            "n_unseen": len(richest), "layers": made.model.mixes,
        }  # fmt: skip
