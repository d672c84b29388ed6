"""What KenLM's lmplz estimates, with discounts of its own, whole and pruned by count.

``KENLM`` names the folder of the programs (https://github.com/kpu/kenlm). The last word of the text occurs once: lmplz
enters the very last n-gram of each order into its statistics with its plain count in the place of its adjusted one,
which changes the discounts unless both are 1.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

MODELS = {"whole.arpa": ["-o", "4"], "pruned.arpa": ["-o", "3", "--prune", "0", "1", "2"]}


def make_lmplz(folder: Path) -> None:
    """Estimate each model of one text."""
    (folder / "text.txt").write_text(made_up())
    for name, options in MODELS.items():
        command = [Path(os.environ["KENLM"]) / "lmplz", *options, "-S", "10%", "--arpa", folder / name]
        subprocess.run(command, stdin=(folder / "text.txt").open(), check=True, stderr=subprocess.DEVNULL)


def made_up() -> str:
    """Return sentences in which a word is drawn by its rank, and goes on to a neighbour as often as not."""
    draw = random.Random(8)
    lines = []
    for _ in range(260):
        words = [_rank(draw)]
        while draw.random() < 0.83:
            words.append(_rank(draw) if draw.random() < 0.5 else (words[-1] * 7 + draw.randrange(3)) % 211)
        lines.append(" ".join(f"w{word}" for word in words))
    return "\n".join([*lines, "w0 w1 last"]) + "\n"


def _rank(draw: random.Random) -> int:
    return min(int(1 / (draw.random() + 1 / 212)), 211)
