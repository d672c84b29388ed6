"""Small biLMs with random weights, and the published one whose vectors are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from firth.contextual.bilm import BiLM
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling

FIXTURE = "elmo-fixtures/bilm-tf/model"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def elmo() -> Callable[..., ElmoModel]:
    """Return a function that makes an ELMo with random weights, large enough for its clips to fire."""

    def make(seed: int = 1, cells: int = 24, projection: int = 8, clip: float = 0.3, scale: float = 3.0) -> ElmoModel:
        characters = CharacterShape(dim=4, filters=((1, 4), (2, 8), (3, 8)), n_highway=1, longest=14)
        net = BiLM(Shape(characters, cells, projection, cell_clip=clip, projection_clip=clip))
        net.reset(torch.Generator().manual_seed(seed))
        with torch.no_grad():
            for layer in (*net.forward_layers, *net.backward_layers):
                layer.weight_ih.mul_(scale)
        return ElmoModel(net, Spelling.bytes(14))

    return make


@pytest.fixture(scope="session")
def published(data: Callable[[str], Path]) -> tuple[ElmoModel, list[list[list[str]]], list[list[np.ndarray]]]:
    """The published model, its sentences as batches in a row, and the top layer that bilm-tf gave to each."""
    h5py = pytest.importorskip("h5py")
    folder = data(FIXTURE)
    texts = json.loads((folder / "lm_embeddings_sentences.json").read_text())
    batches = [[text[k].split() for text in texts] for k in range(len(texts[0]))]
    tops = []
    for k in range(len(batches)):
        both = [h5py.File(folder / f"lm_embeddings_{row}.hdf5")[str(k)][...] for row in range(len(texts))]
        tops.append([np.concatenate(list(directions), axis=1) for directions in both])
    return ElmoModel(_published_net(folder), Spelling.bytes(50)), batches, tops


def _published_net(folder: Path) -> BiLM:
    """Put the weights of bilm-tf's file in place by hand: a reading of its layout apart from firth.formats."""
    import h5py

    characters = CharacterShape(dim=4, filters=((1, 4), (2, 8), (3, 16), (4, 32), (5, 64)), n_highway=2)
    net = BiLM(Shape(characters, 64, 16, 2, 3.0, 3.0, skip=False)).eval()
    file = h5py.File(folder / "lm_weights.hdf5")

    def stored(name: str) -> torch.Tensor:
        return torch.from_numpy(file[name][...])

    def gates(values: torch.Tensor) -> torch.Tensor:
        i, g, f, o = values.chunk(4, 0)
        return torch.cat([i, f, g, o])

    with torch.no_grad():
        net.tokens.embedding[1:] = stored("char_embed")
        net.tokens.embedding[0] = 0
        for k, convolution in enumerate(net.tokens.filters):
            convolution.weight.copy_(stored(f"CNN/W_cnn_{k}")[0].permute(2, 1, 0))
            convolution.bias.copy_(stored(f"CNN/b_cnn_{k}"))
        for k, highway in enumerate(net.tokens.highways):
            where = f"CNN_high_{k}"
            highway.weight.copy_(torch.cat([stored(f"{where}/W_transform").t(), stored(f"{where}/W_carry").t()]))
            highway.bias.copy_(torch.cat([stored(f"{where}/b_transform"), stored(f"{where}/b_carry")]))
        net.tokens.projection.weight.copy_(stored("CNN_proj/W_proj").t())
        net.tokens.projection.bias.copy_(stored("CNN_proj/b_proj"))
        for d, layers in enumerate((net.forward_layers, net.backward_layers)):
            for k, layer in enumerate(layers):
                cell = f"RNN_{d}/RNN/MultiRNNCell/Cell{k}/LSTMCell"
                weight, bias = gates(stored(f"{cell}/W_0").t()), gates(stored(f"{cell}/B"))
                bias[64:128] += 1
                layer.weight_ih.copy_(weight[:, :16])
                layer.weight_hh.copy_(weight[:, 16:])
                layer.bias.copy_(bias)
                layer.weight_hr.copy_(stored(f"{cell}/W_P_0").t())
    return net
