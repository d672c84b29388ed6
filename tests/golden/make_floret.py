"""Golden files of floret, the Python package of that name (0.10.5 has wheels up to CPython 3.12)."""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from pathlib import Path

from make_fasttext import ASKED, texts

HASHES = (1, 2, 4)


def make_floret(folder: Path) -> None:
    """Train, and record the vectors that the program gives."""
    import floret

    asked = [word for word in (raw.decode("utf-8", "surrogateescape") for raw in ASKED) if word.isprintable()]
    answers = {}
    with tempfile.TemporaryDirectory() as temporary:
        source = str(texts(Path(temporary))["running"])
        common = {"dim": 5, "minn": 2, "maxn": 4, "minCount": 1, "epoch": 3, "lr": 0.5, "thread": 1, "verbose": 0}
        for hashes in HASHES:
            model = floret.train_unsupervised(
                source, model="cbow", mode="floret", hashCount=hashes, bucket=40, **common
            )
            name = f"table-{hashes}"
            model.save_model(str(folder / f"{name}.bin"))
            model.save_floret_vectors(str(folder / f"{name}.floret"))
            answers[name] = {word: model.get_word_vector(word).tolist() for word in asked}
        model = floret.train_unsupervised(source, model="skipgram", mode="fasttext", bucket=40, **common)
        model.save_model(str(folder / "as-fasttext.bin"))
        answers["as-fasttext"] = {word: model.get_word_vector(word).tolist() for word in asked}
    (folder / "versions.json").write_text(json.dumps({"floret": importlib.metadata.version("floret")}) + "\n")
    (folder / "vectors.json").write_text(json.dumps(answers, indent=0) + "\n")
