"""The benchmark scripts of classifiers and of transfer: their splits and tables; nothing here trains."""

from __future__ import annotations

import gzip
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
NAMES = ("classify_texts", "transfer")
MACHINE = {"run": {"machine": {"cpu": "a chip", "cores": 2}}}


@pytest.fixture(scope="module", autouse=True)
def modules() -> Iterator[dict[str, ModuleType]]:
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in NAMES}
    finally:
        sys.path.remove(str(FOLDER))
        for name in NAMES:
            sys.modules.pop(name, None)


def test_folds_are_a_partition(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    (tmp_path / "classification-en").mkdir()
    with gzip.open(tmp_path / "classification-en" / "rt-polarity.all.gz", "wt") as file:
        file.writelines(f"{n % 2} text {n} \n" for n in range(103))
    everything = {(str(n % 2), f"text {n}") for n in range(103)}
    tests = []
    for train, heldout, test in modules["classify_texts"].splits("mr", tmp_path):
        assert sorted(train + heldout + test) == sorted(everything)
        assert 9 <= len(heldout) <= 10
        tests += test
    assert sorted(tests) == sorted(everything)


def test_table_of_classifiers(modules: dict[str, ModuleType]) -> None:
    cells = {"sst2": {"accuracy": 0.8123, "seconds": [4.0, 6.0], **MACHINE}}
    text = modules["classify_texts"].table({"results": {"average": cells}, "vectors": {"command": ["firth", "train"]}})
    assert "| average | 81.2 | 5 | `--model average` |" in text
    assert "sst2 (80)" in text
    assert text.endswith("Vectors: `firth train`.")


def test_table_of_transfer(modules: dict[str, ModuleType]) -> None:
    line = {"task": "names", "representation": "vectors", "share": 0.1, "score": 0.5, "score_interval": [0.4, 0.6],
            "unseen": 0.25}  # fmt: skip
    layer = {"task": "names", "representation": "vectors", "share": 0.1, "weights": [0.25, 0.75]}
    result = {"tasks": {"names": {"measure": "F1"}}, "curves": [line], "layers": [layer], "command": ["firth"],
              "options": {"shares": [0.1]}, **MACHINE}  # fmt: skip
    text = modules["transfer"].table(result)
    assert "| vectors | 50.0 ± 10.0 (25.0) |" in text
    assert "Layers of vectors for names: 25, 75 %." in text


def test_where_a_name_stands_does_not_tell_what_it_is(modules: dict[str, ModuleType]) -> None:
    transfer = modules["transfer"]
    begins = {labels.split()[0][2:] for _, labels in transfer.LESSONS if labels.startswith("B-")}
    assert begins == {"PER", "LOC"}
    seen = {word for words, _ in transfer.LESSONS for word in words.split()}
    for words, labels in transfer.ASKED:
        named = [word for word, label in zip(words.split(), labels.split(), strict=True) if label != "O"]
        assert named
        assert not seen & set(named)
