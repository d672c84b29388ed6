"""Beam search against its twin, against all sequences there are, and in company; what is drawn against its chances."""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.seq2seq import search_reference
from firth.seq2seq.decoder import Memory, State
from firth.seq2seq.encoder import Encoded
from firth.seq2seq.model import Seq2Seq
from firth.seq2seq.search import Found, Search, beam_search, draw
from firth.seq2seq.shape import BOS, EOS, PAD

N_WORDS, N_STATES = 6, 3  # two of the words may be written beside <unk> and the end


class Chances:
    """A decoder whose next word depends on the source's number and on all words before, by a hash of them."""

    def __init__(self, seed: int, sharpness: float = 1.0) -> None:
        self.seed, self.sharpness = seed, sharpness

    def said(self, source: int, words: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng([self.seed, source, *words, len(words)])
        logits = self.sharpness * random.standard_normal(N_WORDS)
        logits[[PAD, BOS]] = -np.inf
        weights = random.dirichlet(np.ones(N_STATES))
        return logits - np.log(np.exp(logits).sum()), weights.astype(np.float32).astype(np.float64)

    def step(self, ids: torch.Tensor, state: State, memory: Memory) -> tuple[torch.Tensor, torch.Tensor, State]:
        batch, beams = ids.shape
        old = state.layers[0][0].view(batch, beams, -1).long()  # source, number of words, words
        words = old[:, :, 2:].clone()
        n = old[:, :, 1]
        begun = ids != BOS
        words.scatter_(2, n[:, :, None].clamp(max=words.shape[2] - 1), (ids * begun)[:, :, None])
        after = torch.cat([old[:, :, :1], (n + begun)[:, :, None], words], 2)
        made = [
            [self.said(int(row[0]), tuple(row[2 : 2 + int(row[1])].tolist())) for row in rows] for rows in after
        ]  # fmt: skip
        log_probs, weights = (torch.tensor(np.array([[one[k] for one in row] for row in made])) for k in (0, 1))
        return log_probs, weights, State([after.flatten(0, 1)[None].double()])


def begun(sources: Sequence[int], longest: int = 12) -> tuple[Memory, State]:
    real = torch.ones(len(sources), N_STATES, dtype=torch.bool)
    states = torch.zeros(len(sources), N_STATES, 1, dtype=torch.float64)
    state = torch.zeros(1, len(sources), longest + 2, dtype=torch.float64)
    state[0, :, 0] = torch.tensor(sources)
    return Memory(Encoded(states, real, states[:, 0]), []), State([state])


def found(chances: Chances, sources: Sequence[int], longest: int, search: Search) -> list[list[Found]]:
    return beam_search(chances, *begun(sources), [longest] * len(sources), search)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    beam=st.integers(1, 6),
    longest=st.integers(1, 8),
    alpha=st.sampled_from([0.0, 0.6, 1.0]),
    beta=st.sampled_from([0.0, 0.4]),
    sharpness=st.sampled_from([0.5, 3.0]),
)
def test_the_twin_finds_the_same(  # noqa: PLR0917
    seed: int, beam: int, longest: int, alpha: float, beta: float, sharpness: float
) -> None:
    chances = Chances(seed, sharpness)
    for source, several in zip([1, 2], found(chances, [1, 2], longest, Search(beam, alpha, beta)), strict=True):
        wanted = search_reference.beam_search(
            lambda words, source=source: tuple(map(list, chances.said(source, words))), EOS, beam, longest, alpha, beta
        )
        assert [one.ids for one in several] == [list(words) for _, _, words in wanted]
        assert [one.score for one in several] == pytest.approx([score for score, _, _ in wanted], rel=1e-5)
        assert [one.log_prob for one in several] == pytest.approx([log_prob for _, log_prob, _ in wanted])


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_of_all_sequences(seed: int) -> None:
    chances = Chances(seed, 0.7)
    every = search_reference.every_sequence(lambda words: tuple(map(list, chances.said(1, words))), EOS, 5)
    (several,) = found(chances, [1], 5, Search(4**5, 0.0))
    ended = [one for one in several if one.ended]
    assert [one.ids for one in ended] == [list(words) for _, words in every]
    assert sum(math.exp(one.log_prob) for one in several) == pytest.approx(1)  # the unfinished with them


def test_greedy_takes_the_likeliest_word_each_time() -> None:
    chances = Chances(7)
    (several,) = found(chances, [3], 9, Search(1))
    words: tuple[int, ...] = ()
    while len(words) < 9 and (not words or words[-1] != EOS):
        words = (*words, int(chances.said(3, words)[0].argmax()))
    assert [one.ids for one in several] == [list(words)]


def test_company_changes_nothing() -> None:
    """Sources of different limits, which are done at different times."""
    chances, sources, search = Chances(11, 2.0), list(range(8)), Search(3, 1.0, 0.2)
    limits = [3, 9, 1, 12, 5, 9, 2, 12]
    together = beam_search(chances, *begun(sources), limits, search)
    for source, limit, several in zip(sources, limits, together, strict=True):
        (alone,) = beam_search(chances, *begun([source]), [limit], search)
        assert [(a.ids, a.score, a.attention.tolist()) for a in alone] == [
            (a.ids, a.score, a.attention.tolist()) for a in several
        ]
        assert all(len(one.ids) <= limit for one in several)


def test_attention_is_that_of_the_words_written() -> None:
    chances = Chances(5, 2.0)
    (several,) = found(chances, [2], 8, Search(4, 1.0))
    for one in several:
        for step in range(len(one.ids)):
            assert np.allclose(one.attention[step], chances.said(2, tuple(one.ids[:step]))[1])


def test_a_longer_sequence_wins_by_the_length_penalty() -> None:
    class Two:
        """The end at once has probability 0.5; else 4 comes three times, and then the end: 0.4 in all."""

        def step(self, ids: torch.Tensor, state: State, memory: Memory) -> tuple[torch.Tensor, torch.Tensor, State]:
            step = state.layers[0][:, :, 1]
            said = torch.full((1, ids.shape[1], N_WORDS), -torch.inf, dtype=torch.float64)
            for beam in range(ids.shape[1]):
                n = int(step[0, beam])
                said[0, beam, EOS] = math.log(0.5) if n == 0 else 0.0 if n == 3 else -torch.inf
                said[0, beam, 4] = math.log(0.4) if n == 0 else 0.0 if n < 3 else -torch.inf
            after = state.layers[0].clone()
            after[:, :, 1] += 1
            return said, torch.full((1, ids.shape[1], N_STATES), 1 / 3, dtype=torch.float64), State([after])

    short, long = (beam_search(Two(), *begun([0]), [9], Search(2, alpha))[0][0].ids for alpha in (0.0, 1.0))
    assert (short, long) == ([EOS], [4, 4, 4, EOS])


def test_the_coverage_penalty_counts_what_was_never_looked_at() -> None:
    search, even = Search(1, 0.0, 0.5), np.array([1.0, 2.0])
    assert search.score(-1.0, 3, even) == -1.0
    assert search.score(-1.0, 3, np.array([1.0, 0.25])) == pytest.approx(-1.0 + 0.5 * math.log(0.25))
    assert math.isfinite(search.score(-1.0, 3, np.array([1.0, 0.0])))


@pytest.mark.parametrize(
    "way", [{}, {"attention": "none"}, {"feeding": "input"}, {"feeding": "context", "cell": "gru"}], ids=str
)
def test_a_net_says_of_what_it_wrote_what_the_search_says(net: Callable[..., Seq2Seq], way: dict[str, str]) -> None:
    made = net(**way)
    source, lengths = torch.tensor([[4, 5], [6, EOS], [EOS, PAD]]), torch.tensor([3, 2])
    memory = made.remember(source, lengths)
    several = beam_search(made, memory, made.decoder.start(memory), [6, 6], Search(4, 0.0))
    for row, some in enumerate(several):
        assert len({tuple(one.ids) for one in some}) == len(some) >= 4
        for one in some:
            target = torch.tensor(one.ids)[:, None]
            readouts = made.readouts(memory.of(torch.tensor([row])), target)
            each = made.softmax.log_probs(readouts[:, 0]).gather(1, target)
            assert each.sum().item() == pytest.approx(one.log_prob)
            assert one.attention.shape == (len(one.ids), int(lengths[row]))


# ------------------------------------------------------------------ drawing
def test_what_is_drawn_has_its_chances() -> None:
    chances, n = Chances(2, 0.8), 4000
    random = np.random.default_rng(1).random((n, 3))
    drawn = draw(chances, *begun([1] * n), [3] * n, list(random))
    counts = collections.Counter(tuple(one.ids) for one in drawn)
    every = search_reference.every_sequence(lambda words: tuple(map(list, chances.said(1, words))), EOS, 3)
    for log_prob, words in every[:6]:
        expected = math.exp(log_prob)
        assert counts[words] / n == pytest.approx(expected, abs=4 * math.sqrt(expected / n))
    alone = draw(chances, *begun([1]), [3], [random[17]])
    assert alone[0].ids == drawn[17].ids
    assert alone[0].log_prob == drawn[17].log_prob


def test_the_likeliest_only() -> None:
    chances = Chances(3)
    random = list(np.random.default_rng(1).random((50, 6)))
    greedy = found(chances, [1], 6, Search(1))[0][0].ids
    assert all(one.ids == greedy for one in draw(chances, *begun([1] * 50), [6] * 50, random, top=1))
    assert all(one.ids == greedy for one in draw(chances, *begun([1] * 50), [6] * 50, random, temperature=1e-3))
    two = draw(chances, *begun([1] * 50), [6] * 50, random, top=2)
    assert {one.ids[0] for one in two} == set(np.argsort(-chances.said(1, ())[0])[:2].tolist())
