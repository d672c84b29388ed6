"""AllenNLP's language models (``language_model``), alone or as a task's token embedder, as representations.

Sizes are those of the weights; the config is asked for what weights don't tell, and must not contradict them. Theirs
are bidirectional, over a character CNN that reads the bytes of words: the published "transformer ELMo"
(transformer-elmo-2019.01.10), and what ``lstm`` and ``stacked_bidirectional_lstm`` make.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.contextual.context_shape import ContextShape
from firth.contextual.shape import ACTIVATIONS, CharacterShape
from firth.contextual.spelling import Spelling
from firth.errors import FirthError
from firth.formats.allennlp_archive import Archive, config_in, found_in
from firth.formats.allennlp_lm_state import CONTEXTUALIZERS, context_sizes, embedder_of, embedder_sizes, tensors_of
from firth.formats.base import Reading
from firth.formats.elmo_shape import filters_of, integer
from firth.formats.elmo_state import State
from firth.formats.kinds import Parts
from firth.formats.module_parts import module_together
from firth.formats.streams import head_of
from firth.formats.tar_members import is_tar, members_of

if TYPE_CHECKING:
    from firth.contextual.context_model import ContextModel
    from firth.contextual.layer_mix import LayerMix

__all__ = ["language_model_of", "tells_of_language_model"]

_TYPES = ("language_model", "bidirectional_language_model")
_ANCHOR = "_contextualizer."
_LONGEST = 50  # bytes of a word in a row of ``elmo_characters``, marks with them
_PROJECTIONS = ("after_highway", "after_cnn")


def tells_of_language_model(archive: Archive) -> bool:
    """Return whether there is a language model in it, of whatever kind."""
    return bool(_places(archive)) or isinstance(archive.config["model"].get("contextualizer"), dict)


def language_model_of(archive: Archive, reading: Reading) -> ContextModel:
    """Return the language model of an archive, with the mix of its layers that a task learned.

    Raises
    ------
    FormatError
        When it is of a kind that Firth does not read, or its weights and its config don't fit each other.
    """
    prefix = _prefix(archive)
    state = State(archive.tensors, prefix, archive.path)
    told = _told(archive, prefix, reading)
    shape = _shape(archive, state, told)
    from firth.nn.extra import need_torch

    need_torch("a contextual language model")
    import torch

    from firth.contextual.context_model import ContextModel
    from firth.contextual.context_net import ContextNet

    tensors = tensors_of(state, shape)
    with torch.device("meta"):
        net = ContextNet(shape)
    module_together(Parts({}, tensors, {}, archive.path), net)
    metadata = {"model": "context", "origin": "AllenNLP", "task": archive.task}
    mix = _mix(archive, prefix, shape.n_layers)
    return ContextModel(net, Spelling.bytes(_LONGEST), mix=mix, metadata=metadata)


def _places(archive: Archive) -> list[str]:
    """Return the prefixes under which there is a contextualizer."""
    found = {name[: name.index(_ANCHOR)] for name in archive.tensors if _ANCHOR in name}
    return sorted(prefix for prefix in found if not prefix or prefix.endswith("."))


def _prefix(archive: Archive) -> str:
    """Return the place of the language model in the whole model."""
    found = _places(archive)
    if len(found) == 1:
        return found[0]
    if found:
        raise archive.fault("more than one language model in the model, which is unclear", got=", ".join(found))
    kind = archive.config["model"]["contextualizer"].get("type")
    raise archive.fault("the weights hold no contextualizer", got=kind, expected="tensors of _contextualizer")


# --- options ----------------------------------------------------------------------------------------------------------


def _told(archive: Archive, prefix: str, reading: Reading) -> dict[str, Any] | None:
    """Return the config of the language model: the archive's own, or that of the archive that a task names, beside."""
    if not prefix:
        return archive.config
    embedder = _embedder(archive, prefix)
    if embedder.get("bos_eos_tokens", ()) is None:
        reading.tell(f"{archive.path}: its task gives sentences no marks of begin and end; Firth does, as AllenNLP "
                     "does by default")  # fmt: skip
    name = embedder.get("archive_file")
    name = Path(name.replace("\\", "/")).name if isinstance(name, str) else "model.tar.gz"
    beside = archive.path.with_name(name) if name and "\0" not in name else archive.path
    if beside.is_file() and not beside.samefile(archive.path):
        head = head_of(beside)
        members = members_of(head) if is_tar(head.start) else {}
        config = config_in(head, members) if "config.json" in members else None
        if config is not None and config["model"].get("type") in _TYPES:
            return config
    reading.tell(
        f"{archive.path}: the config of its language model is not beside it ({name}): taken as all that AllenNLP "
        "published have them, relu, with the highway layers before the projection wherever both would fit"
    )
    return None


def _embedder(archive: Archive, prefix: str) -> dict[str, Any]:
    """Return the config of the token embedder that holds the language model of a task."""
    name = prefix.removesuffix("._lm.").rpartition("token_embedder_")[2]
    found = found_in(archive.config["model"], name)
    return found if isinstance(found, dict) else {}


def _shape(archive: Archive, state: State, told: dict[str, Any] | None) -> ContextShape:
    """Return the shape of the weights, with what the config alone tells; both must agree."""
    name = embedder_of(state, archive.fault)
    model: dict[str, Any] = {} if told is None else told["model"]
    sizes, context = embedder_sizes(state, name), context_sizes(state, _asked_for(archive, model))
    _check_told(archive, told, name, {**sizes, **context})
    encoder = _under(model, "text_field_embedder", "encoder")
    activation = encoder.get("activation", "relu")
    if activation not in ACTIVATIONS:
        raise archive.fault("no such activation", got=activation, expected=" or ".join(ACTIVATIONS))
    location = encoder.get("projection_location", "after_highway" if told else sizes["location"])
    if location not in _PROJECTIONS:
        raise archive.fault("a projection at no known place", got=location, expected=" or ".join(_PROJECTIONS))
    fault = archive.fault
    inner = CharacterShape(
        integer(sizes["n_ids"], "n_ids", fault, Spelling.bytes().n_ids), integer(sizes["dim"], "dim", fault),
        filters_of(sizes["filters"], fault), integer(sizes["n_highway"], "n_highway", fault, 0), activation, _LONGEST,
    )  # fmt: skip
    if max(width for width, _ in inner.filters) > _LONGEST:
        raise fault("words are shorter than a filter", got=sizes["filters"], expected=f"at most {_LONGEST} wide")
    return ContextShape(
        inner, integer(sizes["projection"], "projection", fault), location == "after_cnn", sizes["norm"],
        context["context"], integer(context["hidden"], "hidden", fault), integer(context["layers"], "layers", fault),
        context["heads"], context["positions"],
    )  # fmt: skip


def _asked_for(archive: Archive, model: dict[str, Any]) -> str | None:
    """Return the type of contextualizer that the config names, one that Firth reads."""
    told = model.get("contextualizer")
    kind = told.get("type") if isinstance(told, dict) else None
    if kind is not None and kind not in CONTEXTUALIZERS:
        raise archive.fault(
            "a language model with a contextualizer that Firth does not read", got=kind,
            expected=", ".join(CONTEXTUALIZERS),
        )  # fmt: skip
    if model.get("type") == "language_model" and model.get("bidirectional", False) is not True:
        raise archive.fault("the model reads in one direction only", expected="a bidirectional language model")
    return kind


def _check_told(archive: Archive, told: dict[str, Any] | None, name: str, sizes: dict[str, Any]) -> None:
    """Refuse a config that tells of another net, or of words spelled in another way."""
    if told is None:
        return
    model = told["model"]
    claims = {
        "num_layers": "layers", "hidden_dim": "hidden", "hidden_size": "hidden", "input_dim": "projection",
        "input_size": "projection",
    }  # fmt: skip
    of_encoder = {
        "filters": "filters", "num_highway": "n_highway", "projection_dim": "projection", "embedding_dim": "dim",
        "do_layer_norm": "norm",
    }  # fmt: skip
    encoder = _under(model, "text_field_embedder", "encoder")
    for given, keys in ((model.get("contextualizer"), claims), (encoder, of_encoder)):
        for key, ours in keys.items():
            if isinstance(given, dict) and key in given and given[key] != sizes[ours]:
                raise archive.fault(
                    "the weights don't fit the options", got=f"{key} {given[key]}", expected=str(sizes[ours])
                )
    if encoder.get("type", "cnn-highway") != "cnn-highway":
        raise archive.fault("another encoder of characters", got=encoder["type"], expected="cnn-highway")
    indexers = found_in(told.get("dataset_reader"), "token_indexers")
    indexer = indexers.get(name) if isinstance(indexers, dict) else None
    kind = indexer.get("type") if isinstance(indexer, dict) else "elmo_characters"
    if kind != "elmo_characters" or found_in(indexer, "tokens_to_add"):
        raise archive.fault("words are spelled in an unknown way", got=indexer, expected="elmo_characters")


def _under(config: dict[str, Any], key: str, inner: str) -> dict[str, Any]:
    found = found_in(config.get(key), inner)
    return found if isinstance(found, dict) else {}


def _mix(archive: Archive, prefix: str, n_layers: int) -> LayerMix | None:
    """Return the mix that a task learned, or the one layer that it takes."""
    from firth.contextual.layer_mix import LayerMix, mix_of

    place = State(archive.tensors, prefix.removesuffix("_lm.") + "_scalar_mix.", archive.path)
    if not prefix or "gamma" not in place:
        return mix_of(-1, n_layers) if prefix and _embedder(archive, prefix).get("top_layer_only") is True else None
    weights = [float(place.array(f"scalar_parameters.{k}", (1,))[0]) for k in range(n_layers)]
    try:
        return LayerMix(n_layers, weights, float(place.array("gamma", (1,))[0]))
    except FirthError as error:
        raise archive.fault(error.what, got=error.got) from error
