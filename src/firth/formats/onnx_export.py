"""ONNX, for runtimes elsewhere: written, never read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.errors import ConfigError, DataError
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading, is_one_of
from firth.formats.onnx_graph import need_onnx
from firth.formats.streams import Head

if TYPE_CHECKING:
    from firth.contextual.elmo_model import ElmoModel

__all__ = ["FORMATS", "write_onnx"]

_TITLE = "ONNX graph of an ELMo's layers"
_LARGEST = (1 << 31) - (1 << 20)  # bytes of weights that one file of protocol buffers can hold
_MODELS = ("firth.contextual.elmo_model:ElmoModel",)


def write_onnx(model: ElmoModel, path: Path) -> None:
    """Write an ELMo as a graph of ONNX, whole or not at all; :mod:`firth.formats.onnx_elmo` tells its inputs.

    Raises
    ------
    MissingExtraError
        When the package onnx is not installed.
    DataError
        When the weights are more than 2 GiB, or the file cannot be written.
    """
    need_onnx()
    from firth.formats.onnx_elmo import elmo_graph

    size = 4 * sum(p.numel() for name, p in model.net.named_parameters() if not name.startswith("softmax."))
    if size > _LARGEST:
        raise DataError("too large for an ONNX file", got=f"{size:,} bytes", expected=f"at most {_LARGEST:,}")
    graph = elmo_graph(model)
    with new_file(path) as temporary:
        temporary.write_bytes(graph.SerializeToString())


def _fits(model: Any) -> bool:
    return is_one_of(model, *_MODELS)


def _dropped(model: ElmoModel) -> list[str]:
    output = ["the output layer, which predicts words,"] if model.net.softmax is not None else []
    return output + (["the model's options and origin"] if model.metadata else [])


def _sniff(head: Head) -> float:
    """A message of protocol buffers that begins with the version 8 and the producer's name."""
    return 0.95 if not head.is_folder and head.start.startswith(b"\x08\x08\x12\x05firth") else 0.0


def _read(head: Head, reading: Reading) -> Any:
    raise ConfigError(
        "ONNX files are for other runtimes: Firth does not read them",
        got=str(head.path),
        remedy="load the model that it was made of",
    )


def _inspect(head: Head) -> FileReport:
    return FileReport(
        str(head.path), "onnx", _TITLE, head.compression, head.size, "graph", None, None, (), {}, ()
    )  # fmt: skip


FORMATS = (
    Format(
        name="onnx",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=write_onnx,
        models=None,
        suffixes=(".onnx",),
        fits=_fits,
        drops=_dropped,
    ),
)
