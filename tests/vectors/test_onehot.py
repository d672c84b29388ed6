"""One-hot vectors."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import OneHotEncoder

from firth.errors import ConfigError, DataError
from firth.protocols import Representation
from firth.text.vocab import Vocab
from firth.vectors.onehot import OneHot


def test_it_equals_scikit_learns() -> None:
    words, sentence = ["b", "a", "c"], ["c", "x", "a", "a", "b"]
    theirs = OneHotEncoder(categories=[words], handle_unknown="ignore", sparse_output=False)
    expected = theirs.fit_transform(np.array(sentence).reshape(-1, 1))
    onehot = OneHot(words)
    assert isinstance(onehot, Representation)
    np.testing.assert_array_equal(onehot.encode([sentence])[0], expected)
    assert onehot.encode_layers([sentence, []])[1].shape == (1, 0, 3)


def test_unknown_words() -> None:
    vocab = Vocab(["a"], [1]).with_special(["<unk>"])
    assert OneHot(vocab, oov="unk").encode([["z"]])[0].tolist() == [[0, 1]]
    with pytest.raises(DataError, match="not in the vocabulary"):
        OneHot(["a"], oov="error").encode([["a", "z"]])
    with pytest.raises(ConfigError, match="<unk>"):
        OneHot(["a"], oov="unk")
    with pytest.raises(ConfigError, match="no such policy"):
        OneHot(["a"], oov="skip")


def test_no_huge_array_is_made() -> None:
    with pytest.raises(DataError, match="too large"):
        OneHot([str(i) for i in range(1 << 12)]).encode([["1"] * (1 << 20)])
