"""The translator: what it learns from texts, vectors and rows, and training that goes on where it stopped."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from firth.errors import ConfigError, DataError
from firth.events import Event, Notice
from firth.tasks.translator import Trained, Translator, train
from firth.vectors.static import Vectors

SMALL: dict[str, Any] = {
    "units": "words", "dim": 32, "hidden": 32, "decoder_layers": 1, "epochs": 20, "batch": 30, "rate": 0.02,
    "dropout": 0.0, "smoothing": 0.0, "min_count": 1,
}  # fmt: skip
NOUNS = {"Hund": "dog", "Mann": "man", "Baum": "tree", "Ball": "ball"}
PAIRS = [
    (f"{one} {noun} {verb}", f"{two} {NOUNS[noun]} {does}")
    for (one, two), noun, (verb, does) in itertools.product(
        [("ein", "a"), ("der", "the")], NOUNS, [("kommt", "comes"), ("geht", "goes"), ("lebt", "lives")]
    )
]


def fitted(data: Any = PAIRS, **options: Any) -> Trained:
    given = {
        name: options.pop(name) for name in ("vectors", "heldout", "listen", "checkpoint", "resume") if name in options
    }
    return train(data, Translator(**{**SMALL, **options}), threads=1, **given)


def right(made: Trained, pairs: Any = PAIRS, **options: Any) -> int:
    found = made.model.translate([source for source, _ in pairs], **options)
    return sum(one.text == target for one, (_, target) in zip(found, pairs, strict=True))


@pytest.mark.parametrize(
    "way",
    [
        {}, {"cell": "gru"}, {"attention": "none"}, {"feeding": "input", "attention": "dot"},
        {"feeding": "context", "attention": "additive"}, {"units": "bpe", "subwords": 100, "epochs": 50, "rate": 0.01},
        {"units": "bpe", "subwords": 60, "joint": False, "tie": "none", "epochs": 50},
        {"average": 0.9}, {"smoothing": 0.1, "layers": 2, "place": "bottom", "decoder_layers": 2},
    ],
    ids=str,
)  # fmt: skip
def test_pairs_are_learnt(way: dict[str, Any]) -> None:
    made = fitted(**way)
    assert right(made) >= 22
    assert right(made, beam=1) >= 22
    assert made.losses[-1] < 0.4 * made.losses[0]


def test_attention_looks_at_the_word_that_is_translated() -> None:
    made = fitted(place="top", epochs=60)
    one = made.model.translate(["der Baum geht"])[0]
    assert (one.text, one.tokens) == ("the tree goes", ["the", "tree", "goes", "<eos>"])
    assert one.source_tokens == ["der", "Baum", "geht", "<eos>"]
    assert one.attention.shape == (4, 4)
    assert np.allclose(one.attention.sum(1), 1)
    assert one.log_prob == pytest.approx(made.model.log_probs([("der Baum geht", "the tree goes")])[0], abs=1e-4)


def test_answers_alone_and_in_company_are_the_same() -> None:
    model = fitted(epochs=3).model
    sentences = [" ".join(words.split()[:n]) for words, _ in PAIRS[:6] for n in (1, 2, 3)] + ["", "der " * 30]
    options: dict[str, Any] = {"beam": 3, "coverage_penalty": 0.2, "n_best": 3, "longest": 9}
    together = model.translate_n(sentences, **options)
    for sentence, several in zip(sentences, together, strict=True):
        (alone,) = model.translate_n([sentence], **options)
        assert [one.text for one in alone] == [one.text for one in several]
        assert [one.score for one in alone] == pytest.approx([one.score for one in several], rel=1e-4)
    assert model.translate([""])[0].text == ""
    assert model.translate([]) == []


def test_drawn_translations_depend_on_the_seed() -> None:
    model = fitted(epochs=4).model
    sources = [source for source, _ in PAIRS]
    one, again, other = ([each.text for each in model.sample(sources, seed=seed, longest=9)] for seed in (1, 1, 2))
    assert one == again != other
    assert model.sample(sources[:1], seed=1, longest=9)[0].text == one[0]
    with pytest.raises(ConfigError, match="temperature"):
        model.sample(sources, temperature=0)


def test_unknown_words_are_copied_or_looked_up() -> None:
    pairs = [(f"ein {a}", f"a {b}") for a, b in [("X1", "Y1"), ("X2", "Y2"), ("X3", "Y3"), ("X4", "Y4")]] * 4
    pairs += [(f"ein {noun}", f"a {word}") for noun, word in NOUNS.items()] * 8
    made = fitted(pairs, min_count=5, place="top", epochs=40, batch=60)
    assert "X1" not in made.model.source.pieces.words  # type: ignore[attr-defined]
    model, one = made.model, made.model.translate(["ein Xylophon"])[0]
    assert (one.text, one.tokens) == ("a Xylophon", ["a", "<unk>", "<eos>"])
    assert model.translate(["ein Xylophon"], dictionary={"Xylophon": "xylophone"})[0].text == "a xylophone"
    assert model.translate(["ein Xylophon"], replace_unknown=False)[0].text == "a <unk>"


def test_bpe_writes_text_as_people_do_and_knows_everything() -> None:
    data = [("Ein Hund, ja!", "A dog, yes!"), ("你好，世界。", "Hello, world.")] * 12
    model = fitted(data, units="bpe", subwords=150, epochs=40).model
    assert [one.text for one in model.translate(["Ein Hund, ja!", "你好，世界。"])] == ["A dog, yes!", "Hello, world."]
    assert model.translate(["龙€ <eos> <pad>"])[0].source_tokens.count("<eos>") == 1


def test_a_target_of_one_word_and_texts_in_lists() -> None:
    data = [(["gut"], ["good"]), (["schlecht"], ["bad"])] * 6
    assert [one.text for one in fitted(data).model.translate([["gut"], "schlecht"])] == ["good", "bad"]


def test_chinese_by_characters() -> None:
    data = [("狗来了", "the dog comes"), ("人走了", "the man goes")] * 6
    model = fitted(data, tokenizer="chars").model
    assert model.translate(["狗来了"])[0].source_tokens == ["狗", "来", "了", "<eos>"]
    back = fitted([(b, a) for a, b in data], target_tokenizer="chars").model
    assert back.translate(["the man goes"])[0].text == "人走了"


# ------------------------------------------------------------------ one-to-many
def test_a_text_from_a_vector() -> None:
    rows = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    data = [(row, f"a {noun}") for row, noun in zip(rows, NOUNS.values(), strict=True)] * 4
    made = fitted(data)
    assert [one.text for one in made.model.translate(rows)] == [f"a {noun}" for noun in NOUNS.values()]
    assert made.model.translate(rows[:1])[0].attention.tolist()[0] == [1.0]
    with pytest.raises(DataError, match="others in number"):
        made.model.translate([np.zeros(4)])
    with pytest.raises(DataError, match="not a finite number"):
        made.model.translate([np.full(5, np.nan)])


def test_a_caption_looks_at_the_rows_of_a_matrix() -> None:
    random = np.random.default_rng(1)
    things = {noun: random.standard_normal(6) for noun in NOUNS.values()}
    data = []
    for _ in range(80):
        chosen = random.choice(list(things), 2, replace=False)
        rows = [np.concatenate([things[noun], [place]]) for place, noun in enumerate(chosen)]
        data.append((np.array(rows)[random.permutation(2)], " and ".join(chosen)))
    model = fitted(data[:60], place="top", epochs=40, batch=60).model
    found = model.translate([rows for rows, _ in data[60:]])
    assert sum(one.text == text for one, (_, text) in zip(found, data[60:], strict=True)) >= 15
    sure = [
        int(one.attention[0].argmax()) == int(rows[:, 6].argmin())
        for one, (rows, _) in zip(found, data[60:], strict=True)
    ]  # the first word is about the row of the first place
    assert np.mean(sure) > 0.7 or np.mean(sure) < 0.3  # or it rules the other out


def test_definitions_of_words_by_their_vectors() -> None:
    """What is like pear in the vectors is defined like pear, though it was in no lesson."""
    random = np.random.default_rng(2)
    kinds = {
        "a fruit": "pear apple plum cherry fig",
        "an animal": "dog cat cow hen goat",
        "a metal": "tin iron lead zinc",
    }
    words, rows = [], []
    for text in kinds.values():
        centre = random.standard_normal(8)
        words += text.split()
        rows += [centre + 0.2 * random.standard_normal(8) for _ in text.split()]
    data = [(word, kind) for kind, text in kinds.items() for word in text.split()[1:]] * 3
    heard: list[Event] = []
    model = fitted([*data, ("durian", "a fruit")], vectors=Vectors(words, rows), listen=heard.append).model
    assert [one.text for one in model.translate(["pear", "dog", "tin", "durian"])] == [
        "a fruit",
        "an animal",
        "a metal",
        "",
    ]
    assert any("1 pairs are left out" in event.message for event in heard if isinstance(event, Notice))
    assert not model.reads_text


# ------------------------------------------------------------------ training
def test_the_same_bytes_again_and_from_a_checkpoint(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "epochs": 4, "dropout": 0.2, "word_dropout": 0.1, "average": 0.9, "teacher": "sigmoid", "teacher_least": 0.3,
        "teacher_epochs": 4.0, "heldout": PAIRS[:5], "units": "bpe", "subwords": 60, "piece_dropout": 0.2,
    }  # fmt: skip
    whole = fitted(**options)
    steps = itertools.count()

    def stop(event: Event) -> None:
        if type(event).__name__ == "EpochEnd" and next(steps) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(**options, checkpoint=tmp_path / "c", listen=stop)
    resumed = fitted(**options, checkpoint=tmp_path / "c", resume=True)
    assert resumed.losses == whole.losses
    assert resumed.heldout == whole.heldout
    wanted = whole.model.net.state_dict()
    for name, value in resumed.model.net.state_dict().items():
        assert torch.equal(value, wanted[name]), name


def test_the_heldout_loss_is_plain_and_of_the_model_that_is_kept() -> None:
    for options in ({"smoothing": 0.3}, {"average": 0.95}):
        made = fitted(heldout=PAIRS[:7], epochs=5, **options)
        found = made.model.log_probs(PAIRS[:7])
        n = sum(len(target.split()) + 1 for _, target in PAIRS[:7])
        assert min(loss for loss in made.heldout if loss is not None) == pytest.approx(-sum(found) / n, rel=1e-5)


def test_what_is_left_out_is_said() -> None:
    heard: list[Event] = []
    long = ("der Hund " * 10, "the dog")
    fitted([*PAIRS, ("", "empty"), ("leer", " "), long], epochs=1, max_length=12, listen=heard.append)
    said = [event.message for event in heard if isinstance(event, Notice)]
    assert "2 pairs with an empty side are left out" in said
    assert "1 pairs with a side longer than 12 are left out (max_length)" in said


def test_a_very_long_sentence_is_read_alone() -> None:
    long = [("der " * 1500, "the " * 1200)]
    made = fitted([*PAIRS, *long], epochs=1, max_length=2000, batch=200)
    assert len(made.model.translate([long[0][0]], beam=1, longest=3)[0].tokens) <= 3


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "no pairs"),
        ([("a", "")], "no pairs"),
        (["ab"], "item 1 is no pair"),
        ([("a", 3)], "the target of pair 1 is no text"),
        ([("a", "b"), ([1.0], "b")], "several kinds"),
        ([(np.array(["a"], object), "b")], "neither text nor a vector"),
        ([("a", "b\udcff")] * 3, "no UTF-8"),
    ],
)
def test_bad_pairs(data: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        fitted(data, units="bpe" if "UTF" in said else "words")


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": 7},
        {"teacher": "linear"},
        {"attention": "cosine"},
        {"smoothing": 1.0},
        {"tokenizer": "moses"},
        {"units": "words", "piece_dropout": 0.1},
    ],
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Translator(**options)


@pytest.mark.parametrize("options", [{"beam": 0}, {"beam": 2, "n_best": 3}, {"longest": 0}, {"length_penalty": -1.0}])
def test_bad_searches(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        fitted(epochs=1).model.translate_n(["ein Hund"], **options)


def test_a_gru_on_a_cpu_is_computed_in_float32() -> None:
    with pytest.raises(ConfigError, match="float32"):
        fitted(cell="gru", precision="bfloat16")
    assert fitted(precision="bfloat16", epochs=2).losses[1] < 4


def test_the_teacher_leaves_slowly() -> None:
    for kind in ("linear", "sigmoid"):
        config = Translator(teacher=kind, teacher_least=0.2, teacher_epochs=8)
        chances = [config.teacher_at(epochs) for epochs in np.linspace(0, 8, 33)]
        assert chances[0] == pytest.approx(1, abs=3e-3)
        assert chances[16] == pytest.approx(0.6)
        assert config.teacher_at(100) == pytest.approx(0.2, abs=3e-3)
        assert all(a >= b for a, b in itertools.pairwise(chances))
    assert Translator(teacher_least=0.7).teacher_at(3) == 0.7
