"""Recurrent language models: they learn, they score as they step, they carry their state, they resume and they save."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from firth.errors import ConfigError, DataError
from firth.events import EpochEnd, Event, Notice
from firth.lm.lexicon import Lexicon
from firth.lm.rnn import RECIPES, RNN, train
from firth.lm.rnn_model import RNNModel
from firth.lm.rnn_module import Drops, RecurrentNet, Shape
from firth.nn.dropout import locked_dropout
from firth.text.vocab import Vocab

TEXT = ["the cat sat on the mat", "a dog lay on the rug", "the dog saw a cat", "on the mat lay a rug"] * 5
PLAIN: dict[str, Any] = {"dropout_input": 0, "dropout_hidden": 0, "dropout_output": 0}
SMALL: dict[str, Any] = {"dim": 12, "hidden": 12, "batch": 4, "bptt": 6}
KINDS: list[dict[str, Any]] = [
    {"cell": "elman"},
    {"cell": "gru", "layers": 2},
    {"cell": "elman", "softmax": "sampled", "samples": 6, "proposal": "unigram"},
    {"cell": "lstm", "softmax": "adaptive", "tie": False, "cutoffs": (2, 5), "hidden": 16},
]


def small_model(**options: Any) -> RNNModel:
    shape = Shape(
        **{"cell": "lstm", "activation": "tanh", "n_outputs": 6, "dim": 3, "hidden": 4, "layers": 2, "tie": True}
        | options
    )
    net = RecurrentNet(shape)
    net.reset(torch.Generator().manual_seed(1))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(parameter.numel()))
    return RNNModel(Lexicon.of(Vocab(list("abcd"), [4, 3, 2, 1])), net)


def numbers(model: RNNModel) -> bytes:
    return b"".join(value.numpy().tobytes() for value in model.net.state_dict().values())


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_each_kind_learns_a_text_by_heart(options: dict[str, Any]) -> None:
    config = RNN(**{**SMALL, **PLAIN, "epochs": 50, "rate": 0.03, **options})
    kinds = ["x a d", "y a e"]  # x and y tell d from e, two words later; which comes is chance
    text = [kinds[i] for i in np.random.default_rng(0).integers(0, 2, 40)]
    model = train(text, config, threads=1).model
    scores = model.logprobs([sentence.split() for sentence in text])
    assert np.mean([np.exp(each[2]) for each in scores]) > 0.75  # d or e: without memory it were 0.5


def test_the_recipe_fills_what_is_left_out_and_nothing_else() -> None:
    filled = RNN(recipe="awd", layers=2, clip=0).filled()
    assert (filled.layers, filled.clip, filled.hidden, filled.weight_drop) == (2, 0, 1150, 0.5)
    assert all(getattr(filled, name) is not None for name in RECIPES["awd"])
    assert set(RECIPES["none"]) == set(RECIPES["awd"])


@pytest.mark.parametrize(
    "options", [{"softmax": "adaptive"}, {"activation": "sigmoid"}, {"cell": "rnn"}, {"rate": -1.0}]
)
def test_unfit_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        RNN(**options)


# ---------------------------------------------------------------- scoring
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_scores_are_those_of_single_steps(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.lm.net_model._STEPS", 3)
    model = small_model(cell=cell)
    ids = np.array([0, 1, 4, 5, 3, 2, 5, 0], np.int32)
    scores, after = model.score(ids, model.start())
    state = model.start()
    for place, word in enumerate(ids):
        told = model.next_log_probs(state)
        assert np.exp(told).sum() == pytest.approx(1, abs=1e-12)
        assert told[word] == pytest.approx(scores[place], abs=1e-5)
        _, state = model.score(ids[place : place + 1], state)
    np.testing.assert_allclose(model.next_log_probs(state), model.next_log_probs(after), atol=1e-5)


def test_a_state_is_a_value() -> None:
    model = small_model()
    _, state = model.score(np.array([0, 1], np.int32), model.start())
    once = model.next_log_probs(state)
    model.score(np.array([2, 5, 3], np.int32), state)
    np.testing.assert_array_equal(model.next_log_probs(state), once)


def test_the_net_equals_torchs_lstm() -> None:
    """The whole model written with torch's own layers."""
    model = small_model(hidden=3)
    net = model.net
    theirs = nn.LSTM(3, 3, 2)
    with torch.no_grad():
        for place, layer in enumerate(net.layers):
            for ours, name in (("weight_ih", "weight_ih"), ("weight_hh", "weight_hh"), ("bias", "bias_ih")):
                getattr(theirs, f"{name}_l{place}").copy_(getattr(layer, ours))
            getattr(theirs, f"bias_hh_l{place}").zero_()
        ids = torch.tensor([0, 3, 5, 1])
        read = torch.cat([torch.tensor([model.lexicon.eos]), ids[:-1]])
        hidden, _ = theirs(net.embedding[read])
        expected = torch.log_softmax(hidden @ net.embedding.t() + net.softmax.bias, 1)[torch.arange(4), ids]
    found, _ = model.score(ids.numpy().astype(np.int32), model.start())
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_sentences_apart_are_scored_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.lm.net_model._TOGETHER", 10)
    model = small_model()
    generator = np.random.default_rng(0)
    sentences = [generator.integers(0, 6, n).astype(np.int32) for n in (3, 1, 0, 5, 2, 12, 5)]
    for found, ids in zip(model.score_apart(sentences), sentences, strict=True):
        np.testing.assert_allclose(found, model.score(ids, model.start())[0], atol=1e-5)
        assert len(found) == len(ids)


def test_vectors_are_the_embeddings() -> None:
    model = small_model()
    np.testing.assert_array_equal(model.vectors["b"], model.net.embedding[1].detach().numpy())
    assert "<bos>" not in model.vectors
    assert len(model.vectors) == 6


# ---------------------------------------------------------------- the net
def test_tied_weights_share_their_memory() -> None:
    tied, apart = small_model(tie=True).net, small_model(tie=False).net
    assert tied.softmax.weight.data_ptr() == tied.embedding.data_ptr()  # type: ignore[operator, union-attr]
    assert apart.softmax.weight.data_ptr() != apart.embedding.data_ptr()  # type: ignore[operator, union-attr]
    assert tied.shape.sizes() == [(3, 4), (4, 3)]
    assert apart.shape.sizes() == [(3, 4), (4, 4)]


def test_locked_dropout_drops_the_same_at_every_step() -> None:
    torch.manual_seed(0)
    x = locked_dropout(torch.ones(5, 40, 50), 0.3, True)
    assert (x == x[0]).all()
    assert x.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert x.mean().item() == pytest.approx(1, abs=0.05)
    assert (x[0, 0] != x[0, 1]).any()


def test_embedding_dropout_drops_whole_words() -> None:
    net = RecurrentNet(Shape("elman", "tanh", 50, 4, 4, 1, True), drops=Drops(embedding=0.5)).train()
    net.reset()
    torch.manual_seed(0)
    words = torch.arange(50).repeat(2)[:, None]
    x = net._embedded(words)[:, 0]
    dropped = (x == 0).all(1)
    assert 10 < int(dropped[:50].sum()) < 40
    assert torch.equal(dropped[:50], dropped[50:])
    torch.testing.assert_close(x[~dropped], 2 * net.embedding[words[:, 0]][~dropped])


def test_weight_drop_zeroes_recurrent_weights_alone() -> None:
    net = RecurrentNet(Shape("elman", "tanh", 5, 4, 4, 1, True), drops=Drops(weight=0.5)).train()
    net.reset()
    seen: list[Any] = []
    layer: Any = net.layers[0]
    layer.register_forward_pre_hook(lambda _, given: seen.append(given[2]))
    net(torch.zeros(2, 1, dtype=torch.long), net.start(1))
    assert 0 < int((seen[0] == 0).sum()) < 16
    kept = seen[0] != 0
    torch.testing.assert_close(seen[0][kept], 2 * layer.weight_hh[kept])
    net.eval()
    net(torch.zeros(2, 1, dtype=torch.long), net.start(1))
    torch.testing.assert_close(seen[1], layer.weight_hh)


# ---------------------------------------------------------------- training
def test_penalties_are_added_to_the_loss_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from firth.lm import rnn_training

    config = RNN(**SMALL, **PLAIN, activation_penalty=3.0, temporal_penalty=5.0).filled()
    corpus = rnn_training.as_corpus(TEXT)
    lexicon = Lexicon.of(corpus.vocab)
    place = rnn_training.Place(torch.device("cpu"))
    net = rnn_training.build(config, lexicon, corpus, place.device)
    work = rnn_training.Work(net, lexicon, corpus, config, place)
    loss = work.loss((0, 5), None)
    hidden, raw, _ = net(work.read[:5], net.start(4))
    expected = 3 * (hidden**2).mean() + 5 * ((raw[1:] - raw[:-1]) ** 2).mean()
    assert loss.shown is not None
    assert (loss.total - loss.shown).item() / loss.count == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize(
    "options", [{"recipe": "awd", "nonmonotone": 1, "dropout_embedding": 0.3}, {"softmax": "sampled", "samples": 5}]
)
def test_training_resumes_to_the_same_bytes(options: dict[str, Any], tmp_path: Path) -> None:
    base: dict[str, Any] = {**SMALL, "rate": 0.01, "epochs": 6, "layers": 2, **options}
    config = RNN(**base)
    whole = train(TEXT, config, threads=1, heldout=TEXT[:4])

    def stop(event: Event) -> None:
        if isinstance(event, EpochEnd) and event.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TEXT, config, threads=1, heldout=TEXT[:4], checkpoint=tmp_path, listen=stop)
    again = train(TEXT, config, threads=1, heldout=TEXT[:4], checkpoint=tmp_path, resume=True)
    assert numbers(again.model) == numbers(whole.model)
    assert again.losses == whole.losses
    assert again.heldout == whole.heldout
    with pytest.raises(DataError):
        train(["another text"], config, threads=1, heldout=TEXT[:4], checkpoint=tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_training() -> None:
    with pytest.raises(DataError, match="no longer a number"):
        train(
            TEXT, RNN(**SMALL, optimizer="sgd", rate=1000.0, clip=0, epochs=50, cell="gru", weight_decay=9.0), threads=1
        )


def test_nt_asgd_needs_a_heldout_text() -> None:
    with pytest.raises(ConfigError, match="held-out"):
        train(TEXT, RNN(recipe="awd", **SMALL), threads=1)


def test_a_sampled_softmax_says_that_its_loss_is_an_estimate() -> None:
    events: list[Event] = []
    train(TEXT, RNN(**SMALL, softmax="sampled", samples=5, epochs=1), threads=1, listen=events.append)
    assert any(isinstance(event, Notice) and "estimate" in event.message for event in events)


def test_words_below_the_cut_are_unknown_and_counted() -> None:
    made = train([*TEXT, "zebra"], RNN(**SMALL, epochs=1, min_count=2), threads=1)
    found = made.model.perplexity(["zebra the", "the the"])
    assert (found.n_unknown, found.n_predictions) == (1, 6)
    assert dataclasses.asdict(made.config)["min_count"] == 2


def test_the_heldout_loss_is_that_of_the_whole_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.lm.stretch_training._HELDOUT_BATCH", 1)
    monkeypatch.setattr("firth.lm.stretch_training._HELDOUT_STEPS", 4)
    made = train(TEXT, RNN(**SMALL, softmax="sampled", samples=3, epochs=1), threads=1, heldout=TEXT[:3])
    assert made.heldout[0] == pytest.approx(np.log(made.model.perplexity(TEXT[:3]).with_unknown), abs=1e-5)
