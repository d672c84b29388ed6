"""GloVe: the NumPy twin, the same bytes on any threads, exact resume, and what its vectors are good for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firth import checkpoint
from firth.errors import ConfigError, DataError
from firth.events import EpochEnd, Event, Notice, Probe, Progress
from firth.static import loop, tiles
from firth.static.cooccurrence import Cooc, CooccurrenceMatrix
from firth.static.cooccurrence import train as count
from firth.static.glove import GloVe, train
from firth.static.records import Records
from firth.vectors.words import Words

Counts = Callable[..., CooccurrenceMatrix]

CONFIG = GloVe(dim=14, epochs=3, x_max=10, seed=4)


@pytest.fixture
def many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles so small that a little matrix has a number of blocks, and stripes of a few columns."""
    monkeypatch.setattr(tiles, "_TILE_PAIRS", 20)
    monkeypatch.setattr(tiles, "_STRIPE_BYTES", 8 * 16 * 5)
    monkeypatch.setattr(tiles, "_RUN", 3)


@pytest.fixture
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Round by round, with word of each."""
    monkeypatch.setattr(loop, "_SLICE_SECONDS", 0.0)


@pytest.mark.usefixtures("many_blocks")
@pytest.mark.parametrize("vectors", ["sum", "input", "output"])
def test_the_native_trainer_agrees_with_its_twin(random_counts: Counts, vectors: str) -> None:
    counts = random_counts(60, seed=1)
    config = dataclasses.replace(CONFIG, vectors=vectors)
    assert tiles.plan_for(np.diff(counts.indptr), 16, 1).blocks > 4
    mine = train(counts, config, threads=2, keep_output=True, keep_biases=True)
    twin = train(counts, config, backend="reference", keep_output=True, keep_biases=True)
    np.testing.assert_allclose(mine.vectors.matrix, twin.vectors.matrix, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mine.output, twin.output, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mine.losses, twin.losses, rtol=1e-5)
    assert mine.biases is not None
    assert twin.biases is not None
    for bias, expected in zip(mine.biases, twin.biases, strict=True):
        np.testing.assert_allclose(bias, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("many_blocks")
def test_the_same_bytes_on_any_number_of_threads(random_counts: Counts) -> None:
    counts = random_counts(300, seed=2, density=1.0)
    assert tiles.plan_for(np.diff(counts.indptr), 16, 1).blocks == 32
    config = dataclasses.replace(CONFIG, epochs=8)
    one, *others = (train(counts, config, threads=threads, keep_output=True) for threads in (1, 2, 3, 8))
    for other in others:
        assert other.vectors.matrix.tobytes() == one.vectors.matrix.tobytes()
        assert other.vectors.output.tobytes() == one.vectors.output.tobytes()
        assert other.losses == one.losses


@pytest.mark.usefixtures("many_blocks")
def test_slices_of_an_epoch_do_not_matter(random_counts: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = random_counts(100, seed=2)
    whole = train(counts, CONFIG, threads=2)
    monkeypatch.setattr(loop, "_SLICE_SECONDS", 0.0)  # round by round
    sliced = train(counts, CONFIG, threads=2)
    assert sliced.vectors.matrix.tobytes() == whole.vectors.matrix.tobytes()
    assert sliced.losses == whole.losses


def test_the_seed_and_nothing_else_changes_the_vectors(random_counts: Counts) -> None:
    counts = random_counts(60, seed=1)
    one, again, other = (train(counts, dataclasses.replace(CONFIG, seed=seed)) for seed in (1, 1, 2))
    assert one.vectors.matrix.tobytes() == again.vectors.matrix.tobytes()
    assert not np.allclose(one.vectors.matrix, other.vectors.matrix, atol=1e-3)


def test_the_loss_falls_to_that_of_a_fit() -> None:
    """A matrix whose logarithms are of rank 3 can be fitted nearly exactly, biases included."""
    random = np.random.default_rng(3)
    n = 30
    left, right = random.normal(size=(n, 3)) * 0.7, random.normal(size=(n, 3)) * 0.7
    values = np.exp(left @ right.T + random.normal(size=n)[:, None] + random.normal(size=n)[None, :])
    counts = CooccurrenceMatrix(
        Words.of(f"w{i}" for i in range(n)),
        np.full(n, 9, np.int64),
        np.arange(0, n * n + 1, n, dtype=np.int64),
        np.tile(np.arange(n, dtype=np.int32), n),
        values.reshape(-1),
    )
    trained = train(counts, GloVe(dim=5, epochs=600, x_max=1, vectors="input"), keep_output=True, keep_biases=True)
    assert trained.losses[-1] < 1e-3
    assert trained.losses[0] > 0.1
    assert trained.biases is not None
    assert trained.output is not None
    row, column = trained.biases
    fitted = trained.vectors.matrix @ trained.output.T + row[:, None] + column[None, :]
    assert np.corrcoef(fitted.reshape(-1), np.log(values).reshape(-1))[0, 1] > 0.999


def test_the_first_loss_is_that_of_the_start(random_counts: Counts) -> None:
    """At rate 0 nothing moves, and the loss is the mean over all pairs of what the start vectors give."""
    counts = random_counts(60, seed=1)
    trained = train(
        counts, dataclasses.replace(CONFIG, rate=0.0, epochs=1, vectors="input"), keep_output=True, keep_biases=True
    )
    assert trained.output is not None
    assert trained.biases is not None
    words = np.repeat(np.arange(60), np.diff(counts.indptr))
    products = np.einsum("ij,ij->i", trained.vectors.matrix[words], trained.output[counts.indices])
    diff = products + trained.biases[0][words] + trained.biases[1][counts.indices] - np.log(counts.values)
    weight = np.minimum(counts.values / 10, 1) ** 0.75
    assert trained.losses[0] == pytest.approx(0.5 * np.mean(weight * diff**2), rel=1e-5)
    assert np.abs(trained.vectors.matrix).max() <= 0.5 / 14
    assert np.abs(trained.vectors.matrix).max() > 0.4 / 14


def test_vectors_are_sum_or_either_side(random_counts: Counts) -> None:
    counts = random_counts(60, seed=1)
    total, word, context = (
        train(counts, dataclasses.replace(CONFIG, vectors=kind)).vectors.matrix for kind in ("sum", "input", "output")
    )
    np.testing.assert_array_equal(total, word + context)
    assert not np.allclose(word, context, atol=1e-2)


def test_words_in_like_contexts_come_near() -> None:
    random = np.random.default_rng(0)
    animals, tools = ["cat", "dog", "cow"], ["hammer", "saw", "drill"]
    text = []
    for _ in range(3000):
        own, others = (
            (animals, "eats sleeps runs breathes") if random.random() < 0.5 else (tools, "cuts hits builds rusts")
        )
        text.append(f"the {random.choice(own)} {random.choice(others.split())} {random.choice(others.split())}")
    trained = train(text, GloVe(dim=10, window=5, min_count=1, epochs=25, x_max=100))
    vectors = trained.vectors
    for group, other in ((animals, tools), (tools, animals)):
        near = [vectors.similarity(a, b) for a in group for b in group if a != b]
        far = [vectors.similarity(a, b) for a in group for b in other]
        assert min(near) > max(far) + 0.2
    assert vectors.counts is not None
    assert vectors.counts[vectors.words.find("the")] == 3000


def test_a_text_and_its_counts_give_the_same_vectors() -> None:
    text = ["a rose is a rose", "is a rose red"] * 5
    config = GloVe(dim=6, window=3, min_count=1, epochs=2, weights="flat", sides="left")
    direct = train(text, config)
    notices: list[Event] = []
    counts = count(text, Cooc(window=3, min_count=1, weights="flat", sides="left")).model
    counted = train(counts, config, listen=notices.append)
    assert counted.vectors.matrix.tobytes() == direct.vectors.matrix.tobytes()
    assert list(counted.vectors.words) == list(direct.vectors.words)
    told = [event.message for event in notices if isinstance(event, Notice)]
    assert any("window, sides, weights, min_count" in message for message in told)
    assert direct.vectors.metadata["model"] == "glove"
    assert direct.vectors.metadata["options"]["window"] == 3
    assert "memory" not in direct.vectors.metadata["options"]


def test_a_small_memory_gives_the_same_bytes(random_counts: Counts) -> None:
    counts = random_counts(900, seed=2, density=3.0)
    assert len(counts.indices) * tiles.ENTRY.itemsize > 1 << 20
    roomy = train(counts, dataclasses.replace(CONFIG, epochs=1))
    tight = train(counts, dataclasses.replace(CONFIG, epochs=1, memory=16))
    assert tight.vectors.matrix.tobytes() == roomy.vectors.matrix.tobytes()


# ---------------------------------------------------------------- checkpoints
class _Stop:
    """A listener that interrupts at the n-th event of a kind."""

    def __init__(self, kind: type, at: int) -> None:
        self.kind, self.left = kind, at

    def __call__(self, event: Event) -> None:
        if isinstance(event, self.kind):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


@pytest.mark.usefixtures("many_blocks", "slices")
@pytest.mark.parametrize(("kind", "at"), [(Progress, 1), (Progress, 40), (EpochEnd, 1), (EpochEnd, 3)])
def test_interrupted_and_resumed_gives_the_same_bytes(
    random_counts: Counts, tmp_path: Path, kind: type, at: int
) -> None:
    counts = random_counts(150, seed=2)
    whole = train(counts, CONFIG, keep_output=True)
    with pytest.raises(KeyboardInterrupt):
        train(counts, CONFIG, checkpoint=tmp_path, listen=_Stop(kind, at))
    assert checkpoint.exists(tmp_path)
    done: list[Event] = []
    resumed = train(counts, CONFIG, checkpoint=tmp_path, resume=True, threads=3, keep_output=True, listen=done.append)
    assert resumed.vectors.matrix.tobytes() == whole.vectors.matrix.tobytes()
    assert resumed.losses == whole.losses
    repeated = sum(isinstance(event, Progress) for event in done)
    plan = tiles.plan_for(np.diff(counts.indptr), 16, 1)
    assert repeated < plan.blocks * CONFIG.epochs  # it went on and did not begin anew


def test_a_checkpoint_of_another_job_is_refused(random_counts: Counts, tmp_path: Path) -> None:
    counts = random_counts(60, seed=1)
    with pytest.raises(KeyboardInterrupt):
        train(counts, CONFIG, checkpoint=tmp_path, listen=_Stop(EpochEnd, 1))
    with pytest.raises(DataError, match="options: x_max"):
        train(counts, dataclasses.replace(CONFIG, x_max=7), checkpoint=tmp_path, resume=True)
    with pytest.raises(DataError, match="another job"):
        train(random_counts(60, seed=2), CONFIG, checkpoint=tmp_path, resume=True)
    train(counts, dataclasses.replace(CONFIG, memory=100), checkpoint=tmp_path, resume=True)


# ---------------------------------------------------------------- edges
def test_no_pairs_is_told() -> None:
    with pytest.raises(DataError, match="no word stands near another"):
        train(["one", "two", "one"], GloVe(min_count=1))
    empty = CooccurrenceMatrix(
        Words.of(["a"]), np.ones(1, np.int64), np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32)
    )
    with pytest.raises(DataError, match="1 words, 0 pairs"):
        train(empty)


def test_one_pair_is_learned() -> None:
    counts = CooccurrenceMatrix(
        Words.of(["a", "b"]), np.ones(2, np.int64), np.array([0, 1, 1]), np.array([1], np.int32), np.array([20.0])
    )
    trained = train(counts, GloVe(dim=3, epochs=4000, vectors="input"), threads=4, keep_output=True, keep_biases=True)
    assert trained.output is not None
    assert trained.biases is not None
    fitted = trained.vectors["a"] @ trained.output[1] + trained.biases[0][0] + trained.biases[1][1]
    assert fitted == pytest.approx(np.log(20.0), abs=0.01)


def test_divergence_is_told_with_the_remedy(random_counts: Counts) -> None:
    with pytest.raises(DataError, match=r"diverged.*lower --rate") as caught:
        train(random_counts(60, seed=1), dataclasses.replace(CONFIG, rate=100.0, epochs=200))
    assert "sample" not in str(caught.value)


def test_an_unknown_backend_is_refused(random_counts: Counts) -> None:
    with pytest.raises(ConfigError, match="native or reference"):
        train(random_counts(9, seed=1), CONFIG, backend="gpu")


def test_probes_show_the_vectors_of_the_result(random_counts: Counts) -> None:
    events: list[Event] = []
    trained = train(random_counts(60, seed=1), CONFIG, probes=["w3", "absent"], listen=events.append)
    probes = [event for event in events if isinstance(event, Probe)]
    assert [probe.epoch for probe in probes] == [1, 2, 3]
    nearest = trained.vectors.nearest("w3", n=5)
    assert [word for word, _ in probes[-1].neighbours] == [word for word, _ in nearest]
    assert any(isinstance(event, Notice) and "absent" in event.message for event in events)


def test_start_values_belong_to_words_not_to_places() -> None:
    lengths = np.arange(40, 0, -1)
    first, second = (tiles.plan_for(lengths, 8, seed=1, blocks=blocks) for blocks in (1, 5))
    for which in ("input", "output"):
        left, right = Records.start(first, 6, seed=1).vectors(which), Records.start(second, 6, seed=1).vectors(which)
        np.testing.assert_array_equal(left, right)
