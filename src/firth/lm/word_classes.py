"""Word classes for language models: exchange clustering, which makes a class bigram model as likely as it can.

Kneser and Ney 1993; Martin, Liermann and Ney 1998, "Algorithms for bigram and trigram word clustering", section 3.
Goodman 2001, "Classes for fast maximum entropy training", is why: a word's probability becomes that of its class times
that within its class, and both are sums over few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from firth import _core
from firth.lm.lexicon import Lexicon
from firth.protocols import Int32

__all__ = ["exchange_classes", "log_likelihood"]


def exchange_classes(ids: Int32, lexicon: Lexicon, n_classes: int, sweeps: int = 15) -> Int32:
    """Return the class of each word.

    Words start in classes by frequency rank, one by one in turn, and are moved in that order until none moves: the
    result depends on the text alone. ``<bos>`` has a class of its own, the last, since it is read but never predicted.

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
        A stream of the lexicon.
    lexicon : Lexicon
    n_classes : int
        At least 1, that of ``<bos>`` not counted.
    sweeps : int
        At most so many rounds over all words.

    Returns
    -------
    ndarray of int32, shape (len(lexicon),)
        From 0 to ``n_classes``; fewer where there are fewer words.

    Examples
    --------
    >>> from firth.text.vocab import Vocab
    >>> lexicon = Lexicon.of(Vocab(["he", "she", "runs", "sings"], [2, 2, 2, 2]))
    >>> stream = lexicon.stream([["he", "runs"], ["she", "runs"], ["he", "sings"], ["she", "sings"]]).ids
    >>> found = exchange_classes(stream, lexicon, 3)
    >>> bool(found[0] == found[1]), bool(found[2] == found[3]), bool(found[0] == found[2])
    (True, True, False)
    """
    n = lexicon.n_outputs
    n_classes = max(1, min(n_classes, n))
    order = np.argsort(-np.bincount(ids, minlength=n)[:n], kind="stable")
    classes = np.empty(n + 1, np.int32)
    classes[order] = np.arange(n) % n_classes
    classes[lexicon.bos] = n_classes
    left, right, count = _bigrams(ids, lexicon)
    _core.exchange_classes(left, right, count, classes, n_classes, n, sweeps)
    return _without_gaps(classes)


def _bigrams(ids: Int32, lexicon: Lexicon) -> tuple[Int32, Int32, NDArray[np.int64]]:
    before = np.concatenate([np.array([lexicon.bos], np.int32), ids[:-1]])
    before = np.where(before == lexicon.eos, np.int32(lexicon.bos), before)
    wide = np.int64(len(lexicon))
    pairs, count = np.unique(before * wide + ids, return_counts=True)
    return (pairs // wide).astype(np.int32), (pairs % wide).astype(np.int32), count


def _without_gaps(classes: Int32) -> Int32:
    return np.unique(classes, return_inverse=True)[1].astype(np.int32)


def log_likelihood(ids: Int32, classes: Int32, lexicon: Lexicon) -> float:
    """Return the log likelihood of the class bigram model on its own text (Martin et al., equation 4).

    Parameters
    ----------
    ids : ndarray of int32, shape (n,)
    classes : ndarray of int32, shape (len(lexicon),)
    lexicon : Lexicon
    """
    left, right, count = _bigrams(ids, lexicon)
    pairs = np.zeros((int(classes.max()) + 1,) * 2)
    np.add.at(pairs, (classes[left], classes[right]), count)
    words = np.bincount(right, weights=count)
    terms = [pairs, pairs.sum(0), pairs.sum(1), words]
    both, as_right, as_left, own = (float((x[x > 0] * np.log(x[x > 0])).sum()) for x in terms)
    return both - as_right - as_left + own
