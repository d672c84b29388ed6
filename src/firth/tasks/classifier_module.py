"""The nets of a classifier: vectors of words to one vector of the text, and to scores of labels.

Kim 2014, "Convolutional Neural Networks for Sentence Classification" (``cnn``); bidirectional LSTMs with their states
pooled (``lstm``; attention as in Yang et al. 2016, equations 5 to 7); pooled vectors alone (``contextual``).
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.contextual.bilm import reversal
from firth.contextual.layer_mix import LayerMix
from firth.nn.dropout import locked_dropout
from firth.nn.recurrent import Layer
from firth.tasks.tagger_module import Inputs, SourceShape, draw, read_both_ways

__all__ = ["ClassifierNet", "ClassifierShape", "pool"]


@dataclasses.dataclass(frozen=True)
class ClassifierShape:
    """What a net is made of.

    Attributes
    ----------
    model : {"cnn", "lstm", "contextual"}
    sources : tuple of SourceShape
    n_labels : int
    pooling : str
        As :data:`firth.tasks.classifier.POOLINGS` has them.
    widths : tuple of int
    maps, hidden, layers : int
    """

    model: str
    sources: tuple[SourceShape, ...]
    n_labels: int
    pooling: str
    widths: tuple[int, ...] = ()
    maps: int = 0
    hidden: int = 0
    layers: int = 0

    @property
    def dim(self) -> int:
        """Length of the vectors that go in."""
        return sum(source.dim for source in self.sources)

    @property
    def pooled(self) -> int:
        """Length of the vectors that are pooled, of all filters."""
        return {"cnn": self.maps * len(self.widths), "lstm": 2 * self.hidden, "contextual": self.dim}[self.model]


class ClassifierNet(nn.Module):
    """From features of words to scores of labels.

    Two sources of the same words, one of which learns, are two channels in the sense of Kim 2014, section 2.1. There
    each filter has one set of weights for both, and the results are added, which is a filter over the sum of the
    channels; here a filter has weights of its own for each.

    Parameters
    ----------
    shape : ClassifierShape
    dropout : float
        Of the text's vector, and of the LSTMs' input, the same at all steps.
    word_dropout : float
        Share of words that are left out whole.
    max_norm : float
        Longest row of the output's weights; 0 is no limit.
    """

    def __init__(
        self, shape: ClassifierShape, dropout: float = 0.0, word_dropout: float = 0.0, max_norm: float = 0.0
    ) -> None:
        super().__init__()
        self.shape, self.dropout, self.word_dropout, self.max_norm = shape, dropout, word_dropout, max_norm
        self.mixes = nn.ModuleList(LayerMix(source.layers) for source in shape.sources if source.layers)
        self.filters = nn.ModuleList(nn.Conv1d(shape.dim, shape.maps, width) for width in shape.widths)
        sizes = [shape.dim, *[2 * shape.hidden] * shape.layers][: shape.layers]
        self.ahead, self.back = (nn.ModuleList(Layer("lstm", n, shape.hidden) for n in sizes) for _ in range(2))
        self.query = None
        if shape.pooling == "attention":
            self.key, self.query = nn.Linear(shape.pooled, shape.pooled), nn.Parameter(torch.empty(shape.pooled))
        ways = 2 if shape.pooling == "mean-max" else 1
        self.output = nn.Linear(ways * shape.pooled, shape.n_labels)

    def reset(self, seed: int) -> None:
        """Draw all weights."""
        generator = torch.Generator().manual_seed(seed % 2**63)
        for module in self.filters:
            draw(module, generator)  # type: ignore[arg-type]
        for layer in (*self.ahead, *self.back):
            assert isinstance(layer, Layer)  # for the type checker
            layer.reset(generator)
            with torch.no_grad():
                layer.bias[layer.n_out : 2 * layer.n_out] = 1.0  # forget gates start open (Jozefowicz et al. 2015)
        if self.query is not None:
            draw(self.key, generator)
            with torch.no_grad():
                self.query.zero_()  # all words count alike at first
        draw(self.output, generator)

    def forward(self, inputs: Inputs) -> Tensor:
        """Return the score of each label, shape (batch, n_labels); no text is empty."""
        x = self._entering(inputs)  # (n_steps, batch, dim)
        real = torch.arange(len(x), device=x.device)[:, None] < torch.tensor(inputs.lengths, device=x.device)
        x = x * real[:, :, None]
        if self.word_dropout and self.training:
            x = x * torch.empty_like(x[:, :, :1]).bernoulli_(1 - self.word_dropout)
        if self.shape.model == "cnn":
            found = self._filtered(x, real)
        else:
            if self.shape.layers:
                x = self._read(x, inputs.lengths)
            found = self._pooled(x, real)
        scores: Tensor = self.output(functional.dropout(found, self.dropout, self.training))
        return scores

    @torch.no_grad()
    def shorten(self) -> None:
        """Shorten the rows of the output's weights to ``max_norm`` (Kim 2014, section 2.1)."""
        if self.max_norm:
            self.output.weight.copy_(torch.renorm(self.output.weight, 2, 0, self.max_norm))

    def _entering(self, inputs: Inputs) -> Tensor:
        mixes = iter(self.mixes)
        found = [
            next(mixes)(x) if source.layers else x for source, x in zip(self.shape.sources, inputs.sources, strict=True)
        ]
        return torch.cat(found, 2)

    def _filtered(self, x: Tensor, real: Tensor) -> Tensor:
        """Return the greatest answer of each filter, (batch, n_filters * n_widths).

        A filter of width w sees w - 1 zeros before a text and behind it, so that a text may be shorter than w.
        """
        turned, lengths = x.permute(1, 2, 0), real.sum(0)  # (batch, dim, n_steps)
        found = []
        for filters, width in zip(self.filters, self.shape.widths, strict=True):
            y = filters(functional.pad(turned, (width - 1, width - 1)))  # (batch, maps, n_steps + w - 1)
            beyond = torch.arange(y.shape[2], device=y.device) >= (lengths + width - 1)[:, None]
            found.append(y.masked_fill(beyond[:, None], -torch.inf).amax(2))
        return torch.cat(found, 1).relu()

    def _read(self, x: Tensor, lengths: list[int]) -> Tensor:
        turn = reversal(lengths, x.device)
        for ahead, back in zip(self.ahead, self.back, strict=True):
            x = read_both_ways(ahead, back, locked_dropout(x, self.dropout, self.training), turn)
        return x

    def _pooled(self, x: Tensor, real: Tensor) -> Tensor:
        if self.query is not None:
            weights = torch.tanh(self.key(x)) @ self.query  # (n_steps, batch)
            shares = weights.masked_fill(~real, -torch.inf).softmax(0)
            return torch.einsum("tb,tbd->bd", shares, x)
        return torch.cat([pool(x, real, way) for way in self.shape.pooling.split("-")], 1)


def pool(x: Tensor, real: Tensor, way: str) -> Tensor:
    """Return one vector of each text, (batch, n).

    Parameters
    ----------
    x : Tensor, shape (n_steps, batch, n)
    real : Tensor of bool, shape (n_steps, batch)
        Which steps are no filler; at least one of each text.
    way : {"mean", "max", "last"}
        ``last``: the states behind the last word and, of the second half, which was read from the end, the first.

    Examples
    --------
    >>> x, real = torch.tensor([[[1.0, 4.0]], [[3.0, 2.0]], [[9.0, 9.0]]]), torch.tensor([[True], [True], [False]])
    >>> [pool(x, real, way).tolist() for way in ("mean", "max", "last")]
    [[[2.0, 3.0]], [[3.0, 4.0]], [[3.0, 4.0]]]
    """
    if way == "max":
        return x.masked_fill(~real[:, :, None], -torch.inf).amax(0)
    if way == "mean":
        return (x * real[:, :, None]).sum(0) / real.sum(0)[:, None]
    half = x.shape[2] // 2
    last = (real.sum(0) - 1)[None, :, None].expand(1, -1, half)
    return torch.cat([x[:, :, :half].gather(0, last)[0], x[0, :, half:]], 1)
