"""What every ``firth train MODEL`` does; the options of the model come from its config dataclass."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import os
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from cyclopts import Group, Parameter

from firth import checkpoint as checkpoints
from firth.cli.display import listening
from firth.cli.options import Texts, load_start
from firth.cli.target import check_model_target, make_parents
from firth.cli.texts import TextOptions, read_corpus, read_model
from firth.config import Config
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice, Saved

if TYPE_CHECKING:
    from firth.formats.base import Format
    from firth.text.corpus import Corpus

__all__ = [
    "Running",
    "check_places",
    "clear_place",
    "command_for",
    "keep_model",
    "make_config",
    "model_options",
    "resumable",
]

_NEGATIVES = {"deterministic": "--racing"}
_MODEL_GROUP = Group("Options of the model", sort_key=1)
_TEXT_GROUP = Group("Options of the text", sort_key=2)
_RUN_GROUP = Group("Options of the run", sort_key=3)


@Parameter(name="*", group=_RUN_GROUP)
@dataclasses.dataclass(frozen=True, kw_only=True)
class Running:
    """Options of a training run, the same for every model."""

    out: Annotated[Path, Parameter(help="Folder to write the model to.")]
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at --out.")] = False
    threads: Annotated[int | None, Parameter(help="Number of threads; all cores by default.")] = None
    heldout: Annotated[Path | None, Parameter(help="Text whose loss is told at the end of each epoch.")] = None
    probe: Annotated[
        tuple[str, ...], Parameter(negative="", help="Word whose neighbours are shown after each epoch; repeatable.")
    ] = ()
    quiet: Annotated[bool, Parameter(negative="", help="Show nothing but errors.")] = False
    log: Annotated[Path | None, Parameter(help="Append every event to this file as JSON lines.")] = None
    resume: Annotated[bool, Parameter(negative="", help="Go on from where an interrupted run stopped.")] = False
    init: Annotated[Path | None, Parameter(help="Start from vectors (new words are added), or from a model.")] = None
    freeze: Annotated[bool, Parameter(negative="", help="With --init: leave the old words' vectors as they are.")] = (
        False
    )
    keep_output: Annotated[bool, Parameter(negative="", help="Keep the output vectors too.")] = False
    minutes: Annotated[float | None, Parameter(help="Plan the training for this much time (neural models).")] = None
    device: Annotated[str | None, Parameter(help="cpu, cuda, cuda:1 (neural models); a GPU where there is one.")] = None


class Places(Protocol):
    """The options of a run that say where its model goes."""

    @property
    def out(self) -> Path: ...
    @property
    def overwrite(self) -> bool: ...
    @property
    def resume(self) -> bool: ...


def command_for(name: str, config: str) -> Callable[..., None]:
    """Return the command that trains the model whose config class is at ``config``, as ``module:class``."""
    module_name, _, class_name = config.partition(":")
    module = importlib.import_module(module_name)
    kind: type[Config] = getattr(module, class_name)

    def command(texts: list[str], **options: Any) -> None:
        running: Running = options.pop("running")
        text_options: TextOptions = options.pop("text", TextOptions())
        _train(texts, make_config(kind, options), module, text_options, running)

    positional, named = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.KEYWORD_ONLY
    text_annotation = Annotated[TextOptions, Parameter(name="*", group=_TEXT_GROUP)]
    parameters = [
        inspect.Parameter("texts", positional, annotation=Texts),
        inspect.Parameter("running", named, annotation=Running),
        inspect.Parameter("text", named, annotation=text_annotation, default=TextOptions()),
        *model_options(kind),
    ]
    command.__name__ = name
    command.__doc__ = inspect.getdoc(kind)
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def model_options(kind: type[Config]) -> list[inspect.Parameter]:
    """Return a keyword parameter per field of a config, with its help and choices."""
    hints = typing.get_type_hints(kind)
    found = []
    for field in dataclasses.fields(kind):
        choices = field.metadata.get("choices")
        hint: Any = Literal[tuple(choices)] if choices else hints[field.name]
        if choices and field.default is None:  # where pydantic is loaded, defaults are checked too
            hint = hint | None
        help = field.metadata.get("help", "") + _bounds(field.metadata)
        several = any(typing.get_origin(kind) is tuple for kind in (hint, *typing.get_args(hint)))
        negative = "" if several else _NEGATIVES.get(field.name)
        shown = Parameter(help=help, group=_MODEL_GROUP, negative=negative, consume_multiple=several or None)
        annotation: Any = Annotated[hint, shown]
        found.append(
            inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotation)
        )
    return found


def _bounds(metadata: Mapping[str, Any]) -> str:
    minimum, maximum = metadata.get("minimum"), metadata.get("maximum")
    if minimum is None and maximum is None:
        return ""
    if maximum is None:
        return f" [at least {minimum:g}]"
    return f" [at most {maximum:g}]" if minimum is None else f" [{minimum:g} to {maximum:g}]"


def make_config(kind: type[Config], options: dict[str, Any]) -> Config:
    """Make the config; an error names the option as the command line spells it."""
    try:
        return kind(**options)
    except ConfigError as error:
        name = error.what.split(" ", 1)[0]
        if name not in options:
            raise
        what = error.what.replace(name, "--" + name.replace("_", "-"), 1)
        raise ConfigError(what, got=error.got, expected=error.expected, remedy=error.remedy) from error


def _train(texts: list[str], config: Config, module: ModuleType, text: TextOptions, running: Running) -> None:
    kind, checkpoint = check_places(running, [*texts, *(path for path in (running.init, running.heldout) if path)])
    if running.freeze and running.init is None:
        raise ConfigError("--freeze needs --init", remedy="name the vectors whose words are to be left as they are")
    takes = _taken(module.train)
    for option, given in _run_options(running):
        if given and not takes(option):
            raise ConfigError(f"this model takes no --{option.replace('_', '-')}", remedy="leave it out")
    init = None if running.init is None else load_start(running.init, getattr(module, "STARTS", ()))
    first = os.environ.get("RANK", "0") == "0"  # torchrun starts several: one of them tells and writes
    with listening(quiet=running.quiet or not first, log=running.log if first else None) as listen:
        with resumable(checkpoint):
            data = read_model(texts, text, getattr(module, "TAKES", ()), listen)
            if data is None:
                data = read_corpus(texts, text, threads=running.threads, listen=listen)
            heldout = _heldout(data, text, running, listen)
            clear_place(running, checkpoint, first=first)
            options = {
                "threads": running.threads,
                "listen": listen,
                "heldout": heldout,
                "probes": running.probe,
                "checkpoint": checkpoint,
                "resume": running.resume,
                "init": init,
                "freeze": running.freeze,
                "keep_output": running.keep_output,
                "minutes": running.minutes,
                "device": running.device,
            }
            trained = module.train(data, config, **{k: v for k, v in options.items() if takes(k) and v is not None})
        if first:
            keep_model(trained, kind, running, checkpoint, listen)


def _taken(train: Callable[..., Any]) -> Callable[[str], bool]:
    """Return whether ``train`` has a parameter of a name."""
    parameters = inspect.signature(train).parameters
    anything = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    return lambda name: anything or name in parameters


def _run_options(running: Running) -> Iterator[tuple[str, bool]]:
    """Yield the options that not every model takes, by the parameter of ``train``, and whether they were given."""
    yield "heldout", running.heldout is not None
    yield "probes", bool(running.probe)
    yield "resume", running.resume
    yield "init", running.init is not None
    yield "freeze", running.freeze
    yield "keep_output", running.keep_output
    yield "minutes", running.minutes is not None
    yield "device", running.device is not None


def _heldout(corpus: Corpus, text: TextOptions, running: Running, listen: Listener) -> Corpus | None:
    if running.heldout is None:
        return None
    options = text.like(corpus.tokenizer)
    heldout = read_corpus([str(running.heldout)], options, threads=running.threads, listen=listen)
    if corpus.tokenizer.get("phrases") and not heldout.tokenizer.get("phrases"):
        listen(Notice("the corpus was made with phrases, which are not joined in the held-out text"))
    return heldout


def check_places(running: Places, sources: Sequence[str | Path]) -> tuple[Format, Path]:
    """Return the format to write and the folder for the checkpoint."""
    kind = check_model_target(running.out, overwrite=running.overwrite, sources=sources)
    checkpoint = running.out.with_name(running.out.name + ".checkpoint")
    if checkpoints.holds_other_things(checkpoint):
        raise DataError(f"{checkpoint}, the place for the checkpoint, holds something else", remedy="move it away")
    if checkpoints.exists(checkpoint) and not (running.resume or running.overwrite):
        raise DataError(
            f"an interrupted run left a checkpoint in {checkpoint}",
            remedy="go on with --resume, or start anew with --overwrite",
        )
    return kind, checkpoint


def clear_place(running: Places, checkpoint: Path, *, first: bool = True) -> None:
    """Make the folders that the model goes into, and drop a checkpoint that is not to be gone on from.

    Parameters
    ----------
    running : Places
    checkpoint : Path
    first : bool
        Whether this process is the one that writes.
    """
    make_parents(running.out)
    if running.overwrite and not running.resume and first:
        checkpoints.remove(checkpoint)


@contextlib.contextmanager
def resumable(checkpoint: Path) -> Iterator[None]:
    """Where Ctrl-C stops what is done inside, say how to go on from the checkpoint."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if checkpoints.exists(checkpoint):
            stop.add_note(f"a checkpoint is in {checkpoint}: run the same command with --resume to go on")
        raise


def keep_model(trained: Any, kind: Format, running: Places, checkpoint: Path, listen: Listener) -> None:
    """Write the model whole and tell what the file does not keep; the checkpoint is needed no longer."""
    from firth.formats.registry import format_by_suffix, model_of, save

    model = model_of(trained)
    kind = format_by_suffix(running.out, model) if kind.suffixes else kind  # .bin is another format with n-grams
    save(model, running.out, format=kind.name)
    for lost in kind.lost(model):
        listen(Notice(f"{lost} cannot be kept in {kind.name}"))
    listen(Saved(str(running.out)))
    with contextlib.suppress(DataError):
        checkpoints.remove(checkpoint)
