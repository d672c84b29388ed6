"""Options of recurrent language models that go with the text they read: the neural cache, dynamic evaluation."""

# No postponed annotations: those of a base class are read where its subclass stands.
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from firth.cli.output import note
from firth.errors import ConfigError, DataError

if TYPE_CHECKING:
    from firth.lm.base import BaseLanguageModel

__all__ = ["Adapting", "adapted"]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True, kw_only=True)
class Adapting:
    """How a recurrent model goes with the text that it reads."""

    neural_cache: Annotated[
        int | None, Parameter(help="Mix in what followed like states among the last so many words (recurrent models).")
    ] = None
    cache_share: Annotated[float | None, Parameter(help="--neural-cache: its share; 0.1, or by --fit-on.")] = None
    flatness: Annotated[
        float | None, Parameter(help="--neural-cache: how much the likeness of states counts; 0.3, or by --fit-on.")
    ] = None
    dynamic: Annotated[
        Literal["sgd", "rms"] | None,
        Parameter(help="Learn from each stretch once it was predicted."),
    ] = None
    dynamic_rate: Annotated[float | None, Parameter(help="--dynamic: learning rate.")] = None
    dynamic_decay: Annotated[float | None, Parameter(help="--dynamic: pull back to the trained parameters.")] = None
    dynamic_from: Annotated[
        Path | None, Parameter(help="--dynamic rms: the text of training, for the size of its gradients.")
    ] = None


def adapted(model: "BaseLanguageModel", path: Path, options: Adapting) -> "BaseLanguageModel":
    """Return the model with a neural cache or under dynamic evaluation, where that is asked for.

    Raises
    ------
    ConfigError
        When the options contradict each other.
    DataError
        When the model is neither recurrent nor a Transformer.
    """
    given = {name for name, value in vars(options).items() if value is not None}
    if options.neural_cache is None and given & {"cache_share", "flatness"}:
        raise ConfigError("--cache-share and --flatness belong to the neural cache", remedy="give --neural-cache 2000")
    if options.dynamic is None and given & {"dynamic_rate", "dynamic_decay", "dynamic_from"}:
        raise ConfigError("the model is not asked to learn as it reads", remedy="give --dynamic sgd, or rms")
    if options.neural_cache is None and options.dynamic is None:
        return model
    if options.neural_cache is not None and options.dynamic is not None:
        raise ConfigError("--neural-cache and --dynamic exclude each other", remedy="leave one out")
    if model.metadata.get("model") not in ("rnn", "transformer"):
        raise DataError(
            f"{path} is neither a recurrent language model nor a Transformer", got=str(model.metadata.get("model"))
        )
    return _cached(model, options) if options.dynamic is None else _dynamic(model, options)


def _cached(model: Any, options: Any) -> "BaseLanguageModel":
    from firth.lm.neural_cache import CachedModel, NeuralCache

    given = {"share": options.cache_share, "flatness": options.flatness}
    settings = NeuralCache(window=options.neural_cache, **{k: v for k, v in given.items() if v is not None})
    if options.fit_on is not None:
        from firth.lm.neural_cache_fit import fit_cache

        if options.cache_share is not None or options.flatness is not None:
            raise ConfigError("--fit-on finds --cache-share and --flatness", remedy="leave it or them out")
        fitted = fit_cache(model, options.fit_on, settings.window)
        settings = fitted.settings
        note(f"neural cache fitted on {options.fit_on}: share {settings.share:.3f}, flatness {settings.flatness:g}; "
             f"perplexity there {fitted.perplexity:.2f}")  # fmt: skip
    return CachedModel(model, settings)


def _dynamic(model: Any, options: Any) -> "BaseLanguageModel":
    from firth.lm.dynamic import Dynamic, DynamicModel, mean_squares

    rms = options.dynamic == "rms"
    if rms != (options.dynamic_from is not None):
        raise ConfigError(
            "--dynamic rms measures gradients on the text of training" if rms else "--dynamic-from is for rms",
            remedy="name it with --dynamic-from" if rms else "leave it out, or give --dynamic rms",
        )
    given = {"rate": options.dynamic_rate, "decay": options.dynamic_decay}
    if not rms and options.dynamic_rate is None:
        given["rate"] = 0.1
    settings = Dynamic(update=options.dynamic, **{k: v for k, v in given.items() if v is not None})
    return DynamicModel(model, settings, mean_squares(model, options.dynamic_from) if rms else None)
