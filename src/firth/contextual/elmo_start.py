"""What training begins with: a biLM with its first weights, its reader and its words, new or from a model."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from firth.contextual.bilm import BiLM
from firth.contextual.elmo import Elmo, parsed_filters, shape_of
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.shape import Shape
from firth.contextual.spelling import Spelling
from firth.contextual.token_layer import WordLayer
from firth.contextual.word_table import WordTable
from firth.errors import ConfigError, DataError
from firth.events import Listener, Notice
from firth.lm.lexicon import Lexicon, cut_lexicon
from firth.lm.output_layer import cutoffs_of, output_counts
from firth.nn.softmax import AdaptiveSoftmax, FullSoftmax, SampledSoftmax, inclusion
from firth.text.corpus import Corpus
from firth.vectors.static import Vectors

__all__ = ["Start", "begin", "read_in_full"]

_FREQUENT = 4096  # words, the most frequent


@dataclasses.dataclass(frozen=True)
class Start:
    """What training begins with.

    Attributes
    ----------
    config : Elmo
        With everything filled in, and as the model has it where there is one to train on.
    net : BiLM
    reader : Spelling or WordTable
    lexicon : Lexicon
    """

    config: Elmo
    net: BiLM
    reader: Spelling | WordTable
    lexicon: Lexicon


def begin(config: Elmo, corpus: Corpus, init: Any, *, freeze: bool, tell: Listener) -> Start:
    """Return the net of options, or of the model that is trained on; weights depend on the seed alone.

    Raises
    ------
    ConfigError, DataError
        When the start does not go with the options.
    """
    if freeze and not isinstance(init, Vectors):
        raise ConfigError("freeze leaves word vectors as they are", got=type(init).__name__ if init else "no start",
                          expected="vectors in --init, and --input words")  # fmt: skip
    if isinstance(init, ElmoModel):
        start = _from_model(config, corpus, init, tell)
    elif init is None or isinstance(init, Vectors):
        start = _new(config.filled(), corpus, init, freeze=freeze, tell=tell)
    else:
        raise DataError("training cannot start from this", got=type(init).__name__, expected="word vectors, or an ELMo")
    start.net.dropout = start.config.dropout or 0.0
    _tell_of_reading(start, corpus, tell)
    return start


def read_in_full(net: BiLM) -> BiLM:
    """Return the net with a full softmax over the matrix that was trained by samples."""
    trained = net.softmax
    if isinstance(trained, SampledSoftmax):
        net.softmax = FullSoftmax(net.shape.projection, trained.n_outputs, trained.weight)
        net.softmax.bias = trained.bias
    return net


def _new(config: Elmo, corpus: Corpus, vectors: Vectors | None, *, freeze: bool, tell: Listener) -> Start:
    if vectors is not None and config.input != "words":
        raise ConfigError("word vectors are the input of a table, and the input is spelling", got=config.input,
                          expected="--input words")  # fmt: skip
    lexicon = cut_lexicon(corpus, config.min_count, config.max_vocab, tell)
    reader: Spelling | WordTable
    if config.input == "words":
        reader = WordTable(_table_words(lexicon, corpus, vectors, freeze=freeze, tell=tell))
        dim = config.word_dim or (vectors.dim if vectors is not None else config.projection or 1)
        if vectors is not None and dim != vectors.dim:
            raise ConfigError("word_dim differs from the vectors'", got=dim, expected=str(vectors.dim))
        config = dataclasses.replace(config, word_dim=dim)
        shape = shape_of(config, words=len(reader), word_dim=dim)
    else:
        reader = _spelling(config, corpus)
        shape = shape_of(config, n_ids=reader.n_ids)
    net = BiLM(shape, _softmax(config, shape, lexicon, corpus), reader.marks.pad if isinstance(reader, Spelling) else 0)
    net.reset(torch.Generator().manual_seed(config.seed % 2**63))
    _begin_with_frequencies(net.softmax, output_counts(lexicon, corpus))
    if vectors is not None and isinstance(reader, WordTable):
        _put_vectors(net, reader, vectors, freeze=freeze)
    _begin_apart(net, reader, corpus)
    return Start(config, net, reader, lexicon)


def _spelling(config: Elmo, corpus: Corpus) -> Spelling:
    if config.characters == "bytes":
        return Spelling.bytes(config.longest)
    counts: Counter[str] = Counter()
    for word, count in zip(corpus.vocab.words, corpus.vocab.counts.tolist(), strict=True):
        for character in word:
            counts[character] += count
    kept = [character for character, count in counts.items() if count >= config.min_character]
    return Spelling.codepoints(sorted(kept), config.longest)


def _softmax(
    config: Elmo, shape: Shape, lexicon: Lexicon, corpus: Corpus, trained: FullSoftmax | None = None
) -> FullSoftmax | AdaptiveSoftmax:
    """Return the output layer of training; over the rows of one that was trained before, where there is one."""
    n, counts = lexicon.n_outputs, output_counts(lexicon, corpus)
    if config.softmax == "adaptive":
        return AdaptiveSoftmax(shape.projection, n, counts, cutoffs_of(config.cutoffs, n))
    weight = None if trained is None else trained.weight
    if config.softmax == "sampled":
        chances = inclusion(counts, config.samples or 1, config.proposal)
        made: FullSoftmax = SampledSoftmax(shape.projection, n, chances, weight)
    else:
        made = FullSoftmax(shape.projection, n, weight)
    if trained is not None:
        made.bias = trained.bias
    return made


def _begin_with_frequencies(softmax: Any, counts: NDArray[np.int64]) -> None:
    """Set the biases to the log of the outputs' frequencies, which training need not find then."""
    if isinstance(softmax, FullSoftmax):
        shares = np.maximum(counts, 1) / np.maximum(counts, 1).sum()
        with torch.no_grad():
            softmax.bias.copy_(torch.from_numpy(np.log(shares)))


@torch.no_grad()
def _begin_apart(net: BiLM, reader: Spelling | WordTable, corpus: Corpus) -> None:
    """Shift and scale the last projection so that frequent words' vectors have mean 0 and variance 1.

    Maxima of filters are all above zero: at first the vectors share a mean three times as long as what tells them
    apart, the LSTMs' outputs nearly seven times, and the first hundred thousand tokens teach little else.
    """
    words = corpus.vocab.words[:_FREQUENT]
    if len(words) < 2:
        return
    found = net.tokens(torch.from_numpy(reader.rows(words).astype(np.int64)))
    mean = found.mean(0)
    scale = 1 / (found - mean).square().mean().sqrt().clamp(min=1e-6)
    net.tokens.projection.weight *= scale
    net.tokens.projection.bias.copy_(scale * (net.tokens.projection.bias - mean))


# ---------------------------------------------------------------- word vectors
def _table_words(
    lexicon: Lexicon, corpus: Corpus, vectors: Vectors | None, *, freeze: bool, tell: Listener
) -> list[str]:
    """Return the words of the table: frozen vectors all, others where the text has them, and the lexicon's words."""
    own = [lexicon.vocab.words[i] for i in range(lexicon.n_outputs) if i not in (lexicon.unk, lexicon.eos)]
    if vectors is None:
        return own
    lacking = sum(not vectors.knows(word) for word in own)
    if lacking:
        share = "share one vector" if freeze else "begin at random"
        tell(Notice(f"{lacking:,} of {len(own):,} words have no vector to start from: they {share}"))
    if freeze:
        return list(vectors.words)
    return list(dict.fromkeys([*own, *(word for word in corpus.vocab.words if vectors.knows(word))]))


def _put_vectors(net: BiLM, table: WordTable, vectors: Vectors, *, freeze: bool) -> None:
    layer = net.tokens
    assert isinstance(layer, WordLayer)  # for the type checker
    rows = [(row, word) for row, word in enumerate(table.words, 3) if vectors.knows(word)]
    if not rows:
        raise DataError("the vectors hold no word of the text", remedy="train them with the same tokenizer")
    with torch.no_grad():
        mean = np.zeros(vectors.dim)
        for first in range(0, len(rows), 4096):
            some = rows[first : first + 4096]
            found = vectors.encode([[word for _, word in some]])[0]
            if not np.isfinite(found).all():
                raise DataError("the vectors hold what is no number")
            layer.embedding[[row for row, _ in some]] = torch.from_numpy(np.array(found))
            mean += found.sum(axis=0, dtype=np.float64)
        layer.embedding[0] = torch.from_numpy(mean / len(rows))
    layer.embedding.requires_grad_(not freeze)


# ---------------------------------------------------------------- a model to train on
def _from_model(config: Elmo, corpus: Corpus, model: ElmoModel, tell: Listener) -> Start:
    config = _of_model(config, model)
    net = copy.deepcopy(model.net)
    net.train()
    for parameter in net.parameters():
        parameter.requires_grad_(True)
    trained = net.softmax
    if trained is None or model.lexicon is None:
        lexicon = cut_lexicon(corpus, config.min_count, config.max_vocab, tell)
        tell(Notice("the model predicts no words yet: its output layer begins at random"))
        net.softmax = _softmax(config, net.shape, lexicon, corpus)
        net.softmax.reset(0.1, torch.Generator().manual_seed(config.seed % 2**63))
        _begin_with_frequencies(net.softmax, output_counts(lexicon, corpus))
        return Start(config, net, model.reader, lexicon)
    if isinstance(trained, AdaptiveSoftmax) != (config.softmax == "adaptive"):
        kind = "adaptive" if isinstance(trained, AdaptiveSoftmax) else "full or sampled"
        raise ConfigError("the model has another softmax", got=config.softmax, expected=kind, remedy="see --softmax")
    if isinstance(trained, FullSoftmax):
        net.softmax = _softmax(config, net.shape, model.lexicon, corpus, trained)
    return Start(config, net, model.reader, model.lexicon)


def _of_model(config: Elmo, model: ElmoModel) -> Elmo:
    """Return filled options with what the model has; others that were given are errors."""
    shape, reader = model.net.shape, model.reader
    found: dict[str, Any] = {
        name: getattr(shape, name)
        for name in ("cells", "projection", "layers", "cell_clip", "projection_clip", "skip")
    }  # fmt: skip
    if shape.characters is None:
        found |= {"input": "words", "word_dim": shape.word_dim}
    else:
        cnn = shape.characters
        filters = tuple(f"{width}x{number}" for width, number in cnn.filters)
        found |= {"input": "characters", "character_dim": cnn.dim, "highways": cnn.n_highway, "longest": cnn.longest}
        found["filters"] = filters
    if isinstance(reader, Spelling):
        found["characters"] = reader.scheme
    for name, value in found.items():
        given, default = getattr(config, name), getattr(Elmo(), name)
        given = parsed_filters(given) if name == "filters" and given else given
        wanted = parsed_filters(value) if name == "filters" else value
        if given not in (default, wanted):
            raise ConfigError(f"the model that is trained on has another {name}", got=getattr(config, name),
                              expected=str(value), remedy=f"leave --{name.replace('_', '-')} out")  # fmt: skip
    return dataclasses.replace(dataclasses.replace(config, **found).filled(), **found)


def _tell_of_reading(start: Start, corpus: Corpus, tell: Listener) -> None:
    reader = start.reader
    if isinstance(reader, Spelling):
        cut = reader.cut(list(corpus.vocab.words))
        if cut:
            tell(Notice(f"{cut:,} words are longer than {reader.longest - 2} {reader.scheme}: their rest is not read"))
    if start.config.softmax == "sampled":
        tell(Notice("the loss of training is an estimate from samples; held-out losses are by the whole distribution"))
