"""``firth distil``: one vector a word, out of a model of words in context."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from firth.cli.contextual import load_encoder
from firth.cli.options import FormatOption, ModelPath
from firth.cli.output import note, note_event
from firth.cli.target import check_model_target, make_parents
from firth.cli.texts import TextOptions, read_as_trained, read_corpus
from firth.cli.training import make_config
from firth.errors import ConfigError, DataError

__all__ = ["distil"]


def distil(
    model: ModelPath,
    /,
    *,
    out: Annotated[Path, Parameter(help="Where to write: a folder of ours, or a file whose suffix tells the format.")],
    text: Annotated[
        list[str] | None,
        Parameter(consume_multiple=True, negative="", help="Texts over which a word's occurrences are averaged."),
    ] = None,
    words: Annotated[
        Path | None,
        Parameter(
            help="Without --text: a file of words, one a line, each read alone; else those that the model knows."
        ),
    ] = None,
    layer: Annotated[int | None, Parameter(help="The layer that is taken, -1 the top; else the model's mix.")] = None,
    most: Annotated[int, Parameter(help="--text: occurrences of a word that are averaged, spread over it.")] = 100,
    min_count: Annotated[int, Parameter(help="--text: leave out rarer words.")] = 5,
    max_vocab: Annotated[int | None, Parameter(help="Keep at most so many words, the most frequent.")] = None,
    dim: Annotated[int | None, Parameter(help="Components that are kept, by PCA; all if left out.")] = None,
    weighting: Annotated[
        Literal["none", "zipf"], Parameter(help="Shorten the vectors of frequent words, for means of sentences.")
    ] = "none",
    smooth: Annotated[float, Parameter(help="--weighting zipf: a of the weights a / (a + p).")] = 1e-4,
    reading: Annotated[TextOptions, Parameter(name="*")] = TextOptions(),  # noqa: B008
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at --out.")] = False,
    threads: Annotated[int | None, Parameter(help="Threads to use.")] = None,
    device: Annotated[str | None, Parameter(help="cpu or cuda; by default a GPU where one is.")] = None,
    format: FormatOption = None,
) -> None:
    """Take one vector a word out of a model of words in context: an ELMo, a BERT."""
    from firth.contextual.distil import Distil
    from firth.contextual.distil import distil as distilled
    from firth.evaluate.in_context import refuse_static
    from firth.formats.registry import save
    from firth.nn.device import settled

    given = {
        "layer": layer, "most": most, "min_count": min_count, "max_vocab": max_vocab, "dim": dim,
        "weighting": weighting, "smooth": smooth,
    }  # fmt: skip
    options: Any = make_config(Distil, given)
    sources: list[str | Path] = [model, *(text or []), *([words] if words else [])]
    kind = check_model_target(out, overwrite=overwrite, sources=sources)
    if text and words:
        raise ConfigError("words come from the text", remedy="leave --words or --text out")
    encoder: Any = load_encoder(model, format)
    refuse_static(encoder)
    corpus = read_corpus(text, read_as_trained(reading, encoder), listen=note_event) if text else None
    names = _lines(words) if words else None
    make_parents(out)
    with settled(device, threads, seed=0, deterministic=True) as place:
        encoder.to(place.device)
        made = distilled(encoder, text=corpus, words=names, options=options, listen=note_event)
    save(made, out, format=kind.name)
    for lost in kind.lost(made):
        note(f"{lost} cannot be kept in {kind.name}")
    note(f"{len(made):,} words of {made.dim} numbers: {out}")


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError as error:
        raise DataError(f"cannot read the words: {error.strerror}", got=str(path)) from error
    return [line.strip() for line in lines if line.strip()]
