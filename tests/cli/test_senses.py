"""``firth senses`` and the sets of words in context, with a small ELMo: what is printed, drawn and refused."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from firth.contextual.bilm import BiLM
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling

TOPICS = (["pie", "tree", "juice"], ["phone", "firm", "shares"])


@pytest.fixture(scope="module")
def elmo() -> ElmoModel:
    torch.manual_seed(0)
    characters = CharacterShape(dim=8, filters=((1, 8), (2, 8), (3, 16)), n_highway=1, longest=12)
    net = BiLM(Shape(characters, cells=24, projection=12))
    net.reset(torch.Generator().manual_seed(1))
    return ElmoModel(net, Spelling.bytes(12), metadata={"tokenizer": {"name": "words", "lower": False}})


@pytest.fixture
def loaded(elmo: ElmoModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A path that loads as the ELMo."""
    from firth.formats import registry

    path, real = tmp_path / "elmo", registry.load
    path.mkdir()

    def load(source: Any, **options: Any) -> Any:
        return elmo if Path(source) == path else real(source, **options)

    monkeypatch.setattr(registry, "load", load)
    return path


@pytest.fixture
def text(tmp_path: Path) -> Path:
    draw = random.Random(1)
    lines = []
    for number in range(60):
        words = draw.choices(TOPICS[number % 2], k=6)
        lines.append(" ".join([*words[:3], "Apple" if number % 2 else "apple", *words[3:]]) + ".")
        lines.append(" ".join(draw.choices(TOPICS[number % 2], k=6)))
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def senses_of(call: Any, loaded: Path, text: Path) -> Any:
    """Return a function that asks for senses in the text."""
    return lambda *arguments: call("senses", loaded, text, *arguments)


def test_senses_as_json(call: Any, loaded: Path, text: Path) -> None:
    outcome = call("senses", loaded, text, "apple", "--senses", "2", "-n", "3", "--layer", "1", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert (found["word"], found["found"], found["used"], found["layer"]) == ("apple", 60, 60, 1)
    assert [set(sense) for sense in found["senses"]] == [{"share", "n", "words", "typical", "neighbours"}] * 2
    assert sum(sense["n"] for sense in found["senses"]) == 60
    lines = text.read_text().splitlines()
    for sense in found["senses"]:
        assert len(sense["typical"]) == 3
        for each in sense["typical"]:
            assert each["sentence"][each["start"] : each["end"]] in (["apple"], ["Apple"])
            assert " ".join(each["sentence"]) == lines[each["line"] - 1].rstrip(".")
    assert (
        call("senses", loaded, text, "apple", "--senses", "2", "-n", "3", "--layer", "1", "--json").out == outcome.out
    )


def test_senses_as_tables(call: Any, loaded: Path, text: Path) -> None:
    outcome = call("senses", loaded, text, "apple", "-n", "2", "--case", "exact")
    assert outcome.code == 0, outcome.err
    head, *rows = outcome.out.splitlines()
    assert head == "sense\tshare\twords around it\tnearest in context"
    assert rows[0].startswith("1\t")
    assert rows[rows.index("") + 1] == "sense\twhat\tcosine\tsentence"
    assert sum("«apple»" in row for row in rows) >= 2
    assert "«Apple»" not in outcome.out


def test_a_draw_is_told_and_standard_input_read(call: Any, loaded: Path, text: Path) -> None:
    outcome = call("senses", loaded, "-", "apple", "--max", "20", "--json", stdin=text.read_text())
    assert outcome.code == 0
    assert "note: 20 of 60 occurrences were drawn" in outcome.err
    assert json.loads(outcome.out)["used"] == 20


def test_a_picture_is_drawn(call: Any, loaded: Path, text: Path, tmp_path: Path) -> None:
    picture = tmp_path / "new" / "map.png"
    outcome = call("senses", loaded, text, "apple", "--senses", "2", "--picture", picture)
    assert outcome.code == 0, outcome.err
    assert picture.read_bytes().startswith(b"\x89PNG")
    refused = call("senses", loaded, text, "apple", "--picture", picture)
    assert (refused.code, "exists already" in refused.complaint) == (1, True)
    assert call("senses", loaded, text, "apple", "--picture", picture, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (["pear"], 1, "the text does not hold pear"),
        (["?!"], 2, "the tokenizer leaves nothing of the word: got ?!"),
        (["apple", "--layer", "9"], 2, "there is no such layer: got 9, expected 0 to 2"),
        (["apple", "--layer", "top"], 2, "--layer is neither a number nor mix: got top"),
        (["apple", "--layer", "0", "--case", "exact"], 1, "layer 0 gives the word the same vector in every sentence"),
        (["apple", "--senses", "0"], 2, "senses is too small"),
        (["apple", "--senses", "61"], 2, "there cannot be so many senses"),
        (["apple", "--max", "1000000"], 2, "max is too large"),
        (["apple", "-n", "0"], 2, "count is too small"),
        (["apple", "--picture", "map.txt"], 2, "--picture is no picture"),
    ],
)
def test_bad_input_is_one_line(senses_of: Any, arguments: list[str], code: int, what: str) -> None:
    outcome = senses_of(*arguments)
    assert outcome.code == code
    assert what in outcome.complaint


def test_bad_files_are_one_line(call: Any, loaded: Path, model: Path, text: Path, tmp_path: Path) -> None:
    empty, junk = tmp_path / "empty.txt", tmp_path / "junk.txt"
    empty.write_text("\n\n")
    junk.write_bytes(bytes(range(256)) * 50)
    assert "no words" in call("senses", loaded, empty, "apple").complaint
    assert "binary file" in call("senses", loaded, junk, "apple").complaint
    assert "no such file" in call("senses", loaded, tmp_path / "absent.txt", "apple").complaint
    static = call("senses", model, text, "apple")
    assert static.code == 1
    assert "the model gives a word the same vector in every sentence: got Vectors" in static.complaint
    assert call("senses", tmp_path / "absent", text, "apple").code == 1


def small_sets(folder: Path) -> dict[str, Path]:
    """Write one small set of each kind."""
    folder.mkdir()
    (folder / "br-a01").write_text(
        "<contextfile>\n"
        + "".join(
            f"<s snum={n}>\n<wf cmd=ignore pos=DT>{word}</wf>\n"
            f"<wf cmd=done pos=NN lemma=apple wnsn=1 lexsn=1:1{3 + n % 2}:00::>apple</wf>\n</s>\n"
            for n, word in enumerate(["pie", "firm", "tree", "phone"])
        )
    )
    (folder / "s.data.xml").write_text(
        '<c><sentence><wf>pie</wf><instance id="i" lemma="apple" pos="NOUN">apple</instance></sentence></c>'
    )
    (folder / "s.gold.key.txt").write_text("i apple%1:13:00::\n")
    (folder / "ratings.txt").write_text(
        "".join(
            f"{n}\tapple\tn\t{word}\tn\tone <b> apple </b>\ta <b> {word} </b> here\t{n}.5\n"
            for n, word in enumerate(["pie", "firm", "tree"])
        )
    )
    for name in ("fit", "dev"):
        (folder / f"{name}.data.txt").write_text("apple\tN\t1-0\tpie apple\tapple firm\n" * 2)
        (folder / f"{name}.gold.txt").write_text("T\nF\n")
    return {path.name: path for path in folder.iterdir()}


def test_sets_of_words_in_context(call: Any, loaded: Path, tmp_path: Path) -> None:
    sets = small_sets(tmp_path / "sets")
    arguments = [
        "evaluate", loaded, "--wsd", sets["s.data.xml"], "--semcor", sets["br-a01"], "--scws", sets["ratings.txt"],
        "--wic", sets["dev.data.txt"], "--wic-fit", sets["fit.data.txt"],
    ]  # fmt: skip
    outcome = call(*arguments, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    layers = ["layer 0", "layer 1", "layer 2", "mean"]
    assert [score["system"] for score in found["wsd"]] == ["most frequent sense", *layers]
    assert [score["system"] for score in found["scws"]] == layers
    assert [score["system"] for score in found["wic"]] == layers
    assert {score["pairs"] for score in found["wic"]} == {2}
    assert {score["accuracy"] for score in found["wic"]} == {0.5}
    tables = call(*arguments)
    assert tables.out.count("layer 2") == 3
    assert tables.out.startswith("set\tsystem\tF1\t")


def test_static_vectors_are_compared_on_scws_only(call: Any, model: Path, tmp_path: Path) -> None:
    sets = small_sets(tmp_path / "sets")
    (sets["ratings.txt"]).write_text("1\tman\tn\tking\tn\ta <b> man </b>\ta <b> king </b>\t7.0\n" * 2)
    outcome = call("evaluate", model, "--scws", sets["ratings.txt"], "--json")
    assert json.loads(outcome.out)["scws"][0] | {"path": ""} == {
        "name": "ratings", "path": "", "system": "static vectors", "pairs": 2, "found": 2, "spearman": None,
    }  # fmt: skip
    refused = call("evaluate", model, "--wsd", sets["s.data.xml"], "--semcor", sets["br-a01"])
    assert "same vector in every sentence" in refused.complaint


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--wsd", "x.data.xml"], "--wsd and --semcor belong together"),
        (["--semcor", "x"], "--wsd and --semcor belong together"),
        (["--wic", "x"], "--wic and --wic-fit belong together"),
        (["--scws", "x", "--wordnet", "y"], "--wordnet is for --wsd"),
        (["--scws", "x", "--similarity", "y"], "scored alone"),
        (["--scws", "x", "--lower"], "--lower and --fold-digits need --tokenizer here"),
    ],
)
def test_options_that_contradict_each_other(call: Any, loaded: Path, arguments: list[str], what: str) -> None:
    outcome = call("evaluate", loaded, *arguments)
    assert outcome.code == 2
    assert what in outcome.complaint


def test_the_map_needs_three_occurrences(call: Any, loaded: Path, tmp_path: Path) -> None:
    (tmp_path / "two.txt").write_text("an apple\nthe apple")
    outcome = call("senses", loaded, tmp_path / "two.txt", "apple", "--picture", tmp_path / "map.png")
    assert outcome.code == 1
    assert "too few occurrences for a map: got 2, expected at least 3" in outcome.err
