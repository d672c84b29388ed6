"""Pickles of strangers: every opcode of protocols 0 to 5 that plain values need, and what it does to the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from firth.formats.pickle_machine import Global, Machine, Made

__all__ = ["ACTS", "Global", "Made", "read_pickle"]


def read_pickle(data: Any, path: Path) -> Any:
    """Return the value of a pickle.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    path : Path
        For errors.

    Raises
    ------
    FormatError
        When it is broken, or asks for a name or an act that no model needs.

    Examples
    --------
    >>> import pickle
    >>> read_pickle(pickle.dumps({"king": [1, 2.5, None]}), Path("model"))
    {'king': [1, 2.5, None]}
    >>> read_pickle(pickle.dumps(print), Path("model"))
    Traceback (most recent call last):
    firth.errors.FormatError: model: the pickle asks for a name that no model needs...: got builtins print ...
    """
    return Machine(data, path, ACTS).run()


def _text_number(line: str) -> Any:
    return {"00": False, "01": True}[line] if line in ("00", "01") else int(line.removesuffix("L"))


def _class_and_args(m: Machine) -> None:
    of, *args = m.since_mark()
    m.make(of, tuple(args))


def _instance(m: Machine) -> None:
    m.name(m.line(), m.line())
    of = m.pop()
    m.make(of, tuple(m.since_mark()))


def _reduce(m: Machine) -> None:
    args = m.pop()
    m.make(m.pop(), args)


def _keyword_object(m: Machine) -> None:
    named, args = m.pop(), m.pop()
    if named:
        m.fault("a constructor with named arguments, which no model needs")
    m.make(m.pop(), args)


def _stack_name(m: Machine) -> None:
    name = m.pop()
    m.name(m.pop(), name)


def _last(n: int) -> Callable[[Machine], None]:
    def act(m: Machine) -> None:
        values = [m.pop() for _ in range(n)]
        m.push(tuple(reversed(values)))

    return act


def _one_item(m: Machine) -> None:
    value, key = m.pop(), m.pop()
    m.add_items([key, value])


def _quoted(line: str) -> str:
    """Return a string of Python 2 from its literal, which stands in protocol 0 alone."""
    if len(line) < 2 or line[0] != line[-1] or line[0] not in "'\"":
        raise ValueError("a string without quotes")
    return line[1:-1].encode("latin-1").decode("unicode_escape")


def _drop_to_mark(m: Machine) -> None:
    m.since_mark()


def _frozen(m: Machine) -> None:
    values = m.since_mark()
    m.push(set())
    m.add_all(values, set)


def _pairs(m: Machine) -> None:
    values = m.since_mark()
    m.push({})
    m.add_items(values)


def _constant(value: Any) -> Callable[[Machine], None]:
    return lambda m: m.push(value)


def _integer(form: str) -> Callable[[Machine], None]:
    return lambda m: m.push(m.number(form))


def _latin(form: str) -> Callable[[Machine], None]:
    """Return an act for strings of Python 2: bytes, which gensim reads as Latin-1."""
    return lambda m: m.push(bytes(m.chunk(form)).decode("latin-1"))


def _long(form: str) -> Callable[[Machine], None]:
    return lambda m: m.push(int.from_bytes(m.chunk(form), "little", signed=True))


ACTS: dict[int, Callable[[Machine], None]] = {
    0x80: lambda m: m.number("<B"),  # PROTO
    0x95: lambda m: m.number("<Q"),  # FRAME: where it ends does not matter to us
    ord("("): Machine.mark,
    ord("0"): Machine.drop,
    ord("1"): _drop_to_mark,
    ord("2"): lambda m: m.push(m.top()),
    ord("N"): _constant(None),
    0x88: _constant(True),
    0x89: _constant(False),
    ord("I"): lambda m: m.push(_text_number(m.line())),
    ord("L"): lambda m: m.push(_text_number(m.line())),
    ord("J"): _integer("<i"),
    ord("K"): _integer("<B"),
    0x8A: _long("<B"),
    0x8B: _long("<i"),
    ord("F"): lambda m: m.push(float(m.line())),
    ord("G"): _integer(">d"),
    ord("S"): lambda m: m.push(_quoted(m.line("latin-1"))),
    ord("T"): _latin("<i"),
    ord("U"): _latin("<B"),
    ord("V"): lambda m: m.push(m.line("raw_unicode_escape")),
    0x8D: lambda m: m.push(bytes(m.chunk("<Q")).decode("utf-8", "surrogatepass")),
    ord("B"): lambda m: m.push(m.chunk("<I")),
    ord("C"): lambda m: m.push(m.chunk("<B")),
    0x8E: lambda m: m.push(m.chunk("<Q")),
    0x96: lambda m: m.push(m.chunk("<Q")),  # BYTEARRAY8
    ord("]"): lambda m: m.push([]),
    ord("}"): lambda m: m.push({}),
    ord(")"): _constant(()),
    0x8F: lambda m: m.push(set()),
    ord("d"): _pairs,
    0x91: _frozen,
    ord("l"): lambda m: m.push(m.since_mark()),
    ord("t"): lambda m: m.push(tuple(m.since_mark())),
    0x85: _last(1),
    0x86: _last(2),
    0x87: _last(3),
    ord("a"): lambda m: m.add_all([m.pop()], list),
    ord("e"): lambda m: m.add_all(m.since_mark(), list),
    0x90: lambda m: m.add_all(m.since_mark(), set),
    ord("s"): _one_item,
    ord("u"): lambda m: m.add_items(m.since_mark()),
    ord("p"): lambda m: m.put(int(m.line())),
    ord("q"): lambda m: m.put(m.number("<B")),
    ord("r"): lambda m: m.put(m.number("<I")),
    ord("g"): lambda m: m.get(int(m.line())),
    ord("h"): lambda m: m.get(m.number("<B")),
    ord("j"): lambda m: m.get(m.number("<I")),
    ord("c"): lambda m: m.name(m.line(), m.line()),
    0x93: _stack_name,
    ord("R"): _reduce,
    0x81: _reduce,  # NEWOBJ
    0x92: _keyword_object,
    ord("o"): _class_and_args,
    ord("i"): _instance,
    ord("b"): lambda m: m.fill(m.pop()),
}
