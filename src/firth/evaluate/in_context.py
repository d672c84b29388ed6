"""Vectors of words in their sentences: where the tokens of a word stand, and what a model makes of them there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from firth.errors import ConfigError, DataError
from firth.protocols import Float32, Representation
from firth.text.tokenize import TOKENIZERS, Tokenizer
from firth.vectors.onehot import OneHot
from firth.vectors.static import Vectors

__all__ = [
    "Layer",
    "Place",
    "check_layer",
    "cosine_rows",
    "joined",
    "layer_names",
    "model_tokenizer",
    "place_of",
    "place_of_word",
    "place_vectors",
    "refuse_static",
    "retokenised",
    "span_vectors",
    "unit_rows",
]

Layer: TypeAlias = int | Literal["mix", "all"]
Spans: TypeAlias = Sequence[tuple[int, int]]

_TOKENS_AT_ONCE = 8192  # bounds the memory of the layers of a batch


@dataclasses.dataclass(frozen=True)
class Place:
    """A word in its sentence: ``sentence[start:end]`` are its tokens.

    Examples
    --------
    >>> place = Place(("New", "York", "is", "large"), 0, 2)
    >>> place.word
    ('New', 'York')
    """

    sentence: tuple[str, ...]
    start: int
    end: int

    @property
    def word(self) -> tuple[str, ...]:
        """The tokens of the word."""
        return self.sentence[self.start : self.end]


def model_tokenizer(model: Any) -> Tokenizer | None:
    """Return the tokenizer that a model was trained with; None where it names none that is at hand."""
    metadata = getattr(model, "metadata", None)
    made = metadata.get("tokenizer") if isinstance(metadata, dict) else None
    if not isinstance(made, dict) or made.get("name") not in TOKENIZERS:
        return None
    return dataclasses.replace(Tokenizer.described(made), blank_lines=False)


def refuse_static(model: Any) -> None:
    """Make sure that a model could tell the same word in two sentences apart.

    Raises
    ------
    DataError
        When it holds one vector per word.
    """
    if isinstance(model, Vectors | OneHot):
        raise DataError(
            "the model gives a word the same vector in every sentence",
            got=type(model).__name__,
            expected="a contextual model, such as an ELMo",
        )
    if not isinstance(model, Representation):
        raise DataError("the model encodes no sentences", got=type(model).__name__)


def place_of(text: str, start: int, end: int, tokenizer: Tokenizer) -> Place | None:
    """Return where the tokens of ``text[start:end]`` stand, or None where the tokenizer leaves none of it.

    What stands before, inside and behind is cut into tokens apart, so that the word's tokens are its own even where the
    tokenizer alone would join them with their neighbours, as Chinese segmenters do.

    Raises
    ------
    DataError
        When the offsets lie outside the text or hold nothing.

    Examples
    --------
    >>> place_of("Press play.", 6, 10, Tokenizer("words"))
    Place(sentence=('Press', 'play'), start=1, end=2)
    """
    if not 0 <= start < end <= len(text):
        raise DataError("the offsets of a word don't fit its sentence", got=f"{start} to {end}", expected=text)
    before, word, behind = (
        [token for line in tokenizer.sentences(part) for token in line]
        for part in (text[:start], text[start:end], text[end:])
    )
    if not word:
        return None
    return Place((*before, *word, *behind), len(before), len(before) + len(word))


def place_of_word(text: str, word: str, tokenizer: Tokenizer) -> Place:
    """Return the place where ``word`` first stands in ``text``.

    Raises
    ------
    DataError
        When it does not.
    """
    start = text.find(word)
    place = place_of(text, start, start + len(word), tokenizer) if word and start >= 0 else None
    if place is None:
        raise DataError(f"the sentence does not hold {word}", got=text)
    return place


def retokenised(
    tokens: Sequence[str], spans: Spans, tokenizer: Tokenizer | None
) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the tokens of a tokenised sentence as another tokenizer would have cut them, and where the spans are then.

    Each token is cut alone. A span whose tokens are left out, as ``words`` leaves out punctuation, becomes empty.

    Parameters
    ----------
    tokens : sequence of str
    spans : sequence of (int, int)
        Begin and exclusive end in ``tokens``.
    tokenizer : Tokenizer or None
        None leaves the tokens as they are.

    Examples
    --------
    >>> retokenised(["Over-all", ",", "well", "done"], [(0, 1), (2, 4)], Tokenizer("words", lower=True))
    (['over', 'all', 'well', 'done'], [(0, 2), (2, 4)])
    """
    if tokenizer is None or (tokenizer.name == "whitespace" and not tokenizer.lower and not tokenizer.fold_digits):
        return list(tokens), list(spans)
    # One line a token; the mark at the end keeps the last line, whatever the tokenizer makes of the last token.
    lines = "\n".join([*(" ".join(token.split()) for token in tokens), "x"])
    parts = dataclasses.replace(tokenizer, blank_lines=True).sentences(lines)[:-1]
    ends = np.cumsum([0, *map(len, parts)]).tolist()
    return [piece for part in parts for piece in part], [(ends[start], ends[end]) for start, end in spans]


def layer_names(n_layers: int) -> tuple[str, ...]:
    """Return the names of what :func:`span_vectors` gives for ``"all"``: each layer, and the mean of several."""
    return tuple(map(str, range(n_layers))) + (("mean",) if n_layers > 1 else ())


def check_layer(layer: Layer, n_layers: int) -> None:
    """Make sure that there is such a layer.

    Raises
    ------
    ConfigError
        When there is none.
    """
    if isinstance(layer, int) and not 0 <= layer < n_layers:
        raise ConfigError("there is no such layer", got=layer, expected=f"0 to {n_layers - 1}")


def span_vectors(
    model: Representation, items: Iterable[tuple[Sequence[str], Spans]], *, layer: Layer = "mix"
) -> Iterator[Float32]:
    """Yield the vectors of each sentence's spans: the mean over the tokens of each.

    Sentences are encoded some thousand tokens at a time, and only the spans are kept.

    Parameters
    ----------
    model : Representation
    items : iterable of (tokens, spans)
        No span may be empty; a sentence without any is not encoded.
    layer : int or {"mix", "all"}
        One layer, what the model makes of its layers (``encode``), or all of them and behind them their mean
        (:func:`layer_names`).

    Yields
    ------
    ndarray of float32, shape (n_spans, dim), for ``"all"`` (n_spans, n_layers + 1, dim); (0, dim) without spans

    Raises
    ------
    ConfigError
        When there is no such layer.
    """
    encode = model.encode if layer == "mix" else model.encode_layers
    for batch in _batches(items):
        arrays = iter(encode([tokens for tokens, spans in batch if spans]))
        for _, spans in batch:
            yield _span_means(next(arrays), spans, layer) if spans else np.zeros((0, model.dim), np.float32)


def _span_means(array: Float32, spans: Spans, layer: Layer) -> Float32:
    if isinstance(layer, int):
        check_layer(layer, len(array))
        array = array[layer]
    elif layer == "all" and len(array) > 1:
        array = np.concatenate([array, array.mean(0, keepdims=True)])
    return np.stack([array[..., start:end, :].mean(-2) for start, end in spans]).astype(np.float32)


def place_vectors(model: Representation, places: Iterable[Place], *, layer: Layer = "mix") -> Float32:
    """Return a vector for each place, shape (n, dim); for the layer ``"all"`` (n, n_layers + 1, dim)."""
    items = ((place.sentence, [(place.start, place.end)]) for place in places)
    rows = list(span_vectors(model, items, layer=layer))
    return np.concatenate(rows) if rows else np.zeros((0, model.dim), np.float32)


def _batches(items: Iterable[tuple[Sequence[str], Spans]]) -> Iterator[list[tuple[Sequence[str], Spans]]]:
    batch: list[tuple[Sequence[str], Spans]] = []
    size = 0
    for item in items:
        batch.append(item)
        size += len(item[0])
        if size >= _TOKENS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def unit_rows(rows: Float32) -> Float32:
    """Return vectors of length 1 along the last axis; zeros stay zeros, what is not finite becomes NaN."""
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        found: Float32 = np.divide(rows, norms, out=np.zeros_like(rows), where=norms != 0)
    return found


def cosine_rows(a: Float32, b: Float32) -> Float32:
    """Return the cosine of each vector of ``a`` with that of ``b``, both (..., dim); 0 where one is zero."""
    found: Float32 = (unit_rows(a) * unit_rows(b)).sum(-1)
    return found


def joined(tokens: Sequence[str]) -> str:
    """Return tokens as a line, without blanks between Han characters.

    Examples
    --------
    >>> joined(["我", "用", "Firth", "1", "版"])
    '我用 Firth 1 版'
    """
    line = ""
    for token in tokens:
        apart = line and token and not (_is_han(line[-1]) and _is_han(token[0]))
        line += (" " if apart else "") + token
    return line


def _is_han(character: str) -> bool:
    return "\u2e80" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character >= "\U00020000"
