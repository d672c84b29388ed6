"""Published ELMos: ``options.json`` and weights in HDF5, as bilm-tf writes and AllenNLP reads them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.contextual.shape import Shape
from firth.contextual.spelling import Spelling
from firth.contextual.word_spelling import WordSpelling
from firth.contextual.word_table import WordTable
from firth.errors import DataError, FormatError
from firth.formats.atomic import new_file
from firth.formats.base import FileReport, Format, Reading, is_one_of
from firth.formats.bilm_files import Pair, name_beside, pair_of
from firth.formats.bilm_options import N_IDS, options_of, shape_of
from firth.formats.bilm_vocabulary import read_vocabulary, vocabulary_lines
from firth.formats.bilm_weights import from_bilm, is_projected, to_bilm
from firth.formats.elmo_facts import elmo_facts, elmo_uses
from firth.formats.elmo_reader import Reader
from firth.formats.hdf5_parts import HDF5_MAGIC, Hdf5, need_h5py, open_hdf5
from firth.formats.json_parts import read_json
from firth.formats.kinds import Parts
from firth.formats.module_parts import module_apart, module_together
from firth.formats.streams import Head

if TYPE_CHECKING:
    from firth.contextual.elmo_model import ElmoModel
    from firth.contextual.layer_mix import LayerMix

__all__ = ["FORMATS", "model_from"]

_TITLE = "published ELMo: options.json and weights in HDF5 (bilm-tf, AllenNLP)"
_LONGEST_OPTIONS = 1 << 20
_MODEL = "firth.contextual.elmo_model:ElmoModel"


def _sniff(head: Head) -> float:
    if head.is_folder:
        return 0.8 if pair_of(head.path, sure=False) is not None else 0.0
    if not head.start.startswith(HDF5_MAGIC):
        return 0.0
    return 0.9 if b"RNN_0" in head.start else 0.2


def _read(head: Head, reading: Reading) -> ElmoModel:
    if reading.limit is not None:
        raise head.fault("a biLM cannot be read in part", got=f"limit {reading.limit}")
    if not head.is_folder:  # an HDF5 file may hold anything
        with open_hdf5(head.path, head.path) as file:
            if not file.has("RNN_0"):
                raise head.fault("the HDF5 file holds no weights of a biLM", expected="RNN_0 and others")
    pair = pair_of(head.path)
    assert pair is not None
    with open_hdf5(pair.weights, pair.weights) as file:
        return model_from(file, read_json(pair.options, _LONGEST_OPTIONS), pair)


def model_from(file: Hdf5, options: Any, pair: Pair, mix: LayerMix | None = None) -> ElmoModel:
    """Return the model of a file and its options.

    Parameters
    ----------
    file : Hdf5
    options : object
        What the options file holds.
    pair : Pair
        Where they lie, for errors and for the vocabulary of a model that reads words.
    mix : LayerMix, optional

    Raises
    ------
    FormatError
        When they don't fit each other.
    MissingExtraError
        Without torch.
    """
    from firth.nn.extra import need_torch

    need_torch("ELMo")
    import torch

    from firth.contextual.bilm import BiLM
    from firth.contextual.elmo_model import ElmoModel

    def fault(what: str, **facts: Any) -> FormatError:
        return FormatError(what, path=pair.options, **facts)

    shape = shape_of(options, fault)
    reader: Spelling | WordTable
    if shape.characters is not None:
        rows, reader = None, Spelling.bytes(shape.characters.longest)
    else:
        reader, rows = read_vocabulary(pair.vocabulary())
        shape = dataclasses.replace(shape, words=len(rows))
    if shape.projection == shape.cells and not is_projected(file):
        shape = dataclasses.replace(shape, projection_clip=0.0)
    tensors = from_bilm(file, shape, rows)
    with torch.device("meta"):
        net = BiLM(shape)
    module_together(Parts({}, tensors, {}, pair.weights), net)
    return ElmoModel(net, reader, mix=mix, metadata={"model": "elmo", "published": _rest(options)})


def _rest(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the options tell of the training, which no weight depends on."""
    return {name: value for name, value in options.items() if name not in ("lstm", "char_cnn")}


def _inspect(head: Head) -> FileReport:
    model = _read(head, Reading())
    pair = pair_of(head.path)
    assert pair is not None
    details = elmo_facts(model) | {"options_file": pair.options.name, "weights_file": pair.weights.name}
    return FileReport(
        str(head.path), "bilm", _TITLE, None, head.size, "elmo", None, model.dim, ("layers",), details,
        elmo_uses(model),
    )  # fmt: skip


def _is_elmo(model: Any) -> bool:
    return is_one_of(model, _MODEL)


def _drops(model: ElmoModel) -> list[str]:
    found = ["the output layer and its words"] if model.net.softmax is not None else []
    if bool(model.mix.weights.any()) or model.mix.gamma.item() != 1.0 or model.mix.layer_norm:
        found.append("the mix of the layers")
    if any(_rounded(layer) for layer in (*model.net.forward_layers, *model.net.backward_layers)):
        found.append("the last bit of some forget gates' biases, which are stored less one,")
    rest = model.metadata.keys() - {"model", "published"}
    return [*found, f"the model's options and origin ({', '.join(sorted(rest))})"] if rest else found


def _rounded(layer: Any) -> bool:
    bias = layer.bias.detach().cpu().float()[layer.cells : 2 * layer.cells]
    return not bool(((bias - 1) + 1 == bias).all())


def _write(model: ElmoModel, path: Path) -> None:
    need_h5py("writing HDF5 files")
    import h5py

    shape = model.net.shape
    _refuse_spelling(model.reader, shape)
    tensors = to_bilm(module_apart(model.net), shape)
    published = model.metadata.get("published")
    options = {**(published if isinstance(published, dict) else {}), **options_of(shape)}
    beside = {name_beside(path, "options.json"): (json.dumps(options) + "\n").encode()}
    if isinstance(model.reader, WordTable):
        beside[name_beside(path, "vocab.txt")] = vocabulary_lines(model.reader)
    _refuse_others(beside)
    with contextlib.ExitStack() as stack:  # all or none, up to the last renaming
        for target, raw in beside.items():
            stack.enter_context(new_file(target)).write_bytes(raw)
        with h5py.File(stack.enter_context(new_file(path)), "w") as file:
            for name, value in tensors.items():
                file.create_dataset(name, data=value)


def _refuse_spelling(reader: Reader, shape: Shape) -> None:
    if isinstance(reader, WordSpelling):
        raise DataError("published ELMo files hold models that read bytes or words, not both")
    if isinstance(reader, Spelling) and (
        reader != Spelling.bytes(reader.longest) or shape.characters is None or shape.characters.n_ids != N_IDS
    ):
        raise DataError(
            "published ELMo files hold models that read bytes, or words",
            got=f"a spelling by {reader.scheme} with {reader.n_ids} ids", remedy="write a folder of ours",
        )  # fmt: skip
    marks = {"<S>", "</S>", "<UNK>", "!!!MAXTERMID"}
    if isinstance(reader, WordTable) and reader.kept:
        raise DataError("published ELMo files hold no models that cut the words they look up", got=reader.kept)
    odd = [word for word in getattr(reader, "words", []) if word != word.strip() or "\n" in word or word in marks]
    if odd:
        raise DataError("a vocabulary of published ELMo files cannot hold this word", got=odd[0])


def _refuse_others(beside: Mapping[Path, bytes]) -> None:
    """Refuse to write over a JSON file that is no options of a biLM."""
    for target in beside:
        if target.suffix == ".json" and target.is_file():
            try:
                ours = "lstm" in read_json(target, _LONGEST_OPTIONS)
            except (FormatError, TypeError):
                ours = False
            if not ours:
                raise DataError("the file holds something else, which Firth won't replace", got=str(target))


FORMATS = (
    Format(
        name="bilm",
        title=_TITLE,
        sniff=_sniff,
        read=_read,
        inspect=_inspect,
        write=_write,
        models=None,
        suffixes=(".hdf5", ".h5"),
        folder=True,
        fits=_is_elmo,
        drops=_drops,
    ),
)
