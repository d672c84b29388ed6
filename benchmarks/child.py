"""Train once with Firth or gensim, in this process alone, and print what it took as the last line, in JSON.

Called by the other scripts: ``python child.py '{"trainer": "gensim", "corpus": "corpus.txt", ...}'``.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from jobs import Job, Settings

__all__ = ["TRAINERS"]

TRAINERS = ("firth-deterministic", "firth-racing", "gensim")


def run_firth(corpus: str, job: Job, settings: Settings, deterministic: bool, out: str | None) -> dict[str, Any]:
    """Read ``corpus`` (words between blanks), train, and return the seconds of both; save the vectors to ``out``."""
    import firth
    from firth.text.corpus import as_corpus

    start = time.perf_counter()
    encoded = as_corpus(corpus, tokenizer="whitespace", threads=settings.threads)
    read_s = time.perf_counter() - start
    result: dict[str, Any] = {"read_s": read_s, "words": encoded.n_tokens}
    if not job.dim:
        return result
    from firth.static.fasttext import FastText
    from firth.static.word2vec import Word2Vec

    kind = FastText if job.subwords else Word2Vec
    config = kind(
        architecture=job.architecture,
        loss=job.loss,
        dim=job.dim,
        window=settings.window,
        negative=settings.negative,
        sample=settings.sample,
        min_count=settings.min_count,
        epochs=settings.epochs,
        rate=None if job.architecture == "cbow" else job.rate,  # the mean's true gradient wants a rate of its own
        seed=settings.seed,
        deterministic=deterministic,
    )
    start, cpu = time.perf_counter(), time.process_time()
    trained = firth.train(encoded, config, threads=settings.threads)
    call_s, call_cpu_s = time.perf_counter() - start, time.process_time() - cpu
    if out:
        firth.save(trained.vectors, out)
    result |= {"train_s": trained.seconds, "call_s": call_s, "call_cpu_s": call_cpu_s}
    return result | {"vocabulary": len(trained.vectors)}


def run_gensim(corpus: str, job: Job, settings: Settings, out: str | None) -> dict[str, Any]:
    """Do the same with gensim's ``corpus_file`` path, its fastest."""
    from gensim.models.fasttext import FastText, save_facebook_model
    from gensim.models.word2vec import Word2Vec

    hierarchical = job.loss == "hierarchical"
    kind = FastText if job.subwords else Word2Vec
    model = kind(
        vector_size=job.dim or 100,
        window=settings.window,
        min_count=settings.min_count,
        sample=settings.sample,
        negative=0 if hierarchical else settings.negative,
        hs=int(hierarchical),
        sg=int(job.architecture == "skipgram"),
        alpha=job.rate,
        seed=settings.seed,
        workers=settings.threads,
    )
    start = time.perf_counter()
    if not job.dim:
        model.scan_vocab(corpus_file=corpus)
        return {"read_s": time.perf_counter() - start}
    model.build_vocab(corpus_file=corpus)
    read_s = time.perf_counter() - start
    words = model.corpus_total_words
    start, cpu = time.perf_counter(), time.process_time()
    model.train(corpus_file=corpus, total_examples=model.corpus_count, total_words=words, epochs=settings.epochs)
    call_s, call_cpu_s = time.perf_counter() - start, time.process_time() - cpu
    if out:
        if job.subwords:
            save_facebook_model(model, out)
        else:
            model.wv.save_word2vec_format(out, binary=True)
    result = {"read_s": read_s, "words": words, "train_s": call_s, "call_s": call_s, "call_cpu_s": call_cpu_s}
    return result | {"vocabulary": len(model.wv)}


def main() -> None:
    """Read the task from the command line, do it, print the outcome."""
    task = json.loads(sys.argv[1])
    job, settings = Job(**task["job"]), Settings(**task["settings"])
    if task["trainer"] == "gensim":
        result = run_gensim(task["corpus"], job, settings, task["out"])
    else:
        result = run_firth(task["corpus"], job, settings, task["trainer"] == "firth-deterministic", task["out"])
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
