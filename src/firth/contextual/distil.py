"""Word vectors out of a model of words in context: one vector a word, for programs that want no more.

Two ways: each word is read alone, which needs no text (Reimers and Gurevych's models are distilled so by model2vec), or
its vectors are averaged over the sentences of a text that it stands in (Bommasani et al. 2020, "Interpreting Pretrained
Contextualized Representations via Reductions to Static Embeddings", ACL 2020, section 3.2), which tells more.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.config import Config, option, to_dict
from firth.errors import DataError
from firth.events import Listener, Notice
from firth.protocols import Contextual, Float32
from firth.text.corpus import Corpus, as_corpus_like
from firth.vectors.project import project
from firth.vectors.static import Vectors

__all__ = ["Distil", "distil", "zipf_weights"]

_TELL = 10_000  # sentences, or words, between two notices


@dataclasses.dataclass(frozen=True)
class Distil(Config):
    """Options of a distillation.

    Examples
    --------
    >>> Distil(layer=2).most
    100
    """

    layer: int | None = option(None, "the layer that is taken, -1 the top; the model's mix if left out")
    most: int = option(100, "occurrences of a word that are averaged, spread over the text", minimum=1)
    min_count: int = option(5, "leave out rarer words of the text", minimum=1)
    max_vocab: int | None = option(None, "keep at most so many words, the most frequent", minimum=1)
    dim: int | None = option(None, "components that are kept, by PCA; all, and nothing centred, if left out", minimum=1)
    weighting: str = option("none", "shorten the vectors of frequent words, for means of sentences",
                            choices=("none", "zipf"))  # fmt: skip
    smooth: float = option(1e-4, "a of the weights a / (a + p)", minimum=1e-12, maximum=1)


def distil(
    model: Contextual,
    *,
    text: Any = None,
    words: Iterable[str] | None = None,
    options: Distil | None = None,
    listen: Listener | None = None,
) -> Vectors:
    """Return one vector a word.

    Parameters
    ----------
    model : Contextual
        An ELMo, a BERT, or any other representation of words in context.
    text : Corpus, path, or iterable of str or token lists, optional
        A word's vectors are averaged over its occurrences. What is no corpus is read as the model's text was.
    words : iterable of str, optional
        Without a text: the words, each read alone; by default those that the model knows by name, such as an ELMo's
        lexicon or the pieces of a BERT that are words, the frequent ones first where that is known.
    options : Distil, optional
    listen : Listener, optional
        Hears how far it is, and what the model tells of its reading.

    Raises
    ------
    DataError
        When there are no words, or a text and words are both given.
    ConfigError
        When there is no such layer, or fewer components than asked for.

    Examples
    --------
    >>> class Lengths:  # a model of one layer
    ...     dim, n_layers = 1, 1
    ...     def stream(self, sentences, *, mixed=False, batch_tokens=1, listen=None):
    ...         for sentence in sentences:
    ...             yield np.array([[len(sentence) + len(word)] for word in sentence], np.float32)
    >>> text = [["a", "bb"], ["a"]]
    >>> vectors = distil(Lengths(), text=text, options=Distil(min_count=1))
    >>> [(word, vectors[word].tolist()) for word in vectors.words]
    [('a', [2.5]), ('bb', [4.0])]
    """
    options = options or Distil()
    if options.layer is not None:
        model = model.with_mix(options.layer)
    tell = listen or _nobody
    if text is not None:
        if words is not None:
            raise DataError("words come from the text", remedy="leave words out, or text")
        made = getattr(model, "metadata", {}).get("tokenizer")
        corpus = as_corpus_like(text, made if isinstance(made, dict) else None)
        names, counts, matrix = _averaged(model, corpus, options, tell)
    else:
        names = list(dict.fromkeys(_known(model) if words is None else words))
        counts = None
        names = names[: options.max_vocab]
        if not names:
            raise DataError("there are no words to distil", remedy="give a text, or words")
        matrix = _alone(model, names, tell)
    source = getattr(model, "metadata", {})
    made = {"model": "distilled", "options": to_dict(options), "way": "alone" if text is None else "occurrences"}
    made |= {key: source[name] for key, name in (("source", "model"), ("tokenizer", "tokenizer")) if name in source}
    return Vectors(names, _finished(matrix, counts, options), counts=counts, metadata=made)


def _nobody(event: object) -> None:
    """Tell nobody."""


def _finished(matrix: Float32, counts: NDArray[np.int64] | None, options: Distil) -> Float32:
    """Return vectors cut to the components and weighted as the options say."""
    if options.dim is not None:
        matrix = project(matrix, dim=options.dim)
    if options.weighting == "zipf":
        matrix = matrix * zipf_weights(len(matrix), counts, options.smooth)[:, None]
    return matrix


def zipf_weights(n: int, counts: NDArray[np.int64] | None = None, smooth: float = 1e-4) -> Float32:
    """Return a / (a + p) for words of probability p (Arora, Liang and Ma 2017, section 3).

    Parameters
    ----------
    n : int
        Words, the most frequent first.
    counts : ndarray of int64, shape (n,), optional
        Without them Zipf's law stands for p, 1 / (rank + 1) to a sum of 1, as in model2vec.
    smooth : float
        a: words rarer than this keep most of their length.

    Examples
    --------
    >>> zipf_weights(2, np.array([3, 1]), 0.25).tolist()
    [0.25, 0.5]
    """
    shares = 1.0 / np.arange(2, n + 2) if counts is None else counts.astype(np.float64)
    shares = shares / max(shares.sum(), 1e-300)
    return np.asarray(smooth / (smooth + shares), np.float32)


def _known(model: Any) -> list[str]:
    """Return the words that a model knows by name."""
    lexicon, pieces = getattr(model, "lexicon", None), getattr(model, "pieces", None)
    if lexicon is not None:
        return list(lexicon.vocab.words[: lexicon.n_outputs - 2])
    if pieces is None:
        return []
    numbers = np.flatnonzero(pieces.begin_words)
    counts = getattr(model, "counts", None)
    if counts is not None:
        numbers = numbers[np.argsort(-counts[numbers], kind="stable")]
    return [word for word in (pieces.written([piece]).strip() for piece in numbers.tolist()) if word]


def _alone(model: Contextual, names: Sequence[str], tell: Listener) -> Float32:
    found = model.stream(([word] for word in names), mixed=True, listen=tell)  # type: ignore[call-arg]
    matrix = np.empty((len(names), model.dim), np.float32)
    for number, vectors in enumerate(found):
        matrix[number] = vectors[0]
        if number % _TELL == _TELL - 1:
            tell(Notice(f"{number + 1:,} of {len(names):,} words"))
    return matrix


def _averaged(
    model: Contextual, corpus: Corpus, options: Distil, tell: Listener
) -> tuple[list[str], NDArray[np.int64], Float32]:
    """Return words, their counts and their mean vectors."""
    counts = np.asarray(corpus.vocab.counts, np.int64)
    n = int(np.count_nonzero(counts >= options.min_count))  # counts descend
    n = n if options.max_vocab is None else min(n, options.max_vocab)
    if not n:
        raise DataError(
            "no word is frequent enough", got=f"the most frequent occurs {counts[0] if len(counts) else 0} times",
            remedy="lower --min-count",
        )  # fmt: skip
    quota = _Quota(counts[:n], options.most)
    sums, seen = np.zeros((n, model.dim)), np.zeros(n, np.int64)
    chosen, sentences = itertools.tee(quota.sentences(corpus))
    texts = (sentence for sentence, _, _ in sentences)
    found = model.stream(texts, mixed=True, listen=tell)  # type: ignore[call-arg]
    for number, ((_, words, places), vectors) in enumerate(zip(chosen, found, strict=True), 1):
        np.add.at(sums, words, vectors[places])
        np.add.at(seen, words, 1)
        if number % _TELL == 0:
            tell(Notice(f"{number:,} sentences, {seen.sum() / quota.total:.0%} of the occurrences"))
    matrix = (sums / np.maximum(seen, 1)[:, None]).astype(np.float32)
    return [corpus.vocab.words[i] for i in range(n)], counts[:n], matrix


class _Quota:
    """Takes of every word so many occurrences, spread over the text: of c the j-th where (j most) mod c < most."""

    def __init__(self, counts: NDArray[np.int64], most: int) -> None:
        self.counts, self.most = counts, most
        self.met = np.zeros(len(counts), np.int64)
        self.total = max(1, int(np.minimum(counts, most).sum()))

    def sentences(self, corpus: Corpus) -> Iterator[tuple[list[str], NDArray[np.int64], NDArray[np.int64]]]:
        """Yield sentences that have an occurrence to take, with the words' numbers and where they stand."""
        begin = 0
        for end in corpus.ends.tolist():
            ids = np.asarray(corpus.ids[begin:end], np.int64)
            begin = end
            places = np.flatnonzero(ids < len(self.counts))
            kept = [
                place for place, word in zip(places.tolist(), ids[places].tolist(), strict=True) if self._take(word)
            ]
            if kept:
                taken = np.array(kept)
                yield [corpus.vocab.words[i] for i in ids.tolist()], ids[taken], taken

    def _take(self, word: int) -> bool:
        count, before = int(self.counts[word]), int(self.met[word])
        self.met[word] += 1
        return count <= self.most or before * self.most % count < self.most
