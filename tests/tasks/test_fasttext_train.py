"""Training of fastText's classifier against its NumPy twin, Facebook's program, and for what it promises."""

from __future__ import annotations

import dataclasses
import itertools
import random as chances
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firth import _core
from firth.errors import ConfigError, DataError
from firth.events import Event, Notice
from firth.tasks.fasttext import LOSSES, FastTextClassifier
from firth.tasks.fasttext_data import LabelledLines
from firth.tasks.fasttext_predict import predict, test
from firth.tasks.fasttext_reference import Reference, huffman
from firth.tasks.fasttext_train import FastTextClassify, train
from firth.vectors.static import Vectors

Labelled = Callable[..., list[str]]


def _file(folder: Path, lines: list[str], name: str = "lines.txt") -> str:
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
    return str(path)


def _bytes(model: FastTextClassifier) -> bytes:
    assert model.kept is None or hasattr(model.kept, "buckets")
    return np.asarray(model.input).tobytes() + np.asarray(model.output).tobytes()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("ngrams", "minn", "maxn", "several"), [(1, 0, 0, False), (3, 0, 0, True), (2, 2, 3, True)])
def test_training_is_that_of_the_twin(  # noqa: PLR0917
    tmp_path: Path, labelled: Labelled, loss: str, ngrams: int, minn: int, maxn: int, several: bool
) -> None:
    lines = labelled(90, several=several)
    config = FastTextClassify(
        dim=20, epochs=2, rate=0.6, loss=loss, word_ngrams=ngrams, minn=minn, maxn=maxn, buckets=997, negative=3, seed=5
    )  # fmt: skip
    twin = Reference(lines, config)
    twin.train()
    trained = train(_file(tmp_path, lines), config, threads=2)
    model = trained.model
    assert list(model.words) == twin.words
    assert list(model.labels) == twin.labels
    np.testing.assert_allclose(trained.losses, twin.losses, rtol=1e-5)
    np.testing.assert_allclose(model.output, twin.output, atol=2e-5)
    hashed = {feature for feature in twin.rows if feature < 0}
    assert {-1 - bucket for bucket in model.kept or ()} == hashed
    for feature, row in twin.rows.items():
        place = feature if feature >= 0 else len(twin.words) + (model.kept or {})[-1 - feature]
        np.testing.assert_allclose(model.input[place], row, atol=2e-5)
    assert np.abs(model.output).max() > 0.02


@pytest.mark.parametrize("loss", LOSSES)
def test_same_bytes_on_any_number_of_threads(tmp_path: Path, labelled: Labelled, loss: str) -> None:
    # Threads share a document only where it is long: these hold about 200 rows of 208 numbers.
    short = labelled(1200, several=True)
    path = _file(tmp_path, [" ".join(short[at : at + 12]) for at in range(0, 1200, 12)])
    config = FastTextClassify(dim=200, epochs=2, loss=loss, word_ngrams=2, buckets=5000, rate=0.5)
    found = [_bytes(train(path, config, threads=threads).model) for threads in (1, 2, 3, 16)]
    assert found[0] == found[1] == found[2] == found[3]
    other = train(path, dataclasses.replace(config, seed=2))
    assert _bytes(other.model) != found[0]


def test_a_heldout_text_changes_nothing_and_its_loss_falls(tmp_path: Path, labelled: Labelled) -> None:
    path, other = _file(tmp_path, labelled(300)), _file(tmp_path, labelled(80, seed=9), "held.txt")
    config = FastTextClassify(dim=16, epochs=4, word_ngrams=2, buckets=3000, rate=0.5)
    plain, watched = train(path, config), train(path, config, heldout=other)
    assert _bytes(plain.model) == _bytes(watched.model)
    held = [loss for loss in watched.heldout if loss is not None]
    assert len(held) == 4
    assert held[-1] < held[0] < 1.5
    chances_of = [
        dict(found) for found in predict(watched.model, [line.split(" ", 1)[1] for line in labelled(80, 9)], -1)
    ]
    expected = np.mean(
        [-np.log(found[line.split()[0]]) for found, line in zip(chances_of, labelled(80, 9), strict=True)]
    )
    assert held[-1] == pytest.approx(expected, rel=2e-2)  # the answers' 1e-5 apart


def test_pieces_of_any_size_and_pairs_read_the_same(tmp_path: Path, labelled: Labelled) -> None:
    lines = labelled(60, several=True)
    raw = ("\r\n".join(lines) + "\n").encode()
    whole = _core.LabelledText("__label__")
    whole.feed(raw)
    whole.end_text()
    expected = whole.documents(1, 0, 2, 0, 0, 999, False)
    cuts = chances.Random(1)
    pieces = _core.LabelledText("__label__")
    at = 0
    while at < len(raw):
        step = cuts.choice([1, 1, 2, 7, 40])
        pieces.feed(raw[at : at + step])
        at += step
    pieces.end_text()
    pairs = [
        ([w for w in line.split() if w.startswith("__label__")], " ".join(w for w in line.split() if w[:2] != "__"))
        for line in lines
    ]
    for other in (pieces, LabelledLines.of(pairs).native):
        found = other.documents(1, 0, 2, 0, 0, 999, False)
        for name in ("features", "feature_ends", "labels", "label_ends", "buckets"):
            np.testing.assert_array_equal(found[name], expected[name])


def test_own_rows_are_those_of_one_document_only() -> None:
    text = _core.LabelledText("__label__")
    text.feed(b"__label__a x y y\n__label__b x z\n")
    text.end_text()
    found = text.documents(1, 0, 1, 0, 0, 0, True)
    words, offsets, _ = found["words"]
    spelt = [words[a:b].tobytes().decode() for a, b in itertools.pairwise(offsets)]
    assert [spelt[row] for row in found["features"]] == ["x", "</s>", "x", "</s>"]
    own = [(spelt[row], times) for row, times in zip(found["own_rows"], found["own_times"].tolist(), strict=True)]
    assert own == [("y", 2), ("z", 1)]
    assert found["own_ends"].tolist() == [1, 2]


def test_words_labels_and_counts_are_facebooks(
    tmp_path: Path, labelled: Labelled, fasttext: Callable[..., str]
) -> None:
    lines = [*labelled(150, several=True), "no label here", "", "__label__rare ", "__label__x \x0bv\x0cf\tt"]
    path = _file(tmp_path, lines)
    options = ("-dim", 2, "-epoch", 1, "-thread", 1, "-minCount", 2, "-minCountLabel", 2, "-verbose", 0)
    fasttext("supervised", "-input", path, "-output", tmp_path / "fb", *options)
    theirs = [line.rsplit(" ", 2) for line in fasttext("dump", tmp_path / "fb.bin", "dict").split("\n")[1:-1]]
    model = train(path, FastTextClassify(dim=2, epochs=1, min_count=2, min_count_label=2)).model
    ours = [[word, str(count), "word"] for word, count in zip(model.words, model.counts, strict=True)]
    ours += [[word, str(count), "label"] for word, count in zip(model.labels, model.label_counts, strict=True)]
    assert sorted(theirs) == sorted(ours)
    assert [count for _, count, _ in theirs] == [count for _, count, _ in ours]


def test_the_tree_is_that_of_the_twin() -> None:
    counts = [90, 40, 40, 12, 5, 5, 5, 1, 1]
    first, nodes, turns = _core.label_paths(np.array(counts))
    paths, codes = huffman(counts)
    for label in range(len(counts)):
        assert nodes[first[label] : first[label + 1]].tolist() == paths[label]
        assert turns[first[label] : first[label + 1]].tolist() == codes[label]


def test_resuming_gives_the_bytes_of_an_unbroken_run(tmp_path: Path, labelled: Labelled) -> None:
    path = _file(tmp_path, labelled(400))
    config = FastTextClassify(dim=16, epochs=4, word_ngrams=2, buckets=3000)
    unbroken = train(path, config, threads=1)

    def stop(event: Event) -> None:
        if type(event).__name__ == "EpochEnd" and event.epoch == 2:  # type: ignore[union-attr]
            raise KeyboardInterrupt

    folder = tmp_path / "checkpoint"
    with pytest.raises(KeyboardInterrupt):
        train(path, config, threads=1, listen=stop, checkpoint=folder)
    resumed = train(path, config, threads=2, checkpoint=folder, resume=True)
    assert _bytes(resumed.model) == _bytes(unbroken.model)
    assert resumed.losses == unbroken.losses
    with pytest.raises(DataError, match="another job"):
        train(path, FastTextClassify(dim=16, epochs=5, word_ngrams=2, buckets=3000), checkpoint=folder, resume=True)


def test_start_vectors_help_words_that_the_text_lacks(labelled: Labelled) -> None:
    words = ["sea", "ocean", "oven", "stove"]
    start = Vectors(words, np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32))
    lines = [("water", "sea"), ("heat", "oven")] * 40
    model = train(lines, FastTextClassify(dim=2, rate=0.1, epochs=3), init=start).model
    assert list(model.words) == ["</s>", "oven", "sea", "ocean", "stove"]
    assert model.counts.tolist() == [80, 40, 40, 0, 0]
    assert [found[0][0] for found in predict(model, ["ocean", "stove"])] == ["__label__water", "__label__heat"]
    with pytest.raises(ConfigError, match="another dim"):
        train(lines, FastTextClassify(dim=3), init=start)


def test_lines_without_labels_are_told() -> None:
    told: list[str] = []
    text = [("a", "x"), ([], "nothing said"), ("b", "y"), ([], "nor here")]
    train(text, FastTextClassify(dim=2), listen=lambda e: told.append(e.message) if isinstance(e, Notice) else None)
    assert told == ["2 of 4 lines have no label and are left out (the first is line 2)"]


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (["just words", "more words"], {}, "none of the 2 lines has a label"),
        ([], {}, "no lines"),
        (["__label__a x"], {"min_count": 9}, "frequent enough"),
        (["#a x"], {"label_prefix": "@"}, "none of the 1 lines"),
    ],
)
def test_texts_that_cannot_be_learnt_from(tmp_path: Path, lines: list[str], options: dict, said: str) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("".join(line + "\n" for line in lines))
    with pytest.raises(DataError, match=said):
        train(path, FastTextClassify(**options))


@pytest.mark.parametrize("options", [{"minn": 4, "maxn": 3}, {"minn": 2}, {"maxn": 2}])
def test_an_empty_range_of_ngrams(options: dict) -> None:
    with pytest.raises(ConfigError, match="range of character n-grams is empty"):
        FastTextClassify(**options)


@pytest.mark.parametrize("options", [{"label_prefix": ""}, {"label_prefix": "a b"}, {"word_ngrams": 2, "buckets": 0}])
def test_other_options_that_make_no_sense(options: dict) -> None:
    with pytest.raises(ConfigError):
        FastTextClassify(**options)


@pytest.mark.parametrize("label", ["", "two words", "line\nbreak"])
def test_labels_with_blanks(label: str) -> None:
    with pytest.raises(DataError, match="label is empty or holds blanks"):
        train([(label, "text")], FastTextClassify(dim=2))


def test_one_label_and_every_loss() -> None:
    for loss in LOSSES:
        model = train([("only", "a b"), ("only", "b c")], FastTextClassify(dim=4, loss=loss, epochs=2)).model
        assert predict(model, ["a"])[0][0][0] == "__label__only"


def test_training_that_diverges_is_said() -> None:
    lines = [("a", "x y"), ("b", "y z")] * 200
    huge = Vectors(["x", "y"], np.full((2, 4), 3e38, np.float32))
    with pytest.raises(DataError, match="diverged"):
        train(lines, FastTextClassify(dim=4), init=huge)


def test_accuracy_is_facebooks_on_films(
    tmp_path: Path,
    data: Callable[[str], Path],
    fasttext: Callable[..., str],
    read_bin: Callable[[Path], FastTextClassifier],
) -> None:
    import gzip

    with gzip.open(data("classification-en/rt-polarity.all.gz"), "rt", encoding="latin-1") as file:
        lines = ["__label__" + line.strip() for line in file]
    chances.Random(3).shuffle(lines)
    path, rest = _file(tmp_path, lines[:8500]), _file(tmp_path, lines[8500:], "rest.txt")
    options = ("-dim", 20, "-wordNgrams", 2, "-bucket", 200000, "-epoch", 5, "-lr", 0.5, "-thread", 1, "-verbose", 0)
    fasttext("supervised", "-input", path, "-output", tmp_path / "fb", *options)
    theirs = test(read_bin(tmp_path / "fb.bin"), rest)
    assert f"{theirs.precision:.3f}" in fasttext("test", tmp_path / "fb.bin", rest)
    config = FastTextClassify(dim=20, word_ngrams=2, buckets=200000, epochs=5, rate=0.5)
    ours = test(train(path, config).model, rest)
    assert ours.n == theirs.n
    assert ours.precision > theirs.precision - 0.015  # one seed each; 2,162 lines have a standard error of 0.9 points
