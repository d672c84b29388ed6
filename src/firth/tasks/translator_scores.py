"""How good translations are: BLEU and chrF, by the sacrebleu library, with the signatures that say how they were found.

Papineni et al. 2002 (BLEU); Popovic 2015 (chrF); Post 2018, for why a score means nothing without its signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from firth.errors import DataError, MissingExtraError

__all__ = ["scores"]


def scores(
    found: Sequence[str], wanted: Sequence[str], *, lower: bool = False, tokenizer: str | None = None
) -> dict[str, Any]:
    """Return ``bleu`` and ``chrf`` of texts, 0 to 100, each with its signature.

    Parameters
    ----------
    found, wanted : sequence of str
        As many texts, and one reference for each.
    lower : bool
        Without looking at case.
    tokenizer : str, optional
        Of sacrebleu; by default ``zh`` where most letters of the references are Han, else ``13a``.

    Raises
    ------
    DataError
        When they differ in number, or there are none.
    MissingExtraError
        When sacrebleu is not installed.

    Examples
    --------
    >>> round(scores(["the dog sleeps on a mat"], ["the dog sleeps on a mat"])["bleu"], 2)
    100.0
    """
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    except ImportError as error:
        raise MissingExtraError("BLEU", extra="neural") from error
    if len(found) != len(wanted) or not found:
        raise DataError("translations and references differ in number", got=f"{len(found)} and {len(wanted)}")
    tokenizer = tokenizer or ("zh" if _mostly_han(wanted) else "13a")
    bleu, chrf = BLEU(lowercase=lower, tokenize=tokenizer), CHRF(lowercase=lower)
    told: dict[str, Any] = {}
    for name, metric in (("bleu", bleu), ("chrf", chrf)):
        told[name] = float(metric.corpus_score(list(found), [list(wanted)]).score)
        told[f"{name}_signature"] = str(metric.get_signature())
    return told


def _mostly_han(texts: Sequence[str]) -> bool:
    letters = [c for text in texts for c in text if c.isalpha()]
    return sum("\u3400" <= c <= "\u9fff" or "\U00020000" <= c <= "\U0003ffff" for c in letters) * 2 > len(letters)
