"""The net of a tagger: word features, characters and casing; bidirectional LSTMs; scores of labels; a CRF.

Huang, Xu and Yu 2015 (BiLSTM-CRF); Lample et al. 2016 (characters by LSTM); Ma and Hovy 2016 (characters by CNN);
Peters et al. 2018, section 5.2, for where contextual vectors enter.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.contextual.bilm import reversal
from firth.contextual.layer_mix import LayerMix
from firth.nn.crf import CRF, Legal
from firth.nn.dropout import locked_dropout
from firth.nn.recurrent import Layer

__all__ = ["CASES", "Inputs", "SourceShape", "TaggerNet", "TaggerShape", "draw", "read_both_ways"]

CASES = 7  # kinds of casing that are told apart
_CASE_DIM = 8


@dataclasses.dataclass(frozen=True)
class SourceShape:
    """One word feature: length of its vectors, layers that are mixed (0: it has none), and where it enters."""

    dim: int
    layers: int = 0
    place: str = "input"


@dataclasses.dataclass(frozen=True)
class TaggerShape:
    """What a net is made of.

    Attributes
    ----------
    sources : tuple of SourceShape
    n_labels : int
    hidden, layers : int
        Cells of each LSTM, of which there are two a layer; layers.
    crf : bool
        Whether labels are chosen together.
    characters : {"cnn", "lstm", "none"}
    n_characters, character_dim, character_hidden : int
        Ids of characters, length of their vectors, and filters or cells over them.
    casing : bool
    """

    sources: tuple[SourceShape, ...]
    n_labels: int
    hidden: int
    layers: int
    crf: bool
    characters: str = "none"
    n_characters: int = 0
    character_dim: int = 0
    character_hidden: int = 0
    casing: bool = False

    def width(self, place: str) -> int:
        """Return the length of what enters at a place."""
        own = sum(source.dim for source in self.sources if source.place == place)
        if place != "input":
            return own
        spelled = {"cnn": self.character_hidden, "lstm": 2 * self.character_hidden, "none": 0}[self.characters]
        return own + spelled + (_CASE_DIM if self.casing else 0)


@dataclasses.dataclass
class Inputs:
    """Sentences side by side.

    Attributes
    ----------
    lengths : list of int
    sources : list of Tensor
        (n_steps, batch, dim) each, or (n_layers, n_steps, batch, dim) of one whose layers are mixed.
    spelled : Tensor of int64, shape (n_types, longest), or None
        Characters of the distinct words; 0 is filler.
    spellings : Tensor of int64, shape (n_steps, batch), or None
        The row of ``spelled`` of each word.
    casing : Tensor of int64, shape (n_steps, batch), or None
    """

    lengths: list[int]
    sources: list[Tensor]
    spelled: Tensor | None = None
    spellings: Tensor | None = None
    casing: Tensor | None = None


class Characters(nn.Module):
    """A vector for each word from its characters: the greatest of each filter, or both LSTMs' last states."""

    def __init__(self, kind: str, n_ids: int, dim: int, hidden: int) -> None:
        super().__init__()
        self.kind, self.embedding = kind, nn.Parameter(torch.empty(n_ids, dim))
        if kind == "cnn":
            self.filters = nn.Conv1d(dim, hidden, 3, padding=1)
        else:
            self.ahead, self.back = Layer("lstm", dim, hidden), Layer("lstm", dim, hidden)

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        bound = (3 / self.embedding.shape[1]) ** 0.5  # Ma and Hovy 2016, section 4.1
        with torch.no_grad():
            self.embedding.uniform_(-bound, bound, generator=generator)
        if self.kind == "cnn":
            draw(self.filters, generator)
        else:
            self.ahead.reset(generator)
            self.back.reset(generator)

    def forward(self, spelled: Tensor, dropout: float) -> Tensor:
        """Return the vectors, (n_types, longest) to (n_types, n_out)."""
        x = functional.dropout(functional.embedding(spelled, self.embedding), dropout, self.training)
        real = spelled != 0
        if self.kind == "cnn":
            # Filler is zeros to the filters, as what stands beyond the row is, so that a row's length does not matter.
            y = self.filters((x * real[:, :, None]).transpose(1, 2))  # (n_types, n_out, longest)
            greatest: Tensor = y.masked_fill(~real[:, None], -torch.inf).amax(2)
            return greatest
        lengths = real.sum(1)
        turn = reversal(lengths.tolist(), spelled.device)  # (longest, n_types)
        x = x.transpose(0, 1)[: len(turn)]
        ahead, _ = self.ahead(x, self.ahead.zeros(x.shape[1]))
        back, _ = self.back(x.gather(0, turn[:, :, None].expand_as(x)), self.back.zeros(x.shape[1]))
        last = (lengths - 1)[None, :, None].expand(1, -1, ahead.shape[2])
        return torch.cat([ahead.gather(0, last)[0], back.gather(0, last)[0]], 1)


class TaggerNet(nn.Module):
    """From features of words to scores of labels.

    Parameters
    ----------
    shape : TaggerShape
    legal : tuple of ndarray of bool, optional
        For the CRF.
    dropout : float
        Share left out of the input, between the layers and of the output, the same at all steps.
    word_dropout : float
        Share of words whose features of the input are left out whole.
    """

    def __init__(
        self, shape: TaggerShape, legal: Legal | None = None, dropout: float = 0.0, word_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.shape, self.dropout, self.word_dropout = shape, dropout, word_dropout
        self.mixes = nn.ModuleList(LayerMix(max(source.layers, 1)) for source in shape.sources if source.layers)
        self.characters = None
        if shape.characters != "none":
            self.characters = Characters(
                shape.characters, shape.n_characters, shape.character_dim, shape.character_hidden
            )
        self.casing = nn.Parameter(torch.empty(CASES, _CASE_DIM)) if shape.casing else None
        n = shape.hidden
        sizes = [shape.width("input"), 2 * n + shape.width("middle"), *[2 * n] * shape.layers][: shape.layers]
        self.ahead, self.back = (nn.ModuleList(Layer("lstm", size, n) for size in sizes) for _ in range(2))
        self.output = nn.Linear(2 * n + shape.width("output"), shape.n_labels)
        self.crf = CRF(shape.n_labels, legal) if shape.crf else None

    def reset(self, seed: int) -> None:
        """Draw all weights."""
        generator = torch.Generator().manual_seed(seed % 2**63)
        if self.characters is not None:
            self.characters.reset(generator)
        if self.casing is not None:
            with torch.no_grad():
                self.casing.uniform_(-0.5, 0.5, generator=generator)
        for layer in (*self.ahead, *self.back):
            assert isinstance(layer, Layer)  # for the type checker
            layer.reset(generator)
            with torch.no_grad():
                layer.bias[layer.n_out : 2 * layer.n_out] = 1.0  # forget gates start open (Jozefowicz et al. 2015)
        draw(self.output, generator)

    def forward(self, inputs: Inputs) -> Tensor:
        """Return the score of each label at each step, shape (n_steps, batch, n_labels)."""
        entering = self._entering(inputs)
        x = torch.cat(entering["input"], 2)
        turn = reversal(inputs.lengths, x.device)
        for place, (ahead, back) in enumerate(zip(self.ahead, self.back, strict=True)):
            if place == 1:
                x = torch.cat([x, *entering["middle"]], 2)
            x = locked_dropout(x, self.dropout, self.training)
            x = read_both_ways(ahead, back, x, turn)
        x = torch.cat([x, *entering["output"]], 2)
        scores: Tensor = self.output(locked_dropout(x, self.dropout, self.training))
        return scores

    def loss(self, scores: Tensor, labels: Tensor, lengths: list[int]) -> Tensor:
        """Return the sum of minus the log probabilities of the sentences' labels, (n_steps, batch); -1 behind ends."""
        if self.crf is not None:
            return self.crf.loss(scores, labels.clamp(min=0), lengths).sum()
        return functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), ignore_index=-1, reduction="sum")

    def best(self, scores: Tensor, lengths: list[int]) -> list[list[int]]:
        """Return the likeliest labels of each sentence."""
        if self.crf is not None:
            return self.crf.best(scores, lengths)
        rows = scores.argmax(2).t().tolist()
        return [row[:length] for row, length in zip(rows, lengths, strict=True)]

    def probabilities(self, scores: Tensor, lengths: list[int]) -> Tensor:
        """Return the probability of each label at each step, (n_steps, batch, n_labels)."""
        return scores.softmax(2) if self.crf is None else self.crf.marginals(scores, lengths)

    def _entering(self, inputs: Inputs) -> dict[str, list[Tensor]]:
        """Return what enters at each place, each (n_steps, batch, n)."""
        found: dict[str, list[Tensor]] = {"input": [], "middle": [], "output": []}
        mixes = iter(self.mixes)
        for source, x in zip(self.shape.sources, inputs.sources, strict=True):
            found[source.place].append(next(mixes)(x) if source.layers else x)
        if self.word_dropout and self.training:
            kept = [torch.empty_like(x[:, :, :1]).bernoulli_(1 - self.word_dropout) for x in found["input"][:1]]
            found["input"] = [x * kept[0] for x in found["input"]]
        if self.characters is not None and inputs.spelled is not None and inputs.spellings is not None:
            vectors = self.characters(inputs.spelled, self.dropout)
            found["input"].append(functional.embedding(inputs.spellings, vectors))
        if self.casing is not None and inputs.casing is not None:
            found["input"].append(functional.embedding(inputs.casing, self.casing))
        return found


def read_both_ways(ahead: nn.Module, back: nn.Module, x: Tensor, turn: Tensor) -> Tensor:
    """Return the states of two LSTM layers that read from either end, side by side, (n_steps, batch, 2 n_out).

    Parameters
    ----------
    ahead, back : Layer
    x : Tensor, shape (n_steps, batch, n_in)
    turn : Tensor of int64, shape (n_steps, batch)
        As :func:`firth.contextual.bilm.reversal` gives it.
    """
    left, _ = ahead(x, ahead.zeros(x.shape[1]))  # type: ignore[operator]
    right, _ = back(x.gather(0, turn[:, :, None].expand_as(x)), back.zeros(x.shape[1]))  # type: ignore[operator]
    return torch.cat([left, right.gather(0, turn[:, :, None].expand_as(right))], 2)


def draw(module: nn.Conv1d | nn.Linear, generator: torch.Generator) -> None:
    """Draw a layer's weights evenly (Glorot and Bengio 2010), with a bias of zeros."""
    fan = module.weight[0].numel() + module.weight.shape[0] * module.weight[0, 0].numel()
    with torch.no_grad():
        module.weight.uniform_(-((6 / fan) ** 0.5), (6 / fan) ** 0.5, generator=generator)
        if module.bias is not None:
            module.bias.zero_()
