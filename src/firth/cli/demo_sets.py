"""Small evaluation sets for the demo's text, written for it: words of programming, not of the world.

The pairs come from what the words mean; none was dropped for being answered wrong. The sets are far too small to
compare models by: the score tells that something was learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

__all__ = ["ANALOGIES", "SIMILARITY", "analogy_file", "similarity_file"]

# In each section every pair stands in the same relation: each is asked about every other.
ANALOGIES: dict[str, Sequence[tuple[str, str]]] = {
    "opposite": [
        ("open", "close"), ("encode", "decode"), ("read", "write"), ("start", "stop"), ("first", "last"),
        ("true", "false"), ("minimum", "maximum"), ("input", "output"), ("add", "remove"), ("upper", "lower"),
        ("left", "right"), ("before", "after"), ("server", "client"), ("parent", "child"), ("positive", "negative"),
    ],
    "agent": [
        ("read", "reader"), ("write", "writer"), ("parse", "parser"), ("handle", "handler"), ("generate", "generator"),
        ("iterate", "iterator"), ("encode", "encoder"), ("decode", "decoder"), ("call", "caller"), ("load", "loader"),
    ],
    "gram-plural": [
        ("list", "lists"), ("string", "strings"), ("tuple", "tuples"), ("file", "files"), ("class", "classes"),
        ("method", "methods"), ("function", "functions"), ("argument", "arguments"), ("module", "modules"),
        ("object", "objects"), ("thread", "threads"), ("process", "processes"), ("value", "values"), ("key", "keys"),
        ("line", "lines"), ("name", "names"), ("directory", "directories"), ("character", "characters"),
    ],
    "gram-third-person": [
        ("return", "returns"), ("raise", "raises"), ("read", "reads"), ("write", "writes"), ("take", "takes"),
        ("call", "calls"), ("create", "creates"), ("remove", "removes"), ("provide", "provides"), ("use", "uses"),
        ("do", "does"), ("contain", "contains"), ("support", "supports"),
    ],
    "gram-participle": [
        ("return", "returned"), ("raise", "raised"), ("call", "called"), ("create", "created"), ("remove", "removed"),
        ("use", "used"), ("define", "defined"), ("write", "written"), ("import", "imported"), ("ignore", "ignored"),
        ("pass", "passed"), ("convert", "converted"), ("specify", "specified"),
    ],
    "gram-gerund": [
        ("read", "reading"), ("write", "writing"), ("parse", "parsing"), ("call", "calling"), ("import", "importing"),
        ("raise", "raising"), ("return", "returning"), ("create", "creating"), ("use", "using"), ("open", "opening"),
    ],
}  # fmt: skip

# Word, word, how near their meanings are in this text from 0 to 10.
SIMILARITY: Sequence[tuple[str, str, float]] = [
    ("int", "integer", 9.5), ("directory", "folder", 9.5), ("error", "exception", 8.5), ("function", "method", 8.5),
    ("dict", "dictionary", 9.8), ("return", "returns", 8.5), ("remove", "delete", 9.0), ("start", "begin", 9.0),
    ("stop", "end", 8.0), ("list", "tuple", 8.0), ("true", "false", 7.5), ("read", "write", 7.5),
    ("open", "close", 7.0), ("encode", "decode", 7.5), ("thread", "process", 7.5), ("string", "bytes", 7.0),
    ("server", "client", 7.5), ("request", "response", 7.5), ("first", "last", 7.0), ("minimum", "maximum", 7.5),
    ("input", "output", 7.0), ("key", "value", 7.0), ("float", "int", 7.5), ("set", "frozenset", 8.5),
    ("argument", "parameter", 9.0), ("attribute", "property", 7.0), ("module", "package", 8.0),
    ("name", "identifier", 7.0),
    ("file", "directory", 7.0), ("path", "filename", 7.5), ("socket", "connection", 7.0), ("http", "url", 6.5),
    ("loop", "iteration", 7.0), ("class", "instance", 6.5), ("class", "subclass", 7.5), ("line", "column", 6.0),
    ("month", "year", 7.0), ("month", "day", 7.0), ("hour", "minute", 8.0), ("red", "green", 8.0),
    ("width", "height", 8.0), ("left", "right", 7.5), ("sender", "address", 5.0), ("header", "message", 5.0),
    ("lock", "thread", 5.5), ("parser", "token", 5.0), ("file", "write", 4.5), ("exception", "raise", 6.0),
    ("module", "import", 6.0), ("function", "call", 6.0), ("month", "lock", 0.3), ("socket", "month", 0.2),
    ("tuple", "server", 0.5), ("regular", "thread", 0.5), ("decimal", "socket", 0.5), ("colour", "parser", 0.3),
    ("email", "tuple", 0.5), ("width", "exception", 0.5), ("http", "float", 0.5), ("list", "font", 0.8),
    ("widget", "decimal", 0.4), ("window", "integer", 0.8), ("mouse", "bytes", 0.5), ("signal", "tuple", 0.6),
    ("locale", "thread", 0.8), ("calendar", "socket", 0.3), ("random", "header", 0.6), ("logging", "tuple", 0.8),
    ("archive", "method", 1.0), ("shell", "float", 0.6), ("cookie", "integer", 0.8), ("button", "dict", 0.6),
]  # fmt: skip


def analogy_file() -> str:
    """Return the analogies in Google's format."""
    lines = []
    for section, pairs in ANALOGIES.items():
        lines.append(f": {section}")
        lines += [" ".join((*first, *second)) for first, second in permutations(pairs, 2)]
    return "\n".join(lines) + "\n"


def similarity_file() -> str:
    """Return the similarity pairs, tab-separated."""
    return "".join(f"{first}\t{second}\t{score}\n" for first, second, score in SIMILARITY)
