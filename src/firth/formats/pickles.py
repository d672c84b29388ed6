"""Pickles of strangers, read by a machine of our own that has no way to call, import or make anything but plain values.

A pickle is a program for a stack machine (the standard library's ``pickletools`` describes its opcodes). Ours knows the
opcodes of protocols 0 to 5 and, in the place of calls, a short list of constructors of plain values; a class of gensim
or NumPy becomes a :class:`Made`, which keeps what the pickle says about it and nothing more. Everything else is refused
by name. Memory stays in proportion to the file: nothing is allocated by a number that the file states.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from firth.errors import FormatError

__all__ = ["Global", "Made", "read_pickle"]

_BUILTINS = ("__builtin__", "builtins")
_PLAIN_NAMES = {"hash", "int", "long", "float", "bool", "str", "unicode", "complex", "object"}  # named, never called
_CONTAINERS = {"bytes", "bytearray", "list", "tuple", "dict", "set", "frozenset"}
_DICTS = {("collections", "OrderedDict"), ("collections", "defaultdict"), ("collections", "Counter")}
_DICTS |= {("UserString", "defaultdict")}  # so Python 3.4 named it
_NUMPY_TYPES = {f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)}
_NUMPY = {"ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer", "bool_", "str_"} | _NUMPY_TYPES
_RANDOM = {"RandomState", "Generator", "MT19937", "PCG64", "SeedSequence", "__RandomState_ctor", "__randomstate_ctor"}
_RANDOM |= {"__bit_generator_ctor", "__generator_ctor", "__pyx_unpickle_SeedSequence"}
_LARGE = 1 << 12  # strings of bytes from here on are views of the file, not copies
_LONGEST_LINE = 1 << 16


@dataclasses.dataclass(frozen=True, slots=True)
class Global:
    """A name that a pickle asks for; it is never looked up."""

    module: str
    name: str


@dataclasses.dataclass(slots=True, eq=False)
class Made:
    """What a pickle says about an object of a class that we do not make.

    Attributes
    ----------
    of : Global
        The class or constructor.
    args : tuple
        What it would have been called with.
    state : object
        What it would have been filled with; for most a dict of attributes.
    items : dict
        What would have been put into it.
    """

    of: Global
    args: tuple[Any, ...]
    state: Any = None
    items: dict[Any, Any] = dataclasses.field(default_factory=dict)


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
    firth.errors.FormatError: model: the pickle asks for a name that no model needs; nothing of it was run: got builtins print (at byte 27)
    """  # noqa: E501
    return _Machine(data, path).run()


class _Machine:
    def __init__(self, data: Any, path: Path) -> None:
        self._data, self._path, self._at = data, path, 0
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def fault(self, what: str, **details: Any) -> NoReturn:
        raise FormatError(what, path=self._path, offset=self._at, **details)

    def run(self) -> Any:
        try:
            self._loop()
            value = self._stack.pop()
        except (IndexError, KeyError, struct.error):
            self.fault("the pickle is broken or cut short")
        except UnicodeDecodeError:
            self.fault("a string of the pickle is not UTF-8")
        except ValueError as error:
            self.fault(f"the pickle is broken: {error}")
        return value

    def _loop(self) -> None:
        data, acts, memo = self._data, _ACTS, self._memo
        # A table of a million words is mostly these four opcodes.
        while True:
            op = data[self._at]
            self._at += 1
            if op == 0x8C or op == 0x58:  # SHORT_BINUNICODE, BINUNICODE
                width = 1 if op == 0x8C else 4
                start = self._at + width
                end = start + int.from_bytes(data[self._at : start], "little")
                text = data[start:end]
                if len(text) != end - start:
                    self.fault("a string of the pickle is longer than the file")
                self._stack.append(text.decode("utf-8", "surrogatepass"))
                self._at = end
            elif op == 0x94:  # MEMOIZE
                memo[len(memo)] = self._stack[-1]
            elif op == 0x4D:  # BININT2
                self._stack.append(data[self._at] | data[self._at + 1] << 8)
                self._at += 2
            elif op == 0x2E:  # STOP
                return
            else:
                act = acts.get(op)
                if act is None:
                    self.fault("no such opcode, or one that no model needs", got=hex(op))
                act(self)

    # ------------------------------------------------------------------ bytes
    def _take(self, n: int) -> bytes:
        piece = self._data[self._at : self._at + n]
        if len(piece) != n:
            self.fault("the pickle is cut short")
        self._at += n
        return bytes(piece)

    def number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def line(self) -> str:
        end = self._data.find(b"\n", self._at, self._at + _LONGEST_LINE)
        if end < 0:
            self.fault("a line of the pickle has no end")
        text: str = bytes(self._data[self._at : end]).decode("utf-8")
        self._at = end + 1
        return text

    def chunk(self, form: str) -> Any:
        """Return counted bytes, large ones as a view of the file."""
        n = self.number(form)
        if n < 0 or n > len(self._data) - self._at:
            self.fault("bytes of the pickle reach beyond the file", got=f"{n:,}")
        if n < _LARGE:
            return self._take(n)
        view = memoryview(self._data)[self._at : self._at + n]
        self._at += n
        return view

    # ------------------------------------------------------------------ stack
    def push(self, value: Any) -> None:
        self._stack.append(value)

    def pop(self) -> Any:
        return self._stack.pop()

    def top(self) -> Any:
        return self._stack[-1]

    def mark(self) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def since_mark(self) -> list[Any]:
        found, self._stack = self._stack, self._marked.pop()
        return found

    def drop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self.since_mark()

    def put(self, at: int) -> None:
        self._memo[at] = self._stack[-1]

    def get(self, at: int) -> None:
        self._stack.append(self._memo[at])

    # ------------------------------------------------------------------ values
    def add_items(self, pairs: list[Any]) -> None:
        target = self.top()
        into = target.items if isinstance(target, Made) else target
        if not isinstance(into, dict) or len(pairs) % 2:
            self.fault("items for what takes none", got=type(target).__name__)
        self._refuse_heavy_keys(pairs[::2])
        into.update(zip(pairs[::2], pairs[1::2], strict=True))

    def _refuse_heavy_keys(self, keys: Any) -> None:
        """Refuse keys whose hash could take for ever: tuples of tuples of themselves."""
        for key in keys:
            parts = key if type(key) is tuple else (key,)
            if not all(type(part) in _KEYS for part in parts):
                self.fault("a key that no model needs", got=type(key).__name__)

    def add_all(self, values: list[Any], kind: type) -> None:
        target = self.top()
        if type(target) is not kind:
            self.fault("members for what takes none", got=type(target).__name__)
        if isinstance(target, set):
            self._refuse_heavy_keys(values)
            target.update(values)
        else:
            target.extend(values)

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str) or not _known(module, name):
            got = f"{module} {name}"
            self.fault("the pickle asks for a name that no model needs; nothing of it was run", got=got)
        self.push(Global(module, name))

    def make(self, of: Any, args: Any) -> None:
        if not isinstance(of, Global) or not isinstance(args, tuple):
            self.fault("the pickle calls what is no constructor", got=type(of).__name__)
        key = (of.module, of.name)
        if key == ("_codecs", "encode") and len(args) == 2 and isinstance(args[0], str):
            self.push(args[0].encode("latin-1"))
        elif key in _DICTS:
            self.push({})
        elif of.name == "_reconstructor" and args and isinstance(args[0], Global):
            self.push(Made(args[0], args[1:]))
        elif of.module in _BUILTINS:
            self._contain(of.name, args)
        else:
            self.push(Made(of, args))

    def _contain(self, name: str, args: tuple[Any, ...]) -> None:
        if name not in _CONTAINERS or len(args) > 1 or (args and type(args[0]) not in (list, tuple, bytes)):
            self.fault("a call that no model needs", got=name)
        values = args[0] if args else ()
        if name in ("set", "frozenset"):
            self._refuse_heavy_keys(values)
            self.push(set(values))
        elif name in ("bytes", "bytearray"):
            self.push(bytes(values))
        elif name == "dict" and not values:
            self.push({})
        elif name in ("list", "tuple"):
            self.push(list(values) if name == "list" else tuple(values))
        else:
            self.fault("a call that no model needs", got=name)

    def fill(self, state: Any) -> None:
        target = self.top()
        if isinstance(target, Made):
            target.state = state
        elif not isinstance(target, dict):  # an OrderedDict may have attributes, which nobody needs
            self.fault("state for what takes none", got=type(target).__name__)


_KEYS = (str, bytes, int, float, bool, type(None))


def _known(module: str, name: str) -> bool:
    if module == "gensim" or module.startswith("gensim."):
        return True
    if module in _BUILTINS:
        return name in _PLAIN_NAMES or name in _CONTAINERS
    if module in ("copy_reg", "copyreg"):
        return name == "_reconstructor"
    if module.startswith("numpy.random"):
        return name in _RANDOM
    if module == "numpy" or module.startswith(("numpy.core.", "numpy._core.")):
        return name in _NUMPY
    return (module, name) in _DICTS or (module, name) == ("_codecs", "encode")


def _text_number(line: str) -> Any:
    return {"00": False, "01": True}[line] if line in ("00", "01") else int(line.removesuffix("L"))


def _class_and_args(m: _Machine) -> None:
    of, *args = m.since_mark()
    m.make(of, tuple(args))


def _instance(m: _Machine) -> None:
    m.name(m.line(), m.line())
    of = m.pop()
    m.make(of, tuple(m.since_mark()))


def _reduce(m: _Machine) -> None:
    args = m.pop()
    m.make(m.pop(), args)


def _keyword_object(m: _Machine) -> None:
    named, args = m.pop(), m.pop()
    if named:
        m.fault("a constructor with named arguments, which no model needs")
    m.make(m.pop(), args)


def _stack_name(m: _Machine) -> None:
    name = m.pop()
    m.name(m.pop(), name)


def _last(n: int) -> Callable[[_Machine], None]:
    def act(m: _Machine) -> None:
        values = [m.pop() for _ in range(n)]
        m.push(tuple(reversed(values)))

    return act


def _one_item(m: _Machine) -> None:
    value, key = m.pop(), m.pop()
    m.add_items([key, value])


def _quoted(line: str) -> str:
    """Return a string of Python 2 from its literal, which stands in protocol 0 alone."""
    if len(line) < 2 or line[0] != line[-1] or line[0] not in "'\"":
        raise ValueError("a string without quotes")
    return line[1:-1].encode("latin-1").decode("unicode_escape")


def _constant(value: Any) -> Callable[[_Machine], None]:
    return lambda m: m.push(value)


def _integer(form: str) -> Callable[[_Machine], None]:
    return lambda m: m.push(m.number(form))


def _latin(form: str) -> Callable[[_Machine], None]:
    """Return an act for strings of Python 2: bytes, which gensim reads as Latin-1."""
    return lambda m: m.push(bytes(m.chunk(form)).decode("latin-1"))


def _long(form: str) -> Callable[[_Machine], None]:
    return lambda m: m.push(int.from_bytes(m.chunk(form), "little", signed=True))


_ACTS: dict[int, Callable[[_Machine], None]] = {
    0x80: lambda m: m.number("<B"),  # PROTO
    0x95: lambda m: m.number("<Q"),  # FRAME: where it ends does not matter to us
    ord("("): _Machine.mark,
    ord("0"): _Machine.drop,
    ord("1"): lambda m: m.since_mark() and None,
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
    ord("S"): lambda m: m.push(_quoted(m.line())),
    ord("T"): _latin("<i"),
    ord("U"): _latin("<B"),
    ord("V"): lambda m: m.push(m.line().encode("latin-1", "backslashreplace").decode("raw_unicode_escape")),
    0x8D: lambda m: m.push(bytes(m.chunk("<Q")).decode("utf-8", "surrogatepass")),
    ord("B"): lambda m: m.push(m.chunk("<I")),
    ord("C"): lambda m: m.push(m.chunk("<B")),
    0x8E: lambda m: m.push(m.chunk("<Q")),
    0x96: lambda m: m.push(m.chunk("<Q")),  # BYTEARRAY8
    ord("]"): lambda m: m.push([]),
    ord("}"): lambda m: m.push({}),
    ord(")"): _constant(()),
    0x8F: lambda m: m.push(set()),
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
