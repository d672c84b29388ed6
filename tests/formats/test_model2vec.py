"""Folders of model2vec and of StaticEmbedding: as model2vec reads and writes them, with tokenizers of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import model2vec
import numpy as np
import pytest
from tokenizers import Tokenizer, models

from firth import inspect, load, save
from firth.errors import FormatError
from firth.formats.tokenizer_json import tokens_of
from firth.vectors.static import Vectors

WORDS = ["the", "水", "naïve", "[CLS]", "", "a\tb"]
MATRIX = np.random.default_rng(2).standard_normal((6, 8)).astype(np.float32)


@pytest.mark.parametrize("name", ["model2vec", "static-embedding"])
def test_model2vec_reads_ours(tmp_path: Path, name: str) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "m", format=name)
    theirs = model2vec.StaticModel.from_pretrained(tmp_path / "m", normalize=False)
    np.testing.assert_allclose(theirs.encode(["the 水"])[0], MATRIX[:2].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(theirs.encode(["naïve"])[0], MATRIX[2], rtol=1e-6)
    assert not theirs.encode(["unseen"]).any()
    assert inspect(tmp_path / "m").format == name


@pytest.mark.parametrize(
    ("quantize", "clusters"), [("float16", None), ("int8", None), (None, 3), ("float16", 3), ("float64", None)]
)
def test_what_model2vec_writes(tmp_path: Path, quantize: str | None, clusters: int | None) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "m", format="model2vec")
    theirs = model2vec.StaticModel.from_pretrained(
        tmp_path / "m", normalize=False, quantize_to=quantize, vocabulary_quantization=clusters
    )
    theirs.save_pretrained(tmp_path / "q")
    ours = load(tmp_path / "q")
    ids = [theirs.tokenizer.token_to_id(word) for word in ours.words]
    expected = theirs.embedding[ids if theirs.token_mapping is None else theirs.token_mapping[ids]].astype(np.float32)
    expected = expected if theirs.weights is None else expected * theirs.weights[ids][:, None].astype(np.float32)
    np.testing.assert_array_equal(ours.matrix, expected)
    assert [word for word in ours.words if word != "[UNK]"] == WORDS
    assert inspect(tmp_path / "q").details["rows"] == (clusters or 7)


def test_tokenizers_of_every_kind(tmp_path: Path) -> None:
    vocab = {"[UNK]": 0, "king": 1, "##s": 2, "水": 3}
    kinds = {
        "WordPiece": models.WordPiece(vocab, unk_token="[UNK]"),
        "WordLevel": models.WordLevel(vocab, unk_token="[UNK]"),
        "BPE": models.BPE(vocab, []),
        "Unigram": models.Unigram([(token, -float(number)) for token, number in vocab.items()], 0, False),
    }
    for kind, model in kinds.items():
        tokenizer = Tokenizer(model)
        tokenizer.add_special_tokens(["[NEW]"])
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        found, named = tokens_of(tmp_path / "tokenizer.json")
        assert named == kind
        assert found == {**{number: token for token, number in vocab.items()}, 4: "[NEW]"}


def test_sentence_transformers_folder_in_its_root(tmp_path: Path) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "m", format="static-embedding")
    inner = tmp_path / "m" / "0_StaticEmbedding"
    for file in list(inner.iterdir()):
        file.rename(tmp_path / "m" / file.name)
    module = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}
    (tmp_path / "m" / "modules.json").write_text(json.dumps([module]))
    assert list(load(tmp_path / "m").words) == WORDS


def test_hostile_folders(tmp_path: Path) -> None:
    save(Vectors(WORDS, MATRIX), tmp_path / "m", format="static-embedding")
    modules = tmp_path / "m" / "modules.json"
    module = json.loads(modules.read_text())[0]
    for place in ("..", "/etc", "../../etc", "nowhere"):
        modules.write_text(json.dumps([{**module, "path": place}]))
        with pytest.raises(FormatError):
            load(tmp_path / "m", format="static-embedding")
    save(Vectors(WORDS, MATRIX), tmp_path / "v", format="model2vec")
    for content in (
        "[]",
        '{"model": {"vocab": 3}}',
        '{"model": {"vocab": {"a": "b"}}}',
        "{",
        '{"model": {"vocab": [[3]]}}',
    ):
        (tmp_path / "v" / "tokenizer.json").write_text(content)
        with pytest.raises(FormatError, match=r"tokenizer\.json"):
            load(tmp_path / "v")
    (tmp_path / "v" / "tokenizer.json").unlink()
    with pytest.raises(FormatError):
        load(tmp_path / "v", format="model2vec")


def test_a_mapping_out_of_range(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save(Vectors(WORDS, MATRIX), tmp_path / "m", format="model2vec")
    for mapping in ([0, 1, 2, 3, 4, 5, 9], [0, 1, 2, 3, 4, 5, -1]):
        tensors = {"embeddings": MATRIX, "mapping": np.array(mapping, dtype=np.int64)}
        save_file(tensors, str(tmp_path / "m" / "model.safetensors"))
        with pytest.raises(FormatError, match="row is not there"):
            load(tmp_path / "m")
