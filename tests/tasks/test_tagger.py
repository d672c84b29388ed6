"""The tagger: what it learns from vectors, contexts, spelling and given rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from firth.errors import ConfigError, DataError
from firth.tasks.tagger import Tagger, Trained, train
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

SMALL: dict[str, Any] = {
    "hidden": 12, "dim": 8, "epochs": 25, "rate": 0.02, "dropout": 0.1, "word_dropout": 0.0, "batch": 1,
    "casing": False, "characters": "none",
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
    ("Loch Ness is a wide firth", "B-LOC I-LOC O O O O"),
]


def farmers_vectors() -> Vectors:
    """Vectors in which like words are near, as any text would teach them."""
    alike = [
        "Sally Mary Tom Robert", "Johnson Smith Brown Lin", "London Rhine Lake Hyde Loch",
        "Bridge Valley Como Park Ness", "orange pear apple durian", "farmer grower cultivator", "old green deep wide",
        "crossing region water firth", "is met", "a an the",
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
    person, place = without.model.tag([words for words, _ in unseen[1:]])
    assert person == place  # all unseen words are one to it


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
    made = fitted(representation=given, finetune="contextual", finetune_scale=1.0)
    (source,) = made.model.sources
    learnt = source.representation  # type: ignore[attr-defined]
    assert right(made)
    assert np.array_equal(given.table, before)
    assert not np.allclose(learnt.table[:-1], before[:-1])
    still = fitted(representation=given, finetune="contextual", finetune_scale=0.0).model.sources[0]
    assert np.allclose(still.representation.table, before)  # type: ignore[attr-defined]
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
    pairs = [
        ([word.title(), word, word.upper()], ["A", "B", "C"])
        for word in ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op"]
    ]
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
