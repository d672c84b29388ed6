"""``firth task``: train, run and score taggers, text classifiers and translators."""

from __future__ import annotations

from typing import Any

from cyclopts import App

__all__ = ["app"]

app = App(name="task", help="Train, run and score taggers, text classifiers and translators.")
_train = App(name="train", help="Train a model for a task.")
_train.command("firth.cli.task:classify", name="classify", help="Train a text classifier on labelled lines.")
_train.command("firth.cli.task:tag", name="tag", help="Train a tagger on labelled words: names, parts of speech.")
_train.command("firth.cli.task:translate", name="translate", help="Train a translator on pairs of texts.")
_train.command("firth.cli.task:describe", name="describe", help="Train a writer about words, from their vectors.")
app.command(_train)
app.command("firth.cli.task_run:run", name="run", help="Label texts or words of sentences, or translate lines.")
app.command("firth.cli.task_run:evaluate", name="evaluate", help="Score a model on labelled data or pairs of texts.")


def __getattr__(name: str) -> Any:
    if name == "classify":
        from firth.cli.task_train import command

        return command()
    if name == "tag":
        from firth.cli.task_tag import command as tag

        return tag()
    if name in ("translate", "describe"):
        from firth.cli import task_translate

        return getattr(task_translate, name)()
    raise AttributeError(f"module 'firth.cli.task' has no attribute {name!r}")
