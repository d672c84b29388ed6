"""AllenNLP's archives of models: a task's model with ELMo in it, weights, mix and all, in one ``.tar.gz``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.contextual.shape import Shape
from firth.contextual.spelling import Spelling
from firth.errors import FormatError
from firth.formats.base import FileReport, Format, Reading
from firth.formats.bilm_options import shape_of
from firth.formats.elmo_facts import elmo_facts, elmo_uses
from firth.formats.elmo_state import State, characters_from, lstms_from
from firth.formats.json_parts import read_json
from firth.formats.kinds import Parts
from firth.formats.module_parts import module_together
from firth.formats.streams import Head
from firth.formats.tar_members import is_tar, members_of
from firth.formats.torch_files import read_state

if TYPE_CHECKING:
    from firth.contextual.elmo_model import ElmoModel
    from firth.contextual.layer_mix import LayerMix

__all__ = ["FORMATS"]

_TITLE = "AllenNLP archive with an ELMo in it (.tar.gz: config.json, weights.th)"
_LONGEST_JSON = 1 << 24
_ANCHOR = "_token_embedder._char_embedding_weights"  # of the module _ElmoBiLm


@dataclasses.dataclass(frozen=True)
class _Archive:
    """What an archive holds."""

    path: Path
    members: Mapping[str, memoryview]
    config: dict[str, Any]
    tensors: Mapping[str, NDArray[Any]]

    def fault(self, what: str, **facts: Any) -> FormatError:
        return FormatError(what, path=self.path, **facts)


def _sniff(head: Head) -> float:
    if head.is_folder or not is_tar(head.start):
        return 0.0
    first = head.start[:100].split(b"\0")[0].removeprefix(b"./").decode("ascii", "replace")
    known = first.startswith(("config.json", "weights.th", "vocabulary", "fta")) or b"weights.th\0" in head.start
    return 0.9 if known else 0.2


def _opened(head: Head) -> _Archive:
    members = members_of(head)
    if "config.json" not in members or "weights.th" not in members:
        raise head.fault("not an AllenNLP archive", got=", ".join(members)[:80], expected="config.json and weights.th")
    config = _json(head, members, "config.json")
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise head.fault("config.json tells of no model")
    return _Archive(head.path, members, config, read_state(bytes(members["weights.th"]), head.path))


def _json(head: Head, members: Mapping[str, memoryview], name: str) -> Any:
    try:
        return json.loads(bytes(members[name])) if len(members[name]) <= _LONGEST_JSON else None
    except (ValueError, RecursionError) as error:
        raise head.fault(f"{name} is not JSON") from error


def _read(head: Head, reading: Reading) -> ElmoModel:
    if reading.limit is not None:
        raise head.fault("a biLM cannot be read in part", got=f"limit {reading.limit}")
    return _model(_opened(head), reading)


def _model(archive: _Archive, reading: Reading) -> ElmoModel:
    prefix = _prefix(archive)
    state = State(archive.tensors, prefix, archive.path)
    options = _options(archive, state, prefix, reading)
    shape = shape_of(options, archive.fault)
    inner = shape.characters
    if inner is None:
        raise archive.fault("the options of ELMo lack char_cnn")
    shape = dataclasses.replace(shape, skip=True)  # AllenNLP always adds it
    from firth.nn.extra import need_torch

    need_torch("ELMo")
    import torch

    from firth.contextual.bilm import BiLM
    from firth.contextual.elmo_model import ElmoModel

    with torch.device("meta"):
        net = BiLM(shape)
    module_together(Parts({}, _tensors(state, archive, shape), {}, archive.path), net)
    mixes = _mixes(archive, prefix, shape.layers + 1)
    metadata = {"model": "elmo", "task": str(archive.config["model"].get("type")), "mixes": mixes}
    return ElmoModel(net, Spelling.bytes(inner.longest), mix=_mix(archive, mixes), metadata=metadata)


def _prefix(archive: _Archive) -> str:
    """Return the place of ELMo in the model, up to the module ``_ElmoBiLm``."""
    found = [name.removesuffix(_ANCHOR) for name in archive.tensors if name.endswith(_ANCHOR)]
    if len(found) == 1:
        return found[0]
    if found:
        raise archive.fault("more than one ELMo in the model, which is unclear", got=", ".join(found))
    contextualizer = archive.config["model"].get("contextualizer")
    if isinstance(contextualizer, dict):
        raise archive.fault(
            "a language model whose contextualizer is no ELMo LSTM", got=contextualizer.get("type"),
            expected="a model with an elmo_token_embedder",
        )  # fmt: skip
    raise archive.fault("no ELMo in the model", got=archive.config["model"].get("type"), expected="elmo_token_embedder")


def _tensors(state: State, archive: _Archive, shape: Shape) -> dict[str, NDArray[Any]]:
    inner = shape.characters
    assert inner is not None
    embedder = "_token_embedder."
    found = {"embedding": state.array(embedder + "_char_embedding_weights", (inner.n_ids, inner.dim))}
    found |= characters_from(state, inner, embedder + "char_conv_", embedder + "_highways")
    found["projection.weight"] = state.array(embedder + "_projection.weight", (shape.projection, inner.n_filters))
    found["projection.bias"] = state.array(embedder + "_projection.bias", (shape.projection,))
    return {f"tokens.{name}": value for name, value in found.items()} | lstms_from(state.under("_elmo_lstm."), shape)


# --- options ----------------------------------------------------------------------------------------------------------


def _options(archive: _Archive, state: State, prefix: str, reading: Reading) -> Any:
    """Return ELMo's options: from the archive, from beside it, or as all published models have them."""
    for name in archive.members:
        if name.startswith("fta/") and name.endswith("options_file"):
            try:
                return json.loads(bytes(archive.members[name][:_LONGEST_JSON]))
            except (ValueError, RecursionError) as error:
                raise archive.fault(f"{name} is not JSON") from error
    wanted = _found_in(archive.config["model"], "options_file")
    name = Path(wanted.replace("\\", "/")).name if isinstance(wanted, str) else "options.json"
    beside = archive.path.with_name(name) if name and "\0" not in name else None
    if beside is not None and beside.is_file():
        return read_json(beside, _LONGEST_JSON)
    reading.tell(
        f"{archive.path}: the options of ELMo are not in the archive nor beside it ({name}): taken as all that "
        "AllenNLP published have them, relu, clips of 3 and 50 characters a word"
    )
    return _guessed(state)


def _found_in(config: Any, key: str) -> Any:
    """Return the first value of a key anywhere in a config, without recursion into what a stranger nested."""
    waiting = [config]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            if key in at:
                return at[key]
            waiting += at.values()
        elif isinstance(at, list):
            waiting += at
    return None


def _guessed(state: State) -> dict[str, Any]:
    """Return options whose sizes are those of the weights."""
    filters: list[list[int]] = []
    while f"_token_embedder.char_conv_{len(filters)}.weight" in state:
        number, _, width = (*state.shape(f"_token_embedder.char_conv_{len(filters)}.weight"), 0, 0, 0)[:3]
        filters.append([width, number])
    n_highway, n_layers = 0, 0
    while f"_token_embedder._highways._layers.{n_highway}.weight" in state:
        n_highway += 1
    while f"_elmo_lstm.forward_layer_{n_layers}.state_projection.weight" in state:
        n_layers += 1
    projection, cells = (*state.shape("_elmo_lstm.forward_layer_0.state_projection.weight"), 0, 0)[:2]
    n_ids, dim = (*state.shape("_token_embedder._char_embedding_weights"), 0, 0)[:2]
    return {
        "lstm": {"dim": cells, "projection_dim": projection, "n_layers": n_layers, "cell_clip": 3, "proj_clip": 3},
        "char_cnn": {
            "embedding": {"dim": dim}, "filters": filters, "n_highway": n_highway, "n_characters": n_ids,
            "max_characters_per_token": 50, "activation": "relu",
        },
    }  # fmt: skip


# --- mixes ------------------------------------------------------------------------------------------------------------


def _mixes(archive: _Archive, prefix: str, n_layers: int) -> list[dict[str, Any]]:
    """Return the weights and gamma of each mix that the task learned."""
    place = prefix.removesuffix("_elmo_lstm.")
    layer_norm = _found_in(archive.config["model"], "do_layer_norm") is True
    found: list[dict[str, Any]] = []
    while f"{place}scalar_mix_{len(found)}.gamma" in archive.tensors and len(found) < 64:
        state = State(archive.tensors, f"{place}scalar_mix_{len(found)}.", archive.path)
        weights = [float(state.array(f"scalar_parameters.{k}", (1,))[0]) for k in range(n_layers)]
        found.append({"weights": weights, "gamma": float(state.array("gamma", (1,))[0]), "layer_norm": layer_norm})
    return found


def _mix(archive: _Archive, mixes: list[dict[str, Any]]) -> LayerMix | None:
    """Return the first mix; further ones stay in the metadata."""
    if not mixes:
        return None
    from firth.contextual.layer_mix import LayerMix

    first = mixes[0]
    return LayerMix(len(first["weights"]), first["weights"], first["gamma"], layer_norm=first["layer_norm"])


def _inspect(head: Head) -> FileReport:
    archive = _opened(head)
    notices: list[str] = []
    model = _model(archive, Reading(listen=lambda event: notices.append(str(getattr(event, "message", event)))))
    elsewhere = sum(np.size(value) for value in archive.tensors.values())
    details = elmo_facts(model) | {
        "task": model.metadata["task"],
        "mixes": len(model.metadata["mixes"]),
        "parameters_of_the_whole_model": elsewhere,
        **({"notes": notices} if notices else {}),
    }
    return FileReport(
        str(head.path), "allennlp", _TITLE, head.compression, head.size, "elmo", None, model.dim,
        tuple(sorted(archive.members)), details, elmo_uses(model),
    )  # fmt: skip


FORMATS = (Format(name="allennlp", title=_TITLE, sniff=_sniff, read=_read, inspect=_inspect, models=()),)
