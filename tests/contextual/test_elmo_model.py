"""One sentence, one set of bits: alone, in any batch, in any order, in pieces; and against a step-by-step reading."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from firth.contextual.bilm import BiLM
from firth.contextual.elmo_model import ElmoModel
from firth.contextual.grain import Grain
from firth.contextual.shape import Shape
from firth.contextual.word_table import WordTable
from firth.errors import ConfigError, DataError
from firth.events import Event
from firth.protocols import Representation

Make = Callable[..., ElmoModel]

WORDS = ["a", "bank", "of", "the", "river", "苹果", "unbelievably", "antidisestablishmentarianism", "\udcff", ""]
SENTENCES = st.lists(st.lists(st.sampled_from(WORDS), max_size=23), max_size=12)


def plain(model: ElmoModel, sentence: list[str]) -> np.ndarray:
    """Read one sentence step by step in double precision, from the paper's equations."""
    net, shape = model.net, model.net.shape

    def numbers(tensor: torch.Tensor) -> np.ndarray:
        return tensor.detach().double().numpy()

    bounds = model.reader.boundaries()
    rows = np.concatenate([bounds[:1], model.reader.rows(sentence), bounds[1:]])
    with torch.no_grad():
        tokens = numbers(net.tokens(torch.as_tensor(rows).long()))

    def logistic(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def read(layer: torch.nn.Module, x: np.ndarray) -> np.ndarray:
        h, c, found = np.zeros(shape.projection), np.zeros(shape.cells), []
        for step in x:
            sums = numbers(layer.weight_ih) @ step + numbers(layer.weight_hh) @ h + numbers(layer.bias)
            i, f, g, o = np.split(sums, 4)
            c = np.clip(logistic(f) * c + logistic(i) * np.tanh(g), -shape.cell_clip, shape.cell_clip)
            h = numbers(layer.weight_hr) @ (logistic(o) * np.tanh(c))
            h = np.clip(h, -shape.projection_clip, shape.projection_clip)
            found.append(h)
        return np.array(found)

    layers = [np.concatenate([tokens, tokens], 1)]
    x, y = tokens, tokens[::-1]
    for k, (ahead, back) in enumerate(zip(net.forward_layers, net.backward_layers, strict=True)):
        x, y = (read(layer, z) + (z if k else 0) for layer, z in ((ahead, x), (back, y)))
        layers.append(np.concatenate([x, y[::-1]], 1))
    return np.array(layers)[:, 1:-1]


def test_it_is_a_representation(elmo: Make) -> None:
    model = elmo()
    assert isinstance(model, Representation)
    assert (model.dim, model.n_layers) == (16, 3)


@pytest.mark.parametrize("grain", [None, Grain(64, 64, 32), Grain(1, 1, 32)])
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(sentences=SENTENCES, batch_tokens=st.sampled_from([1, 30, 200, 2048]))
@pytest.mark.filterwarnings("ignore:.*are longer than")
def test_layers_are_the_equations(
    grain: Grain | None, elmo: Make, sentences: list[list[str]], batch_tokens: int
) -> None:
    model = elmo()
    if grain is not None:
        model._grains[torch.device("cpu"), 1] = grain, grain
    found = model.encode_layers(sentences, batch_tokens=batch_tokens)
    assert [layers.shape for layers in found] == [(3, len(sentence), 16) for sentence in sentences]
    for sentence, layers in zip(sentences[:3], found, strict=False):
        np.testing.assert_allclose(layers, plain(model, sentence), atol=2e-5)


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    sentences=SENTENCES,
    shuffle=st.randoms(use_true_random=False),
    batch_tokens=st.integers(1, 300),
    shape=st.sampled_from([(24, 8), (33, 7), (256, 32)]),
)
@pytest.mark.filterwarnings("ignore:.*are longer than")
def test_a_sentence_has_the_same_bits_in_any_company(
    elmo: Make, sentences: list[list[str]], shuffle: Random, batch_tokens: int, shape: tuple[int, int]
) -> None:
    model = elmo(cells=shape[0], projection=shape[1])
    together = model.encode_layers(sentences, batch_tokens=batch_tokens)
    order = list(range(len(sentences)))
    shuffle.shuffle(order)
    shuffled = model.encode_layers([sentences[place] for place in order])
    for row, place in enumerate(order):
        assert np.array_equal(shuffled[row], together[place])
    for sentence, layers in zip(sentences[:4], together, strict=False):
        assert np.array_equal(model.encode_layers([sentence])[0], layers)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("grain", [None, Grain(64, 64, 32)])
def test_a_sentence_has_the_same_bits_in_a_large_batch(elmo: Make, threads: int, grain: Grain | None) -> None:
    model, random = elmo(cells=512, projection=64), Random(1)
    sentences = [random.choices(WORDS[:6], k=random.randint(1, 9)) for _ in range(90)]
    torch.set_num_threads(threads)
    try:
        if grain is not None:
            model._grains[torch.device("cpu"), threads] = grain, grain
        together = model.encode_layers(sentences)
        for place in (0, 17, 89):
            assert np.array_equal(model.encode_layers([sentences[place]])[0], together[place])
    finally:
        torch.set_num_threads(1)


def test_a_grain_was_found_on_this_machine(elmo: Make) -> None:
    model = elmo(cells=512, projection=64)
    model.encode_layers([["a"]])
    for grain in model._grains[torch.device("cpu"), 1]:
        assert grain.most is None


def test_calling_twice_changes_nothing(elmo: Make) -> None:
    model = elmo()
    first, second = (model.encode([["the", "bank"]])[0] for _ in range(2))
    assert np.array_equal(first, second)


def test_stream_reads_no_further_than_it_must(elmo: Make) -> None:
    taken = itertools.count()

    def endless() -> Iterator[list[str]]:
        for number in taken:
            yield ["word"] * (number % 5)

    stream = elmo().stream(endless(), batch_tokens=50)
    shapes = [next(stream).shape for _ in range(200)]
    assert shapes == [(3, number % 5, 16) for number in range(200)]
    assert next(taken) < 300


def test_encode_takes_a_generator_of_tuples(elmo: Make) -> None:
    model = elmo()
    found = model.encode(tuple(text.split()) for text in ("the bank", "", "river"))
    assert [vectors.shape for vectors in found] == [(2, 16), (0, 16), (1, 16)]
    np.testing.assert_allclose(found[0], model.encode_layers([["the", "bank"]])[0].mean(0), atol=1e-6)


def test_cut_words_are_counted_and_told_once(elmo: Make) -> None:
    model = elmo()
    told: list[Event] = []
    long = "x" * 1000
    found = model.encode_layers([["a", long], [long + "y"]] * 40, batch_tokens=8, listen=told.append)
    assert [event.message for event in told] == ["80 of 120 tokens are longer than 12 bytes: read by their first ones"]  # type: ignore[union-attr]
    assert np.array_equal(found[1], model.encode_layers([["x" * 12]])[0])
    with pytest.warns(UserWarning, match="1 of 1 tokens are longer than 12 bytes"):
        model.encode([[long]])


def test_words_without_a_vector_are_told() -> None:
    net = BiLM(Shape(None, 6, 4, words=5, word_dim=3))
    net.reset(torch.Generator().manual_seed(1))
    model = ElmoModel(net, WordTable(["cat", "dog"]))
    told: list[Event] = []
    found = model.encode_layers([["cat", "emu", "dog"]], listen=told.append)
    assert [event.message for event in told] == ["1 of 3 tokens have no vector: read as unknown words"]  # type: ignore[union-attr]
    np.testing.assert_allclose(found[0], plain(model, ["cat", "emu", "dog"]), atol=1e-5)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [("the bank", "lists of tokens"), (["the bank"], "sentence 0 is no list"), ([["a"], [1]], "token of sentence 1")],
)
def test_what_is_no_sentence_is_refused(elmo: Make, sentences: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        elmo().encode(sentences)  # type: ignore[arg-type]


def test_batches_need_a_token(elmo: Make) -> None:
    with pytest.raises(ConfigError, match="batch_tokens"):
        elmo().encode([["a"]], batch_tokens=0)


def test_cached_tokens_change_nothing(elmo: Make) -> None:
    model, sentences = elmo(), [["the", "bank", "river"], ["of", "the", "bank"]]
    before = model.encode_layers(sentences)
    assert model.cache_tokens(["the", "bank", "the"]) == 2 * 8 * 4
    assert all(np.array_equal(a, b) for a, b in zip(before, model.encode_layers(sentences), strict=True))
    with torch.no_grad():
        model.net.tokens.projection.bias.add_(1.0)  # the cache is stale now
    after = model.encode_layers(sentences)[0]
    np.testing.assert_allclose(after[0], before[0][0] + 1, atol=1e-5)


def test_cached_tokens_are_not_computed_again(elmo: Make) -> None:
    model = elmo()
    rows: list[int] = []
    model.net.tokens.register_forward_hook(lambda _module, given, _out: rows.append(len(given[0])))
    model.cache_tokens(["the", "bank"])
    rows.clear()
    model.encode_layers([["the", "bank", "the"]])
    assert rows == []


def test_mixes(elmo: Make) -> None:
    model, sentence = elmo(), [["the", "bank"]]
    layers = model.encode_layers(sentence)[0]
    for mix, expected in (
        ("mean", layers.mean(0)),
        ("sum", layers.sum(0)),
        (0, layers[0]),
        (-1, layers[2]),
        ([0.2, 0.3, 0.5], 0.2 * layers[0] + 0.3 * layers[1] + 0.5 * layers[2]),
    ):
        np.testing.assert_allclose(model.with_mix(mix).encode(sentence)[0], expected, atol=1e-6)  # type: ignore[arg-type]
    for mix, message in (([1.0, 2.0], "one weight for each layer"), (3, "no such layer"), ("max", "no such mix")):
        with pytest.raises(ConfigError, match=message):
            model.with_mix(mix)  # type: ignore[arg-type]


MEASURED = """
    import resource, sys
    import numpy as np, torch
    from firth.contextual.bilm import BiLM
    from firth.contextual.elmo_model import ElmoModel
    from firth.contextual.shape import CharacterShape, Shape
    from firth.contextual.spelling import Spelling

    torch.set_num_threads(1)
    net = BiLM(Shape(CharacterShape(dim=4, filters=((1, 8), (2, 8)), n_highway=1, longest=10), 256, 16, layers=1))
    net.reset(torch.Generator().manual_seed(1))
    model = ElmoModel(net, Spelling.bytes(10))
    words = [f"w{i % 977}" for i in range(20_000)]
    model.encode_layers([words[:3000]], batch_tokens=512)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = model.encode_layers([words], batch_tokens=512)[0]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(grown * 1024, found.nbytes, float(np.abs(found).max(axis=2).min()))
"""


def test_a_long_document_takes_the_memory_of_its_vectors() -> None:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(MEASURED)], capture_output=True, text=True, check=True)
    grown, size, least = map(float, done.stdout.split())
    assert size == 2 * 20_000 * 32 * 4
    assert least > 0  # every token was read
    assert grown < size + 30e6  # the gates of all steps at once would be 20,000 x 1,024 x 4 bytes = 82 MB
