"""Errors that a user can meet: each says what is wrong, what was got, what was expected and the remedy."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ConfigError", "DataError", "FirthError", "FormatError", "MissingExtraError"]

_LONGEST_SHOWN = 120


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


class FirthError(Exception):
    """Base of every error that Firth raises on purpose.

    Parameters
    ----------
    what : str
        The fault, in one clause.
    got : object, optional
        The value at fault; long and unprintable text is abridged.
    expected : str, optional
        What would have been right.
    remedy : str, optional
        What the user can do.

    Examples
    --------
    >>> print(ConfigError("dim is too small", got=0, expected="at least 1"))
    dim is too small: got 0, expected at least 1
    """

    def __init__(
        self, what: str, *, got: object = None, expected: str | None = None, remedy: str | None = None
    ) -> None:
        self.what, self.got, self.expected, self.remedy = what, got, expected, remedy
        super().__init__(self.__str__())

    def __str__(self) -> str:
        details = []
        if self.got is not None:
            details.append(f"got {_shown(self.got)}")
        if self.expected:
            details.append(f"expected {self.expected}")
        text = self.what + (": " + ", ".join(details) if details else "")
        return f"{text}; {self.remedy}" if self.remedy else text


class ConfigError(FirthError):
    """An option is unknown, of the wrong type or out of range."""


class DataError(FirthError):
    """Text, a corpus or an evaluation set cannot be used as it is."""


class FormatError(FirthError):
    """A file is broken or not of the format that it claims.

    Parameters
    ----------
    path : path-like, optional
        The file.
    offset : int, optional
        The byte at which reading stopped.

    Examples
    --------
    >>> print(FormatError("the header is cut short", path="a.bin", offset=7))
    a.bin: the header is cut short (at byte 7)
    """

    def __init__(
        self,
        what: str,
        *,
        path: str | Path | None = None,
        offset: int | None = None,
        got: object = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.path, self.offset = path, offset
        super().__init__(what, got=got, expected=expected, remedy=remedy)

    def __str__(self) -> str:
        where = "" if self.offset is None else f" (at byte {self.offset:,})"
        return (f"{self.path}: " if self.path is not None else "") + super().__str__() + where


class MissingExtraError(FirthError):
    """A feature needs packages that the base install leaves out.

    Examples
    --------
    >>> print(MissingExtraError("Chinese segmentation", extra="zh"))
    Chinese segmentation needs an extra; install it with: pip install 'firth[zh]'
    """

    def __init__(self, feature: str, *, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{feature} needs an extra", remedy=f"install it with: pip install 'firth[{extra}]'")
