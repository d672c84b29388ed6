"""A text classifier over any representation: averaged vectors, a CNN, a BiLSTM, or a contextual model that learns on.

Kim 2014 (the CNN); Wang and Manning 2012 (log-count ratios); Arora, Liang and Ma 2017 (weights of words); Howard and
Ruder 2018 and Peters et al. 2018 for contextual models. ``docs/classification.md`` teaches it. Nothing here needs torch
before a net is trained, and ``average`` needs none at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.config import option
from firth.errors import ConfigError
from firth.events import Listener
from firth.nn.schedule import Schooling
from firth.text.tokenize import TOKENIZERS

if TYPE_CHECKING:
    from firth.protocols import Representation
    from firth.tasks.classifier_model import ClassifierModel

__all__ = ["MODELS", "POOLINGS", "Classifier", "Trained", "train"]

MODELS = ("average", "cnn", "lstm", "contextual")
POOLINGS = {
    "average": ("mean", "max", "mean-max"),
    "cnn": ("max",),
    "lstm": ("max", "mean", "mean-max", "last", "attention"),
    "contextual": ("mean", "max", "mean-max", "last", "attention"),
}


@dataclasses.dataclass(frozen=True)
class Classifier(Schooling):
    """Options of a text classifier.

    Examples
    --------
    >>> Classifier(model="lstm").pooled, Classifier().pooled
    ('max', 'mean')
    """

    model: str = option("average", "what reads the vectors of a text", choices=MODELS)
    tokenizer: str = option("words", "how a text becomes words", choices=TOKENIZERS)
    lower: bool = option(False, "lower-case the text")
    pooling: str | None = option(
        None, "how vectors of words become one; by default max for cnn and lstm, else mean",
        choices=("mean", "max", "mean-max", "last", "attention"),
    )  # fmt: skip
    weighting: str = option(
        "none", "average: of words in the mean, by inverse document frequency or smooth inverse frequency",
        choices=("none", "idf", "sif"),
    )  # fmt: skip
    ngrams: int = option(0, "average: n-grams up to so long as features beside; 0 for none", minimum=0, maximum=10)
    l2: float | None = option(
        None, "average: penalty of half a weight's square, on the scale of counts; chosen by held-out texts where not "
        "given", minimum=0, maximum=1e9,
    )  # fmt: skip
    widths: tuple[int, ...] = option((3, 4, 5), "cnn: words that a filter sees")
    maps: int = option(100, "cnn: filters of each width", minimum=1, maximum=100_000)
    hidden: int = option(150, "lstm: cells of each LSTM", minimum=1, maximum=100_000)
    layers: int = option(1, "lstm: bidirectional LSTMs", minimum=1, maximum=100)
    mix: bool = option(True, "learn the weights of a contextual model's layers, where it does not learn on")
    mix_penalty: float = option(0.0, "weight of those weights' squares in the loss", minimum=0, maximum=1000)
    finetune: str = option(
        "auto", "which vectors are trained on; both keeps static ones beside their trained selves; auto is static for "
        "cnn and lstm, contextual for contextual", choices=("auto", "none", "static", "both", "contextual", "all"),
    )  # fmt: skip
    finetune_scale: float = option(
        0.1, "factor of the learning rate of a contextual model that is trained on", minimum=0, maximum=1000
    )
    dim: int = option(100, "length of word vectors to learn, where none are given", minimum=1, maximum=100_000)
    case: str = option("fallback", "look words up as written and else lower-cased", choices=("fallback", "exact"))
    dropout: float = option(0.5, "share of a text's vector left out", minimum=0, maximum=0.99)
    word_dropout: float = option(0.0, "words whose vectors are left out in training", minimum=0, maximum=0.99)
    max_norm: float = option(3.0, "longest vector of a label's weights in a net; 0 is no limit", minimum=0)
    calibrate: bool = option(False, "fit a temperature of the probabilities to the held-out texts")
    cache: float = option(2.0, "GB of memory for frozen contextual vectors; more goes to disk", minimum=0, maximum=1e6)
    batch: int = option(50, "texts trained together", minimum=1, maximum=1 << 20)
    clip: float = option(1.0, "longest gradient, in its 2-norm; 0 is no limit", minimum=0)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling is not None and self.pooling not in POOLINGS[self.model]:
            expected = "one of " + ", ".join(POOLINGS[self.model])
            raise ConfigError("pooling does not go with the model", got=f"{self.pooling}, {self.model}",
                              expected=expected)  # fmt: skip
        widths = self.widths
        if not widths or not all(type(width) is int and 1 <= width <= 1000 for width in widths):
            raise ConfigError("widths are no filters", got=widths, expected="numbers of words, such as (3, 4, 5)")
        if len(set(widths)) < len(widths):
            raise ConfigError("widths has one twice", got=widths)

    @property
    def pooled(self) -> str:
        """How vectors of words become one."""
        return self.pooling or ("max" if self.model in ("cnn", "lstm") else "mean")

    @property
    def tuned(self) -> str:
        """Which vectors are trained on."""
        if self.finetune != "auto":
            return self.finetune
        return {"average": "none", "contextual": "contextual"}.get(self.model, "static")


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : ClassifierModel
    config : Classifier
    losses : tuple of float
        Mean loss of a text in each epoch, with dropout; of ``average`` with each penalty that was tried, and last with
        the one that is kept.
    heldout : tuple of float or None
        1 - accuracy of the held-out texts then; of ``average`` their mean loss.
    seconds : float
        Time of training, in all runs of the job.
    """

    model: ClassifierModel
    config: Classifier
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    seconds: float


def train(
    data: Any,
    config: Classifier | None = None,
    *,
    representation: Representation | Sequence[Representation] = (),
    heldout: Any = None,
    threads: int | None = None,
    listen: Listener | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    device: str | None = None,
) -> Trained:
    """Train a text classifier.

    Parameters
    ----------
    data : path, list of paths, iterable of (text, label), or (matrix, labels)
        Files as :func:`firth.text.labelled.read_labelled` reads them. A text is a str, a list of tokens, or an array of
        given features, one row or several. A matrix (n, dim) with n labels has a row for each example.
    config : Classifier, optional
    representation : Representation or sequence of them
        What is known of words: ``Vectors``, a contextual model, or several, which are put side by side. None: a net
        learns vectors from the labels alone, and ``average`` has its n-grams.
    heldout : like ``data``, optional
        A net keeps the parameters that classify it best; ``average`` chooses its penalty by it.
    threads : int, optional
        Of torch; all processors by default.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    checkpoint : path-like, optional
        Folder that keeps the state of a net's training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin.
    minutes : float, optional
        Plan a net's training for this much time, in the place of epochs.
    device : str, optional
        A GPU where there is one.

    Raises
    ------
    ConfigError, DataError, FormatError
        When an option or a text is unfit.
    MissingExtraError
        When a net is asked for and torch is not installed.

    Examples
    --------
    >>> from firth.vectors.static import Vectors
    >>> vectors = Vectors(["fine", "good", "dull"], [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> data = [("a fine film", "+"), ("a dull film", "-")] * 8
    >>> train(data, Classifier(l2=1.0), representation=vectors).model.predict(["good !"])
    ['+']
    """
    config = config or Classifier()
    several = representation if isinstance(representation, list | tuple) else (representation,)
    if config.calibrate and heldout is None:
        raise ConfigError("a temperature is fitted to held-out texts", remedy="give some, or leave calibrate out")
    if config.model == "average":
        from firth.tasks import classifier_average

        return classifier_average.train(data, config, several, heldout=heldout, listen=listen)
    from firth.nn.extra import need_torch

    need_torch("this classifier")
    from firth.tasks import classifier_training

    return classifier_training.train(
        data, config, several, heldout=heldout, threads=threads, listen=listen, checkpoint=checkpoint,
        resume=resume, minutes=minutes, device=device,
    )  # fmt: skip
