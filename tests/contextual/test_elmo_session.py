"""State carried from batch to batch, against what bilm-tf published and against a reading of one long row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from firth.contextual.elmo_model import ElmoModel

Published = tuple[ElmoModel, list[list[list[str]]], list[list[np.ndarray]]]


def test_the_published_vectors(published: Published) -> None:
    model, batches, tops = published
    session = model.stateful()
    worst = 0.0
    for batch, expected in zip(batches, tops, strict=True):
        found = session.encode_layers(batch)
        for layers, top in zip(found, expected, strict=True):
            worst = max(worst, float(np.abs(layers[2] - top).max()))
    assert worst <= 2e-6


def test_without_state_they_are_others_and_do_not_depend_on_the_batch(published: Published) -> None:
    model, batches, tops = published
    differing = 0
    for batch, expected in zip(batches, tops, strict=True):
        together = model.encode_layers(batch)
        for sentence, layers, top in zip(batch, together, expected, strict=True):
            differing += float(np.abs(layers[2] - top).max()) > 1e-3
            assert np.array_equal(model.encode_layers([sentence])[0], layers)
    assert differing >= 27  # all but the first batch's, which began at zero too


def test_rows_keep_their_state_whatever_the_batches_sizes(elmo: Callable[..., ElmoModel]) -> None:
    """Every row alone in a session of its own gives the same: states meet rows, not places by length."""
    model = elmo()
    batches = [
        [["a", "b", "c"], ["d"]],
        [["e"], ["f", "g"], ["h", "i", "j", "k"]],
        [["l", "m"]],
        [[], ["n"], ["o", "p"]],
    ]
    session = model.stateful()
    together = [session.encode_layers(batch) for batch in batches]
    for row in range(3):
        alone = model.stateful()
        for batch, found in zip(batches, together, strict=True):
            if row >= len(batch):
                continue
            # A lone empty sentence moves no state, so a second row stands beside it.
            expected = alone.encode_layers([batch[row], ["beside"]])[0]
            assert found[row].shape == (3, len(batch[row]), 16)
            np.testing.assert_allclose(found[row], expected, atol=1e-5)


def test_an_empty_sentence_moves_the_state_only_beside_others(elmo: Callable[..., ElmoModel]) -> None:
    model = elmo()
    follow = []
    for between in ([], [[[]]], [[[], ["x"]]]):
        session = model.stateful()
        session.encode_layers([["a", "b"]])
        for batch in between:
            assert session.encode_layers(batch)[0].shape == (3, 0, 16)
        follow.append(session.encode_layers([["c"]])[0])
    assert np.array_equal(follow[0], follow[1])
    assert not np.allclose(follow[0], follow[2], atol=1e-4)


def test_reset_begins_anew(elmo: Callable[..., ElmoModel]) -> None:
    model = elmo()
    session = model.stateful()
    first, second = (session.encode_layers([["a", "b"]])[0] for _ in range(2))
    session.reset()
    assert not np.allclose(first, second, atol=1e-4)
    assert np.array_equal(session.encode_layers([["a", "b"]])[0], first)
    np.testing.assert_allclose(model.encode_layers([["a", "b"]])[0], first, atol=1e-6)
    assert not torch.is_grad_enabled() or not session._state[0][0][0].requires_grad
