"""A trained translator, as a value: sources to texts, with what was looked at, and how good they are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from firth.errors import ConfigError
from firth.seq2seq.decoder import Memory, State
from firth.seq2seq.model import Seq2Seq
from firth.seq2seq.search import Found, Search, beam_search, draw
from firth.seq2seq.shape import EOS, MARKS, UNK
from firth.tasks.translator_batches import batches, beside, ids_beside
from firth.tasks.translator_pieces import Pieces
from firth.tasks.translator_source import Read, Source, TextSource

__all__ = ["Translation", "TranslatorModel"]

_STEPS = 4096  # of sources side by side in all beams, filler with them
_Decode = Callable[[Memory, State, list[int], list[int]], list[list[Found]]]


@dataclasses.dataclass(frozen=True)
class Translation:
    """A text that a translator wrote.

    Attributes
    ----------
    text : str
    tokens : list of str
        Pieces that it was written in, ``<eos>`` with them where it ended by itself.
    score : float
        Of the search; higher is better.
    attention : ndarray of float32, shape (n_tokens, n_source_tokens)
        What was looked at when each token was written; each row sums to 1. Without attention all zeros.
    source_tokens : list of str
        Steps of the source: its pieces and ``<eos>``, or numbers of given rows.
    log_prob : float
        Of all tokens.
    """

    text: str
    tokens: list[str]
    score: float
    attention: NDArray[np.float32]
    source_tokens: list[str]
    log_prob: float

    @property
    def ended(self) -> bool:
        """Whether it ended by itself, and not at the greatest length."""
        return not self.tokens or self.tokens[-1] == MARKS[EOS]


class TranslatorModel:
    """A translator.

    Parameters
    ----------
    net : Seq2Seq
        In evaluation mode from here on.
    source : Source
        What it reads.
    pieces : Pieces
        What it writes.
    metadata : mapping, optional
    """

    def __init__(self, net: Seq2Seq, source: Source, pieces: Pieces, metadata: Mapping[str, Any] | None = None) -> None:
        self.net, self.source, self.pieces = net.eval(), source, pieces
        self.metadata = dict(metadata or {})

    @property
    def reads_text(self) -> bool:
        """Whether its sources are texts, not rows of numbers."""
        return isinstance(self.source, TextSource)

    def translate(self, sentences: Iterable[Any], **options: Any) -> list[Translation]:
        """Return the best translation of each source; an empty source gives an empty text.

        Parameters
        ----------
        sentences : iterable
            Texts; or vectors, or matrices of features, where it was trained with those; words, where with vectors.
        **options
            Of :meth:`translate_n`.
        """
        return [several[0] for several in self.translate_n(sentences, **options)]

    def translate_n(
        self,
        sentences: Iterable[Any],
        *,
        beam: int = 5,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        n_best: int = 1,
        longest: int | None = None,
        replace_unknown: bool = True,
        dictionary: Mapping[str, str] | None = None,
    ) -> list[list[Translation]]:
        """Return the best translations of each source, best first.

        Parameters
        ----------
        sentences : iterable
        beam : int
            Beginnings that are kept at each step; 1 is greedy search.
        length_penalty, coverage_penalty : float
            Alpha and beta of Wu et al. 2016, equation 14.
        n_best : int
            How many, at most ``beam``.
        longest : int, optional
            Most pieces of a translation; by default twice those of the source and 50 more.
        replace_unknown : bool
            Write for ``<unk>`` the source word that was looked at most (Luong, Sutskever et al. 2015, "Addressing the
            Rare Word Problem in Neural Machine Translation"; by attention Jean et al. 2015).
        dictionary : mapping, optional
            Write what it has for that word.

        Raises
        ------
        ConfigError, DataError
        """
        _check(beam, n_best, longest, length_penalty, coverage_penalty)
        search = Search(beam, length_penalty, coverage_penalty)

        def decode(memory: Memory, state: State, limits: list[int], _: list[int]) -> list[list[Found]]:
            return beam_search(self.net, memory, state, limits, search)

        given = list(sentences)
        words = dictionary if dictionary is not None else {}
        return [
            [self._made(given[number], one, words if replace_unknown else None) for one in several[:n_best]]
            or [self._nothing(given[number])]
            for number, several in enumerate(self._decoded(given, beam, longest, decode))
        ]

    def sample(
        self,
        sentences: Iterable[Any],
        *,
        seed: int = 1,
        temperature: float = 1.0,
        top: int = 0,
        longest: int | None = None,
    ) -> list[Translation]:
        """Return a drawn translation of each source; what is drawn depends on the seed and the source's number.

        Parameters
        ----------
        sentences : iterable
        seed : int
        temperature : float
            Below 1 likely pieces become likelier.
        top : int
            Draw from the likeliest so many pieces; 0 is no limit.
        longest : int, optional
            As for :meth:`translate_n`.
        """
        if not 0 < temperature < math.inf or top < 0:
            raise ConfigError(
                "temperature or top is out of range", got=(temperature, top), expected="above 0; at least 0"
            )
        _check(1, 1, longest)

        def decode(memory: Memory, state: State, limits: list[int], numbers: list[int]) -> list[list[Found]]:
            chances = [np.random.default_rng([seed, n]).random(m) for n, m in zip(numbers, limits, strict=True)]
            return [[one] for one in draw(self.net, memory, state, limits, chances, temperature, top)]

        given = list(sentences)
        return [
            self._made(given[number], several[0], {}) if several else self._nothing(given[number])
            for number, several in enumerate(self._decoded(given, 1, longest, decode))
        ]

    def log_probs(self, pairs: Iterable[tuple[Any, str]]) -> list[float]:
        """Return log P(target | source) of each pair, the end with it; NaN where the source says nothing."""
        given = list(pairs)
        sources = self.source.read([source for source, _ in given])
        targets = self.pieces.encode([target for _, target in given])
        found = [math.nan] * len(given)
        kept = [number for number, source in enumerate(sources) if len(source)]
        for group in self._groups(sources, targets, kept, 1):
            memory = self._memory([sources[number] for number in group])
            wanted, lengths = ids_beside([targets[number] for number in group])
            with torch.no_grad():
                readouts = self.net.readouts(memory, wanted.to(self._device))
                each = self.net.softmax.picked(readouts.flatten(0, 1), wanted.to(self._device).flatten())
            real = torch.arange(len(wanted))[:, None] < lengths
            sums = each.cpu().double().view(wanted.shape).masked_fill(~real, 0).sum(0)
            for number, total in zip(group, sums.tolist(), strict=True):
                found[number] = total
        return found

    @property
    def _device(self) -> torch.device:
        return self.net.target.device

    def _groups(
        self, sources: list[Read], targets: Sequence[Sequence[int]], kept: list[int], n: int
    ) -> list[list[int]]:
        if not kept:
            return []
        made = batches([sources[i] for i in kept], [targets[i] for i in kept], max(_STEPS // n, 1))
        return [[kept[row] for row in group] for group in made]

    @torch.no_grad()
    def _memory(self, sources: Sequence[Read]) -> Memory:
        read, lengths = beside(sources)
        return self.net.remember(read.to(self._device), lengths.to(self._device))

    @torch.no_grad()
    def _decoded(self, given: list[Any], beam: int, longest: int | None, decode: _Decode) -> list[list[Found]]:
        """Return what was found for each source; nothing for an empty one."""
        sources = self.source.read(given)
        kept = [number for number, source in enumerate(sources) if len(source)]
        found: list[list[Found]] = [[] for _ in given]
        for group in self._groups(sources, [[]] * len(sources), kept, beam):
            memory = self._memory([sources[number] for number in group])
            limits = [2 * len(sources[number]) + 50 if longest is None else longest for number in group]
            several = decode(memory, self.net.decoder.start(memory), limits, group)
            for number, some in zip(group, several, strict=True):
                found[number] = some
        return found

    def _made(self, given: Any, found: Found, dictionary: Mapping[str, str] | None) -> Translation:
        tokens, names = self.pieces.names(found.ids), self.source.names(given)
        written = [name for name, number in zip(tokens, found.ids, strict=True) if number != EOS]
        if dictionary is not None and UNK in found.ids and found.attention.any() and self.reads_text:
            for step in (step for step, number in enumerate(found.ids) if number == UNK):
                word = names[int(found.attention[step, :-1].argmax())]
                written[step] = dictionary.get(word, word)
        text = self.pieces.join(written)
        return Translation(text, tokens, found.score, found.attention, names, found.log_prob)

    def _nothing(self, given: Any) -> Translation:
        names = self.source.names(given)
        return Translation("", [], 0.0, np.zeros((0, len(names)), np.float32), names, 0.0)


def _check(beam: int, n_best: int, longest: int | None, *penalties: float) -> None:
    if not 1 <= beam <= 1000:
        raise ConfigError("beam is out of range", got=beam, expected="1 to 1000")
    if not 1 <= n_best <= beam:
        raise ConfigError("n_best is out of range", got=n_best, expected=f"1 to {beam}, as many as the beam")
    if longest is not None and longest < 1:
        raise ConfigError("longest is too small", got=longest, expected="at least 1")
    if not all(map(math.isfinite, penalties)) or any(penalty < 0 for penalty in penalties):
        raise ConfigError("a penalty is out of range", got=penalties, expected="at least 0")
