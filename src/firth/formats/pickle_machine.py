"""A machine for pickles of strangers that has no way to call, import or make anything but plain values.

A pickle is a program for a stack machine (the standard library's ``pickletools`` describes its opcodes). Ours knows the
opcodes of protocols 0 to 5 and, in the place of calls, a short list of constructors of plain values; a class of gensim
or NumPy becomes a :class:`Made`, which keeps what the pickle says about it and nothing more. Everything else is refused
by name. Memory stays in proportion to the file: nothing is allocated by a number that the file states.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from firth.errors import FormatError
from firth.formats.pickle_names import BUILTINS, CONTAINERS, DICTS, is_known

__all__ = ["Global", "Machine", "Made"]

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


class Machine:
    """The stack machine; what an opcode does is told by ``acts``."""

    def __init__(self, data: Any, path: Path, acts: Mapping[int, Callable[[Machine], None]]) -> None:
        self._data, self._path, self._acts, self._at = data, path, acts, 0
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
        data, acts, memo = self._data, self._acts, self._memo
        # A table of a million words is mostly these four opcodes.
        while True:
            op = data[self._at]
            self._at += 1
            if op in (0x8C, 0x58):  # SHORT_BINUNICODE, BINUNICODE
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

    def line(self, encoding: str = "utf-8") -> str:
        end = self._data.find(b"\n", self._at, self._at + _LONGEST_LINE)
        if end < 0:
            self.fault("a line of the pickle has no end")
        text: str = bytes(self._data[self._at : end]).decode(encoding)
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

    def add_all(self, values: list[Any], kind: type[list[Any]] | type[set[Any]]) -> None:
        target: Any = self.top()
        if not isinstance(target, kind):
            self.fault("members for what takes none", got=type(target).__name__)
        if isinstance(target, set):
            self._refuse_heavy_keys(values)
            target.update(values)
        else:
            target.extend(values)

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str) or not is_known(module, name):
            got = f"{module} {name}"
            self.fault("the pickle asks for a name that no model needs; nothing of it was run", got=got)
        self.push(Global(module, name))

    def make(self, of: Any, args: Any) -> None:
        if not isinstance(of, Global) or not isinstance(args, tuple):
            self.fault("the pickle calls what is no constructor", got=type(of).__name__)
        key = (of.module, of.name)
        if key == ("_codecs", "encode") and len(args) == 2 and isinstance(args[0], str):
            self.push(args[0].encode("latin-1"))
        elif key in DICTS:
            self.push({})
        elif of.name == "_reconstructor" and args and isinstance(args[0], Global):
            self.push(Made(args[0], args[1:]))
        elif of.module in BUILTINS:
            self._contain(of.name, args)
        else:
            self.push(Made(of, args))

    def _contain(self, name: str, args: tuple[Any, ...]) -> None:
        if name not in CONTAINERS or len(args) > 1 or (args and type(args[0]) not in (list, tuple, bytes)):
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
