"""The names that a pickle of a model may speak of; none of them is ever looked up."""

from __future__ import annotations

__all__ = ["BUILTINS", "CONTAINERS", "DICTS", "is_known"]

BUILTINS = ("__builtin__", "builtins")
_PLAIN_NAMES = {"hash", "int", "long", "float", "bool", "str", "unicode", "complex", "object"}  # named, never called
CONTAINERS = {"bytes", "bytearray", "list", "tuple", "dict", "set", "frozenset"}
DICTS = {("collections", "OrderedDict"), ("collections", "defaultdict"), ("collections", "Counter")}
DICTS |= {("UserString", "defaultdict")}  # so Python 3.4 named it
_NUMPY_TYPES = {f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64)}
_NUMPY = {"ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer", "bool_", "str_"} | _NUMPY_TYPES
_RANDOM = {"RandomState", "Generator", "MT19937", "PCG64", "SeedSequence", "__RandomState_ctor", "__randomstate_ctor"}
_RANDOM |= {"__bit_generator_ctor", "__generator_ctor", "__pyx_unpickle_SeedSequence"}


def is_known(module: str, name: str) -> bool:
    """Return whether a model needs this name: a class of gensim, a plain container, an array or its random state."""
    if module == "gensim" or module.startswith("gensim."):
        return True
    if module in BUILTINS:
        return name in _PLAIN_NAMES or name in CONTAINERS
    if module in ("copy_reg", "copyreg"):
        return name == "_reconstructor"
    if module.startswith("numpy.random"):
        return name in _RANDOM
    if module == "numpy" or module.startswith(("numpy.core.", "numpy._core.")):
        return name in _NUMPY
    return (module, name) in DICTS or (module, name) == ("_codecs", "encode")
