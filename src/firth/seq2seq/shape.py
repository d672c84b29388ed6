"""What an encoder-decoder is made of. No torch here: a model's folder is checked against this before a net is made."""

from __future__ import annotations

import dataclasses

__all__ = ["ATTENTIONS", "BOS", "CELLS", "EOS", "FEEDINGS", "MARKS", "PAD", "PLACES", "TIES", "UNK", "Shape"]

MARKS = ("<pad>", "<unk>", "<bos>", "<eos>")  # the first ids of every vocabulary
PAD, UNK, BOS, EOS = range(len(MARKS))

CELLS = ("gru", "lstm")
ATTENTIONS = ("general", "dot", "location", "additive", "none")
FEEDINGS = ("none", "input", "context")
PLACES = ("bottom", "top", "each")
TIES = ("none", "output", "all")


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes and choices.

    Attributes
    ----------
    n_source : int
        Ids of the source; 0 where rows of numbers are read.
    n_target : int
        Ids of the target.
    rows : int
        Length of the rows that are read in the place of ids; 0 where ids are.
    cell : {"gru", "lstm"}
    dim : int
        Length of the vectors of ids, and of what the softmax reads.
    hidden : int
        Length of a state of the encoder, both directions side by side, and of the decoder.
    layers, decoder_layers : int
    bidirectional : bool
    attention : {"general", "dot", "location", "additive", "none"}
    place : {"bottom", "top", "each"}
        Which layer of the decoder looks for sources.
    feeding : {"none", "input", "context"}
        What enters the decoder beside a word: nothing; the readout before (Luong et al. 2015); the sources that the
        state before looks for (Bahdanau et al. 2015).
    tie : {"none", "output", "all"}
        Which matrices are one: target vectors and the softmax's; those of the source too.
    positions : int
        How far ``location`` sees.
    """

    n_source: int
    n_target: int
    rows: int = 0
    cell: str = "lstm"
    dim: int = 256
    hidden: int = 512
    layers: int = 1
    decoder_layers: int = 2
    bidirectional: bool = True
    attention: str = "general"
    place: str = "each"
    feeding: str = "none"
    tie: str = "none"
    positions: int = 0

    @property
    def attending(self) -> tuple[int, ...]:
        """The decoder's layers whose states look for sources.

        Examples
        --------
        >>> Shape(5, 5, decoder_layers=3, place="each").attending, Shape(5, 5, attention="none").attending
        ((0, 1, 2), ())
        """
        if self.attention == "none":
            return ()
        last = self.decoder_layers - 1
        if self.feeding == "context":
            return (last,)
        return {"bottom": (0,), "top": (last,), "each": tuple(range(last + 1))}[self.place]

    @property
    def n_parts(self) -> int:
        """Parts of a state: the LSTM has a cell too."""
        return 2 if self.cell == "lstm" else 1
