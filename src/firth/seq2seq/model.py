"""The encoder-decoder: what a target costs given its source, and how it goes on, word by word.

Sutskever, Vinyals and Le 2014; Cho et al. 2014; Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from firth.nn.softmax import FullSoftmax
from firth.seq2seq.decoder import Decoder, Memory, State
from firth.seq2seq.encoder import Encoder
from firth.seq2seq.shape import BOS, PAD, Shape

__all__ = ["Seq2Seq", "smoothed"]


class Seq2Seq(nn.Module):
    """An encoder, a decoder and a softmax.

    Parameters
    ----------
    shape : Shape
    dropout, word_dropout : float
        As for :class:`~firth.seq2seq.encoder.Encoder`; the second on both sides.
    """

    def __init__(self, shape: Shape, dropout: float = 0.0, word_dropout: float = 0.0) -> None:
        super().__init__()
        self.shape, self.word_dropout = shape, word_dropout
        self.target = nn.Parameter(torch.empty(shape.n_target, shape.dim))
        own = None
        if shape.n_source:
            own = self.target if shape.tie == "all" else nn.Parameter(torch.empty(shape.n_source, shape.dim))
        self.encoder = Encoder(shape, own, dropout, word_dropout)
        self.decoder = Decoder(shape, dropout)
        self.softmax = FullSoftmax(shape.dim, shape.n_target, None if shape.tie == "none" else self.target)

    def reset(self, seed: int) -> None:
        """Draw all weights."""
        generator = torch.Generator().manual_seed(seed % 2**63)
        bound = math.sqrt(3 / self.shape.dim)  # vectors are about 1 long, however many numbers they have
        with torch.no_grad():
            self.target.uniform_(-bound, bound, generator=generator)
            if self.encoder.embedding is not None and self.shape.tie != "all":
                self.encoder.embedding.uniform_(-bound, bound, generator=generator)
        self.softmax.reset(bound, generator)
        self.encoder.reset(generator)
        self.decoder.reset(generator)

    def remember(self, source: Tensor, lengths: Tensor) -> Memory:
        """Read sources, as :class:`~firth.seq2seq.encoder.Encoder` takes them."""
        return self.decoder.remember(self.encoder(source, lengths))

    def readouts(self, memory: Memory, target: Tensor, teacher: float = 1.0) -> Tensor:
        """Return what the softmax reads at each step of targets.

        Parameters
        ----------
        memory : Memory
        target : Tensor of int64, shape (n_steps, batch)
            Words, the end with them, filler behind it.
        teacher : float
            Chance that a step is given the word that stands in the target before it; else it is given a word drawn from
            what the net itself said there (Bengio et al. 2015, section 2.4).

        Returns
        -------
        Tensor, shape (n_steps, batch, dim)
        """
        given = torch.cat([torch.full_like(target[:1], BOS), target[:-1]])
        state = self.decoder.start(memory)
        if teacher >= 1.0:
            return self.decoder.run(self._vectors(given), state, memory)[0]

        def word(step: int, readout: Tensor | None) -> Tensor:
            ids = given[step]
            if readout is not None:
                own = self._drawn(readout.detach())
                ids = torch.where(torch.rand(ids.shape, device=ids.device) < teacher, ids, own)
            return self._vectors(ids[None])[0]

        return self.decoder.walk(len(given), word, state, memory)[0]

    def loss(
        self, memory: Memory, target: Tensor, teacher: float = 1.0, smoothing: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Return the sum of minus the log probabilities of targets, smoothed and plain; as for :meth:`readouts`."""
        readouts = self.readouts(memory, target, teacher)
        real = target.flatten() != PAD
        wanted = target.flatten()[real]
        with torch.autocast(target.device.type, enabled=False):  # sums over all words need their digits
            hidden = readouts.flatten(0, 1)[real].to(self.target.dtype)
            plain = self.softmax.loss(hidden, wanted)
            if not smoothing:
                return plain, plain
            return plain + smoothing * smoothed(hidden, self.softmax, wanted), plain

    def step(self, ids: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor, State]:
        """Go one step on in several sequences of each source.

        Parameters
        ----------
        ids : Tensor of int64, shape (batch, beams)
            The last word of each.

        Returns
        -------
        Tensor, shape (batch, beams, n_target)
            Log probabilities of each next word; of filler and of the mark of the begin minus infinity.
        Tensor, shape (batch, beams, n_states)
            Weights of attention.
        State
        """
        batch, beams = ids.shape
        x = functional.embedding(ids.flatten(), self.target)
        readout, weights, after = self.decoder.step(x, state, memory, beams)
        found = self.softmax.log_probs(readout).view(batch, beams, -1)
        found[:, :, [PAD, BOS]] = -math.inf
        return found, weights, after

    def _vectors(self, ids: Tensor) -> Tensor:
        x = functional.embedding(ids, self.target)
        if self.training and self.word_dropout:
            x = x * torch.empty_like(x[:, :, :1]).bernoulli_(1 - self.word_dropout)
        return x

    @torch.no_grad()
    def _drawn(self, readout: Tensor) -> Tensor:
        chances = self.softmax.log_probs(readout).exp()
        return torch.multinomial(chances, 1)[:, 0]


def smoothed(hidden: Tensor, softmax: FullSoftmax, wanted: Tensor) -> Tensor:
    """Return what label smoothing adds to the loss, by its share: sum of z_t - mean_v z_v.

    Szegedy et al. 2016, section 7: the target is 1 - s of the word and s of the even distribution over all words. With
    logits z, log p_v = z_v - log Z, so that

        -(1 - s) log p_t - s mean_v log p_v  =  -log p_t  +  s (z_t - mean_v z_v)

    and the mean of the logits is h . mean_v w_v + mean_v b_v: one product a step, not one with every word.
    """
    weight, bias = softmax.weight[: softmax.n_outputs], softmax.bias
    told = (hidden * functional.embedding(wanted, weight)).sum() + bias[wanted].sum()
    mean = (hidden @ weight.mean(0)).sum() + len(hidden) * bias.mean()
    return told - mean
