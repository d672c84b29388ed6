"""The part of ``firth embed`` for words in context: a text is read, embedded and written sentence by sentence."""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from firth.cli.output import note, note_event
from firth.cli.target import make_parents
from firth.errors import ConfigError, DataError
from firth.protocols import Contextual, Float32

__all__ = ["ContextOptions", "embed_contextual"]

Embedded = tuple[list[str], Float32]  # a sentence and its vectors


@dataclasses.dataclass(frozen=True, kw_only=True)
class ContextOptions:
    """What is asked of a model of words in context."""

    layers: Annotated[
        str | None,
        Parameter(
            help="Words in context: all layers, their mix, the top, or one by its number (0 has no context). By "
            "default all for .h5, else the mix."
        ),
    ] = None
    mix: Annotated[
        str | None,
        Parameter(help="Words in context: how layers are mixed: mean, sum, or the share of each, such as 0.2,0.3,0.5."),
    ] = None
    stateful: Annotated[
        bool,
        Parameter(
            negative="",
            help="ELMo: carry the state from batch to batch as the original programs did; a sentence's vectors then "
            "depend on those before it.",
        ),
    ] = False
    batch_sentences: Annotated[int, Parameter(help="--stateful: sentences in a batch.")] = 64
    batch_tokens: Annotated[int, Parameter(help="Words in context: tokens that are read side by side.")] = 2048
    threads: Annotated[int | None, Parameter(help="Words in context: threads to use.")] = None
    device: Annotated[str | None, Parameter(help="Words in context: cpu or cuda; by default a GPU where one is.")] = (
        None
    )

    def check(self) -> None:
        """Raise ConfigError where an option is out of range or stands against another."""
        if self.batch_tokens < 1:
            raise ConfigError("--batch-tokens is too small", got=self.batch_tokens, expected="at least 1")
        if self.batch_sentences < 1:
            raise ConfigError("--batch-sentences is too small", got=self.batch_sentences, expected="at least 1")
        if self.mix is not None and self.layers not in (None, "mix"):
            raise ConfigError("--mix is for --layers mix", got=f"--layers {self.layers}")

    def __str__(self) -> str:
        given = {name: value for name, value in dataclasses.asdict(self).items() if value != getattr(_DEFAULTS, name)}
        return " ".join("--" + name.replace("_", "-") for name in given)

    def chosen(self, out: Path, *, sentences: bool) -> Any:
        """Return ``None`` for all layers, else the mix that is asked for; ``True`` is the model's own.

        Raises
        ------
        ConfigError
            When layers or shares are no numbers.
        """
        layers = self.layers
        if layers is None:
            layers = "all" if out.suffix == ".h5" and self.mix is None and not sentences else "mix"
        if layers == "all":
            return None
        if layers == "mix":
            return True if self.mix is None else self.mix if self.mix in ("mean", "sum") else _shares(self.mix)
        if layers == "top":
            return -1
        if not layers.isascii() or not layers.isdigit():
            raise ConfigError("no such layers", got=layers, expected="all, mix, top or a number from 0")
        return int(layers)


_DEFAULTS = ContextOptions()


def _shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        expected = "mean, sum, or numbers with commas between them"
        raise ConfigError("--mix is no list of numbers", got=text, expected=expected) from None


def embed_contextual(
    model: Contextual, lines: Iterable[list[str]], out: Path, options: ContextOptions, *, sentences: bool
) -> None:
    """Write the vectors of the lines to ``out``, whole or not at all, in bounded memory.

    Parameters
    ----------
    model : Contextual
    lines : iterable of lists of str
    out : Path
    options : ContextOptions
    sentences : bool
        Write the mean of a line's tokens instead of each.
    """
    from firth.formats.arrays import writing_arrays
    from firth.nn.device import settled

    mix = options.chosen(out, sentences=sentences)
    if mix not in (None, True):
        model = model.with_mix(mix)
    make_parents(out)
    with settled(options.device, options.threads, seed=0, deterministic=True) as place, writing_arrays(out) as write:
        if hasattr(model, "to"):
            model.to(place.device)
        embedded = _stateful if options.stateful else _stateless
        n = 0
        for tokens, vectors in _counted(embedded(model, lines, options, mixed=mix is not None)):
            n += 1
            if sentences:
                write(_mean(vectors), [" ".join(tokens)])
            else:
                write(vectors, tokens)
        if not n:
            raise DataError("the text is empty")


def _stateless(model: Any, lines: Iterable[list[str]], options: ContextOptions, *, mixed: bool) -> Iterator[Embedded]:
    kept, given = itertools.tee(lines)  # the model reads no further ahead than some batches
    found = model.stream(given, mixed=mixed, batch_tokens=options.batch_tokens, listen=note_event)
    return zip(kept, found, strict=True)


def _stateful(model: Any, lines: Iterable[list[str]], options: ContextOptions, *, mixed: bool) -> Iterator[Embedded]:
    if not hasattr(model, "stateful"):
        raise ConfigError("this model has no state to carry", got="--stateful")
    session = model.stateful()
    for batch in _batched(lines, options.batch_sentences):
        for tokens, layers in zip(batch, session.encode_layers(batch), strict=True):
            yield tokens, model.mixed(layers) if mixed else layers
    if told := str(session.misread):
        note(told)


def _batched(lines: Iterable[list[str]], size: int) -> Iterator[list[list[str]]]:
    lines = iter(lines)
    while batch := list(itertools.islice(lines, size)):
        yield batch


def _mean(vectors: Float32) -> Float32:
    """Return the mean over tokens, with a row of its own; zeros of an empty line."""
    n = max(1, vectors.shape[-2])
    found: Float32 = vectors.sum(-2, keepdims=True) / n
    return found


def _counted(embedded: Iterable[Embedded]) -> Iterator[Embedded]:
    """Pass sentences on, and tell on stderr how far it went: at once on a terminal, else every five seconds."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    start = time.monotonic()
    due, wait, lines, tokens, shown = start, 0.2 if terminal else 5.0, 0, 0, False
    due += wait
    for sentence, vectors in embedded:
        lines, tokens = lines + 1, tokens + len(sentence)
        if (now := time.monotonic()) >= due:
            told = f"{lines:,} sentences, {tokens:,} tokens, {tokens / (now - start):,.0f} tokens/s"
            print(f"\r{told} " if terminal else told, end="" if terminal else "\n", file=sys.stderr, flush=True)
            due, shown = now + wait, terminal
        yield sentence, vectors
    if shown:
        print(file=sys.stderr)
