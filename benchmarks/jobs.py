"""What is measured: the jobs, the settings that all trainers share, and the command lines of the peers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

__all__ = ["JOBS", "PEERS", "Bench", "Job", "Settings", "peer_command"]


@dataclasses.dataclass(frozen=True)
class Job:
    """One thing to measure.

    Attributes
    ----------
    name : str
    architecture : {"skipgram", "cbow"}
    loss : {"negative", "hierarchical"}
    dim : int
        0 for the pass that only reads, counts and encodes the text.
    subwords : bool
        With character n-grams: 3 to 6 characters, 2,000,000 buckets.
    """

    name: str
    architecture: str = "skipgram"
    loss: str = "negative"
    dim: int = 100
    subwords: bool = False

    @property
    def rate(self) -> float:
        """Starting learning rate: the defaults of word2vec.c, and of fastText, given to every trainer."""
        if self.subwords:
            return 0.05
        return 0.025 if self.architecture == "skipgram" else 0.05


JOBS = {
    job.name: job
    for job in (
        Job("skipgram-negative-100"),
        Job("skipgram-negative-300", dim=300),
        Job("cbow-negative-100", architecture="cbow"),
        Job("skipgram-hierarchical-100", loss="hierarchical"),
        Job("fasttext-skipgram-100", subwords=True),
        Job("fasttext-cbow-100", architecture="cbow", subwords=True),
        Job("vocabulary", dim=0),
    )
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Options that are the same for every trainer of a run."""

    threads: int = 2
    epochs: int = 5
    window: int = 5
    negative: int = 5
    sample: float = 1e-3
    min_count: int = 5
    seed: int = 1


@dataclasses.dataclass(frozen=True)
class Bench:
    """What every run has in common.

    Attributes
    ----------
    corpus : Path
        Made by :func:`trainers.prepare_corpus`.
    words : int
        Words in it.
    settings : Settings
    peers : dict of str to Path
        Programs by name.
    """

    corpus: Path
    words: int
    settings: Settings
    peers: dict[str, Path]


Builder = Callable[[Job, Settings], list[str] | None]


def _word2vec(job: Job, settings: Settings) -> list[str] | None:
    """Return the options of word2vec.c; without ``-output`` it stops after the vocabulary."""
    if job.subwords:
        return None
    options = f"-train corpus.txt -min-count {settings.min_count}"
    if job.dim:
        hierarchical = job.loss == "hierarchical"
        options += (
            f" -output vectors.bin -binary 1 -size {job.dim} -window {settings.window} -sample {settings.sample}"
            f" -negative {0 if hierarchical else settings.negative} -hs {int(hierarchical)}"
            f" -cbow {int(job.architecture == 'cbow')} -alpha {job.rate}"
            f" -threads {settings.threads} -iter {settings.epochs}"
        )
    return options.split()


def _pword2vec(job: Job, settings: Settings) -> list[str] | None:
    """Return the options of pWord2Vec: skip-gram with negative sampling is all that it has."""
    if not job.dim or job.subwords or (job.architecture, job.loss) != ("skipgram", "negative"):
        return None
    return (
        f"-train corpus.txt -min-count {settings.min_count} -output vectors.bin -binary 1 -size {job.dim}"
        f" -window {settings.window} -sample {settings.sample} -negative {settings.negative} -alpha {job.rate}"
        f" -batch-size {2 * settings.window + 1} -threads {settings.threads} -iter {settings.epochs}"
    ).split()


def _fasttext(job: Job, settings: Settings) -> list[str] | None:
    """Return the options of fastText; it has no way to stop after the vocabulary."""
    if not job.dim:
        return None
    return (
        f"{job.architecture} -input corpus.txt -output vectors -dim {job.dim} -ws {settings.window}"
        f" -neg {settings.negative} -loss {'hs' if job.loss == 'hierarchical' else 'ns'} -t {settings.sample}"
        f" -minCount {settings.min_count} -lr {job.rate}"
        f" -minn {3 * job.subwords} -maxn {6 * job.subwords} -seed {settings.seed}"
        f" -thread {settings.threads} -epoch {settings.epochs}"
    ).split()


def _koan(job: Job, settings: Settings) -> list[str] | None:
    """Return the options of kōan, which has negative sampling only."""
    if not job.dim or job.subwords or job.loss != "negative":
        return None
    return (
        f"-f corpus.txt -p vectors.txt -d {job.dim} -c {settings.window} -n {settings.negative}"
        f" -o {settings.sample} -k {settings.min_count} -l {job.rate} -b {str(job.architecture == 'cbow').lower()}"
        f" -t {settings.threads} -e {settings.epochs}"
    ).split()


PEERS: dict[str, Builder] = {"word2vec": _word2vec, "pword2vec": _pword2vec, "fasttext": _fasttext, "koan": _koan}


def peer_command(peer: str, binary: Path, job: Job, settings: Settings) -> list[str] | None:
    """Return the command line of a peer, or None where it cannot do the job.

    The files lie in the folder that the command runs in: ``corpus.txt`` to read, ``vectors...`` to write (two of the
    peers keep paths in buffers of 100 bytes).

    Parameters
    ----------
    peer : str
        A name of :data:`PEERS`; what follows a colon tells two builds apart (``word2vec:ofast``).
    binary : Path
        The program.
    job, settings : Job, Settings
    """
    options = PEERS[peer.partition(":")[0]](job, settings)
    return None if options is None else [str(binary), *options]
