"""Causal Transformers: equal to another's, the same wherever a text is cut, they learn, resume, and are saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import firth
from firth.errors import ConfigError, FormatError
from firth.events import EpochEnd, Event
from firth.lm.dynamic import Dynamic, DynamicModel
from firth.lm.lexicon import Lexicon
from firth.lm.neural_cache import CachedModel, NeuralCache
from firth.lm.transformer import Transformer, train
from firth.lm.transformer_model import TransformerModel
from firth.lm.transformer_module import Shape, TransformerNet
from firth.nn.optimize import matrices_decayed
from firth.text.vocab import Vocab

TEXT = ["the cat sat on the mat", "a dog lay on the rug", "the dog saw a cat", "on the mat lay a rug"] * 5
SMALL: dict[str, Any] = {"layers": 2, "dim": 12, "heads": 2, "hidden": 16, "batch": 4, "bptt": 6, "context": 4}
PLAIN: dict[str, Any] = {"dropout": 0.0, "dropout_attention": 0.0, "dropout_output": 0.0}
SHAPE: dict[str, Any] = {
    "n_outputs": 6, "dim": 8, "heads": 2, "hidden": 12, "layers": 2, "activation": "gelu", "norm": "pre",
    "bias": True, "positions": "rotary", "context": 16, "tie": False,
}  # fmt: skip


def small_model(**options: Any) -> TransformerModel:
    net = TransformerNet(Shape(**{**SHAPE, **options}))
    net.reset(torch.Generator().manual_seed(1))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(
                torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())), alpha=0.3
            )
    return TransformerModel(Lexicon.of(Vocab(list("abcd"), [4, 3, 2, 1])), net)


def numbers(model: TransformerModel) -> bytes:
    return b"".join(value.numpy().tobytes() for value in model.net.state_dict().values())


def test_the_net_equals_gpt_neox() -> None:
    """The whole model as the transformers library has it."""
    transformers = pytest.importorskip("transformers")
    model = small_model()
    net = model.net
    theirs = transformers.GPTNeoXForCausalLM(
        transformers.GPTNeoXConfig(
            vocab_size=6,
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=12,
            hidden_act="gelu",
            rotary_pct=1.0,
            use_parallel_residual=False,
            attention_bias=True,
            hidden_dropout=0.0,
            attention_dropout=0.0,
            layer_norm_eps=1e-5,
        )
    ).eval()
    with torch.no_grad():
        theirs.gpt_neox.embed_in.weight.copy_(net.embedding / 0.02)
        theirs.get_output_embeddings().weight.copy_(net.softmax.weight)
        theirs.gpt_neox.final_layer_norm.load_state_dict(net.norm.state_dict())
        for ours, other in zip(net.blocks, theirs.gpt_neox.layers, strict=True):
            for name in ("weight", "bias"):
                parts = getattr(ours.attention.project, name).unflatten(0, (3, 2, 4))  # queries, keys, values; heads
                getattr(other.attention.query_key_value, name).copy_(parts.transpose(0, 1).flatten(0, 2))
            other.attention.dense.load_state_dict(ours.attention.merge.state_dict())
            other.mlp.dense_h_to_4h.load_state_dict(ours.feed.inner.state_dict())
            other.mlp.dense_4h_to_h.load_state_dict(ours.feed.outer.state_dict())
            other.input_layernorm.load_state_dict(ours.norm_attention.state_dict())
            other.post_attention_layernorm.load_state_dict(ours.norm_feed.state_dict())
        ids = np.array([0, 3, 5, 1, 2, 2, 4], np.int32)
        read = torch.tensor([[model.lexicon.eos, *ids[:-1].tolist()]])
        logits = theirs(read).logits[0] + net.softmax.bias
        expected = torch.log_softmax(logits.double(), -1)[range(7), ids.tolist()]
    np.testing.assert_allclose(model.score(ids, model.start())[0], expected.numpy(), atol=2e-5)


@pytest.mark.parametrize("options", [{}, {"context": 2}, {"context": 3, "tie": True}, {"positions": "none"}], ids=str)
def test_scores_are_those_of_single_steps(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model(**options)
    ids = np.array([0, 1, 4, 5, 3, 2, 5, 0, 0, 2], np.int32)
    whole, _ = model.score(ids, model.start())
    monkeypatch.setattr("firth.lm.net_model._STEPS", 3)
    scores, after = model.score(ids, model.start())
    np.testing.assert_allclose(scores, whole, atol=1e-5)
    state = model.start()
    for place, word in enumerate(ids):
        told = model.next_log_probs(state)
        assert np.exp(told).sum() == pytest.approx(1, abs=1e-12)
        assert told[word] == pytest.approx(scores[place], abs=1e-5)
        _, state = model.score(ids[place : place + 1], state)
    assert state.layers[0].shape == (2, 1, min(10, model.net.shape.context), 8)
    np.testing.assert_allclose(model.next_log_probs(state), model.next_log_probs(after), atol=1e-5)


def test_words_out_of_reach_of_every_block_count_for_nothing() -> None:
    model = small_model(context=2)  # two blocks: four words back, and the word read itself
    ids = np.array([0, 1, 2, 3, 4, 1, 2], np.int32)
    other = ids.copy()
    other[0] = 5
    ours, theirs = (model.score(each, model.start())[0] for each in (ids, other))
    assert abs(ours[5] - theirs[5]) > 1e-6  # predicted from words 0 to 4
    assert ours[6] == pytest.approx(theirs[6], abs=1e-6)


def test_sentences_apart_are_scored_as_alone() -> None:
    model = small_model(context=3)
    some = [np.array(ids, np.int32) for ids in ([0, 1, 2, 5], [3], [], [2, 2, 5, 0, 1, 1, 5])]
    for ids, found in zip(some, model.score_apart(some), strict=True):
        np.testing.assert_allclose(found, model.score(ids, model.start())[0], atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{}, {"norm": "post"}, {"softmax": "sampled", "samples": 6, "proposal": "unigram"},
     {"softmax": "adaptive", "tie": False, "cutoffs": (2, 5), "dim": 16}, {"activation": "swiglu", "bias": False}],
    ids=str,
)  # fmt: skip
def test_each_kind_learns_a_text_by_heart(options: dict[str, Any]) -> None:
    config = Transformer(**{**SMALL, **PLAIN, "epochs": 60, "rate": 0.02, **options})
    kinds = ["x a d", "y a e"]  # x and y tell d from e, two words later; which comes is chance
    text = [kinds[i] for i in np.random.default_rng(0).integers(0, 2, 40)]
    model = train(text, config, threads=1).model
    scores = model.logprobs([sentence.split() for sentence in text])
    assert np.mean([np.exp(each[2]) for each in scores]) > 0.75  # d or e: without attention it were 0.5


def test_training_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    config = Transformer(**{**SMALL, "epochs": 4})
    whole = train(TEXT, config, threads=1, heldout=TEXT[:4])

    def stop(event: Event) -> None:
        if isinstance(event, EpochEnd) and event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TEXT, config, threads=1, heldout=TEXT[:4], checkpoint=tmp_path / "c", listen=stop)
    assert (tmp_path / "c").exists()
    again = train(TEXT, config, threads=1, heldout=TEXT[:4], checkpoint=tmp_path / "c", resume=True)
    assert numbers(again.model) == numbers(whole.model)
    assert again.heldout == whole.heldout


def test_the_heldout_loss_is_that_of_the_whole_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.lm.stretch_training._HELDOUT_BATCH", 1)
    monkeypatch.setattr("firth.lm.stretch_training._HELDOUT_STEPS", 4)
    config = Transformer(**{**SMALL, "softmax": "sampled", "samples": 3, "epochs": 1})
    made = train(TEXT, config, threads=1, heldout=TEXT[:3])
    assert made.heldout[0] == pytest.approx(np.log(made.model.perplexity(TEXT[:3]).with_unknown), abs=1e-5)


def test_cache_and_dynamic_evaluation_go_over_a_transformer() -> None:
    model = small_model(context=3)
    ids = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 5], np.int32)
    plain, _ = model.score(ids, model.start())
    off = CachedModel(model, NeuralCache(share=0.0))
    np.testing.assert_allclose(off.score(ids, off.start())[0], plain, atol=1e-6)
    still = DynamicModel(model, Dynamic(update="sgd", rate=0.0, decay=0.0))
    np.testing.assert_allclose(still.score(ids, still.start())[0], plain, atol=1e-5)
    learning = DynamicModel(model, Dynamic(update="sgd", rate=0.5))
    assert learning.score(ids, learning.start())[0][6:9].sum() > plain[6:9].sum()


def test_only_matrices_are_pulled_to_zero() -> None:
    net = small_model().net
    decayed, free = matrices_decayed(net, 0.1)
    assert decayed["weight_decay"] == 0.1
    assert {p.ndim for p in decayed["params"]} == {2}
    assert free["weight_decay"] == 0.0
    assert len(decayed["params"]) + len(free["params"]) == len(list(net.parameters()))


@pytest.mark.parametrize(
    "options", [{"dim": 10, "heads": 3}, {"dim": 6, "heads": 2}, {"softmax": "adaptive"}, {"positions": "learned"}]
)
def test_unfit_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Transformer(**options)


@pytest.mark.parametrize(
    "options",
    [{}, {"norm": "post", "bias": False}, {"softmax": "adaptive", "tie": False, "cutoffs": (2, 5), "dim": 16}],
)
def test_a_model_comes_back_as_it_was(options: dict[str, Any], tmp_path: Path) -> None:
    model = train(TEXT, Transformer(**{**SMALL, "epochs": 1, **options}), threads=1).model
    firth.save(model, tmp_path / "model")
    again: Any = firth.load(tmp_path / "model")
    assert again.perplexity(TEXT) == model.perplexity(TEXT)
    assert again.net.shape == model.net.shape


@pytest.mark.parametrize(
    "change", [{"dim": 16}, {"heads": 5}, {"layers": 3}, {"activation": "geglu"}, {"norm": "none"}, {"context": 0}]
)
def test_a_shape_that_does_not_fit_is_a_format_error(change: dict[str, Any], tmp_path: Path) -> None:
    firth.save(train(TEXT, Transformer(**{**SMALL, "epochs": 1}), threads=1).model, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config["shape"] |= change
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    with pytest.raises(FormatError):
        firth.load(tmp_path / "model")
