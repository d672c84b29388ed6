"""The tagger: what it learns from vectors, contexts, spelling and given rows, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from firth.errors import ConfigError, DataError, FormatError
from firth.events import Event, Notice
from firth.tasks.tagger import Tagger, Trained, train
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

SMALL: dict[str, Any] = {
    "hidden": 12, "dim": 8, "epochs": 25, "rate": 0.02, "dropout": 0.1, "word_dropout": 0.0, "batch": 1, "casing": False,
    "characters": "none",
}  # fmt: skip
PAIRS = [
    (words.split(), labels.split())
    for words, labels in [
        ("Ann Lee farms", "B-PER I-PER O"),
        ("we saw Ann", "O O B-PER"),
        ("Bonn grows", "B-LOC O"),
        ("Ann Lee saw Bonn", "B-PER I-PER O B-LOC"),
    ]
]


def fitted(data: Any = PAIRS, representation: Any = (), heldout: Any = None, **options: Any) -> Trained:
    return train(data, Tagger(**{**SMALL, **options}), representation=representation, heldout=heldout, threads=1)


def right(made: Trained, pairs: Sequence[tuple[Any, list[str]]] = PAIRS) -> bool:
    return made.model.tag([words for words, _ in pairs]) == [labels for _, labels in pairs]


# ------------------------------------------------------------------ the orange farmer
FARMERS = [
    ("Sally Johnson is an orange farmer", "B-PER I-PER O O O O"),
    ("Mary Smith is a pear grower", "B-PER I-PER O O O O"),
    ("the farmer met Tom Brown", "O O O B-PER I-PER"),
    ("London Bridge is an old crossing", "B-LOC I-LOC O O O O"),
    ("Rhine Valley is a green region", "B-LOC I-LOC O O O O"),
    ("Lake Como is a deep water", "B-LOC I-LOC O O O O"),
    ("the grower met Hyde Park", "O O O B-LOC I-LOC"),
]
UNSEEN = [
    ("Robert Lin is an apple farmer", "B-PER I-PER O O O O"),
    ("Robert Lin is a durian cultivator", "B-PER I-PER O O O O"),
]


def farmers_vectors() -> Vectors:
    """Vectors in which like words are near, as any text would teach them."""
    alike = [
        "Sally Mary Tom Robert", "Johnson Smith Brown Lin", "London Rhine Lake Hyde", "Bridge Valley Como Park",
        "orange pear apple durian", "farmer grower cultivator", "old green deep", "crossing region water", "is met", "a an the",
    ]  # fmt: skip
    random = np.random.default_rng(1)
    words, rows = [], []
    for group in alike:
        centre = random.standard_normal(16)
        for word in group.split():
            words.append(word)
            rows.append(centre + 0.2 * random.standard_normal(16))
    return Vectors(words, np.array(rows, np.float32))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_orange_farmer(seed: int) -> None:
    """Vectors know that Robert is like Sally, and durian like orange; the seven sentences don't."""
    seen, unseen = ([(a.split(), b.split()) for a, b in pairs] for pairs in (FARMERS, UNSEEN))
    options: dict[str, Any] = {"hidden": 16, "batch": 4, "epochs": 40, "word_dropout": 0.1, "seed": seed}
    with_vectors = fitted(seen, farmers_vectors(), **options)
    assert right(with_vectors, seen)
    assert right(with_vectors, unseen)
    without = fitted(seen, **options)
    assert right(without, seen)
    assert not right(without, unseen)


# ------------------------------------------------------------------ word features
class Contexts:
    """Three layers, of which only the second knows the word; the others are noise. The module learns its own table."""

    dim, words = 6, ("Ann", "Lee", "farms", "we", "saw", "Bonn", "grows")

    def __init__(self, table: np.ndarray | None = None) -> None:
        random = np.random.default_rng(0)
        self.table = random.standard_normal((len(self.words) + 1, self.dim)) if table is None else table
        self.calls = 0

    def _rows(self, sentence: Sequence[str]) -> np.ndarray:
        known = [self.words.index(word) if word in self.words else -1 for word in sentence]
        return self.table[known].astype(np.float32)

    def encode(self, sentences: Iterable[Sequence[str]]) -> list[np.ndarray]:
        return [self._rows(sentence) for sentence in sentences]

    def encode_layers(self, sentences: Iterable[Sequence[str]]) -> list[np.ndarray]:
        self.calls += 1
        noise = np.random.default_rng(5)
        return [
            np.stack([noise.standard_normal(rows.shape), rows, noise.standard_normal(rows.shape)]).astype(np.float32)
            for rows in self.encode(sentences)
        ]

    def module(self, *, freeze: bool = True) -> nn.Module:
        assert not freeze
        return TunedContexts(self)


class TunedContexts(nn.Module):
    def __init__(self, contexts: Contexts) -> None:
        super().__init__()
        self.contexts = [contexts]
        self.table = nn.Parameter(torch.from_numpy(contexts.table.astype(np.float32)))

    def forward(self, sentences: Sequence[Sequence[str]]) -> torch.Tensor:
        words = self.contexts[0].words
        rows = [self.table[[words.index(w) if w in words else -1 for w in sentence]] for sentence in sentences]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True)

    def model(self) -> Contexts:
        return Contexts(self.table.detach().numpy().astype(np.float64))


def words_and_kinds(n: int, seed: int) -> list[tuple[list[str], list[str]]]:
    random, kinds = np.random.default_rng(seed), dict(zip(Contexts.words, "NNVPVLV", strict=True))
    sentences = [[str(word) for word in random.choice(Contexts.words, random.integers(2, 6))] for _ in range(n)]
    return [(words, [kinds[word] for word in words]) for words in sentences]


@pytest.mark.parametrize(("features", "layers"), [("input", 1), ("middle", 2), ("output", 1)])
def test_contexts_enter_in_three_places_and_their_layers_are_weighed(features: str, layers: int) -> None:
    given, static = Contexts(), Vectors(["x"], [[1.0]])
    pairs = words_and_kinds(60, 1)
    made = fitted(pairs, [static, given], features=features, layers=layers, epochs=12, batch=4, decoder="softmax")
    assert made.model.evaluate(words_and_kinds(20, 2))["accuracy"] > 0.9
    (weights,) = made.model.mixes
    assert sum(weights) == pytest.approx(1)
    assert weights[1] == max(weights) > 0.45  # the layer that is no noise
    shape = made.model.net.shape
    assert (shape.width("input"), shape.width(features) - (features == "input")) == (7 if features == "input" else 1, 6)
    assert given.calls <= 5  # to see how many layers there are, once for the training text, and above


def test_layers_as_the_model_itself_mixes_them() -> None:
    made = fitted(representation=Contexts(), mix=False)
    assert made.model.mixes == []
    assert right(made)


def test_a_large_cache_lies_on_disk_and_gives_the_same() -> None:
    small, large = (fitted(representation=Contexts(), cache=cache, epochs=4) for cache in (1.0, 0.0))
    assert small.losses == large.losses


def test_contexts_learn_with_the_tagger() -> None:
    given = Contexts()
    before = given.table.copy()
    made = fitted(representation=given, finetune="contextual")
    (source,) = made.model.sources
    learnt = source.representation  # type: ignore[attr-defined]
    assert right(made)
    assert np.array_equal(given.table, before)
    assert not np.allclose(learnt.table[:-1], before[:-1])
    with pytest.raises(ConfigError, match="cannot be fine-tuned"):
        fitted(representation=type("Frozen", (), {"dim": 2, "encode": None, "encode_layers": None})(), finetune="all")


def test_word_vectors_learn_with_the_tagger() -> None:
    given = Vectors(["Ann", "bonn", "pear"], np.eye(3, 8), oov="error")
    made = fitted(representation=given, finetune="static")
    vectors = made.model.sources[0].vectors  # type: ignore[attr-defined]
    assert right(made)
    assert not np.allclose(vectors["Ann"], given["Ann"])
    assert vectors["pear"].tolist() == given["pear"].tolist() == np.eye(3, 8)[2].tolist()
    assert vectors["bonn"].tolist() == given["bonn"].tolist()  # Bonn began there and has a row of its own now
    assert {"Bonn", "Lee"} <= set(vectors.words)
    frozen = fitted(representation=given)
    assert frozen.model.sources[0].vectors.matrix.tolist() == given.matrix.tolist()  # type: ignore[attr-defined]


def test_unknown_words_are_composed_of_their_ngrams() -> None:
    grams = NgramRows(np.random.default_rng(1).standard_normal((50, 4)).astype(np.float32), 3, 4, 50)
    vectors = SubwordVectors(["Ann"], np.ones((1, 4), np.float32), subwords=grams)
    source = fitted(representation=vectors, epochs=1).model.sources[0]
    assert source.arrays([["Ann", "Annie"]])[0].tolist() == [[1.0] * 4, grams.vector("Annie").tolist()]  # type: ignore


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_spelling_alone_tells_words_apart_that_were_never_seen(kind: str) -> None:
    random = np.random.default_rng(3)
    made_up = ["".join(random.choice(list("abcdefgh"), 4)) for _ in range(60)]
    pairs = [([word + "ed", word + "ly"], ["VERB", "ADV"]) for word in made_up]
    options: dict[str, Any] = {"batch": 4, "epochs": 20, "character_hidden": 10, "dim": 1, "word_dropout": 0.5}
    made = fitted(pairs[:40], characters=kind, decoder="softmax", **options)
    assert made.model.scheme == "none"
    assert made.model.evaluate(pairs[40:])["accuracy"] > 0.95


def test_casing_alone_tells_words_apart_that_were_never_seen() -> None:
    pairs = [([word.title(), word, word.upper()], ["A", "B", "C"]) for word in "ab cd ef gh ij kl mn op".split()]
    made = fitted(pairs[:5], casing=True, dim=1, word_dropout=0.5)
    assert right(made, pairs[5:])


def test_given_rows_one_a_step() -> None:
    random = np.random.default_rng(0)
    rows = [random.standard_normal((n, 3)) for n in (4, 1, 6, 3, 5, 2)]
    pairs = [(matrix, ["up" if row[0] > 0 else "down" for row in matrix]) for matrix in rows]
    made = fitted(pairs, characters="cnn", casing=True, epochs=60)
    assert right(made, pairs)
    assert made.model.reads_rows
    assert made.model.net.characters is None
    with pytest.raises(DataError, match="no matrix of features"):
        made.model.tag([np.zeros((2, 4))])
    with pytest.raises(DataError, match="not a finite number"):
        made.model.tag([np.full((2, 3), np.nan)])
    with pytest.raises(ConfigError, match="no representation beside them"):
        fitted(pairs, Contexts())


# ------------------------------------------------------------------ what it gives
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
        (list("小明在北京"), "B-PER E-PER O B-LOC E-LOC".split()),
        (list("他去上海"), "O O B-LOC E-LOC".split()),
        (list("王小明好"), "B-PER M-PER E-PER O".split()),
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
    words = ["Ann", "saw"] * 5000
    made = fitted([(words, ["B-PER", "O"] * 5000), *PAIRS], epochs=1)
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
    with pytest.raises(ConfigError, match="nothing enters before the LSTMs"):
        fitted(representation=Contexts(), features="output")
    with pytest.raises(DataError, match="no list of words"):
        fitted(epochs=1).model.tag(["Ann farms"])
