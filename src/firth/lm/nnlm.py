"""The NNLM: Bengio, Ducharme, Vincent and Jauvin 2003, "A Neural Probabilistic Language Model".

A word is predicted from the vectors of the few words before it (section 2, equation 1):
y = b + W x + U tanh(d + H x). ``docs/nnlm.md`` teaches the model and derives its gradients;
:mod:`firth.lm.nnlm_module` is the net. Torch is imported where it is needed, so that the options can be read without.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from firth.config import option, to_dict
from firth.errors import ConfigError, DataError
from firth.events import Listener
from firth.lm.base import BaseLanguageModel
from firth.lm.contexts import contexts_at, places_in_sentence
from firth.lm.lexicon import Lexicon, cut_lexicon
from firth.nn.extra import need_torch
from firth.nn.schedule import Plan, Schooling
from firth.protocols import Float64, Int32
from firth.text.corpus import as_corpus, as_corpus_like
from firth.vectors.static import Vectors

if TYPE_CHECKING:
    from firth.lm.nnlm_module import NNLMModule

__all__ = ["NNLM", "NNLMModel", "Trained", "module_of", "train"]

_LOGITS = 1 << 22  # held together when scoring


@dataclasses.dataclass(frozen=True)
class NNLM(Schooling):
    """Options of the NNLM.

    Examples
    --------
    >>> NNLM(context=3, direct=True).hidden
    200
    """

    context: int = option(5, "previous words that the next one is predicted from", minimum=1, maximum=1000)
    dim: int = option(200, "length of the words' vectors", minimum=1, maximum=100_000)
    hidden: int = option(200, "length of the hidden layer", minimum=1, maximum=100_000)
    direct: bool = option(False, "connect the vectors to the output directly too (W)")
    tie: bool = option(False, "one vector per word for being read and being predicted; needs hidden = dim")
    input: str = option("embedding", "learn vectors, or have words all unlike", choices=("embedding", "onehot"))
    dropout: float = option(0.2, "chance of an input to the net to be left out in training", minimum=0, maximum=0.99)
    hidden_dropout: float = option(0.2, "the same of the hidden layer", minimum=0, maximum=0.99)
    batch: int = option(512, "predictions trained together", minimum=1, maximum=1 << 24)
    min_count: int = option(1, "take words that occur less often for <unk>", minimum=1)
    max_vocab: int | None = option(None, "keep at most so many words, the most frequent", minimum=1)
    rate: float = option(2e-3, "learning rate at its highest", minimum=0, maximum=1000)
    warmup: float = option(0.01, "share of training in which the rate rises to its highest", minimum=0, maximum=1)
    epochs: int = option(6, "passes over the text", minimum=1, maximum=1_000_000)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tie and (self.hidden != self.dim or self.input != "embedding"):
            raise ConfigError(
                "tie needs an embedding as long as the hidden layer",
                got=f"input {self.input}, dim {self.dim}, hidden {self.hidden}",
            )


class NNLMModel(BaseLanguageModel):
    """A trained NNLM. Its state is the last words' ids, ``<bos>`` where the sentence has none.

    Parameters
    ----------
    lexicon : Lexicon
    module : NNLMModule
    metadata : mapping, optional
    """

    def __init__(self, lexicon: Lexicon, module: NNLMModule, metadata: Mapping[str, Any] | None = None) -> None:
        super().__init__(lexicon, metadata)
        self.module = module.eval()

    @property
    def dim(self) -> int | None:
        """Length of the words' vectors; None with a one-hot input."""
        return None if self.module.C is None else self.module.C.embedding_dim

    def start(self) -> Int32:
        """Return a context of nothing but ``<bos>``, shape (context,)."""
        return np.full(self.module.context, self.lexicon.bos, np.int32)

    def score(self, ids: Int32, state: Int32) -> tuple[Float64, Int32]:
        """Return the natural log probability of each id, and the context after the last; see the base class."""
        n = self.module.context
        text = np.concatenate([np.asarray(state, np.int32), ids, np.zeros(1, np.int32)])  # 0: what would come next
        places = places_in_sentence(text, self.lexicon.eos, n)
        scores = self._score(text, places, np.arange(n, n + len(ids)))
        last = contexts_at(text, places, np.array([len(text) - 1]), n, self.lexicon.bos)[0]
        return scores, last.astype(np.int32)

    def score_apart(self, sentences: Sequence[Int32]) -> list[Float64]:
        """Score each run of ids from the start, all of them together."""
        if not sentences:
            return []
        lengths = np.array([len(ids) for ids in sentences])
        ends = np.cumsum(lengths)
        text = np.concatenate([*sentences, np.zeros(0, np.int32)]).astype(np.int32)
        begins = (ends - lengths)[lengths > 0].tolist()
        places = places_in_sentence(text, self.lexicon.eos, self.module.context, begins)
        return np.split(self._score(text, places, np.arange(len(text))), ends[:-1])

    def next_log_probs(self, state: Int32) -> Float64:
        """Return the natural log probability of each possible next id, shape ``(n_outputs,)``."""
        import torch

        with torch.inference_mode():
            logits = self.module(self._tensor(np.asarray(state, np.int64)[None]))[0].double()
            found: Float64 = torch.log_softmax(logits, 0).cpu().numpy()
        return found

    def _score(self, text: Int32, places: NDArray[np.int16], rows: NDArray[np.int64]) -> Float64:
        import torch

        found = np.zeros(len(rows))
        size = max(1, _LOGITS // self.lexicon.n_outputs)
        with torch.inference_mode():
            for first in range(0, len(rows), size):
                some = rows[first : first + size]
                context = contexts_at(text, places, some, self.module.context, self.lexicon.bos)
                logits = self.module(self._tensor(context))
                targets = self._tensor(text[some].astype(np.int64))
                scores = logits.gather(1, targets[:, None])[:, 0].double() - torch.logsumexp(logits, 1).double()
                found[first : first + size] = scores.cpu().numpy()
        return found

    def _tensor(self, array: NDArray[np.int64]) -> Any:
        import torch

        return torch.from_numpy(array).to(self.module.b.device)

    @property
    def vectors(self) -> Vectors:
        """The vectors C(w) of the words, without those of ``<eos>`` and ``<bos>``.

        Raises
        ------
        DataError
            When the input is one-hot: such a net has none.
        """
        if self.module.C is None:
            raise DataError("a net with one-hot input has no word vectors", remedy="train with --input embedding")
        kept = [i for i in range(len(self.lexicon)) if i not in (self.lexicon.eos, self.lexicon.bos)]
        matrix = self.module.C.weight.detach().cpu().numpy()[kept]
        words = [self.vocab.words[i] for i in kept]
        return Vectors(words, matrix, counts=self.vocab.counts[kept], metadata=self.metadata)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : NNLMModel
    config : NNLM
    losses : tuple of float
        Mean loss of a prediction in each epoch, in nats.
    heldout : tuple of float or None
        The same on the held-out text, after each epoch.
    steps : int
        Updates of the parameters.
    seconds : float
        Time of training, in all runs of it.
    """

    model: NNLMModel
    config: NNLM
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    steps: int
    seconds: float


def train(
    data: Any,
    config: NNLM | None = None,
    *,
    threads: int | None = None,
    listen: Listener | None = None,
    heldout: Any = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    device: str | None = None,
) -> Trained:
    """Train an NNLM on ``data``.

    Parameters
    ----------
    data : Corpus, path, list of paths, or iterable of str or token lists
        The text; what is no corpus is read by :func:`firth.text.corpus.as_corpus` with its defaults.
    config : NNLM, optional
    threads : int, optional
        Threads of torch within the run; torch's own choice by default. Last digits depend on it.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    heldout : like ``data``, optional
        A text that is not trained on. Its mean loss is told after every epoch, and the parameters of the epoch with
        the lowest are kept (``keep_best``).
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``; where there is none yet, begin.
    minutes : float, optional
        Plan the training for this much time, in the place of ``epochs``.
    device : str, optional
        A GPU where there is one by default.

    Raises
    ------
    ConfigError, DataError
        When an option or the text is unfit, a checkpoint is of another job, or the loss is no longer a number.
    MissingExtraError
        When torch is not installed.

    Examples
    --------
    >>> text = ["the cat sat on the mat", "the dog sat on the rug"] * 10
    >>> config = NNLM(context=2, dim=8, hidden=8, dropout=0, hidden_dropout=0, batch=16, rate=0.05)
    >>> made = train(text, config, threads=1)
    >>> [word for word, chance in made.model.next_words(["the", "dog"], k=1)]
    ['sat']
    """
    need_torch("the NNLM")
    from firth.lm.nnlm_examples import Examples, loss_of, mean_loss
    from firth.nn.job import ignore
    from firth.nn.loop import Job, Run, run_job, settled

    config = config or NNLM()
    corpus = as_corpus(data, threads=threads, listen=listen)
    tell = listen or ignore
    lexicon = cut_lexicon(corpus, config.min_count, config.max_vocab, tell)
    other = None if heldout is None else as_corpus_like(heldout, corpus.tokenizer, threads=threads, listen=listen)
    metadata = {
        "model": "nnlm", "options": to_dict(config), "seed": config.seed, "corpus": corpus.digest,
        "tokenizer": corpus.tokenizer,
    }  # fmt: skip
    with settled(device, threads, seed=config.seed, deterministic=config.deterministic) as place:
        examples = Examples(lexicon, corpus, config.context, place)
        held = None if other is None else Examples(lexicon, other, config.context, place)
        module = module_of(lexicon, config).to(place.device)
        module.reset(examples.shares().to(place.device))
        job = Job(
            module=module,
            epoch=lambda number: examples.epoch(number, config.batch, config.seed),
            loss=lambda batch, state: loss_of(module, batch),
            heldout=None if held is None else lambda: mean_loss(module, held),
            words=len(examples.ids),
            facts={name: metadata[name] for name in ("model", "options", "corpus")},
            seed=config.seed,
            perplexity=True,
        )
        run = Run(tell, checkpoint, resume)
        done = run_job(job, Plan.of(config, minutes), run, place)
    return Trained(
        NNLMModel(lexicon, module.cpu(), metadata), config, done.losses, done.heldout, done.steps, done.seconds
    )


def module_of(lexicon: Lexicon, config: NNLM) -> NNLMModule:
    """Return the net that the options describe, its parameters not yet set."""
    from firth.lm.nnlm_module import NNLMModule

    names = ("context", "dim", "hidden", "direct", "tie", "input", "dropout", "hidden_dropout")
    return NNLMModule(len(lexicon), lexicon.n_outputs, **{name: getattr(config, name) for name in names})
