"""``firth task train tag``: a tagger on labelled words; its options come from the config."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.display import listening
from firth.cli.output import note_event
from firth.cli.task_column import Column, Labelled, read_labelled
from firth.cli.training import check_places, clear_place, keep_model, make_config, model_options, resumable
from firth.errors import ConfigError, DataError
from firth.tasks.tagger import Tagger, train

if TYPE_CHECKING:
    from firth.protocols import Representation

__all__ = ["TagRun", "command"]

_RUN_GROUP = Group("Options of the run", sort_key=3)


@Parameter(name="*", group=_RUN_GROUP)
@dataclasses.dataclass(frozen=True, kw_only=True)
class TagRun:
    """Options of a training run."""

    out: Annotated[Path, Parameter(help="Folder to write the tagger to.")]
    vectors: Annotated[
        tuple[Path, ...],
        Parameter(
            negative="",
            help="Word vectors or a contextual model, a folder of ours or a file that 'firth inspect' knows; "
            "repeatable. Without any, vectors are learnt from the labels alone.",
        ),
    ] = ()
    column: Column = None
    format: Annotated[Literal["columns", "conllu"] | None, Parameter(help="Of the data; by default as names tell.")] = (
        None
    )
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at --out.")] = False
    threads: Annotated[int | None, Parameter(help="Number of threads; all cores by default.")] = None
    heldout: Annotated[
        Path | None, Parameter(help="Labelled words; the parameters of the best F1 or accuracy on them are kept.")
    ] = None
    quiet: Annotated[bool, Parameter(negative="", help="Show nothing but errors.")] = False
    log: Annotated[Path | None, Parameter(help="Append every event to this file as JSON lines.")] = None
    resume: Annotated[bool, Parameter(negative="", help="Go on from where an interrupted run stopped.")] = False
    minutes: Annotated[float | None, Parameter(help="Plan the training for this much time.")] = None
    device: Annotated[str | None, Parameter(help="cpu, cuda, cuda:1; a GPU where there is one.")] = None


def command() -> Callable[..., None]:
    """Return the command."""

    def tag(data: list[str], **options: Any) -> None:
        running: TagRun = options.pop("running")
        _tag(data, make_config(Tagger, options), running)

    parameters = [
        inspect.Parameter("data", inspect.Parameter.POSITIONAL_ONLY, annotation=Labelled),
        inspect.Parameter("running", inspect.Parameter.KEYWORD_ONLY, annotation=TagRun),
        *model_options(Tagger),
    ]
    tag.__doc__ = "Train a tagger on labelled words, such as names or parts of speech."
    tag.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    tag.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return tag


def _tag(data: list[str], config: Any, running: TagRun) -> None:
    check_cpu_level()
    beside = [*running.vectors, *([] if running.heldout is None else [running.heldout])]
    kind, checkpoint = check_places(running, [*data, *beside])
    if kind.name != "firth":
        raise ConfigError("a tagger is written to a folder of ours", got=running.out.name, expected="such as ./tagger")
    from firth.nn.extra import need_torch

    need_torch("the tagger")
    with listening(quiet=running.quiet, log=running.log) as listen:
        examples = read_labelled(data, running.format, running.column)
        heldout = None
        if running.heldout is not None:
            heldout = read_labelled([str(running.heldout)], running.format, running.column)
        representations = [_representation(path) for path in running.vectors]
        clear_place(running, checkpoint)
        with resumable(checkpoint):
            trained = train(
                examples, config, representation=representations, heldout=heldout, threads=running.threads,
                listen=listen, checkpoint=checkpoint, resume=running.resume, minutes=running.minutes,
                device=running.device,
            )  # fmt: skip
        keep_model(trained, kind, running, checkpoint, listen)


def _representation(path: Path) -> Representation:
    from firth.formats.registry import load
    from firth.protocols import Representation

    model = load(path, listen=note_event)
    for found in (model, getattr(model, "vectors", None)):
        if isinstance(found, Representation):
            return found
    raise DataError(f"{path} holds no representation of words", got=type(model).__name__)
