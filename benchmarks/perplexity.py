"""Train language models on one text, one command each, and keep perplexity, seconds and the way there; writes JSON.

python benchmarks/perplexity.py --data ptb --job kn5 --models models --out benchmarks/results/perplexity-ptb.json
python benchmarks/perplexity.py --table benchmarks/results/perplexity-ptb.json --into docs/language-models.md

``--data`` is a folder with train.txt, valid.txt and test.txt. Results of other jobs in the file stay as they are, so
that long jobs can be run one at a time.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import resource
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from record import describe_run, write_json
from tables import grid, update_page

PARTS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True)
class Job:
    """A model, or a use of models trained before.

    Attributes
    ----------
    title : str
    train : str
        Arguments of ``firth train``; empty where nothing is trained.
    evaluate : str
        Arguments of ``firth evaluate`` behind the model; ``{models}`` and ``{valid}`` are filled in.
    of : str
        The job whose model is evaluated, where nothing is trained.
    target : float or None
        Test perplexity to reach on the Penn Treebank.
    """

    title: str
    train: str = ""
    evaluate: str = ""
    of: str = ""
    target: float | None = None


JOBS = {
    "kn3": Job("modified Kneser-Ney, order 3", "ngram --order 3"),
    "kn5": Job("modified Kneser-Ney, order 5", "ngram --order 5", target=142.0),
    "kn5-cache": Job("the same with a unigram cache", of="kn5", evaluate="--cache 500 --fit-on {valid}"),
    "maxent": Job("maximum entropy, 5-gram features", "maxent --classes 0", target=143.0),
    "maxent-classes": Job("the same with word classes", "maxent"),
    "nnlm": Job("NNLM", "nnlm --tie --epochs 5 --threads 1", target=140.0),
    "rnn": Job(
        "RNN (Elman)",
        "rnn --cell elman --dim 300 --hidden 300 --softmax sampled --samples 1200 --batch 32 --bptt 30 --rate 0.002"
        " --dropout-input 0.3 --dropout-output 0.5 --epochs 18 --threads 1",
        target=124.7,
    ),
    "rnn-kn5": Job("RNN (Elman) with KN5", of="rnn", evaluate="--with {models}/kn5 --fit-on {valid}", target=106.0),
    "lstm": Job(
        "LSTM, small",
        "rnn --cell lstm --dim 400 --hidden 400 --softmax sampled --samples 1000 --batch 32 --bptt 35 --rate 0.003"
        " --dropout-input 0.3 --dropout-output 0.5 --minutes 45 --threads 2",
        target=100.0,
    ),
    "lstm-cache": Job(
        "the same with a neural cache", of="lstm", evaluate="--neural-cache 2000 --fit-on {valid}", target=95.0
    ),
    "transformer": Job(
        "causal Transformer, small",
        "transformer --layers 4 --dim 256 --heads 4 --hidden 1024 --dropout 0.3 --dropout-output 0.3 --softmax sampled"
        " --minutes 60 --threads 2",
    ),
    "mixed": Job(
        "RNN, NNLM, maximum entropy and KN5 mixed",
        of="rnn",
        evaluate="--with {models}/nnlm --with {models}/maxent-classes --with {models}/kn5 --fit-on {valid}",
    ),
}


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with train.txt, valid.txt and test.txt")
    parser.add_argument("--job", action="append", choices=list(JOBS), default=None)
    parser.add_argument("--kept", action="store_true", help="evaluate models and logs that lie in --models already")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder that the models are kept in")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the table of a kept result")
    parser.add_argument("--chart", type=Path, metavar="PNG", help="with --table: draw perplexity against time")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write it into a page")
    return parser.parse_args()


def firth(*words: object) -> tuple[str, dict[str, float]]:
    """Run ``firth WORDS``; return what it printed, its seconds and its peak memory."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "firth", *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds = round(time.perf_counter() - began, 2)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # of the largest child so far
    return done.stdout, {"seconds": seconds, "peak_mib": round(peak, 1)}


def run(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train and evaluate one job."""
    job, texts = JOBS[name], {part: options.data / f"{part}.txt" for part in PARTS}
    found: dict[str, Any] = {"title": job.title, "target": job.target, "run": describe_run(texts["train"], {})}
    model = options.models / (job.of or name)
    if job.train:
        log = options.models / f"{name}.jsonl"
        words = [*shlex.split(job.train), texts["train"], "--out", model, "--overwrite", "--log", log]
        words += ["--tokenizer", "whitespace"] + ([] if "--threads" in words else ["--threads", options.threads])
        words += [] if words[0] == "ngram" else ["--heldout", texts["valid"]]
        found["command"] = [
            "firth",
            "train",
            *(Path(str(word)).name if "/" in str(word) else str(word) for word in words),
        ]
        if not options.kept:
            log.unlink(missing_ok=True)
            _, found["training"] = firth("train", *words, "--quiet")
        found["curve"] = curve(log)
        found.setdefault("training", {"seconds": found["curve"][-1]["seconds"] if found["curve"] else None})
    extra = shlex.split(job.evaluate.format(models=options.models, valid=texts["valid"]))
    found["evaluate"] = [Path(word).name if "/" in word else word for word in extra]
    printed, found["evaluation"] = firth("evaluate", model, "--text", texts["valid"], texts["test"], *extra, "--json")
    scores = {Path(text).stem: score for text, score in json.loads(printed).items()}
    ends = [math.exp(point["heldout"]) for point in found.get("curve", [])]
    if ends and abs(ends[-1] / scores["valid"]["perplexity"] - 1) > 0.1:
        found[
            "curve"
        ] = []  # losses of parts of the model, such as the search for class weights: no perplexity of words
    return {**found, "valid": scores["valid"], "test": scores["test"]}


def curve(log: Path) -> list[dict[str, float]]:
    """Return held-out loss and seconds at the end of each epoch."""
    events = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    ends = [event for event in events if event["event"] == "EpochEnd" and event.get("heldout") is not None]
    return [{"epoch": end["epoch"], "seconds": round(end["seconds"], 1), "heldout": end["heldout"]} for end in ends]


def table(result: dict[str, Any]) -> str:
    """Return a line per model: perplexities, seconds of training, the command."""
    rows, results = [], result["results"]
    for name in (name for name in JOBS if name in results):
        found = results[name]
        training = found.get("training")
        seconds = f"{training['seconds']:,.0f}" if training else ""
        words = found["command"][1:] if "command" in found else ["evaluate", *found["evaluate"]]
        command = "`" + " ".join(words[: words.index("train.txt")] if "train.txt" in words else words) + "`"
        wanted = f"{found['target']:g}" if found["target"] else ""
        scores = [f"{found[part]['perplexity']:.2f}" for part in ("valid", "test")]
        rows.append([found["title"], *scores, wanted, seconds, command])
    head = ["model", "valid", "test", "wanted", "training, s", "command"]
    machine = next(iter(results.values()))["run"]["machine"]
    predictions = next(iter(results.values()))["test"]["n_predictions"]
    note = f"{predictions:,} predictions in the test set. {machine['cpu']}, {machine['cores']} cores."
    return f"{grid(head, rows)}\n\n{note}"


def chart(result: dict[str, Any], path: Path) -> None:
    """Draw validation perplexity against seconds of training, for all models."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
    for found in result["results"].values():
        if "training" not in found:
            continue
        points = [(point["seconds"], math.exp(point["heldout"])) for point in found["curve"]]
        points.append((found["training"]["seconds"], found["valid"]["perplexity"]))
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=found["title"])
    axes.set(xscale="log", xlabel="seconds of training", ylabel="perplexity of the validation text", ylim=(60, 400))
    axes.set_yscale("log")
    axes.set_yticks(
        [60, 80, 100, 120, 150, 200, 300, 400], labels=["60", "80", "100", "120", "150", "200", "300", "400"]
    )
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


def main() -> int:
    """Run the jobs, or show a kept result."""
    options = arguments()
    if options.table:
        result = json.loads(options.table.read_text(encoding="utf-8"))
        if options.chart:
            chart(result, options.chart)
        if options.into:
            update_page(options.into, "perplexity", table(result))
        else:
            print(table(result))
        return 0
    options.models.mkdir(parents=True, exist_ok=True)
    kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {"results": {}}
    for name in options.job or JOBS:
        found = run(name, options)
        kept["results"][name] = found
        print(f"{name}: valid {found['valid']['perplexity']:.2f}, test {found['test']['perplexity']:.2f}", flush=True)
        write_json(options.out, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
