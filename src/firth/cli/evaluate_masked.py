"""The part of ``firth evaluate`` for masked language models: how well the hidden pieces of a text are guessed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firth.cli.cpu import check_cpu_level
from firth.cli.output import note, note_event, print_json, print_table
from firth.cli.texts import TextOptions, read_as_trained, read_corpus

__all__ = ["evaluate_masked", "holds_bert"]

_COLUMNS = ("text", "masked loss", "perplexity", "by frequencies", "masked pieces")


def holds_bert(path: Path) -> bool:
    """Return whether a folder holds a BERT, published or ours, without reading it."""
    from firth.formats.bert import is_bert

    return is_bert(path)


def evaluate_masked(path: Path, texts: Sequence[Path], reading: TextOptions, *, json: bool) -> None:
    """Print for each text the loss at its masked pieces, and what piece frequencies alone would have."""
    from firth.contextual.bert_guessing import masked_score
    from firth.formats.registry import load
    from firth.nn.device import settled

    check_cpu_level()
    model: Any = load(path, listen=note_event)
    options = read_as_trained(reading, model)
    with settled(None, None, seed=0, deterministic=True) as place:
        model.to(place.device)
        found = {str(text): masked_score(model, read_corpus([str(text)], options)) for text in texts}
    if json:
        print_json({name: score.as_dict() for name, score in found.items()})
        return
    if any(not score.own_counts for score in found.values()):
        note("the model does not know how frequent pieces were in its training: frequencies are those of each text")
    rows = [
        [name, f"{score.loss:.4f}", f"{score.perplexity:.2f}", f"{score.unigram:.4f}", f"{score.n:,}"]
        for name, score in found.items()
    ]
    print_table(_COLUMNS, rows, title="Masked pieces")
