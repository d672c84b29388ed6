"""The tagger: what it gives, how training goes on and ends, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.errors import ConfigError, DataError, FormatError
from firth.events import Event, Notice
from firth.tasks.tagger import Tagger, Trained, train

from .test_tagger import PAIRS, SMALL, fitted, right


def test_a_sentence_has_the_same_labels_alone_and_beside_others() -> None:
    made = fitted(characters="lstm", casing=True, epochs=3)
    sentences = [["Ann"], [], ["Ann", "saw", "Lee", "farms", "grows"] * 9, ["Bonn", "x" * 300]]
    together = made.model.tag(sentences)
    assert [len(labels) for labels in together] == [1, 0, 45, 2]
    assert together == [made.model.tag([sentence])[0] for sentence in sentences]
    law = made.model.probabilities(sentences[2])
    assert law.shape == (45, len(made.model.labels))
    assert np.allclose(law.sum(1), 1, atol=1e-4)
    assert made.model.probabilities([]).shape == (0, len(made.model.labels))


@pytest.mark.parametrize("scheme", ["iob1", "iob2", "bioes"])
def test_labels_come_out_in_the_scheme_they_went_in(scheme: str) -> None:
    from firth.text.spans import encode_spans, spans_of

    pairs = [(words, encode_spans(spans_of(labels), len(labels), scheme)) for words, labels in PAIRS]
    for encoding in ("bioes", "iob2"):
        made = fitted(pairs, encoding=encoding, scheme=scheme)
        assert right(made, pairs)
        assert made.model.spans([["Ann", "Lee", "saw"]]) == [[(0, 2, "PER")]]
        assert made.model.evaluate(PAIRS)["f1"] == 1.0


def test_chinese_by_characters() -> None:
    pairs = [
        (list("小明在北京"), ["B-PER", "E-PER", "O", "B-LOC", "E-LOC"]),
        (list("他去上海"), ["O", "O", "B-LOC", "E-LOC"]),
        (list("王小明好"), ["B-PER", "M-PER", "E-PER", "O"]),
    ]
    heard: list[Event] = []
    made = train(pairs, Tagger(**SMALL), threads=1, listen=heard.append)
    assert made.model.tag([list("王小明好")]) == [["B-PER", "I-PER", "E-PER", "O"]]
    assert any("by other letters" in event.message for event in heard if isinstance(event, Notice))


# ------------------------------------------------------------------ training
def test_the_same_bytes_again_and_after_an_interruption(tmp_path: Path) -> None:
    options: dict[str, Any] = {**SMALL, "epochs": 6, "dropout": 0.4, "word_dropout": 0.2, "characters": "cnn"}

    def state(made: Trained) -> dict[str, bytes]:
        return {name: value.numpy().tobytes() for name, value in made.model.net.state_dict().items()}

    whole = train(PAIRS, Tagger(**options), heldout=PAIRS, threads=1)
    assert state(train(PAIRS, Tagger(**options), heldout=PAIRS, threads=1)) == state(whole)
    assert state(train(PAIRS, Tagger(**options, seed=2), heldout=PAIRS, threads=1)) != state(whole)

    def stop(event: Event) -> None:
        if type(event).__name__ == "EpochEnd" and event.epoch == 3:  # type: ignore[union-attr]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(PAIRS, Tagger(**options), heldout=PAIRS, threads=1, checkpoint=tmp_path, listen=stop)
    again = train(PAIRS, Tagger(**options), heldout=PAIRS, threads=1, checkpoint=tmp_path, resume=True)
    assert state(again) == state(whole)
    assert again.heldout == whole.heldout
    with pytest.raises(DataError, match="another job"):
        train(PAIRS[:3], Tagger(**options), heldout=PAIRS, threads=1, checkpoint=tmp_path, resume=True)


def test_the_best_on_held_out_sentences_is_kept_and_told() -> None:
    made = fitted(heldout=PAIRS, rate=0.05, epochs=8, decay="constant")
    found = made.model.evaluate(PAIRS)["f1"]
    assert 1 - found == pytest.approx(min(loss for loss in made.heldout if loss is not None))
    plain = [(words, [label[0] for label in labels]) for words, labels in PAIRS]
    made = fitted(plain, heldout=plain, epochs=2)
    assert 1 - made.model.evaluate(plain)["accuracy"] == pytest.approx(min(made.heldout))  # type: ignore[type-var]


def test_held_out_labels_that_training_never_saw_are_told() -> None:
    heard: list[Event] = []
    others = [(["Bonn", "we"], ["B-ORG", "O"])]
    train(PAIRS, Tagger(**{**SMALL, "epochs": 1}), heldout=others, threads=1, listen=heard.append)
    said = [event.message for event in heard if isinstance(event, Notice)]
    assert "1 held-out words have labels unseen in training: S-ORG" in said


def test_a_sentence_of_ten_thousand_words() -> None:
    words = ["Ann", "saw"] * 5000  # 10,000
    made = fitted([(words[:4000], ["B-PER", "O"] * 2000), *PAIRS], epochs=1)
    assert len(made.model.tag([words, ["Ann"]])[0]) == 10_000


# ------------------------------------------------------------------ bad input
@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "no labelled words"),
        ([([], [])], "no labelled words"),
        ([(["a"], ["O", "O"])], "differ in number"),
        ([(["a"], [1])], "not text"),
        ([("a",)], "no pair of words and labels"),
        ([(["a"], ["B-X"]), (["b", "c"], ["O", "I-X"])], "neither IOB1 nor IOB2: in sentence 2, word 2"),
    ],
)
def test_data_that_is_none(data: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        fitted(data)


def test_illegal_labels_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a O\nb B-X\n\nc O\nd I-X\n")
    with pytest.raises(FormatError, match=r"a.txt: line 5: I-X follows O, which IOB2 does not allow"):
        fitted(path, scheme="iob2")
    assert fitted(path, scheme="none", epochs=1).model.labels == ["B-X", "I-X", "O"]


def test_options_that_do_not_go_together() -> None:
    with pytest.raises(ConfigError, match="features in the middle need two LSTMs"):
        Tagger(features="middle")
    contexts = type(
        "Contexts", (), {"dim": 2, "encode_layers": lambda self, some: [np.zeros((3, len(s), 2)) for s in some]}
    )()
    with pytest.raises(ConfigError, match="nothing enters before the LSTMs"):
        fitted(representation=contexts, features="output")
    with pytest.raises(DataError, match="no list of words"):
        fitted(epochs=1).model.tag(["Ann farms"])
