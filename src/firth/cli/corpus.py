"""``firth corpus``: read a text once, for every later training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from firth.cli.display import listening
from firth.cli.options import JsonFlag, Texts
from firth.cli.output import print_json
from firth.cli.target import check_target, make_parents
from firth.cli.texts import TextOptions, read_corpus
from firth.errors import ConfigError

__all__ = ["corpus"]


def corpus(
    texts: Texts,
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder to write the corpus to.")],
    text: Annotated[TextOptions, Parameter(name="*")] = TextOptions(),  # noqa: B008
    phrases: Annotated[
        int, Parameter(help="Join phrases such as new_york, in so many passes (n passes give up to 2^n words).")
    ] = 0,
    phrase_threshold: Annotated[float, Parameter(help="Score above which a pair is a phrase.")] = 100.0,
    threads: Annotated[int | None, Parameter(help="Number of threads; all cores by default.")] = None,
    overwrite: Annotated[bool, Parameter(negative="", help="Replace what stands at --out.")] = False,
    quiet: Annotated[bool, Parameter(negative="", help="Show nothing but errors.")] = False,
    json: JsonFlag = False,
) -> None:
    """Tokenise and count a text once, into a corpus that every trainer reads."""
    if phrases < 0:
        raise ConfigError("--phrases is too small", got=phrases, expected="at least 0")
    check_target(out, overwrite=overwrite, sources=texts)
    make_parents(out)
    with listening(quiet=quiet) as listen:
        if phrases:
            from firth.text.phrases import Phrases, find_phrases

            plain = read_corpus(texts, text, threads=threads, listen=listen)
            joining = Phrases(passes=phrases, threshold=phrase_threshold)
            made = find_phrases(plain, joining, out=out, threads=threads, listen=listen)
        else:
            made = read_corpus(texts, text, out=out, threads=threads, listen=listen)
    facts = {
        "path": str(out),
        "words": made.n_tokens,
        "sentences": made.n_sentences,
        "types": len(made.vocab),
        "invalid": made.n_invalid,
        "digest": made.digest,
    }
    if json:
        print_json(facts)
    elif not quiet:
        print(f"{made.n_tokens:,} words, {len(made.vocab):,} different ones, in {made.n_sentences:,} sentences: {out}")
