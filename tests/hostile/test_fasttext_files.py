"""Broken files of fastText and floret: one error with the place, little memory, no crash."""

from __future__ import annotations

import gzip
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firth
from firth.errors import DataError, FirthError, FormatError
from firth.formats.fasttext_dictionary import dictionary_of
from firth.formats.fasttext_layout import QuantPlace, layout_of
from firth.formats.random_bytes import RandomBytes
from firth.formats.streams import head_of

GOLDEN = Path(__file__).parents[1] / "golden"
VECTORS = (GOLDEN / "fasttext" / "skipgram-ns.bin").read_bytes()
CUT = (GOLDEN / "fasttext" / "retrain.ftz").read_bytes()
TABLE = (GOLDEN / "floret" / "table-2.bin").read_bytes()
TEXT = (GOLDEN / "floret" / "table-2.floret").read_bytes()
DICTIONARY = 8 + 56  # where the sizes of the dictionary begin
ENTRIES = DICTIONARY + 28


def tried(content: bytes, *, name: str | None = None, suffix: str = "") -> FirthError | None:
    """Load and inspect ``content``; return the error, which must name the file, or None."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{suffix}"
        path.write_bytes(content)
        found = None
        tracemalloc.start()
        try:
            model = firth.load(path, format=name, nonfinite="keep", listen=lambda event: None)
            firth.inspect(path, format=name)
            if hasattr(model, "matrix"):
                assert model.matrix.shape == (len(model), model.dim)
        except (FormatError, DataError) as error:
            found = error
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 32 << 20
        assert found is None or ("file" in str(found) and "\n" not in str(found))
        return found


def patched(raw: bytes, at: int, format: str, *values: float) -> bytes:
    new = bytearray(raw)
    struct.pack_into("<" + format, new, at, *values)
    return bytes(new)


def places(raw: bytes) -> tuple[int, int, int]:
    """Where entries end, where the byte before the input matrix stands, and the one before the output matrix."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "f").write_bytes(raw)
        data = RandomBytes(head_of(Path(folder) / "f"))
        layout = layout_of(data)
        return int(layout.dictionary.starts[-1]), layout.dictionary.stop, layout.input.stop


STOP, INPUT, OUTPUT = places(VECTORS)
CUT_STOP, CUT_INPUT, CUT_OUTPUT = places(CUT)
FAULTY: dict[str, bytes] = {
    "a later version": patched(VECTORS, 4, "i", 13),
    "version 0": patched(VECTORS, 4, "i", 0),
    "a negative version": patched(VECTORS, 4, "i", -12),
    "dim 0": patched(VECTORS, 8, "i", 0),
    "a negative dim": patched(VECTORS, 8, "i", -5),
    "a huge dim": patched(VECTORS, 8, "i", 2**31 - 1),
    "another dim": patched(VECTORS, 8, "i", 6),
    "no such loss": patched(VECTORS, 8 + 24, "i", 9),
    "no such model": patched(VECTORS, 8 + 28, "i", 0),
    "a negative bucket": patched(VECTORS, 8 + 32, "i", -1),
    "2 milliard buckets": patched(VECTORS, 8 + 32, "i", 2**31 - 1),
    "a negative minn": patched(VECTORS, 8 + 36, "i", -1),
    "a huge maxn": patched(VECTORS, 8 + 40, "i", 2**31 - 1),
    "a threshold that is no number": patched(VECTORS, 8 + 48, "d", float("nan")),
    "2 milliard words": patched(VECTORS, DICTIONARY, "2i", 2**31 - 1, 2**31 - 1),
    "a word more": patched(VECTORS, DICTIONARY, "2i", *(n + 1 for n in struct.unpack_from("<2i", VECTORS, DICTIONARY))),
    "a word less": patched(VECTORS, DICTIONARY, "2i", *(n - 1 for n in struct.unpack_from("<2i", VECTORS, DICTIONARY))),
    "negative words": patched(VECTORS, DICTIONARY, "3i", -3, -3, 0),
    "words and labels that don't add up": patched(VECTORS, DICTIONARY + 8, "i", 4),
    "negative labels": patched(VECTORS, DICTIONARY, "3i", 3, 4, -1),
    "negative tokens": patched(VECTORS, DICTIONARY + 12, "q", -1),
    "a pruned map of -2": patched(VECTORS, DICTIONARY + 20, "q", -2),
    "a pruned map of 2^62": patched(VECTORS, DICTIONARY + 20, "q", 2**62),
    "a pruned map in dense rows": patched(VECTORS, DICTIONARY + 20, "q", 3),
    "a negative count": patched(VECTORS, STOP - 9, "q", -7),
    "no such kind of entry": patched(VECTORS, STOP - 1, "B", 7),
    "a word among labels": patched(VECTORS, STOP - 1, "B", 1),
    "a word that does not end": VECTORS[: ENTRIES + 3] + b"x" * 500,
    "words of one letter without end": VECTORS[:ENTRIES] + b"\0" * 30,
    "a word twice": VECTORS.replace("水\0".encode(), "水\0".encode()).replace("北京\0".encode(), b"orange\0"),
    "a matrix of another kind": patched(VECTORS, INPUT, "B", 2),
    "a dense matrix called quantised": patched(VECTORS, INPUT, "B", 1),
    "rows more than there are": patched(VECTORS, INPUT + 1, "q", 10**15),
    "negative rows": patched(VECTORS, INPUT + 1, "q", -1),
    "no columns": patched(VECTORS, INPUT + 9, "q", 0),
    "output rows more than there are": patched(VECTORS, OUTPUT + 1, "q", 2**62),
    "bytes that follow": VECTORS + b"\0",
    "a kept bucket out of range": patched(CUT, CUT_STOP, "i", 300),
    "a negative kept bucket": patched(CUT, CUT_STOP, "i", -1),
    "a kept row out of range": patched(CUT, CUT_STOP + 4, "i", 10**6),
    "a negative kept row": patched(CUT, CUT_STOP + 4, "i", -1),
    "a bucket kept twice": patched(CUT, CUT_STOP, "2i", *struct.unpack_from("<2i", CUT, CUT_STOP + 8)),
    "norms apart, 2": patched(CUT, CUT_INPUT + 1, "B", 2),
    "quantised rows more than there are": patched(CUT, CUT_INPUT + 2, "q", 10**12),
    "negative codes": patched(CUT, CUT_INPUT + 18, "i", -5),
    "codes more than there are": patched(CUT, CUT_INPUT + 18, "i", 2**31 - 1),
    "a code less": patched(CUT, CUT_INPUT + 18, "i", struct.unpack_from("<i", CUT, CUT_INPUT + 18)[0] - 1),
}


def quantiser_place() -> int:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "f").write_bytes(CUT)
        place = layout_of(RandomBytes(head_of(Path(folder) / "f"))).input
        assert isinstance(place, QuantPlace)
        return place.centroids_at - 16


FAULTY |= {
    f"{name} of centroids": patched(CUT, quantiser_place() + 4 * i, "i", value)
    for i, name in enumerate(["dim", "pieces", "width", "last width"])
    for value in (0, -1, 2**31 - 1)
}


@pytest.mark.parametrize("fault", FAULTY)
def test_faulty_file(fault: str) -> None:
    assert FAULTY[fault] not in (VECTORS, CUT)
    for content, suffix in ((FAULTY[fault], ""), (gzip.compress(FAULTY[fault]), ".gz")):
        error = tried(content, name="fasttext-bin", suffix=suffix)
        assert isinstance(error, FormatError), fault
        assert error.offset is not None


@pytest.mark.parametrize(
    ("raw", "name", "seams"),
    [
        (VECTORS, "fasttext-bin", (STOP, INPUT, INPUT + 17, OUTPUT, OUTPUT + 17, len(VECTORS))),
        (CUT, "fasttext-bin", (CUT_STOP, CUT_INPUT, CUT_INPUT + 22, CUT_OUTPUT, CUT_OUTPUT + 17, len(CUT))),
        (TABLE, "floret-bin", (len(TABLE),)),
        (TEXT, "floret", (len(TEXT) - 20,)),
    ],
)
def test_cut_anywhere(tmp_path: Path, raw: bytes, name: str, seams: tuple[int, ...]) -> None:
    path = tmp_path / "file"
    near = {seam + shift for seam in seams for shift in (-9, -5, -2, -1, 0, 1, 4)}
    for size in sorted({*range(1, 150), *range(150, len(raw) - 12, 61), *(at for at in near if at < len(raw))}):
        path.write_bytes(raw[:size])
        with pytest.raises(FormatError) as caught:
            firth.load(path, format=name)
        assert caught.value.path == path


def test_a_word_of_many_bytes_is_a_word(tmp_path: Path) -> None:
    """No length is too long by itself; the dictionary is walked once, in compressed files too."""
    old = VECTORS.index("北京\0".encode())
    long = VECTORS[:old] + b"y" * 3_000_000 + VECTORS[old + 6 :]
    (tmp_path / "f").write_bytes(gzip.compress(long))
    assert "y" * 3_000_000 in firth.load(tmp_path / "f")
    data = RandomBytes(head_of(tmp_path / "f"))
    assert dictionary_of(data, floret=False).n_words == len(firth.load(GOLDEN / "fasttext" / "skipgram-ns.bin"))


FLIPS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=4)
SOURCES = st.sampled_from([(VECTORS, "fasttext-bin"), (CUT, "fasttext-bin"), (TABLE, "floret-bin"), (TEXT, "floret")])


@settings(max_examples=250, deadline=None)
@given(SOURCES, FLIPS, st.booleans())
def test_flipped_bytes(source: tuple[bytes, str], flips: list[tuple[float, int]], is_packed: bool) -> None:
    raw, name = source
    new = bytearray(raw)
    for where, value in flips:
        # Half of them within the first parts, where all the sizes stand.
        at = int(where * 2 * 400) if where < 0.5 else int((where * 2 - 1) * len(raw))
        new[min(at, len(raw) - 1)] = value
    tried(gzip.compress(bytes(new)) if is_packed else bytes(new), name=name)
    tried(bytes(new))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", VECTORS[:8], VECTORS[:DICTIONARY], VECTORS[:ENTRIES], TEXT[:40]]))
def test_any_bytes(content: bytes, start: bytes) -> None:
    for name in ("fasttext-bin", "floret-bin", "floret"):
        tried(start + content, name=name)


TEXTS = {
    "no rows": b"10 2 3 4 1 0 < >\n",
    "a row less": b"2 2 3 4 1 0 < >\n0 1 2\n",
    "a row more": b"1 2 3 4 1 0 < >\n0 1 2\n1 1 2\n",
    "rows in another order": b"2 2 3 4 1 0 < >\n1 1 2\n0 1 2\n",
    "a row twice": b"2 2 3 4 1 0 < >\n0 1 2\n0 1 2\n",
    "words for numbers": b"2 2 3 4 1 0 < >\na 1 2\nb 1 2\n",
    "10^12 rows": b"1000000000000 2 3 4 1 0 < >\n0 1 2\n",
    "no buckets": b"0 2 3 4 1 0 < >\n",
    "dim 0": b"1 0 3 4 1 0 < >\n0\n",
    "five hashes": b"1 2 3 4 5 0 < >\n0 1 2\n",
    "long n-grams": b"1 2 3 4000 1 0 < >\n0 1 2\n",
    "a seed of 33 bits": b"1 2 3 4 1 9999999999 < >\n0 1 2\n",
    "NaN": b"1 2 3 4 1 0 < >\n0 nan 2\n",
    "numbers of 300 digits": b"1" * 300 + b" 2 3 4 1 0 < >\n0 1 2\n",
}


@pytest.mark.parametrize("fault", TEXTS)
def test_faulty_table(tmp_path: Path, fault: str) -> None:
    (tmp_path / "file").write_bytes(TEXTS[fault])
    with pytest.raises(FormatError, match="file"):
        firth.load(tmp_path / "file", listen=lambda event: None)


def test_a_row_per_word_is_found_whatever_the_alignment(tmp_path: Path) -> None:
    """Matrices begin at any byte of the file, by how long the words are."""
    old = VECTORS.index("北京\0".encode())
    expected = firth.load(GOLDEN / "fasttext" / "skipgram-ns.bin").output
    for n in range(1, 9):
        (tmp_path / "f").write_bytes(VECTORS[:old] + b"z" * n + VECTORS[old + 6 :])
        vectors = firth.load(tmp_path / "f")
        np.testing.assert_array_equal(vectors.output, expected)
        assert vectors.output.flags.aligned
        assert vectors.matrix.flags.aligned
        row = vectors.index("z" * n)
        own, grams = vectors.store.own[row], vectors.subwords.rows
        found = vectors.subwords.indices("z" * n)
        mean = (own + np.asarray(grams[found]).sum(axis=0)) / (len(found) + 1)
        np.testing.assert_allclose(vectors["z" * n], mean, rtol=1e-5, atol=1e-6)
