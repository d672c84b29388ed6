"""BERT: a Transformer that reads both ways and learns by guessing words that were masked (Devlin et al. 2019).

"BERT: Pre-training of Deep Bidirectional Transformers" (arXiv 1810.04805), without the task of next sentences, which
helps little (Liu et al. 2019, arXiv 1907.11692, section 4.2). What makes it cheap is of later work: Izsak, Berchansky
and Levy 2021 (arXiv 2104.07705), Wettig et al. 2022 (arXiv 2202.08005), Geiping and Goldstein 2022 (arXiv 2212.14034).
``docs/bert.md`` teaches it. The nets are in :mod:`firth.contextual.bert_net`: nothing here needs torch before training.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.config import option
from firth.contextual.bert_shape import BertShape
from firth.errors import ConfigError
from firth.events import Listener
from firth.nn.schedule import Schooling

if TYPE_CHECKING:
    from firth.contextual.bert_model import BertModel

__all__ = ["BERT", "RECIPES", "STARTS", "Trained", "shape_of", "train"]

STARTS = ("firth.contextual.bert_model:BertModel",)  # what --init takes

_MODERN = {"positions": "rotary", "norm": "pre", "activation": "geglu", "bias": False, "dropout": 0.0, "types": 0}
RECIPES: dict[str, dict[str, Any]] = {
    "small": {
        "layers": 4, "dim": 256, "heads": 4, "hidden": 512, **_MODERN,
        "vocab_size": 8192, "length": 128, "batch": 2048, "rate": 1.5e-3,
    },
    "base": {
        "layers": 12, "dim": 512, "heads": 8, "hidden": 1376, **_MODERN,
        "vocab_size": 16384, "length": 128, "batch": 32768, "rate": 1e-3,
    },
    "original": {
        "layers": 12, "dim": 768, "heads": 12, "hidden": 3072,
        "positions": "learned", "norm": "post", "activation": "gelu", "bias": True, "dropout": 0.1, "types": 2,
        "vocab_size": 30522, "length": 128, "batch": 32768, "rate": 1e-4,
    },
}  # fmt: skip


def _by_recipe(name: str, help: str, **bounds: Any) -> Any:
    shown = ", ".join(f"{recipe} {_shown(values[name])}" for recipe, values in RECIPES.items())
    return option(None, f"{help}; by recipe: {shown}", **bounds)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclasses.dataclass(frozen=True)
class BERT(Schooling):
    """Options of a BERT that is trained on a text. What is left out is as the recipe has it.

    ``original`` has BERT-base's form, which other programs can read. The others have what trains faster: norms before
    the parts, rotary positions, gated cells, no summands and no dropout.

    Examples
    --------
    >>> BERT(recipe="original", layers=6).filled().dim
    768
    """

    recipe: str = option("small", "defaults of the other options", choices=tuple(RECIPES))
    layers: int | None = _by_recipe("layers", "blocks", minimum=1, maximum=1000)
    dim: int | None = _by_recipe("dim", "length of vectors", minimum=1, maximum=100_000)
    heads: int | None = _by_recipe("heads", "heads of attention", minimum=1, maximum=10_000)
    hidden: int | None = _by_recipe("hidden", "cells of a block's inner net", minimum=1, maximum=1_000_000)
    positions: str | None = _by_recipe("positions", "how places are told", choices=("learned", "rotary"))
    norm: str | None = _by_recipe("norm", "where norms stand: before the parts, behind sums", choices=("pre", "post"))
    activation: str | None = _by_recipe(
        "activation", "of the inner nets; the last two are gates",
        choices=("gelu", "gelu_tanh", "relu", "silu", "geglu", "swiglu"),
    )  # fmt: skip
    bias: bool | None = _by_recipe("bias", "summands in maps and norms")
    types: int | None = _by_recipe("types", "kinds of tokens; all are the first in training", minimum=0, maximum=1000)
    dropout: float | None = _by_recipe("dropout", "left out of vectors and of attention", minimum=0, maximum=0.99)
    pieces: str = option("wordpiece", "how words are cut", choices=("wordpiece", "bpe"))
    vocab_size: int | None = _by_recipe("vocab_size", "pieces, marks with them", minimum=8, maximum=1 << 24)
    uncased: bool = option(False, "lower-case words and take accents off before they are cut")
    length: int | None = _by_recipe("length", "places of a sequence, its marks with them", minimum=4, maximum=1 << 16)
    packing: str = option(
        "running", "what fills a sequence: the text as it runs, or whole sentences that fit",
        choices=("running", "sentences"),
    )  # fmt: skip
    apart: bool = option(False, "sentences in a sequence do not see each other (packing sentences)")
    masked: float = option(0.2, "share of the pieces that are to be guessed", minimum=0.01, maximum=0.9)
    whole_words: bool = option(True, "mask all pieces of a word, or pieces one by one")
    replace: str = option(
        "mixed", "what stands for a masked piece: the mask; or mixed: in a tenth each another piece, and itself",
        choices=("mixed", "mask"),
    )  # fmt: skip
    pooling: str = option("mean", "which of a word's pieces stands for it", choices=("mean", "first", "last"))
    batch: int | None = _by_recipe("batch", "pieces in a batch", minimum=1, maximum=1 << 30)
    rate: float | None = _by_recipe(  # type: ignore[assignment]
        "rate", "learning rate at its highest", minimum=0, maximum=1000
    )
    epochs: int = option(10, "passes over the text", minimum=1, maximum=1_000_000)
    warmup: float = option(0.06, "share of training in which the rate rises to its highest", minimum=0, maximum=1)
    optimizer: str = option("adamw", "kind of update", choices=("sgd", "adam", "adamw"))
    beta2: float = option(0.98, "Adam's memory of the gradient's square", minimum=0, maximum=1)
    epsilon: float = option(1e-6, "Adam's summand below the line", minimum=0, maximum=1)
    weight_decay: float = option(0.01, "pull of the matrices to zero", minimum=0, maximum=10)
    clip: float = option(1.0, "longest gradient, in its 2-norm; 0 is no limit", minimum=0)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.apart and self.packing != "sentences":
            raise ConfigError("apart is for whole sentences", got=self.packing, expected="--packing sentences")

    def filled(self) -> BERT:
        """Return the same options with what the recipe gives filled in."""
        values = RECIPES[self.recipe]
        return dataclasses.replace(self, **{k: v for k, v in values.items() if getattr(self, k) is None})


def shape_of(config: BERT, pieces: int) -> BertShape:
    """Return the shape of filled options, with a table of so many pieces.

    Examples
    --------
    >>> shape_of(BERT().filled(), 8000).norm
    'pre'
    """
    activation = config.activation or "gelu"
    return BertShape(
        pieces=pieces, dim=config.dim or 1, heads=config.heads or 1, hidden=config.hidden or 1,
        layers=config.layers or 1, longest=config.length or 4, positions=config.positions or "learned",
        types=config.types or 0, activation=activation, norm=config.norm or "post", bias=bool(config.bias),
        epsilon=1e-12 if config.norm == "post" else 1e-5,
        head={"geglu": "gelu", "swiglu": "silu"}.get(activation, activation),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : BertModel
        With the head that guesses masked pieces.
    config : BERT
        With everything filled in.
    losses : tuple of float
        Mean loss of a masked piece since the evaluation before.
    heldout : tuple of float or None
        Mean negative log probability of the held-out text's masked pieces, at places that never change.
    unigram : float or None
        What the held-out loss is where pieces are guessed by how frequent they are in the text of training.
    seconds : float
        Time of training, in all runs of the job.
    """

    model: BertModel
    config: BERT
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    unigram: float | None
    seconds: float


def train(
    data: Any,
    config: BERT | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Any = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    device: str | None = None,
    init: BertModel | None = None,
) -> Trained:
    """Train a BERT from scratch, or train one on, by guessing masked pieces.

    Sequences of ``length`` pieces are filled from the text without gaps. In each epoch other places are masked, which
    depend on the seed, the epoch and the sequence alone.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
    config : BERT, optional
    threads : int, optional
        Of torch; all processors by default. Bytes are the same on the same number of threads.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    heldout : like ``data``, optional
        A text whose loss is told after every epoch, beside that of piece frequencies. The parameters that did best on
        it are kept.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin.
    minutes : float, optional
        Plan the training for this much time, in the place of epochs.
    device : str, optional
        A GPU where there is one.
    init : BertModel, optional
        A model to train on, published or our own: its shape and its pieces stay, and the rate is 1e-4 unless one is
        given. One without a head gets a new one.

    Raises
    ------
    ConfigError, DataError
        When an option, the start or the text is unfit, the loss is no longer a number, or a checkpoint is of another
        job.
    MissingExtraError
        When torch or the tokenizers library is not installed.

    Examples
    --------
    >>> text = ["a b a b a b"] * 20
    >>> small = BERT(layers=1, dim=8, heads=2, hidden=8, vocab_size=20, length=16, batch=64, epochs=2)
    >>> train(text, small, threads=1).model.encode([["a", "b"]])[0].shape
    (2, 8)
    """
    from firth.nn.extra import need_torch

    need_torch("BERT")
    from firth.contextual import bert_training

    return bert_training.train(
        data, config or BERT(), threads=threads, listen=listen, heldout=heldout, checkpoint=checkpoint, resume=resume,
        minutes=minutes, device=device, init=init,
    )  # fmt: skip
