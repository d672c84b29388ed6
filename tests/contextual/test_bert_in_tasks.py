"""BERT where representations are used: a tagger, frozen and fine-tuned, saved whole; senses of a word in a text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import firth
from firth.contextual.bert import BERT, train
from firth.contextual.bert_model import BertModel
from firth.evaluate.senses import senses
from firth.tasks.tagger import Tagger
from firth.tasks.tagger import train as train_tagger
from firth.text.corpus import as_corpus

TEXT = ["sally lives in london", "robert lives in paris", "the bank of the river", "a bank lends money"] * 6
DATA = [
    (["sally", "lives", "in", "london"], ["B-PER", "O", "O", "B-LOC"]),
    (["robert", "lives", "in", "paris"], ["B-PER", "O", "O", "B-LOC"]),
    (["the", "bank", "of", "paris"], ["O", "O", "O", "B-LOC"]),
] * 3


@pytest.fixture(scope="module")
def bert() -> BertModel:
    config = BERT(layers=1, dim=8, heads=2, hidden=12, vocab_size=80, length=16, batch=64, epochs=4, rate=0.01)
    return train(TEXT, config, threads=1).model


@pytest.mark.parametrize("finetune", ["none", "contextual"])
def test_a_tagger_reads_it_and_is_saved_whole(bert: BertModel, finetune: str, tmp_path: Path) -> None:
    before = bert.net.pieces.weight.detach().clone()
    config = Tagger(hidden=8, epochs=6, batch=3, rate=0.02, characters="none", finetune=finetune, finetune_scale=1.0)
    tagger = train_tagger(DATA, config, representation=bert, threads=1).model
    assert bool((bert.net.pieces.weight == before).all())
    own = tagger.sources[0].representation
    assert isinstance(own, BertModel)
    assert bool((own.net.pieces.weight == before).all()) == (finetune == "none")
    firth.save(tagger, tmp_path / "tagger")
    back = firth.load(tmp_path / "tagger")
    sentences = [words for words, _ in DATA[:3]] + [["robert", "zebra"], []]
    with pytest.warns(UserWarning, match="characters that no piece has"):
        expected = tagger.tag(sentences)
    with pytest.warns(UserWarning, match="characters that no piece has"):
        assert back.tag(sentences) == expected


def test_senses_are_found_in_its_layers(bert: BertModel) -> None:
    found = senses(bert, as_corpus(TEXT), "bank", n_senses=2, layer=1)
    assert len(found.senses) == 2
    assert sorted(round(sense.share, 2) for sense in found.senses) == [0.5, 0.5]


def test_pooling_and_mix_travel(bert: BertModel, tmp_path: Path) -> None:
    firth.save(bert.with_pooling("last").with_mix(1), tmp_path / "bert")
    back = firth.load(tmp_path / "bert")
    np.testing.assert_array_equal(
        back.encode([["paris"]])[0], bert.with_pooling("last").with_mix(1).encode([["paris"]])[0]
    )
