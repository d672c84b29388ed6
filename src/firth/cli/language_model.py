"""Options that the verbs of language models share, and the model that they name together."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from firth.cli.adapting import Adapting, adapted
from firth.cli.cpu import check_cpu_level
from firth.cli.output import note, note_event
from firth.cli.texts import TextOptions, read_as_trained
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.lm.base import BaseLanguageModel

__all__ = ["Mixing", "is_elmo", "language_model", "reading_options"]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Mixing(Adapting):
    """What a model is mixed with."""

    with_: Annotated[
        tuple[Path, ...], Parameter(name="--with", negative="", help="A further language model to mix in; repeatable.")
    ] = ()
    cache: Annotated[
        int | None, Parameter(name="--cache", help="Mix in a cache of the last so many words and ends.")
    ] = None
    shares: Annotated[
        tuple[float, ...],
        Parameter(negative="", help="Share of each, the first model's first, the cache's last; even by default."),
    ] = ()
    fit_on: Annotated[
        Path | None, Parameter(name="--fit-on", help="Held-out text that the shares are fitted on (EM).")
    ] = None


def language_model(path: Path, mixing: Mixing | None = None) -> BaseLanguageModel:
    """Load the language model at ``path``, mixed with what the options say.

    Raises
    ------
    DataError
        When a model is no language model, or predicts other words than the first.
    ConfigError
        When the options contradict each other.
    """
    mixing = mixing or Mixing()
    models = [adapted(_loaded(path), path, mixing), *(_loaded(other) for other in mixing.with_)]
    if mixing.cache is not None:
        from firth.lm.unigram_cache import UnigramCache

        models.append(UnigramCache(models[0].lexicon, mixing.cache))
    if len(models) == 1:
        if mixing.shares or (mixing.fit_on is not None and mixing.neural_cache is None):
            raise ConfigError("there is nothing to mix", remedy="name a further model with --with, or --cache 500")
        return models[0]
    return _mixed(models, [path, *mixing.with_], mixing)


def _mixed(models: list[BaseLanguageModel], paths: list[Path], mixing: Mixing) -> BaseLanguageModel:
    from firth.lm.mixture import Mixture, mixed

    if mixing.fit_on is None:
        return Mixture(models, mixing.shares or [1 / len(models)] * len(models))
    if mixing.shares:
        raise ConfigError("--shares and --fit-on exclude each other", remedy="leave one out")
    mixture, fitted = mixed(models, mixing.fit_on)
    names = [*map(str, paths), "cache"][: len(models)]
    each = ", ".join(f"{name} {share:.3f}" for name, share in zip(names, fitted.shares, strict=True))
    note(f"shares fitted on {mixing.fit_on}: {each}; perplexity there {fitted.perplexity:.2f}")
    return mixture


def _loaded(path: Path) -> BaseLanguageModel:
    from firth.formats.registry import load
    from firth.lm.base import BaseLanguageModel

    check_cpu_level()
    model = load(path, listen=note_event)
    if is_elmo(model):
        from firth.contextual.elmo_lm import forward_lm

        return forward_lm(model)
    if not isinstance(model, BaseLanguageModel):
        raise DataError(f"{path} holds no language model", got=type(model).__name__)
    return model


def is_elmo(model: Any) -> bool:
    """Return whether a model is an ELMo, which is two language models, without importing torch."""
    from firth.formats.base import is_one_of

    return is_one_of(model, "firth.contextual.elmo_model:ElmoModel")


def reading_options(model: BaseLanguageModel, text: TextOptions) -> TextOptions:
    """Return the options given, or without a tokenizer among them those of the model's text."""
    if not isinstance(model.metadata.get("tokenizer"), dict):
        return text if text.tokenizer else dataclasses.replace(text, tokenizer="whitespace")
    return read_as_trained(text, model)
