"""floret's hashing against a plain twin in Python, published values of the hash, and mmh3 where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth import _core
from firth.errors import ConfigError, DataError
from firth.vectors.floret import SEED, FloretRows
from firth.vectors.storage import dense
from firth.vectors.subword import Composed, SubwordVectors
from firth.vectors.words import Words

M = (1 << 64) - 1


def rotated(x: int, n: int) -> int:
    return ((x << n) | (x >> (64 - n))) & M


def murmur_in_python(raw: bytes, seed: int) -> tuple[int, ...]:
    """MurmurHash3_x64_128 as its author describes it, in whole numbers of any size."""
    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F
    h1 = h2 = seed
    whole = len(raw) // 16 * 16
    for at in range(0, whole, 16):
        k1, k2 = (int.from_bytes(raw[at + part : at + part + 8], "little") for part in (0, 8))
        h1 ^= rotated(k1 * c1 & M, 31) * c2 & M
        h1 = ((rotated(h1, 27) + h2) * 5 + 0x52DCE729) & M
        h2 ^= rotated(k2 * c2 & M, 33) * c1 & M
        h2 = ((rotated(h2, 31) + h1) * 5 + 0x38495AB5) & M
    tail = raw[whole:]
    h2 ^= rotated(int.from_bytes(tail[8:], "little") * c2 & M, 33) * c1 & M
    h1 ^= rotated(int.from_bytes(tail[:8], "little") * c1 & M, 31) * c2 & M
    h1, h2 = h1 ^ len(raw), h2 ^ len(raw)
    h1 = (h1 + h2) & M
    h2 = (h2 + h1) & M
    for _ in range(1):
        h1, h2 = (finished(h) for h in (h1, h2))
    h1 = (h1 + h2) & M
    h2 = (h2 + h1) & M
    return (h1 & 0xFFFFFFFF, h1 >> 32, h2 & 0xFFFFFFFF, h2 >> 32)


def finished(k: int) -> int:
    k = (k ^ (k >> 33)) * 0xFF51AFD7ED558CCD & M
    k = (k ^ (k >> 33)) * 0xC4CEB9FE1A85EC53 & M
    return k ^ (k >> 33)


@given(st.binary(max_size=70), st.integers(0, 2**32 - 1))
def test_the_hash_equals_its_twin(raw: bytes, seed: int) -> None:
    assert _core.murmur3(raw, seed) == murmur_in_python(raw, seed)


def test_the_hash_gives_published_values() -> None:
    # The verification value of SMHasher for MurmurHash3_x64_128: hashes of hashes of 0, 0 1, 0 1 2, ...
    hashes = b"".join(
        b"".join(part.to_bytes(4, "little") for part in _core.murmur3(bytes(range(n)), 256 - n)) for n in range(256)
    )
    assert _core.murmur3(hashes, 0)[0] == 0x6384BA69


def ngrams_in_python(word: str, table: FloretRows) -> list[str]:
    framed = table.begin + word + table.end
    found = [framed]
    for first in range(len(framed)):
        for n in range(max(table.minn, 1), table.maxn + 1):
            is_edge = n == 1 and (first == 0 or first + n == len(framed))
            if first + n <= len(framed) and not is_edge:
                found.append(framed[first : first + n])
    return found


@given(
    words=st.lists(st.text(max_size=9), max_size=5),
    lengths=st.tuples(st.integers(0, 4), st.integers(0, 6)),
    hashes=st.integers(1, 4),
    frame=st.sampled_from([("<", ">"), ("", "»"), ("«b", "")]),
)
def test_rows_are_the_hashes_of_word_and_ngrams(
    words: list[str], lengths: tuple[int, int], hashes: int, frame: tuple[str, str]
) -> None:
    words = [word.encode("utf-8", "ignore").decode() for word in words]
    table = FloretRows(np.zeros((37, 1), np.float32), *lengths, hashes, 77, *frame)
    expected = [
        [h % 37 for gram in ngrams_in_python(word, table) for h in murmur_in_python(gram.encode(), 77)[:hashes]]
        for word in words
    ]
    assert [table.indices(word).tolist() for word in words] == expected
    found, ends = table.all_indices(Words.of(words))
    assert found.tolist() == [row for rows in expected for row in rows]
    assert ends.tolist() == np.cumsum([len(rows) for rows in expected]).tolist()


def test_vectors_of_any_words() -> None:
    random = np.random.default_rng(3)
    table = FloretRows(random.standard_normal((50, 4), np.float32), 2, 3, 2)
    words = Words.of(["</s>", "cat", "水"])
    first = random.standard_normal((1, 4), np.float32)
    vectors = SubwordVectors(words, Composed(first, table, words), subwords=table)
    np.testing.assert_array_equal(vectors["</s>"], first[0])
    for word in ("cat", "水", "unseen"):
        np.testing.assert_allclose(vectors[word], table.rows[table.indices(word)].mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(dense(vectors.store)[1], vectors["cat"])
    assert table.vector("</s>") is None
    assert _core.fnv_hash(b"") == SEED


@pytest.mark.parametrize("options", [{"hashes": 0}, {"hashes": 5}, {"minn": -1}, {"maxn": 1001}, {"seed": 1 << 32}])
def test_options_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="out of range"):
        FloretRows(np.zeros((3, 1), np.float32), **options)
    with pytest.raises(DataError, match="rows"):
        FloretRows(np.zeros((0, 1), np.float32))
