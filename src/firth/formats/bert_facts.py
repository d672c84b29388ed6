"""What ``firth inspect`` tells of a BERT, whatever file it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firth.contextual.bert_model import BertModel

__all__ = ["BERT_USES", "bert_facts"]

BERT_USES = ("embed", "senses", "distil", "evaluate", "convert")


def bert_facts(model: BertModel) -> dict[str, Any]:
    """Return architecture, sizes and parameters in plain values."""
    shape = model.net.shape
    shared = f", {shape.blocks} of their own" if shape.blocks < shape.layers else ""
    return {
        "architecture": f"Transformer encoder: {shape.layers} layers{shared} of {shape.dim}, {shape.heads} heads, "
        f"{shape.hidden} cells ({shape.activation}), norms {'before' if shape.norm == 'pre' else 'behind'}",
        "pieces": f"{len(model.pieces):,}, vectors of {shape.own}",
        "positions": f"{shape.positions}, {shape.longest:,} at most",
        "token_types": shape.types,
        "pooling": model.pooling,
        "layers": model.n_layers,
        "parameters": sum(parameter.numel() for parameter in model.net.parameters()),
        "head": model.net.head is not None,
    }
