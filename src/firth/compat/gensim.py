"""The names that gensim's users know, over Firth's own parts."""

from __future__ import annotations

from firth.compat.gensim_keyed import KeyedVectors

__all__ = ["KeyedVectors"]
