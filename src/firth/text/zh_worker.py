"""The other side of firth.text.zh: a process that segments batches, since rjieba keeps the interpreter's lock.

It reads and writes messages of a length (8 bytes, little-endian) and that many bytes. Run as a file: it needs rjieba
and nothing of Firth.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

SEPARATOR = "\x1f"


def cut(data: bytes, segmenter: Callable[[str], list[str]]) -> bytes:
    """Return the words of a text joined by unit separators, line feeds standing as words of their own.

    rjieba takes no lone surrogates, so that bytes which are not UTF-8 go around it: they are words by themselves.
    """
    try:
        return SEPARATOR.join(segmenter(data.decode("utf-8"))).encode("utf-8")
    except UnicodeDecodeError:
        pass
    parts: list[str] = []
    valid: list[str] = []
    for char in data.decode("utf-8", "surrogateescape"):
        if "\udc80" <= char <= "\udcff":
            parts += [*(segmenter("".join(valid)) if valid else []), char]
            valid = []
        else:
            valid.append(char)
    parts += segmenter("".join(valid)) if valid else []
    return SEPARATOR.join(parts).encode("utf-8", "surrogateescape")


def main() -> None:
    """Answer batches until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import rjieba

    source, target = sys.stdin.buffer, sys.stdout.buffer
    while len(head := source.read(8)) == 8:
        words = cut(source.read(int.from_bytes(head, "little")), rjieba.cut)
        target.write(len(words).to_bytes(8, "little") + words)
        target.flush()


if __name__ == "__main__":
    main()
