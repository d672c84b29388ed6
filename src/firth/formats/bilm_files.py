"""Which files make a published ELMo: the options and the weights lie side by side under names of some variety."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from firth.errors import FormatError

__all__ = ["Pair", "name_beside", "pair_of"]

_ENDS = (".hdf5", ".h5")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Where a model's options and weights lie."""

    options: Path
    weights: Path

    def vocabulary(self) -> Path:
        """Return the file of words beside them.

        Raises
        ------
        FormatError
            When there is none, or more than one and none that is named after the weights.
        """
        own = name_beside(self.weights, "vocab.txt")
        found = [own] if own.is_file() else _listed(self.weights.parent, "vocab", (".txt",))
        if len(found) != 1:
            raise FormatError(
                "the model reads words, and it is not plain which file lists them", path=self.weights,
                got=", ".join(path.name for path in found) or "none", expected=f"{own.name} beside it",
            )  # fmt: skip
        return found[0]


def name_beside(weights: Path, what: str) -> Path:
    """Return the name of a file that belongs to a weights file.

    Examples
    --------
    >>> [name_beside(Path(name), "options.json").name for name in ("weights.hdf5", "x_weights.hdf5", "y.hdf5")]
    ['options.json', 'x_options.json', 'y_options.json']
    """
    stem = weights.stem.removesuffix("weights")
    if stem == weights.stem:
        stem += "_"
    return weights.with_name(stem + what)


def pair_of(path: Path, *, sure: bool = True) -> Pair | None:
    """Return the files of a model.

    Parameters
    ----------
    path : Path
        A folder, or the weights.
    sure : bool
        Raise where there is no pair, rather than return None.

    Raises
    ------
    FormatError
        When there is no pair, or more than one.
    """
    weights = _weights_in(path) if path.is_dir() else [path]
    found = [(one, options) for one in weights if (options := _options_beside(one)) is not None]
    if len(found) == 1 or (found and not sure):
        return Pair(found[0][1], found[0][0])
    if not sure:
        return None
    if found:
        names = ", ".join(one.name for one, _ in found)
        raise FormatError("more than one model in the folder", path=path, got=names, remedy="name one of the files")
    if not weights:
        raise FormatError("no weights in the folder", path=path, expected="a file such as weights.hdf5")
    raise FormatError(
        "the options are missing", path=path, expected=f"{name_beside(weights[0], 'options.json').name} beside"
    )


def _weights_in(folder: Path) -> list[Path]:
    named = _listed(folder, "weights", _ENDS)
    return named or _listed(folder, "", _ENDS)


def _options_beside(weights: Path) -> Path | None:
    """Return ``x_options.json`` for ``x_weights.hdf5``, else ``options.json``, else the only options there are."""
    for options in (name_beside(weights, "options.json"), weights.with_name("options.json")):
        if options.is_file():
            return options
    others = _listed(weights.parent, "options", (".json",))
    return others[0] if len(others) == 1 else None


def _listed(folder: Path, word: str, ends: tuple[str, ...]) -> list[Path]:
    return sorted(p for p in folder.iterdir() if word in p.name and p.suffix in ends and p.is_file())
