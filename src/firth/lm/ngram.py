"""Estimating n-gram language models: counts, smoothing, pruning."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

from firth.config import Config, cpu_threads, option, to_dict
from firth.errors import ConfigError
from firth.events import Listener, Notice
from firth.lm.lexicon import Lexicon, cut_lexicon
from firth.lm.ngram_counts import Counting, NGramCounts, count
from firth.lm.ngram_model import NGramModel
from firth.lm.ngram_prune import keep_only, prune_by_entropy
from firth.lm.ngram_room import Room
from firth.lm.ngram_smoothing import SMOOTHINGS, Discounts, Smoothing, estimate
from firth.lm.ngram_table import NGramTable
from firth.lm.perplexity import Perplexity
from firth.text.corpus import Corpus, as_corpus

__all__ = ["Estimated", "NGram", "train"]

_MB = 1 << 20


@dataclasses.dataclass(frozen=True)
class NGram(Config):
    """Options of an n-gram model.

    Examples
    --------
    >>> NGram(order=3).smoothing
    'modified-kneser-ney'
    """

    order: int = option(5, "words of the longest n-grams", minimum=1, maximum=8)
    smoothing: str = option("modified-kneser-ney", "what unseen n-grams get", choices=SMOOTHINGS)
    k: float = option(1.0, "what add-k adds to each count", minimum=0)
    fallback_discounts: tuple[float, ...] = option(
        (), "one discount, or three (of counts of 1, 2, 3 and more), where the text gives none; KenLM's are 0.5 1 1.5"
    )
    prune: tuple[int, ...] = option(
        (), "drop n-grams that occur so often or less: a number per order from 1 on, ascending, the last for all above"
    )
    prune_entropy: float = option(
        0.0, "drop n-grams whose loss raises the perplexity by a smaller share, such as 1e-8", minimum=0
    )
    min_count: int = option(1, "words that occur less often are <unk>", minimum=1)
    max_vocab: int | None = option(None, "keep at most so many words, the most frequent", minimum=1)
    memory: int = option(4096, "MB of memory to use; what has no room goes to temporary files", minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.smoothing == "add-k" and self.k == 0:
            raise ConfigError("k is too small", got=self.k, expected="more than 0", remedy="add-k with 0 is mle")
        self._check_discounts()
        self._check_prune()

    def _check_discounts(self) -> None:
        values = tuple(float(d) if _number(d) else math.nan for d in self.fallback_discounts)
        if len(values) not in (0, 1, 3) or not all(0 <= d <= c for d, c in zip(values, (1, 2, 3), strict=False)):
            expected = "one number from 0 to 1, or three up to 1, 2 and 3"
            raise ConfigError("fallback_discounts is unfit", got=self.fallback_discounts, expected=expected)
        object.__setattr__(self, "fallback_discounts", values)

    def _check_prune(self) -> None:
        values = self.prune
        whole = all(isinstance(t, int) and not isinstance(t, bool) and 0 <= t < 1 << 32 for t in values)
        if not whole or len(values) > self.order or list(values) != sorted(values):
            expected = f"at most {self.order} whole numbers, none below the one before it"
            raise ConfigError("prune is unfit", got=values, expected=expected)
        if values and values[0]:
            raise ConfigError(
                "prune cannot drop single words", got=values, expected="0 first", remedy="raise --min-count"
            )

    @property
    def thresholds(self) -> tuple[int, ...]:
        """Of every order; empty where nothing is dropped by count."""
        return self.prune + self.prune[-1:] * (self.order - len(self.prune)) if any(self.prune) else ()


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@dataclasses.dataclass(frozen=True)
class Estimated:
    """What estimating gives.

    Attributes
    ----------
    model : NGramModel
    config : NGram
    seconds : float
        Time spent, without reading the text.
    discounts : tuple of (float, float, float)
        By order, what counts of 1, 2, and 3 or more are lowered by; zeros for a smoothing without discounts.
    spilled : int
        Bytes that went to temporary files.
    heldout : Perplexity or None
        Of the held-out text.
    """

    model: NGramModel
    config: NGram
    seconds: float
    discounts: tuple[Discounts, ...]
    spilled: int
    heldout: Perplexity | None


def train(
    data: Any,
    config: NGram | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Corpus | None = None,
) -> Estimated:
    """Estimate an n-gram model of ``data``.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
        The text; what is no corpus is read by :func:`firth.text.corpus.as_corpus` with its defaults.
    config : NGram, optional
    threads : int, optional
        All processors by default. The result depends neither on it nor on ``memory``.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    heldout : Corpus, optional
        A text whose perplexity is told.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, no word is left after the cut, or a discount cannot be estimated.

    Examples
    --------
    >>> found = train(["a rose is a rose", "a rose is red"], NGram(order=2, smoothing="witten-bell"), threads=1)
    >>> [(word, round(p, 3)) for word, p in found.model.next_words(["a"], 2)]
    [('rose', 0.81), ('a', 0.06)]
    """
    config, tell = config or NGram(), listen or (lambda event: None)
    workers = cpu_threads(threads)
    corpus = as_corpus(data, threads=threads, listen=listen)
    lexicon = cut_lexicon(corpus, config.min_count, config.max_vocab, tell)
    began = time.monotonic()
    room = Room(config.memory * _MB)
    how = Counting(config.order, workers, config.memory * _MB // 2, tell)
    counts = count(corpus, lexicon, how, room)
    spilled = counts.spilled
    table, discounts = _estimated(counts, config, lexicon, how, room)
    options = {name: value for name, value in to_dict(config).items() if name != "memory"}  # it changes nothing
    metadata = {"model": "ngram", "options": options, "corpus": corpus.digest, "tokenizer": corpus.tokenizer}
    model = NGramModel(lexicon, table, metadata)
    seconds = time.monotonic() - began
    found = None
    if heldout is not None:
        found = model.perplexity(heldout)
        tell(Notice(f"perplexity of the held-out text: {found.with_unknown:.2f}"))
    return Estimated(model, config, seconds, tuple(discounts), spilled + room.filed, found)


def _estimated(
    counts: NGramCounts, config: NGram, lexicon: Lexicon, how: Counting, room: Room
) -> tuple[NGramTable, list[Discounts]]:
    if counts.order < config.order:
        how.listen(Notice(f"no sentence has n-grams of more than {counts.order} words: that is the order of the model"))
    table, keep, discounts = estimate(
        counts,
        Smoothing(config.smoothing, config.k if config.smoothing == "add-k" else 0.0, config.fallback_discounts),
        n_outputs=lexicon.n_outputs,
        thresholds=config.thresholds[: counts.order],
        threads=how.threads,
        room=room,
        listen=how.listen,
    )
    total = sum(table.counts())
    if keep:
        table = keep_only(table, keep)
    if config.prune_entropy:
        table = prune_by_entropy(table, config.prune_entropy, bos=lexicon.bos, eos=lexicon.eos)
    if sum(table.counts()) < total:
        how.listen(Notice(f"{total - sum(table.counts()):,} of {total:,} n-grams dropped"))
    return table, discounts
