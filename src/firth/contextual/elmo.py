"""ELMo: a bidirectional language model whose layers are words in context (Peters et al. 2018, arXiv 1802.05365).

The token layer is Kim et al. 2016's character CNN as Jozefowicz et al. 2016 (arXiv 1602.02410, section 3.3) have it;
``docs/elmo.md`` teaches the whole. The nets are in :mod:`firth.contextual.bilm`: nothing here needs torch before
training begins.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.config import Config, option
from firth.contextual.shape import CharacterShape, Shape
from firth.errors import ConfigError
from firth.events import Listener

if TYPE_CHECKING:
    from firth.contextual.elmo_model import ElmoModel
    from firth.vectors.static import Vectors

__all__ = ["RECIPES", "STARTS", "Elmo", "Trained", "shape_of", "train"]

STARTS = ("firth.contextual.elmo_model:ElmoModel",)  # what --init takes beside vectors

_FILTERS = ("1x32", "2x32", "3x64", "4x128", "5x256", "6x512", "7x1024")
_OF_CODEPOINTS = {"character_dim": 64, "filters": ("1x128", "2x256", "3x256")}  # words of one to four characters

RECIPES: dict[str, dict[str, Any]] = {
    "small": {
        "cells": 1024, "projection": 128, "character_dim": 16, "highways": 1,
        "filters": ("1x32", "2x64", "3x96", "4x128", "5x192"),
        "softmax": "sampled", "samples": 2048, "dropout": 0.0,
        "rate": 4e-3, "clip": 1.0, "batch": 32, "bptt": 20, "epochs": 5,
    },
    "medium": {
        "cells": 2048, "projection": 256, "character_dim": 16, "highways": 1, "filters": _FILTERS,
        "softmax": "sampled", "samples": 8192, "dropout": 0.1,
        "rate": 1e-3, "clip": 1.0, "batch": 128, "bptt": 20, "epochs": 10,
    },
    "original": {
        "cells": 4096, "projection": 512, "character_dim": 16, "highways": 2, "filters": _FILTERS,
        "softmax": "sampled", "samples": 8192, "dropout": 0.1,
        "rate": 5e-4, "clip": 1.0, "batch": 128, "bptt": 20, "epochs": 10,
    },
}  # fmt: skip


def _by_recipe(name: str, help: str, **bounds: Any) -> Any:
    shown = ", ".join(f"{recipe} {_shown(values[name])}" for recipe, values in RECIPES.items())
    return option(None, f"{help}; by recipe: {shown}", **bounds)


def _shown(value: Any) -> str:
    return " ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


@dataclasses.dataclass(frozen=True)
class Elmo(Config):
    """Options of a biLM. What is left out is as the recipe has it.

    Examples
    --------
    >>> Elmo(recipe="original", cells=1024).filled().projection
    512
    """

    recipe: str = option("small", "defaults of the other options", choices=tuple(RECIPES))
    input: str = option(
        "characters", "what a word's vector is made of: spelling, or a table", choices=("characters", "words")
    )
    characters: str = option(
        "bytes", "units of the spelling; code points for Chinese and its like", choices=("bytes", "codepoints")
    )
    min_character: int = option(5, "take rarer code points for an unknown one", minimum=1)
    longest: int = option(50, "units of a word that are read, two marks with them", minimum=3, maximum=10_000)
    character_dim: int | None = _by_recipe(
        "character_dim", "length of a unit's vector; 64 of code points", minimum=1, maximum=10_000
    )
    filters: tuple[str, ...] | None = _by_recipe(
        "filters", "width x number of the CNN's; 1x128 2x256 3x256 of code points"
    )
    highways: int | None = _by_recipe("highways", "highway layers behind the CNN", minimum=0, maximum=100)
    word_dim: int | None = option(
        None, "length of a table's vectors; the projection by default", minimum=1, maximum=100_000
    )
    cells: int | None = _by_recipe("cells", "cells of each LSTM", minimum=1, maximum=100_000)
    projection: int | None = _by_recipe("projection", "length of its projected output", minimum=1, maximum=100_000)
    layers: int = option(2, "LSTMs in each direction", minimum=1, maximum=100)
    cell_clip: float = option(3.0, "largest value of a cell; 0 is no limit", minimum=0)
    projection_clip: float = option(3.0, "largest value of an output; 0 is no limit", minimum=0)
    skip: bool = option(True, "each layer above the first adds its input to its output")
    dropout: float | None = _by_recipe(
        "dropout", "left out before each layer and after the last", minimum=0, maximum=0.99
    )
    softmax: str | None = _by_recipe("softmax", "output layer in training", choices=("full", "adaptive", "sampled"))
    samples: int | None = _by_recipe("samples", "outputs in a sample, on the average (sampled softmax)", minimum=1)
    proposal: str = option("log-uniform", "what a sample is drawn by", choices=("log-uniform", "unigram"))
    cutoffs: tuple[int, ...] | None = option(None, "ranks at which clusters begin (adaptive softmax)")
    optimizer: str = option("adam", "kind of update", choices=("sgd", "adam", "adamw"))
    rate: float | None = _by_recipe("rate", "learning rate at its highest", minimum=0, maximum=1000)
    decay: str = option("linear", "how the rate falls", choices=("constant", "linear", "cosine"))
    warmup: float = option(0.03, "share of training in which the rate rises to its highest", minimum=0, maximum=1)
    clip: float | None = _by_recipe("clip", "longest gradient; 0 is no limit", minimum=0)
    batch: int | None = _by_recipe("batch", "places of the text that are read side by side", minimum=1)
    bptt: int | None = _by_recipe("bptt", "steps that a gradient goes back", minimum=1, maximum=1_000_000)
    epochs: int | None = _by_recipe("epochs", "passes over the text", minimum=1, maximum=1_000_000)
    evaluate_steps: int | None = option(None, "steps between held-out losses, beside epoch ends", minimum=1)
    patience: int = option(0, "stop after so many held-out losses without a better one; 0 never", minimum=0)
    min_count: int = option(1, "predict rarer words as <unk>; they are read by their spelling", minimum=1)
    max_vocab: int | None = option(None, "predict at most so many words, the most frequent", minimum=1)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        widest = max((width for width, _ in parsed_filters(self.filters or ())), default=0)
        if widest > self.longest:
            raise ConfigError("a filter is wider than a word can be", got=widest, expected=f"at most {self.longest}")

    def filled(self) -> Elmo:
        """Return the same options with what the recipe gives filled in."""
        values = dict(RECIPES[self.recipe])
        if self.characters == "codepoints":
            values |= _OF_CODEPOINTS
        return dataclasses.replace(self, **{k: v for k, v in values.items() if getattr(self, k) is None})


def parsed_filters(filters: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    """Return width and number of each group of filters.

    Raises
    ------
    ConfigError
        When one is not written as ``3x64``.

    Examples
    --------
    >>> parsed_filters(("1x32", "3x64"))
    ((1, 32), (3, 64))
    """
    found = []
    for text in filters:
        match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,5})", str(text))
        if match is None:
            raise ConfigError("filters are not understood", got=text, expected="width x number, such as 3x64")
        found.append((int(match[1]), int(match[2])))
    return tuple(found)


def shape_of(config: Elmo, *, n_ids: int = 262, words: int = 0, word_dim: int = 0) -> Shape:
    """Return the shape of filled options.

    Parameters
    ----------
    config : Elmo
    n_ids : int
        Rows of the character embedding.
    words, word_dim : int
        Rows and length of a table of words, where that is the input.
    """
    characters = None
    if config.input == "characters":
        characters = CharacterShape(
            n_ids, config.character_dim or 1, parsed_filters(config.filters or ()), config.highways or 0, "relu",
            config.longest,
        )  # fmt: skip
    return Shape(
        characters, config.cells or 1, config.projection or 1, config.layers, config.cell_clip, config.projection_clip,
        config.skip, words, word_dim,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : ElmoModel
        With its lexicon and the output layer.
    config : Elmo
        With everything filled in.
    losses : tuple of float
        Mean loss of a prediction since the evaluation before, over both directions, as the softmax of training has it.
    heldout : tuple of float or None
        Mean negative log probability of the held-out text's predictions, over both directions, by the full softmax.
    seconds : float
        Time of training, in all runs of the job.
    """

    model: ElmoModel
    config: Elmo
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    seconds: float


def train(
    data: Any,
    config: Elmo | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Any = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    device: str | None = None,
    init: Vectors | ElmoModel | None = None,
    freeze: bool = False,
) -> Trained:
    """Train a biLM from scratch, or train one on, by truncated backpropagation through time.

    Each direction reads the whole text at ``batch`` places side by side, the backward one from its end; each place
    goes on from the state that the stretch before left it in. Token layer and output layer serve both directions.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
    config : Elmo, optional
    threads : int, optional
        Of torch; all processors by default. Bytes are the same on the same number of threads.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    heldout : like ``data``, optional
        A text whose loss is told after every epoch. The parameters that did best on it are kept.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin.
    minutes : float, optional
        Plan the training for this much time, in the place of epochs.
    device : str, optional
        A GPU where there is one.
    init : Vectors or ElmoModel, optional
        Word vectors for a table (``input="words"``), or a model to train on: its shape, spelling and words stay. A
        published model has no output layer, and gets a new one for the words of the text.
    freeze : bool
        Leave the word vectors as they are. Words without one share their mean.

    Raises
    ------
    ConfigError, DataError
        When an option, the start or the text is unfit, the loss is no longer a number, or a checkpoint is of another
        job.
    MissingExtraError
        When torch is not installed.

    Examples
    --------
    >>> text = ["a b a b a b"] * 20
    >>> small = Elmo(cells=8, projection=8, filters=("1x8",), epochs=40, batch=4, rate=0.02, softmax="full")
    >>> made = train(text, small, threads=1)
    >>> made.model.encode([["a", "b"]])[0].shape
    (2, 16)
    """
    from firth.nn.extra import need_torch

    need_torch("ELMo")
    from firth.contextual import elmo_training

    return elmo_training.train(
        data, config or Elmo(), threads=threads, listen=listen, heldout=heldout, checkpoint=checkpoint, resume=resume,
        minutes=minutes, device=device, init=init, freeze=freeze,
    )  # fmt: skip
