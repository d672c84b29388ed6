"""``firth compare``: models beside each other under one protocol."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Group, Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.display import listening
from firth.cli.options import load_representation
from firth.cli.output import print_json, print_table
from firth.cli.training import make_config, model_options
from firth.compare.transfer import ALONE, Transfer
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.compare.tasks import Task
    from firth.protocols import Representation

__all__ = ["app"]

app = App(name="compare", help="Compare models under one protocol.")
app.command("firth.cli.compare:tasks", name="tasks", help="Learning curves of tasks: what vectors are worth.")
_DATA, _RUN = Group("Data", sort_key=2), Group("Options of the run", sort_key=3)
_Two = tuple[Path, Path]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Running:
    """Data and options of a comparison."""

    out: Annotated[Path, Parameter(group=_RUN, help="Folder for cells.jsonl, report.json and report.html; a folder of "
                                   "an earlier run goes on.")]  # fmt: skip
    ner: Annotated[_Two | None, Parameter(group=_DATA, help="Training and test file of names: words in columns.")] = (
        None
    )
    pos: Annotated[
        _Two | None, Parameter(group=_DATA, help="Training and test file of parts of speech: columns or CoNLL-U.")
    ] = None
    classify: Annotated[
        _Two | None,
        Parameter(group=_DATA, help="Training and test file of labelled texts, as for task train classify."),
    ] = None
    ner_column: Annotated[
        str | None, Parameter(group=_DATA, help="Column of --ner's labels.", allow_leading_hyphen=True)
    ] = None
    pos_column: Annotated[
        str | None, Parameter(group=_DATA, help="Column of --pos's labels.", allow_leading_hyphen=True)
    ] = None
    format: Annotated[
        Literal["lines", "first", "tsv", "csv", "jsonl"] | None,
        Parameter(group=_DATA, help="Of --classify; found out if left out."),
    ] = None
    tokenizer: Annotated[
        Literal["whitespace", "words", "chars", "zh"], Parameter(group=_DATA, help="Of --classify.")
    ] = "words"  # fmt: skip
    threads: Annotated[int | None, Parameter(group=_RUN, help="Number of threads; all cores by default.")] = None
    device: Annotated[str | None, Parameter(group=_RUN, help="cpu, cuda, cuda:1; a GPU where there is one.")] = None
    quiet: Annotated[bool, Parameter(group=_RUN, negative="", help="Show nothing but errors and the table.")] = False
    log: Annotated[Path | None, Parameter(group=_RUN, help="Append every event to this file as JSON lines.")] = None
    json: Annotated[bool, Parameter(group=_RUN, negative="", help="Print the report as JSON.")] = False


def __getattr__(name: str) -> Any:
    if name == "tasks":
        return _command()
    raise AttributeError(f"module 'firth.cli.compare' has no attribute {name!r}")


def _command() -> Callable[..., None]:
    def tasks(*models: str, **options: Any) -> None:
        running: Running = options.pop("running")
        _compare(models, make_config(Transfer, options), running)

    help = "Word vectors or contextual models; A+B puts two side by side, NAME=A gives a name."
    parameters = [
        inspect.Parameter("models", inspect.Parameter.VAR_POSITIONAL, annotation=Annotated[str, Parameter(help=help)]),
        inspect.Parameter("running", inspect.Parameter.KEYWORD_ONLY, annotation=Running),
        *model_options(Transfer),
    ]
    tasks.__doc__ = "Train taggers and classifiers on shares of the labels with each model, and report the curves."
    tasks.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    tasks.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return tasks


def _compare(models: tuple[str, ...], config: Any, running: Running) -> None:
    check_cpu_level()
    if running.ner is running.pos is running.classify is None:
        raise ConfigError("there is no task", expected="--ner, --pos or --classify, with a training and a test file")
    paths = _named(models)
    if not paths and not config.alone:
        raise ConfigError("there is nothing to compare", remedy="name models, or leave --no-alone out")
    from firth.nn.extra import need_torch

    need_torch("this comparison")
    from firth.compare.report import report, write_report
    from firth.compare.transfer import compare_tasks

    with listening(quiet=running.quiet, log=running.log) as listen:
        tasks = _tasks(running, listen)
        given = {name: [load_representation(path) for path in some] for name, some in paths.items()}
        rows = compare_tasks(
            given, tasks, config, folder=running.out, threads=running.threads, device=running.device, listen=listen
        )
        about = {name: [_about(one) for one in some] for name, some in given.items()}
        found = report(rows, tasks, config, about)
        write_report(found, running.out)
    if running.json:
        print_json(found)
    else:
        _print(found)


def _named(models: tuple[str, ...]) -> dict[str, list[Path]]:
    """Return the paths of each model by name."""
    found: dict[str, list[Path]] = {}
    for model in models:
        name, equals, rest = model.partition("=")
        if not equals or Path(model).exists():
            name, rest = "", model
        paths = [Path(rest)] if Path(rest).exists() else [Path(part) for part in rest.split("+")]
        name = name or "+".join(path.name for path in paths)
        if name in found or name == ALONE:
            raise ConfigError("two models have one name", got=name, remedy="name one as NAME=PATH")
        found[name] = paths
    return found


def _tasks(running: Running, listen: Any) -> list[Task]:
    from firth.cli.task_classify import read_texts
    from firth.compare.tasks import Classification, Tagging
    from firth.text.columns import read_tagged

    found: list[Task] = []
    for name, paths, column in (
        ("names", running.ner, running.ner_column),
        ("parts of speech", running.pos, running.pos_column),
    ):
        if paths is not None:
            parts = [list(read_tagged(path, column=column)) for path in paths]
            if not all(parts):
                raise DataError(f"there are no labelled words for {name}", got=" ".join(map(str, paths)))
            found.append(Tagging(name, *parts, spans=name == "names", listen=listen))
    if running.classify is not None:
        texts = [read_texts([path], running.format, None, None) for path in running.classify]
        found.append(Classification("classes of texts", *texts, tokenizer=running.tokenizer, listen=listen))
    return found


def _about(given: Representation) -> dict[str, Any]:
    return {"kind": type(given).__name__, "dim": given.dim}


def _print(found: dict[str, Any]) -> None:
    shares = found["options"]["shares"]
    for name, task in found["tasks"].items():
        lines = [line for line in found["curves"] if line["task"] == name]
        rows = []
        for one in dict.fromkeys(line["representation"] for line in lines):
            cells = [
                f"{100 * line['score']:.1f}" + ("" if line["unseen"] is None else f" ({100 * line['unseen']:.1f})")
                for line in lines
                if line["representation"] == one
            ]
            rows.append((one, *cells))
        head = (f"{name}, {task['measure']} (unseen)", *(f"{100 * share:g} %" for share in shares))
        print_table(head, rows)
        print()
