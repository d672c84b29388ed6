"""``firth task train classify``: a classifier on labelled texts; its options come from the configs."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

from firth.cli.cpu import check_cpu_level
from firth.cli.display import listening
from firth.cli.options import Texts, load_vectors
from firth.cli.task_classify import either, refuse, train_classifier
from firth.cli.training import check_places, clear_place, keep_model, make_config, resumable
from firth.errors import ConfigError
from firth.events import Listener
from firth.tasks.classifier import Classifier
from firth.tasks.fasttext import all_buckets
from firth.tasks.fasttext_train import FastTextClassify, train

if TYPE_CHECKING:
    from firth.tasks.fasttext_train import Trained

__all__ = ["ClassifyRun", "command"]

_RUN_GROUP = Group("Options of the run", sort_key=3)


@Parameter(name="*", group=_RUN_GROUP)
@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifyRun:
    """Options of a training run."""

    out: Annotated[Path, Parameter(help="Folder, or file whose name tells a format, to write the model to.")]
    model: Annotated[
        Literal["fasttext", "average", "cnn", "lstm", "contextual"],
        Parameter(help="fastText's classifier, or one over --vectors: averages, CNN, BiLSTM, a contextual model."),
    ] = "fasttext"
    vectors: Annotated[
        tuple[Path, ...],
        Parameter(
            negative="",
            help="Not of fastText's: word vectors or a contextual model, a folder of ours or a file that 'firth "
            "inspect' knows; repeatable.",
        ),
    ] = ()
    format: Annotated[
        Literal["lines", "first", "tsv", "csv", "jsonl"] | None,
        Parameter(help="Not of fastText's: __label__x TEXT, LABEL TEXT, columns, CSV or JSON lines; found out else."),
    ] = None
    label: Annotated[
        str | None,
        Parameter(help="Column or field of the labels, by number or name.", allow_leading_hyphen=True),
    ] = None
    text: Annotated[
        str | None,
        Parameter(help="Column or field of the texts, by number or name.", allow_leading_hyphen=True),
    ] = None
    minutes: Annotated[float | None, Parameter(help="Not of fastText's: plan a net's training for this time.")] = None
    device: Annotated[str | None, Parameter(help="Not of fastText's: cpu, cuda, cuda:1; a GPU where there is one.")] = (
        None
    )
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at --out.")] = False
    threads: Annotated[int | None, Parameter(help="Number of threads; all cores by default.")] = None
    heldout: Annotated[
        Path | None, Parameter(help="Labelled lines whose loss is told after each epoch; autotuning scores on them.")
    ] = None
    quiet: Annotated[bool, Parameter(negative="", help="Show nothing but errors.")] = False
    log: Annotated[Path | None, Parameter(help="Append every event to this file as JSON lines.")] = None
    resume: Annotated[bool, Parameter(negative="", help="Go on from where an interrupted run stopped.")] = False
    init: Annotated[Path | None, Parameter(help="Begin with these word vectors.")] = None
    autotune_minutes: Annotated[
        float | None, Parameter(help="Search for good options for so long; needs --heldout.")
    ] = None
    autotune_trials: Annotated[
        int | None, Parameter(help="Search with so many trials, the same in every run; needs --heldout.")
    ] = None
    autotune_metric: Annotated[str, Parameter(help="f1, or f1:LABEL for one label.")] = "f1"


def command() -> Callable[..., None]:
    """Return the command."""

    def classify(texts: list[str], **options: Any) -> None:
        running: ClassifyRun = options.pop("running")
        given = {name: value for name, value in options.items() if value is not None}
        if running.model != "fasttext":
            train_classifier(texts, given, running)
            return
        refuse(given, FastTextClassify, running, ("vectors", "format", "label", "text", "minutes", "device"))
        _classify(texts, make_config(FastTextClassify, given), _given(given), running)

    parameters = [
        inspect.Parameter("texts", inspect.Parameter.POSITIONAL_ONLY, annotation=Texts),
        inspect.Parameter("running", inspect.Parameter.KEYWORD_ONLY, annotation=ClassifyRun),
        *either(FastTextClassify, Classifier),
    ]
    classify.__doc__ = "Train a text classifier on labelled texts, such as the line '__label__good a fine film'."
    classify.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    classify.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return classify


def _given(options: dict[str, Any]) -> tuple[str, ...]:
    """Return the options that differ from their defaults: autotuning leaves them as they are."""
    tunable = ("epochs", "rate", "dim", "word_ngrams", "minn", "buckets")
    return tuple(
        name
        for name in tunable
        if options.get(name, getattr(FastTextClassify, name)) != getattr(FastTextClassify, name)
    )


def _classify(texts: list[str], config: Any, fixed: tuple[str, ...], running: ClassifyRun) -> None:
    check_cpu_level()
    sources: list[str | Path] = [*texts, *(path for path in (running.init, running.heldout) if path)]
    kind, checkpoint = check_places(running, sources)
    tuning = running.autotune_minutes is not None or running.autotune_trials is not None
    if tuning and running.heldout is None:
        raise ConfigError("autotuning needs --heldout", remedy="name labelled lines to score options on")
    if tuning and (running.resume or running.init is not None):
        raise ConfigError("autotuning takes neither --resume nor --init", remedy="leave them out")
    init = None if running.init is None else load_vectors(running.init)
    with listening(quiet=running.quiet, log=running.log) as listen:
        clear_place(running, checkpoint)
        if tuning:
            trained = _tuned(texts, config, fixed, running, listen)
        else:
            heldout = None if running.heldout is None else str(running.heldout)
            with resumable(checkpoint):
                trained = train(
                    texts, config, threads=running.threads, listen=listen, heldout=heldout, init=init,
                    checkpoint=checkpoint, resume=running.resume,
                )  # fmt: skip
        model = trained.model if kind.name == "firth" else all_buckets(trained.model)
        keep_model(model, kind, running, checkpoint, listen)


def _tuned(texts: list[str], config: Any, fixed: tuple[str, ...], running: ClassifyRun, listen: Listener) -> Trained:
    from firth.tasks.fasttext_tune import tune

    return tune(
        texts,
        [str(running.heldout)],
        config,
        trials=running.autotune_trials,
        minutes=running.autotune_minutes,
        fixed=fixed,
        metric=running.autotune_metric,
        threads=running.threads,
        listen=listen,
    ).trained
