"""Pickles: plain values come back as the standard library gives them, and nothing that a pickle asks for is run."""

from __future__ import annotations

import collections
import contextlib
import pickle
import pickletools
import struct
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import FormatError
from firth.formats.pickled_arrays import array_of, map_npy, read_npz
from firth.formats.pickles import Global, Made, read_pickle

PATH = Path("model.kv")
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(max_size=5000)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.binary(max_size=3)), inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.sets(st.integers(), max_size=4),
    ),
    max_leaves=12,
)


def plain(value: Any) -> Any:
    """Return a value with views of the file as bytes."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return type(value)(map(plain, value)) if isinstance(value, list | tuple) else value


@settings(max_examples=300, deadline=None)
@given(VALUES, st.integers(0, 5))
def test_plain_values_as_the_standard_library_reads_them(value: Any, protocol: int) -> None:
    assert plain(read_pickle(pickle.dumps(value, protocol), PATH)) == value


def test_containers_and_shared_parts() -> None:
    shared = ["a"]
    table = collections.OrderedDict(x=shared, y=shared)
    for protocol in range(6):
        found = read_pickle(pickle.dumps([table, collections.defaultdict(int, a=1), frozenset("ab")], protocol), PATH)
        assert found == [{"x": ["a"], "y": ["a"]}, {"a": 1}, {"a", "b"}]
        assert found[0]["x"] is found[0]["y"]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2", "|i1", "<i8", "|b1"])
def test_arrays_as_numpy_pickles_them(protocol: int, dtype: str) -> None:
    for array in (np.arange(12).reshape(3, 4), np.arange(12).reshape(3, 4).T, np.arange(3), np.zeros((0, 4))):
        given_array = array.astype(dtype)
        found = array_of(read_pickle(pickle.dumps(given_array, protocol), PATH), PATH)
        np.testing.assert_array_equal(found, given_array)
        assert found.dtype == np.dtype(dtype)


RAN: list[str] = []


class Runs:
    """What it asks for is named by ``how``."""

    def __init__(self, *how: Any) -> None:
        self.how = how

    def __reduce__(self) -> Any:
        return self.how


def ran(*_: Any) -> None:
    RAN.append("ran")


def call(module: str, name: str, argument: str = "") -> bytes:
    """Return a pickle that calls a function with a string."""
    return f"c{module}\n{name}\n(V{argument}\ntR.".encode()


HOSTILE: dict[str, bytes] = {
    "os.system": call("os", "system", "touch /tmp/owned"),
    "posix.system": call("posix", "system", "id"),
    "subprocess": call("subprocess", "check_output", "id"),
    "eval": call("builtins", "eval", "1"),
    "exec of Python 2": call("__builtin__", "execfile", "x"),
    "getattr": b"cbuiltins\ngetattr\n(cbuiltins\n__import__\nVos\ntR.",
    "import": call("builtins", "__import__", "os"),
    "numpy's loader of pickles": call("numpy", "load", "/etc/passwd"),
    "numpy's runner": call("numpy.testing._private.utils", "runstring", "1"),
    "a name through dots": b"\x80\x04\x8c\x05numpy\x8c\x0bcore.os.exec\x93.",
    "stack name": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "a name that is no text": b"\x80\x04K\x01K\x02\x93.",
    "instance": b"(ios\nsystem\n.",
    "class and arguments": b"(cos\nsystem\nVid\no.",
    "call of what is no name": b"Vos.system\n(tR.",
    "call of a call": b"cgensim.utils\nx\n(tR(tR.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent": b"Pid\n.",
    "binary persistent": b"K\x01Q.",
    "out of band": b"\x80\x05\x97.",
    "bytes beyond the file": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"x.",
    "text beyond the file": b"\x80\x04X" + struct.pack("<I", 0xFFFFFFFF) + b"x.",
    "negative length": b"\x80\x02T" + struct.pack("<i", -5) + b"xxxxx.",
    "a memo that is not there": b"\x80\x02h\x07.",
    "hash bomb": b"\x80\x02}" + b")" + b"q\x00h\x00\x86" * 60 + b"Ns.",
    "hash bomb in a set": b"\x80\x04\x8f(" + b")" + b"2\x86" * 60 + b"\x90.",
    "set by its constructor": b"c__builtin__\nset\n(](" + b")" + b"2\x86" * 60 + b"etR.",
    "state for a list": b"]Nb.",
    "items for a number": b"K\x01K\x02K\x03s.",
    "an odd number of items": b"}(K\x01u.",
    "no end": b"\x80\x04]",
    "empty": b"",
    "mark alone": b"(",
    "unknown opcode": b"\xff.",
    "a number of too many digits": b"I" + b"9" * 60_000 + b"\n.",
    "broken text": b"\x80\x04\x8c\x01\xff.",
    "objects with named arguments": b"\x80\x04cgensim.x\nX\n)}(Vself\nK\x01u\x92.",
}


WATCHED: list[list[str]] = []
sys.addaudithook(lambda event, args: WATCHED[-1].append(event) if WATCHED else None)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused(name: str) -> None:
    WATCHED.append([])
    try:
        with pytest.raises(FormatError, match=r"model\.kv"):
            read_pickle(HOSTILE[name], PATH)
    finally:
        events = WATCHED.pop()
    forbidden = ("exec", "compile", "os.", "subprocess.", "pickle.", "socket.", "ctypes.", "import", "open")
    assert not [event for event in events if event.startswith(forbidden)]


def test_what_runs_under_pickle_does_not_run_here() -> None:
    raw = pickle.dumps(Runs(ran, ("x",)))
    pickle.loads(raw)
    assert RAN == ["ran"]  # the trap works
    with pytest.raises(FormatError, match=r"asks for a name.*nothing of it was run.*ran"):
        read_pickle(raw, PATH)
    assert RAN == ["ran"]


def test_classes_of_gensim_stay_descriptions() -> None:
    made = read_pickle(b"\x80\x02cgensim.models.keyedvectors\nKeyedVectors\n)\x81}Vvectors\nK\x01sb.", PATH)
    assert isinstance(made, Made)
    assert made.of == Global("gensim.models.keyedvectors", "KeyedVectors")
    assert made.state == {"vectors": 1}
    inert = read_pickle(b"\x80\x02cgensim.utils\nunpickle\n(V/etc/passwd\ntR.", PATH)
    assert isinstance(inert, Made)
    assert inert.args == ("/etc/passwd",)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x80\x02]q\x00" + b"(h\x00h\x00e" * 200 + b".",  # a billion laughs: lists of themselves
        b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b".",  # deep
        b"\x80\x02" + b"(" * 5000 + b"t" * 5000 + b".",
        b"\x80\x02Nr\xff\xff\xff\xff.",  # a place in the memo that a table would need 32 GB for
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.",  # a frame without end
    ],
)
def test_memory_stays_in_proportion(raw: bytes) -> None:
    tracemalloc.start()
    read_pickle(raw, PATH)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20


@pytest.mark.parametrize(
    ("shape", "kind", "raw"),
    [
        ((1 << 40,), "f4", b"abcd"),
        ((2, 2), "f4", b"abcd"),
        ((1,), "O8", b"abcdefgh"),
        ((-1,), "f4", b""),
        ("x", "f4", b""),
    ],
)
def test_arrays_that_do_not_fit(shape: Any, kind: str, raw: bytes) -> None:
    dtype = Made(Global("numpy", "dtype"), (kind, False, True), (3, "<", None, None, None, -1, -1, 0))
    made = Made(Global("numpy.core.multiarray", "_reconstruct"), (), (1, shape, dtype, False, raw))
    with pytest.raises(FormatError, match="array"):
        array_of(made, PATH)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 400), st.integers(0, 9), st.binary(max_size=9))
def test_a_pickle_changed_somewhere(at: int, gone: int, new: bytes) -> None:
    whole = pickle.dumps({"a": [1, 2.5, ("x", b"y")], "b": np.arange(4.0), "c": {"d": None}}, 2)
    with contextlib.suppress(FormatError):
        read_pickle(whole[:at] + new + whole[at + gone :], PATH)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [bytes([ord(op.code)]) if len(op.code) == 1 else b"" for op in pickletools.opcodes]
            + [b"\x01", b"0\n", b"cgensim.x\nX\n", b"Va\n", b"\x00\x00\x00"]
        ),
        max_size=40,
    ).map(b"".join)
)
def test_any_opcodes(raw: bytes) -> None:
    with contextlib.suppress(FormatError):
        read_pickle(raw + b".", PATH)


def test_npy_and_npz_of_strangers(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(map_npy(tmp_path / "a.npy"), np.arange(6.0).reshape(2, 3))
    np.save(tmp_path / "large.npy", np.arange(40_000, dtype=np.float32).reshape(4, -1))
    assert isinstance(map_npy(tmp_path / "large.npy").base, np.memmap | object)
    np.testing.assert_array_equal(map_npy(tmp_path / "large.npy").ravel(), np.arange(40_000))
    raw = (tmp_path / "large.npy").read_bytes()
    np.save(tmp_path / "objects.npy", np.array([Runs(ran, ())], dtype=object), allow_pickle=True)
    for name, content in {
        "cut": raw[:-1], "huge": raw.replace(b"(4, 10000)", b"(4, 99999)"),
        "code": raw.replace(b"(4, 10000)", b"__import__"),
        "nested": raw[:10] + b"(" * 118 + raw[128:], "objects": (tmp_path / "objects.npy").read_bytes(), "empty": b"",
    }.items():  # fmt: skip
        (tmp_path / "bad.npy").write_bytes(content)
        with pytest.raises(FormatError, match=r"bad\.npy"):
            map_npy(tmp_path / "bad.npy")
        assert RAN in ([], ["ran"]), name
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(1 << 26, np.uint8))
    with pytest.raises(FormatError, match="unfolds to too much"):
        read_npz(tmp_path / "bomb.npz")
