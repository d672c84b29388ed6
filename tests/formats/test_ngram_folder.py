"""N-gram models in our own folder: whole, mapped, quantised, and broken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from firth import convert, inspect, load, save
from firth.errors import ConfigError, FormatError
from firth.lm.ngram_model import NGramModel
from firth.lm.ngram_quantized import Coded, Packed, QuantizedTable
from firth.lm.ngram_query_reference import as_dicts, reference_scores
from firth.tensors import map_tensors, write_tensors

GOLDEN = Path(__file__).parents[1] / "golden" / "kenlm" / "lmplz.arpa"


@pytest.fixture(scope="module")
def model() -> NGramModel:
    found = load(GOLDEN)
    assert isinstance(found, NGramModel)
    return found


def text_of(model: NGramModel) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(0, model.lexicon.n_outputs, 3000).astype(np.int32)


def test_a_folder_gives_back_the_model(model: NGramModel, tmp_path: Path) -> None:
    save(model, tmp_path / "m")
    again = load(tmp_path / "m")
    assert as_dicts(again.table) == as_dicts(model.table)
    assert again.lexicon == model.lexicon
    assert again.metadata == model.metadata
    np.testing.assert_array_equal(
        again.score(text_of(model), again.start())[0], model.score(text_of(model), model.start())[0]
    )
    assert not again.table.levels[3].log_prob.flags.owndata


def test_a_quantised_model_scores_as_its_plain_table_says(model: NGramModel, tmp_path: Path) -> None:
    packed = model.quantized()
    save(packed, tmp_path / "m")
    again = load(tmp_path / "m")
    assert isinstance(again.table, QuantizedTable)
    ids = text_of(model)
    expected, lengths = reference_scores(packed.plain(), ids.tolist(), bos=model.lexicon.bos, eos=model.lexicon.eos)
    for found in (packed, again):
        scores, sizes = found.matched(ids)
        np.testing.assert_allclose(scores, expected, rtol=1e-6)
        assert sizes.tolist() == lengths
        _, state = found.score(ids[:2], found.start())
        law = [found.score(np.array([word], np.int32), state)[0][0] for word in range(found.lexicon.n_outputs)]
        np.testing.assert_allclose(found.next_log_probs(state), law, rtol=1e-6)


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_quantisation_keeps_the_places_and_comes_near_in_values(model: NGramModel, bits: int) -> None:
    plain, packed = model.table, model.quantized(bits).plain()
    for before, after in zip(plain.levels, packed.levels, strict=True):
        np.testing.assert_array_equal(before.word, after.word)
        np.testing.assert_array_equal(before.suffix, after.suffix)
        np.testing.assert_array_equal(before.first, after.first)
        np.testing.assert_array_equal(before.backoff == 0, after.backoff == 0)
    for before, after in zip(plain.levels[1:], packed.levels[1:], strict=True):
        assert len(np.unique(after.log_prob)) <= 1 << bits
        assert abs(before.log_prob - after.log_prob).mean() < 3 * np.ptp(before.log_prob) / (1 << bits)
    for bad in (1, 9):
        with pytest.raises(ConfigError, match="2 to 8"):
            model.quantized(bad)


@pytest.mark.parametrize("bits", [1, 3, 8, 17, 24, 31, 33, 57])
def test_packed_numbers_come_back(bits: int) -> None:
    numbers = np.random.default_rng(bits).integers(0, 1 << bits, 1000)
    packed = Packed.of(numbers, bits)
    np.testing.assert_array_equal(packed[:], numbers)
    np.testing.assert_array_equal(packed[17:930:7], numbers[17:930:7])
    assert int(packed[999]) == numbers[999]
    assert packed.data.nbytes == -(-1000 * bits // 8) + 8


def test_few_values_are_kept_exactly() -> None:
    numbers = np.float32([-1.5, 0, -0.25, -1.5, 0])
    np.testing.assert_array_equal(Coded.of(numbers, 2)[:], numbers)


def test_convert_compresses_and_tells_the_cost(model: NGramModel, tmp_path: Path) -> None:
    (told,) = convert(GOLDEN, tmp_path / "small", compress="int8")
    assert "mean shift" in told
    convert(GOLDEN, tmp_path / "whole")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("small", "whole")]
    assert isinstance(load(tmp_path / "small").table, QuantizedTable)
    assert sizes[1] > 1.2 * (sizes[0] - 6 * 1024)  # but for six tables of 256 values
    with pytest.raises(ConfigError, match="expected int8"):
        convert(GOLDEN, tmp_path / "x", compress="pq")
    convert(tmp_path / "small", tmp_path / "small.arpa")
    np.testing.assert_array_equal(load(tmp_path / "small.arpa").table.levels[3].word, model.table.levels[3].word)


def test_inspect_names_the_kind(model: NGramModel, tmp_path: Path) -> None:
    save(model, tmp_path / "m")
    report = inspect(tmp_path / "m")
    assert (report.kind, report.words) == ("ngram", 18)
    assert report.details["ngram"]["counts"] == model.table.counts()


@pytest.mark.parametrize("small", [False, True])
def test_a_changed_tensor_never_crashes(model: NGramModel, tmp_path: Path, small: bool) -> None:
    save(model.quantized() if small else model, tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    good = {name: tensor.copy() for name, tensor in map_tensors(path).items()}
    random = np.random.default_rng(7)
    refused = 0
    for name in [*good, *good]:
        bad = {key: tensor.copy() for key, tensor in good.items()}
        raw = bad[name].view(np.uint8)
        raw[random.integers(0, len(raw), 3)] = random.integers(0, 256, 3)
        write_tensors(path, bad)
        try:
            found = load(tmp_path / "m")
        except FormatError:
            refused += 1
            continue
        scores, _ = found.matched(text_of(model))
        assert np.isfinite(scores).all()
    assert refused > len(good) // 2


@pytest.mark.parametrize("small", [False, True])
def test_tensors_of_another_length_are_refused(model: NGramModel, tmp_path: Path, small: bool) -> None:
    save(model.quantized() if small else model, tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    good = {name: tensor.copy() for name, tensor in map_tensors(path).items()}
    for name in good:
        for bad in ({**good, name: good[name][:-1]}, {key: good[key] for key in good if key != name}):
            write_tensors(path, bad)
            with pytest.raises(FormatError):
                load(tmp_path / "m")


@pytest.mark.parametrize(
    "counts", [None, [], [18, -1], [18, 1 << 60], [17, 77, 298, 595], ["x"], [18] * 300, [18, 2.5]]
)
def test_absurd_counts_are_refused(model: NGramModel, tmp_path: Path, counts: object) -> None:
    save(model, tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    config = json.loads(path.read_text())
    config["ngram"] = {"counts": counts}
    path.write_text(json.dumps(config))
    with pytest.raises(FormatError):
        load(tmp_path / "m")
