"""A tagger: a label for each word, such as names and parts of speech, by a BiLSTM with a CRF over any representation.

Huang, Xu and Yu 2015; Lample et al. 2016; Ma and Hovy 2016; Peters et al. 2018. ``docs/tagging.md`` teaches it. The
net is in :mod:`firth.tasks.tagger_module`: nothing here needs torch before training begins.
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
from firth.text.spans import SCHEMES

if TYPE_CHECKING:
    from firth.protocols import Representation
    from firth.tasks.tagger_model import TaggerModel

__all__ = ["Tagger", "Trained", "train"]


@dataclasses.dataclass(frozen=True)
class Tagger(Schooling):
    """Options of a tagger.

    Examples
    --------
    >>> Tagger(layers=2, features="middle").decoder
    'crf'
    """

    hidden: int = option(200, "cells of each LSTM", minimum=1, maximum=100_000)
    layers: int = option(1, "bidirectional LSTMs", minimum=1, maximum=100)
    decoder: str = option("crf", "choose labels together, or each by itself", choices=("crf", "softmax"))
    features: str = option(
        "input", "where contextual vectors enter: before the LSTMs, behind the first, behind the last",
        choices=("input", "middle", "output"),
    )  # fmt: skip
    mix: bool = option(True, "learn the weights of a contextual model's layers")
    mix_penalty: float = option(0.0, "weight of those weights' squares in the loss", minimum=0, maximum=1000)
    finetune: str = option("none", "which vectors are trained on", choices=("none", "static", "contextual", "all"))
    finetune_scale: float = option(
        0.1, "factor of the learning rate of a contextual model that is trained on", minimum=0, maximum=1000
    )
    dim: int = option(100, "length of word vectors to learn, where none are given", minimum=1, maximum=100_000)
    case: str = option("fallback", "look words up as written and else lower-cased", choices=("fallback", "exact"))
    characters: str = option("cnn", "how words are spelled", choices=("cnn", "lstm", "none"))
    character_dim: int = option(30, "length of characters' vectors", minimum=1, maximum=10_000)
    character_hidden: int = option(50, "filters, or cells of each LSTM, over characters", minimum=1, maximum=10_000)
    casing: bool = option(True, "tell words in capitals, with digits and so on apart")
    scheme: str = option("auto", "of the labels; none takes them as they are", choices=("auto", *SCHEMES))
    encoding: str = option("bioes", "scheme that spans are learnt in", choices=("bioes", "iob2"))
    dropout: float = option(0.33, "share left out around the LSTMs, the same at all steps", minimum=0, maximum=0.99)
    word_dropout: float = option(0.05, "words whose vectors are left out in training", minimum=0, maximum=0.99)
    cache: float = option(2.0, "GB of memory for frozen contextual vectors; more goes to disk", minimum=0, maximum=1e6)
    batch: int = option(16, "sentences trained together", minimum=1, maximum=1 << 20)
    epochs: int = option(30, "passes over the sentences", minimum=1, maximum=1_000_000)
    rate: float = option(4e-3, "learning rate at its highest", minimum=0, maximum=1000)
    clip: float = option(1.0, "longest gradient, in its 2-norm; 0 is no limit", minimum=0)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.features == "middle" and self.layers < 2:
            raise ConfigError(
                "features in the middle need two LSTMs", got=f"layers {self.layers}", expected="2 or more"
            )


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : TaggerModel
    config : Tagger
    losses : tuple of float
        Mean loss of a word in each epoch, with dropout.
    heldout : tuple of float or None
        1 - F1 of the held-out sentences after each epoch, or 1 - accuracy where labels mark no spans.
    seconds : float
        Time of training, in all runs of the job.
    """

    model: TaggerModel
    config: Tagger
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    seconds: float


def train(
    data: Any,
    config: Tagger | None = None,
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
    """Train a tagger.

    Parameters
    ----------
    data : path, list of paths, or iterable of (sentence, labels)
        Files as :func:`firth.text.columns.read_tagged` reads them. A sentence is a list of words, or a matrix of given
        features, one row a step.
    config : Tagger, optional
    representation : Representation or sequence of them
        What is known of words: ``Vectors``, a contextual model, or several, which are put side by side. None: vectors
        are learnt from the labels alone.
    heldout : like ``data``, optional
        The parameters that tag it best are kept.
    threads : int, optional
        Of torch; all processors by default.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin.
    minutes : float, optional
        Plan the training for this much time, in the place of epochs.
    device : str, optional
        A GPU where there is one.

    Raises
    ------
    ConfigError, DataError, FormatError
        When an option or a sentence is unfit.
    MissingExtraError
        When torch is not installed.

    Examples
    --------
    >>> data = [("Ann farms".split(), ["B-PER", "O"]), ("farms grow".split(), ["O", "O"])] * 8
    >>> made = train(data, Tagger(hidden=8, dim=8, epochs=20, rate=0.02), threads=1)
    >>> made.model.tag([["Ann", "farms"]])
    [['B-PER', 'O']]
    """
    from firth.nn.extra import need_torch

    need_torch("the tagger")
    from firth.tasks import tagger_training

    several = representation if isinstance(representation, list | tuple) else (representation,)
    return tagger_training.train(
        data, config or Tagger(), several, heldout=heldout, threads=threads, listen=listen, checkpoint=checkpoint,
        resume=resume, minutes=minutes, device=device,
    )  # fmt: skip
