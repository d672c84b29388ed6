"""Maximum entropy language models: n-gram features, word classes, exact gradients.

Rosenfeld 1996, "A maximum entropy approach to adaptive statistical language modeling"; Goodman 2001, "Classes for fast
maximum entropy training"; Wu and Khudanpur 2000 for the sums; Chen 2009, "Shrinking exponential language models", for
the penalties and for features of classes and words together. ``docs/maxent.md`` teaches it.
"""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import numpy as np

from firth.config import Config, cpu_threads, option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import EpochEnd, Listener, Notice, Progress
from firth.lm.context_tree import Grown, grow
from firth.lm.lexicon import Lexicon, cut_lexicon
from firth.lm.loglinear import LogLinear, Penalty, finished, fit
from firth.lm.maxent_model import MaxEntModel, class_contexts, histories, word_contexts
from firth.lm.owlqn import Step
from firth.lm.perplexity import Perplexity
from firth.lm.word_classes import exchange_classes
from firth.protocols import Float64, Int32
from firth.text.corpus import Corpus, as_corpus

__all__ = ["Fitted", "MaxEnt", "train"]

_PATIENCE = 2  # looks at the held-out text without a gain, before the search stops
_LOOK = 5  # steps between looks


@dataclasses.dataclass(frozen=True)
class MaxEnt(Config):
    """Options of a maximum entropy language model.

    Examples
    --------
    >>> MaxEnt(order=3).classes
    200
    """

    order: int = option(5, "words of the longest n-gram features", minimum=1, maximum=10)
    classes: int = option(200, "word classes that the text is clustered into; 0: none", minimum=0, maximum=10000)
    sweeps: int = option(15, "rounds of clustering at most", minimum=0, maximum=1000)
    cutoffs: tuple[int, ...] = option(
        (), "times that a feature must be seen, by depth of its context from 1; the last for deeper ones"
    )
    l1: float = option(0.5, "penalty of a weight's size, on the scale of counts", minimum=0, maximum=1e6)
    l2: float = option(1 / 6, "penalty of half a weight's square, on the scale of counts", minimum=0, maximum=1e6)
    iterations: int = option(40, "steps of the search at most", minimum=1, maximum=100000)
    tolerance: float = option(1e-5, "part of the loss that a step must take off", minimum=0, maximum=1)
    min_count: int = option(1, "rarer words are <unk>", minimum=1)
    max_vocab: int | None = option(None, "only so many of the most frequent words", minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = all(type(cut) is int and 1 <= cut < 1 << 31 for cut in self.cutoffs)
        if not whole or list(self.cutoffs) != sorted(self.cutoffs):
            raise ConfigError("cutoffs is unfit", got=self.cutoffs, expected="whole numbers from 1 that don't fall")


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What training gives.

    Attributes
    ----------
    model : MaxEntModel
    config : MaxEnt
    seconds : float
        Time spent, without reading the text.
    features : int
        Features that were weighed; the model keeps those whose weight is not 0.
    losses : tuple of float
        Mean loss of each log-linear model, penalties included: of classes, and of words.
    heldout : Perplexity or None
        Of the held-out text.
    """

    model: MaxEntModel
    config: MaxEnt
    seconds: float
    features: int
    losses: tuple[float, ...]
    heldout: Perplexity | None


def train(
    data: Any,
    config: MaxEnt | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Corpus | None = None,
) -> Fitted:
    """Fit a maximum entropy language model to ``data``.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
        The text; what is no corpus is read by :func:`firth.text.corpus.as_corpus` with its defaults.
    config : MaxEnt, optional
    threads : int, optional
        All processors by default. The result does not depend on it.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    heldout : Corpus, optional
        A text that the search is stopped by when it gets worse there, at the best weights so far.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, or no word is left after the cut.

    Examples
    --------
    >>> text = ["I like milk", "I like tea", "you like milk", "you drink tea"]
    >>> model = train(text, MaxEnt(order=3, classes=0, l1=0.01, l2=0.01)).model
    >>> model.next_words(["I"], 1)[0][0]
    'like'
    """
    config, tell = config or MaxEnt(), listen or (lambda event: None)
    workers = cpu_threads(threads)
    corpus = as_corpus(data, threads=threads, listen=listen)
    lexicon = cut_lexicon(corpus, config.min_count, config.max_vocab, tell)
    began = time.monotonic()
    ids = lexicon.whole(corpus).ids
    held = None if heldout is None else lexicon.whole(heldout).ids
    run = _Run(config, lexicon, ids, held, workers, tell, began)
    parts, classes, losses, features = run.fitted()
    options = to_dict(config)
    metadata = {"model": "maxent", "options": options, "corpus": corpus.digest, "tokenizer": corpus.tokenizer}
    of_classes = parts[0] if len(parts) > 1 else None
    model = MaxEntModel(lexicon, config.order, parts[-1], of_classes=of_classes, classes=classes, metadata=metadata)
    seconds = time.monotonic() - began
    found = None
    if heldout is not None:
        found = model.perplexity(heldout)
        tell(Notice(f"perplexity of the held-out text: {found.with_unknown:.2f}"))
    return Fitted(model, config, seconds, features, tuple(losses), found)


@dataclasses.dataclass
class _Run:
    config: MaxEnt
    lexicon: Lexicon
    ids: Int32
    held: Int32 | None
    threads: int
    tell: Listener
    began: float
    steps: int = 0

    def fitted(self) -> tuple[list[LogLinear], Int32 | None, list[float], int]:
        """Return the log-linear models, the classes, the losses and the number of features weighed."""
        config, lexicon = self.config, self.lexicon
        n = lexicon.n_outputs
        classes = None if not config.classes else exchange_classes(self.ids, lexicon, config.classes, config.sweeps)
        roots = np.zeros(len(lexicon), np.int32) if classes is None else classes
        texts = [self.ids] if self.held is None else [self.ids, self.held]
        pasts = [histories(ids, (lexicon.bos,), config.order, lexicon)[0] for ids in texts]
        parts: list[LogLinear] = []
        losses: list[float] = []
        features = 0
        if classes is not None:
            every = np.arange(int(classes[:n].max()) + 1, dtype=np.int32)
            contexts = [class_contexts(past, classes) for past in pasts]
            targets = [classes[ids] for ids in texts]
            self._add(parts, losses, contexts, targets, (np.zeros_like(every), every))
            features += self._weighed
        order = np.lexsort((np.arange(n), roots[:n]))
        allowed = roots[:n][order], np.arange(n, dtype=np.int32)[order]
        contexts = [word_contexts(past, roots[ids]) for past, ids in zip(pasts, texts, strict=True)]
        self._add(parts, losses, contexts, texts, allowed)
        return parts, classes, losses, features + self._weighed

    def _add(self, parts: list[LogLinear], losses: list[float], contexts: Any, targets: Any, allowed: Any) -> None:
        grown = grow(contexts[0], targets[0], allowed, self.config.cutoffs)
        self._weighed = grown.tree.n_features
        stop = _Stopper(self, grown, contexts[1:], targets[1:])
        config = self.config
        found = fit(
            grown, Penalty(config.l1, config.l2), iterations=config.iterations, tolerance=config.tolerance,
            threads=self.threads, watch=stop,
        )  # fmt: skip
        if not math.isfinite(found.value):
            raise DataError("training diverged: the loss is no longer a number", remedy="raise --l2")
        losses.append(found.value)
        parts.append(finished(grown, found.weights if stop.best is None else stop.best))


class _Stopper:
    """Tells of every step, and ends the search where the held-out text gets worse."""

    def __init__(self, run: _Run, grown: Grown, contexts: Any, targets: Any) -> None:
        self.run, self.grown = run, grown
        self.held = (np.stack(contexts[0], axis=1), targets[0]) if contexts else None
        self.best: Float64 | None = None
        self.least, self.worse = math.inf, 0

    def __call__(self, step: Step) -> bool:
        run = self.run
        run.steps += 1
        seconds, n = time.monotonic() - run.began, len(run.ids)
        models = 2 if run.config.classes else 1
        total = models * run.config.iterations
        speed = run.steps * n / max(seconds, 1e-9)
        eta = (total - run.steps) * n / speed
        run.tell(Progress(run.steps * n, total * n, run.steps, total, speed, step.value, 0.0, eta))
        if self.held is None or step.iteration % _LOOK:
            return False
        loss = self._loss(step.weights)
        run.tell(EpochEnd(run.steps, step.value, loss, seconds))
        if loss < self.least:
            self.least, self.best, self.worse = loss, step.weights.copy(), 0
        else:
            self.worse += 1
        return self.worse >= _PATIENCE

    def _loss(self, weights: Float64) -> float:
        contexts, targets = self.held or (np.zeros((0, 1), np.int32), np.zeros(0, np.int32))
        out = np.zeros(len(targets))
        finished(self.grown, weights).add_log_probs(contexts, targets, out, self.run.threads)
        return -float(out.mean()) if len(out) else 0.0
