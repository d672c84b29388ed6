"""Sentences side by side as the nets of tasks read them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch

from firth.protocols import Float32
from firth.tasks.sentence_batches import beside, padded
from firth.tasks.tagger_module import Inputs
from firth.tasks.word_features import Steps
from firth.tasks.word_spelling import Alphabet, casing_of

__all__ = ["inputs_of"]


def inputs_of(
    sentences: Sequence[Steps],
    arrays: Sequence[Sequence[Float32] | None],
    alphabet: Alphabet | None,
    casing: bool,
    device: torch.device | str = "cpu",
) -> Inputs:
    """Return sentences as a net reads them.

    Parameters
    ----------
    sentences : sequence
        None of them empty.
    arrays : sequence
        The arrays of each source; None of a source that is computed elsewhere and gets an empty tensor here.
    alphabet : Alphabet, optional
        Where words are spelled.
    casing : bool
    device : torch.device or str
    """
    found = Inputs([len(sentence) for sentence in sentences], [beside(some).to(device) for some in arrays])
    if alphabet is not None:
        types = list(dict.fromkeys(itertools.chain.from_iterable(sentences)))
        places = {word: row for row, word in enumerate(types)}
        found.spelled = torch.from_numpy(alphabet.rows(types)).to(device)
        found.spellings = padded([[places[word] for word in words] for words in sentences], 0).to(device)
    if casing:
        found.casing = padded([list(map(casing_of, words)) for words in sentences], 0).to(device)
    return found
