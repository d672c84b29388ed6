"""Texts with senses: what the readers make of hand-made files in the original syntax, and of the real ones."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from firth.errors import DataError, FormatError
from firth.evaluate.sense_sets import SenseTag, gold_path, read_framework, read_gold, read_semcor, read_tagged
from firth.evaluate.sense_vectors import SeenSenses

SEMCOR = """<contextfile concordance=brown>
<context filename=br-a01 paras=yes>
<p pnum=1>
<s snum=1>
<wf cmd=ignore pos=DT>The</wf>
<wf cmd=done rdf=group pos=NNP lemma=group wnsn=1 lexsn=1:03:00:: pn=group>Fulton_County_Grand_Jury</wf>
<wf cmd=done pos=VB lemma=say wnsn=1 lexsn=2:32:00::>said</wf>
<punc>``</punc>
<wf cmd=done pos=JJ lemma=such wnsn=2 lexsn=5:00:00:much(a):00>such</wf>
<wf cmd=done pos=NN lemma=play wnsn=0;4 lexsn=1:04:05::;1:04:04::>plays</wf>
<wf cmd=done pos=JJ lemma=great wnsn=0 lexsn=5:00:00:high:02>greater</wf>
<wf cmd=done pos=RB ot=notag>in_which</wf>
<punc>&</punc>
<punc>_</punc>
</s>
</p>
<s snum=2>
<wf cmd=ignore pos=DT>No</wf>
</s>
</context>
</contextfile>
"""

FRAMEWORK = """<?xml version="1.0" encoding="UTF-8" ?>
<corpus lang="en" source="small">
<text id="d0">
<sentence id="d0.s0">
<wf lemma="the" pos="DET">The</wf>
<instance id="d0.s0.t0" lemma="Old age" pos="NOUN">old age</instance>
<wf lemma="," pos=".">,</wf>
<instance id="d0.s0.t1" lemma="rest" pos="VERB">rested &amp; slept</instance>
</sentence>
<sentence id="d0.s1">
<wf lemma="no" pos="DET">No</wf>
</sentence>
</text>
</corpus>
"""


def archive(path: Path, members: dict[str, str], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as opened:  # type: ignore[call-overload]
        for name, text in members.items():
            data = text.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))
    return path


def test_the_tags_of_semcor(tmp_path: Path) -> None:
    (tmp_path / "br-a01").write_text(SEMCOR)
    first, second = read_semcor(tmp_path / "br-a01")
    assert first.tokens == (
        "The", "Fulton", "County", "Grand", "Jury", "said", "``", "such", "plays", "greater", "in", "which", "&", "_",
    )  # fmt: skip
    assert first.tags == (
        SenseTag(1, 5, "group", "NOUN", "group%1:03:00::", 1),
        SenseTag(5, 6, "say", "VERB", "say%2:32:00::", 1),
        SenseTag(7, 8, "such", "ADJ", "such%5:00:00:much:00", 2),
        SenseTag(8, 9, "play", "NOUN", "play%1:04:04::", 4),  # WordNet 3.0 has lost the first
    )
    assert second.tokens == ("No",)
    assert not second.tags


def test_archives_and_folders_read_alike(tmp_path: Path) -> None:
    expected = 2 * [2, 2]
    members = {"semcor/brown1/br-a01": SEMCOR, "semcor/README": "no tag file", "semcor/brown2/br-b01": SEMCOR}
    plain = archive(tmp_path / "s.tar", members)
    archive(tmp_path / "s.tar.gz", members, "w:gz")
    (tmp_path / "s.tar.zst").write_bytes(zstandard.ZstdCompressor().compress(plain.read_bytes()))
    folder = tmp_path / "folder" / "brown1"
    folder.mkdir(parents=True)
    (folder / "br-a01").write_text(SEMCOR)
    (folder / "br-b01").write_text(SEMCOR)
    (folder / "README").write_text("no tag file")
    for path in (plain, tmp_path / "s.tar.gz", tmp_path / "s.tar.zst", tmp_path / "folder"):
        assert len(list(read_semcor(path))) == len(expected)
        assert list(read_semcor(path))[:2] == list(read_semcor(folder / "br-a01"))


def test_what_is_no_semcor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        list(read_semcor(tmp_path / "absent"))
    with pytest.raises(DataError, match="no SemCor files"):
        list(read_semcor(tmp_path))
    (tmp_path / "junk").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(FormatError, match=r"junk: the archive is broken"):
        list(read_semcor(tmp_path / "junk"))
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(FormatError, match="the archive is broken"):
        list(read_semcor(tmp_path / "empty"))
    whole = archive(tmp_path / "s.tar", {"a": SEMCOR}).read_bytes()
    packed = zstandard.ZstdCompressor().compress(whole)
    (tmp_path / "cut.tar.zst").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(FormatError, match=r"cut.tar.zst: the archive is broken"):
        list(read_semcor(tmp_path / "cut.tar.zst"))
    (tmp_path / "cut").write_text("<contextfile>\n<s snum=1>\n<wf cmd=done")
    with pytest.raises(FormatError, match=r"cut: line 3 is cut short"):
        list(read_semcor(tmp_path / "cut"))


def test_a_member_that_is_huge_or_claims_to_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.tar"
    info = tarfile.TarInfo("br-a01")
    info.size = 1 << 40
    path.write_bytes(info.tobuf() + SEMCOR.encode().ljust(1024, b"\0"))
    with pytest.raises(FormatError, match="the archive is broken"):
        list(read_semcor(path))
    monkeypatch.setattr("firth.evaluate.sense_sets._LARGEST_MEMBER", 100)
    with pytest.raises(FormatError, match=f"too large: got {len(SEMCOR.encode())}, expected at most 100"):
        list(read_semcor(archive(path, {"br-a01": SEMCOR})))


def test_the_sentences_of_the_framework(tmp_path: Path) -> None:
    path = tmp_path / "small.data.xml.gz"
    path.write_bytes(gzip.compress(FRAMEWORK.encode()))
    first, second = read_framework(path)
    assert first.tokens == ("The", "old", "age", ",", "rested", "&", "slept")
    assert first.tags == (
        SenseTag(1, 3, "old_age", "NOUN", name="d0.s0.t0"),
        SenseTag(4, 7, "rest", "VERB", name="d0.s0.t1"),
    )
    assert second.tokens == ("No",)
    with pytest.raises(DataError, match=r"keys are not beside it.*small.gold.key.txt"):
        gold_path(path)
    gold = tmp_path / "small.gold.key.txt"
    gold.write_text("d0.s0.t0 old_age%1:28:00:: old_age%1:26:00::\n\nd0.s0.t1 rest%2:35:00::\n")
    assert gold_path(path) == gold
    assert read_gold(gold) == {
        "d0.s0.t0": ("old_age%1:28:00::", "old_age%1:26:00::"),
        "d0.s0.t1": ("rest%2:35:00::",),
    }
    keys = [tag.key for sentence in read_tagged(path) for tag in sentence.tags]
    assert keys == ["old_age%1:28:00::", "rest%2:35:00::"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<corpus></corpus>", "holds no <sentence>"),
        ("<corpus><sentence></corpus>", "this is no XML"),
        ("no XML", "this is no XML"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><corpus/>", "document type"),
        ("<c><sentence><instance id='1' pos='NOUN'>x</instance></sentence></c>", "lacks its id, lemma"),
        ("<c><sentence><instance id='1' lemma='x' pos='NN'>x</instance></sentence></c>", "part of speech"),
        ("<c><sentence><instance id='1' lemma='x' pos='NOUN'> </instance></sentence></c>", "or text"),
    ],
)
def test_what_is_no_set_is_refused(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "small.data.xml"
    path.write_text(text)
    with pytest.raises(FormatError, match=f"small.data.xml: .*{what}"):
        list(read_framework(path))


def test_a_broken_key_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "small.gold.key.txt"
    path.write_text("a b%1:00:00::\nc\n")
    with pytest.raises(FormatError, match="line 2 has no sense key: got c"):
        read_gold(path)


def test_the_real_semcor(seen: SeenSenses) -> None:
    assert seen.n_tags == 226_036  # as the framework counts them
    assert seen.most_frequent(("art", "NOUN")) == "art%1:06:00::"
    assert not any("(" in key.partition("%")[2] for counts in seen.counts.values() for key in counts)


@pytest.mark.parametrize(("name", "n"), [("senseval2", 2282), ("senseval3", 1850), ("ALL", 7253)])
def test_the_real_sets(name: str, n: int, data: Callable[[str], Path]) -> None:
    path = data(f"wsd-raganato-eval/{name}/{name}.data.xml.gz")
    tags = [tag for sentence in read_framework(path) for tag in sentence.tags]
    gold = read_gold(gold_path(path))
    assert len(tags) == len({tag.name for tag in tags}) == len(gold) == n
    for tag in tags:
        lemmas = {key.partition("%")[0] for key in gold[tag.name]}
        assert lemmas == {tag.lemma}
