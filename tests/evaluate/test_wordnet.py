"""First senses from hand-made files in WordNet's syntax."""

from __future__ import annotations

from pathlib import Path

import pytest

from firth.errors import DataError, FormatError
from firth.evaluate.wordnet import first_senses


def database(folder: Path, lines: dict[str, list[str]], index: dict[str, list[str]]) -> None:
    """Write data and index files; ``{name}`` stands for the offset of the line that begins with it."""
    names = [line.partition(" ")[0] for each in lines.values() for line in each]
    marks = dict.fromkeys(names, "0" * 8)
    for _ in range(2):  # once for the lengths, once for the offsets
        places: dict[str, str] = {}
        for each in lines.values():
            at = len("  1 licence\n")
            for line in each:
                name, _, rest = line.partition(" ")
                places[name] = f"{at:08d}"
                at += len(f"{at:08d} {rest.format(**marks)}\n")
        marks = places
    for suffix in ("noun", "verb", "adj", "adv"):
        body = "".join(
            f"{marks[line.partition(' ')[0]]} {line.partition(' ')[2].format(**marks)}\n"
            for line in lines.get(suffix, [])
        )
        (folder / f"data.{suffix}").write_text("  1 licence\n" + body)
        listed = "".join(line.format(**marks) + "\n" for line in index.get(suffix, []))
        (folder / f"index.{suffix}").write_text("  1 licence\n" + listed)


DATA = {
    "noun": ["art 06 n 02 Art 0 fine_art 1 001 @ 00000001 n 0000 | works", "skill 09 n 02 craft 0 art 1 000 | skill"],
    "adj": [
        "much 00 a 02 much(a) 0 a_lot 2 001 & {such} a 0000 | great",
        "such 00 s 01 such(p) 0 002 + 00000001 n 0101 & {much} a 0000 | such",
    ],
    "verb": ["rest 35 v 0a a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 rest f 000 01 + 02 00 | rest"],
}
INDEX = {
    "noun": ["art n 2 2 @ ~ 2 1 {skill} {art}", "fine_art n 1 1 @ 1 0 {art}"],
    "adj": ["much a 1 1 & 1 1 {much}", "such a 1 2 + & 1 1 {such}"],
    "verb": ["rest v 1 0 1 1 {rest}"],
}


def test_the_first_sense_of_each_lemma(tmp_path: Path) -> None:
    database(tmp_path, DATA, INDEX)
    assert first_senses(tmp_path) == {
        ("art", "NOUN"): "art%1:09:01::",
        ("fine_art", "NOUN"): "fine_art%1:06:01::",
        ("much", "ADJ"): "much%3:00:00::",
        ("such", "ADJ"): "such%5:00:00:much:00",
        ("rest", "VERB"): "rest%2:35:15::",  # numbers are hexadecimal there, decimal in keys
    }
    assert first_senses(tmp_path, {("such", "ADJ"), ("such", "NOUN")}) == {("such", "ADJ"): "such%5:00:00:much:00"}


@pytest.mark.parametrize("line", ["art n x", "art", "art n 1 9 @ 1 1 00000013", "art n 1 0 1 1 -0000012"])
def test_a_broken_index_is_refused(line: str, tmp_path: Path) -> None:
    database(tmp_path, DATA, {"noun": [line.replace("{", "{{")]})
    with pytest.raises(FormatError, match="WordNet"):
        first_senses(tmp_path)


def test_an_index_that_points_astray_is_refused(tmp_path: Path) -> None:
    database(tmp_path, DATA, {"noun": ["art n 1 0 1 1 00000777"]})
    with pytest.raises(FormatError, match=r"data.noun: WordNet's index points to no synset \(at byte 777\)"):
        first_senses(tmp_path)
    database(tmp_path, {"noun": ["art 06 n 02 art 0"]}, {"noun": ["art n 1 0 1 1 {art}"]})
    with pytest.raises(FormatError, match="synset of art is broken"):
        first_senses(tmp_path)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"WordNet cannot be read: No such file.*index.noun"):
        first_senses(tmp_path)
