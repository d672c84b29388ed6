"""Training a biLM: its loss by other means, its streams, exact resume, fine-tuning, tables of vectors, bad options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from firth.contextual.bilm import BiLM
from firth.contextual.elmo import RECIPES, Elmo, shape_of, train
from firth.contextual.elmo_lm import both_perplexities
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.elmo_start import begin
from firth.contextual.elmo_training import Work
from firth.contextual.spelling import Spelling
from firth.errors import ConfigError, DataError
from firth.events import EpochEnd, Event, Notice
from firth.nn.device import Place
from firth.nn.job import ignore
from firth.text.corpus import as_corpus
from firth.vectors.static import Vectors

TEXT = ["the cat sat on the mat", "a dog lay on the rug", "the dog saw a cat", "on the mat lay a rug"] * 5
SMALL: dict[str, Any] = {
    "cells": 9, "projection": 6, "character_dim": 4, "filters": ("1x5", "2x4"), "batch": 4, "bptt": 6, "epochs": 4,
    "softmax": "full", "rate": 0.01,
}  # fmt: skip
KINDS: list[dict[str, Any]] = [
    {},
    {"softmax": "sampled", "samples": 6, "proposal": "unigram"},
    {"softmax": "adaptive", "cutoffs": (2, 5), "dropout": 0.1, "projection": 16},
    {"characters": "codepoints", "min_character": 1},
    {"input": "words", "skip": False},
]


def numbers(model: ElmoModel) -> bytes:
    return b"".join(value.numpy().tobytes() for value in model.net.state_dict().values())


# ---------------------------------------------------------------- the loss
def plain_lstm(layer: Any, inputs: list[Tensor], clip: float) -> list[Tensor]:
    """One sentence through one layer, a token at a time, in double precision."""
    h, c = (torch.zeros(n, dtype=torch.float64) for n in (layer.projection, layer.cells))
    outputs = []
    for x in inputs:
        i, f, g, o = (layer.weight_ih @ x + layer.weight_hh @ h + layer.bias).chunk(4)
        c = (torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)).clamp(-clip, clip)
        h = (layer.weight_hr @ (torch.sigmoid(o) * torch.tanh(c))).clamp(-clip, clip)
        outputs.append(h)
    return outputs


def plain_loss(net: BiLM, spelling: Spelling, sentences: list[list[str]], lexicon: Any) -> Tensor:
    """The loss of a text by the definition, from words; nothing of the code that lays streams out."""
    total = torch.zeros((), dtype=torch.float64)
    bos, eos = (net.tokens(torch.from_numpy(row[None]).long())[0] for row in spelling.boundaries())
    spelled = {word: net.tokens(torch.from_numpy(spelling.rows([word])).long())[0] for s in sentences for word in s}
    for layers, order in ((net.forward_layers, 1), (net.backward_layers, -1)):
        opening, closing = (bos, eos)[::order]
        inputs, wanted = [], []
        for sentence in sentences[::order]:
            words = sentence[::order]
            inputs += [opening, *(spelled[word] for word in words), closing]
            wanted += [*(lexicon.vocab.get(word, lexicon.unk) for word in words), lexicon.eos, None]
        first = plain_lstm(layers[0], inputs, net.shape.cell_clip)
        second = [a + b for a, b in zip(plain_lstm(layers[1], first, net.shape.cell_clip), first, strict=True)]
        for h, target in zip(second, wanted, strict=True):
            if target is not None:
                total = total - torch.log_softmax(net.softmax.weight @ h + net.softmax.bias, 0)[target]
    return total


def test_loss_and_gradients_are_those_of_the_definition() -> None:
    sentences = [["ab", "c", "zz"], ["c"], ["ab", "ab", "cde", "c"]]
    corpus = as_corpus(sentences)
    config = Elmo(**{**SMALL, "batch": 1, "bptt": 100, "cell_clip": 0.4, "projection_clip": 0.4, "max_vocab": 3})
    start = begin(config, corpus, None, freeze=False, tell=ignore)
    with torch.no_grad():
        for parameter in start.net.parameters():
            parameter.mul_(1.5)  # so that the clips are met
    found = Work(start, corpus, Place(torch.device("cpu"))).loss((0, 13), None)
    assert found.count == 2 * (8 + 3)
    found.total.backward()
    ours = {name: parameter.grad for name, parameter in start.net.named_parameters()}
    start.net.zero_grad()
    net = start.net.double()
    assert isinstance(start.reader, Spelling)
    expected = plain_loss(net, start.reader, sentences, start.lexicon)
    expected.backward()
    assert found.total.item() == pytest.approx(expected.item(), rel=1e-5)
    for name, parameter in net.named_parameters():
        np.testing.assert_allclose(ours[name].numpy(), parameter.grad.numpy(), atol=2e-4, rtol=1e-3, err_msg=name)


def test_the_state_goes_on_from_stretch_to_stretch() -> None:
    corpus = as_corpus(TEXT)
    start = begin(Elmo(**{**SMALL, "batch": 3}), corpus, None, freeze=False, tell=ignore)
    work = Work(start, corpus, Place(torch.device("cpu")))
    n = work.sides[0].n_steps
    with torch.no_grad():
        whole = work.loss((0, n), None).total
        first = work.loss((0, 5), None)
        rest = work.loss((5, n), first.state).total
    assert float(first.total + rest) == pytest.approx(float(whole), rel=1e-5)


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_heldout_losses_are_those_of_the_language_models(options: dict[str, Any]) -> None:
    made = train(
        TEXT, Elmo(**{**SMALL, **options, "max_vocab": 8}), threads=1, heldout=["the cat saw a zebra", "a mat"]
    )
    found = both_perplexities(made.model, ["the cat saw a zebra", "a mat"])["mean"]
    assert found.n_unknown == 2  # zebra, and saw, which is cut
    assert made.heldout[-1] is not None
    best = min(loss for loss in made.heldout if loss is not None)
    assert np.log(found.with_unknown) == pytest.approx(best, abs=1e-5)


def test_a_text_is_learnt_in_both_directions() -> None:
    kinds = ["x a d", "y a e"]  # x tells d and y e, two words later; and the other way round
    text = [kinds[i] for i in np.random.default_rng(0).integers(0, 2, 40)]
    made = train(text, Elmo(**{**SMALL, "epochs": 30, "rate": 0.05, "cells": 16, "projection": 12}), threads=1)
    for found in (each for name, each in both_perplexities(made.model, text).items() if name != "mean"):
        assert found.with_unknown < 1.3  # 2 ** (1 / 4) of what is chance; without memory the square of it


# ---------------------------------------------------------------- the same bytes
@pytest.mark.parametrize("options", KINDS, ids=str)
def test_training_resumes_to_the_same_bytes(options: dict[str, Any], tmp_path: Path) -> None:
    config = Elmo(**{**SMALL, **options})
    whole = train(TEXT, config, threads=1, heldout=TEXT[:4])

    def stop(event: Event) -> None:
        if isinstance(event, EpochEnd) and event.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TEXT, config, threads=1, heldout=TEXT[:4], checkpoint=tmp_path, listen=stop)
    again = train(TEXT, config, threads=1, heldout=TEXT[:4], checkpoint=tmp_path, resume=True)
    assert numbers(again.model) == numbers(whole.model)
    assert (again.losses, again.heldout) == (whole.losses, whole.heldout)
    with pytest.raises(DataError, match="another job"):
        train([*TEXT, "more text"], config, threads=1, heldout=TEXT[:4], checkpoint=tmp_path, resume=True)


# ---------------------------------------------------------------- characters
def test_code_points_are_the_texts_and_rare_ones_share_an_id() -> None:
    text = ["他 背起 包袱", "他 背起 包", "镗"]
    made = train(text, Elmo(**SMALL, characters="codepoints", min_character=2), threads=1).model
    assert isinstance(made.reader, Spelling)
    assert set(made.reader.ids_of) == set("他背起包")
    assert made.reader.rows(["镗"])[0, 1] == made.reader.rows(["袱"])[0, 1] == made.reader.marks.unknown
    assert made.net.tokens.embedding.shape[0] == made.reader.n_ids
    one, other = made.encode([["包", "他"], ["包", "背起"]])
    assert not np.allclose(one[0], other[0])  # the same word in another context


def test_vectors_of_frequent_words_begin_apart() -> None:
    corpus = as_corpus(TEXT)
    start = begin(Elmo(**SMALL), corpus, None, freeze=False, tell=ignore)
    rows = torch.from_numpy(start.reader.rows(list(corpus.vocab.words))).long()
    found = start.net.tokens(rows).detach()
    assert float(found.mean(0).abs().max()) < 1e-4
    assert float(found.square().mean()) == pytest.approx(1, abs=1e-3)


# ---------------------------------------------------------------- a start
def test_a_model_is_trained_on_with_its_own_words() -> None:
    first = train(TEXT, Elmo(**SMALL), threads=1).model
    before = numbers(first)
    other = ["the mat saw the zebra", "a rug sat on a dog"] * 10
    config = Elmo(batch=4, bptt=6, epochs=6, rate=0.01, softmax="full")
    made = train(other, config, threads=1, init=first)
    assert numbers(first) == before
    assert list(made.model.lexicon.vocab) == list(first.lexicon.vocab)
    assert (made.config.cells, made.config.filters) == (9, ("1x5", "2x4"))
    old, new = (both_perplexities(model, other)["mean"] for model in (first, made.model))
    assert new.with_unknown < 0.8 * old.with_unknown
    assert new.n_unknown == 10


def test_a_model_without_an_output_layer_gets_one_for_the_words_of_the_text() -> None:
    first = train(TEXT, Elmo(**SMALL), threads=1).model
    first.net.softmax = None
    bare = ElmoModel(first.net, first.reader)
    notices: list[str] = []

    def hear(event: Event) -> None:
        notices.extend([event.message] if isinstance(event, Notice) else [])

    made = train(["a zebra"] * 9, Elmo(batch=2, bptt=4, epochs=1, softmax="full"), threads=1, init=bare, listen=hear)
    assert made.model.lexicon is not None
    assert "zebra" in made.model.lexicon.vocab
    assert any("at random" in message for message in notices)


def test_options_that_differ_from_the_model_are_refused() -> None:
    first = train(TEXT, Elmo(**SMALL), threads=1).model
    for options in ({"cells": 8}, {"filters": ("1x5",)}, {"characters": "codepoints"}, {"skip": False}):
        with pytest.raises(ConfigError, match="has another"):
            train(TEXT, Elmo(softmax="full", **options), threads=1, init=first)
    with pytest.raises(ConfigError, match="softmax"):
        train(TEXT, Elmo(softmax="adaptive"), threads=1, init=first)
    with pytest.raises(ConfigError, match="freeze"):
        train(TEXT, Elmo(softmax="full"), threads=1, init=first, freeze=True)


@pytest.fixture
def vectors() -> Vectors:
    words = ["the", "cat", "dog", "zebra"]
    return Vectors(words, np.random.default_rng(1).normal(size=(4, 5)).astype(np.float32))


def test_frozen_vectors_stay_as_they_are(vectors: Vectors) -> None:
    config = Elmo(**{**SMALL, "input": "words"})
    frozen, free = (train(TEXT, config, threads=1, init=vectors, freeze=flag).model for flag in (True, False))
    assert frozen.reader.words == list(vectors.words)
    np.testing.assert_array_equal(frozen.net.tokens.embedding[3:].detach().numpy(), vectors.matrix)
    np.testing.assert_allclose(frozen.net.tokens.embedding[0].detach(), vectors.matrix.mean(0), atol=1e-6)
    assert "zebra" not in free.reader.words  # not of the text, and so never trained
    assert {"the", "mat", "rug"} <= set(free.reader.words)
    row = int(free.reader.rows(["cat"])[0, 0])
    moved = np.abs(free.net.tokens.embedding[row].detach().numpy() - vectors["cat"]).max()
    assert 0 < moved < 1


# ---------------------------------------------------------------- options
def test_the_recipe_fills_what_is_left_out_and_nothing_else() -> None:
    filled = Elmo(recipe="original", cells=7, clip=0.0).filled()
    assert (filled.cells, filled.clip, filled.projection, filled.highways) == (7, 0.0, 512, 2)
    assert len({frozenset(values) for values in RECIPES.values()}) == 1
    assert all(getattr(filled, name) is not None for name in RECIPES["original"])
    assert shape_of(Elmo(recipe="original").filled()).characters.n_filters == 2048


def bad() -> Iterator[Any]:
    yield {"filters": ("3-64",)}, "filters"
    yield {"filters": ("0x4",)}, "filters"
    yield {"filters": ("60x4",)}, "wider"
    yield {"recipe": "large"}, "recipe"
    yield {"dropout": 1.0}, "dropout"
    yield {"longest": 2}, "longest"


@pytest.mark.parametrize(("options", "named"), list(bad()), ids=str)
def test_unfit_options_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Elmo(**options)


def test_unfit_starts_and_texts_are_refused(vectors: Vectors) -> None:
    small = Elmo(**SMALL)
    with pytest.raises(ConfigError, match="--input words"):
        train(TEXT, small, threads=1, init=vectors)
    with pytest.raises(ConfigError, match="freeze"):
        train(TEXT, small, threads=1, freeze=True)
    with pytest.raises(DataError, match="cannot start"):
        train(TEXT, small, threads=1, init="a path")
    with pytest.raises(DataError):
        train([], small, threads=1)
    with pytest.raises(ConfigError, match="fewer cutoffs"):
        train(TEXT, Elmo(**{**SMALL, "softmax": "adaptive", "cutoffs": (2, 5)}), threads=1)
    with pytest.raises(DataError, match="no words"):
        train(TEXT, small, threads=1, heldout=[])
    with pytest.raises(ConfigError, match="cutoffs"):
        train(TEXT, Elmo(**{**SMALL, "softmax": "adaptive", "cutoffs": (99,)}), threads=1)
    words = Elmo(**{**SMALL, "input": "words"})
    with pytest.raises(ConfigError, match="word_dim"):
        train(TEXT, Elmo(**{**SMALL, "input": "words", "word_dim": 3}), threads=1, init=vectors)
    with pytest.raises(DataError, match="no word of the text"):
        train(["x y"], words, threads=1, init=vectors)


def test_a_text_of_one_token_is_trained_on() -> None:
    made = train(["word"], Elmo(**SMALL), threads=1)
    assert np.isfinite(made.losses[-1])
    assert made.model.encode([["word"]])[0].shape == (1, 12)
