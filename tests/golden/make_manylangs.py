"""Golden folders of ELMoForManyLangs: small random models that its own code makes, saves and embeds sentences with.

Run with a checkout of https://github.com/HIT-SCIR/ELMoForManyLangs at b3de5f1dc1:
``python tests/golden/make_manylangs.py CHECKOUT``. Its one further dependency, ``overrides``, is a decorator that does
nothing at run time and is replaced by one here.
"""

from __future__ import annotations

import importlib
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import torch

SENTENCES = [
    ["我", "吃", "了", "一个", "苹果"], ["abc", "zzz"], ["abcdefghabcdefgh", "gh", "\u3000", "abc"], ["x"],
]  # fmt: skip
CHARACTERS = ["<bos>", "<eos>", "<oov>", "<pad>", "<bow>", "<eow>", *"abcdefgh我吃了一个苹果", "\u3000"]
WORDS = ["<oov>", "<bos>", "<eos>", "<pad>", "苹果", "abc", "\u3000", "gh", "abcdefgha"]
KINDS = {"both": (5, 6, "relu", True), "characters": (5, 0, "tanh", False), "words": (0, 6, "relu", True)}


def make_manylangs(folder: Path) -> None:
    """Make each kind of model, and record its layers; a new Embedder for each sentence, since it keeps its state."""
    embedder = importlib.import_module("elmoformanylangs.elmo").Embedder
    for kind, (char_dim, word_dim, activation, legacy) in KINDS.items():
        torch.manual_seed(len(kind))
        place = folder / kind
        place.mkdir(parents=True, exist_ok=True)
        _model(place, char_dim, word_dim, activation, legacy)
        layers = [embedder(str(place)).sents2elmo([sentence], -2)[0] for sentence in SENTENCES]
        together = embedder(str(place)).sents2elmo(SENTENCES, -2)
        mean = embedder(str(place)).sents2elmo(SENTENCES, -1)
        named = {"alone": layers, "together": together, "mean": mean}
        np.savez(place / "vectors.npz", **{f"{way}{i}": v for way, found in named.items() for i, v in enumerate(found)})


def _model(place: Path, char_dim: int, word_dim: int, activation: str, legacy: bool) -> None:
    config: dict[str, Any] = {
        "encoder": {"name": "elmo", "projection_dim": 12, "cell_clip": 3, "proj_clip": 3, "dim": 20, "n_layers": 2},
        "token_embedder": {
            "name": "cnn", "activation": activation, "filters": [[1, 4], [2, 5], [4, 6]], "n_highway": 2,
            "word_dim": word_dim, "char_dim": char_dim, "max_characters_per_token": 11,
        },
        "classifier": {"name": "sampled_softmax", "n_samples": 8192}, "dropout": 0.1,
    }  # fmt: skip
    (place / "config.json").write_text(json.dumps({"config_path": "/home/them/configs/small.json", "seed": 1}))
    (place / "small.json").write_text(json.dumps(config))
    embedding = importlib.import_module("elmoformanylangs.modules.embedding_layer").EmbeddingLayer
    layers = {}
    for name, dim, entries in (("char", char_dim, CHARACTERS), ("word", word_dim, WORDS)):
        if dim:
            text = "".join(f"{entry}\t{i}\n" for i, entry in enumerate(entries))
            (place / f"{name}.dic").write_text(text, encoding="utf-8")
            layers[name] = embedding(dim, {entry: i for i, entry in enumerate(entries)}, fix_emb=False)
    model = importlib.import_module("elmoformanylangs.frontend").Model(config, layers.get("word"), layers.get("char"))
    with torch.no_grad():  # larger than they begin, so that gates and limits have something to do
        for parameter in model.parameters():
            parameter.mul_(2)
    for part in ("encoder", "token_embedder"):
        state = getattr(model, part).state_dict()
        torch.save(state, place / f"{part}.pkl", _use_new_zipfile_serialization=not legacy)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    sys.modules["overrides"] = types.SimpleNamespace(overrides=lambda method: method)  # type: ignore[assignment]
    make_manylangs(Path(__file__).parent / "manylangs")
