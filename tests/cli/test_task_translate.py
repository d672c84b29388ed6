"""``firth task`` with a translator: from files of pairs to lines of text, scores and pictures."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu

from firth.formats.registry import save
from firth.vectors.static import Vectors

Call = Callable[..., Any]
OPTIONS = (
    "--units", "words", "--dim", 32, "--hidden", 32, "--decoder-layers", 1, "--epochs", 40, "--batch", 30, "--rate",
    0.02, "--dropout", 0, "--min-count", 1, "--threads", 1,
)  # fmt: skip
PAIRS = [("der Hund geht", "the dog goes"), ("der Mann", "the man"), ("ein Hund", "a dog"), ("ein Baum", "a tree")]


def write(path: Path, lines: list[str]) -> Path:
    raw = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.fixture(name="sides")
def sides_fixture(tmp_path: Path) -> tuple[Path, Path]:
    sources, targets = zip(*PAIRS * 3, strict=True)
    return write(tmp_path / "a.de.gz", list(sources)), write(tmp_path / "a.en", list(targets))


@pytest.fixture(name="model")
def model_fixture(call: Call, sides: tuple[Path, Path], tmp_path: Path) -> Path:
    out = tmp_path / "model"
    source, target = sides
    held = ("--heldout-source", source, "--heldout-target", target)
    done = call("task", "train", "translate", source, target, *held, "--out", out, *OPTIONS)
    assert done.code == 0, done.err
    assert done.err.count("held-out loss") >= 40
    return out


def test_train_run_and_evaluate(call: Call, model: Path, sides: tuple[Path, Path], tmp_path: Path) -> None:
    found = call("task", "run", model, "-", stdin="ein Hund\n\nder Mann\n")
    assert found.out == "a dog\n\nthe man\n"
    assert call("task", "run", model, sides[0]).out.splitlines()[:4] == [target for _, target in PAIRS]
    several = call("task", "run", model, "-", "--n-best", 3, "--beam", 4, stdin="ein Hund\n").out.splitlines()
    assert len(several) == 3
    assert several[0] == "a dog"
    record = json.loads(call("task", "run", model, "-", "--json", stdin="ein Hund\n").out)
    (best,) = record["translations"]
    assert (record["source"], best["text"], best["tokens"]) == ("ein Hund", "a dog", ["a", "dog", "<eos>"])
    assert np.array(best["attention"]).shape == (3, 3)
    scores = json.loads(call("task", "evaluate", model, *sides, "--json").out)
    assert (scores["sentences"], round(scores["chrf"], 4)) == (12, 100.0)
    table = call("task", "evaluate", model, *sides, "--beam", 1).out.splitlines()
    assert table[0] == "score\tvalue\tsignature"
    assert table[2].startswith("chrf\t100.00\tnrefs:1|case:mixed")
    report = json.loads(call("inspect", model, "--json").out)
    assert (report["kind"], report["uses"]) == ("translator", ["task run", "task evaluate"])


def test_scores_are_those_of_sacrebleu(call: Call, model: Path, tmp_path: Path) -> None:
    wanted = ["the dog walks", "A man", "a big dog", "no tree"]
    path = write(tmp_path / "b.tsv", [f"{b}\t{a}\tby ann" for (a, _), b in zip(PAIRS, wanted, strict=True)])
    told = json.loads(call("task", "evaluate", model, path, "--columns", "2,1", "--uncased", "--json").out)
    said = call("task", "run", model, write(tmp_path / "b.de", [a for a, _ in PAIRS])).out.splitlines()
    assert told["bleu"] == pytest.approx(sacrebleu.corpus_bleu(said, [wanted], lowercase=True).score)
    assert told["chrf"] == pytest.approx(sacrebleu.CHRF(lowercase=True).corpus_score(said, [wanted]).score)
    assert "case:lc|eff:no|tok:13a" in told["bleu_signature"]


def test_one_file_of_columns_and_the_other_way(call: Call, tmp_path: Path) -> None:
    path = write(tmp_path / "deu.txt", [f"{a}\t{b}\tCC-BY 2.0" for a, b in PAIRS * 3] + ["", "\tempty\tx"])
    out = tmp_path / "out"
    done = call("task", "train", "translate", path, "--reverse", "--heldout", path, "--out", out, *OPTIONS)
    assert done.code == 0, done.err
    assert "1 pairs with an empty side are left out" in done.err
    assert call("task", "run", out, "-", stdin="a tree\n").out == "ein Baum\n"
    assert call("task", "run", out, "-", "--temperature", 0.01, stdin="a tree\n").out == "ein Baum\n"


def test_words_that_are_unknown(call: Call, tmp_path: Path) -> None:
    rare = [f"ein X{n}\ta Y{n}" for n in range(4)] * 4
    known = ["ein Hund\ta dog", "ein Mann\ta man", "ein Baum\ta tree"] * 8
    path, out = write(tmp_path / "pairs.tsv", rare + known), tmp_path / "out"
    changed = {"--min-count": 5, "--batch": 60}
    options = [changed.get(str(before), value) for before, value in zip(["", *OPTIONS], OPTIONS, strict=False)]
    assert call("task", "train", "translate", path, "--out", out, *options, "--place", "top", "--quiet").code == 0
    words = write(tmp_path / "words.tsv", ["Katze\tcat"])
    said = [
        call("task", "run", out, "-", *more, stdin="ein Katze\n").out
        for more in ([], ["--keep-unknown"], ["--dictionary", words])
    ]
    assert said == ["a Katze\n", "a <unk>\n", "a cat\n"]


def test_the_picture_of_attention(call: Call, model: Path, tmp_path: Path) -> None:
    picture = tmp_path / "attention.png"
    done = call("task", "run", model, "-", "--attention", picture, stdin="ein Hund\n")
    assert (done.code, done.out) == (0, "a dog\n")
    assert picture.read_bytes().startswith(b"\x89PNG")
    more = call("task", "run", model, "-", "--attention", picture, stdin="ein Hund\nein Baum\n")
    assert "a picture of attention is of one line" in more.complaint


def test_describe_words_by_their_vectors(call: Call, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    centres = random.standard_normal((2, 8))
    words = ["pear", "apple", "plum", "dog", "cat", "cow"]
    rows = np.array([centres[i // 3] + 0.1 * random.standard_normal(8) for i in range(6)], np.float32)
    save(Vectors(words, rows), tmp_path / "vectors")
    lessons = [f"{word}\t{'a fruit' if i < 3 else 'an animal'}" for i, word in enumerate(words) if i % 3]
    path, out = write(tmp_path / "lessons.tsv", lessons * 4), tmp_path / "out"
    done = call("task", "train", "describe", path, "--vectors", tmp_path / "vectors", "--out", out, *OPTIONS)
    assert done.code == 0, done.err
    found = call("task", "run", out, "-", stdin="pear\ndog\nzebra\n")
    assert found.out == "a fruit\nan animal\n\n"
    assert "nothing is known of 'zebra'" in found.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{f}/nothing", "{b}"], 1, "no such file"),
        (["{f}/short", "{b}"], 1, "the files differ in length, so their lines are no pairs: got 1 lines and 12 lines"),
        (["{f}/binary", "{b}"], 1, "binary file"),
        (["{f}/latin", "{b}"], 1, "line 1 is not UTF-8"),
        (["{f}/empty", "{f}/empty"], 1, "there are no pairs of texts"),
        (["{f}/short"], 1, "line 1 has too few columns"),
        (["{a}", "{b}", "{b}"], 2, "pairs are in one file or in two"),
        (["{a}", "{b}", "--columns", "1,2"], 2, "--columns goes with one file"),
        (["{f}/short", "--columns", "0,2"], 2, "--columns is no pair of columns"),
        (["{a}", "{b}", "--heldout-source", "{a}"], 2, "go together"),
        (["{a}", "{b}", "--hidden", "7"], 2, "--hidden is odd"),
        (["{a}", "{b}", "--attention", "cosine"], 2, "cosine"),
        (["{a}", "{b}", "--max-length", "1"], 1, "no pair is left to learn from"),
        (["-", "-"], 2, "standard input cannot be both sides"),
    ],
)
def test_bad_input_is_one_line(  # noqa: PLR0917
    call: Call, sides: tuple[Path, Path], tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    files = {"short": b"one\n", "binary": bytes(range(32)) * 100, "latin": b"\xe9t\xe9\n" * 12, "empty": b""}
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    given = [argument.format(a=sides[0], b=sides[1], f=tmp_path) for argument in arguments]
    done = call("task", "train", "translate", *given, "--out", tmp_path / "out", "--threads", 1)
    assert done.code == code
    assert said in next(line for line in done.err.splitlines() if line.startswith("firth: "))
    assert not (tmp_path / "out").exists()


def test_options_of_other_models(call: Call, model: Path, sides: tuple[Path, Path]) -> None:
    assert "a translator takes no -k" in call("task", "run", model, sides[0], "-k", 3).complaint
    assert "a translator takes no --tokenizer" in call("task", "run", model, sides[0], "--tokenizer", "zh").complaint
    assert "beam is out of range" in call("task", "run", model, sides[0], "--beam", 0).complaint
    assert "neither --n-best" in call("task", "evaluate", model, *sides, "--n-best", 2).complaint
    assert "too few columns" in call("task", "evaluate", model, sides[1]).complaint
