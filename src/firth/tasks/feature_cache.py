"""Contextual vectors of a training set, computed once: in memory where they fit, else on disk, else anew each time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from firth.events import Listener, Notice
from firth.protocols import Float32
from firth.tasks.word_features import ContextWords, Source, Steps

__all__ = ["FeatureCache"]

_TOGETHER = 256  # sentences that are encoded at a time


class FeatureCache:
    """The arrays of a source for sentences known by number.

    Only vectors in context are kept: others are looked up as fast as they are read back.

    Parameters
    ----------
    source : Source
    sentences : sequence
        In their order of number.
    room : int
        Bytes of memory; what is larger goes into a file that has no name and ends with the process.
    listen : callable
    """

    def __init__(self, source: Source, sentences: Sequence[Steps], room: int, listen: Listener) -> None:
        self.source, self.sentences = source, sentences
        self._kept: Float32 | None = None
        if not isinstance(source, ContextWords):
            return
        self._layers = max(source.layers, 1)
        self._starts = np.concatenate([[0], np.cumsum([len(sentence) for sentence in sentences])])
        shape = (int(self._starts[-1]), self._layers, source.dim)
        size = 4 * shape[0] * shape[1] * shape[2]
        if size <= room:
            self._kept = np.empty(shape, np.float32)
        elif size < shutil.disk_usage(tempfile.gettempdir()).free // 2:
            listen(Notice(f"vectors in context take {size / 1e9:.1f} GB: they are kept on disk"))
            self._kept = _on_disk(shape)
        else:
            listen(Notice(f"vectors in context would take {size / 1e9:.1f} GB: they are computed anew in each epoch"))
            return
        for begin in range(0, len(sentences), _TOGETHER):
            self._fill(begin, source.arrays(sentences[begin : begin + _TOGETHER]))

    def _fill(self, begin: int, arrays: Sequence[Float32]) -> None:
        assert self._kept is not None  # for the type checker
        for number, array in enumerate(arrays, begin):
            layered = array if self.source.layers else array[None]
            self._kept[self._starts[number] : self._starts[number + 1]] = layered.transpose(1, 0, 2)

    def arrays(self, numbers: Sequence[int]) -> list[Float32]:
        """Return the arrays of some sentences, as :meth:`firth.tasks.word_features.Source.arrays` gives them."""
        if self._kept is None:
            return self.source.arrays([self.sentences[number] for number in numbers])
        found = []
        for number in numbers:
            layered = self._kept[self._starts[number] : self._starts[number + 1]].transpose(1, 0, 2)
            found.append(layered if self.source.layers else layered[0])
        return found


def _on_disk(shape: tuple[int, ...]) -> Float32:
    folder = Path(tempfile.mkdtemp(prefix="firth-features-"))
    path = folder / "layers"
    try:
        kept: Float32 = np.memmap(path, np.float32, "w+", shape=shape)
    finally:
        path.unlink(missing_ok=True)  # the mapping holds it until the end
        folder.rmdir()
    return kept
