"""AllenNLP's archives of models: a task's model with an ELMo in it, mix and all, or a language model of its own."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from firth.contextual.shape import Shape
from firth.contextual.spelling import Spelling
from firth.formats.allennlp_archive import LONGEST_JSON, Archive, found_in, opened
from firth.formats.allennlp_lm import language_model_of, tells_of_language_model
from firth.formats.base import FileReport, Format, Reading
from firth.formats.bilm_options import shape_of
from firth.formats.context_facts import context_facts
from firth.formats.elmo_facts import elmo_facts, elmo_uses
from firth.formats.elmo_state import State, characters_from, counted, filters_among, lstms_from
from firth.formats.json_parts import read_json
from firth.formats.kinds import Parts
from firth.formats.module_parts import module_together
from firth.formats.streams import Head
from firth.formats.tar_members import is_tar

if TYPE_CHECKING:
    from firth.contextual.context_model import ContextModel
    from firth.contextual.elmo_model import ElmoModel
    from firth.contextual.layer_mix import LayerMix

__all__ = ["FORMATS"]

_TITLE = "AllenNLP archive of a language model, or of a task with one in it (.tar.gz: config.json, weights.th)"
_ANCHOR = "_token_embedder._char_embedding_weights"  # of the module _ElmoBiLm


def _sniff(head: Head) -> float:
    if head.is_folder or not is_tar(head.start):
        return 0.0
    first = head.start[:100].split(b"\0")[0].removeprefix(b"./").decode("ascii", "replace")
    known = first.startswith(("config.json", "weights.th", "vocabulary", "fta")) or b"weights.th\0" in head.start
    return 0.9 if known else 0.2


def _read(head: Head, reading: Reading) -> ElmoModel | ContextModel:
    if reading.limit is not None:
        raise head.fault("a biLM cannot be read in part", got=f"limit {reading.limit}")
    return _model(opened(head), reading)


def _model(archive: Archive, reading: Reading) -> ElmoModel | ContextModel:
    prefix = _prefix(archive)
    if prefix is None:
        return language_model_of(archive, reading)
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


def _prefix(archive: Archive) -> str | None:
    """Return the place of ELMo in the model, up to the module ``_ElmoBiLm``; None for a language model."""
    found = [name.removesuffix(_ANCHOR) for name in archive.tensors if name.endswith(_ANCHOR)]
    if len(found) == 1:
        return found[0]
    if found:
        raise archive.fault("more than one ELMo in the model, which is unclear", got=", ".join(found))
    if tells_of_language_model(archive):
        return None
    raise archive.fault(
        "no ELMo in the model, and no language model", got=archive.task,
        expected="elmo_token_embedder, language_model_token_embedder or language_model",
    )  # fmt: skip


def _tensors(state: State, archive: Archive, shape: Shape) -> dict[str, NDArray[Any]]:
    inner = shape.characters
    assert inner is not None
    embedder = "_token_embedder."
    found = {"embedding": state.array(embedder + "_char_embedding_weights", (inner.n_ids, inner.dim))}
    found |= characters_from(state, inner, embedder + "char_conv_", embedder + "_highways")
    found["projection.weight"] = state.array(embedder + "_projection.weight", (shape.projection, inner.n_filters))
    found["projection.bias"] = state.array(embedder + "_projection.bias", (shape.projection,))
    return {f"tokens.{name}": value for name, value in found.items()} | lstms_from(state.under("_elmo_lstm."), shape)


# --- options ----------------------------------------------------------------------------------------------------------


def _options(archive: Archive, state: State, prefix: str, reading: Reading) -> Any:
    """Return ELMo's options: from the archive, from beside it, or as all published models have them."""
    for name in archive.members:
        if name.startswith("fta/") and name.endswith("options_file"):
            try:
                return json.loads(bytes(archive.members[name][:LONGEST_JSON]))
            except (ValueError, RecursionError) as error:
                raise archive.fault(f"{name} is not JSON") from error
    wanted = found_in(archive.config["model"], "options_file")
    name = Path(wanted.replace("\\", "/")).name if isinstance(wanted, str) else "options.json"
    beside = archive.path.with_name(name) if name and "\0" not in name else None
    if beside is not None and beside.is_file():
        return read_json(beside, LONGEST_JSON)
    reading.tell(
        f"{archive.path}: the options of ELMo are not in the archive nor beside it ({name}): taken as all that "
        "AllenNLP published have them, relu, clips of 3 and 50 characters a word"
    )
    return _guessed(state)


def _guessed(state: State) -> dict[str, Any]:
    """Return options whose sizes are those of the weights."""
    filters = filters_among(state, "_token_embedder.char_conv_")
    n_highway = counted(state, "_token_embedder._highways._layers.{}.weight")
    n_layers = counted(state, "_elmo_lstm.forward_layer_{}.state_projection.weight")
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


def _mixes(archive: Archive, prefix: str, n_layers: int) -> list[dict[str, Any]]:
    """Return the weights and gamma of each mix that the task learned."""
    place = prefix.removesuffix("_elmo_lstm.")
    layer_norm = found_in(archive.config["model"], "do_layer_norm") is True
    found: list[dict[str, Any]] = []
    while f"{place}scalar_mix_{len(found)}.gamma" in archive.tensors and len(found) < 64:
        state = State(archive.tensors, f"{place}scalar_mix_{len(found)}.", archive.path)
        weights = [float(state.array(f"scalar_parameters.{k}", (1,))[0]) for k in range(n_layers)]
        found.append({"weights": weights, "gamma": float(state.array("gamma", (1,))[0]), "layer_norm": layer_norm})
    return found


def _mix(archive: Archive, mixes: list[dict[str, Any]]) -> LayerMix | None:
    """Return the first mix; further ones stay in the metadata."""
    if not mixes:
        return None
    from firth.contextual.layer_mix import LayerMix

    first = mixes[0]
    return LayerMix(len(first["weights"]), first["weights"], first["gamma"], layer_norm=first["layer_norm"])


def _inspect(head: Head) -> FileReport:
    archive = opened(head)
    notices: list[str] = []
    model = _model(archive, Reading(listen=lambda event: notices.append(str(getattr(event, "message", event)))))
    is_elmo = "mixes" in model.metadata
    details: dict[str, Any] = elmo_facts(model) if is_elmo else context_facts(model)  # type: ignore[arg-type]
    details |= {"task": archive.task, **({"mixes": len(model.metadata["mixes"])} if is_elmo else {})}
    details |= {"parameters_of_the_whole_model": archive.n_numbers, **({"notes": notices} if notices else {})}
    return FileReport(
        str(head.path), "allennlp", _TITLE, head.compression, head.size, "elmo" if is_elmo else "context", None,
        model.dim, tuple(sorted(archive.members)), details,
        elmo_uses(model) if is_elmo else ("embed", "senses", "convert"),  # type: ignore[arg-type]
    )  # fmt: skip


FORMATS = (Format(name="allennlp", title=_TITLE, sniff=_sniff, read=_read, inspect=_inspect, models=()),)
