"""Both directions of a biLM as language models: laws that sum to one, scores step by step, spelled unknown words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from firth.contextual.bilm import BiLM
from firth.contextual.elmo_lm import BackwardLM, DirectionLM, ForwardLM, backward_lm, both_perplexities, forward_lm
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling
from firth.errors import DataError
from firth.evaluate.language_model import scored_sentences
from firth.lm.lexicon import Lexicon
from firth.lm.mixture import Mixture
from firth.lm.sample import Sampling
from firth.nn.softmax import FullSoftmax
from firth.text.vocab import Vocab

SENTENCES = [["a", "b", "zebra", "c"], ["d"], [], ["b", "yak", "a"]]


def small_model() -> ElmoModel:
    lexicon = Lexicon.of(Vocab(list("abcd"), [4, 3, 2, 1]))
    shape = Shape(CharacterShape(dim=3, filters=((1, 4), (2, 5)), n_highway=1, longest=8), cells=7, projection=4)
    net = BiLM(shape, FullSoftmax(4, lexicon.n_outputs))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(parameter.numel()))
    return ElmoModel(net, Spelling.bytes(8), lexicon)


@pytest.fixture(params=[ForwardLM, BackwardLM])
def lm(request: pytest.FixtureRequest) -> DirectionLM:
    made: DirectionLM = request.param(small_model())
    return made


def plain(lm: DirectionLM, sentences: list[list[str]]) -> list[list[float]]:
    """The scores of each sentence's words and of its boundary, the text read as one, by whole layers of the net."""
    net, bounds = lm.net, lm.reader.boundaries()
    order = -1 if lm.backward else 1
    layers = net.backward_layers if lm.backward else net.forward_layers
    rows, wanted = [], []
    for sentence in sentences[::order]:
        words = sentence[::order]
        rows += [bounds[::order][0], *lm.reader.rows(words), bounds[::order][1]]
        wanted += [*(lm.vocab.get(word, lm.lexicon.unk) for word in words), lm.lexicon.eos, None]
    with torch.no_grad():
        x = net.tokens(torch.from_numpy(np.array(rows)).long())[:, None]
        hidden = net.read(layers, x, net.start(1)[0])[0][-1][:, 0]
        told = torch.log_softmax(hidden.double() @ net.softmax.weight.double().t() + net.softmax.bias.double(), 1)
    flat = [float(row[target]) for row, target in zip(told, wanted, strict=True) if target is not None]
    found = []
    for sentence in sentences[::order]:
        scores, flat = flat[: len(sentence) + 1], flat[len(sentence) + 1 :]
        found.append([*scores[:-1][::order], scores[-1]])
    return found[::order]


def test_scores_are_those_of_the_whole_text_read_at_once(lm: DirectionLM) -> None:
    found = lm.logprobs(SENTENCES)
    for scores, expected in zip(found, plain(lm, SENTENCES), strict=True):
        np.testing.assert_allclose(scores, expected, atol=1e-4)


def test_sentences_apart_are_scored_from_the_start(lm: DirectionLM, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [plain(lm, [sentence])[0] for sentence in SENTENCES]
    for together in (1 << 14, 6, 1):
        monkeypatch.setattr("firth.contextual.elmo_lm._TOGETHER", together)
        for scores, wanted in zip(lm.logprobs(SENTENCES, carry=False), expected, strict=True):
            np.testing.assert_allclose(scores, wanted, atol=1e-4)


def test_an_unknown_word_is_read_by_its_spelling_and_predicted_as_unknown(lm: DirectionLM) -> None:
    one, other = lm.logprobs([["a", "zebra", "b"], ["a", "yak", "b"]], carry=False)
    last, first = (0, 2) if lm.backward else (2, 0)
    assert one[first] == pytest.approx(other[first], abs=1e-4)
    assert one[1] == pytest.approx(other[1], abs=1e-4)  # <unk> for both
    assert abs(one[last] - other[last]) > 1e-3


def test_ids_are_scored_as_single_steps_say(lm: DirectionLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.contextual.elmo_lm._STEPS", 3)
    ids = np.array([0, 1, lm.lexicon.eos, lm.lexicon.unk, 3, 2, lm.lexicon.eos, lm.lexicon.eos, 0], np.int32)
    scores, after = lm.score(ids, lm.start())
    state = lm.start()
    for place, word in enumerate(ids):
        told = lm.next_log_probs(state)
        assert np.exp(told).sum() == pytest.approx(1, abs=1e-9)
        assert told[word] == pytest.approx(scores[place], abs=1e-4)
        _, state = lm.score(ids[place : place + 1], state)
    np.testing.assert_allclose(lm.next_log_probs(state), lm.next_log_probs(after), atol=1e-4)
    assert [len(each) for each in lm.score_apart([ids, ids[:1], ids[:0]])] == [9, 1, 0]
    np.testing.assert_allclose(lm.score_apart([ids])[0], scores, atol=1e-4)


def test_a_state_is_a_value(lm: DirectionLM) -> None:
    _, state = lm.score(np.array([0, 1], np.int32), lm.start())
    once = lm.next_log_probs(state)
    lm.score(np.array([2, 5, 3], np.int32), state)
    np.testing.assert_array_equal(lm.next_log_probs(state), once)


@pytest.mark.parametrize("carry", [True, False])
def test_perplexity_is_that_of_the_scores(lm: DirectionLM, carry: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = [sentence for sentence in SENTENCES if sentence]
    monkeypatch.setattr("firth.contextual.elmo_lm._PIECE", 4)
    found = lm.perplexity(text, carry=carry)
    scores = lm.logprobs(text, carry=carry)
    assert (found.n_words, found.n_sentences, found.n_unknown) == (8, 3, 2)
    assert found.log_prob == pytest.approx(sum(each.sum() for each in scores), abs=1e-4)
    assert found.log_prob_unknown == pytest.approx(scores[0][2] + scores[2][1], abs=1e-4)
    told = list(scored_sentences(lm, text, carry=carry))
    for sentence, expected in zip(told, scores, strict=True):
        np.testing.assert_allclose(sentence.log_probs, expected, atol=1e-4)
    assert told[0].unknown.tolist() == [False, False, True, False, False]


def test_a_mean_of_both_directions_is_of_their_log_probabilities() -> None:
    model = small_model()
    found = both_perplexities(model, [["a", "b", "zebra"]])
    forward, backward = (lm.perplexity([["a", "b", "zebra"]]) for lm in (forward_lm(model), backward_lm(model)))
    assert (found["forward"], found["backward"]) == (forward, backward)
    assert found["mean"].with_unknown == pytest.approx(np.sqrt(forward.with_unknown * backward.with_unknown))


def test_words_are_drawn_before_and_behind_a_context(lm: DirectionLM) -> None:
    drawn = lm.sample(5, Sampling(longest=4, seed=3), context=["c", "a"])
    for sentence in drawn:
        assert (sentence[-2:] if lm.backward else sentence[:2]) == ["c", "a"]
        assert set(sentence) <= set("abcd")
    best, chance = lm.next_words(["c", "a"], 1)[0]
    state = lm.read(["c", "a"])
    assert chance == pytest.approx(np.exp(lm.next_log_probs(state)[lm.vocab[best]]))


def test_a_direction_mixes_with_other_models() -> None:
    model = small_model()
    mixture = Mixture([forward_lm(model), forward_lm(model)], [0.5, 0.5])
    alone = forward_lm(model).perplexity([["a", "b"], ["c"]])
    assert mixture.perplexity([["a", "b"], ["c"]]).with_unknown == pytest.approx(alone.with_unknown, rel=1e-5)


def test_a_model_without_an_output_layer_is_none() -> None:
    model = small_model()
    with pytest.raises(DataError, match="no output layer"):
        forward_lm(ElmoModel(BiLM(model.net.shape), model.reader))
