"""The neural cache against the paper's equations, written as loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firth.lm.neural_cache import CachedModel, NeuralCache
from firth.lm.neural_cache_fit import fit_cache
from firth.lm.rnn_model import RNNModel
from firth.protocols import Float64, Int32

from .test_rnn import small_model

IDS = np.array([0, 1, 4, 5, 0, 1, 4, 2, 5, 0, 1, 3, 5], np.int32)


def literal(model: RNNModel, ids: Int32, settings: NeuralCache) -> list[Float64]:
    """Return the distribution over words before each prediction: equations 3 to 5, one step at a time."""
    hidden, _ = model.hidden(ids, model.start())
    h = hidden.detach().double().numpy()
    found, state = [], model.start()
    for t in range(len(ids)):
        plain = np.exp(model.next_log_probs(state))
        kept = range(max(t - settings.window, 0), t)
        cache = np.zeros(len(plain))
        for i in kept:
            cache[ids[i]] += np.exp(settings.flatness * float(h[t] @ h[i]))
        mixed = (1 - settings.share) * plain + settings.share * cache / cache.sum() if kept else plain
        found.append(np.log(mixed))
        _, state = model.score(ids[t : t + 1], state)
    return found


@pytest.mark.parametrize("window", [1, 4, 100])
@pytest.mark.parametrize("block", [1, 5, 256])
def test_the_cache_is_the_paper_s(window: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.lm.neural_cache._BLOCK", block)
    settings = NeuralCache(window=window, share=0.3, flatness=0.8)
    model = small_model()
    cached = CachedModel(model, settings)
    expected = literal(model, IDS, settings)
    scores, _ = cached.score(IDS, cached.start())
    np.testing.assert_allclose(scores, [law[word] for law, word in zip(expected, IDS, strict=True)], atol=1e-5)
    state = cached.start()
    for law, word in zip(expected, IDS, strict=True):
        told = cached.next_log_probs(state)
        np.testing.assert_allclose(told, law, atol=1e-5)
        assert np.exp(told).sum() == pytest.approx(1, abs=1e-9)
        _, state = cached.score(np.array([word], np.int32), state)


def test_a_state_is_a_value_and_never_longer_than_the_window() -> None:
    cached = CachedModel(small_model(), NeuralCache(window=3))
    _, state = cached.score(IDS, cached.start())
    once = cached.next_log_probs(state)
    cached.score(IDS[:4], state)
    np.testing.assert_array_equal(cached.next_log_probs(state), once)
    assert state.keys.shape == (3, 3)
    assert torch.equal(state.words, torch.tensor([1, 3, 5]))


def test_a_share_of_zero_leaves_the_model_alone() -> None:
    model = small_model()
    cached = CachedModel(model, NeuralCache(share=0.0))
    np.testing.assert_allclose(cached.score(IDS, cached.start())[0], model.score(IDS, model.start())[0], atol=1e-5)


def test_fitting_finds_what_is_best_of_the_grid() -> None:
    model = small_model()
    words = [model.vocab.words[i] for i in IDS]
    text = [[word for word in words if word != "<eos>"]] * 5
    fitted = fit_cache(model, text, window=20)
    told = CachedModel(model, fitted.settings).perplexity(text).with_unknown
    assert fitted.perplexity == pytest.approx(told, rel=1e-4)
    for flatness in (0.05, 0.3, 1.0):
        for share in (0.05, 0.3, 0.7):
            other = CachedModel(model, NeuralCache(window=20, share=share, flatness=flatness))
            assert other.perplexity(text).with_unknown >= told - 1e-6
