"""KenLM's files: a model that lmplz made of a made-up text, one that lacks n-grams, and what query says of sentences.

``KENLM`` names the folder of the programs (https://github.com/kpu/kenlm, commit in ``versions.json``).
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from pathlib import Path

ORDER = 4


def make_kenlm(folder: Path) -> None:
    """Estimate, thin out, and record the scores."""
    programs = Path(os.environ["KENLM"])
    sentences = made_up(170)
    asked = [*sentences[150:], "zebra sees the unicorn", "", "the the the", "cat", "the big big cat and"]
    text = "\n".join(sentences[:150]) + "\n"
    whole = folder / "lmplz.arpa"
    command = [programs / "lmplz", "-o", str(ORDER), "--discount_fallback", "--arpa", whole]
    subprocess.run(command, input=text.encode(), check=True, stderr=subprocess.DEVNULL)
    thin = folder / "thin.arpa"
    thin.write_text(without_suffixes(whole.read_text()))
    answers = {path.name: scores(programs / "query", path, asked) for path in (whole, thin)}
    (folder / "text.txt").write_text(text)
    (folder / "queries.json").write_text(
        json.dumps({"sentences": asked, **answers}, ensure_ascii=False, indent=0) + "\n"
    )
    commit = subprocess.run(["git", "-C", programs, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    (folder / "versions.json").write_text(json.dumps({"kenlm": commit.stdout.strip()}) + "\n")


def made_up(n: int) -> list[str]:
    """Return sentences of a small grammar."""
    draw = random.Random(4)

    def thing() -> list[str]:
        size = [draw.choice(["big", "small", "old"])] if draw.random() < 0.5 else []
        return [draw.choice(["the", "a"]), *size, draw.choice(["cat", "dog", "fish", "bird", "水", "café"])]

    def act() -> list[str]:
        return [draw.choice(["sees", "eats", "chases"]), *thing()]

    return [" ".join([*thing(), *act(), *(["and", *act()] if draw.random() < 0.4 else [])]) for _ in range(n)]


def without_suffixes(text: str) -> str:
    """Drop some n-grams that no longer one begins with, as SRILM's pruning does; longer ones may end with them."""
    draw = random.Random(3)
    sections = {int(k): rows.split("\n") for k, rows in re.findall(r"\\(\d)-grams:\n(.*?)\n\n", text, re.DOTALL)}
    for size in range(ORDER - 1, 1, -1):
        begun = {row.split("\t")[1].rpartition(" ")[0] for row in sections[size + 1]}
        sections[size] = [row for row in sections[size] if row.split("\t")[1] in begun or draw.random() < 0.6]
    counts = "".join(f"ngram {size}={len(rows)}\n" for size, rows in sections.items())
    return (
        f"\\data\\\n{counts}"
        + "".join(f"\n\\{k}-grams:\n" + "\n".join(v) + "\n" for k, v in sections.items())
        + "\n\\end\\\n"
    )


def scores(query: Path, model: Path, sentences: list[str]) -> list[list[tuple[int, float]]]:
    """Return length of the n-gram found and log probability (base 10) of each word and sentence end."""
    text = "".join(sentence + "\n" for sentence in sentences)
    ran = subprocess.run([query, "-v", "word", model], input=text.encode(), capture_output=True, check=True)
    found = re.findall(r"=\d+ (\d+) (\S+)", ran.stdout.decode())
    answers, at = [], 0
    for sentence in sentences:
        end = at + len(sentence.split()) + 1
        answers.append([(int(length), float(log_prob)) for length, log_prob in found[at:end]])
        at = end
    assert at == len(found)
    return answers
