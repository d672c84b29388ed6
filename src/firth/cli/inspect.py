"""``firth inspect``: what a file or folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from firth.cli.options import JsonFlag
from firth.cli.output import print_json, shown

__all__ = ["inspect"]


def inspect(
    path: Annotated[Path, Parameter(help="A model folder, a corpus, or a file of vectors.")],
    /,
    *,
    json: JsonFlag = False,
) -> None:
    """Tell what a file or folder is and what can be done with it."""
    from firth.formats.registry import inspect as look

    facts = look(path).as_dict()
    if json:
        print_json(facts)
        return
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if value not in (None, "", [], {}):
            print(f"{name.replace('_', ' '):<{width}}  {_told(value)}")


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{shown(key)}={_told(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_told, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else shown(value)
