"""Killed or interrupted at any moment, training goes on from its checkpoint to the bytes of an unbroken run."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from firth import checkpoint
from firth.errors import ConfigError, DataError, FormatError
from firth.events import EpochEnd, Event, Notice, Progress, Saved
from firth.static import loop
from firth.static.word2vec import Word2Vec, train

CONFIG = Word2Vec(dim=12, min_count=1, epochs=3, sample=1e-2)


@pytest.fixture(scope="module")
def text() -> list[str]:
    random = np.random.default_rng(5)
    return [" ".join(f"w{i}" for i in random.zipf(1.5, 20) % 500) for _ in range(4000)]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of one round, a checkpoint after each."""
    monkeypatch.setattr(loop, "_SLICE_SECONDS", 0.0)
    monkeypatch.setattr(loop, "_SAVE_SECONDS", 0.0)
    monkeypatch.setattr(loop, "_SAVE_SHARE", 1e9)


class _Stop:
    """A listener that interrupts at the n-th event of a kind."""

    def __init__(self, kind: type, at: int) -> None:
        self.kind, self.left = kind, at

    def __call__(self, event: Event) -> None:
        if isinstance(event, self.kind):
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt


@pytest.mark.parametrize(("kind", "at"), [(Progress, 1), (Progress, 40), (EpochEnd, 1), (EpochEnd, 3), (Saved, 7)])
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("loss", ["negative", "hierarchical"])
def test_interrupted_and_resumed_gives_the_same_bytes(
    text: list[str], tmp_path: Path, kind: type, at: int, loss: str
) -> None:
    config = dataclasses.replace(CONFIG, loss=loss)
    whole = train(text, config, keep_output=True)
    with pytest.raises(KeyboardInterrupt):
        train(text, config, checkpoint=tmp_path, listen=_Stop(kind, at))
    assert checkpoint.exists(tmp_path)
    resumed = train(text, config, checkpoint=tmp_path, resume=True, threads=3, keep_output=True)
    assert resumed.vectors.matrix.tobytes() == whole.vectors.matrix.tobytes()
    assert resumed.losses == whole.losses


SCRIPT = """
import sys
from firth.static import loop
from firth.static.word2vec import Word2Vec, train
from firth.text.corpus import as_corpus
loop._SLICE_SECONDS, loop._SAVE_SECONDS, loop._SAVE_SHARE = 0.0, 0.0, 1e9
corpus, folder, out = sys.argv[1:]
config = Word2Vec(dim=12, min_count=1, epochs=3, sample=1e-2)
trained = train(as_corpus(corpus), config, checkpoint=folder, resume=True)
open(out, "wb").write(trained.vectors.matrix.tobytes())
"""


def test_sigkill_at_any_moment_costs_nothing(text: list[str], tmp_path: Path) -> None:
    from firth.text.corpus import as_corpus

    corpus = as_corpus(text, out=tmp_path / "corpus")
    whole = train(corpus, CONFIG)
    out, kills = tmp_path / "out", 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for attempt in range(40):
        job = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(corpus.path), str(tmp_path / "state"), str(out)], env=environment
        )
        if attempt < 6:
            deadline = time.monotonic() + 60
            before = _stamp(tmp_path / "state")
            while _stamp(tmp_path / "state") == before and job.poll() is None and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(0.007 * attempt)
        if attempt < 6 and job.poll() is None:
            job.send_signal(signal.SIGKILL)
            kills += 1
        if job.wait(timeout=120) == 0:
            break
    assert kills >= 2
    assert out.read_bytes() == whole.vectors.matrix.tobytes()


def _stamp(folder: Path) -> int:
    path = folder / checkpoint.FILE_NAME
    return path.stat().st_mtime_ns if path.exists() else 0


def test_a_checkpoint_of_another_job_is_refused(text: list[str], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(text, CONFIG, checkpoint=tmp_path, listen=_Stop(Progress, 2))
    with pytest.raises(DataError, match="different options: dim"):
        train(text, dataclasses.replace(CONFIG, dim=13), checkpoint=tmp_path, resume=True)
    with pytest.raises(DataError, match="different text"):
        train([*text, "more"], CONFIG, checkpoint=tmp_path, resume=True)


def test_broken_checkpoints_are_refused(text: list[str], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(text, CONFIG, checkpoint=tmp_path, listen=_Stop(Progress, 2))
    path = tmp_path / checkpoint.FILE_NAME
    good = path.read_bytes()
    for bad in (b"", b"junk", good[:100], good[:-5], b"\xff" * 8 + good[8:]):
        path.write_bytes(bad)
        with pytest.raises(FormatError, match="checkpoint"):
            train(text, CONFIG, checkpoint=tmp_path, resume=True)


def test_resume_without_a_checkpoint_begins(text: list[str], tmp_path: Path) -> None:
    events: list[Event] = []
    trained = train(text, CONFIG, checkpoint=tmp_path / "none", resume=True, listen=events.append)
    assert trained.vectors.matrix.tobytes() == train(text, CONFIG).vectors.matrix.tobytes()
    assert any(isinstance(event, Notice) and "begins at the start" in event.message for event in events)
    with pytest.raises(ConfigError, match="resume"):
        train(text, CONFIG, resume=True)


@pytest.mark.usefixtures("eager")
def test_a_full_disk_leaves_the_checkpoint_before(
    text: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(text, CONFIG, checkpoint=tmp_path, listen=_Stop(Saved, 3))
    good = (tmp_path / checkpoint.FILE_NAME).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left"):
        train(text, CONFIG, checkpoint=tmp_path, resume=True)
    assert (tmp_path / checkpoint.FILE_NAME).read_bytes() == good
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.FILE_NAME]
