"""The NNLM as parts of a model's folder: its lexicon, the net's sides, its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firth.formats.base import Reading
from firth.formats.kinds import Kind, Parts
from firth.formats.lexicon_parts import lexicon_apart, lexicon_together
from firth.formats.module_parts import module_apart, module_together

if TYPE_CHECKING:
    from firth.lm.nnlm import NNLMModel

__all__ = ["KINDS"]

_SIDES = {"context": 1000, "dim": 1 << 24, "hidden": 1 << 24}  # and the largest of each
_SWITCHES = ("direct", "tie")
_NAMES = (*_SIDES, *_SWITCHES, "input")


def _apart(model: NNLMModel) -> Parts:
    module = model.module
    net = {
        "context": module.context,
        "dim": module.dim,
        "hidden": module.H.out_features,
        "direct": module.W is not None,
        "tie": module.U is None,
        "input": "onehot" if module.C is None else "embedding",
    }
    config = {"model": "nnlm", **model.metadata, "net": net}
    return lexicon_apart(model.lexicon, config, module_apart(module, "net."))


def _together(parts: Parts, reading: Reading) -> NNLMModel:
    from firth.nn.extra import need_torch

    need_torch("reading an NNLM")
    import torch

    from firth.lm.nnlm import NNLMModel
    from firth.lm.nnlm_module import NNLMModule

    if reading.limit is not None:
        raise parts.fault("an NNLM cannot be read in part", got=f"limit {reading.limit}")
    config = dict(parts.config)
    net = config.pop("net", None)
    if not isinstance(net, dict) or not _proper(net):
        raise parts.fault("no proper description of the net", got=net, expected=", ".join(_NAMES))
    lexicon = lexicon_together(parts)
    with torch.device("meta"):  # costs no memory, whatever the sides
        module = NNLMModule(len(lexicon), lexicon.n_outputs, **net)
    module_together(parts, module, "net.")
    return NNLMModel(lexicon, module, config)


def _proper(net: dict[str, Any]) -> bool:
    sides = all(type(net.get(name)) is int and 0 < net[name] <= most for name, most in _SIDES.items())
    switches = all(type(net.get(name)) is bool for name in _SWITCHES)
    known = set(net) == set(_NAMES) and net["input"] in ("embedding", "onehot")
    if not (sides and switches and known):
        return False
    return not net["tie"] or (net["input"] == "embedding" and net["dim"] == net["hidden"])


KINDS = (
    Kind(
        "nnlm",
        "neural language model on the words before (Bengio et al. 2003)",
        "firth.lm.nnlm:NNLMModel",
        _apart,
        _together,
        ("score", "generate", "evaluate", "nearest"),
    ),
)
