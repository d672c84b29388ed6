"""Time a biLM beside a plain one: embedding at equal batch, one sentence alone, a training step; writes JSON.

python benchmarks/elmo_speed.py --text ptb/valid.txt --threads 2 --out benchmarks/results/elmo-speed.json
python benchmarks/elmo_speed.py --table benchmarks/results/elmo-speed.json

The plain one has the same weights and is written as the published PyTorch program works: convolutions over the
characters of every token, a cell that takes one step of one direction of one layer at a time, autograd. Both are given
the same batches, longer sentences before shorter ones. They run by turns, and the best of all turns counts. Weights are
random: how fast they are does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from firth.contextual.bilm import BiLM, active_of, reversal
from firth.contextual.shape import CharacterShape, Shape
from firth.contextual.spelling import Spelling
from firth.contextual.token_layer import CharacterLayer
from firth.nn.lstmp import ProjectedLSTM, State
from firth.nn.softmax import SampledSoftmax, inclusion

sys.path.insert(0, str(Path(__file__).parent))
from record import describe_run, write_json
from tables import grid, update_page

SHAPES = {"small": (1024, 128, 1), "medium": (2048, 256, 1), "original": (4096, 512, 2)}  # cells, projection, highways
VOCABULARY, SAMPLES, STEPS = 50_000, 2048, 20


# ---------------------------------------------------------------- the plain biLM
def plain_tokens(layer: CharacterLayer, rows: Tensor) -> Tensor:
    """Return vectors of tokens, (n, projection), by convolutions over all characters of a row."""
    x = layer.embedding[rows].transpose(1, 2)
    found = torch.cat([each(x).max(2).values for each in layer.filters], 1).relu()
    for highway in layer.highways:
        new, gate = functional.linear(found, highway.weight, highway.bias).chunk(2, 1)
        gate = gate.sigmoid()
        found = gate * new.relu() + (1 - gate) * found
    return layer.projection(found)


def plain_cell(layer: ProjectedLSTM, x: Tensor, state: State, active: list[int]) -> Tensor:
    """Return outputs of one layer, one step after the other, of the sentences that go on."""
    h, c = state
    outputs = x.new_zeros(*x.shape[:2], layer.projection)
    for t, n in enumerate(active):
        sums = functional.linear(x[t, :n], layer.weight_ih) + functional.linear(h[:n], layer.weight_hh, layer.bias)
        i, f, g, o = sums.chunk(4, 1)
        cells = (torch.sigmoid(i) * torch.tanh(g) + torch.sigmoid(f) * c[:n]).clamp(-layer.cell_clip, layer.cell_clip)
        out = functional.linear(torch.sigmoid(o) * torch.tanh(cells), layer.weight_hr)
        h, c = out.clamp(-layer.projection_clip, layer.projection_clip), cells
        outputs[t, :n] = h
    return outputs


def plain_bilm(net: BiLM, tokens: Tensor, lengths: list[int]) -> Tensor:
    """Return what :meth:`BiLM.forward` does."""
    active, found = active_of(lengths), []
    turn = reversal(lengths)[:, :, None]
    for layers, turned in ((net.forward_layers, False), (net.backward_layers, True)):
        x = tokens.gather(0, turn.expand_as(tokens)) if turned else tokens
        outputs = []
        for place, layer in enumerate(layers):
            y = plain_cell(layer, x, layer.start(x.shape[1]), active)
            x = y + x if place else y
            outputs.append(x.gather(0, turn.expand_as(x)) if turned else x)
        found.append(outputs)
    return torch.stack([torch.cat([tokens, tokens], 2), *(torch.cat(pair, 2) for pair in zip(*found, strict=True))])


# ---------------------------------------------------------------- both on sentences
class Batch:
    """Sentences side by side, longer ones first; rows of characters of all tokens, (n_steps, batch, longest)."""

    def __init__(self, sentences: Sequence[Sequence[str]], spelling: Spelling) -> None:
        ordered = sorted(sentences, key=len, reverse=True)
        self.lengths = [len(sentence) + 2 for sentence in ordered]
        begin, end = spelling.boundaries()
        rows = np.zeros((self.lengths[0], len(ordered), spelling.longest), np.int64)
        for place, sentence in enumerate(ordered):
            rows[: len(sentence) + 2, place] = [begin, *spelling.rows(list(sentence)), end]
        self.rows = torch.from_numpy(rows)
        self.n_tokens = sum(self.lengths) - 2 * len(ordered)


def ours(net: BiLM, batch: Batch) -> Tensor:
    """Return all layers; the token layer runs once for every type among the tokens."""
    flat = batch.rows.flatten(0, 1).numpy()
    _, first, back = np.unique(
        np.ascontiguousarray(flat).view(f"V{flat.shape[1] * 8}"), return_index=True, return_inverse=True
    )
    vectors = net.tokens(torch.from_numpy(flat[first]))
    return net(functional.embedding(torch.from_numpy(back.reshape(batch.rows.shape[:2])), vectors), batch.lengths)[0]


def plain(net: BiLM, batch: Batch) -> Tensor:
    """Return all layers, by the plain biLM."""
    n_steps, size, _ = batch.rows.shape
    return plain_bilm(net, plain_tokens(net.tokens, batch.rows.flatten(0, 1)).view(n_steps, size, -1), batch.lengths)


def losses(net: BiLM, batch: Batch, embed: Callable[[BiLM, Batch], Tensor]) -> None:
    """Take a training step's forward and backward pass: both directions with the sampled softmax."""
    net.zero_grad(set_to_none=True)
    top = embed(net, batch)[-1]
    n = net.shape.projection
    targets = torch.randint(VOCABULARY, (top.shape[0] - 1, top.shape[1]))
    loss = net.softmax.loss(top[:-1, :, :n].flatten(0, 1), targets.flatten())
    (loss + net.softmax.loss(top[1:, :, n:].flatten(0, 1), targets.flatten())).backward()


def both(net: BiLM, batch: Batch, *, training: bool = False) -> dict[str, Callable[[], Any]]:
    """Return the two jobs that are compared."""
    if training:
        return {"ours": lambda: losses(net, batch, ours), "plain": lambda: losses(net, batch, plain)}
    return {"ours": lambda: ours(net, batch), "plain": lambda: plain(net, batch)}


def by_turns(jobs: dict[str, Callable[[], Any]], turns: int) -> dict[str, float]:
    """Return the best seconds of each job."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(turns + 1):  # the first turn warms up
        for name, job in jobs.items():
            began = time.perf_counter()
            job()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Return tokens per second and milliseconds."""
    cells, projection, highways = SHAPES[options.shape]
    softmax = SampledSoftmax(projection, VOCABULARY, inclusion(1 / np.arange(1, VOCABULARY + 1), SAMPLES))
    net = BiLM(Shape(CharacterShape(n_highway=highways), cells, projection), softmax)
    net.reset(torch.Generator().manual_seed(1))
    spelling = Spelling.bytes(50)
    lines = (line.split() for line in options.text.read_text(encoding="utf-8").splitlines())
    sentences = [line for line in lines if 5 <= len(line) <= 40]
    found: dict[str, Any] = {"embedding": {}, "training": {}}
    with torch.no_grad():
        for size in options.batch:
            batch = Batch(sentences[:size], spelling)
            error = float((ours(net, batch) - plain(net, batch))[:, : batch.lengths[-1]].abs().max())
            best = by_turns(both(net, batch), options.turns)
            found["embedding"][str(size)] = {
                "largest_difference": error,
                **{f"{name}_tokens_per_second": round(batch.n_tokens / s, 1) for name, s in best.items()},
            }
        one = Batch([next(line for line in sentences if len(line) == 23)], spelling)
        best = by_turns(both(net, one), 4 * options.turns)
        found["sentence_of_23_ms"] = {name: round(1000 * seconds, 2) for name, seconds in best.items()}
    words = [word for sentence in sentences for word in sentence]
    for size in options.batch:
        if size == 1:
            continue
        stream = Batch([words[STEPS * i : STEPS * (i + 1)] for i in range(size)], spelling)
        best = by_turns(both(net, stream, training=True), max(1, options.turns // 2))
        found["training"][str(size)] = {
            f"{name}_tokens_per_second": round(stream.n_tokens / seconds, 1) for name, seconds in best.items()
        }
    return found


def table(result: dict[str, Any]) -> str:
    """Return tokens per second of both, and how many times faster ours is."""
    rows = []
    for kind in ("embedding", "training"):
        for size, found in result["results"][kind].items():
            ours_rate, plain_rate = found["ours_tokens_per_second"], found["plain_tokens_per_second"]
            rows.append(
                [f"{kind}, batch {size}", f"{ours_rate:,.0f}", f"{plain_rate:,.0f}", f"{ours_rate / plain_rate:.1f}"]
            )
    alone = result["results"]["sentence_of_23_ms"]
    note = (
        f"One sentence of 23 tokens: {alone['ours']:.1f} ms, plain {alone['plain']:.1f} ms. `{result['shape']}`,"
        f" {result['threads']} threads. {result['machine']['cpu']}, {result['machine']['cores']} cores."
        f" Firth {result['commit']}, torch {result['versions']['torch']}, {result['date'][:10]}."
    )
    return f"{grid(['tokens/s', 'Firth', 'plain cell', 'times'], rows)}\n\n{note}"


def main() -> int:
    """Measure, or show a kept result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, help="sentences, one a line, words apart")
    parser.add_argument("--shape", choices=list(SHAPES), default="small")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16, 32, 64])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the table of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write it into a page")
    options = parser.parse_args()
    if options.table:
        shown = table(json.loads(options.table.read_text(encoding="utf-8")))
        update_page(options.into, "elmo-speed", shown) if options.into else print(shown)
        return 0
    if not options.text or not options.out:
        parser.error("give --text and --out, or --table")
    torch.set_num_threads(options.threads)
    run = describe_run(options.text, {})
    run["versions"]["torch"] = torch.__version__
    result = {
        **run,
        "shape": options.shape,
        "threads": options.threads,
        "turns": options.turns,
        "results": measured(options),
    }
    write_json(options.out, result)
    print(table(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
