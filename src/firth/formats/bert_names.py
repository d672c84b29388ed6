"""What published checkpoints of BERT's family call their parts, and ours: one table for reading and writing.

The names are those of the transformers library's models, which took over those of Google's TensorFlow release.
"""

from __future__ import annotations

import dataclasses

__all__ = ["FAMILIES", "Family"]

Names = dict[str, str]  # from ours to theirs, each without its .weight or .bias

_BERT_LAYER = {
    "attention.merge": "attention.output.dense", "norm_attention": "attention.output.LayerNorm",
    "feed.inner": "intermediate.dense", "feed.outer": "output.dense", "norm_feed": "output.LayerNorm",
}  # fmt: skip
_BERT_PARTS = ("attention.self.query", "attention.self.key", "attention.self.value")
_EMBEDDINGS = {
    "pieces": "embeddings.word_embeddings", "positions": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings", "norm_embedding": "embeddings.LayerNorm",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Family:
    """The names of one kind of model.

    Attributes
    ----------
    prefix : str
        Before the encoder's names in a model with a head.
    embeddings, layer : dict
        Ours to theirs, those of a layer behind ``place``.
    place : str
        Where a layer lies, with ``{}`` for its number.
    parts : tuple of str
        Maps to queries, keys and values, which are one of ours.
    head : dict
        Ours to theirs, from the outermost.
    bias : str
        The bias of the head's last map, whole.
    head_activation : str or None
        Where it is not that of the blocks.
    offset : bool
        Whether positions begin behind that of the padding.
    """

    prefix: str
    embeddings: Names = dataclasses.field(default_factory=lambda: dict(_EMBEDDINGS))
    place: str = "encoder.layer.{}."
    parts: tuple[str, str, str] = _BERT_PARTS
    layer: Names = dataclasses.field(default_factory=lambda: dict(_BERT_LAYER))
    head: Names = dataclasses.field(
        default_factory=lambda: {
            "dense": "cls.predictions.transform.dense",
            "norm": "cls.predictions.transform.LayerNorm",
        }
    )
    bias: str = "cls.predictions.bias"
    head_activation: str | None = None
    offset: bool = False


_ROBERTA = Family(
    "roberta.",
    head={"dense": "lm_head.dense", "norm": "lm_head.layer_norm"},
    bias="lm_head.bias",
    head_activation="gelu",
    offset=True,
)

FAMILIES: dict[str, Family] = {
    "bert": Family("bert."),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Family(
        "electra.",
        {**_EMBEDDINGS, "widen": "embeddings_project"},
        head={"dense": "generator_predictions.dense", "norm": "generator_predictions.LayerNorm"},
        bias="generator_lm_head.bias",
        head_activation="gelu",
    ),
    "distilbert": Family(
        "distilbert.",
        {name: theirs for name, theirs in _EMBEDDINGS.items() if name != "types"},
        "transformer.layer.{}.",
        ("attention.q_lin", "attention.k_lin", "attention.v_lin"),
        {
            "attention.merge": "attention.out_lin", "norm_attention": "sa_layer_norm", "feed.inner": "ffn.lin1",
            "feed.outer": "ffn.lin2", "norm_feed": "output_layer_norm",
        },
        {"dense": "vocab_transform", "norm": "vocab_layer_norm"},
        "vocab_projector.bias",
    ),
    "albert": Family(
        "albert.",
        {**_EMBEDDINGS, "widen": "encoder.embedding_hidden_mapping_in"},
        "encoder.albert_layer_groups.{}.albert_layers.0.",
        ("attention.query", "attention.key", "attention.value"),
        {
            "attention.merge": "attention.dense", "norm_attention": "attention.LayerNorm", "feed.inner": "ffn",
            "feed.outer": "ffn_output", "norm_feed": "full_layer_layer_norm",
        },
        {"dense": "predictions.dense", "norm": "predictions.LayerNorm"},
        "predictions.bias",
    ),
}  # fmt: skip
