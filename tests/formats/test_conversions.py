"""Every format into every other, files made by others, and files of our own whose bytes must not change."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors

from firth import convert, inspect, load, save
from firth.errors import ConfigError
from firth.events import Event, Notice
from firth.formats.registry import formats
from firth.vectors.static import Vectors

GOLDEN = Path(__file__).parents[1] / "golden" / "vectors"
WORDS = ["the", "水", "naïve", "\udcff", "-1"]
MATRIX = np.array([[0.1, -2, 3e-8], [1, 0, -0.0], [1e5, 2.5, 3], [7, 8, 9], [1 / 3, 2 / 3, 1]], dtype=np.float32)
FULL = Vectors(WORDS, MATRIX, counts=[5, 4, 3, 2, 1], output=MATRIX * 2, metadata={"model": "word2vec", "seed": 1})
OF_VECTORS = [name for name, kind in formats().items() if kind.write is not None and kind.takes(FULL)]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(OF_VECTORS, repeat=2)))
def test_every_format_into_every_other(tmp_path: Path, first: str, second: str) -> None:
    save(FULL, tmp_path / "a", format=first)
    notes = convert(tmp_path / "a", tmp_path / "b", format=second)
    back = load(tmp_path / "b")
    assert inspect(tmp_path / "b").format == second
    assert list(back.words) == WORDS
    np.testing.assert_array_equal(back.matrix, MATRIX)
    assert (back.counts is not None) == (first == second == "firth")
    lost = {"firth": 3}.get(first, 0) if second != "firth" else 0
    assert len(notes) == lost


@pytest.mark.parametrize("name", ["v.vec", "v.bin", "v.glove", "firth"])
def test_golden_files_are_read_and_written_the_same(tmp_path: Path, name: str) -> None:
    golden = load(GOLDEN / name)
    assert list(golden.words) == WORDS
    np.testing.assert_array_equal(golden.matrix, MATRIX)
    save(FULL, tmp_path / name)
    if name == "firth":
        assert golden.counts is not None
        assert golden.counts.tolist() == [5, 4, 3, 2, 1]
        assert golden.output is not None
        np.testing.assert_array_equal(golden.output, MATRIX * 2)
        assert golden.metadata == {"model": "word2vec", "seed": 1}
        for part in ("model.safetensors", "vocab.bin"):
            assert (tmp_path / name / part).read_bytes() == (GOLDEN / name / part).read_bytes()
    else:
        assert (tmp_path / name).read_bytes() == (GOLDEN / name).read_bytes()


def test_our_container_is_plain_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    save(FULL, tmp_path / "model")
    theirs = load_file(tmp_path / "model" / "model.safetensors")
    np.testing.assert_array_equal(theirs["vectors"], MATRIX)
    np.testing.assert_array_equal(theirs["counts"], [5, 4, 3, 2, 1])
    save_file({"vectors": MATRIX * 3}, tmp_path / "model" / "model.safetensors")
    np.testing.assert_array_equal(load(tmp_path / "model").matrix, MATRIX * 3)


@pytest.mark.parametrize(("words", "file"), [(["a", "水"], "vocab.txt"), (["a\nb", "\udcff", ""], "vocab.bin")])
def test_any_word_lives_in_our_folder(tmp_path: Path, words: list[str], file: str) -> None:
    save(Vectors(words, np.eye(len(words))), tmp_path / "model")
    assert (tmp_path / "model" / file).exists()
    assert list(load(tmp_path / "model").words) == words


def test_our_folder_is_mapped_and_replaced_whole(tmp_path: Path) -> None:
    save(FULL, tmp_path / "model")
    first = load(tmp_path / "model")
    assert not first.matrix.flags.owndata
    save(Vectors(["new"], [[1.0]]), tmp_path / "model")
    np.testing.assert_array_equal(first.matrix, MATRIX)  # the old file lives on while it is mapped
    assert list(load(tmp_path / "model").words) == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_limit(tmp_path: Path) -> None:
    for name in OF_VECTORS:
        save(FULL, tmp_path / name, format=name)
        assert list(load(tmp_path / name, limit=2).words) == WORDS[:2]
        assert len(load(tmp_path / name, limit=0, format=name)) == 0
        assert len(load(tmp_path / name, limit=99)) == 5


def test_limit_reads_the_first_rows_only(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"3 2\na 1 2\nb 3 4\nrubbish\n")
    assert list(load(tmp_path / "v.txt", limit=2).words) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b". . . 1 2 3\nat 3 4 5 6\nthe 1 2 3\nof 1 2 3\n", "glove", [". . .", "at 3", "the", "of"]),
        (b"\xef\xbb\xbfthe 1 2 3\nof 1 2 3\n", "glove", ["the", "of"]),
        (b"\xef\xbb\xbf2 3\nthe 1 2 3\nof 1 2 3\n", "word2vec-text", ["the", "of"]),
        (b"2 3\r\nthe 1 2 3\r\nof 1 2 3\r\n", "word2vec-text", ["the", "of"]),
        (b"the 1 2 3 \nof 1 2 3 \n", "glove", ["the", "of"]),
        (b"2 3\nNew York 1 2 3\n\nof\t1\t2\t3", "word2vec-text", ["New York", "of"]),
        (b"the +1 2e0 .3e1\n\xa0 1 2 3\n", "glove", ["the", "\udca0"]),
        (b"2 1\n2 1\n3 1\n", "word2vec-text", ["2", "3"]),
    ],
)
def test_text_in_all_its_forms(tmp_path: Path, content: bytes, name: str, words: list[str]) -> None:
    (tmp_path / "file").write_bytes(content)
    assert inspect(tmp_path / "file").format == name
    vectors = load(tmp_path / "file")
    assert list(vectors.words) == words
    if vectors.dim == 3 and "at 3" not in vectors:
        np.testing.assert_array_equal(vectors.matrix, [[1, 2, 3]] * len(words))


def test_binary_with_and_without_newlines(tmp_path: Path) -> None:
    row = np.array([1, 2], dtype="<f4").tobytes()
    (tmp_path / "c").write_bytes(b"2 2\na " + row + b"\nb " + row + b"\n")
    (tmp_path / "gensim").write_bytes(b"2 2\na " + row + b"b " + row)
    for name in ("c", "gensim"):
        vectors = load(tmp_path / name)
        assert inspect(tmp_path / name).format == "word2vec-binary"
        assert list(vectors.words) == ["a", "b"]
        np.testing.assert_array_equal(vectors.matrix, [[1, 2], [1, 2]])


def test_repeated_words_are_told_and_the_first_wins(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"4 1\na 1\nb 2\na 3\nb 4\n")
    heard: list[Event] = []
    vectors = load(tmp_path / "file", listen=heard.append)
    assert list(vectors.words) == ["a", "b"]
    assert vectors.matrix.ravel().tolist() == [1, 2]
    assert [type(event) for event in heard] == [Notice]
    with pytest.warns(UserWarning, match="2 rows repeat"):
        load(tmp_path / "file")


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    save(FULL, tmp_path / "v.txt", format="word2vec-binary")
    assert inspect(tmp_path / "v.txt").format == "word2vec-binary"
    assert load(tmp_path / "v.txt", format="word2vec-binary").dim == 3
    with pytest.raises(ConfigError, match="word2vec-text"):
        load(tmp_path / "v.txt", format="w2v")


def test_compressed_files_in_parts(tmp_path: Path) -> None:
    whole = b"2 2\na 1 2\nb 3 4\n"
    (tmp_path / "two.gz").write_bytes(gzip.compress(whole[:7]) + gzip.compress(whole[7:]))
    assert list(load(tmp_path / "two.gz").words) == ["a", "b"]
    report = inspect(tmp_path / "two.gz")
    assert (report.compression, report.words, report.dim) == ("gz", 2, 2)


def test_numbers_are_rounded_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    texts = [repr(x) for x in rng.standard_normal(2000).tolist()] + [
        "1.00000017881393432617187499",
        "3.4028235e38",
        "1e-46",
    ]
    (tmp_path / "v.txt").write_text(f"{len(texts)} 1\n" + "".join(f"w{i} {t}\n" for i, t in enumerate(texts)))
    got = load(tmp_path / "v.txt").matrix.ravel()
    # float32() of a float64 rounds twice; the longest text stands just under a tie that this would push upwards.
    assert got[2000].view(np.uint32) == 0x3F800001
    np.testing.assert_array_equal(np.delete(got, 2000), np.delete(np.array(texts, dtype=np.float64), 2000).astype("f4"))


@pytest.mark.parametrize(
    ("name", "words", "dim", "kind"),
    [
        ("gensim/euclidean_vectors.bin", 2747, 10, "word2vec-binary"),
        ("gensim/lee_fasttext.vec", 1762, 10, "word2vec-text"),
        ("gensim/high_precision.kv.txt", 2, 2, "word2vec-text"),
        ("gensim/high_precision.kv.bin", 2, 2, "word2vec-binary"),
        ("gensim/word2vec_pre_kv_c", 1750, 10, "word2vec-text"),
        ("finalfusion-python/embeddings.w2v", 7, 10, "word2vec-binary"),
    ],
)
def test_files_of_others_as_gensim_reads_them(
    data: Callable[[str], Path], name: str, words: int, dim: int, kind: str
) -> None:
    path = data(f"format-fixtures/{name}")
    report, ours = inspect(path), load(path)
    assert (report.format, report.words, report.dim) == (kind, words, dim)
    theirs = KeyedVectors.load_word2vec_format(str(path), binary=kind == "word2vec-binary")
    assert list(ours.words) == theirs.index_to_key
    np.testing.assert_array_equal(ours.matrix, theirs.vectors)


@pytest.mark.parametrize(
    ("name", "words", "dim"),
    [
        ("allennlp-embeddings/glove.6B.100d.sample.txt.gz", 100, 100),
        ("allennlp-embeddings/fake_embeddings.5d.txt.bz2", 15, 5),
        ("gensim/test_glove.txt", 76, 50),
        ("finalfusion-python/utf8-incomplete.txt", 3, 3),
    ],
)
def test_glove_files_of_others(data: Callable[[str], Path], name: str, words: int, dim: int) -> None:
    path = data(f"format-fixtures/{name}")
    report, ours = inspect(path), load(path)
    assert (report.format, report.words, report.dim) == ("glove", words, dim)
    assert ours.matrix.shape == (words, dim)


def test_a_large_file_over_many_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firth.formats.streams.PIECE", 1000)
    rng = np.random.default_rng(9)
    large = Vectors([f"word{i}" for i in range(700)], rng.standard_normal((700, 33)))
    for name in ("v.bin", "v.txt", "v.glove", "v.bin.gz", "v.txt.zst"):
        save(large, tmp_path / name)
        back = load(tmp_path / name)
        assert list(back.words) == list(large.words)
        np.testing.assert_array_equal(back.matrix, large.matrix)
