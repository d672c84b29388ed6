"""The benchmark scripts' bookkeeping; nothing here trains or measures for real."""

from __future__ import annotations

import doctest
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
NAMES = (
    "bert_train",
    "child",
    "commandline",
    "elmo_speed",
    "elmo_train",
    "glove",
    "jobs",
    "measure",
    "ngrams",
    "overview",
    "perplexity",
    "quality",
    "queries",
    "record",
    "sense_sentences",
    "senses",
    "speed",
    "tables",
    "trainers",
)

FAKE_PEER = f"""#!{sys.executable}
import sys, time
sys.argv.index("-cbow")
for percent in (0.5, 50.0, 99.5):
    print(f"\\rAlpha: 0.02  Progress: {{percent}}%  Words/thread/sec: 1k  ", end="", flush=True)
    time.sleep(0.05)
open(sys.argv[sys.argv.index("-output") + 1], "w").write(open("corpus.txt").readline())
"""


@pytest.fixture(scope="module", autouse=True)
def modules() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in NAMES}
    finally:
        sys.path.remove(str(FOLDER))
        for name in NAMES:
            sys.modules.pop(name, None)


@pytest.fixture
def peer(tmp_path: Path) -> Path:
    path = tmp_path / "word2vec"
    path.write_text(FAKE_PEER)
    path.chmod(0o755)
    return path


@pytest.fixture
def bench(modules: dict[str, ModuleType], tmp_path: Path, peer: Path) -> object:
    corpus = tmp_path / "text.txt"
    corpus.write_text("one two three\n")
    jobs = modules["jobs"]
    return jobs.Bench(corpus, 3, jobs.Settings(epochs=2), {"word2vec:fake": peer})


@pytest.mark.parametrize("name", NAMES)
def test_examples_in_docstrings(modules: dict[str, ModuleType], name: str) -> None:
    assert doctest.testmod(modules[name]).failed == 0


@given(
    lines=st.lists(st.integers(0, 2500), max_size=5),
    limit=st.none() | st.integers(1, 5000),
    chunk=st.sampled_from([7, 64, 1 << 22]),
)
def test_the_copied_corpus_holds_the_same_words_in_short_lines(
    modules: dict[str, ModuleType],
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[int],
    limit: int | None,
    chunk: int,
) -> None:
    trainers = modules["trainers"]
    folder = tmp_path_factory.mktemp("corpus")
    text = "\n".join(" ".join(f"w{index}" for index in range(n)) for n in lines)
    (folder / "in").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainers, "CHUNK", chunk)
        size = trainers.prepare_corpus(folder / "in", folder / "out", limit)
    copied = [line.split() for line in (folder / "out").read_text().splitlines()]
    words = text.split()[:limit]
    assert [word for line in copied for word in line] == words
    assert all(0 < len(line) <= 1000 for line in copied)
    assert size == {"words": len(words), "lines": len(copied)}
    if limit is None:
        assert len(copied) == sum(-(-n // 1000) for n in lines)


def test_a_peer_is_timed_by_its_progress_and_its_vectors_are_kept(
    modules: dict[str, ModuleType], bench: object, tmp_path: Path
) -> None:
    job = modules["jobs"].JOBS["cbow-negative-100"]
    figures = modules["trainers"].run_once("word2vec:fake", job, bench, tmp_path / "kept" / "vectors")
    assert "error" not in figures
    assert 0.05 < figures["train_s"] < figures["process_s"]
    assert figures["words_per_s"] == pytest.approx(6 / figures["train_s"], rel=0.02)  # 2 epochs of 3 words
    assert figures["peak_mib"] > 1
    assert (tmp_path / "kept" / "vectors").read_text() == "one two three\n"


def test_a_peer_that_fails_is_an_error_in_the_result(modules: dict[str, ModuleType], bench: object) -> None:
    job = modules["jobs"].JOBS["vocabulary"]
    figures = modules["trainers"].run_once("word2vec:fake", job, bench)
    assert "exit status 1" in figures["error"]
    assert "-cbow" in figures["error"]


def test_jobs_that_a_peer_cannot_do_are_left_out(modules: dict[str, ModuleType]) -> None:
    jobs = modules["jobs"]
    for name in ("cbow-negative-100", "skipgram-hierarchical-100", "vocabulary"):
        assert jobs.peer_command("pword2vec", Path("p"), jobs.JOBS[name], jobs.Settings()) is None


def test_ratios_are_taken_within_a_turn(modules: dict[str, ModuleType]) -> None:
    # The machine slows down tenfold in the last turn; each turn alone says that Firth takes half the time.
    seconds = {"gensim": (2.0, 4.0, 40.0), "firth-deterministic": (1.0, 2.0, 20.0)}
    runs = [
        {"job": "j", "trainer": trainer, "repeat": repeat, "train_s": value, "peak_mib": 1}
        for trainer, values in seconds.items()
        for repeat, value in enumerate(values)
    ]
    runs.append({"job": "j", "trainer": "gensim", "repeat": 3, "error": "exit status 1"})
    gensim, firth = modules["speed"].summarise(runs)
    assert gensim["firth_faster"] == {"firth-deterministic": 2.0}
    assert gensim["runs"] == 3
    assert firth["firth_faster"] == {}


@pytest.mark.parametrize("progress", [[], [(1.0, 3.0)], [(1.0, 0.0), (2.0, 20.0)]])
def test_too_little_progress_tells_no_time(modules: dict[str, ModuleType], progress: list[tuple[float, float]]) -> None:
    assert modules["measure"].seconds_from_progress(progress) is None


def test_a_table_takes_the_place_of_the_old_one(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text("top\n<!-- speed table -->\nold\n<!-- end of speed table -->\nbottom\n")
    for _ in range(2):
        modules["tables"].update_page(page, "speed", "new")
    text = page.read_text()
    assert text.startswith("top\n")
    assert text.endswith("\nbottom\n")
    assert "old" not in text
    assert text.count("new") == 1
    with pytest.raises(SystemExit, match="no place"):
        modules["tables"].update_page(page, "quality", "new")


def test_the_overview_joins_speed_and_scores(modules: dict[str, ModuleType]) -> None:
    run = {
        "machine": {"cpu": "c", "cores": 2, "memory_gib": 4.0},
        "versions": {"gensim": "4.4.0"},
        "settings": {"threads": 2, "epochs": 5, "window": 5, "negative": 5, "sample": 1e-3, "min_count": 5},
        "corpus": {"name": "text", "words": 9},
        "commit": "abc",
        "date": "2026-01-01T00:00:00",
    }
    speeds = [{"job": "skipgram-negative-100", "trainer": name, "words_per_s": 7000} for name in ("gensim", "koan")]
    scores = [{"trainer": "gensim", "runs": 3, "scores": {"EN-WS-353-ALL": {"mean": 58.64, "sd": 0.5, "runs": 3}}}]
    quality = run | {"summary": scores, "job": {"name": "skipgram-negative-100"}}
    table = modules["overview"].overview(run | {"summary": speeds}, quality).splitlines()
    assert table[0] == "| trainer | skip-gram, negative sampling, dim 100, words/s | WordSim-353 |"
    assert table[2:4] == ["| gensim | 7,000 | 58.6 |", "| koan | 7,000 |  |"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--corpus", "nowhere.txt"],
        [],
        ["--corpus", __file__, "--threads", "0"],
        ["--corpus", __file__, "--trainers", "glove"],
        ["--corpus", __file__, "--peer", "glove=x"],
        ["--corpus", __file__, "--peer", "word2vec=nowhere"],
    ],
)
def test_bad_command_lines_end_with_a_message(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["speed.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        modules["speed"].main()
    assert stopped.value.code not in (0, None)


def test_kept_results_name_no_paths_of_the_machine(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, peer: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["speed.py", "--corpus", str(peer), f"--peer=word2vec={peer}"])
    text = json.dumps(modules["record"].describe_run(peer, {"word2vec": peer}))
    assert str(tmp_path) not in text
    assert '"--peer=word2vec=word2vec"' in text


def test_sense_sentences_hold_their_words(modules: dict[str, ModuleType]) -> None:
    sentences = modules["sense_sentences"]
    for language, words in sentences.EXAMPLES.items():
        for word, senses in words.items():
            assert len(senses) == 2
            for texts in senses.values():
                assert len(texts) == 6
                assert all(word in text or word.title() in text for text in texts)
        for form, text, sense in sentences.ASKED[language]:
            assert form in text
            assert sense in words[form.lower()]
            assert all(text not in texts for texts in words[form.lower()].values())


def test_a_table_of_senses(modules: dict[str, ModuleType]) -> None:
    score = {"name": "senseval2", "system": "layer 1", "f1": 0.6712, "answered": 2000, "instances": 2282}
    asked = [{"text": "a", "sense": "x", "answer": "x"}, {"text": "b", "sense": "y", "answer": "x"}]
    result = {
        "model": {"name": "elmo"}, "machine": {"cpu": "C", "cores": 2}, "commit": "abc", "date": "2026-11-24T00",
        "parts": {
            "wsd": {"scores": [score]},
            "scws": {"scores": [{"system": "static vectors", "spearman": None, "found": 0}]},
            "tutorials": {"scores": [{"word": "w", "layer": 1, "asked": asked, "examples": {"right": 9, "of": 12}}]},
            "words": {
                "scores": [
                    {"word": "w", "used": 5, "found": 1000, "senses": [{"share": 1.0, "words": [{"word": "v"}]}]}
                ]
            },
        },
    }  # fmt: skip
    text = modules["senses"].table(result)
    for row in (
        "| senseval2 | layer 1 | 67.1 | 2,000 | 2,282 |",
        "| static vectors |  | 0 |",
        "| w | 1 | 1 of 2 | 9 of 12 |",
        "| w | 5 of 1,000 | 1 | 100 %: v |",
        "elmo. C, 2 cores. Firth abc, 2026-11-24.",
    ):
        assert row in text.splitlines()


def test_sentences_are_told_apart(modules: dict[str, ModuleType]) -> None:
    """By a model whose vector of a word is the sum of the characters of its sentence: fruit and firm share few."""
    import numpy as np

    from firth.text.tokenize import Tokenizer

    class Bag:
        dim = 512

        def encode(self, sentences: list[list[str]]) -> list[object]:
            return [np.tile(self.vector("".join(tokens)), (len(tokens), 1)) for tokens in sentences]

        def encode_layers(self, sentences: list[list[str]]) -> list[object]:
            return [rows[None] for rows in self.encode(sentences)]

        def vector(self, text: str) -> object:
            return np.bincount([ord(c) % 512 for c in text], minlength=512).astype(np.float32)

    found = modules["senses"].told_apart(Bag(), "苹果", "zh", Tokenizer("chars"), 0)
    assert [each["sense"] for each in found["asked"]] == ["fruit", "firm"]
    assert [each["answer"] for each in found["asked"]] == ["fruit", "firm"]
    assert found["examples"]["of"] == 12
    assert found["examples"]["right"] >= 9
