"""Training a BERT: masks and packing as promised, its loss by other means, exact resume, training on, bad options."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import firth
from firth.contextual.bert import BERT, RECIPES, shape_of, train
from firth.contextual.bert_batches import batch_of, packed, piece_counts, running
from firth.contextual.bert_masks import Masking, draws, keys_of, masked
from firth.contextual.bert_model import BertModel
from firth.contextual.bert_net import BertNet
from firth.contextual.bert_start import begin
from firth.contextual.bert_training import Guessing, Work, masking_of
from firth.contextual.pieces import Pieces, wordpiece_json
from firth.contextual.pieces_training import train_pieces
from firth.errors import ConfigError, DataError
from firth.events import EpochEnd, Event, Notice
from firth.nn.device import Place
from firth.nn.job import ignore
from firth.text.corpus import as_corpus

TEXT = ["the cat sat on the mat", "a dog lay on the rug", "the dog saw a cat", "on the mat lay a rug"] * 5
SMALL: dict[str, Any] = {
    "layers": 1, "dim": 8, "heads": 2, "hidden": 12, "vocab_size": 60, "length": 12, "batch": 48, "epochs": 3,
    "rate": 0.01,
}  # fmt: skip
KINDS: list[dict[str, Any]] = [
    {},
    {"recipe": "original", "packing": "sentences", "whole_words": False},
    {"packing": "sentences", "apart": True, "replace": "mask", "dropout": 0.2, "positions": "learned"},
    {"pieces": "bpe", "vocab_size": 300, "precision": "bfloat16", "accumulate": 2, "uncased": True},
]
PIECES = Pieces(wordpiece_json(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh", *(f"##{c}" for c in "abcdefgh")]
))  # fmt: skip


def numbers(model: BertModel) -> bytes:
    return b"".join(value.numpy().tobytes() for value in model.net.state_dict().values())


# ---------------------------------------------------------------- masks
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=30),
    share=st.floats(0.01, 0.9),
    whole=st.booleans(),
    mixed=st.booleans(),
    seed=st.integers(0, 99),
)
def test_masks_hide_whole_words_and_nothing_else(
    sizes: list[int], share: float, whole: bool, mixed: bool, seed: int
) -> None:
    word = np.repeat(np.arange(len(sizes)), sizes)
    ids = np.concatenate([[2], 5 + np.arange(len(word)) % 16, [3], [0, 0]])
    begins = np.concatenate([[True], np.diff(word, prepend=-1) > 0, [True] * 3])
    plain = np.concatenate([[False], np.ones(len(word), bool), [False] * 3])
    how = Masking(share, whole, mixed, mask=4, others=np.arange(5, 21))
    found, places = masked(ids[None], begins[None], plain[None], how, keys_of([seed], [3]))
    seen = found[0]
    assert plain[places].all()
    assert (np.diff(places) > 0).all()
    changed = np.flatnonzero(seen != ids)
    assert set(changed) <= set(places)
    if not mixed:
        assert (seen[places] == 4).all()
    chosen = set(word[places - 1])
    if whole:
        assert len(places) == sum(sizes[w] for w in chosen)
    first = max(sizes) if whole else 1
    assert 1 <= len(places) <= share * len(word) + first
    others = np.roll(ids[None].repeat(3, 0), 1, axis=1)  # in other company
    rows = [np.concatenate([other, own[None]]) for other, own in (
        (others, ids), (np.ones((3, len(ids)), bool), begins), (others > 4, plain),
    )]  # fmt: skip
    again, more = masked(*rows, how, keys_of([seed], [0, 1, 2, 3]))
    assert (again[3] == seen).all()
    assert (more[more >= 3 * len(ids)] - 3 * len(ids)).tolist() == places.tolist()


def test_shares_of_masks_are_those_asked_for() -> None:
    random = np.random.default_rng(1)
    ids = random.integers(5, 21, (200, 60))
    begins = random.random(ids.shape) < 0.6
    how = Masking(0.3, True, True, 4, np.arange(5, 21))
    seen, places = masked(ids, begins, ids > 4, how, keys_of([1], range(200)))
    n = len(places)
    assert n == pytest.approx(0.3 * ids.size, rel=0.03)
    seen, ids = seen.ravel()[places], ids.ravel()[places]
    assert (seen == 4).mean() == pytest.approx(0.8, abs=0.02)
    assert (seen == ids).mean() == pytest.approx(0.1 + 0.1 / 16, abs=0.02)
    assert np.bincount(seen, minlength=21)[5:].min() > 0.5 * n * 0.2 / 16  # others are all drawn
    columns = np.bincount(places % 60, minlength=60)
    assert columns.min() > 0.6 * columns.mean()  # no place is left out


def test_chance_is_even_and_its_streams_apart() -> None:
    keys = keys_of([5, 0], range(500))
    assert len(set(keys.tolist())) == 500
    found = [draws(keys, stream, 128) for stream in range(3)]
    for numbers in found:
        assert numbers.min() >= 0 <= 1 - numbers.max()
        assert numbers.mean() == pytest.approx(0.5, abs=0.01)
        counts = np.histogram(numbers, 20, (0, 1))[0]
        assert ((counts - 3200) ** 2 / 3200).sum() < 50  # chi-squared of 19: beyond 50 once in 10,000
    for a, b in itertools.combinations([*found, draws(keys_of([5, 1], range(500)), 0, 128)], 2):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(found[0][:, 1:].ravel(), found[0][:, :-1].ravel())[0, 1]) < 0.02


# ---------------------------------------------------------------- sequences
letters = st.text("abcdefgh", min_size=1, max_size=7)
texts = st.lists(st.lists(letters, min_size=1, max_size=9), min_size=1, max_size=8)


def expected_stream(sentences: list[list[str]]) -> list[int]:
    found = []
    for sentence in sentences:
        found += [piece for word in sentence for piece in PIECES.rows([word])[0]] + [3]
    return found


@settings(max_examples=25)
@given(sentences=texts, length=st.integers(4, 20))
def test_running_text_is_cut_and_nothing_is_lost(sentences: list[list[str]], length: int) -> None:
    sequences = running(as_corpus(sentences), PIECES, length)
    stream = expected_stream(sentences)
    assert len(sequences) == math.ceil(len(stream) / (length - 1))
    read: list[int] = []
    for number in range(len(sequences)):
        ids, _, run = (part[0] for part in sequences.rows([number], PIECES))
        assert ids[0] == 2
        read += ids[1:][run[1:] >= 0].tolist()
        assert (ids[run < 0] == 0).all()
    assert read == stream
    counts = piece_counts(sequences, 21)
    assert {piece: n for piece, n in enumerate(counts.tolist()) if n} == Counter(stream)


@settings(max_examples=25)
@given(sentences=texts, length=st.integers(4, 20), apart=st.booleans())
def test_packed_sentences_are_all_there_once(sentences: list[list[str]], length: int, apart: bool) -> None:
    sequences = packed(as_corpus(sentences), PIECES, length, apart=apart)
    wanted: Counter[tuple[int, ...]] = Counter()
    for sentence in sentences:
        stream = expected_stream([sentence])
        wanted.update(tuple(stream[at : at + length - 1]) for at in range(0, len(stream), length - 1))
    found: Counter[tuple[int, ...]] = Counter()
    for number in range(len(sequences)):
        ids, _, run = (part[0] for part in sequences.rows([number], PIECES))
        for k in range(run.max() + 1):
            piece = ids[run == k].tolist()
            if apart or k == 0:
                assert piece[0] == 2
                piece = piece[1:]
            found[tuple(piece)] += 1
    assert found == wanted
    batch = batch_of(sequences, range(len(sequences)), PIECES, masking_of(PIECES, 0.3), (1,))
    if apart:
        assert batch.runs is not None
        assert batch.places is not None
        for ids, runs, places in zip(batch.ids, batch.runs, batch.places, strict=True):
            assert (places[ids == 2] == 0).all()
            for k in range(runs.max() + 1):
                assert places[runs == k].tolist() == list(range((runs == k).sum()))


def test_packing_fills_sequences_well() -> None:
    random = np.random.default_rng(3)
    sentences = [["a"] * int(n) for n in random.integers(3, 40, 400)]
    sequences = packed(as_corpus(sentences), PIECES, 64)
    pieces = sum(len(sentence) + 1 for sentence in sentences)
    assert len(sequences) <= 1.03 * pieces / 63


def test_words_at_a_cut_begin_where_they_begin() -> None:
    sequences = running(as_corpus([["abc", "d"], ["ef", "gh"]]), PIECES, 5)
    rows = list(zip(*sequences.rows(range(len(sequences)), PIECES), strict=True))
    assert [PIECES.strings[i] for i in rows[0][0]] == ["[CLS]", "a", "##b", "##c", "d"]
    assert rows[0][1].tolist() == [True, True, False, False, True]
    assert [PIECES.strings[i] for i in rows[1][0]] == ["[CLS]", "[SEP]", "e", "##f", "g"]
    assert [PIECES.strings[i] for i in rows[2][0]] == ["[CLS]", "##h", "[SEP]", "[PAD]", "[PAD]"]


def test_a_sequence_has_the_same_masks_in_any_batch_and_others_in_another_epoch() -> None:
    sequences = running(as_corpus(TEXT), PIECES, 12)
    how = masking_of(PIECES, 0.4, mixed=True)
    whole = batch_of(sequences, range(6), PIECES, how, (7, 0))
    alone = batch_of(sequences, [3], PIECES, how, (7, 0))
    assert alone.ids[0].tolist() == whole.ids[3].tolist()
    other = batch_of(sequences, range(6), PIECES, how, (7, 1))
    assert other.at.tolist() != whole.at.tolist()


# ---------------------------------------------------------------- the loss
def definition(net: BertNet, sequence: list[int], seen: list[int], groups: list[int], place: int) -> torch.Tensor:
    """-log p of one masked piece, from the definition: the place's own run alone is read, in double precision."""
    own = [n for n, group in enumerate(groups) if group == groups[place]]
    hidden = net(torch.tensor([[seen[n] for n in own]]))[0, own.index(place)]
    return -torch.log_softmax(net.logits(hidden), 0)[sequence[place]]


@pytest.mark.parametrize("options", [{}, {"packing": "sentences", "apart": True, "positions": "learned"}])
def test_loss_is_that_of_the_masked_pieces_alone(options: dict[str, Any]) -> None:
    corpus = as_corpus(TEXT)
    start = begin(BERT(**{**SMALL, **options, "masked": 0.4}), corpus, None, tell=ignore)
    start.net.double()
    work = Work(start, corpus, Place(torch.device("cpu")))
    batch = work.epoch(0)[0]
    found = work.loss(batch, None)
    assert found.count == len(batch.at) > 5
    order = np.random.default_rng([1, 0]).permutation(len(work.sequences))[: len(batch.ids)]
    total = torch.zeros((), dtype=torch.float64)
    for at in batch.at.tolist():
        row, place = divmod(at, 12)
        ids, _, run = (part[0] for part in work.sequences.rows([int(order[row])], start.pieces))
        groups = run.tolist() if options else (run >= 0).tolist()
        total = total + definition(start.net, ids.tolist(), batch.ids[row].tolist(), groups, place)
    assert found.total.item() == pytest.approx(total.item(), rel=1e-5)  # cross entropy is of float32


def test_the_unigram_loss_is_that_of_the_counts() -> None:
    corpus, other = as_corpus([["a", "a", "b", "a"]]), as_corpus([["a", "b", "c", "a", "b"]] * 30)
    counts = piece_counts(running(corpus, PIECES, 12), 21)
    found = Guessing(BertNet(shape_of(BERT(**SMALL).filled(), 21)), PIECES, running(other, PIECES, 12), counts)
    guessed = np.concatenate([batch.pieces for batch in found.batches()])
    chances = {5: 4 / 20, 6: 2 / 20, 7: 1 / 20}  # 3 + 1, 1 + 1, 0 + 1 of 4 + 16
    assert len(guessed) == found.n > 5
    assert found.unigram == pytest.approx(-np.mean([math.log(chances[int(piece)]) for piece in guessed]))
    assert found() == found()


# ---------------------------------------------------------------- training
@pytest.mark.parametrize("options", KINDS)
def test_interrupted_and_resumed_is_unbroken(options: dict[str, Any], tmp_path: Path) -> None:
    config = BERT(**{**SMALL, **options})
    whole = train(TEXT, config, threads=1, heldout=TEXT[:3])
    steps = 0

    def stop(event: Event) -> None:
        nonlocal steps
        steps += isinstance(event, EpochEnd)
        if steps == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(TEXT, config, threads=1, heldout=TEXT[:3], checkpoint=tmp_path / "c", listen=stop)
    resumed = train(TEXT, config, threads=1, heldout=TEXT[:3], checkpoint=tmp_path / "c", resume=True)
    assert numbers(resumed.model) == numbers(whole.model)
    assert (resumed.losses, resumed.heldout) == (whole.losses, whole.heldout)
    other = dataclasses.replace(config, masked=0.5)
    with pytest.raises(DataError, match=r"another job.*masked"):
        train(TEXT, other, threads=1, heldout=TEXT[:3], checkpoint=tmp_path / "c", resume=True)


def test_it_learns_what_stands_where_and_beats_frequencies() -> None:
    text = [
        f"{a} {b} {c} {b} {a}" for a, b, c in zip("abcdefghij" * 20, "klmnopqrst" * 20, "uvwxyzuvwx" * 20, strict=True)
    ]
    heard: list[Event] = []
    config = BERT(layers=2, dim=32, heads=4, hidden=32, vocab_size=80, length=12, batch=240, epochs=8, rate=0.01,
                  packing="sentences", apart=True)  # fmt: skip
    found = train(text, config, threads=1, heldout=text[:40], listen=heard.append)
    assert found.unigram is not None
    assert found.heldout[-1] is not None
    assert found.heldout[-1] < 0.5 * found.unigram
    assert any("by their frequencies alone" in str(e.message) for e in heard if isinstance(e, Notice))
    assert found.model.metadata["tokenizer"]["name"] == "words"


def test_a_net_without_a_text_to_learn_from_is_the_seeds_alone() -> None:
    one, other = (train(TEXT, BERT(**{**SMALL, "epochs": 1}), threads=1) for _ in range(2))
    assert numbers(one.model) == numbers(other.model)
    third = train(TEXT, BERT(**{**SMALL, "epochs": 1, "seed": 2}), threads=1)
    assert numbers(third.model) != numbers(one.model)


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_fill_every_option(recipe: str) -> None:
    config = BERT(recipe=recipe).filled()
    assert None not in [getattr(config, name) for name in RECIPES[recipe]]
    assert shape_of(config, 100).layers == RECIPES[recipe]["layers"]


# ---------------------------------------------------------------- pieces
def test_pieces_are_the_same_in_every_process() -> None:
    code = (
        "from firth.contextual.pieces_training import train_pieces\n"
        "from firth.text.corpus import as_corpus\n"
        "words = [f'{a}{b}{c}x{d}' for a in 'abcd' for b in 'efgh' for c in 'ijk' for d in 'lmn']\n"
        "corpus = as_corpus([words, words[::3], ['苹果', '果苹', 'été']], cache=False)\n"
        "import hashlib\n"
        "for kind in ('wordpiece', 'bpe'):\n"
        "    print(hashlib.md5('\\n'.join(train_pieces(corpus, kind, 400).strings).encode()).hexdigest())\n"
    )
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=120,
                       env={**os.environ, "RAYON_NUM_THREADS": threads}).stdout
        for threads in ("1", "3")
    }  # fmt: skip
    assert len(found) == 1


def test_pieces_know_every_character_that_has_a_place() -> None:
    corpus = as_corpus([["playing", "plays", "played", "苹果", "吃"] * 5, ["Été"]])
    pieces = train_pieces(corpus, "wordpiece", 200)
    assert pieces.misread(["Été", "苹果", "吃苹果", "playing"]) == 0
    assert [len(row) for row in pieces.rows(["苹果", "playing"])] == [2, 1]
    lower = train_pieces(corpus, "wordpiece", 200, uncased=True)
    assert lower.rows(["Été", "ete"])[0] == lower.rows(["ete"])[0]
    rare = [chr(0x4E00 + n) for n in range(300)]
    wide = train_pieces(as_corpus([["abcde"] * 10_000, rare]), "wordpiece", 2000)
    assert wide.misread(rare) == 5  # of 50,300 characters, one of 10,000
    tight = train_pieces(corpus, "wordpiece", 16)
    assert len(tight) <= 16
    assert tight.misread(["Été"]) == 1  # no place for rare characters
    whole = train_pieces(corpus, "bpe", 300)
    assert whole.misread(["Été", "\x00", "日本"]) == 0
    with pytest.raises(ConfigError, match="marks and bytes"):
        train_pieces(corpus, "bpe", 200)


# ---------------------------------------------------------------- training on
def test_training_on_keeps_shape_and_pieces_and_starts_from_the_weights(tmp_path: Path) -> None:
    first = train(TEXT, BERT(**SMALL), threads=1)
    more = ["the cat saw a zebra"] * 9
    config = BERT(length=12, batch=48, epochs=1, rate=0.0)
    heard: list[Event] = []
    second = train(more, config, threads=1, init=first.model, listen=heard.append)
    assert numbers(second.model) == numbers(first.model)  # at a rate of 0
    assert second.model.pieces.strings == first.model.pieces.strings
    third = train(more, dataclasses.replace(config, rate=0.01), threads=1, init=first.model)
    assert numbers(third.model) != numbers(first.model)
    firth.save(train(TEXT, BERT(**SMALL, recipe="original"), threads=1), tmp_path / "out", format="bert")
    published = firth.load(tmp_path / "out")
    fourth = train(TEXT, config, threads=1, init=published)
    assert numbers(fourth.model) == numbers(published)
    with pytest.raises(ConfigError, match=r"keeps its shape.*--dim, --uncased"):
        train(more, BERT(dim=16, uncased=True), threads=1, init=first.model)
    with pytest.raises(ConfigError, match="at most 12"):
        train(more, BERT(length=13), threads=1, init=first.model)
    with pytest.raises(DataError, match="cannot start"):
        train(more, BERT(**SMALL), threads=1, init=first)  # type: ignore[arg-type]


def test_a_headless_model_gets_a_new_head() -> None:
    first = train(TEXT, BERT(**{**SMALL, "epochs": 1}), threads=1).model
    bare = BertNet(dataclasses.replace(first.net.shape, head=None))
    bare.load_state_dict(first.net.state_dict(), strict=False)
    start = begin(BERT(length=12), as_corpus(TEXT), BertModel(bare, first.pieces), tell=ignore)
    assert start.net.head is not None
    assert torch.equal(start.net.pieces.weight, first.net.pieces.weight)


def test_bad_options_are_refused() -> None:
    for options, message in (
        ({"apart": True}, "--packing sentences"), ({"heads": 3}, "multiple of 3"), ({"masked": 0.0}, "masked"),
        ({"vocab_size": 8}, "no place for the characters|characters that"),
    ):  # fmt: skip
        if "vocab_size" in options:
            assert len(train(TEXT, BERT(**{**SMALL, **options, "epochs": 1}), threads=1).model.pieces) <= 8
            continue
        with pytest.raises(ConfigError, match=message):
            train(TEXT, BERT(**{**SMALL, **options}), threads=1)
