"""What a decoder should write: the likeliest sequences by beam search, for many sources at once, or drawn ones.

A step of a beam search holds, for each source, the K best beginnings so far. Each is extended by every word; of all
extensions the 2 K with the highest log probability are looked at, best first: those among the first K that end the
sequence are finished and are scored; the first K of the others are the next beginnings. A source is done when K
sequences are finished. With K = 1 that is greedy search: the likeliest word at each step until the end is likeliest.

Finished sequences Y are ranked by equation 14 of Wu et al. 2016 (section 7):

    s(Y) = log P(Y | X) / lp(Y) + cp(X, Y),   lp = ((5 + |Y|) / 6) ^ alpha,   cp = beta sum_s log(min(sum_t a_ts, 1))

A product of probabilities falls with every word, so short sequences win by it; lp (|Y| counts the end) evens that out.
cp counts against a sequence the source steps s that attention never rested on. :mod:`firth.seq2seq.search_reference`
says the same in plain Python, a sequence at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firth.seq2seq.decoder import Memory, State
from firth.seq2seq.shape import BOS, EOS

__all__ = ["Found", "Search", "Stepper", "beam_search", "draw"]


class Stepper(Protocol):
    """What is searched: :class:`firth.seq2seq.model.Seq2Seq`, or anything else with its ``step``."""

    def step(self, ids: Tensor, state: State, memory: Memory) -> tuple[Tensor, Tensor, State]:
        """Return log probabilities (batch, beams, n), weights (batch, beams, n_states) and the states after."""
        ...


@dataclasses.dataclass(frozen=True)
class Search:
    """How to search.

    Attributes
    ----------
    beam : int
        K.
    length_penalty, coverage_penalty : float
        Alpha and beta.
    """

    beam: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0

    def score(self, log_prob: float, length: int, coverage: NDArray[np.float64]) -> float:
        """Return s(Y).

        Parameters
        ----------
        log_prob : float
        length : int
            Words, the end with them.
        coverage : ndarray, shape (n_states,)
            Sum of the weights on each source step.
        """
        penalty = ((5 + length) / 6) ** self.length_penalty
        covered = np.log(np.minimum(np.maximum(coverage, 1e-30), 1.0)).sum() if self.coverage_penalty else 0.0
        return float(log_prob / penalty + self.coverage_penalty * covered)


@dataclasses.dataclass(frozen=True)
class Found:
    """A sequence that was found.

    Attributes
    ----------
    ids : list of int
        The end with them, where it ended.
    log_prob, score : float
        Log P(Y | X), and s(Y).
    attention : ndarray of float32, shape (n_ids, n_states)
    """

    ids: list[int]
    log_prob: float
    score: float
    attention: NDArray[np.float32]

    @property
    def ended(self) -> bool:
        """Whether it ended by itself, and not at the greatest length."""
        return bool(self.ids) and self.ids[-1] == EOS


@dataclasses.dataclass
class _Beams:
    """Beginnings of sequences for the sources that are not done, K a source."""

    ids: Tensor  # (batch, beams, n_steps)
    log_probs: Tensor  # (batch, beams); minus infinity where there is no such beginning
    attention: Tensor  # (batch, beams, n_steps, n_states)
    state: State

    def of(self, rows: Tensor) -> _Beams:
        beams = self.ids.shape[1]
        every = (rows[:, None] * beams + torch.arange(beams, device=rows.device)).flatten()
        return _Beams(self.ids[rows], self.log_probs[rows], self.attention[rows], self.state.of(every))


@torch.no_grad()
def beam_search(
    net: Stepper, memory: Memory, state: State, longest: Sequence[int], search: Search
) -> list[list[Found]]:
    """Return the finished sequences of each source, best first; at least one, at most about 2 K.

    Parameters
    ----------
    net : Stepper
    memory : Memory
    state : State
        Before the first word, one sequence a source.
    longest : sequence of int
        Most words of each source's sequences, the end with them. What has not ended by then is taken as it is, in the
        place of finished sequences that lack.
    search : Search
    """
    found: list[list[Found]] = [[] for _ in longest]
    left = torch.arange(len(longest), device=memory.encoded.states.device)  # the sources that are not done
    beams = _begin(memory, state, search.beam)
    step = 0
    while len(left):
        step += 1
        beams = _extended(net, memory, beams, step, search, [found[n] for n in left.tolist()])
        going = []
        for row, number in enumerate(left.tolist()):
            done = found[number]
            if len(done) < search.beam and step >= longest[number]:
                _take_unfinished(beams, memory, row, search, done)
            elif len(done) < search.beam and bool(beams.log_probs[row].isfinite().any()):
                going.append(row)
        if len(going) < len(left):
            rows = torch.tensor(going, dtype=torch.int64, device=left.device)
            left, memory, beams = left[rows], memory.of(rows), beams.of(rows)
    return [sorted(done, key=lambda one: -one.score) for done in found]


def _begin(memory: Memory, state: State, n: int) -> _Beams:
    states = memory.encoded.states
    batch = len(states)
    log_probs = states.new_full((batch, n), -torch.inf, dtype=torch.float64)
    log_probs[:, 0] = 0.0
    ids = torch.full((batch, n, 1), BOS, device=states.device)
    rows = torch.arange(batch, device=states.device).repeat_interleave(n)
    return _Beams(ids, log_probs, states.new_zeros(batch, n, 0, states.shape[1]), state.of(rows))


def _extended(  # noqa: PLR0917
    net: Stepper, memory: Memory, beams: _Beams, step: int, search: Search, done: list[list[Found]]
) -> _Beams:
    """Return the beginnings that are a word longer, after what ended was put to ``done`` of its source."""
    said, weights, state = net.step(beams.ids[:, :, -1], beams.state, memory)
    batch, n, n_words = said.shape
    if not weights.shape[2]:
        weights = weights.new_zeros(batch, n, memory.encoded.states.shape[1])
    sums = beams.log_probs[:, :, None] + said.double()
    best, at = sums.flatten(1).topk(min(2 * n, n * n_words), dim=1)  # (batch, 2 n), best first
    parents, words = at // n_words, at % n_words
    attention = torch.cat([beams.attention, weights[:, :, None]], 2)
    _take_finished(beams, best, parents, words, attention, memory, search, done)
    # The first n that did not end: a stable sort by whether they ended keeps the order.
    ends = (words == EOS) | best.isneginf()
    kept = ends.to(torch.int8).sort(dim=1, stable=True)[1][:, :n]
    parents, words = parents.gather(1, kept), words.gather(1, kept)
    log_probs = best.masked_fill(ends, -torch.inf).gather(1, kept)
    rows = (torch.arange(batch, device=at.device)[:, None] * n + parents).flatten()
    ids = torch.cat([beams.ids.flatten(0, 1)[rows].view(batch, n, -1), words[:, :, None]], 2)
    return _Beams(ids, log_probs, attention.flatten(0, 1)[rows].view_as(attention), state.of(rows))


def _take_finished(  # noqa: PLR0917
    beams: _Beams,
    best: Tensor,
    parents: Tensor,
    words: Tensor,
    attention: Tensor,
    memory: Memory,
    search: Search,
    done: list[list[Found]],
) -> None:
    n = beams.ids.shape[1]
    ended = (words[:, :n] == EOS) & best[:, :n].isfinite()
    for row, place in ended.nonzero().tolist():
        parent = int(parents[row, place])
        ids = [*beams.ids[row, parent, 1:].tolist(), EOS]
        done[row].append(_scored(ids, float(best[row, place]), attention[row, parent], memory, row, search))


def _scored(ids: list[int], log_prob: float, attention: Tensor, memory: Memory, row: int, search: Search) -> Found:  # noqa: PLR0917
    real = memory.encoded.real[row]
    weights = attention[:, real].float().cpu().numpy()
    score = search.score(log_prob, len(ids), weights.sum(0, dtype=np.float64))
    return Found(ids, log_prob, score, weights)


def _take_unfinished(beams: _Beams, memory: Memory, row: int, search: Search, done: list[Found]) -> None:
    """Put the best beginnings to what is done, until there are K."""
    for place, log_prob in enumerate(beams.log_probs[row].tolist()):
        if len(done) < search.beam and log_prob > -np.inf:
            ids = beams.ids[row, place, 1:].tolist()
            done.append(_scored(ids, log_prob, beams.attention[row, place], memory, row, search))


@torch.no_grad()
def draw(  # noqa: PLR0917
    net: Stepper,
    memory: Memory,
    state: State,
    longest: Sequence[int],
    chances: Sequence[NDArray[np.float64]],
    temperature: float = 1.0,
    top: int = 0,
) -> list[Found]:
    """Return a drawn sequence for each source.

    Parameters
    ----------
    net, memory, state, longest
        As for :func:`beam_search`.
    chances : sequence of ndarray
        Numbers in [0, 1), one for each step of each source: they alone decide, so that company does not.
    temperature : float
        Log probabilities are divided by it: below 1 likely words become likelier.
    top : int
        Draw from the likeliest so many words only; 0 is no limit.
    """
    beams, search = _begin(memory, state, 1), Search(1, 0.0)
    found: list[Found | None] = [None] * len(longest)
    left = torch.arange(len(longest), device=memory.encoded.states.device)
    for step in range(max(longest, default=0)):
        said, weights, after = net.step(beams.ids[:, :, -1], beams.state, memory)
        if not weights.shape[2]:
            weights = weights.new_zeros(*weights.shape[:2], memory.encoded.states.shape[1])
        wanted = [chances[number][step] for number in left.tolist()]
        words = _drawn(said[:, 0].double() / temperature, torch.tensor(wanted, device=left.device), top)
        log_probs = beams.log_probs + said[:, 0].double().gather(1, words[:, None])
        ids = torch.cat([beams.ids, words[:, None, None]], 2)
        beams = _Beams(ids, log_probs, torch.cat([beams.attention, weights[:, :, None]], 2), after)
        going = []
        for row, number in enumerate(left.tolist()):
            if int(words[row]) == EOS or step + 1 >= longest[number]:
                told = beams.ids[row, 0, 1:].tolist()
                total = float(log_probs[row, 0])
                found[number] = _scored(told, total, beams.attention[row, 0], memory, row, search)
            else:
                going.append(row)
        if len(going) < len(left):
            rows = torch.tensor(going, dtype=torch.int64, device=left.device)
            left, memory, beams = left[rows], memory.of(rows), beams.of(rows)
        if not going:
            break
    return [one for one in found if one is not None]


def _drawn(said: Tensor, wanted: Tensor, top: int) -> Tensor:
    """Return words by the inverse of their distribution function, shape (batch,)."""
    if top and top < said.shape[1]:
        said = said.masked_fill(said < said.topk(top, dim=1)[0][:, -1:], -torch.inf)
    sums = said.softmax(1).cumsum(1)
    wanted = wanted[:, None] * sums[:, -1:]
    # The first word whose sum is above the number; one without probability never is.
    return torch.searchsorted(sums, wanted, right=True).clamp(max=said.shape[1] - 1)[:, 0]
