"""Maximum entropy classification of words in context (Berger, Della Pietra and Della Pietra 1996; Ratnaparkhi 1996).

Is *watch* a verb or a noun here? Any property of the sentence around it may be a feature; training finds the weights
that make the labels likeliest, with L1 and L2. ``docs/maxent.md`` teaches it.
"""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Iterable, Sequence

import numpy as np

from firth.config import Config, option, to_dict
from firth.errors import DataError
from firth.events import EpochEnd, Listener, Notice
from firth.lm.owlqn import Step
from firth.protocols import Float64, Sentence
from firth.tasks.feature_templates import DEFAULT_TEMPLATES, parse_templates
from firth.tasks.maxent_classifier import BIAS, FeatureFunction, MaxEntClassifier, name_of, sparse
from firth.tasks.maxent_fit import Examples, fit_adagrad, fit_lbfgs

__all__ = ["Classified", "MaxEntClassify", "gather", "train"]


@dataclasses.dataclass(frozen=True)
class MaxEntClassify(Config):
    """Options of a maximum entropy classifier.

    Examples
    --------
    >>> MaxEntClassify(l2=0.1).algorithm
    'lbfgs'
    """

    templates: tuple[str, ...] = option(DEFAULT_TEMPLATES, "feature template, such as 'w[-1]&suffix2[0]'; repeatable")
    algorithm: str = option("lbfgs", "on all examples at once, or on a few at a time", choices=("lbfgs", "adagrad"))
    l1: float = option(0.0, "penalty of a weight's size, on the scale of counts", minimum=0, maximum=1e6)
    l2: float = option(0.2, "penalty of half a weight's square, on the scale of counts", minimum=0, maximum=1e6)
    min_count: int = option(1, "leave out features that fewer examples have", minimum=1)
    iterations: int = option(100, "steps of lbfgs at most", minimum=1, maximum=100000)
    tolerance: float = option(1e-3, "part of the loss that a step of lbfgs must take off", minimum=0, maximum=1)
    epochs: int = option(10, "times over the examples, for adagrad", minimum=1, maximum=10000)
    rate: float = option(0.5, "learning rate of adagrad", minimum=1e-6, maximum=100)
    seed: int = option(1, "seed of the order of examples, for adagrad", minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_templates(self.templates)


@dataclasses.dataclass(frozen=True)
class Classified:
    """What training gives: the ``model``, its ``config``, seconds, examples and the features weighed."""

    model: MaxEntClassifier
    config: MaxEntClassify
    seconds: float
    n_examples: int
    n_features: int


def train(
    data: Iterable[tuple[Sentence, Sequence[str | None]]],
    config: MaxEntClassify | None = None,
    *,
    functions: Sequence[FeatureFunction] = (),
    threads: int = 1,
    listen: Listener | None = None,
) -> Classified:
    """Fit a classifier to labelled words.

    Parameters
    ----------
    data : iterable of (words, labels)
        Sentences, with a label for each word; None for words that are no examples.
    config : MaxEntClassify, optional
    functions : sequence of callable
        Features of your own: from sentence and position to their names, or to a mapping from names to values.
    threads : int
        Of the search's own sums.
    listen : callable, optional
        Gets the loss after each step.

    Raises
    ------
    DataError
        When there are no examples, or labels and words differ in number.

    Examples
    --------
    >>> text = [("我 吃 苹果", "r v n"), ("他 吃 梨", "r v n"), ("我 看 书", "r v n")]
    >>> data = [(words.split(), labels.split()) for words, labels in text]
    >>> train(data, MaxEntClassify(l2=0.1)).model.predict("他 看 苹果".split())
    ['r', 'v', 'n']
    """
    config, tell = config or MaxEntClassify(), listen or (lambda event: None)
    began = time.monotonic()
    examples, features, labels = gather(data, config, functions)
    if len(labels) < 2:
        tell(Notice(f"every example has the label {labels[0]!r}"))
    weights = _fitted(examples, config, threads, tell, began)
    kept = np.flatnonzero(weights.any(axis=1))
    metadata = {"model": "maxent-classifier", "options": to_dict(config)}
    model = MaxEntClassifier(
        [features[int(row)] for row in kept], labels, weights[kept].astype(np.float32),
        templates=config.templates, functions=functions, metadata=metadata,
    )  # fmt: skip
    return Classified(model, config, time.monotonic() - began, len(examples.labels), len(features))


def gather(
    data: Iterable[tuple[Sentence, Sequence[str | None]]], config: MaxEntClassify, functions: Sequence[FeatureFunction]
) -> tuple[Examples, list[str], list[str]]:
    """Return the examples, and the names of their features and labels."""
    if len({name_of(function) for function in functions}) < len(functions):
        raise DataError("two functions have one name", got=", ".join(map(name_of, functions)))
    templates = parse_templates(config.templates)
    columns: dict[str, int] = collections.defaultdict(lambda: len(columns))
    classes: dict[str, int] = collections.defaultdict(lambda: len(classes))
    indices: list[int] = []
    values: list[float] = []
    ends, wanted = [0], []
    for words, labels in data:
        if len(words) != len(labels):
            raise DataError("words and labels differ in number", got=f"{len(words)} and {len(labels)}")
        for position, label in enumerate(labels):
            if label is None:
                continue
            held = sparse(templates, functions, words, position)
            indices += (columns[name] for name in held)
            values += held.values()
            ends.append(len(indices))
            wanted.append(classes[label])
    if not wanted:
        raise DataError("there are no examples", remedy="give sentences with labelled words")
    from scipy.sparse import csr_array

    names, order = list(columns), sorted(classes)  # labels by name, so that files compare
    places = np.array([order.index(label) for label in classes], np.int32)
    table = csr_array((np.array(values), np.array(indices, np.int64), np.array(ends)), shape=(len(wanted), len(names)))
    kept = np.bincount(table.indices, minlength=len(names)) >= config.min_count
    kept[names.index(BIAS)] = True
    examples = Examples(table[:, np.flatnonzero(kept)], places[np.array(wanted)], len(order))
    return examples, [name for name, keep in zip(names, kept, strict=True) if keep], order


def _fitted(examples: Examples, config: MaxEntClassify, threads: int, tell: Listener, began: float) -> Float64:
    if config.algorithm == "adagrad":

        def told(epoch: int, loss: float) -> None:
            tell(EpochEnd(epoch, loss, None, time.monotonic() - began))

        return fit_adagrad(
            examples, config.l1, config.l2, epochs=config.epochs, rate=config.rate, seed=config.seed, watch=told
        )

    def watch(step: Step) -> bool:
        tell(EpochEnd(step.iteration, step.value, None, time.monotonic() - began))
        return False

    return fit_lbfgs(
        examples, config.l1, config.l2, iterations=config.iterations, tolerance=config.tolerance, threads=threads,
        watch=watch,
    )  # fmt: skip
