"""Published checkpoints of BERT's family: layers and logits of the transformers library, and no trust in a folder."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

import firth
from firth.contextual.bert_model import BertModel
from firth.contextual.pieces import Pieces, wordpiece_json
from firth.errors import FirthError, FormatError
from firth.events import Notice
from firth.tensors import read_tensors, write_tensors

transformers = pytest.importorskip("transformers")
transformers.logging.set_verbosity_error()

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "qu", "##ick", "brown", "fox", "##es", "jump", "##ed", "over", "lazy", "dog", ".", "苹", "果", "e"]
VOCABULARY = [*MARKS, *WORDS]
SENTENCES = [["The", "quick", "fox"], ["dog"], [], ["jumped", "over", "the", "lazy", "foxes", "."], ["苹果", "été"]]
SIZES = {
    "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 20,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "bert": SIZES,
    "bert-relu": {**SIZES, "hidden_act": "relu", "layer_norm_eps": 1e-3},
    "bert-tanh": {**SIZES, "hidden_act": "gelu_new"},
    "roberta": {**SIZES, "type_vocab_size": 1, "pad_token_id": 0, "max_position_embeddings": 24},
    "xlm-roberta": {**SIZES, "type_vocab_size": 1, "pad_token_id": 0, "hidden_act": "relu"},
    "distilbert": {
        "vocab_size": 23, "dim": 16, "n_layers": 2, "n_heads": 4, "hidden_dim": 24, "max_position_embeddings": 20,
    },
    "electra": {**SIZES, "embedding_size": 8},
    "electra-wide": {**SIZES, "embedding_size": 16},
    "albert": {**SIZES, "embedding_size": 8},
    "albert-groups": {**SIZES, "embedding_size": 16, "num_hidden_layers": 4, "num_hidden_groups": 2},
}  # fmt: skip
KERNELS = {"math": SDPBackend.MATH, "flash": SDPBackend.FLASH_ATTENTION, "plain": None}

Make = Callable[..., tuple[Path, Any]]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function that saves a model of transformers with random weights, once each."""
    made: dict[str, tuple[Path, Any]] = {}

    def make(kind: str) -> tuple[Path, Any]:
        if kind not in made:
            folder = tmp_path_factory.mktemp("bert") / kind
            config = transformers.AutoConfig.for_model(
                kind if kind == "xlm-roberta" else kind.split("-", maxsplit=1)[0], **KINDS[kind]
            )
            torch.manual_seed(len(made))
            model = transformers.AutoModelForMaskedLM.from_config(config).eval()
            with torch.no_grad():
                for value in model.parameters():  # norms and summands too: those of a fresh model are 1 and 0
                    value.add_(torch.randn_like(value) * 0.2)
            model.save_pretrained(folder)
            (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in VOCABULARY))
            (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
            made[kind] = folder, model
        return made[kind]

    return make


def batch() -> tuple[Tensor, Tensor]:
    """Rows of different length, and where they are."""
    ids = torch.tensor([[2, 5, 6, 7, 8, 9, 3], [2, 15, 16, 3, 0, 0, 0], [2, 4, 3, 0, 0, 0, 0]])
    return ids, torch.arange(7) < torch.tensor([[7], [4], [3]])


def theirs_of(model: Any, ids: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        found = model(input_ids=ids, attention_mask=there.long(), output_hidden_states=True)
    return torch.stack(found.hidden_states), found.logits


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", KINDS)
def test_layers_and_logits_are_those_of_transformers(kind: str, kernel: str, checkpoint: Make) -> None:
    folder, model = checkpoint(kind)
    ids, there = batch()
    layers, logits = theirs_of(model, ids, there)
    ours = firth.load(folder)
    net = ours.net
    net.backend = "plain" if kernel == "plain" else "fused"
    chosen = KERNELS[kernel]
    with torch.no_grad(), contextlib.nullcontext() if chosen is None else sdpa_kernel(chosen):
        found = net.layers(ids, there[:, None, None])
    assert found.shape == layers.shape
    worst = (found - layers)[:, there].abs().max()
    assert float(worst) < 1e-5
    predicted = net.logits(found[-1])
    assert float((predicted - logits)[there].detach().abs().max()) < 1e-5
    assert float(logits.std()) > 0.3  # the weights say something


@pytest.mark.parametrize("kind", ["bert", "roberta", "albert"])
def test_vectors_of_words_are_those_of_their_pieces(kind: str, checkpoint: Make) -> None:
    folder, model = checkpoint(kind)
    ours = firth.load(folder)
    cut = {"The": [5], "quick": [6, 7], "fox": [9], "dog": [15], "jumped": [11, 12], "over": [13], "the": [5],
           "lazy": [14], "foxes": [9, 10], ".": [16], "苹果": [17, 18], "été": [1]}  # fmt: skip
    for pooling, take in (("first", lambda v: v[:, 0]), ("last", lambda v: v[:, -1]), ("mean", lambda v: v.mean(1))):
        with pytest.warns(UserWarning, match="1 of 12 words"):
            found = ours.with_pooling(pooling).encode_layers(SENTENCES)
        for sentence, vectors in zip(SENTENCES, found, strict=True):
            assert vectors.shape == (ours.n_layers, len(sentence), 16)
            ids = [2, *(piece for word in sentence for piece in cut[word]), 3]
            layers = theirs_of(model, torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool))[0][:, 0]
            at = 1
            for place, word in enumerate(sentence):
                wanted = take(layers[:, at : at + len(cut[word])].numpy())
                np.testing.assert_allclose(vectors[:, place], wanted, atol=1e-5)
                at += len(cut[word])


TEXTS = [
    "Hello, world! the Quick brown FOXES jumped over the lazy dog...",
    "苹果公司 and 我爱吃苹果。", "Été à Zürich, naïve café — déjà vu", "a" * 150 + " dog", "[MASK] the [UNK] dog[SEP]",
    "tabs\tand\nlines\u00a0and \u200b zero \x07 bells", "한국어 텍스트", "e-mail: fox@dog.over, $3.14 (50%)",
]  # fmt: skip


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("fixture", [True, False])
def test_pieces_are_those_of_transformers(
    lower: bool, fixture: bool, tmp_path: Path, data: Callable[[str], Path]
) -> None:
    vocabulary = VOCABULARY
    texts = list(TEXTS)
    if fixture:
        vocabulary = ["[MASK]", *data("bert-fixtures/allennlp-bert/vocab.txt").read_text().split()]
        sample = data("bert-fixtures/transformers-fixtures/sample_text.txt")
        texts += sample.read_text().splitlines()
    letters = sorted({c for text in texts for c in text.lower() + text if not c.isspace()})
    vocabulary = [*vocabulary, *(c for c in letters if c not in vocabulary), *(f"##{c}" for c in letters)]
    vocabulary = list(dict.fromkeys(vocabulary))
    theirs = transformers.BertTokenizer(vocab={piece: n for n, piece in enumerate(vocabulary)}, do_lower_case=lower)
    ours = Pieces(wordpiece_json(vocabulary, lower=lower))
    for text in texts:
        assert ours.read(text) == theirs.encode(text, add_special_tokens=False), text
        words = [word for word in text.split() if theirs.encode(word, add_special_tokens=False)]
        apart = [piece for row in ours.rows(words) for piece in row]
        assert apart == theirs.encode(" ".join(words), add_special_tokens=False), text


def test_byte_level_words_have_their_blanks(tmp_path: Path) -> None:
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()  # add_prefix_space is False, as in RoBERTa's files
    made.train_from_iterator(["the fox and the dog saw 苹果"] * 9, vocab_size=300, min_frequency=2,
                             special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])  # fmt: skip
    pieces = Pieces(made._tokenizer.to_str())
    assert (pieces.marks.first, pieces.marks.pad, pieces.marks.last) == (0, 1, 2)
    whole = made.encode(" the fox saw 苹果 zoo").ids
    assert [piece for row in pieces.rows(["the", "fox", "saw", "苹果", "zoo"]) for piece in row] == whole


# ---------------------------------------------------------------- files
def test_old_names_prefixes_and_pickles_are_read(checkpoint: Make, tmp_path: Path) -> None:
    folder, _ = checkpoint("bert")
    expected = firth.load(folder).encode_layers([["the", "fox"]])[0]
    tensors = read_tensors(folder / "model.safetensors")[0]

    def copied(name: str, changed: dict[str, Any], torch_file: bool = False) -> Path:
        made = tmp_path / name
        made.mkdir()
        for part in ("config.json", "vocab.txt", "tokenizer_config.json"):
            (made / part).write_text((folder / part).read_text())
        if torch_file:
            state = {key: torch.from_numpy(np.array(value)) for key, value in changed.items()}
            torch.save(state, made / "pytorch_model.bin")
        else:
            write_tensors(made / "model.safetensors", changed)
        return made

    old = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
           for k, v in tensors.items()}  # fmt: skip
    bare = {k.removeprefix("bert."): v for k, v in tensors.items() if k.startswith("bert.")}
    wrapped = {f"module.{k}": v for k, v in tensors.items()}
    more = {**tensors, "classifier.weight": np.zeros((2, 16), np.float32)}
    for name, changed, torch_file in (
        ("old", old, False), ("pickle", tensors, True), ("old_pickle", old, True), ("bare", bare, False),
        ("wrapped", wrapped, False), ("more", more, False),
    ):  # fmt: skip
        found = firth.load(copied(name, changed, torch_file))
        assert found.encode_layers([["the", "fox"]])[0].tobytes() == expected.tobytes(), name
        assert (found.net.head is None) == (name == "bare")


def test_config_without_a_type_is_an_old_bert(checkpoint: Make, tmp_path: Path) -> None:
    folder, _ = checkpoint("bert")
    made = copied_to(folder, tmp_path / "old")
    config = json.loads((made / "config.json").read_text())
    del config["model_type"]
    (made / "config.json").write_text(json.dumps(config))
    assert firth.load(made).metadata["origin"] == "bert"


def test_casing_is_found_out_where_nothing_tells(checkpoint: Make, tmp_path: Path) -> None:
    folder, _ = checkpoint("bert")
    made = copied_to(folder, tmp_path / "made")
    (made / "tokenizer_config.json").unlink()
    heard: list[Any] = []
    found = firth.load(made, listen=heard.append)
    assert found.pieces.rows(["THE"]) == [[5]]
    assert any(isinstance(event, Notice) and "lower-cased" in event.message for event in heard)


def copied_to(folder: Path, made: Path) -> Path:
    made.mkdir()
    for part in folder.iterdir():
        (made / part.name).write_bytes(part.read_bytes())
    return made


def change_config(**changes: Any) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | changes))

    return act


def change_tensors(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        tensors = {name: np.array(value) for name, value in read_tensors(folder / "model.safetensors")[0].items()}
        change(tensors)
        write_tensors(folder / "model.safetensors", tensors)

    return act


def spoil(tensors: dict[str, Any]) -> None:
    tensors["bert.encoder.layer.1.output.dense.bias"][3] = np.nan


LAYER = "bert.encoder.layer.2.attention.self.key.weight"
BROKEN: list[tuple[Callable[[Path], Any], str]] = [
    (change_config(model_type="gpt2"), "BERT's family.*gpt2"),
    (change_config(hidden_size=18), "don't fit|does not spread"),
    (change_config(num_hidden_layers=4), "lacks.*layer.3"),
    (change_config(num_hidden_layers=1 << 30), "num_hidden_layers is no proper size"),
    (change_config(hidden_size="16"), "hidden_size is no proper size"),
    (change_config(vocab_size=1 << 25), "don't fit"),
    (change_config(vocab_size=12), "don't fit"),
    (change_config(hidden_act="mish"), "no such activation.*mish"),
    (change_config(position_embedding_type="relative_key"), "relative_key"),
    (change_config(is_decoder=True), "decoder"),
    (change_tensors(lambda t: t.pop(LAYER)), f"lacks {LAYER}"),
    (change_tensors(spoil), "no number"),
    (change_tensors(lambda t: t.pop("cls.predictions.bias")), "head is not whole"),
    (change_tensors(lambda t: t.clear()), "no such model"),
    (lambda f: (f / "vocab.txt").write_text("\n".join(VOCABULARY[1:])), "no mark for pad"),
    (lambda f: (f / "vocab.txt").write_text("\n".join([*VOCABULARY, "the"])), "twice.*the"),
    (lambda f: (f / "vocab.txt").write_bytes(b"\xff\xfe"), "UTF-8"),
    (lambda f: (f / "vocab.txt").write_text("\n".join([*VOCABULARY, *map(str, range(9))])), "more pieces"),
    (lambda f: (f / "vocab.txt").unlink(), "no vocabulary"),
    (lambda f: (f / "tokenizer.json").write_text('{"version": "1.0"}'), "cannot read this tokenizer"),
    (lambda f: (f / "tokenizer.json").write_text("[" * 100_000), "no JSON"),
    (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 40), "longer than the file"),
    (lambda f: (f / "model.safetensors").rename(f / "model-00001-of-00002.safetensors"), "several files"),
]


@pytest.mark.parametrize("place", range(len(BROKEN)))
def test_a_broken_folder_is_one_clear_line(place: int, checkpoint: Make, tmp_path: Path) -> None:
    folder = copied_to(checkpoint("bert")[0], tmp_path / "made")
    act, message = BROKEN[place]
    act(folder)
    with pytest.raises(FormatError, match=message):
        firth.load(folder, listen=lambda event: None)


def test_inspect_tells_what_it_is(checkpoint: Make) -> None:
    from firth.formats.registry import inspect

    report = inspect(checkpoint("albert-groups")[0])
    assert (report.format, report.kind, report.dim) == ("bert", "bert", 16)
    assert "4 layers, 2 of their own of 16" in report.details["architecture"]
    assert (report.details["layers"], report.details["head"]) == (5, True)


# ---------------------------------------------------------------- written
@pytest.mark.parametrize("kind", ["bert", "bert-tanh", "distilbert"])
def test_what_we_write_transformers_reads(kind: str, checkpoint: Make, tmp_path: Path) -> None:
    folder, theirs = checkpoint(kind)
    ours = firth.load(folder)
    firth.save(ours, tmp_path / "out", format="bert")
    again = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "out").eval()
    ids, there = batch()
    for found, expected in zip(theirs_of(again, ids, there), theirs_of(theirs, ids, there), strict=True):
        torch.testing.assert_close(found[..., there, :], expected[..., there, :], atol=1e-5, rtol=0)
    read = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert read("The quick foxes")["input_ids"] == [2, 5, 6, 7, 9, 10, 3]
    assert (read.mask_token_id, read.pad_token_id) == (4, 0)
    back = firth.load(tmp_path / "out")
    assert back.encode(SENTENCES[:1])[0].tobytes() == ours.encode(SENTENCES[:1])[0].tobytes()


def test_what_we_trained_transformers_reads(tmp_path: Path) -> None:
    from firth.contextual.bert import BERT, train

    sizes = {"layers": 2, "dim": 16, "heads": 2, "hidden": 24, "vocab_size": 60, "length": 16, "batch": 64}
    options = BERT(recipe="original", epochs=2, **sizes)
    ours = train(["the quick fox saw a lazy dog", "foxes jumped over 苹果"] * 8, options, threads=1).model
    firth.save(ours, tmp_path / "out", format="bert")
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "out").eval()
    read = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    words = ["foxes", "saw", "苹果", "quick"]
    given = read([" ".join(words)], return_tensors="pt")
    layers, logits = theirs_of(theirs, given["input_ids"], given["attention_mask"].bool())
    ids = [piece for row in ours.pieces.rows(words) for piece in row]
    assert given["input_ids"].tolist() == [[ours.pieces.marks.first, *ids, ours.pieces.marks.last]]
    with torch.no_grad():
        found = ours.net.layers(given["input_ids"])
        torch.testing.assert_close(found, layers, atol=1e-5, rtol=0)
        torch.testing.assert_close(ours.net.logits(found[-1]), logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["albert", "electra", "roberta"])
def test_what_has_no_published_form_is_refused(kind: str, checkpoint: Make, tmp_path: Path) -> None:
    ours = firth.load(checkpoint(kind)[0])
    assert isinstance(ours, BertModel)
    with pytest.raises(FirthError, match="no published form"):
        firth.save(ours, tmp_path / "out", format="bert")
    assert not (tmp_path / "out").exists()
