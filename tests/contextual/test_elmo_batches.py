"""A text as both directions read it: every token once in its sense, the right target behind each, in little memory."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firth.contextual.elmo_batches import NOTHING, Side, Types, both_sides, marked, stream_of
from firth.contextual.spelling import Spelling
from firth.lm.lexicon import Lexicon
from firth.text.corpus import as_corpus
from firth.text.vocab import Vocab

WORDS = ["a", "b", "c", "d"]
LEXICON = Lexicon.of(Vocab(WORDS[:3], [3, 2, 1]))  # d is out of it


def sides_of(sentences: list[list[int]], batch: int) -> tuple[Side, Side]:
    types = Types(WORDS, Spelling.bytes(6), LEXICON)
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    ends = np.cumsum([len(sentence) for sentence in sentences])
    return both_sides(marked(ids, ends, types.bos, types.eos), types, batch)


def steps_of(side: Side, bptt: int) -> list[tuple[int, int]]:
    """Every pair of what is read and what is predicted."""
    found = []
    for first in range(0, side.n_steps, bptt):
        read, wanted = side.stretch(first, min(first + bptt, side.n_steps))
        found += list(zip(read.ravel().tolist(), wanted.ravel().tolist(), strict=True))
    return found


def expected_steps(sentences: list[list[int]], *, backward: bool) -> list[tuple[int, int]]:
    """The same told sentence by sentence, by name."""
    bos, eos = 4, 5
    found = []
    for sentence in reversed(sentences) if backward else sentences:
        told = [LEXICON.vocab.get(WORDS[word], LEXICON.unk) for word in sentence]
        read = [eos, *reversed(sentence), bos] if backward else [bos, *sentence, eos]
        wanted = [*(reversed(told) if backward else told), LEXICON.eos, NOTHING]
        found += list(zip(read, wanted, strict=True))
    return found[:-1]  # what stands behind the text's last boundary is not read


SENTENCES = st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=6)


@given(SENTENCES, st.integers(1, 4))
def test_one_place_reads_the_text_in_order_and_its_reverse(sentences: list[list[int]], bptt: int) -> None:
    forward, backward = sides_of(sentences, 1)
    assert steps_of(forward, bptt) == expected_steps(sentences, backward=False)
    assert steps_of(backward, bptt) == expected_steps(sentences, backward=True)


@given(SENTENCES, st.integers(2, 5), st.integers(1, 4))
def test_several_places_leave_nothing_out(sentences: list[list[int]], batch: int, bptt: int) -> None:
    for side, backward in zip(sides_of(sentences, batch), (False, True), strict=True):
        found, expected = Counter(steps_of(side, bptt)), Counter(expected_steps(sentences, backward=backward))
        assert expected <= found
        assert sum(found.values()) < sum(expected.values()) + side.batch


def test_a_place_goes_on_where_its_stretch_before_ended() -> None:
    (side, _) = sides_of([[0, 1, 2, 3, 0, 1, 2], [3, 3]], 2)
    whole, _ = side.stretch(0, side.n_steps)
    pieces = [side.stretch(first, min(first + 2, side.n_steps))[0] for first in range(0, side.n_steps, 2)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    assert whole[:, 0].tolist() == side.stream[: side.n_steps].tolist()


def test_a_word_out_of_the_lexicon_is_spelled_and_predicted_as_unknown() -> None:
    types = Types(WORDS, Spelling.bytes(6), LEXICON)
    assert types.rows[3].tolist() == Spelling.bytes(6).rows(["d"])[0].tolist()
    assert types.targets.tolist() == [0, 1, 2, LEXICON.unk, LEXICON.eos, LEXICON.eos]
    assert types.unknown.tolist() == [False, False, False, True, False, False]
    assert types.rows[types.bos].tolist() == Spelling.bytes(6).boundaries()[0].tolist()


def test_a_text_takes_few_bytes_a_token() -> None:
    generator = np.random.default_rng(0)
    corpus = as_corpus([[WORDS[i] for i in generator.integers(0, 4, 1000)] for _ in range(200)])
    types = Types(corpus.vocab.words, Spelling.bytes(), LEXICON)
    tracemalloc.start()
    sides = both_sides(stream_of(corpus, types), types, 8)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(sides[0].stream) == 200_400
    assert kept < 5 * 200_000  # one array of int32 for both directions
    assert peak < 12 * 200_000
