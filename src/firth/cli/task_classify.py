"""``firth task train classify`` with a model other than fastText's; and options of which each model takes its own."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.display import listening
from firth.cli.options import load_representation
from firth.cli.training import check_places, clear_place, keep_model, make_config, model_options, resumable
from firth.config import Config
from firth.errors import ConfigError, DataError
from firth.tasks.classifier import Classifier, train

if TYPE_CHECKING:
    from firth.cli.task_train import ClassifyRun
    from firth.text.labelled import LabelledText

__all__ = ["either", "read_texts", "refuse", "train_classifier"]

_OTHERS = ("init", "autotune_minutes", "autotune_trials")  # options of the run that only fastText's takes
_GROUPS = (
    Group("Options of the model", sort_key=1),
    Group("Options of fastText's classifier", sort_key=1.1),
    Group("Options of the other classifiers", sort_key=1.2),
)


def either(first: type[Config], second: type[Config]) -> list[inspect.Parameter]:
    """Return the options of two models for one command, none of them given by default."""
    both: dict[str, dict[int, inspect.Parameter]] = {}
    for place, kind in enumerate((first, second), 1):
        for parameter in model_options(kind):
            if parameter.name != "model":
                both.setdefault(parameter.name, {})[place] = parameter
    return [_open(name, found) for name, found in both.items()]


def _open(name: str, found: Mapping[int, inspect.Parameter]) -> inspect.Parameter:
    """Return an option without a default; its help tells what each model takes then."""
    parameters = list(found.values())
    hint, shown = typing.get_args(parameters[0].annotation)
    defaults = list(dict.fromkeys(_spelled(parameter.default) for parameter in parameters))
    help = f"{shown.help} [default: {', with others '.join(defaults)}]"
    group = _GROUPS[0] if len(found) > 1 else _GROUPS[next(iter(found))]
    annotation: Any = Annotated[hint | None, shown, Parameter(help=help, group=group)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()


def refuse(given: Iterable[str], kind: type[Config], running: ClassifyRun, others: Sequence[str]) -> None:
    """Refuse options that the chosen model does not take.

    Raises
    ------
    ConfigError
        When one of another model was given.
    """
    fields = {field.name for field in dataclasses.fields(kind)}
    wrong = [name for name in given if name not in fields]
    wrong += [name for name in others if getattr(running, name) not in (None, ())]
    if wrong:
        option = wrong[0].replace("_", "-")
        raise ConfigError(f"--model {running.model} takes no --{option}", remedy="leave it out")


def train_classifier(texts: list[str], given: dict[str, Any], running: ClassifyRun) -> None:
    """Train and write a classifier over representations."""
    check_cpu_level()
    refuse(given, Classifier, running, _OTHERS)
    config: Any = make_config(Classifier, given | {"model": running.model})
    beside = [*running.vectors, *([] if running.heldout is None else [running.heldout])]
    kind, checkpoint = check_places(running, [*texts, *beside])
    if kind.name != "firth":
        expected = "such as ./classifier"
        raise ConfigError("such a classifier is written to a folder of ours", got=running.out.name, expected=expected)
    with listening(quiet=running.quiet, log=running.log) as listen:
        data = read_texts(texts, running.format, running.label, running.text)
        heldout = None
        if running.heldout is not None:
            heldout = read_texts([str(running.heldout)], running.format, running.label, running.text)
        representations = [load_representation(path) for path in running.vectors]
        clear_place(running, checkpoint)
        with resumable(checkpoint):
            trained = train(
                data, config, representation=representations, heldout=heldout, threads=running.threads, listen=listen,
                checkpoint=checkpoint, resume=running.resume, minutes=running.minutes, device=running.device,
            )  # fmt: skip
        keep_model(trained, kind, running, checkpoint, listen)


def read_texts(
    paths: Sequence[str | Path], format: str | None, label: str | None, text: str | None
) -> list[LabelledText]:
    """Return the labelled texts of files.

    Raises
    ------
    DataError
        When standard input is mixed with files.
    """
    from firth.text.labelled import read_labelled

    if "-" in paths and len(paths) > 1:
        raise DataError("standard input cannot be mixed with files", got=" ".join(map(str, paths)))
    return [found for path in paths for found in read_labelled(path, format, label=label, text=text)]
