"""The lexicon of a language model as parts of its folder: the words with marks in ``vocab``, counts beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import DataError
from firth.formats.kinds import Parts
from firth.lm.lexicon import MARKS, Lexicon
from firth.text.vocab import Vocab, WordList
from firth.vectors.words import Words

__all__ = ["lexicon_apart", "lexicon_together"]


def lexicon_apart(lexicon: Lexicon, config: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> Parts:
    """Return the parts of a language model: its lexicon's and these."""
    return Parts(config, {**tensors, "counts": lexicon.vocab.counts}, {"vocab": Words.of(lexicon.vocab.words)})


def lexicon_together(parts: Parts) -> Lexicon:
    """Return the lexicon of the parts.

    Raises
    ------
    FormatError
        When a mark is missing or the counts are broken.
    """
    words = parts.words["vocab"]
    counts = parts.tensor("counts", np.int64, (len(words),))
    blob, offsets = words.spread(0)
    try:
        return Lexicon(Vocab(WordList(np.asarray(blob), np.asarray(offsets[1:])), counts, special=MARKS))
    except DataError as error:
        raise parts.fault(error.what, got=error.got) from error
