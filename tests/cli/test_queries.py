"""The verbs that ask a model, as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.formats.registry import load, save
from firth.vectors.static import Vectors
from firth.vectors.subword import NgramRows, SubwordVectors

Call = Callable[..., Any]


def test_nearest_is_tab_separated_in_a_pipe(call: Call, model: Path) -> None:
    done = call("nearest", model, "king", "-n", 2)
    assert (done.code, done.err) == (0, "")
    header, *rows = [line.split("\t") for line in done.out.splitlines()]
    assert header == ["king", "cosine"]
    expected = load(model).nearest("king", n=2)
    assert rows == [[word, f"{cosine:.4f}"] for word, cosine in expected]


def test_nearest_of_several_words_and_of_their_sum(call: Call, model: Path) -> None:
    several = call("nearest", model, "man", "tree", "-n", 1, "--json")
    found = json.loads(several.out)
    assert [answer["query"] for answer in found] == ["man", "tree"]
    assert found[1]["neighbours"][0]["word"] == "Root"
    together = json.loads(call("nearest", model, "king", "woman", "--minus", "man", "--json").out)
    assert [answer["query"] for answer in together] == ["king + woman - man"]
    assert together[0]["neighbours"][0]["word"] == "queen"


def test_nearest_reads_words_from_standard_input(call: Call, model: Path) -> None:
    done = call("nearest", model, "-", "-n", "1", stdin="man\n\ntree\n")
    assert [line.split("\t")[:2] for line in done.out.splitlines()] == [
        ["query", "word"], ["man", load(model).nearest("man", n=1)[0][0]], ["tree", "Root"],
    ]  # fmt: skip


def test_limit_reads_the_first_words_only(call: Call, model: Path) -> None:
    done = call("nearest", model, "king", "--limit", 3)
    assert {line.split("\t")[0] for line in done.out.splitlines()[1:]} == {"man", "woman"}


def test_an_unknown_word_is_one_line(call: Call, model: Path) -> None:
    done = call("nearest", model, "king", "qween", "xyz")
    assert done.code == 1
    assert done.complaint == "not in the vocabulary: qween, xyz; did you mean queen?"
    assert done.out == ""
    assert call("similarity", model, "KING", "tree").complaint.endswith("did you mean king?")
    assert call("odd", model, "man", "king", "zzz").complaint.endswith("check spelling and case")
    assert "man, zzz" not in call("analogy", model, "man", "zzz", "king").complaint


def test_similarity(call: Call, model: Path) -> None:
    expected = load(model).similarity("king", "queen")
    assert float(call("similarity", model, "king", "queen").out) == pytest.approx(expected, abs=1e-4)
    values = json.loads(call("similarity", model, "king", "queen", "--json").out)
    assert values == {"words": ["king", "queen"], "cosine": pytest.approx(expected)}


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_analogy(method: str, call: Call, model: Path) -> None:
    done = call("analogy", model, "man", "woman", "king", "-n", 2, "--method", method)
    header, first, _ = done.out.splitlines()
    assert header == "man : woman = king : ?\tscore"
    assert first.startswith("queen\t")
    values = json.loads(call("analogy", model, "man", "woman", "king", "--method", method, "--json").out)
    assert values["answers"][0]["word"] == "queen"
    assert values["method"] == method
    assert {answer["word"] for answer in values["answers"]}.isdisjoint({"man", "woman", "king"})


def test_analogy_may_include_the_question(call: Call, model: Path) -> None:
    done = call("analogy", model, "man", "man", "king", "--include-query", "--json")
    assert json.loads(done.out)["answers"][0]["word"] == "king"


def test_odd(call: Call, model: Path) -> None:
    assert call("odd", model, "man", "woman", "king", "tree").out == "tree\n"
    assert json.loads(call("odd", model, "man", "king", "tree", "--json").out)["odd"] == "tree"


def test_evaluate(call: Call, model: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("man woman 8\nking queen 9\nking tree 1\nking elf 4\n")
    (tmp_path / "family.txt").write_text(": family\nman woman king queen\n: gram1\nman woman king elf\n")
    options = ("--similarity", tmp_path / "pairs.txt", "--analogies", tmp_path / "family.txt", tmp_path / "family.txt")
    values = json.loads(call("evaluate", model, *options, "--json").out)
    assert values["words"] == 6
    assert [(score["found"], score["pairs"]) for score in values["similarity"]] == [(3, 4)]
    assert [score["total"]["correct"] for score in values["analogies"]] == [1, 1]
    done = call("evaluate", model, *options)
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert rows[0][:4] == ["set", "found", "pairs", "OOV"]
    assert rows[1][:4] == ["pairs", "3", "4", "25.0 %"]
    assert ["family", "syntactic", "0", "0", "1", "-"] in rows
    assert ["family", "total", "1", "1", "2", "100.0 %"] in rows


def test_evaluate_tells_of_broken_vectors(call: Call, tmp_path: Path) -> None:
    from firth.formats.registry import save

    save(Vectors(["a", "b"], np.array([[1, 2], [np.nan, 0]], dtype=np.float32)), tmp_path / "m")
    (tmp_path / "pairs.txt").write_text("a b 8\na a 9\n")
    done = call("evaluate", tmp_path / "m", "--similarity", tmp_path / "pairs.txt")
    assert done.code == 0
    assert done.err == "note: 1 of 2 vectors hold NaN or infinite values and count as like nothing\n"


def test_notices_of_a_reader_are_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("3 2\na 1 0\nb 0 1\na 1 1\n")
    done = call("similarity", tmp_path / "v.txt", "a", "b")
    assert (done.code, done.out) == (0, "0.0000\n")
    assert [line[:6] for line in done.err.splitlines()] == ["note: "]


def test_evaluate_tells_the_line_at_fault(call: Call, model: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("man woman 8\nking\n")
    done = call("evaluate", model, "--similarity", tmp_path / "pairs.txt")
    assert done.code == 1
    assert "pairs.txt: line 2" in done.complaint


def test_many_sections_are_summed_in_text_and_whole_in_json(call: Call, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f": {number}\nman woman king queen\n" for number in range(50)))
    done = call("evaluate", model, "--analogies", path)
    assert "(50 sections: see --json)" in done.out
    assert len(done.out.splitlines()) == 3
    assert len(json.loads(call("evaluate", model, "--analogies", path, "--json").out)["analogies"][0]["sections"]) == 50


def test_inspect(call: Call, model: Path) -> None:
    done = call("inspect", model)
    assert done.code == 0
    facts = {line.split("  ")[0].strip(): line.split("  ")[-1].strip() for line in done.out.splitlines()}
    assert (facts["words"], facts["dim"], facts["format"]) == ("6", "4", "firth")
    values = json.loads(call("inspect", model, "--json").out)
    assert (values["words"], values["dim"]) == (6, 4)


def test_convert_there_and_back(call: Call, model: Path, tmp_path: Path) -> None:
    there = call("convert", model, tmp_path / "royal.txt")
    assert there.code == 0
    assert "counts" in there.err
    assert call("convert", tmp_path / "royal.txt", tmp_path / "royal").code == 0
    before, after = load(model), load(tmp_path / "royal")
    assert list(after.words) == list(before.words)
    np.testing.assert_array_equal(after.matrix, before.matrix)


def test_nothing_is_overwritten_unasked(call: Call, model: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept.txt"
    target.write_text("precious")
    done = call("convert", model, target)
    assert done.code == 1
    assert "--overwrite" in done.complaint
    assert target.read_text() == "precious"
    assert call("convert", model, target, "--overwrite").code == 0
    assert load(target)["king"].shape == (4,)


def test_words_with_strange_bytes_are_shown_as_escapes(call: Call, tmp_path: Path) -> None:
    from firth.formats.registry import save

    save(Vectors(["a", "tab\there", "bad\udcff"], np.eye(3, dtype=np.float32) + 0.1), tmp_path / "m")
    done = call("nearest", tmp_path / "m", "a")
    assert {line.split("\t")[0] for line in done.out.splitlines()[1:]} == {"tab\\there", "bad\\xff"}
    found = json.loads(call("nearest", tmp_path / "m", "a", "--json").out)
    assert {near["word"] for near in found[0]["neighbours"]} == {"tab\there", "bad\udcff"}


@pytest.mark.parametrize("suffix", [".npy", ".safetensors"])
@pytest.mark.parametrize("what", ["sentences", "tokens"])
def test_embed(suffix: str, what: str, call: Call, model: Path, tmp_path: Path) -> None:
    text, out = tmp_path / "t.txt", tmp_path / f"v{suffix}"
    text.write_text("the king\n\nqueen king unknown\n")
    done = call("embed", model, text, "--out", out, "--what", what)
    assert done.code == 0
    assert "2 of 5 tokens are not in the vocabulary" in done.err
    vectors = load(model)
    king, queen = vectors["king"], vectors["queen"]
    if suffix == ".npy":
        rows = np.load(out)
    else:
        from safetensors.numpy import load_file

        held = load_file(out)
        rows = held["vectors"]
        assert held["ends"].tolist() == ([1, 2, 3] if what == "sentences" else [2, 2, 5])
    zero = np.zeros(4)
    expected = [king, zero, (queen + king) / 2] if what == "sentences" else [zero, king, queen, king, zero]
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_embed_refuses_an_unknown_kind_of_file(call: Call, model: Path, tmp_path: Path) -> None:
    done = call("embed", model, tmp_path / "t.txt", "--out", tmp_path / "v.csv")
    assert done.code == 2
    assert ".npy, .safetensors" in done.complaint


def test_a_terminal_gets_a_drawn_table(call: Call, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    done = call("nearest", model, "king", "-n", 2)
    assert "─" in done.out
    assert "cosine" in done.out


def test_embed_cuts_a_text_as_the_model_was_trained(call: Call, tmp_path: Path) -> None:
    made = {"name": "whitespace", "lower": True, "fold_digits": False}
    vectors = Vectors(["new-york", "rain"], np.eye(2, dtype=np.float32), metadata={"tokenizer": made})
    save(vectors, tmp_path / "trained")
    text, out = tmp_path / "text.txt", tmp_path / "out.npy"
    text.write_text("NEW-YORK Rain\n", encoding="utf-8")
    done = call("embed", tmp_path / "trained", text, "--out", out, "--what", "tokens")
    assert (done.code, done.err) == (0, "")
    np.testing.assert_array_equal(np.load(out), np.eye(2))
    told = call("embed", tmp_path / "trained", text, "--out", out, "--overwrite", "--tokenizer", "words", "--lower")
    assert "2 of 3 tokens are not in the vocabulary" in told.err
    alone = call("embed", tmp_path / "trained", text, "--out", out, "--overwrite", "--tokenizer", "words")
    assert "3 of 3 tokens are not in the vocabulary" in alone.err


def test_embed_adds_a_flag_to_the_tokenizer_of_the_model(call: Call, tmp_path: Path) -> None:
    made = {"name": "whitespace", "lower": False, "fold_digits": False, "phrases": [{"passes": 1}]}
    vectors = Vectors(["new-york", "rain"], np.eye(2, dtype=np.float32), metadata={"tokenizer": made})
    save(vectors, tmp_path / "trained")
    text, out = tmp_path / "text.txt", tmp_path / "out.npy"
    text.write_text("NEW-YORK Rain\n", encoding="utf-8")
    done = call("embed", tmp_path / "trained", text, "--out", out, "--what", "tokens", "--lower")
    assert done.err.splitlines() == [
        "note: the model was trained with phrases, which are not joined in the embedded text"
    ]
    np.testing.assert_array_equal(np.load(out), np.eye(2))


def test_embed_composes_unknown_words_from_their_ngrams(call: Call, tmp_path: Path) -> None:
    grams = NgramRows(np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32), minn=3, maxn=4, buckets=50)
    vectors = SubwordVectors(
        ["cat"], np.ones((1, 3), np.float32), subwords=grams, metadata={"tokenizer": {"name": "words"}}
    )
    save(vectors, tmp_path / "m")
    (tmp_path / "t.txt").write_text("cat catty\n", encoding="utf-8")
    done = call("embed", tmp_path / "m", tmp_path / "t.txt", "--out", tmp_path / "v.npy", "--what", "tokens")
    assert done.code == 0, done.err
    assert "1 of 2 tokens are not in the vocabulary: composed" in done.err
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), [np.ones(3), vectors["catty"]], atol=1e-6)
