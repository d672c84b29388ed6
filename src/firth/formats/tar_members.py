"""Members of a tar archive from a stranger, in memory: nothing is ever extracted, so no path leads anywhere."""

from __future__ import annotations

import io
import tarfile
import zlib

from firth.errors import FormatError
from firth.formats.checked import bytes_of
from firth.formats.streams import Head

__all__ = ["is_tar", "members_of"]

_FAULTS = (tarfile.TarError, ValueError, OverflowError, EOFError, OSError, zlib.error, RecursionError)


def is_tar(start: bytes) -> bool:
    """Return whether these are the first bytes of a tar archive."""
    return start[257:262] == b"ustar"


def members_of(head: Head) -> dict[str, memoryview]:
    """Return the plain files of an archive by name, views of its bytes; links and devices are left out.

    Raises
    ------
    FormatError
        When it is broken or unfolds to too much.
    """
    raw = memoryview(bytes_of(head))
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for member in archive:
                end = member.offset_data + member.size
                if member.isreg() and not member.issparse() and end <= len(raw):
                    found[member.name.removeprefix("./")] = raw[member.offset_data : end]
                elif member.isreg():
                    raise FormatError("the archive is cut short", path=head.path, offset=member.offset, got=member.name)
    except _FAULTS as error:
        raise FormatError(f"the archive is broken: {error}", path=head.path) from error
    return found
