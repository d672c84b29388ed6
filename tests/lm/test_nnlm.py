"""The NNLM against its NumPy twin, on the examples that explain it, and as a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import ConfigError, DataError
from firth.lm.contexts import contexts_at, places_in_sentence
from firth.lm.nnlm import NNLM, NNLMModel, train
from firth.lm.nnlm_module import NNLMModule, cross_entropy
from firth.lm.nnlm_reference import gradients, log_probs, loss

SENTENCES = "I like milk,I love hot-pot,I hate coffee,I want sing,I am sleep,I go home,I love English"
SEVEN = [sentence.split() for sentence in SENTENCES.split(",")]
SMALL = NNLM(context=2, dim=8, hidden=16, dropout=0, hidden_dropout=0, rate=0.05, epochs=60, batch=8)


def module(*, direct: bool = False, tie: bool = False, dim: int = 3, hidden: int = 4) -> NNLMModule:
    torch.manual_seed(3)
    made = NNLMModule(7, 6, context=2, dim=dim, hidden=hidden, direct=direct, tie=tie).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_()
    return made


def theta(net: NNLMModule) -> dict[str, Any]:
    assert net.C is not None
    tensors = {"C": net.C.weight, "H": net.H.weight, "d": net.H.bias, "U": net.output, "b": net.b}
    if net.W is not None:
        tensors["W"] = net.W.weight
    return {name: value.detach().numpy() for name, value in tensors.items()}


CONTEXTS = np.array([[0, 1], [6, 6], [1, 1], [5, 0], [0, 1]])
TARGETS = np.array([2, 0, 5, 5, 3])


@pytest.mark.parametrize("direct", [False, True])
def test_gradients_by_hand_equal_autograd(direct: bool) -> None:
    net = module(direct=direct)
    at, found = gradients(theta(net), CONTEXTS, TARGETS)
    total = cross_entropy(net(torch.from_numpy(CONTEXTS)), torch.from_numpy(TARGETS))
    total.backward()
    assert abs(at - total.item()) < 1e-12
    assert net.C is not None
    theirs = {"C": net.C.weight, "H": net.H.weight, "d": net.H.bias, "U": net.U, "b": net.b}
    if net.W is not None:
        theirs["W"] = net.W.weight
    assert found.keys() == theirs.keys()
    for name, value in theirs.items():
        assert value is not None
        assert value.grad is not None
        np.testing.assert_allclose(found[name], value.grad.numpy(), atol=1e-10, rtol=0)


def test_tied_gradient_is_the_sum_of_those_of_both_uses() -> None:
    net = module(tie=True, dim=4)
    _, found = gradients(theta(net), CONTEXTS, TARGETS)
    cross_entropy(net(torch.from_numpy(CONTEXTS)), torch.from_numpy(TARGETS)).backward()
    both = found["C"].copy()
    both[:6] += found["U"]
    assert net.C is not None
    assert net.C.weight.grad is not None
    np.testing.assert_allclose(both, net.C.weight.grad.numpy(), atol=1e-10, rtol=0)


def test_gradients_by_hand_equal_finite_differences() -> None:
    values = theta(module(direct=True))
    _, found = gradients(values, CONTEXTS, TARGETS)
    for name, array in values.items():
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + 1e-5
            above = loss(values, CONTEXTS, TARGETS)
            array[place] = kept - 1e-5
            below = loss(values, CONTEXTS, TARGETS)
            array[place] = kept
            assert abs((above - below) / 2e-5 - found[name][place]) < 1e-7, (name, place)


def test_onehot_net_is_an_embedding_net_whose_vectors_are_the_identity() -> None:
    torch.manual_seed(1)
    net = NNLMModule(7, 6, context=2, dim=99, hidden=4, direct=True, input="onehot").double()
    assert net.W is not None
    assert net.U is not None
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_()
    values = {"C": np.eye(7), "H": net.H.weight, "d": net.H.bias, "U": net.U, "b": net.b, "W": net.W.weight}
    plain = {name: v.detach().numpy() if isinstance(v, torch.Tensor) else v for name, v in values.items()}
    scores = torch.log_softmax(net(torch.from_numpy(CONTEXTS)), 1).detach().numpy()
    np.testing.assert_allclose(scores, log_probs(plain, CONTEXTS), atol=1e-12)


def test_cross_entropy_equals_torchs_own() -> None:
    torch.manual_seed(2)
    logits = (5 * torch.randn(6, 9, dtype=torch.float64)).requires_grad_()
    targets = torch.tensor([0, 8, 3, 3, 1, 7])
    ours, theirs = (
        cross_entropy(logits * 1, targets),
        torch.nn.functional.cross_entropy(logits, targets, reduction="sum"),
    )
    assert torch.allclose(ours, theirs, atol=1e-12)
    mine = torch.autograd.grad(3 * ours, logits)[0]
    assert torch.allclose(mine, torch.autograd.grad(3 * theirs, logits)[0], atol=1e-12)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=30), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_contexts_are_the_words_before_within_the_sentence(words: list[int], n: int) -> None:
    eos, bos = 4, 9
    ids = np.array(words, np.int32)
    found = contexts_at(ids, places_in_sentence(ids, eos, n), np.arange(len(ids)), n, bos)
    for place in range(len(words)):
        sentence = words[:place]
        while eos in sentence:
            sentence = sentence[sentence.index(eos) + 1 :]
        assert found[place].tolist() == ([bos] * n + sentence)[-n:]


def test_last_words_of_seven_sentences_are_learnt() -> None:
    model = train(SEVEN, SMALL, threads=1).model
    for sentence in SEVEN:
        *context, last = sentence
        wanted = {other[2] for other in SEVEN if other[:2] == context}  # love goes on in two ways
        best = {word for word, _ in model.next_words(context, k=len(wanted))}
        assert best == wanted
        assert last in best


# Orange and apple end the same sentences. What follows "a glass of" depends on the word there, and only of orange was
# it ever read that it is juice; apple was read before an end of a sentence alone.
ALIKE = [
    "I eat an",
    "she peels the",
    "we bought one",
    "my red",
    "he cut his",
    "you like this",
    "they grow every",
    "a ripe",
]
ORANGES = [
    *(f"{before} {fruit}" for before in ALIKE for fruit in ("orange", "apple")),
    *["I want a glass of orange juice"] * 3,
    *(f"I want a glass of {drink}" for drink in ("milk", "water", "tea", "wine")),
]


def juice(kind: str, *, tie: bool, seed: int) -> dict[str, str]:
    """Return the likeliest word after orange and apple in the glass."""
    sides = {"context": 2, "dim": 16, "hidden": 16, "dropout": 0, "hidden_dropout": 0}
    options = NNLM(**sides, input=kind, tie=tie, rate=0.02, epochs=120, batch=16, seed=seed)
    model = train(ORANGES, options, threads=1).model
    return {
        word: model.next_words(f"I want a glass of {word}".split(), k=1)[0][0] for word in ("orange", "apple", "milk")
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_learnt_of_orange_holds_for_apple_with_embeddings_but_not_with_onehot_input(seed: int) -> None:
    assert juice("embedding", tie=True, seed=seed) == {"orange": "juice", "apple": "juice", "milk": "<eos>"}
    assert juice("onehot", tie=False, seed=seed) == {"orange": "juice", "apple": "<eos>", "milk": "<eos>"}


@pytest.fixture(scope="module")
def model() -> NNLMModel:
    return train(SEVEN, SMALL, threads=1).model


def test_scores_are_those_of_the_next_word_one_at_a_time(model: NNLMModel) -> None:
    ids = model.lexicon.stream([["I", "love", "milk"], [], ["I", "zebra"]]).ids
    scores, end = model.score(ids, model.start())
    state = model.start()
    for place, i in enumerate(ids):
        chances = model.next_log_probs(state)
        assert abs(np.exp(chances).sum() - 1) < 1e-12
        assert abs(chances[i] - scores[place]) < 1e-5
        state = model.score(ids[place : place + 1], state)[1]
    assert state.tolist() == end.tolist() == model.start().tolist()


def test_runs_scored_together_are_scored_apart(model: NNLMModel) -> None:
    runs = [model.lexicon.stream([["I", "go"]]).ids[:-1], np.zeros(0, np.int32), model.lexicon.stream([["home"]]).ids]
    together = model.score_apart(runs)
    assert [len(scores) for scores in together] == [2, 0, 2]
    for run, scores in zip(runs, together, strict=True):
        np.testing.assert_allclose(scores, model.score(run, model.start())[0], atol=1e-6)


def test_perplexity_is_e_to_the_heldout_loss_that_training_told() -> None:
    made = train(SEVEN, SMALL, threads=1, heldout=[["I", "like", "home"], ["I", "sing"]])
    best = min(loss for loss in made.heldout if loss is not None)
    assert abs(np.log(made.model.perplexity([["I", "like", "home"], ["I", "sing"]]).with_unknown) - best) < 1e-5


def test_vectors_are_the_embeddings_of_words(model: NNLMModel) -> None:
    vectors = model.vectors
    assert "<eos>" not in vectors
    assert "<bos>" not in vectors
    assert model.module.C is not None
    np.testing.assert_array_equal(vectors["milk"], model.module.C.weight.detach().numpy()[model.vocab["milk"]])
    onehot = train(SEVEN, NNLM(input="onehot", hidden=4, epochs=1), threads=1).model
    with pytest.raises(DataError, match="one-hot"):
        _ = onehot.vectors


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    options = {"context": 2, "dim": 4, "hidden": 4, "epochs": 2, "batch": 8}
    one, two, other = (train(SEVEN, NNLM(**options, seed=seed), threads=1).model for seed in (1, 1, 2))
    for (name, a), b in zip(one.module.state_dict().items(), two.module.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert not torch.equal(one.module.H.weight, other.module.H.weight)


def test_unfit_input_is_told() -> None:
    with pytest.raises(ConfigError, match="tie needs"):
        NNLM(tie=True, dim=3, hidden=4)
    with pytest.raises(DataError, match="no words"):
        train([], SMALL)
    with pytest.raises(ConfigError, match="no such"):
        train(SEVEN, SMALL, device="cuda:9")


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    options = NNLM(context=2, dim=4, hidden=4, epochs=6, batch=4)
    whole = train(SEVEN, options, threads=1).model

    def stop(event: Any) -> None:
        if type(event).__name__ == "EpochEnd" and event.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(SEVEN, options, threads=1, checkpoint=tmp_path, listen=stop)
    again = train(SEVEN, options, threads=1, checkpoint=tmp_path, resume=True)
    assert len(again.losses) == 6
    for (name, a), b in zip(whole.module.state_dict().items(), again.model.module.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    with pytest.raises(DataError, match="another job"):
        train(["other text"], options, threads=1, checkpoint=tmp_path, resume=True)
