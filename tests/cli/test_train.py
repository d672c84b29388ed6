"""``firth corpus`` and ``firth train``: from text to a model on disk."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth import checkpoint
from firth.cli import train as train_verb
from firth.events import EpochEnd
from firth.formats.registry import load
from firth.static.word2vec import Word2Vec
from firth.text.corpus import Corpus

Call = Callable[..., Any]
SMALL = ("--dim", 8, "--min-count", 1, "--epochs", 2, "--threads", 1)


def test_train_word2vec(call: Call, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    done = call("train", "word2vec", text, "--out", out, *SMALL)
    assert done.code == 0
    assert done.out == ""
    assert "epoch 2 done: mean loss" in done.err
    assert f"saved: {out}" in done.err
    vectors = load(out)
    assert vectors.dim == 8
    assert vectors.metadata["options"]["epochs"] == 2
    assert not list(tmp_path.glob("*.checkpoint"))


def test_every_option_reaches_the_config(
    call: Call, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    class StopHereError(Exception):
        pass

    def spy(corpus: Corpus, config: Word2Vec, **options: Any) -> None:
        seen.update(options, config=config, corpus=corpus)
        raise StopHereError

    monkeypatch.setattr("firth.static.word2vec.train", spy)
    wanted = Word2Vec(
        architecture="cbow", loss="hierarchical", dim=12, window=3, dynamic_window=False, negative=7, exponent=0.5,
        sample=0.01, min_count=2, max_vocab=50, epochs=3, rate=0.1, cbow="historic", tree="balanced",
        deterministic=False, seed=9,
    )  # fmt: skip
    arguments: list[Any] = []
    for field in dataclasses.fields(wanted):
        value, name = getattr(wanted, field.name), field.name.replace("_", "-")
        flag = {"dynamic_window": "--no-dynamic-window", "deterministic": "--racing"}.get(field.name)
        arguments += [flag] if flag else [f"--{name}", value]
    done = call(
        "train", "word2vec", text, "--out", tmp_path / "m", *arguments, "--lower", "--probe", "cat", "--probe", "dog",
        "--threads", 2, "--heldout", text, "--resume", "--keep-output",
    )  # fmt: skip
    assert done.code == 1
    assert "StopHere" in done.err
    assert seen["config"] == wanted
    assert seen["probes"] == ("cat", "dog")
    assert (seen["threads"], seen["resume"], seen["keep_output"], seen["freeze"]) == (2, True, True, False)
    assert seen["heldout"].digest == seen["corpus"].digest
    assert seen["corpus"].tokenizer["lower"] is True


def test_the_defaults_are_those_of_the_config(
    call: Call, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr("firth.static.word2vec.train", lambda corpus, config, **options: seen.append(config) or 1 / 0)
    call("train", "word2vec", text, "--out", tmp_path / "m")
    assert seen == [Word2Vec()]


def test_help_shows_every_option_of_the_config(call: Call) -> None:
    done = call("train", "word2vec", "--help")
    assert done.code == 0
    for field in dataclasses.fields(Word2Vec):
        assert "--" + field.name.replace("_", "-") in done.out
    assert "--racing" in done.out


def test_every_model_of_the_table_has_help(call: Call) -> None:
    for model in train_verb.MODELS:
        assert call("train", model, "--help").code == 0


def test_standard_input_and_a_corpus_give_the_same_model(call: Call, text: Path, tmp_path: Path) -> None:
    assert call("train", "word2vec", "-", "--out", tmp_path / "a", *SMALL, stdin=text.read_text()).code == 0
    assert call("corpus", text, "--out", tmp_path / "corpus").code == 0
    assert call("train", "word2vec", tmp_path / "corpus", "--out", tmp_path / "b", *SMALL).code == 0
    a, b = load(tmp_path / "a"), load(tmp_path / "b")
    assert list(a.words) == list(b.words)
    np.testing.assert_array_equal(a.matrix, b.matrix)


def test_a_corpus_keeps_its_tokenizer_and_gives_it_to_the_heldout_text(
    call: Call, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, seen = tmp_path / "corpus", {}
    assert call("corpus", text, "--out", corpus, "--lower", "--tokenizer", "whitespace").code == 0
    refused = call("train", "word2vec", corpus, "--out", tmp_path / "m", "--tokenizer", "chars", "--quiet")
    assert refused.code == 2
    assert "--tokenizer whitespace --lower" in refused.complaint
    monkeypatch.setattr("firth.static.word2vec.train", lambda corpus, config, **options: seen.update(options) or 1 / 0)
    call("train", "word2vec", corpus, "--out", tmp_path / "m", "--heldout", text)
    assert seen["heldout"].tokenizer == Corpus.open(corpus).tokenizer


def test_a_tokenizer_named_is_compared_even_if_it_is_the_default(call: Call, text: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    assert call("corpus", text, "--out", corpus, "--tokenizer", "whitespace").code == 0
    refused = call("train", "word2vec", corpus, "--out", tmp_path / "m", "--tokenizer", "words", "--quiet")
    assert refused.code == 2
    assert "--tokenizer whitespace" in refused.complaint
    assert call("train", "word2vec", corpus, "--out", tmp_path / "m", "--lower", "--quiet").code == 2
    for given in ((), ("--tokenizer", "whitespace")):
        again = call("train", "word2vec", corpus, "--out", tmp_path / "m", *SMALL, "--overwrite", *given)
        assert again.code == 0


def test_phrases_that_the_heldout_text_lacks_are_told(call: Call, tmp_path: Path) -> None:
    path, corpus = tmp_path / "t.txt", tmp_path / "c"
    path.write_text("I saw New York today\nshe left New York early\nNew York is big\n" * 20)
    assert call("corpus", path, "--out", corpus, "--phrases", 1, "--phrase-threshold", 2).code == 0
    told = "note: the corpus was made with phrases"
    assert told in call("train", "word2vec", corpus, "--out", tmp_path / "a", *SMALL, "--heldout", path).err
    assert told not in call("train", "word2vec", corpus, "--out", tmp_path / "b", *SMALL, "--heldout", corpus).err


def test_quiet_says_nothing_and_the_log_tells_all(call: Call, text: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    done = call("train", "word2vec", text, "--out", tmp_path / "m", *SMALL, "--quiet", "--log", log, "--probe", "cat")
    assert (done.code, done.out, done.err) == (0, "", "")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["epoch"] for event in events if event["event"] == EpochEnd.__name__] == [1, 2]
    assert any(event["event"] == "Probe" and event["word"] == "cat" for event in events)


def test_an_existing_target_is_kept_unless_told(call: Call, text: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    assert call("train", "word2vec", text, "--out", out, *SMALL).code == 0
    before = load(out, mmap=False).matrix.copy()
    refused = call("train", "word2vec", text, "--out", out, *SMALL, "--seed", 2)
    assert refused.code == 1
    assert "--overwrite" in refused.complaint
    np.testing.assert_array_equal(load(out).matrix, before)
    assert call("train", "word2vec", text, "--out", out, *SMALL, "--seed", 2, "--overwrite").code == 0
    assert not np.array_equal(load(out).matrix, before)


def test_overwrite_never_removes_what_is_not_ours(call: Call, text: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "thesis.txt").write_text("x")
    done = call("train", "word2vec", text, "--out", folder, *SMALL, "--overwrite", "--quiet")
    assert done.code == 1
    assert (folder / "thesis.txt").read_text() == "x"


def test_ctrl_c_leaves_a_checkpoint_and_resume_ends_with_the_same_bytes(
    call: Call, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import firth.static.word2vec as module

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    options = ("--dim", 8, "--min-count", 1, "--epochs", 4, "--threads", 1)
    assert call("train", "word2vec", text, "--out", whole, *options).code == 0
    real = module.train

    def interrupted(corpus: Corpus, config: Word2Vec, **given: Any) -> Any:
        def listen(event: object) -> None:
            if isinstance(event, EpochEnd) and event.epoch == 2:
                raise KeyboardInterrupt

        return real(corpus, config, **(given | {"listen": listen}))

    monkeypatch.setattr(module, "train", interrupted)
    stopped = call("train", "word2vec", text, "--out", broken, *options)
    assert stopped.code == 130
    assert stopped.err.splitlines()[-1].startswith("firth: interrupted")
    assert "--resume" in stopped.err
    assert not broken.exists()
    monkeypatch.setattr(module, "train", real)
    refused = call("train", "word2vec", text, "--out", broken, *options)
    assert refused.code == 1
    assert "--resume" in refused.complaint
    assert call("train", "word2vec", text, "--out", broken, *options, "--resume").code == 0
    assert (broken / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not list(tmp_path.glob("*.checkpoint"))


def test_what_is_read_is_never_overwritten(call: Call, text: Path, model: Path) -> None:
    before = text.read_bytes()
    for arguments in (
        ("train", "word2vec", text, "--out", text),
        ("corpus", text, "--out", text),
        ("convert", text, text),
        ("embed", model, text, "--out", model.with_suffix(".npy").parent / model.name),
    ):
        done = call(*arguments, "--overwrite")
        assert done.code in (1, 2)
        assert "overwrite what is read" in done.complaint or "array file" in done.complaint
    assert text.read_bytes() == before


def test_folders_around_the_target_are_made(call: Call, text: Path, tmp_path: Path) -> None:
    assert call("train", "word2vec", text, "--out", tmp_path / "a" / "b" / "m", *SMALL).code == 0
    assert call("convert", tmp_path / "a" / "b" / "m", tmp_path / "c" / "v.txt").code == 0
    assert call("corpus", text, "--out", tmp_path / "d" / "corpus").code == 0
    done = call("corpus", text, "--out", text / "corpus")
    assert (done.code, "is a file" in done.complaint) == (1, True)


def old_checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "m.checkpoint"
    checkpoint.save(folder, {"input": np.zeros((1, 1), np.float32)}, {"round": 1})
    (folder / ".checkpoint-stale").write_text("half of one")
    return folder


def test_overwrite_drops_an_old_checkpoint(call: Call, text: Path, tmp_path: Path) -> None:
    folder = old_checkpoint(tmp_path)
    assert call("train", "word2vec", text, "--out", tmp_path / "m", *SMALL, "--overwrite").code == 0
    assert not folder.exists()


def test_a_checkpoint_goes_without_what_stands_beside_it(call: Call, text: Path, tmp_path: Path) -> None:
    folder = old_checkpoint(tmp_path)
    (folder / "notes.txt").write_text("mine")
    assert call("train", "word2vec", text, "--out", tmp_path / "m", *SMALL, "--overwrite").code == 0
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("notes.txt", "mine")]


@pytest.mark.parametrize("option", ["--overwrite", "--resume", "--quiet"])
def test_a_folder_that_is_no_checkpoint_is_refused(option: str, call: Call, text: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m.checkpoint"
    folder.mkdir()
    (folder / "thesis.txt").write_text("x")
    done = call("train", "word2vec", text, "--out", tmp_path / "m", *SMALL, option)
    assert done.code == 1
    assert "something else" in done.complaint
    assert (folder / "thesis.txt").read_text() == "x"


@pytest.mark.parametrize("wrong", ["text", "heldout", "init"])
def test_an_old_checkpoint_stays_until_all_is_read(wrong: str, call: Call, text: Path, tmp_path: Path) -> None:
    folder = old_checkpoint(tmp_path)
    texts = [tmp_path / "none.txt"] if wrong == "text" else [text]
    options = [] if wrong == "text" else [f"--{wrong}", tmp_path / "none"]
    done = call("train", "word2vec", *texts, "--out", tmp_path / "m", *SMALL, "--overwrite", "--quiet", *options)
    assert (done.code, bool(done.complaint)) == (1, True)
    assert checkpoint.exists(folder)


def taken(tmp_path: Path, what: str) -> Path:
    place = tmp_path / ("m.vec" if what == "folder for a file" else "m.gz" if what == "packed" else "m")
    if what == "file":
        place.write_text("x")
    elif what == "link":
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    elif what != "packed":
        place.mkdir()
        (place / "thesis.txt").write_text("x")
    return place


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("file", 1, "is a file or a link"),
        ("link", 1, "is a file or a link"),
        ("other folder", 1, "holds something else"),
        ("folder for a file", 1, "asks for a file"),
        ("packed", 2, "does not tell the format"),
    ],
)
def test_an_unfit_target_is_told_before_the_text_is_read(
    what: str, code: int, message: str, call: Call, tmp_path: Path
) -> None:
    place = taken(tmp_path, what)
    done = call("train", "word2vec", tmp_path / "no text", "--out", place, "--overwrite")
    assert done.code == code
    assert message in done.complaint


def test_what_the_format_does_not_keep_is_told(call: Call, text: Path, tmp_path: Path) -> None:
    done = call("train", "word2vec", text, "--out", tmp_path / "m.vec", *SMALL, "--keep-output")
    assert done.code == 0
    for part in ("the word counts", "the output vectors", "the model's options"):
        assert any(part in line and "cannot be kept in word2vec-text" in line for line in done.err.splitlines())
    assert "cannot be kept" not in call("train", "word2vec", text, "--out", tmp_path / "m", *SMALL).err


@pytest.mark.parametrize("out", [".", "", "/", ".."])
@pytest.mark.parametrize("verb", [("train", "word2vec"), ("corpus",)])
def test_a_target_without_a_name_is_a_bad_command_line(
    verb: tuple[str, ...], out: str, call: Call, text: Path, tmp_path: Path
) -> None:
    done = call(*verb, text, "--out", out, "--overwrite")
    assert done.code == 2
    assert "no name of its own" in done.complaint
    assert [file.name for file in tmp_path.iterdir()] == ["text.txt"]


def test_init_and_freeze(call: Call, text: Path, tmp_path: Path) -> None:
    assert call("train", "word2vec", text, "--out", tmp_path / "old", *SMALL).code == 0
    more = tmp_path / "more.txt"
    more.write_text("the newcomer sleeps on the sofa\n" * 20)
    done = call(
        "train", "word2vec", more, "--out", tmp_path / "new", *SMALL, "--init", tmp_path / "old", "--freeze"
    )  # fmt: skip
    assert done.code == 0
    old, new = load(tmp_path / "old"), load(tmp_path / "new")
    assert "newcomer" in new
    np.testing.assert_array_equal(new["cat"], old["cat"])


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", (), ""),
        (b"\n\n  \n", (), ""),
        (b"\x00\x01\x02\x03" * 500, (), "binary"),
        (b"one two three\n", ("--min-count", "9"), ""),
        (b'{"text": "a b"}\n{"other": 1}\n', ("--field", "text"), "line 2"),
    ],
)
def test_a_text_without_words_is_one_line(
    content: bytes, options: tuple[str, ...], message: str, call: Call, tmp_path: Path
) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    done = call("train", "word2vec", path, "--out", tmp_path / "m", "--quiet", *options)
    assert done.code == 1
    assert message in done.complaint
    assert [file.name for file in tmp_path.iterdir()] == ["t.txt"]


@pytest.mark.parametrize("content", [b"word\n" * 20, b"a b \xff\xfe c\r\n" * 20, b"x y " * 20_000])
def test_strange_texts_train(content: bytes, call: Call, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    done = call("train", "word2vec", path, "--out", tmp_path / "m", *SMALL, "--tokenizer", "whitespace")
    assert done.code == 0
    assert np.isfinite(load(tmp_path / "m").matrix).all()


def test_corpus_tells_what_it_holds(call: Call, text: Path, tmp_path: Path) -> None:
    done = call("corpus", text, "--out", tmp_path / "c", "--json")
    facts = json.loads(done.out)
    corpus = Corpus.open(tmp_path / "c")
    assert facts["words"] == corpus.n_tokens == sum(len(line.split()) for line in text.read_text().splitlines())
    assert facts["digest"] == corpus.digest
    again = call("corpus", text, "--out", tmp_path / "c")
    assert again.code == 1
    assert "--overwrite" in again.complaint
    assert call("corpus", text, "--out", tmp_path / "c", "--overwrite", "--lower", "--quiet").out == ""


def test_corpus_joins_phrases(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("I saw New York today\nshe left New York early\nNew York is big\n" * 20)
    done = call("corpus", path, "--out", tmp_path / "c", "--phrases", 1, "--phrase-threshold", 2)
    assert done.code == 0
    assert "New_York" in Corpus.open(tmp_path / "c").vocab
    assert call("corpus", path, "--out", tmp_path / "d", "--phrases", -1).code == 2


def test_read_only_targets_are_told_before_the_work(call: Call, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = call("train", "word2vec", text, "--out", "/proc/model", "--quiet")
    assert done.code == 1
    assert "/proc" in done.complaint
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "permission denied" in call("corpus", text, "--out", text.parent / "c").complaint
