"""Disambiguation: scores that can be worked out by hand, and the baselines' published figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.errors import ConfigError, DataError
from firth.evaluate.sense_sets import gold_path, read_framework, read_gold, read_semcor
from firth.evaluate.sense_vectors import SeenSenses, sense_vectors
from firth.evaluate.wsd import WsdScore, disambiguation
from firth.events import Progress
from firth.vectors.static import Vectors

TOPICS = [["pie", "tree", "juice"], ["phone", "firm", "shares"]]
FRUIT, FIRM, OTHER = "apple%1:13:00::", "apple%1:14:00::", "apple%1:99:00::"


def tagged(sentence: str) -> str:
    """Return SemCor's lines for a sentence of words and ``word|lemma|key|number``."""
    lines = ["<s snum=1>"]
    for token in sentence.split():
        word, *tag = token.split("|")
        attributes = f"cmd=done pos=NN lemma={tag[0]} wnsn={tag[2]} lexsn={tag[1]}" if tag else "cmd=ignore pos=X"
        lines.append(f"<wf {attributes}>{word}</wf>")
    return "\n".join([*lines, "</s>"])


@pytest.fixture
def semcor(tmp_path: Path) -> Path:
    path = tmp_path / "br-a01"
    sentences = [
        "pie tree apple|apple|1:13:00::|2 juice",
        "juice of apple|apple|1:13:00::|2 tree",
        "phone firm apple|apple|1:14:00::|1 shares",
        "the firm apple|apple|1:14:00::|1 phone and a tie|tie|1:06:00::|2",
        "a tie|tie|1:06:01::|1",
        "one sole|sole|1:05:00::|1 sense",
    ]
    path.write_text("<contextfile>\n" + "\n".join(map(tagged, sentences)))
    return path


@pytest.fixture
def exam(tmp_path: Path) -> Path:
    """Six instances: fruit, firm, a lemma of one sense, a lemma unseen, a part of speech unseen, a word dropped."""
    rows = [
        ("juice pie *apple NOUN* tree", FRUIT),
        ("firm phone *apple NOUN* shares", FIRM),
        ("his *sole NOUN* idea", "sole%1:05:00::"),
        ("a *pear NOUN* tree", "pear%1:13:00::"),
        ("to *apple VERB* it", "apple%2:00:00::"),
        ("tree ( *% NOUN*", FRUIT),
    ]
    body, keys = "", ""
    for number, (text, key) in enumerate(rows):
        body += "<sentence>"
        before, middle, behind = text.split("*")
        word, pos = middle.split()
        lemma = "apple" if word == "%" else word
        body += "".join(f"<wf>{token}</wf>" for token in before.split())
        body += f'<instance id="i{number}" lemma="{lemma}" pos="{pos}">{word}</instance>'
        body += "".join(f"<wf>{token}</wf>" for token in behind.split()) + "</sentence>"
        keys += f"i{number} {key}\n"
    (tmp_path / "small.data.xml").write_text(f"<corpus>{body}</corpus>")
    (tmp_path / "small.gold.key.txt").write_text(keys)
    return tmp_path / "small.data.xml"


@pytest.fixture
def model(neighbour_mix: Any) -> Any:
    made = neighbour_mix(topics=TOPICS)
    made.metadata = {"tokenizer": {"name": "words"}}
    return made


def by_system(scores: list[WsdScore]) -> dict[str, WsdScore]:
    return {score.system: score for score in scores}


def test_scores_by_hand(model: Any, semcor: Path, exam: Path) -> None:
    scores = by_system(disambiguation(model, semcor, [exam]))
    assert list(scores) == ["most frequent sense", "layer 0", "layer 1", "mean"]
    # Of equally frequent senses WordNet's first: the firm. Right: firm, sole. The unseen ones stay without an answer.
    frequent = scores["most frequent sense"]
    assert (frequent.instances, frequent.answered, frequent.correct, frequent.reachable) == (6, 4, 2, 4)
    assert frequent.precision == 2 / 4
    assert frequent.recall == 2 / 6
    assert frequent.f1 == pytest.approx(2 * (2 / 4) * (2 / 6) / (2 / 4 + 2 / 6))
    # In context both apples are right; the word that the tokenizer drops is left to the most frequent sense.
    nearest = scores["layer 1"]
    assert (nearest.answered, nearest.correct, nearest.by_vector, nearest.backed_off) == (4, 3, 2, 1)
    assert nearest.by_first_sense == 0
    # The token layer cannot tell them apart: both get the same answer.
    assert scores["layer 0"].correct == 2
    assert nearest.as_dict()["f1"] == nearest.f1


def test_wordnet_answers_for_lemmas_unseen(
    model: Any, semcor: Path, exam: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {("apple", "NOUN"): FRUIT, ("pear", "NOUN"): "pear%1:13:00::", ("sole", "NOUN"): OTHER}
    monkeypatch.setattr("firth.evaluate.wsd.first_senses", lambda folder, wanted: first)
    scores = by_system(disambiguation(model, semcor, [exam], wordnet="somewhere"))
    assert (scores["first sense"].answered, scores["first sense"].correct) == (5, 3)
    assert (scores["layer 1"].answered, scores["layer 1"].correct, scores["layer 1"].by_first_sense) == (5, 4, 1)


def test_several_sets_are_summed(model: Any, semcor: Path, exam: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("small.data.xml", "small.gold.key.txt"):
        (other / name.replace("small", "other")).write_text((exam.parent / name).read_text())
    scores = disambiguation(model, semcor, [exam, other])
    assert [score.name for score in scores[::4]] == ["small", "other", "all"]
    for one, two, both in zip(scores[:4], scores[4:8], scores[8:], strict=True):
        assert one.correct == two.correct
        assert both.correct == 2 * one.correct
        assert both.instances == 12


def test_sense_vectors_are_means(model: Any, semcor: Path) -> None:
    heard: list[Any] = []
    seen = SeenSenses.counted(read_semcor(semcor))
    known = sense_vectors(model, semcor, {("apple", "NOUN")}, None, n_tokens=seen.n_tokens, listen=heard.append)
    assert list(known) == [("apple", "NOUN")]
    keys, vectors = known["apple", "NOUN"]
    assert keys == [FRUIT, FIRM]
    layers = model.encode_layers([["pie", "tree", "apple", "juice"], ["juice", "of", "apple", "tree"]])
    assert np.allclose(vectors[0, :2], np.mean([each[:, 2] for each in layers], axis=0), atol=1e-6)
    assert vectors.shape == (2, 3, 32)
    assert all(isinstance(event, Progress) for event in heard)


def test_only_sentences_that_are_needed_are_encoded(model: Any, semcor: Path, exam: Path) -> None:
    disambiguation(model, semcor, [exam])
    assert model.encoded == 5 + 4  # of six instances one has no token; four sentences of SemCor hold apple


def test_bad_input_is_refused(model: Any, semcor: Path, exam: Path) -> None:
    with pytest.raises(DataError, match="same vector in every sentence"):
        disambiguation(Vectors(["a"], [[1.0]]), semcor, [exam])
    with pytest.raises(ConfigError, match="no set"):
        disambiguation(model, semcor, [])
    with pytest.raises(DataError, match="holds no set"):
        disambiguation(model, semcor, [exam.parent / "other", Path(__file__).parent])
    (exam.parent / "small.gold.key.txt").write_text("i0 apple%1:13:00::\n")
    with pytest.raises(DataError, match="an instance has no key: got i1"):
        disambiguation(model, semcor, [exam])


def test_the_most_frequent_sense_of_the_real_sets(seen: SeenSenses, data: Callable[[str], Path]) -> None:
    """Published for the framework: 65.6 and 66.0, with WordNet behind; most lemmas are in SemCor."""
    for name, published in (("senseval2", 0.656), ("senseval3", 0.660)):
        path = data(f"wsd-raganato-eval/{name}/{name}.data.xml.gz")
        gold, right, asked = read_gold(gold_path(path)), 0, 0
        for sentence in read_framework(path):
            for tag in sentence.tags:
                answer = seen.most_frequent(tag.lemma_pos)
                asked += answer is not None
                right += answer in gold[tag.name]
        assert asked > 0.85 * len(gold)
        assert right / asked == pytest.approx(published, abs=0.025)
