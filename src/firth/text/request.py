"""The options of as_corpus, as one value."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from firth.errors import ConfigError
from firth.events import Listener, Notice
from firth.text.tokenize import Tokenizer

__all__ = ["Request"]


@dataclasses.dataclass(frozen=True)
class Request:
    """The options of :func:`firth.text.corpus.as_corpus`."""

    how: Tokenizer
    field: str | None = None
    cache: bool | str | Path = True
    out: Path | None = None
    threads: int | None = None
    listen: Listener | None = None

    @property
    def n_threads(self) -> int:
        """Number of threads to use."""
        if self.threads is None:
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if not isinstance(self.threads, int) or isinstance(self.threads, bool) or self.threads < 1:
            raise ConfigError("threads must be a positive number", got=self.threads, expected="at least 1")
        return self.threads

    def tell(self, message: str) -> None:
        """Pass a notice on."""
        if self.listen is not None:
            self.listen(Notice(message))
