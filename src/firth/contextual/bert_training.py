"""From a text and options to a trained BERT: what :func:`firth.contextual.bert.train` does, with torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from firth.config import to_dict
from firth.contextual.bert import BERT, Trained
from firth.contextual.bert_batches import Batch, Sequences, batch_of, packed, piece_counts, running
from firth.contextual.bert_masks import Masking
from firth.contextual.bert_model import BertModel
from firth.contextual.bert_net import BertNet
from firth.contextual.bert_start import Start, begin, digest
from firth.contextual.pieces import Pieces
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.nn.job import ignore
from firth.nn.loop import Job, Loss, Place, Plan, Run, run_job, settled
from firth.nn.optimize import trained
from firth.text.corpus import Corpus, as_corpus, as_corpus_like

__all__ = ["Guessing", "Work", "masking_of", "scores_of", "sequences_of", "train"]

_GUESSED = 0.15  # share of a held-out text's pieces that are guessed, whatever is masked in training
_ROWS = 32  # sequences of a held-out text that are read side by side


def train(
    data: Any,
    config: BERT,
    *,
    threads: int | None,
    listen: Listener | None,
    heldout: Any,
    checkpoint: str | Path | None,
    resume: bool,
    minutes: float | None,
    device: str | None,
    init: BertModel | None,
) -> Trained:
    """Train; the parameters are those of :func:`firth.contextual.bert.train`."""
    tell = listen or ignore
    corpus = as_corpus(data, threads=threads, listen=listen)
    start = begin(config, corpus, init, tell=tell)
    config = start.config
    plan = Plan.of(config, minutes)
    with settled(device, threads, seed=config.seed, deterministic=config.deterministic) as place:
        if place.device.type == "cpu" and config.precision == "auto" and _multiplies_bfloat16():
            tell(Notice("this processor multiplies bfloat16 by itself: --precision bfloat16 trains faster"))
        start.net.to(place.device)
        work = Work(start, corpus, place)
        if init is None:
            _begin_with_frequencies(start.net, start.pieces, work.counts)
        guessing = None if heldout is None else work.guessing(heldout, tell)
        done = run_job(work.job(guessing, plan), plan, Run(tell, checkpoint, resume), place)
    made = {
        "model": "bert", "options": to_dict(config), "seed": config.seed, "corpus": corpus.digest,
        "tokenizer": corpus.tokenizer,
    }  # fmt: skip
    net = start.net.cpu()
    net.set_dropout(0.0)
    model = BertModel(net, start.pieces, config.pooling, metadata=made, counts=work.counts)
    unigram = None if guessing is None else guessing.unigram
    return Trained(model, config, done.losses, done.heldout, unigram, done.seconds)


def _multiplies_bfloat16() -> bool:
    """Return whether the processor has instructions for bfloat16, as far as torch tells."""
    tests = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(test is not None and bool(test()) for test in tests)


def masking_of(pieces: Pieces, share: float, *, whole_words: bool = True, mixed: bool = False) -> Masking:
    """Return how pieces are masked.

    Raises
    ------
    DataError
        When the vocabulary has no mask.
    """
    if pieces.marks.mask is None:
        raise DataError("the vocabulary has no mask to guess behind")
    others = np.setdiff1d(np.arange(len(pieces)), pieces.special)
    if not len(others):
        raise DataError("the vocabulary has no pieces beside its marks")
    return Masking(share, whole_words, mixed, pieces.marks.mask, others)


def sequences_of(corpus: Corpus, pieces: Pieces, config: BERT) -> Sequences:
    """Return a corpus as the sequences that filled options ask for."""
    length = config.length or 4
    if config.packing == "running":
        return running(corpus, pieces, length)
    return packed(corpus, pieces, length, apart=config.apart)


def scores_of(net: BertNet, batch: Batch) -> Tensor:
    """Return the logits of the masked places alone, (n_masked, n_pieces)."""
    ids = torch.from_numpy(batch.ids).to(net.device)
    allowed = places = None
    if batch.runs is not None:
        runs = torch.from_numpy(batch.runs).to(net.device)
        allowed = (runs >= 0)[:, None, None]
    if batch.places is not None:
        places = torch.from_numpy(batch.places).to(net.device)
        allowed = (runs[:, :, None] == runs[:, None])[:, None]
    hidden = net(ids, allowed, places=places)
    return net.logits(hidden.flatten(0, 1)[torch.from_numpy(batch.at).to(net.device)])


def _begin_with_frequencies(net: BertNet, pieces: Pieces, counts: NDArray[np.int64]) -> None:
    """Let a new net guess every piece by its frequency, which it would spend its first steps to learn."""
    assert net.head is not None  # for the type checker
    plain = counts.astype(np.float64)
    plain[pieces.special] = 0.0  # is never to be guessed
    with torch.no_grad():
        net.head.bias.copy_(torch.from_numpy(np.log((plain + 1.0) / (plain + 1.0).sum())))


class Work:
    """What the loop asks for: an epoch's batches, a batch's loss, the held-out loss."""

    def __init__(self, start: Start, corpus: Corpus, place: Place) -> None:
        self.start, self.net, self.config, self.corpus, self.place = start, start.net, start.config, corpus, place
        config = start.config
        self.sequences = sequences_of(corpus, start.pieces, config)
        self.counts = piece_counts(self.sequences, self.net.shape.pieces)
        self.rows = max(1, (config.batch or 1) // self.sequences.length)
        self.how = masking_of(
            start.pieces, config.masked, whole_words=config.whole_words, mixed=config.replace == "mixed"
        )  # fmt: skip
        if place.world > 1 and self.rows % place.world:
            raise ConfigError("batch does not spread over the processes", got=f"{self.rows} sequences",
                              expected=f"a multiple of {place.world}")  # fmt: skip

    def job(self, guessing: Guessing | None, plan: Plan) -> Job:
        """Return what the loop is to do."""
        options = {**to_dict(self.config), "minutes": plan.minutes}
        return Job(
            module=self.net,
            epoch=self.epoch,
            loss=self.loss,
            heldout=guessing,
            words=self.corpus.n_tokens,
            facts={
                "model": "bert", "options": options, "corpus": self.corpus.digest, "start": digest(self.start),
            },
            seed=self.config.seed,
            groups=_groups(self.net, plan.weight_decay),
            perplexity=True,
        )  # fmt: skip

    def epoch(self, number: int) -> Sequence[Batch]:
        """Return the batches of an epoch: all sequences in a new order, each with new masks."""
        n, rows = len(self.sequences), self.rows
        order = np.random.default_rng([self.config.seed, number]).permutation(n)
        if n % rows and (n > rows or self.place.world > 1):
            order = np.resize(order, n + rows - n % rows)  # the last batch is filled with the epoch's first ones
        own = rows // self.place.world
        groups = [
            order[first + self.place.rank * own : first + (self.place.rank + 1) * own]
            for first in range(0, len(order), rows)
        ]
        return _Batches(groups, lambda group: self._batch(group, number))

    def _batch(self, group: NDArray[np.int64], epoch: int) -> Batch:
        seed = (self.config.seed, epoch)
        return batch_of(self.sequences, group.tolist(), self.start.pieces, self.how, seed)

    def loss(self, batch: Batch, state: Any) -> Loss:
        """Return the loss of a batch's masked pieces."""
        if not len(batch.at):  # nothing but marks
            return Loss(self.net.pieces.weight.sum() * 0.0, 1)
        pieces = torch.from_numpy(batch.pieces).to(self.net.device)
        total = functional.cross_entropy(scores_of(self.net, batch).float(), pieces, reduction="sum")
        return Loss(total, len(pieces))

    def guessing(self, heldout: Any, tell: Listener) -> Guessing:
        """Return the measure of a held-out text, and tell how piece frequencies do on it."""
        text = as_corpus_like(heldout, self.corpus.tokenizer)
        sequences = sequences_of(text, self.start.pieces, self.config)
        found = Guessing(self.net, self.start.pieces, sequences, self.counts)
        tell(Notice(f"held-out: {found.n:,} masked pieces; by their frequencies alone the loss is {found.unigram:.4f}"))
        return found


def _groups(net: BertNet, decay: float) -> list[dict[str, Any]]:
    """Return matrices, which are drawn to zero, apart from norms and summands, which are not."""
    parameters = trained(net)
    return [
        {"params": [each for each in parameters if each.ndim > 1], "weight_decay": decay},
        {"params": [each for each in parameters if each.ndim <= 1], "weight_decay": 0.0},
    ]


@dataclasses.dataclass(frozen=True)
class _Batches(Sequence[Batch]):
    """Batches that are made when they are asked for."""

    groups: list[NDArray[np.int64]]
    make: Callable[[NDArray[np.int64]], Batch]

    def __len__(self) -> int:
        return len(self.groups)

    @overload
    def __getitem__(self, place: int) -> Batch: ...
    @overload
    def __getitem__(self, place: slice) -> list[Batch]: ...
    def __getitem__(self, place: int | slice) -> Batch | list[Batch]:
        if isinstance(place, slice):
            return [self.make(group) for group in self.groups[place]]
        return self.make(self.groups[place])


class Guessing:
    """Guesses the masked pieces of a text, always the same ones, each behind a mask, whole words at a time.

    Parameters
    ----------
    net : BertNet
    pieces : Pieces
    sequences : Sequences
        Of the text.
    counts : ndarray of int64, shape (n_pieces,), optional
        How often each piece occurs in the text of training.

    Attributes
    ----------
    n : int
        Pieces that are guessed.
    unigram : float
        Mean negative log probability of those pieces by their counts, one added to each; NaN without counts.
    """

    def __init__(
        self, net: BertNet, pieces: Pieces, sequences: Sequences, counts: NDArray[np.int64] | None = None
    ) -> None:
        self.net, self.pieces, self.sequences = net, pieces, sequences
        self.how = masking_of(pieces, _GUESSED)
        guessed = np.concatenate([batch.pieces for batch in self.batches()])
        self.n, self.unigram = len(guessed), float("nan")
        if counts is not None and self.n:
            others = self.how.others
            smoothed = np.zeros(len(counts))
            smoothed[others] = counts[others] + 1.0
            self.unigram = float(-np.log(np.maximum(smoothed[guessed], 1.0) / smoothed.sum()).mean())

    def batches(self) -> Iterator[Batch]:
        """Yield the text with its masks."""
        for first in range(0, len(self.sequences), _ROWS):
            numbers = range(first, min(first + _ROWS, len(self.sequences)))
            yield batch_of(self.sequences, numbers, self.pieces, self.how, (0,))

    def __call__(self) -> float:
        """Return the mean negative log probability of the masked pieces."""
        scores = [self.scores(batch) for batch in self.batches()]
        return float(-np.concatenate(scores).mean()) if self.n else float("nan")

    @torch.no_grad()
    def scores(self, batch: Batch) -> NDArray[np.float64]:
        """Return the log probability of each masked piece of a batch."""
        logits = scores_of(self.net, batch).double()
        right = torch.from_numpy(batch.pieces).to(logits.device)
        found = logits.gather(1, right[:, None])[:, 0] - logits.logsumexp(1)
        return np.asarray(found.cpu().numpy())
