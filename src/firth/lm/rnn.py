"""Recurrent language models: Elman's net, GRU and LSTM, with the regularisers of AWD-LSTM.

Elman 1990, "Finding Structure in Time"; Mikolov et al. 2010, "Recurrent neural network based language model"; Merity,
Keskar and Socher 2018, "Regularizing and Optimizing LSTM Language Models" (arXiv 1708.02182). ``docs/rnn.md`` teaches
them. The nets themselves are in :mod:`firth.lm.rnn_module`: nothing here needs torch before training begins.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.config import Config, option
from firth.errors import ConfigError
from firth.events import Listener

if TYPE_CHECKING:
    from firth.lm.rnn_model import RNNModel

__all__ = ["RECIPES", "RNN", "Trained", "train"]

RECIPES: dict[str, dict[str, Any]] = {
    "none": {
        "layers": 1, "dim": 400, "hidden": 400,
        "dropout_embedding": 0.0, "dropout_input": 0.4, "dropout_hidden": 0.3, "dropout_output": 0.5,
        "weight_drop": 0.0, "activation_penalty": 0.0, "temporal_penalty": 0.0,
        "optimizer": "adam", "rate": 3e-3, "decay": "linear", "weight_decay": 0.0, "clip": 1.0, "nonmonotone": 0,
        "bptt": 35, "random_bptt": False, "batch": 32, "epochs": 20,
    },
    "awd": {
        "layers": 3, "dim": 400, "hidden": 1150,
        "dropout_embedding": 0.1, "dropout_input": 0.4, "dropout_hidden": 0.25, "dropout_output": 0.4,
        "weight_drop": 0.5, "activation_penalty": 2.0, "temporal_penalty": 1.0,
        "optimizer": "nt-asgd", "rate": 30.0, "decay": "constant", "weight_decay": 1.2e-6, "clip": 0.25,
        "nonmonotone": 5, "bptt": 70, "random_bptt": True, "batch": 20, "epochs": 500,
    },
}  # fmt: skip


def _by_recipe(name: str, help: str, **bounds: Any) -> Any:
    defaults = ", ".join(f"{recipe} {values[name]:g}" if isinstance(values[name], float) else f"{recipe} {values[name]}"
                         for recipe, values in RECIPES.items())  # fmt: skip
    return option(None, f"{help}; by recipe: {defaults}", **bounds)


@dataclasses.dataclass(frozen=True)
class RNN(Config):
    """Options of a recurrent language model. What is left out is as the recipe has it.

    Examples
    --------
    >>> RNN(recipe="awd", dim=300).filled().weight_drop
    0.5
    """

    recipe: str = option("none", "defaults of the other options; awd is AWD-LSTM's", choices=tuple(RECIPES))
    cell: str = option("lstm", "kind of layer", choices=("elman", "gru", "lstm"))
    activation: str = option("tanh", "of an Elman layer", choices=("tanh", "sigmoid"))
    layers: int | None = _by_recipe("layers", "recurrent layers", minimum=1, maximum=100)
    dim: int | None = _by_recipe("dim", "length of the word vectors", minimum=1, maximum=100_000)
    hidden: int | None = _by_recipe(
        "hidden", "length of hidden states; the last layer's is dim with --tie", minimum=1, maximum=100_000
    )
    tie: bool = option(True, "the word vectors are the output layer's too")
    dropout_embedding: float | None = _by_recipe("dropout_embedding", "words left out", minimum=0, maximum=0.99)
    dropout_input: float | None = _by_recipe("dropout_input", "word vectors' entries left out", minimum=0, maximum=0.99)
    dropout_hidden: float | None = _by_recipe("dropout_hidden", "left out between layers", minimum=0, maximum=0.99)
    dropout_output: float | None = _by_recipe("dropout_output", "left out after the last", minimum=0, maximum=0.99)
    weight_drop: float | None = _by_recipe("weight_drop", "recurrent weights left out", minimum=0, maximum=0.99)
    activation_penalty: float | None = _by_recipe("activation_penalty", "AR: weight of large activations", minimum=0)
    temporal_penalty: float | None = _by_recipe("temporal_penalty", "TAR: weight of fast changes of state", minimum=0)
    softmax: str = option("full", "output layer in training", choices=("full", "adaptive", "sampled"))
    samples: int = option(1000, "outputs in a sample, on the average (sampled softmax)", minimum=1)
    proposal: str = option("log-uniform", "what a sample is drawn by", choices=("log-uniform", "unigram"))
    cutoffs: tuple[int, ...] | None = option(None, "ranks at which clusters begin (adaptive softmax)")
    optimizer: str | None = _by_recipe("optimizer", "kind of update", choices=("sgd", "adam", "adamw", "nt-asgd"))
    rate: float | None = _by_recipe("rate", "learning rate", minimum=0, maximum=1000)
    decay: str | None = _by_recipe("decay", "how the rate falls", choices=("constant", "linear", "cosine"))
    weight_decay: float | None = _by_recipe("weight_decay", "pull of the weights to zero", minimum=0, maximum=10)
    clip: float | None = _by_recipe("clip", "longest gradient; 0 is no limit", minimum=0)
    nonmonotone: int | None = _by_recipe(
        "nonmonotone", "nt-asgd averages once the held-out loss is no better than so many epochs ago", minimum=0
    )
    bptt: int | None = _by_recipe("bptt", "steps that a gradient goes back", minimum=1, maximum=1_000_000)
    random_bptt: bool | None = _by_recipe("random_bptt", "draw the length of each stretch around bptt")
    batch: int | None = _by_recipe("batch", "places of the text that are read side by side", minimum=1)
    epochs: int | None = _by_recipe("epochs", "passes over the text", minimum=1, maximum=1_000_000)
    patience: int = option(0, "stop after so many epochs without a better held-out loss; 0 never", minimum=0)
    min_count: int = option(1, "take rarer words for <unk>", minimum=1)
    max_vocab: int | None = option(None, "keep at most so many words, the most frequent", minimum=1)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tie and self.softmax == "adaptive":
            raise ConfigError("tie does not go with the adaptive softmax, whose rows are of several lengths",
                              remedy="give --no-tie, or another softmax")  # fmt: skip
        if self.activation == "sigmoid" and self.cell != "elman":
            raise ConfigError("activation is that of an Elman layer", got=self.cell, expected="--cell elman")

    def filled(self) -> RNN:
        """Return the same options with what the recipe gives filled in."""
        values = RECIPES[self.recipe]
        return dataclasses.replace(self, **{k: v for k, v in values.items() if getattr(self, k) is None})


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : RNNModel
    config : RNN
        With everything filled in.
    losses : tuple of float
        Mean loss of a prediction in each epoch, with dropout, and as the softmax of training has it.
    heldout : tuple of float or None
        Mean negative log probability of the held-out text's predictions, after each epoch.
    seconds : float
        Time of training, in all runs of the job.
    """

    model: RNNModel
    config: RNN
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    seconds: float


def train(
    data: Any,
    config: RNN | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Any = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    device: str | None = None,
) -> Trained:
    """Train a recurrent language model by truncated backpropagation through time.

    The text is read at ``batch`` places side by side. Each goes on from the state that the stretch before left it in,
    and gradients go back to the start of a stretch.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
    config : RNN, optional
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

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, the loss is no longer a number, or a checkpoint is of another job.
    MissingExtraError
        When torch is not installed.

    Examples
    --------
    >>> text = ["a b a b a b"] * 20
    >>> made = train(text, RNN(dim=8, hidden=8, epochs=30, batch=4, dropout_input=0, dropout_output=0), threads=1)
    >>> made.model.next_words(["a"], 1)[0][0]
    'b'
    """
    from firth.nn.extra import need_torch

    need_torch("the recurrent language model")
    from firth.lm import rnn_training

    return rnn_training.train(
        data, config or RNN(), threads=threads, listen=listen, heldout=heldout, checkpoint=checkpoint, resume=resume,
        minutes=minutes, device=device,
    )  # fmt: skip
