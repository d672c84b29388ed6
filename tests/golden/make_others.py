"""Golden files of gensim, finalfusion, spaCy, model2vec and pyarrow, from a text of our own."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import finalfusion
import model2vec
import numpy as np
import pyarrow as pa
from finalfusion.norms import Norms
from finalfusion.storage import NdArray
from finalfusion.subword import FinalfusionHashIndexer
from finalfusion.vocab import FinalfusionBucketVocab
from gensim.models import FastText, KeyedVectors, Word2Vec
from pyarrow import feather, parquet
from spacy.strings import StringStore
from spacy.vectors import Vectors as SpacyVectors
from tokenizers import Tokenizer
from tokenizers.models import WordPiece

__all__ = ["make_others"]

TEXT = ["the cat eats fish", "the cat eats the naïve 水 鱼", "水 鱼 eats the cat", "Übermut eats New_York"]
SENTENCES = [line.split() for line in TEXT] * 3
WORDS = ["the", "水", "naïve", "mark"]
UNSEEN = ["cats", "水水", "naïves"]
MATRIX = (np.arange(16, dtype=np.float32).reshape(4, 4) - 7) / 4


def make_others(folder: Path) -> None:
    """Write a tiny file of each program, and what the program itself answers."""
    asked = {**_gensim(folder), **_finalfusion(folder), **_spacy(folder)}
    _model2vec(folder)
    table = pa.table(
        {"word": WORDS, "vector": pa.array(MATRIX.tolist(), pa.list_(pa.float32())), "count": [4, 3, 2, 1]}
    )
    parquet.write_table(table, folder / "table.parquet")
    feather.write_feather(table, str(folder / "table.feather"), compression="uncompressed")
    names = ("gensim", "finalfusion", "spacy", "model2vec", "tokenizers", "pyarrow", "numpy")
    (folder / "versions.json").write_text(json.dumps({name: version(name) for name in names}, indent=2) + "\n")
    (folder / "asked.json").write_text(json.dumps(asked, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _answers(vectors: object, words: list[str]) -> dict[str, list[float]]:
    return {word: np.asarray(vectors[word]).tolist() for word in words}  # type: ignore[index]


def _gensim(folder: Path) -> dict[str, dict[str, list[float]]]:
    options = {"vector_size": 4, "min_count": 1, "epochs": 2, "seed": 1, "workers": 1}
    word2vec = Word2Vec(SENTENCES, **options)
    word2vec.save(str(folder / "word2vec.model"))
    word2vec.wv.save(str(folder / "apart.kv"), sep_limit=0)
    fasttext = FastText(SENTENCES, bucket=20, min_n=2, max_n=3, **options)
    fasttext.save(str(folder / "fasttext.model"))
    keyed = KeyedVectors(4)
    keyed.add_vectors(WORDS, MATRIX)
    keyed.save(str(folder / "keyed.kv"))
    return {
        "word2vec.model": _answers(word2vec.wv, word2vec.wv.index_to_key),
        "apart.kv": _answers(word2vec.wv, word2vec.wv.index_to_key),
        "fasttext.model": _answers(fasttext.wv, [*fasttext.wv.index_to_key, *UNSEEN]),
        "keyed.kv": _answers(keyed, WORDS),
    }


def _finalfusion(folder: Path) -> dict[str, dict[str, list[float]]]:
    lengths = np.linalg.norm(MATRIX, axis=1).astype(np.float32)
    rows = np.concatenate([MATRIX / lengths[:, None], np.sin(np.arange(32, dtype=np.float32)).reshape(8, 4)])
    vocab = FinalfusionBucketVocab(WORDS, FinalfusionHashIndexer(3, 2, 3))
    made = finalfusion.Embeddings(NdArray(rows), vocab, norms=Norms(lengths))
    made.write(str(folder / "buckets.fifu"))
    answers = {word: (unit * length).tolist() for word, unit, length in zip(WORDS, rows, lengths, strict=False)}
    return {"buckets.fifu": answers | {word: made.embedding(word).tolist() for word in UNSEEN}}


def _spacy(folder: Path) -> dict[str, dict[str, list[float]]]:
    strings = StringStore(WORDS)
    plain = SpacyVectors(data=MATRIX, keys=[strings[word] for word in WORDS], strings=strings)
    plain.to_disk(folder / "spacy")
    options = {"hash_count": 2, "minn": 2, "maxn": 3, "bow": "<", "eow": ">", "hash_seed": 5}
    table = np.cos(np.arange(40, dtype=np.float32)).reshape(10, 4)
    hashed = SpacyVectors(mode="floret", strings=strings, data=table, **options)
    hashed.to_disk(folder / "spacy-floret")
    return {"spacy": _answers(plain, WORDS), "spacy-floret": _answers(hashed, [*WORDS[:3], *UNSEEN])}


def _model2vec(folder: Path) -> None:
    vocab = {"[UNK]": 0, "the": 1, "水": 2, "##s": 3}
    model = model2vec.StaticModel(MATRIX, Tokenizer(WordPiece(vocab, unk_token="[UNK]")), normalize=False)
    model.save_pretrained(folder / "model2vec")
    (folder / "model2vec" / "README.md").unlink(missing_ok=True)
