"""Reads a stranger's file whole, never more of it than its kind has; tries a file before work."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hwprof.errors import HwprofError


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """What a file is read as, and what its user is told where it cannot be.

    Attributes:
        noun: with its article, as ``a board file``.
        most_bytes: how much is ever read; a device or a pipe need not end.
        error: what is raised.
        check: way out where it cannot be opened.
        shrink: way out where it is too large.
    """

    noun: str
    most_bytes: int
    error: type[HwprofError]
    check: str = "check the path"
    shrink: str

    def read(self, path: str | os.PathLike[str]) -> bytes:
        """All bytes of a file.

        Raises:
            HwprofError: ``error``: it cannot be opened or read, or has more than ``most_bytes``.
        """
        name = os.fspath(path)
        try:
            with Path(path).open("rb") as file:
                data = file.read(self.most_bytes + 1)
                size_bytes = max(len(data), os.fstat(file.fileno()).st_size)
        except (OSError, ValueError) as error:  # ValueError: no path at all, as one with a NUL
            reason = getattr(error, "strerror", None) or str(error)
            raise self.error(
                f"{self.noun} is read from a file; {name!r} cannot be opened ({reason}); "
                f"{self.check}."
            ) from error
        self.check_size(repr(name), size_bytes)
        return data

    def check_size(self, what: str, size_bytes: int) -> None:
        """Refuse bytes from wherever they come, if there are more than of any such file.

        Raises:
            HwprofError: ``error``.
        """
        if size_bytes > self.most_bytes:
            raise self.error(
                f"{self.noun} has at most {self.most_bytes:,} bytes; {what} has {size_bytes:,}; "
                f"{self.shrink}."
            )


def try_writing(path: Path) -> None:
    """Open a file as if to write it, and leave it as it was.

    Raises:
        OSError: it could not be written.
    """
    is_new = not path.exists()
    with path.open("ab"):
        pass
    if is_new:
        path.unlink()
