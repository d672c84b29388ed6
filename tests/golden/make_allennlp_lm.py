"""Golden archives of AllenNLP's language models: small, random, and what its own modules make of sentences.

Run with a checkout of https://github.com/allenai/allennlp at v0.9.0 (052353ed6):
``python tests/golden/make_allennlp_lm.py CHECKOUT [MODEL.tar.gz]``, the latter a language model of AllenNLP's own
tests, whose vectors are recorded too. Contextualizers, character CNN, embedder, indexer and boundaries are AllenNLP's
modules; around them stand stubs for its configs, vocabulary and training, which do nothing here.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import tarfile
import types
import typing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

SENTENCES = [
    ["The", "cat", "sat", "on", "the", "mat", "."], ["Nürnberg"], ["我", "吃", "苹果"], ["x" * 60, "", "The", "<b>"],
]  # fmt: skip
ENCODERS = {
    "after_highway": {
        "type": "cnn-highway", "activation": "relu", "embedding_dim": 4, "filters": [[1, 4], [2, 5], [3, 6]],
        "num_highway": 2, "projection_dim": 16, "projection_location": "after_highway", "do_layer_norm": True,
    },
    "after_cnn": {
        "type": "cnn-highway", "activation": "tanh", "embedding_dim": 4, "filters": [[1, 4], [2, 8]],
        "num_highway": 1, "projection_dim": 6, "projection_location": "after_cnn",
    },
}  # fmt: skip
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "transformer": ("after_highway", {
        "type": "bidirectional_language_model_transformer", "input_dim": 16, "hidden_dim": 20, "num_layers": 2,
        "dropout": 0.1, "input_dropout": 0.1,
    }),
    "lstm": ("after_cnn", {"type": "lstm", "bidirectional": True, "num_layers": 3, "input_size": 6, "hidden_size": 7}),
    "stacked": ("after_cnn", {
        "type": "stacked_bidirectional_lstm", "num_layers": 2, "input_size": 6, "hidden_size": 6,
        "recurrent_dropout_probability": 0.1, "layer_dropout_probability": 0.1,
    }),
    "plain": ("after_cnn", {
        "type": "stacked_bidirectional_lstm", "num_layers": 2, "input_size": 6, "hidden_size": 3, "use_highway": False,
    }),
}  # fmt: skip
MIX = ([0.5, -1.0, 2.0], 1.5)
POSITIONS = 24


# --- AllenNLP's modules, without what surrounds them ------------------------------------------------------------------


class _Registrable:
    @classmethod
    def register(cls, _: str) -> Any:
        return lambda of: of


class _Model(nn.Module, _Registrable):
    def __init__(self, vocab: Any, regularizer: Any = None) -> None:
        super().__init__()
        self.vocab = vocab


class _Indexer(typing.Generic[typing.TypeVar("T")], _Registrable):  # type: ignore[misc]
    def __init__(self, *_: Any) -> None:
        pass

    @staticmethod
    def from_params(_: Any) -> Any:
        return importlib.import_module("allennlp.data.token_indexers.elmo_indexer").ELMoTokenCharactersIndexer()


class _Config(dict):  # type: ignore[type-arg]
    def as_dict(self, quiet: bool) -> _Config:
        return self


def stub_allennlp(checkout: Path) -> None:
    """Let modules be imported from a checkout without running its packages' own imports."""

    def module(name: str, **holds: Any) -> None:
        made = types.ModuleType(name)
        folder = checkout.joinpath(*name.split("."))
        if folder.is_dir():
            made.__path__ = [str(folder)]
        made.__dict__.update(holds)
        sys.modules[name] = made

    nothing: Any = lambda *_, **__: None  # noqa: E731
    module("overrides", overrides=lambda method: method)
    for name in ("", ".modules", ".modules.seq2vec_encoders", ".data.token_indexers", ".models"):
        module("allennlp" + name)
    module("allennlp.common", Registrable=_Registrable, Params=_Config)
    checks = {"ConfigurationError": ValueError, "ExperimentalFeatureWarning": UserWarning}
    module("allennlp.common.checks", **checks)
    module("allennlp.common.util", pad_sequence_to_length=nothing)
    token = types.SimpleNamespace
    module("allennlp.data", TokenIndexer=_Indexer, Token=lambda text: token(text=text))
    module("allennlp.data.token_indexers.token_indexer", TokenIndexer=_Indexer)
    module("allennlp.data.tokenizers")
    module("allennlp.data.tokenizers.token", Token=token)
    module("allennlp.data.vocabulary", Vocabulary=object)
    module("allennlp.models.model", Model=_Model)
    module("allennlp.models.archival")
    module("allennlp.modules.text_field_embedders", TextFieldEmbedder=object)
    module("allennlp.modules.token_embedders")
    module("allennlp.modules.token_embedders.embedding", Embedding=nn.Embedding)
    module("allennlp.nn", InitializerApplicator=object, RegularizerApplicator=object)
    module("allennlp.nn.initializers", block_orthogonal=nothing)
    module("allennlp.training")
    module("allennlp.training.metrics", Perplexity=nothing)
    module("allennlp.modules.seq2seq_encoders")
    base = importlib.import_module("allennlp.modules.seq2seq_encoders.seq2seq_encoder").Seq2SeqEncoder
    sys.modules["allennlp.modules.seq2seq_encoders"].Seq2SeqEncoder = base  # type: ignore[attr-defined]


def _from(name: str, what: str) -> Any:
    return getattr(importlib.import_module(f"allennlp.{name}"), what)


class _Tokens(nn.Module):
    """The text field's embedder: one token embedder."""

    def __init__(self, encoder: dict[str, Any]) -> None:
        super().__init__()
        inner = {key: value for key, value in encoder.items() if key != "type"}
        cnn = _from("modules.seq2vec_encoders.cnn_highway_encoder", "CnnHighwayEncoder")(**inner)
        make = _from("modules.token_embedders.token_characters_encoder", "TokenCharactersEncoder")
        self.token_embedder_token_characters = make(nn.Embedding(262, inner["embedding_dim"]), cnn)

    def get_output_dim(self) -> int:
        return int(self.token_embedder_token_characters.get_output_dim())

    def forward(self, source: dict[str, torch.Tensor]) -> Any:
        return self.token_embedder_token_characters(source["token_characters"])


def _contextualizer(told: dict[str, Any], n_layers: int | None = None, every: bool = False) -> Any:
    options = {key: value for key, value in told.items() if key != "type"}
    options["num_layers"] = n_layers or options["num_layers"]
    if told["type"].endswith("transformer"):
        make = _from("modules.seq2seq_encoders.bidirectional_language_model_transformer",
                     "BidirectionalLanguageModelTransformer")  # fmt: skip
        return make(**options, return_all_layers=every)
    module = nn.LSTM(**options, batch_first=True) if told["type"] == "lstm" else None
    module = module or _from("modules.stacked_bidirectional_lstm", "StackedBidirectionalLstm")(**options)
    return _from("modules.seq2seq_encoders.pytorch_seq2seq_wrapper", "PytorchSeq2SeqWrapper")(module)


def _language_model(config: dict[str, Any], n_layers: int | None = None, every: bool = False) -> Any:
    told = config["model"]
    encoder = told["text_field_embedder"]["token_embedders"]["token_characters"]["encoder"]
    vocabulary = types.SimpleNamespace(get_vocab_size=lambda: 12)
    return _from("models.language_model", "LanguageModel")(
        vocabulary, _Tokens(encoder), _contextualizer(told["contextualizer"], n_layers, every),
        num_samples=told["num_samples"], sparse_embeddings=True, bidirectional=True,
    )  # fmt: skip


# --- what they give ---------------------------------------------------------------------------------------------------


def _rows(sentences: list[list[str]], marked: bool) -> torch.Tensor:
    """Return the characters of a batch, with AllenNLP's marks of begin and end where its embedder adds none."""
    spell = _from("data.token_indexers.elmo_indexer", "ELMoCharacterMapper")().convert_word_to_char_ids
    given = [["<S>", *sentence, "</S>"] if marked else sentence for sentence in sentences]
    found = torch.zeros(len(given), max(map(len, given)), 50, dtype=torch.int64)
    for row, sentence in enumerate(given):
        found[row, : len(sentence)] = torch.tensor([spell(word) for word in sentence])
    return found


@torch.no_grad()
def _layers(config: dict[str, Any], state: dict[str, torch.Tensor]) -> list[np.ndarray]:
    """Return the layers of the sentences, which are read as one batch, as (n_layers, n_tokens, dim)."""
    is_transformer = config["model"]["contextualizer"]["type"].endswith("transformer")
    n = config["model"]["contextualizer"]["num_layers"]
    source = {"token_characters": _rows(SENTENCES, marked=True)}
    found, tokens = [], torch.zeros(0)
    for upto in [n] if is_transformer else range(1, n + 1):
        model = _language_model(config, upto, every=is_transformer).eval()
        if is_transformer:
            positions = state["_contextualizer._position.positional_encoding"]
            model._contextualizer._position.positional_encoding = positions
        model.load_state_dict({name: state[name] for name in model.state_dict()})
        given = model(source)
        tokens = given["noncontextual_token_embeddings"]
        found += given["lm_embeddings"] if is_transformer else [given["lm_embeddings"]]
    fits = found[0].shape[-1] // tokens.shape[-1]
    if found[0].shape[-1] % tokens.shape[-1] == 0:
        found.insert(0, torch.cat([tokens] * fits, -1))
    together = torch.stack(found).numpy()
    return [together[:, row, 1 : 1 + len(sentence)] for row, sentence in enumerate(SENTENCES)]


def _embedder(config: dict[str, Any], state: dict[str, torch.Tensor]) -> Any:
    """Return AllenNLP's token embedder of a language model, with a mix."""
    model = _language_model(config, every=True)
    model._contextualizer._position.positional_encoding = state["_contextualizer._position.positional_encoding"]
    model.load_state_dict(state)
    archive = types.SimpleNamespace(model=model, config=_Config(config))
    sys.modules["allennlp.models.archival"].load_archive = lambda *_, **__: archive  # type: ignore[attr-defined]
    made = _from("modules.token_embedders.language_model_token_embedder", "LanguageModelTokenEmbedder")("m").eval()
    with torch.no_grad():
        for parameter, value in zip(made._scalar_mix.scalar_parameters, MIX[0], strict=True):
            parameter.fill_(value)
        made._scalar_mix.gamma.fill_(MIX[1])
    return made


# --- archives ---------------------------------------------------------------------------------------------------------


def _config(kind: str) -> dict[str, Any]:
    encoder, contextualizer = MODELS[kind]
    embedding = {"num_embeddings": 262, "embedding_dim": ENCODERS[encoder]["embedding_dim"]}
    embedder = {"type": "character_encoding", "embedding": embedding, "encoder": ENCODERS[encoder]}
    indexers = {"tokens": {"type": "single_id"}, "token_characters": {"type": "elmo_characters"}}
    reader = {
        "type": "simple_language_modeling", "token_indexers": indexers, "start_tokens": ["<S>"], "end_tokens": ["</S>"],
    }  # fmt: skip
    model = {
        "type": "language_model", "bidirectional": True, "num_samples": 10, "sparse_embeddings": True,
        "text_field_embedder": {"allow_unmatched_keys": True, "token_embedders": {"token_characters": embedder}},
        "contextualizer": contextualizer,
    }  # fmt: skip
    return {"dataset_reader": reader, "model": model}


def _write(path: Path, config: dict[str, Any], state: dict[str, torch.Tensor], legacy: bool) -> None:
    weights = io.BytesIO()
    torch.save(state, weights, _use_new_zipfile_serialization=not legacy)
    with tarfile.open(path, "w:gz") as tar:
        told = json.dumps(config, indent=1).encode()
        for name, content in (("config.json", told), ("weights.th", weights.getvalue())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _drawn(config: dict[str, Any], seed: int) -> dict[str, torch.Tensor]:
    """Return random weights, large enough for gates and norms, of few digits so that the file is small."""
    torch.manual_seed(seed)
    model = _language_model(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 1.0 if parameter.ndim == 1 or "_embedding" in name else 1.5 / parameter[0].numel() ** 0.5
            parameter.copy_((torch.randn_like(parameter) * spread * 32).round() / 32)
    if hasattr(model._contextualizer, "_position"):
        position = model._contextualizer._position
        position.positional_encoding = position.positional_encoding[:, :POSITIONS].clone()
    return dict(model.state_dict())


def make_archives(folder: Path, published: Path | None) -> None:
    """Make each kind of archive, and record the layers; of the Transformer a task's archive too, and its mix."""
    folder.mkdir(exist_ok=True)
    vectors: dict[str, np.ndarray] = {}

    def keep(name: str, found: list[np.ndarray]) -> None:
        vectors.update({f"{name}{i}": value for i, value in enumerate(found)})

    for seed, kind in enumerate(MODELS):
        config = _config(kind)
        state = _drawn(config, seed)
        _write(folder / f"{kind}.tar.gz", config, state, legacy=kind != "lstm")
        keep(kind, _layers(config, state))
        if kind == "transformer":
            embedder = _embedder(config, state)
            with torch.no_grad():
                mixed = embedder(_rows(SENTENCES, marked=False)).numpy()
            keep("task", [mixed[row, : len(sentence)] for row, sentence in enumerate(SENTENCES)])
            place = "text_field_embedder.token_embedder_elmo."
            task = {place + name: value for name, value in embedder.state_dict().items()}
            told = {"type": "language_model_token_embedder", "archive_file": "/home/them/transformer.tar.gz"}
            field = {"token_embedders": {"elmo": told}}
            _write(folder / "task.tar.gz", {"model": {"type": "crf_tagger", "text_field_embedder": field}}, task, False)
    if published is not None:
        with tarfile.open(published) as tar:
            files = {name: tar.extractfile(name) for name in ("config.json", "weights.th")}
            config, state = json.load(files["config.json"]), torch.load(files["weights.th"])  # type: ignore[arg-type]
        keep("published", _layers(config, state))
    np.savez_compressed(folder / "vectors.npz", **vectors)


if __name__ == "__main__":
    stub_allennlp(Path(sys.argv[1]))
    make_archives(Path(__file__).parent / "allennlp_lm", Path(sys.argv[2]) if len(sys.argv) > 2 else None)
