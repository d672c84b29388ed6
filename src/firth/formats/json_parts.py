"""JSON files of strangers' folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firth.errors import FormatError

__all__ = ["read_json"]

_LONGEST = 1 << 30


def read_json(path: Path, longest: int = _LONGEST) -> Any:
    """Return the value of a JSON file.

    Raises
    ------
    FormatError
        When it is missing, too long or not JSON.
    """
    try:
        if path.stat().st_size > longest:
            raise FormatError("too long for what it should hold", path=path, got=f"{path.stat().st_size:,} bytes")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise FormatError(f"cannot read a part: {error.strerror}", path=path) from error
    except (ValueError, RecursionError) as error:
        raise FormatError("not JSON", path=path) from error
