"""gensim's files: every release's pickles as gensim itself reads them, and ours as gensim reads them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gensim.models import Doc2Vec, FastText, KeyedVectors, Word2Vec
from gensim.models.doc2vec import TaggedDocument
from gensim.models.fasttext import FastTextKeyedVectors, load_facebook_vectors

from firth import convert, inspect, load, save
from firth.errors import FormatError
from firth.vectors.ngrams import BucketNgrams, NamedNgrams
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

TEXT = [line.split() for line in ("the cat eats fish", "the cat eats the naïve 水 鱼", "水 鱼 eats the cat")] * 5
WORDS = ["the", "水", "two words", "naïve", "\udcff", ""]
MATRIX = np.random.default_rng(3).standard_normal((6, 4)).astype(np.float32)


def same(ours: Vectors, theirs: Any) -> None:
    assert list(ours.words) == theirs.index_to_key
    np.testing.assert_array_equal(ours.matrix, theirs.vectors)
    assert ours.counts is not None
    assert ours.counts.tolist() == [theirs.get_vecattr(word, "count") for word in theirs.index_to_key]


SINCE_WV = "0.13.4 1.0.0 1.0.1 2.0.0 2.1.0 2.2.0 2.3.0 3.0.0 3.1.0 3.2.0 3.3.0 3.4.0"
BEFORE_WV = "0.12.0 0.12.1 0.12.2 0.12.3 0.12.4 0.13.0 0.13.1 0.13.2 0.13.3"
OLD = [f"old_w2v_models/w2v_{release}.mdl" for release in SINCE_WV.split(" ")]
OLD += ["model-from-gensim-3.8.0.w2v", "word2vec_3.3", "word2vec_old", "word2vec_old_sep"]
OLDER = [f"old_w2v_models/w2v_{release}.mdl" for release in BEFORE_WV.split(" ")]
OLDER += [f"word2vec_pre_kv_{kind}" for kind in ("py2", "py3", "py3_4", "sep_py2", "sep_py3", "sep_py3_4")]


@pytest.mark.parametrize("name", OLD)
def test_old_models_as_gensim_reads_them(data: Callable[[str], Path], name: str) -> None:
    path = data(f"format-fixtures/gensim/{name}")
    assert inspect(path).format == "gensim"
    theirs = Word2Vec.load(str(path))
    ours = load(path)
    same(ours, theirs.wv)
    assert ours.metadata["model"] == "word2vec"


def test_old_vectors_as_gensim_reads_them(data: Callable[[str], Path]) -> None:
    path = data("format-fixtures/gensim/old_keyedvectors_320.dat")
    same(load(path), KeyedVectors.load(str(path)))


@pytest.mark.parametrize("name", OLDER)
def test_older_models_than_gensim_reads(data: Callable[[str], Path], name: str) -> None:
    vectors = load(data(f"format-fixtures/gensim/{name}"))
    assert len(vectors) in (3, 9)
    assert vectors.counts is not None
    assert vectors.counts.min() > 0
    assert np.isfinite(vectors.matrix).all()
    if "sep" in name:  # the matrix lies beside
        beside = np.load(str(data(f"format-fixtures/gensim/{name}")) + ".syn0.npy")
        np.testing.assert_array_equal(vectors.matrix, beside)


def test_ngrams_listed_by_name_as_facebook_composes_them(data: Callable[[str], Path]) -> None:
    vectors = load(data("format-fixtures/gensim/lee_fasttext"))
    theirs = load_facebook_vectors(str(data("format-fixtures/gensim/lee_fasttext.bin")))
    assert isinstance(vectors, SubwordVectors)
    assert isinstance(vectors.subwords, NamedNgrams)
    all_grams = NgramRows(np.ones((1, 1), np.float32), 3, 6, 1)
    tried = 0
    for word in ("nights", "reject", "rejections", "thinking", "ning", "presidents", "shark"):
        # Only the n-grams of the training text are listed, so words made of them alone can be compared.
        if word not in vectors and len(vectors.subwords.indices(word)) == len(all_grams.indices(word)):
            np.testing.assert_allclose(vectors[word], theirs[word], atol=1e-4)
            tried += 1
    assert tried
    for word in vectors.words[:50]:
        np.testing.assert_allclose(vectors[word], theirs[word], atol=1e-4)  # its .vec had five digits


def test_ngrams_of_before_3_7(data: Callable[[str], Path], tmp_path: Path) -> None:
    vectors = load(data("format-fixtures/gensim/ft_kv_3.6.0.model.gz"))
    assert isinstance(vectors, SubwordVectors)
    assert isinstance(vectors.subwords, BucketNgrams)
    assert vectors.subwords.hash == "characters"
    save(vectors, tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again["computers"], vectors["computers"])
    np.testing.assert_array_equal(again.matrix, vectors.matrix)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("what", ["model", "vectors"])
def test_word2vec_of_the_installed_gensim(tmp_path: Path, what: str, apart: bool) -> None:
    model = Word2Vec(TEXT, vector_size=6, min_count=1, epochs=2, seed=3, workers=1, window=3)
    (model if what == "model" else model.wv).save(str(tmp_path / "m"), sep_limit=0 if apart else 1 << 20)
    assert (len(list(tmp_path.iterdir())) > 1) == apart
    vectors = load(tmp_path / "m")
    same(vectors, model.wv)
    if what == "model":
        np.testing.assert_array_equal(vectors.output, model.syn1neg)
        assert vectors.metadata["gensim"]["window"] == 3
    assert list(load(tmp_path / "m", limit=2).words) == model.wv.index_to_key[:2]
    report = inspect(tmp_path / "m")
    assert (report.format, report.words, report.dim) == ("gensim", len(model.wv), 6)
    assert ("beside" in report.details) == apart


@pytest.mark.parametrize("apart", [False, True])
def test_fasttext_of_the_installed_gensim(tmp_path: Path, apart: bool) -> None:
    model = FastText(TEXT, vector_size=5, min_count=1, epochs=2, seed=3, workers=1, bucket=50, min_n=2, max_n=4)
    model.save(str(tmp_path / "m"), sep_limit=0 if apart else 1 << 20)
    vectors = load(tmp_path / "m")
    assert isinstance(vectors, SubwordVectors)
    assert list(vectors.words) == model.wv.index_to_key
    for word in [*model.wv.index_to_key, "cats", "水水", "naïves"]:
        np.testing.assert_allclose(vectors[word], model.wv[word], rtol=0, atol=1e-7)


def test_doc2vec_gives_its_words(tmp_path: Path) -> None:
    documents = [TaggedDocument(words, [str(row)]) for row, words in enumerate(TEXT)]
    model = Doc2Vec(documents, vector_size=5, min_count=1, epochs=1, dm_mean=1)
    model.save(str(tmp_path / "m"))
    with pytest.warns(UserWarning, match="not those of documents"):
        vectors = load(tmp_path / "m")
    same(vectors, model.wv)


def test_companions_of_a_compressed_model(tmp_path: Path) -> None:
    model = Word2Vec(TEXT, vector_size=6, min_count=1, epochs=1)
    model.save(str(tmp_path / "m.gz"), sep_limit=0)
    assert list(tmp_path.glob("*.npz"))
    same(load(tmp_path / "m.gz"), model.wv)


def test_a_companion_that_is_missing_or_broken(tmp_path: Path) -> None:
    model = Word2Vec(TEXT, vector_size=6, min_count=1, epochs=1)
    model.wv.save(str(tmp_path / "m"), sep_limit=0)
    beside = tmp_path / "m.vectors.npy"
    raw = beside.read_bytes()
    for content in (raw[:-4], raw.replace(b"(7, 6)", b"(9, 6)"), b""):
        beside.write_bytes(content)
        with pytest.raises(FormatError, match=r"m\.vectors\.npy"):
            load(tmp_path / "m")
    beside.unlink()
    with pytest.raises(FormatError, match=r"m\.vectors\.npy.*No such file"):
        load(tmp_path / "m")


def test_companions_are_mapped(tmp_path: Path) -> None:
    large = KeyedVectors(100)
    large.add_vectors([f"w{i}" for i in range(2000)], np.ones((2000, 100), np.float32))
    large.save(str(tmp_path / "m"), sep_limit=0)
    vectors = load(tmp_path / "m")
    assert not vectors.matrix.flags.owndata
    assert vectors["w7"].tolist() == [1.0] * 100


def test_gensim_opens_what_we_write(tmp_path: Path) -> None:
    given = Vectors(WORDS, MATRIX, counts=[6, 5, 4, 3, 2, 1], output=MATRIX, metadata={"model": "x"})
    save(given, tmp_path / "v.kv")
    theirs = KeyedVectors.load(str(tmp_path / "v.kv"))
    assert type(theirs) is KeyedVectors
    same(given, theirs)
    assert theirs.most_similar("the", topn=1)[0][0] == given.nearest("the", n=1)[0][0]
    theirs.add_vector("new", MATRIX[0])  # it is alive, not only readable
    theirs.save(str(tmp_path / "again.kv"))
    back = load(tmp_path / "again.kv")
    assert list(back.words) == [*WORDS, "new"]
    np.testing.assert_array_equal(back.matrix[:6], MATRIX)
    lost = convert(tmp_path / "v.kv", tmp_path / "v.bin", format="glove")
    assert lost == ["the word counts cannot be kept in glove"]


def test_gensim_opens_ngrams_that_we_write(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    grams = NgramRows(rng.standard_normal((40, 4)).astype(np.float32), 2, 4, 40)
    words = ["the", "水", "naïve"]
    given = SubwordVectors(words, rng.standard_normal((3, 4)).astype(np.float32), subwords=grams)
    save(given, tmp_path / "v.kv")
    theirs = FastTextKeyedVectors.load(str(tmp_path / "v.kv"))
    for word in [*words, "unseen", "水鱼", "naïveté"]:
        np.testing.assert_allclose(theirs[word], given[word], rtol=0, atol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = load(tmp_path / "v.kv")
    np.testing.assert_array_equal(back["unseen"], given["unseen"])
    np.testing.assert_array_equal(back.matrix, given.matrix)


def test_other_pickles_are_told_apart(data: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no list of words.*Phrases"):
        load(data("format-fixtures/gensim/phrases-3.6.0.model"))
    import pickle

    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(FormatError, match="not of a model of gensim: got dict"):
        load(tmp_path / "x.pkl")
    (tmp_path / "y.pkl").write_bytes(pickle.dumps(collections_counter()))
    with pytest.raises(FormatError):
        load(tmp_path / "y.pkl")


def collections_counter() -> Any:
    import collections

    return collections.Counter("aab")
