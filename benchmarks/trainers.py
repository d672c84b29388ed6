"""One run of one trainer on one job, each in a fresh process and a fresh folder."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from child import TRAINERS
from jobs import Bench, Job, peer_command
from measure import Measurement, run, seconds_from_progress

__all__ = ["line_up", "prepare_corpus", "run_once"]

SOURCE = Path(__file__).resolve().parents[1] / "src"
WORDS_A_LINE = 1000
CHUNK = 1 << 16  # small, since a child's peak memory starts at what its parent holds


def line_up(names: list[str], peers: dict[str, Path]) -> list[str]:
    """Return the trainers of a run: those named, then the peers.

    Raises
    ------
    SystemExit
        When a name is unknown or a peer's program is missing.
    """
    for name in names:
        if name not in TRAINERS:
            raise SystemExit(f"no such trainer: {name}; expected one of {', '.join(TRAINERS)} (peers come by --peer)")
    for name, path in peers.items():
        if not os.access(path, os.X_OK) or path.is_dir():
            raise SystemExit(f"--peer {name}: {path} is not a program that can be run")
    return names + list(peers)


def prepare_corpus(source: Path, target: Path, limit: int | None = None) -> dict[str, int]:
    """Copy the words of ``source`` to ``target`` in lines that no trainer cuts, and count them.

    gensim cuts a line at 10,000 words and word2vec.c at 1,000; longer lines are broken every 1,000 words. All
    trainers read the same copy.

    Parameters
    ----------
    source, target : Path
    limit : int, optional
        Stop after so many words.

    Returns
    -------
    dict
        ``words`` and ``lines`` of the copy.
    """
    words = lines = 0
    with source.open("rb") as text, target.open("wb") as copy:
        for line in _pieces(text):
            if limit is not None:
                line = line[: limit - words]
            for start in range(0, len(line), WORDS_A_LINE):
                copy.write(b" ".join(line[start : start + WORDS_A_LINE]) + b"\n")
                lines += 1
            words += len(line)
            if limit is not None and words >= limit:
                break
    return {"words": words, "lines": lines}


def _pieces(text: IO[bytes]) -> Iterator[list[bytes]]:
    """Yield the words of each line; a long line comes in parts of whole thousands of words."""
    kept: list[bytes] = []
    rest = b""
    while chunk := text.readline(CHUNK):
        whole = chunk.endswith(b"\n")
        chunk = rest + chunk
        cut = len(chunk) if whole else max(chunk.rfind(b" "), 0)
        rest = chunk[cut:]
        kept += chunk[:cut].split()
        full = len(kept) if whole else len(kept) - len(kept) % WORDS_A_LINE
        if full:
            yield kept[:full]
        kept = kept[full:]
    if kept := kept + rest.split():
        yield kept


def run_once(trainer: str, job: Job, bench: Bench, out: Path | None = None) -> dict[str, Any] | None:
    """Run ``trainer`` on ``job`` and return its figures, or None where it cannot do the job.

    Parameters
    ----------
    trainer : str
        A name of :data:`child.TRAINERS` or of ``bench.peers``.
    job : Job
    bench : Bench
    out : Path, optional
        Keep the vectors there.

    Returns
    -------
    dict or None
        ``load process_s cpu_s peak_mib``; ``train_s words_per_s`` and, where the trainer tells it, ``read_s``; or
        ``error``.
    """
    with tempfile.TemporaryDirectory(prefix="firth-bench-") as name:
        folder = Path(name)
        (folder / "corpus.txt").symlink_to(bench.corpus.resolve())
        command = _command(trainer, job, bench, keep=out is not None)
        if command is None:
            return None
        load = os.getloadavg()[0]
        measured = run(command, folder, _environment(folder, bench.settings.threads))
        figures = _figures(trainer, job, measured)
        if out is not None and "error" not in figures:
            _keep_vectors(trainer, job, folder, out)
    if "train_s" in figures:
        figures["words_per_s"] = round(bench.words * bench.settings.epochs / figures["train_s"])
    return {"load": round(load, 2)} | figures


def _command(trainer: str, job: Job, bench: Bench, keep: bool) -> list[str] | None:
    if trainer in bench.peers:
        return peer_command(trainer, bench.peers[trainer].resolve(), job, bench.settings)
    if trainer == "firth-racing" and not job.dim:
        return None  # reading has one mode
    task = {
        "trainer": trainer,
        "corpus": "corpus.txt",
        "job": dataclasses.asdict(job),
        "settings": dataclasses.asdict(bench.settings),
        "out": ("vectors.bin" if trainer == "gensim" else "vectors") if keep else None,
    }
    return [sys.executable, str(Path(__file__).with_name("child.py")), json.dumps(task)]


def _environment(folder: Path, threads: int) -> dict[str, str]:
    paths = [str(SOURCE)] if any((SOURCE / "firth").glob("_core*")) else []
    paths += [path for path in [os.environ.get("PYTHONPATH")] if path]
    # A cache of its own, so that each run reads the text anew; one BLAS thread, since the trainers bring their own.
    return {
        "FIRTH_CACHE": str(folder / "cache"),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _figures(trainer: str, job: Job, measured: Measurement) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "process_s": round(measured.process_s, 4),
        "cpu_s": round(measured.cpu_s, 4),
        "peak_mib": round(measured.peak_mib, 1),
    }
    if measured.code:
        lines = measured.output.strip().splitlines() or [""]
        return figures | {"error": f"exit status {measured.code}: {lines[-1][:300]}"}
    if trainer in TRAINERS:
        told = json.loads(measured.output.strip().splitlines()[-1])
        return figures | {key: round(value, 4) for key, value in told.items()}
    if not job.dim:
        return figures | {"read_s": figures["process_s"]}
    train_s = seconds_from_progress(measured.progress)
    return figures | ({"error": "printed no progress to time"} if train_s is None else {"train_s": round(train_s, 4)})


def _keep_vectors(trainer: str, job: Job, folder: Path, out: Path) -> None:
    """Move what a trainer wrote: a binary file, a text file or a folder of ours."""
    names = {"fasttext": "vectors.bin" if job.subwords else "vectors.vec", "koan": "vectors.txt"}
    name = "vectors" if trainer.startswith("firth") else names.get(trainer.partition(":")[0], "vectors.bin")
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.is_dir():
        shutil.rmtree(out)
    shutil.move(folder / name, out)
