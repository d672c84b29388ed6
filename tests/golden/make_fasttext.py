"""Golden files of Facebook's program, Debian's package ``fasttext``."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

PROGRAM = "fasttext"
WORDS = "king queen the where eat naïve 水 中文词 你好世界 cat apple orange can't x U.S. 北京 straße".encode().split()
BAD = [b"\xff\xfe", b"na\xefve", b"\xe6\xb0"]  # bytes that are no UTF-8
ASKED = [*WORDS, *BAD, b"</s>", b"unseen", "没见过".encode(), b"\xff\xfe\xfd", b"q"]
LABELS = [b"good", b"bad", "水".encode(), b"\xffx", b"e"]
SMALL = ["-thread", "1", "-verbose", "0", "-minCount", "1", "-lr", "0.5"]
NGRAMS = ["-minn", "2", "-maxn", "4", "-bucket", "50"]
VECTORS = {
    **{
        f"{model}-{loss}": [model, "-loss", loss, "-dim", "5", "-epoch", "3", *NGRAMS]
        for model in ("skipgram", "cbow")
        for loss in ("ns", "hs", "softmax")
    },
    "plain-ns": ["skipgram", "-dim", "5", "-maxn", "0", "-epoch", "3"],
    "plain-hs": ["skipgram", "-dim", "5", "-maxn", "0", "-loss", "hs", "-epoch", "3"],
}
CLASSIFIERS = {
    **{f"words-{loss}": ["-loss", loss, "-dim", "4", "-epoch", "8"] for loss in ("softmax", "ns", "hs", "ova")},
    **{
        f"ngrams-{loss}": ["-loss", loss, "-dim", "5", "-epoch", "8", "-wordNgrams", "2", "-bucket", "300",
                           "-minn", "2", "-maxn", "3"]
        for loss in ("softmax", "ns", "hs", "ova")
    },
}  # fmt: skip
QUANTISED = {
    "plain": ["ngrams-softmax"],
    "qnorm": ["ngrams-hs", "-qnorm"],
    "cutoff": ["ngrams-ova", "-cutoff", "280"],
    "retrain": ["ngrams-ns", "-qnorm", "-cutoff", "270", "-retrain", "-epoch", "2"],
    "words-left": ["many-softmax", "-cutoff", "260", "-dsub", "3"],
    "qout": ["many-softmax", "-qnorm", "-qout"],
}


def texts(folder: Path) -> dict[str, Path]:
    """Write the texts that models are trained on: running words, labelled lines, lines of very many labels."""
    source = random.Random(7)

    def line(n: int) -> bytes:
        return b" ".join(source.choice(WORDS + BAD) for _ in range(n))

    written = {
        "running": [line(8) for _ in range(80)],
        "labelled": [b"__label__" + source.choice(LABELS) + b" " + line(6) for _ in range(80)],
        "many": [b"__label__%d w%d " % (i % 260, i % 270) + line(3) for i in range(600)],
        "asked": [b" ".join(source.choice([w for w in ASKED if w != b"</s>"]) for _ in range(5)) for _ in range(6)],
    }
    for name, lines in written.items():
        (folder / name).write_bytes(b"\n".join(lines) + b"\n")
    return {name: folder / name for name in written}


def run(*arguments: object, feed: bytes = b"") -> bytes:
    """Return what the program prints."""
    return subprocess.run([PROGRAM, *map(str, arguments)], input=feed, check=True, capture_output=True).stdout


def word_vectors(path: Path, words: list[bytes] = ASKED) -> dict[str, list[float]]:
    """Return what the program prints as vectors of ``words``, by word."""
    printed = run("print-word-vectors", path, feed=b"\n".join(words) + b"\n").splitlines()
    pairs = zip(words, printed, strict=True)
    return {word.decode("utf-8", "surrogateescape"): [*map(float, row[len(word) :].split())] for word, row in pairs}


def predictions(path: Path, asked: Path) -> list[dict[str, float]]:
    """Return the probabilities of the ten best labels for each line of ``asked``, as the program prints them."""
    found = []
    for line in run("predict-prob", path, asked, 10).splitlines():
        parts = line.split(b" ")
        labels = [label.decode("utf-8", "surrogateescape") for label in parts[::2]]
        found.append(dict(zip(labels, map(float, parts[1::2]), strict=False)))
    return found


def make_fasttext(folder: Path) -> None:
    """Train, quantise, and record what the program answers."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        source = texts(place)
        for name, options in VECTORS.items():
            run(options[0], "-input", source["running"], "-output", place / name, *SMALL, *options[1:])
        run("skipgram", "-input", source["labelled"], "-output", place / "labels-in-text", *SMALL, *NGRAMS, "-dim", "5")
        many = {"many-softmax": ["-dim", "5", "-loss", "softmax", "-epoch", "1", "-bucket", "0"]}
        for name, options in (CLASSIFIERS | many).items():
            text = source["many" if name in many else "labelled"]
            run("supervised", "-input", text, "-output", place / name, *SMALL, *options)
        for name, (start, *options) in QUANTISED.items():
            text = source["many" if start in many else "labelled"]
            shutil.copy(place / f"{start}.bin", place / f"{name}.bin")
            run("quantize", "-input", text, "-output", place / name, "-thread", "1", "-verbose", "0", *options)
        kept = [f"{name}.bin" for name in (*VECTORS, "labels-in-text", *CLASSIFIERS)] + [f"{q}.ftz" for q in QUANTISED]
        for name in kept:
            shutil.copy(place / name, folder / name)
        vectors = {f"{name}.bin": word_vectors(folder / f"{name}.bin") for name in (*VECTORS, "labels-in-text")}
        answers = {name: predictions(folder / name, source["asked"]) for name in kept if name not in vectors}
        (folder / "asked.txt").write_bytes(source["asked"].read_bytes())
    package = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", PROGRAM], capture_output=True, check=True).stdout
    (folder / "versions.json").write_text(json.dumps({"fasttext": package.decode()}) + "\n")
    (folder / "vectors.json").write_text(json.dumps(vectors, indent=0) + "\n")
    (folder / "predictions.json").write_text(json.dumps(answers, indent=0) + "\n")
