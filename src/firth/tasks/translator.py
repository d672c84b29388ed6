"""A translator: an encoder-decoder with attention, from pairs of texts, or of vectors and texts, to new texts.

Sutskever, Vinyals and Le 2014; Cho et al. 2014; Bahdanau, Cho and Bengio 2015; Luong, Pham and Manning 2015.
``docs/translation.md`` teaches it. The net is in :mod:`firth.seq2seq`: nothing here needs torch before training begins.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firth.config import option
from firth.errors import ConfigError
from firth.events import Listener
from firth.nn.schedule import Schooling
from firth.text.tokenize import TOKENIZERS

if TYPE_CHECKING:
    from firth.tasks.translator_model import TranslatorModel
    from firth.vectors.static import Vectors

__all__ = ["Trained", "Translator", "train"]


@dataclasses.dataclass(frozen=True)
class Translator(Schooling):
    """Options of a translator.

    Examples
    --------
    >>> Translator(attention="additive", feeding="context").cell
    'lstm'
    """

    cell: str = option("lstm", "kind of the layers of both nets", choices=("lstm", "gru"))
    dim: int = option(256, "length of the vectors of pieces", minimum=1, maximum=100_000)
    hidden: int = option(512, "length of a state of either net", minimum=2, maximum=100_000)
    layers: int = option(1, "layers of the encoder", minimum=1, maximum=100)
    decoder_layers: int = option(2, "layers of the decoder", minimum=1, maximum=100)
    bidirectional: bool = option(True, "read the source from both ends, each with half of the state")
    attention: str = option(
        "general", "how sources are scored; none: the decoder has one vector of each source",
        choices=("general", "dot", "location", "additive", "none"),
    )  # fmt: skip
    place: str = option(
        "each", "the decoder's layers that look for sources (feeding none or input)", choices=("bottom", "top", "each")
    )
    feeding: str = option(
        "none", "what enters beside a word: nothing, the readout before, or the context that the state before finds",
        choices=("none", "input", "context"),
    )  # fmt: skip
    tie: str = option(
        "all", "one matrix for target vectors and softmax; all: for the source too, where pieces are joint",
        choices=("all", "output", "none"),
    )  # fmt: skip
    units: str = option("bpe", "what a text is made of", choices=("bpe", "words"))
    subwords: int = option(8000, "pieces of BPE, of each side where they are not joint", minimum=1, maximum=1 << 24)
    joint: bool = option(True, "one set of pieces for both sides (BPE)")
    piece_dropout: float = option(
        0.0, "chance that a merge of BPE is passed over in training, anew each epoch", minimum=0, maximum=0.99
    )
    lower: bool = option(False, "lower-case both sides")
    tokenizer: str = option("whitespace", "how a source becomes words (units words)", choices=TOKENIZERS)
    target_tokenizer: str = option("whitespace", "how a target becomes words (units words)", choices=TOKENIZERS)
    min_count: int = option(2, "rarer words are <unk> (units words)", minimum=1)
    max_vocab: int = option(50_000, "most words of each side (units words)", minimum=1, maximum=1 << 24)
    max_length: int = option(250, "pairs with a longer side, in pieces, are left out", minimum=1, maximum=100_000)
    dropout: float = option(0.3, "share left out of every layer's input", minimum=0, maximum=0.99)
    word_dropout: float = option(0.0, "pieces whose vectors are left out in training", minimum=0, maximum=0.99)
    smoothing: float = option(0.1, "share of the target that all pieces get evenly", minimum=0, maximum=0.99)
    teacher: str = option(
        "constant", "how the chance falls that a step is given the true word before it, and not one of the net's",
        choices=("constant", "linear", "sigmoid"),
    )  # fmt: skip
    teacher_least: float = option(1.0, "the chance at the end of that fall, or the constant", minimum=0, maximum=1)
    teacher_epochs: float = option(10.0, "epochs of that fall", minimum=1e-6, maximum=1e6)
    average: float = option(
        0.0, "the model is a running mean of the parameters, which keeps so much of itself at a step; 0: no mean",
        minimum=0, maximum=0.999999,
    )  # fmt: skip
    batch: int = option(
        2000, "pieces of the longer side trained together, filler with them", minimum=1, maximum=1 << 24
    )
    epochs: int = option(20, "passes over the pairs", minimum=1, maximum=1_000_000)
    rate: float = option(1e-3, "learning rate at its highest", minimum=0, maximum=1000)
    warmup: float = option(0.05, "share of training in which the rate rises to its highest", minimum=0, maximum=1)
    clip: float = option(1.0, "longest gradient, in its 2-norm; 0 is no limit", minimum=0)
    seed: int = option(1, "of every random choice", minimum=0, maximum=2**63 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bidirectional and self.hidden % 2:
            raise ConfigError("hidden is odd", got=self.hidden, expected="an even number: each direction has half")
        if self.piece_dropout and self.units != "bpe":
            raise ConfigError("piece_dropout goes with BPE", got=f"units {self.units}", expected="units bpe")
        if self.teacher != "constant" and self.teacher_least == 1.0:
            raise ConfigError("teacher has nothing to fall to", got="teacher_least 1", expected="less, such as 0.5")

    def teacher_at(self, epochs: float) -> float:
        """Return the chance of the true word when so many epochs are done (Bengio et al. 2015, section 2.4).

        It falls from 1 to ``teacher_least`` on a line, or as k / (k + exp(i / k)) does, which is laid so that half of
        the fall is behind at half of ``teacher_epochs`` and nearly all at their end.

        Examples
        --------
        >>> falling = Translator(teacher="linear", teacher_least=0.5, teacher_epochs=10)
        >>> [falling.teacher_at(epochs) for epochs in (0, 5, 10, 99)]
        [1.0, 0.75, 0.5, 0.5]
        """
        least = self.teacher_least
        done = min(epochs / self.teacher_epochs, 1.0)
        if self.teacher == "constant":
            return least
        if self.teacher == "linear":
            return 1.0 - (1.0 - least) * done
        fallen = 1.0 / (1.0 + math.exp(-12.0 * (done - 0.5)))
        return 1.0 - (1.0 - least) * fallen


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    model : TranslatorModel
    config : Translator
    losses : tuple of float
        Mean of minus the log probability of a target piece in each epoch, with dropout, without smoothing.
    heldout : tuple of float or None
        The same of the held-out pairs after each epoch, without dropout.
    seconds : float
        Time of training, in all runs of the job.
    """

    model: TranslatorModel
    config: Translator
    losses: tuple[float, ...]
    heldout: tuple[float | None, ...]
    seconds: float


def train(
    data: Any,
    config: Translator | None = None,
    *,
    vectors: Vectors | None = None,
    heldout: Any = None,
    threads: int | None = None,
    listen: Listener | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    device: str | None = None,
) -> Trained:
    """Train a translator.

    Parameters
    ----------
    data : iterable of (source, target)
        Texts, as :mod:`firth.tasks.translator_data` reads them from files. A source may also be given as numbers: a
        vector, or a matrix of features with one row a place, which attention looks at.
    config : Translator, optional
    vectors : Vectors, optional
        Sources are words then, a vector each.
    heldout : like ``data``, optional
        The parameters that find its targets likeliest are kept.
    threads : int, optional
        Of torch; all processors by default.
    listen : callable, optional
        Gets the events of :mod:`firth.events`.
    checkpoint : path-like, optional
        Folder that keeps the state of training, about once a minute and on Ctrl-C.
    resume : bool
        Go on from ``checkpoint``, to the same bytes as an unbroken run. Where there is none yet, begin.
    minutes : float, optional
        Plan the training for this much time, in the place of epochs.
    device : str, optional
        A GPU where there is one.

    Raises
    ------
    ConfigError, DataError, FormatError
        When an option or a pair is unfit.
    MissingExtraError
        When torch or tokenizers are not installed.

    Examples
    --------
    >>> pairs = [("ein Hund", "a dog"), ("ein Mann", "a man"), ("der Hund", "the dog")] * 8
    >>> small = Translator(units="words", dim=16, hidden=16, epochs=40, batch=40, rate=0.03, dropout=0.0)
    >>> train(pairs, small, threads=1).model.translate(["der Hund"])[0].text
    'the dog'
    """
    from firth.nn.extra import need_torch

    need_torch("the translator")
    from firth.tasks import translator_training

    return translator_training.train(
        data, config or Translator(), vectors, heldout=heldout, threads=threads, listen=listen, checkpoint=checkpoint,
        resume=resume, minutes=minutes, device=device,
    )  # fmt: skip
