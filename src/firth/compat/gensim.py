"""The names that gensim's users know, over Firth's own parts."""

from __future__ import annotations

from firth.compat.gensim_keyed import KeyedVectors
from firth.compat.gensim_word2vec import Word2Vec

__all__ = ["KeyedVectors", "Word2Vec"]
