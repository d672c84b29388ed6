"""Facebook's model files against what Facebook's program answers, gensim, and the bytes themselves."""

from __future__ import annotations

import gzip
import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth import convert, inspect, load, save
from firth.errors import ConfigError, DataError, FormatError
from firth.formats.registry import format_by_suffix
from firth.static.fasttext import FastText
from firth.static.fasttext import train as train_vectors
from firth.tasks.fasttext import FastTextClassifier
from firth.tasks.fasttext_predict import predict
from firth.tasks.fasttext_train import FastTextClassify
from firth.tasks.fasttext_train import train as train_classifier
from firth.vectors.quantize import Quantized
from firth.vectors.static import Vectors
from firth.vectors.storage import dense
from firth.vectors.subword import Composed, NgramRows, SubwordVectors
from firth.vectors.words import Words

GOLDEN = Path(__file__).parents[1] / "golden" / "fasttext"
VECTORS: dict[str, dict[str, list[float]]] = json.loads((GOLDEN / "vectors.json").read_text())
PREDICTIONS: dict[str, list[dict[str, float]]] = json.loads((GOLDEN / "predictions.json").read_text())
FILES = sorted([*VECTORS, *PREDICTIONS])
Run = Callable[..., bytes]


# ---------------------------------------------------------------- the golden files
@pytest.mark.parametrize("name", FILES)
def test_a_file_comes_back_byte_for_byte(tmp_path: Path, name: str) -> None:
    raw = (GOLDEN / name).read_bytes()
    for mmap in (True, False):
        save(load(GOLDEN / name, mmap=mmap), tmp_path / name)
        assert (tmp_path / name).read_bytes() == raw
    (tmp_path / "packed").write_bytes(gzip.compress(raw))
    save(load(tmp_path / "packed"), tmp_path / f"{name}.gz")
    assert gzip.decompress((tmp_path / f"{name}.gz").read_bytes()) == raw


@pytest.mark.parametrize("name", VECTORS)
def test_a_folder_of_ours_keeps_all_of_it(tmp_path: Path, name: str) -> None:
    assert convert(GOLDEN / name, tmp_path / "folder") == []
    assert convert(tmp_path / "folder", tmp_path / name) == []
    assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("name", PREDICTIONS)
def test_a_folder_of_ours_keeps_classifiers(tmp_path: Path, name: str) -> None:
    """Quantised norms and kept n-grams stand in another order there; all else is the same file."""
    assert convert(GOLDEN / name, tmp_path / "folder") == []
    assert convert(tmp_path / "folder", tmp_path / name) == []
    if name in ("qnorm.ftz", "qout.ftz", "retrain.ftz", "cutoff.ftz"):
        first, second = load(GOLDEN / name), load(tmp_path / name)
        np.testing.assert_array_equal(dense(first.input), dense(second.input))
        np.testing.assert_array_equal(dense(first.output), dense(second.output))
        assert first.kept == second.kept
        assert first.metadata == second.metadata
    else:
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("name", PREDICTIONS)
def test_our_predictions_are_the_program_s(name: str) -> None:
    model = load(GOLDEN / name)
    lines = (GOLDEN / "asked.txt").read_bytes().decode("utf-8", "surrogateescape").splitlines()
    for found, printed in zip(predict(model, lines, k=10), PREDICTIONS[name], strict=True):
        assert dict(found).keys() == printed.keys()
        for label, probability in found:
            assert probability == pytest.approx(printed[label], abs=3e-5)


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_are_those_that_the_program_prints(name: str) -> None:
    vectors = load(GOLDEN / name)
    assert isinstance(vectors, SubwordVectors)
    bad = [word for word in VECTORS[name] if not word.isprintable() and word in vectors]
    assert len(bad) >= (0 if name == "labels-in-text.bin" else 2)
    for word, printed in VECTORS[name].items():
        if not vectors.knows(word):
            assert not any(printed)  # no row at all: the program gives zeros
            continue
        np.testing.assert_allclose(vectors[word], printed, rtol=5e-5, atol=1e-9)
        if word in vectors:
            np.testing.assert_array_equal(vectors.matrix[vectors.index(word)], vectors[word])
    assert vectors.knows("没见过") == ("plain" not in name)


@pytest.mark.parametrize("name", [name for name in VECTORS if "plain" not in name and "labels" not in name])
def test_vectors_are_gensims_to_a_millionth(name: str) -> None:
    from gensim.models.fasttext import load_facebook_vectors

    vectors, theirs = load(GOLDEN / name), load_facebook_vectors(str(GOLDEN / name))
    words = [word for word in [*vectors.words, "unseen", "没见过", "naïveté"] if word.isprintable() and word != "</s>"]
    assert len(words) > 15
    for word in words:
        np.testing.assert_allclose(vectors[word], theirs[word], rtol=1e-6, atol=1e-7)


def test_what_stands_beside_the_vectors() -> None:
    sampled, tree, soft = (load(GOLDEN / f"skipgram-{loss}.bin") for loss in ("ns", "hs", "softmax"))
    for vectors in (sampled, soft):
        assert vectors.output is not None
        assert vectors.output.any()
        assert vectors.nodes is None
    assert tree.output is None
    assert tree.nodes.shape == (len(tree), 5)
    assert not tree.nodes[-1].any()  # n words have n - 1 inner nodes
    assert sampled.counts is not None
    assert sampled.counts.tolist() == sorted(sampled.counts.tolist(), reverse=True)
    assert sampled.metadata["fasttext"]["ws"] == 5
    assert sampled.metadata["fasttext"]["epoch"] == 3
    labels = load(GOLDEN / "labels-in-text.bin").metadata["fasttext"]["labels"]
    assert sorted(name for name, _ in labels) == sorted(
        ["__label__good", "__label__bad", "__label__e", "__label__%FFx", "__label__%E6%B0%B4"]
    )


def features(model: FastTextClassifier, tokens: list[str]) -> list[int]:
    """Return the input rows of a line as the program has them: words and their n-grams, then word n-grams."""
    n = len(model.words)
    grams = NgramRows(model.input[n:], model.minn, model.maxn, model.buckets, model.kept)
    rows, hashes = [], []
    for token in [*tokens, "</s>"]:
        at = model.words.find(token)
        rows += [at] if at >= 0 else []
        rows += [n + int(row) for row in grams.indices(token)]
        value = 2166136261
        for byte in token.encode("utf-8", "surrogateescape"):
            value = ((value ^ (byte if byte < 128 else byte + 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
        hashes.append(value - (1 << 32) if value >= 1 << 31 else value)
    for i, value in enumerate(hashes):
        for other in hashes[i + 1 : i + model.word_ngrams]:
            value = (value * 116049371 + other) % (1 << 64)
            bucket = value % model.buckets
            if model.kept is None or bucket in model.kept:
                rows.append(n + (bucket if model.kept is None else model.kept[bucket]))
    return rows


@pytest.mark.parametrize("name", [name for name in PREDICTIONS if load(GOLDEN / name).loss != "hierarchical"])
def test_rows_predict_what_the_program_predicts(name: str) -> None:
    model = load(GOLDEN / name)
    lines = (GOLDEN / "asked.txt").read_bytes().decode("utf-8", "surrogateescape").splitlines()
    for line, printed in zip(lines, PREDICTIONS[name], strict=True):
        hidden = np.asarray(model.input[np.array(features(model, line.split(" ")))]).mean(axis=0)
        scores = dense(model.output) @ hidden
        if model.loss == "softmax":
            raw = np.exp(scores - scores.max())
            expected = raw / raw.sum()
        else:  # the program looks logistic values up in a table of 512 steps from -8 to 8
            expected = 1 / (1 + np.exp(-np.floor((scores + 8) * 32) / 32 + 8))
        for label, probability in printed.items():
            place = model.labels.find(label)
            assert place >= 0
            assert expected[place] == pytest.approx(probability, abs=3e-5)


def test_quantised_and_pruned_files_are_as_they_say() -> None:
    found = {name.removesuffix(".ftz"): load(GOLDEN / name) for name in PREDICTIONS if name.endswith(".ftz")}
    assert all(isinstance(model.input, Quantized) for model in found.values())
    assert [name for name, model in found.items() if model.input.norms is not None] == ["qnorm", "retrain", "qout"]
    assert isinstance(found["qout"].output, Quantized)
    assert found["plain"].kept is None
    assert found["words-left"].kept == {}
    assert len(found["cutoff"].kept) + len(found["cutoff"].words) == 280
    assert found["words-left"].input.quantizer.last == 2
    details = inspect(GOLDEN / "qout.ftz").details
    assert details["quantised input"]
    assert details["quantised output"]
    assert details["labels"] == 260


@pytest.mark.parametrize("name", FILES)
def test_inspect(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress((GOLDEN / name).read_bytes()))
    model = load(GOLDEN / name)
    for path in (GOLDEN / name, tmp_path / "x.gz"):
        report = inspect(path)
        is_classifier = isinstance(model, FastTextClassifier)
        assert report.format == "fasttext-bin"
        assert report.kind == ("classifier" if is_classifier else "subword-vectors")
        assert (report.words, report.dim) == (len(model.words), model.dim)
        assert report.details["version"] == 12
        if is_classifier:
            assert report.details["loss"] == model.loss
            assert report.details["labels"] == len(model.labels)
        else:
            assert ("nodes" in report.holds) == (model.nodes is not None)
        assert report.as_dict()


def test_limit() -> None:
    whole, part = load(GOLDEN / "skipgram-hs.bin"), load(GOLDEN / "skipgram-hs.bin", limit=3)
    assert list(part.words) == list(whole.words)[:3]
    np.testing.assert_array_equal(part.matrix, whole.matrix[:3])
    assert part.nodes is None
    with pytest.raises(ConfigError, match="whole"):
        load(GOLDEN / "plain.ftz", limit=3)


# ---------------------------------------------------------------- files of other makers and times
@pytest.mark.parametrize(
    ("name", "version_and_words"),
    [
        ("gensim/lee_fasttext.bin", (0, 1762)),
        ("gensim/non_ascii_fasttext.bin", (0, 171)),
        ("gensim/cp852_fasttext.bin", (0, 171)),
        ("gensim/lee_fasttext_new.bin", (11, 1763)),
        ("gensim/crime-and-punishment.bin", (12, 291)),
        ("finalfusion-python/fasttext.bin", (12, 157)),
    ],
)
def test_files_of_others(
    tmp_path: Path, data: Callable[[str], Path], fasttext: Run, name: str, version_and_words: tuple[int, int]
) -> None:
    from gensim.models.fasttext import load_facebook_vectors

    version, words = version_and_words
    path = data("format-fixtures/" + name)
    vectors = load(path)
    assert len(vectors) == inspect(path).words == words
    assert inspect(path).details["version"] == (version or "before 11, without a magic number")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = load_facebook_vectors(str(path), encoding="cp852" if "cp852" in name else "utf-8")
    known = [word for word in vectors.words if word.isascii() and word in theirs and word != "</s>"]
    assert len(known) > 50
    for word in [*known, "zzunseen"]:
        np.testing.assert_allclose(vectors[word], theirs[word], rtol=2e-6, atol=1e-7)
    save(vectors, tmp_path / "new.bin")  # the program reads no old file, but what we make of it
    if version == 12:
        assert (tmp_path / "new.bin").read_bytes() == path.read_bytes()
    printed = fasttext("print-word-vectors", tmp_path / "new.bin", feed=b"zzunseen\n").split()[1:]
    np.testing.assert_allclose(vectors["zzunseen"], [float(value) for value in printed], rtol=5e-5)


def test_old_forms_of_a_file(tmp_path: Path) -> None:
    raw = (GOLDEN / "skipgram-ns.bin").read_bytes()
    whole = load(GOLDEN / "skipgram-ns.bin")
    sizes = 8 + 56
    stop = len(raw) - 2 * 17 - 4 * 5 * (2 * len(whole) + 50)
    inputs = stop + 17 + 4 * 5 * (len(whole) + 50)
    # Before version 11: no magic number and version, no size of the pruned map, no byte before each matrix.
    old = raw[8 : sizes + 20] + raw[sizes + 28 : stop] + raw[stop + 1 : inputs] + raw[inputs + 1 :]
    (tmp_path / "old").write_bytes(old)
    assert inspect(tmp_path / "old").format == "fasttext-bin"
    np.testing.assert_array_equal(load(tmp_path / "old").matrix, whole.matrix)
    save(load(tmp_path / "old"), tmp_path / "new.bin")
    assert (tmp_path / "new.bin").read_bytes() == raw
    # Classifiers of version 11 had no character n-grams, whatever the options say.
    eleven = (GOLDEN / "ngrams-softmax.bin").read_bytes()
    (tmp_path / "eleven").write_bytes(eleven[:4] + struct.pack("<i", 11) + eleven[8:])
    assert load(tmp_path / "eleven").maxn == 0
    assert load(GOLDEN / "ngrams-softmax.bin").maxn == 3


# ---------------------------------------------------------------- what we write, asked of the program
def printed_vectors(fasttext: Run, path: Path, words: list[str]) -> np.ndarray[Any, Any]:
    raw = [word.encode("utf-8", "surrogateescape") for word in words]
    rows = fasttext("print-word-vectors", path, feed=b"".join(word + b"\n" for word in raw)).splitlines()
    return np.array([[float(x) for x in row[len(word) :].split()] for row, word in zip(rows, raw, strict=True)])


def test_the_program_reads_vectors_of_ours(tmp_path: Path, fasttext: Run) -> None:
    words = Words.of(["king", "水", "queen", "naïve", "\udcff\udcfe", "apple"])
    random = np.random.default_rng(4)
    grams = NgramRows(random.standard_normal((30, 8), np.float32), 2, 5, 30)
    store = Composed(random.standard_normal((6, 8), np.float32), grams, words)
    options = {"model": "fasttext", "options": {"window": 7, "epochs": 9, "architecture": "cbow", "loss": "negative"}}
    counts = [9, 7, 5, 3, 2, 1]
    vectors = SubwordVectors(words, store, subwords=grams, counts=counts, output=store.own, metadata=options)
    save(vectors, tmp_path / "v.bin")
    asked = [*words, "unseen", "水水"]
    np.testing.assert_allclose(
        printed_vectors(fasttext, tmp_path / "v.bin", asked), [vectors[word] for word in asked], rtol=5e-5, atol=1e-6
    )
    told = dict(line.split() for line in fasttext("dump", tmp_path / "v.bin", "args").decode().splitlines())
    assert {
        "dim": "8",
        "ws": "7",
        "epoch": "9",
        "model": "cbow",
        "loss": "ns",
        "bucket": "30",
        "minn": "2",
    }.items() <= told.items()
    dictionary = fasttext("dump", tmp_path / "v.bin", "dict").splitlines()[1:]
    assert dictionary[:2] == [b"king 9 word", "水 7 word".encode()]
    near = fasttext("nn", tmp_path / "v.bin", 2, feed=b"king\n").decode("utf-8", "replace")
    assert vectors.nearest("king", n=1)[0][0] in near
    assert convert(tmp_path / "v.bin", tmp_path / "again.bin") == []
    assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "v.bin").read_bytes()


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_the_program_reads_what_we_train(tmp_path: Path, fasttext: Run, architecture: str) -> None:
    text = ["the cat sat on the mat", "水 在 北京 naïve", "the dog ate the cat"] * 30
    options = FastText(architecture=architecture, dim=6, min_count=1, epochs=3, window=4, minn=2, maxn=4, buckets=64)
    vectors = train_vectors(text, options, threads=1, keep_output=True).vectors
    save(vectors, tmp_path / "v.bin")
    convert(tmp_path / "v.bin", tmp_path / "folder")
    asked = [*vectors.words, "cats", "水水"]
    np.testing.assert_allclose(
        printed_vectors(fasttext, tmp_path / "v.bin", asked), [vectors[word] for word in asked], rtol=5e-5, atol=1e-6
    )
    told = dict(line.split() for line in fasttext("dump", tmp_path / "v.bin", "args").decode().splitlines())
    model = {"skipgram": "sg", "cbow": "cbow"}[architecture]
    assert {
        "ws": "4",
        "epoch": "3",
        "model": model,
        "loss": "ns",
        "t": "0.0001",
        "minCount": "1",
    }.items() <= told.items()
    back = load(tmp_path / "folder")
    np.testing.assert_array_equal(back.matrix, vectors.matrix)
    np.testing.assert_array_equal(back.output, vectors.output)
    assert convert(tmp_path / "folder", tmp_path / "again.bin") == []
    assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "v.bin").read_bytes()


@pytest.mark.parametrize("loss", ["softmax", "hierarchical", "one-vs-all"])
def test_the_program_reads_classifiers_that_we_train(tmp_path: Path, fasttext: Run, loss: str) -> None:
    lines = [("warm", "sun and sand 水"), ("cold", "snow and ice"), ("水", "rain in 北京")] * 30
    model = train_classifier(lines, FastTextClassify(dim=6, rate=0.5, loss=loss, epochs=9), threads=1).model
    save(model, tmp_path / "m.bin")
    texts = ["sand and sun", "ice", "北京 rain rain"]
    fed = "".join(text + "\n" for text in texts).encode()
    printed = fasttext("predict-prob", tmp_path / "m.bin", "-", 3, feed=fed).decode().splitlines()
    for found, line in zip(predict(model, texts, k=3), printed, strict=True):
        parts = line.split(" ")
        assert [label for label, _ in found] == parts[::2]
        np.testing.assert_allclose([probability for _, probability in found], [*map(float, parts[1::2])], atol=3e-5)


def test_plain_vectors_go_without_ngrams(tmp_path: Path, fasttext: Run) -> None:
    vectors = Vectors(["a", "北京", "c"], np.arange(6).reshape(3, 2) + 0.5)
    save(vectors, tmp_path / "v.bin", format="fasttext-bin")
    np.testing.assert_allclose(printed_vectors(fasttext, tmp_path / "v.bin", ["a", "北京", "c"]), vectors.matrix)
    back = load(tmp_path / "v.bin")
    assert back.counts is None
    assert back.output is None
    np.testing.assert_array_equal(back.matrix, vectors.matrix)


def test_own_rows_are_solved_where_only_composed_ones_are_known(tmp_path: Path) -> None:
    known = load(GOLDEN / "skipgram-ns.bin")
    solved = SubwordVectors(known.words, known.matrix, subwords=known.subwords)
    with pytest.warns(UserWarning, match="solved"):
        save(solved, tmp_path / "v.bin")
    back = load(tmp_path / "v.bin")
    np.testing.assert_allclose(back.store.own, known.store.own, atol=2e-6)
    np.testing.assert_allclose(back.matrix, known.matrix, atol=1e-6)


def test_classifiers_of_ours(tmp_path: Path, fasttext: Run) -> None:
    from_file = load(GOLDEN / "ngrams-softmax.bin")
    lines = GOLDEN / "asked.txt"
    for name, model in {
        "dense.bin": load(GOLDEN / "plain.ftz"),
        "ours.ftz": from_file,
        "norms.ftz": from_file,
    }.items():
        rows: Any = dense(model.input) if name == "dense.bin" else Quantized.of(model.input, norms=name == "norms.ftz")
        changed = FastTextClassifier(**{**vars(model), "input": rows})
        save(changed, tmp_path / name)
        back = load(tmp_path / name)
        assert isinstance(back.input, Quantized) == name.endswith(".ftz")
        np.testing.assert_array_equal(dense(back.input), dense(rows))
        for line, printed in zip(
            lines.read_bytes().splitlines(),
            fasttext("predict-prob", tmp_path / name, lines, 1).splitlines(),
            strict=True,
        ):
            tokens = line.decode("utf-8", "surrogateescape").split(" ")
            hidden = np.asarray(rows[np.array(features(changed, tokens))]).mean(axis=0)
            scores = np.exp(dense(changed.output) @ hidden)
            label, probability = printed.rsplit(b" ", 1)
            assert changed.labels.raw(int(scores.argmax())) == label
            assert float(probability) == pytest.approx(scores.max() / scores.sum(), abs=3e-5)
    words = fasttext("predict-prob", tmp_path / "dense.bin", lines, 9)
    assert words == fasttext("predict-prob", GOLDEN / "plain.ftz", lines, 9)


@pytest.mark.parametrize("name", ["ngrams-ns.bin", "retrain.ftz", "words-hs.bin"])
def test_a_classifier_has_word_vectors_too(tmp_path: Path, fasttext: Run, name: str) -> None:
    vectors = load(GOLDEN / name).vectors
    asked = [word for word in [*vectors.words, "unseen", "没见过"] if vectors.knows(word)]
    printed = printed_vectors(fasttext, GOLDEN / name, asked)
    np.testing.assert_allclose(printed, [vectors[word] for word in asked], rtol=5e-5, atol=1e-6)
    notes = convert(GOLDEN / name, tmp_path / "v.vec")
    assert notes[0].startswith("all but the word vectors of the FastTextClassifier")
    np.testing.assert_array_equal(load(tmp_path / "v.vec").matrix, vectors.matrix)


def test_a_pruned_model_that_is_not_quantised_gets_zeros(tmp_path: Path, fasttext: Run) -> None:
    """The program refuses pruned models that are not quantised; with zeros, its labels stay in the same order."""
    whole, left = load(GOLDEN / "ngrams-softmax.bin"), load(GOLDEN / "words-left.ftz")
    n = len(whole.words)
    some = np.random.default_rng(5).permutation(whole.buckets)[:170]
    rows = np.concatenate([np.arange(n), n + some])
    kept = {int(bucket): row for row, bucket in enumerate(some)}
    pruned = FastTextClassifier(**{**vars(whole), "input": whole.input[rows], "kept": kept})
    with pytest.warns(UserWarning, match="130 of 300"):
        save(pruned, tmp_path / "m.bin")
    lines = GOLDEN / "asked.txt"
    answers = fasttext("predict", tmp_path / "m.bin", lines, 5).splitlines()
    for line, answer in zip(lines.read_bytes().splitlines(), answers, strict=True):
        found = features(pruned, line.decode("utf-8", "surrogateescape").split(" "))
        scores = dense(pruned.output) @ pruned.input[np.array(found)].mean(axis=0)
        assert answer.split(b" ") == [pruned.labels.raw(int(place)) for place in np.argsort(-scores)]
    back = load(tmp_path / "m.bin")
    assert back.kept is None
    expected = whole.input[:].copy()
    expected[np.setdiff1d(np.arange(len(expected)), rows)] = 0
    np.testing.assert_array_equal(back.input[:], expected)
    # Where no n-gram is left at all, nothing changes: the file has none.
    save(FastTextClassifier(**{**vars(left), "input": dense(left.input)}), tmp_path / "w.bin")
    asked = fasttext("predict-prob", tmp_path / "w.bin", lines, 5)
    assert asked == fasttext("predict-prob", GOLDEN / "words-left.ftz", lines, 5)
    grams = NgramRows(np.ones((2, 3), np.float32), 3, 3, 10, {7: 0, 2: 1})
    words = Words.of(["where"])
    vectors = SubwordVectors(words, Composed(np.ones((1, 3), np.float32), grams, words), subwords=grams)
    with pytest.warns(UserWarning, match="8 of 10"):
        save(vectors, tmp_path / "v.bin")
    assert load(tmp_path / "v.bin").subwords.rows.sum(axis=1).tolist() == [0, 0, 3, 0, 0, 0, 0, 3, 0, 0]


def test_what_the_program_would_not_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="zero in it"):
        save(Vectors(["a\0b"], [[1.0]]), tmp_path / "m.bin", format="fasttext-bin")
    with pytest.raises(DataError, match="needs words"):
        save(Vectors([], np.zeros((0, 2))), tmp_path / "m.bin", format="fasttext-bin")
    assert not list(tmp_path.iterdir())


def test_a_suffix_that_formats_share_goes_by_the_model(tmp_path: Path) -> None:
    subwords, classifier = load(GOLDEN / "skipgram-ns.bin"), load(GOLDEN / "words-ns.bin")
    plain = Vectors(["a"], [[1.0]])
    asked = [("m.bin", plain), ("m.bin", subwords), ("m.bin.gz", classifier), ("m.ftz", subwords), ("m.vec", subwords)]
    found = [format_by_suffix(Path(name), model).name for name, model in asked]
    assert found == ["word2vec-binary", "fasttext-bin", "fasttext-bin", "fasttext-bin", "word2vec-text"]
    assert format_by_suffix(Path("m.bin")).name == "word2vec-binary"
    assert format_by_suffix(Path("m"), subwords).name == "firth"
    save(plain, tmp_path / "m.bin")
    assert inspect(tmp_path / "m.bin").format == "word2vec-binary"


def test_nan_is_an_error_unless_kept(tmp_path: Path) -> None:
    raw = bytearray((GOLDEN / "skipgram-ns.bin").read_bytes())
    raw[-4:] = struct.pack("<f", float("nan"))
    (tmp_path / "m.bin").write_bytes(raw)
    with pytest.raises(FormatError, match="finite") as caught:
        load(tmp_path / "m.bin")
    assert caught.value.offset == len(raw) - 4
    kept = load(tmp_path / "m.bin", nonfinite="keep")
    assert np.isnan(kept.output[-1, -1])
