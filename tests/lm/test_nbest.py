"""Lists of guesses ranked anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firth.errors import DataError
from firth.lm.nbest import read_guesses, rescored

LINES = ["1 ||| b b ||| lm: 0 ||| -1.0\n", "1 ||| a b ||| lm: 1 ||| -1.5\n", "\n", "2 ||| a\n"]


def test_the_best_total_stands_first(known: Any) -> None:
    first, second = rescored(known(), read_guesses(LINES), weight=2.0, word_bonus=0.5)
    expected = {"b b": np.log([0.1, 0.3, 0.3]).sum(), "a b": np.log([0.7, 0.6, 0.3]).sum()}
    assert [guess.text for guess in first] == ["a b", "b b"]
    for guess in first:
        assert guess.log_prob == pytest.approx(expected[guess.text])
        assert guess.total == pytest.approx(guess.score + 2 * expected[guess.text] + 1.0)
    assert [guess.id for guess in second] == ["2"]
    assert first[0].line().startswith("1 ||| a b ||| lm: 1 ||| -1.5 ||| -2.07")


def test_without_the_model_the_order_stays(known: Any) -> None:
    (first, _) = rescored(known(), read_guesses(LINES), weight=0.0)
    assert [guess.text for guess in first] == ["b b", "a b"]


@pytest.mark.parametrize(("line", "said"), [("no bars", "line 2 .*no guess"), ("1 ||| a ||| high", "ends in no score")])
def test_broken_lines_are_told(line: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        list(read_guesses(["1 ||| a", line]))
