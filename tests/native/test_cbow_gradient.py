"""What one step of CBOW does to each context word, beside the slope of the loss of that example.

Source: Irsoy, Benton and Stratos 2021, arXiv 2012.15332, section 3: the mean's gradient carries 1 / C.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from firth.static.reference import Block, Examples
from firth.static.sampling import alias_table
from firth.static.task import Model, Schedule, Task, Text, aligned_rows

Array = NDArray[np.float64]

RATE, DIM, N_WORDS, NEGATIVE, STEP = 0.3, 7, 9, 3, 1e-5
CENTRE, POOL = 4, [5, 6, 4, 5]  # the centre word itself among the noise counts for nothing
CONTEXTS = {"four words": [0, 1, 2, 3], "one word twice": [0, 1, 0], "one word": [2]}


def _task(form: str) -> Task:
    return Task(
        text=Text(np.zeros(1, np.int32), np.ones(1, np.int64)),
        model=Model(aligned_rows(N_WORDS, DIM), aligned_rows(N_WORDS, DIM), DIM),
        n_words=N_WORDS,
        keep=np.full(N_WORDS, 2**32 - 1, np.uint32),
        noise=alias_table(np.ones(N_WORDS)),
        tree=None,
        frozen=None,
        architecture="cbow",
        loss="negative",
        context=form,
        window=5,
        dynamic_window=False,
        negative=NEGATIVE,
        epochs=1,
        rate=RATE,
        seed=1,
        deterministic=True,
        schedule=Schedule(group=1, pool=len(POOL)),
    )


def _matrices() -> tuple[Array, Array]:
    random = np.random.default_rng(5)
    return random.normal(size=(N_WORDS, DIM)), random.normal(size=(N_WORDS, DIM))


def _loss(form: str, context: list[int], x: Array, y: Array) -> float:
    """Equation 4 of Mikolov et al. 2013b, written out anew."""
    hidden = x[context].sum(axis=0) if form == "sum" else x[context].mean(axis=0)
    noise = [word for word in POOL if word != CENTRE]
    made_up = sum(np.logaddexp(0.0, y[word] @ hidden) for word in noise)
    return float(np.logaddexp(0.0, -(y[CENTRE] @ hidden)) + NEGATIVE / len(POOL) * made_up)


def _slope(form: str, context: list[int], x: Array, y: Array, of: Array) -> Array:
    slope = np.empty_like(of)
    for place in np.ndindex(*of.shape):
        kept = of[place]
        of[place] = kept + STEP
        above = _loss(form, context, x, y)
        of[place] = kept - STEP
        slope[place] = (above - _loss(form, context, x, y)) / (2 * STEP)
        of[place] = kept
    return slope


def _moved(form: str, context: list[int]) -> tuple[Array, Array, float]:
    x, y = _matrices()
    words = [*context, CENTRE]
    last = len(words) - 1
    block = Block(words, last, last + 1, [list(range(last))], [POOL], RATE)
    examples = Examples(_task(form), block, x, y)
    examples.run()
    before_x, before_y = _matrices()
    return x - before_x, y - before_y, examples.loss


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
@pytest.mark.parametrize("form", ["mean", "sum"])
def test_every_row_moves_by_the_rate_times_the_slope(form: str, context: list[int]) -> None:
    x, y = _matrices()
    moved_x, moved_y, loss = _moved(form, context)
    assert loss == pytest.approx(_loss(form, context, x, y), rel=1e-12)
    np.testing.assert_allclose(moved_x, -RATE * _slope(form, context, x, y, x), atol=1e-9)
    np.testing.assert_allclose(moved_y, -RATE * _slope(form, context, x, y, y), atol=1e-9)
    assert np.abs(moved_x[context]).max() > 0.01


@pytest.mark.parametrize("context", [CONTEXTS["four words"], CONTEXTS["one word twice"]])
def test_the_historic_form_moves_the_context_as_many_times_too_far_as_it_has_words(context: list[int]) -> None:
    x, y = _matrices()
    moved, moved_y, _ = _moved("historic", context)
    true = -RATE * _slope("mean", context, x, y, x)
    assert np.abs(moved - true).max() > 0.01
    np.testing.assert_allclose(moved, len(context) * true, atol=1e-8)
    np.testing.assert_allclose(moved_y, -RATE * _slope("mean", context, x, y, y), atol=1e-9)
