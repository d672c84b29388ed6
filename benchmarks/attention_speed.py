"""Time a training step of an LSTM and of a causal Transformer, a word, against how many words are read together; JSON.

python benchmarks/attention_speed.py --threads 2 --out benchmarks/results/attention-speed.json
python benchmarks/attention_speed.py --table benchmarks/results/attention-speed.json --into docs/transformer.md

Both have about as many weights in their layers, read random words and have the same output layer, which is left out of
the time. A batch has ``--words`` words in all, so that longer stretches stand in fewer places. The best of all turns
counts; the two take turns.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from firth.lm.rnn_module import RecurrentNet
from firth.lm.rnn_module import Shape as RecurrentShape
from firth.lm.transformer_module import Shape, TransformerNet

sys.path.insert(0, str(Path(__file__).parent))
from record import describe_run, write_json
from tables import grid, show_table

LENGTHS = (16, 32, 64, 128, 256, 512, 1024, 2048)
VOCABULARY = 100


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=4096)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, metavar="RESULT", help="print the table of a kept result")
    parser.add_argument("--into", type=Path, metavar="PAGE", help="with --table: write it into a page")
    return parser.parse_args()


def nets(dim: int, device: str) -> dict[str, nn.Module]:
    """Return both nets, of 3 LSTMs and of 2 blocks: 24 and 24 times dim squared weights."""
    recurrent = RecurrentNet(RecurrentShape("lstm", "tanh", VOCABULARY, dim, dim, 3, True))
    transformer = TransformerNet(
        Shape(VOCABULARY, dim, 4, 4 * dim, 2, "gelu", "pre", True, "rotary", max(LENGTHS), True)
    )
    made: dict[str, nn.Module] = {"LSTM": recurrent, "Transformer": transformer}
    for net in made.values():
        net.reset(torch.Generator().manual_seed(1))  # type: ignore[operator]
        net.to(device).train()
    return made


def step(net: Any, tokens: Tensor) -> Callable[[], None]:
    """Return what reads a batch forth and back."""

    def run() -> None:
        net.zero_grad(set_to_none=True)
        hidden, _, _ = net(tokens, net.start(tokens.shape[1]))
        hidden.square().mean().backward()
        if tokens.is_cuda:
            torch.cuda.synchronize()

    return run


def measured(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return microseconds a word, by length and net."""
    made, found = nets(options.dim, options.device), []
    for length in LENGTHS:
        tokens = torch.randint(VOCABULARY, (length, max(1, options.words // length)), device=options.device)
        steps = {name: step(net, tokens) for name, net in made.items()}
        best = dict.fromkeys(steps, float("inf"))
        for turn in range(options.turns + 1):  # the first warms up
            for name, run in steps.items():
                began = time.perf_counter()
                run()
                taken = time.perf_counter() - began
                best[name] = min(best[name], taken) if turn else best[name]
        found.append({"length": length, **{name: 1e6 * best[name] / tokens.numel() for name in steps}})
        print(found[-1], flush=True)
    return found


def table(result: dict[str, Any]) -> str:
    """Return the table of a kept result."""
    rows = [
        [f"{line['length']:,}", f"{line['LSTM']:.1f}", f"{line['Transformer']:.1f}",
         f"{line['LSTM'] / line['Transformer']:.2f}"]
        for line in result["lines"]
    ]  # fmt: skip
    head = ["words read together", "LSTM, µs a word", "Transformer, µs a word", "LSTM / Transformer"]
    machine = result["run"]["machine"]
    return (
        f"{grid(head, rows)}\n\nA training step without its output layer; 3 LSTMs and 2 blocks of {result['dim']}, as"
        f" many weights; {result['words']:,} words a step, best of {result['turns']} turns; {machine['cpu']},"
        f" {result['threads']} threads, {result['device']}. `{result['command']}`."
    )


def main() -> None:
    """Measure, or print a table."""
    options = arguments()
    if options.table is not None:
        show_table(options.table, options.into, "attention_speed", table)
        return
    torch.set_num_threads(options.threads)
    result = {
        "run": describe_run(Path(__file__), {}), "words": options.words, "dim": options.dim, "turns": options.turns,
        "threads": options.threads, "device": options.device,
        "command": f"python benchmarks/attention_speed.py --threads {options.threads}", "lines": measured(options),
    }  # fmt: skip
    if options.out is not None:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
