"""``firth task``: train, run and score taggers and text classifiers."""

from __future__ import annotations

from typing import Any

from cyclopts import App

__all__ = ["app"]

app = App(name="task", help="Train, run and score taggers and text classifiers.")
_train = App(name="train", help="Train a model for a task.")
_train.command("firth.cli.task:classify", name="classify", help="Train a text classifier on labelled lines.")
_train.command("firth.cli.task:tag", name="tag", help="Train a tagger on labelled words: names, parts of speech.")
app.command(_train)
app.command("firth.cli.task_run:run", name="run", help="Label texts, or words of sentences.")
app.command("firth.cli.task_run:evaluate", name="evaluate", help="Score a classifier or a tagger on labelled data.")


def __getattr__(name: str) -> Any:
    if name == "classify":
        from firth.cli.task_train import command

        return command()
    if name == "tag":
        from firth.cli.task_tag import command as tag

        return tag()
    raise AttributeError(f"module 'firth.cli.task' has no attribute {name!r}")
