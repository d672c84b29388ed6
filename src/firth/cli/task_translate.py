"""``firth task train translate`` and ``describe``: texts from texts, or from words by their vectors."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.display import listening
from firth.cli.options import load_vectors, plain_texts
from firth.cli.training import check_places, clear_place, keep_model, make_config, model_options, resumable
from firth.errors import ConfigError
from firth.tasks.translator import Translator, train

__all__ = ["TranslateRun", "describe", "read_given", "translate"]

_RUN_GROUP = Group("Options of the run", sort_key=3)
_PAIRS = (
    "Two files whose lines are pairs, the source's and the target's; or one file with tabs between columns, such as "
    "tatoeba's. Packed or not; - for standard input."
)
_COLUMNS = "The source's and the target's column, from 1, such as 2,1 (one file with tabs)."

Given = Annotated[list[str], Parameter(converter=plain_texts, help=_PAIRS)]


@Parameter(name="*", group=_RUN_GROUP)
@dataclasses.dataclass(frozen=True, kw_only=True)
class TranslateRun:
    """Options of a training run."""

    out: Annotated[Path, Parameter(help="Folder to write the model to.")]
    columns: Annotated[str | None, Parameter(help=_COLUMNS)] = None
    reverse: Annotated[bool, Parameter(negative="", help="Learn the other direction: from target to source.")] = False
    heldout: Annotated[
        Path | None, Parameter(help="Held-out pairs, in columns; the parameters that find them likeliest are kept.")
    ] = None
    heldout_source: Annotated[Path | None, Parameter(help="Held-out sources, line by line.")] = None
    heldout_target: Annotated[Path | None, Parameter(help="Their targets.")] = None
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at --out.")] = False
    threads: Annotated[int | None, Parameter(help="Number of threads; all cores by default.")] = None
    quiet: Annotated[bool, Parameter(negative="", help="Show nothing but errors.")] = False
    log: Annotated[Path | None, Parameter(help="Append every event to this file as JSON lines.")] = None
    resume: Annotated[bool, Parameter(negative="", help="Go on from where an interrupted run stopped.")] = False
    minutes: Annotated[float | None, Parameter(help="Plan the training for this much time.")] = None
    device: Annotated[str | None, Parameter(help="cpu, cuda, cuda:1; a GPU where there is one.")] = None


def translate() -> Callable[..., None]:
    """Return the command that trains on pairs of texts."""

    def command(pairs: list[str], **options: Any) -> None:
        running: TranslateRun = options.pop("running")
        _train(pairs, make_config(Translator, options), running, None)

    command.__doc__ = "Train a translator on pairs of texts."
    return _with_options(command, [])


def describe() -> Callable[..., None]:
    """Return the command that trains on words by their vectors, and texts about them."""

    def command(pairs: list[str], **options: Any) -> None:
        vectors: Path = options.pop("vectors")
        running: TranslateRun = options.pop("running")
        _train(pairs, make_config(Translator, options), running, vectors)

    command.__doc__ = "Train a writer about words, such as their definitions, on lines of a word, a tab and a text."
    help = "Word vectors, a folder of ours or a file that 'firth inspect' knows: all that is read of a word."
    annotation = Annotated[Path, Parameter(help=help, group=_RUN_GROUP)]
    return _with_options(command, [inspect.Parameter("vectors", inspect.Parameter.KEYWORD_ONLY, annotation=annotation)])


def _with_options(command: Callable[..., None], more: list[inspect.Parameter]) -> Callable[..., None]:
    parameters = [
        inspect.Parameter("pairs", inspect.Parameter.POSITIONAL_ONLY, annotation=Given),
        inspect.Parameter("running", inspect.Parameter.KEYWORD_ONLY, annotation=TranslateRun),
        *more,
        *model_options(Translator),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def read_given(paths: list[str], columns: str | None, reverse: bool = False) -> Iterable[tuple[str, str]]:
    """Return the pairs of one file or of two.

    Raises
    ------
    ConfigError
        When there are more files, or columns of two.
    """
    from firth.tasks.translator_data import read_columns, read_parallel

    if not 1 <= len(paths) <= 2:
        raise ConfigError("pairs are in one file or in two", got=f"{len(paths)} files")
    if len(paths) == 2:
        if columns is not None:
            raise ConfigError("--columns goes with one file", got=" ".join(paths), remedy="leave it out")
        if paths == ["-", "-"]:
            raise ConfigError("standard input cannot be both sides", remedy="name a file")
        pairs = read_parallel(*paths)
    else:
        pairs = read_columns(paths[0], _columns(columns))
    return ((target, source) for source, target in pairs) if reverse else pairs


def _columns(given: str | None) -> tuple[int, int]:
    if given is None:
        return 1, 2
    parts = given.split(",")
    numbers = [int(part) for part in parts if part.strip().isascii() and part.strip().isdigit()]
    if len(parts) != 2 or len(numbers) != 2 or not all(0 < number <= 1000 for number in numbers):
        raise ConfigError("--columns is no pair of columns", got=given, expected="such as 1,2")
    return numbers[0], numbers[1]


def _heldout(running: TranslateRun) -> list[tuple[str, str]] | None:
    sides = [str(path) for path in (running.heldout_source, running.heldout_target) if path is not None]
    if len(sides) == 1:
        raise ConfigError("--heldout-source and --heldout-target go together", remedy="give both, or --heldout")
    if sides and running.heldout is not None:
        raise ConfigError("--heldout is a file of pairs", remedy="leave out --heldout-source and --heldout-target")
    if running.heldout is not None:
        return list(read_given([str(running.heldout)], running.columns, running.reverse))
    return list(read_given(sides, None, running.reverse)) if sides else None


def _train(paths: list[str], config: Any, running: TranslateRun, vectors: Path | None) -> None:
    check_cpu_level()
    read = (vectors, running.heldout, running.heldout_source, running.heldout_target)
    kind, checkpoint = check_places(running, [*paths, *(path for path in read if path is not None)])
    if kind.name != "firth":
        got, expected = running.out.name, "such as ./translator"
        raise ConfigError("a translator is written to a folder of ours", got=got, expected=expected)
    from firth.nn.extra import need_torch

    need_torch("the translator")
    with listening(quiet=running.quiet, log=running.log) as listen:
        pairs = list(read_given(paths, running.columns, running.reverse))
        heldout = _heldout(running)
        words = None if vectors is None else load_vectors(vectors)
        clear_place(running, checkpoint)
        with resumable(checkpoint):
            trained = train(
                pairs, config, vectors=words, heldout=heldout, threads=running.threads, listen=listen,
                checkpoint=checkpoint, resume=running.resume, minutes=running.minutes, device=running.device,
            )  # fmt: skip
        keep_model(trained, kind, running, checkpoint, listen)
