"""What a cut leaves out is told, and held-out text is read as the text of training was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firth.events import EpochEnd, Event, Notice
from firth.lm import nnlm, rnn
from firth.text.corpus import as_corpus

TRAINERS: dict[str, Callable[..., Any]] = {
    "nnlm": lambda data, **run: nnlm.train(data, nnlm.NNLM(dim=4, hidden=4, epochs=1, max_vocab=2), threads=1, **run),
    "rnn": lambda data, **run: rnn.train(
        data, rnn.RNN(dim=4, hidden=4, epochs=1, batch=1, max_vocab=2), threads=1, **run
    ),
}


@pytest.mark.parametrize("name", TRAINERS)
def test_words_out_of_the_lexicon_are_told(name: str) -> None:
    heard: list[Event] = []
    TRAINERS[name](["a a b b c d"] * 3, listen=heard.append)
    told = [event.message for event in heard if isinstance(event, Notice)]
    assert any("2 rare words are <unk> (6 of 18 tokens); 2 are kept" in message for message in told)


@pytest.mark.parametrize("name", TRAINERS)
def test_heldout_text_is_read_with_the_tokenizer_of_training(name: str, tmp_path: Path) -> None:
    path = tmp_path / "heldout.txt"
    path.write_text("A B\nA B\n")
    losses = []
    corpus = as_corpus(["a b"] * 4, lower=True)
    for heldout in (path, as_corpus(["a b", "a b"])):
        heard: list[Event] = []
        TRAINERS[name](corpus, heldout=heldout, listen=heard.append)
        losses += [event.heldout for event in heard if isinstance(event, EpochEnd)]
    assert losses[0] is not None
    assert losses[0] == losses[1]
