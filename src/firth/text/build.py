"""What as_corpus does: sort out the data, look into the cache, encode, publish."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from firth.errors import DataError
from firth.text import cache, store
from firth.text.corpus import Corpus
from firth.text.encode import Encoder
from firth.text.feed import feed
from firth.text.request import Request
from firth.text.sources import TextFile, find_files

__all__ = ["build", "placed"]


def build(data: Any, request: Request) -> Corpus:
    """Return the corpus of ``data``."""
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        if os.path.isfile(os.path.join(path, store.CONFIG)) and store.is_corpus(Path(path)):
            data = Corpus(path)
    if isinstance(data, Corpus):
        return data if request.out is None else _copied(data, request.out)
    files, items = _sorted_out(data, request)
    if files is None:
        return _encoded(None, items, None, request)
    name = cache.entry_name(files, request.how, request.field) if request.cache and request.out is None else None
    if name is not None:
        found = cache.find(cache.cache_folder(request.cache), name)
        if found is not None:
            _tell_about(found.config, request)
            return found
    return _encoded(files, iter(()), name, request)


def _copied(corpus: Corpus, out: Path) -> Corpus:
    with _written_to(out):
        folder = store.new_folder(out.parent)
        try:
            shutil.copytree(corpus.path, folder, dirs_exist_ok=True)
            store.publish(folder, out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return Corpus(out)


# ---------------------------------------------------------------- what the data is
def _sorted_out(data: Any, request: Request) -> tuple[list[TextFile] | None, Iterator[Any]]:
    """Return files, or None and the items of an iterable."""
    if isinstance(data, str | os.PathLike):
        return find_files(_as_text(data)), iter(())
    if isinstance(data, bytes | bytearray | Mapping) or not isinstance(data, Iterable):
        raise DataError(
            "this is no text", got=type(data).__name__, expected="a path, or an iterable of str or of lists"
        )
    if isinstance(data, list | tuple) and data and all(isinstance(item, str) for item in data):
        data = _paths_if_files(data, request)
    items = iter(data)
    first = next(items, None)
    if isinstance(first, os.PathLike):
        paths = [_as_text(item) for item in chain([first], items)]
        return [file for path in paths for file in find_files(path)], iter(())
    return None, chain([] if first is None else [first], items)


def _paths_if_files(data: list[str] | tuple[str, ...], request: Request) -> Iterable[Any]:
    few = [item for item in data[:100] if len(item) < 4096 and "\n" not in item and "\0" not in item]
    named = [item for item in few if os.path.exists(item)]
    if not named:
        return data
    if len(named) == len(data):
        request.tell(f"every str of the list names a file, so the list is read as {len(data):,} paths")
        return [Path(item) for item in data]
    remedy = "for paths use pathlib.Path objects; for text that happens to name a file, pass a generator"
    raise DataError("some of the list are files and some are not", got=named[0], remedy=remedy)


def _as_text(path: Any) -> str:
    if not isinstance(path, str | os.PathLike) or not isinstance(text := os.fspath(path), str):
        raise DataError("the list mixes paths and other things", got=path)
    return text


# ---------------------------------------------------------------- where the corpus goes
def _encoded(files: list[TextFile] | None, items: Iterator[Any], name: str | None, request: Request) -> Corpus:
    def write(encoder: Encoder) -> None:
        feed(encoder, files, items, request)

    return placed(write, request, {}, files, name)


def placed(
    write: Callable[[Encoder], None],
    request: Request,
    more: dict[str, Any],
    files: list[TextFile] | None = None,
    name: str | None = None,
) -> Corpus:
    """Encode into a folder of its own, then give that its place.

    Parameters
    ----------
    write : callable
        Feeds the encoder.
    request : Request
    more : dict
        Added to the description of the tokenizer; what is made from another corpus has some, and no notices again.
    files, name : optional
        The files read and the name in the cache; without a name the corpus lives as long as the object returned.
    """
    folder = _work_folder(request)
    done = False
    try:
        with _written_to(folder.parent), Encoder(folder, request.how, request.n_threads) as encoder:
            write(encoder)
            try:
                config = encoder.finish(more)
            except DataError as error:
                raise DataError(error.what, got=_named(files)) from None
            if encoder.empty_tokens:
                request.tell(f"{encoder.empty_tokens:,} empty tokens were skipped")
        if not more:
            _tell_about(config, request)
        corpus = _in_place(folder, files, name, request)
        done = True
        return corpus
    finally:
        if not done:
            shutil.rmtree(folder, ignore_errors=True)


def _in_place(folder: Path, files: list[TextFile] | None, name: str | None, request: Request) -> Corpus:
    if request.out is not None:
        with _written_to(request.out):
            store.publish(folder, request.out)
        return Corpus(request.out)
    if name is not None and files is not None and cache.cache_folder(request.cache) == folder.parent:
        if cache.entry_name(files, request.how, request.field) == name:
            return _cached(folder, folder.parent / name)
        request.tell("the text changed while it was read, so its corpus is not kept for the next time")
    corpus = Corpus(folder)
    weakref.finalize(corpus, _remove, folder, os.getpid())
    return corpus


def _cached(folder: Path, target: Path) -> Corpus:
    try:
        store.publish(folder, target)
    except OSError:
        # Another process may have made the same corpus at the same time.
        found = cache.find(target.parent, target.name)
        if found is None:
            raise
        shutil.rmtree(folder, ignore_errors=True)
        return found
    cache.forget_older(target.parent, target.name)
    return Corpus(target)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not remove what its parent uses
        shutil.rmtree(folder, ignore_errors=True)


def _work_folder(request: Request) -> Path:
    if request.out is not None:
        with _written_to(request.out):
            return store.new_folder(request.out.absolute().parent)
    parent = cache.cache_folder(request.cache)
    try:
        return store.new_folder(parent)
    except OSError as error:
        request.tell(f"the cache folder {parent} cannot be written ({error.strerror}); a temporary one is used")
    with _written_to(Path(tempfile.gettempdir())):
        return store.new_folder(Path(tempfile.gettempdir()))


class _written_to:  # noqa: N801
    """Turns a failure of the operating system into one that says where it happened."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            remedy = "free some space or choose another folder with out= or FIRTH_CACHE"
            raise DataError(f"cannot write the corpus: {reason}", got=str(self._place), remedy=remedy) from error


# ---------------------------------------------------------------- telling
def _tell_about(config: dict[str, Any], request: Request) -> None:
    invalid = config["n_invalid"]
    if invalid:
        what = "1 token holds" if invalid == 1 else f"{invalid:,} tokens hold"
        request.tell(f"{what} bytes that are not UTF-8, kept as they are")
    letters, han = config.get("n_letters", 0), config.get("n_han", 0)
    if request.how.name in ("words", "whitespace") and 3 * han > letters:
        request.tell("over a third of the letters are Han; --tokenizer zh (tokenizer='zh') finds the Chinese words")


def _named(files: list[TextFile] | None) -> str | None:
    if not files:
        return None
    return files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1:,} more"
