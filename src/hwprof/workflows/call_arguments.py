"""Arguments of a call as words: ``5``, ``f:1.5``, ``&table``, ``buffer:ocram:4096=noise``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.files import FileKind

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.arguments import Argument
    from hwprof.firmware_stub.virtual.board import VirtualBoard
    from hwprof.firmware_stub.virtual.free_memory import Buffer

GRAMMAR = "N, i64:N, f:X, d:X, &SYMBOL[+N], or buffer:MEMORY:BYTES[=zeros|noise[:SEED]|file:PATH]"
MAX_BUFFER_BYTES = 1 << 30
Number = TypeVar("Number")
_BUFFER = re.compile(r"buffer:(?P<memory>\w+)(?::(?P<size>\w+))?(?:=(?P<fill>.+))?", re.DOTALL)
_SYMBOL = re.compile(r"&(?P<name>[^+]+)(?:\+(?P<offset>\w+))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FilledBuffer:
    """A buffer and what it holds before each call."""

    place: Buffer
    content: bytes


def place_argument(text: str, board: VirtualBoard) -> Argument | FilledBuffer:
    """What a word of the command line stands for on a board; buffers are taken from its memory.

    Raises:
        UnknownNameError: the board has no such memory, or the image no such symbol.
        ConfigurationError: the word breaks the grammar, a file cannot be read, or a memory has not
            that much free.
    """
    if text.startswith("buffer"):
        return _buffer(text, board)
    if text.startswith("&"):
        return _address(text, board)
    kind, colon, number = text.partition(":")
    if not colon:
        return _converted(text, text, _integer)
    if kind not in _NUMBERS:
        raise _broken(text)
    return _converted(text, number, _NUMBERS[kind])


def _integer(text: str) -> int:
    return int(text, 0)


def _integer_64(text: str) -> np.int64 | np.uint64:
    value = _integer(text)
    return np.int64(value) if value < 1 << 63 else np.uint64(value)


def _single(text: str) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(float(text))


_NUMBERS: dict[str, Callable[[str], Argument]] = {
    "i64": _integer_64,
    "f": _single,
    "d": lambda text: np.float64(float(text)),
}


def _converted(whole: str, text: str, convert: Callable[[str], Number]) -> Number:
    try:
        return convert(text)
    except (ValueError, OverflowError) as error:
        raise _broken(whole) from error


def _broken(text: str) -> ConfigurationError:
    return ConfigurationError(f"an argument is {GRAMMAR}; got {text!r}; correct it.")


def _address(text: str, board: VirtualBoard) -> int:
    match = _SYMBOL.fullmatch(text)
    if match is None:
        raise _broken(text)
    symbol = board.image.by_name.get(match["name"])
    if symbol is None:
        raise UnknownNameError("symbol", match["name"], board.image.by_name)
    offset = _converted(text, match["offset"] or "0", _integer)
    # A pointer to a function carries the Thumb bit.
    return symbol.address + symbol.is_function + offset


def _buffer(text: str, board: VirtualBoard) -> FilledBuffer:
    match = _BUFFER.fullmatch(text)
    if match is None:
        raise _broken(text)
    fill, _, detail = (match["fill"] or "zeros").partition(":")
    if fill not in _FILLS or (match["size"] is None and fill != "file"):
        raise _broken(text)
    size_bytes = _size_of(text, match["size"], detail)
    place = board.free_memory.take(match["memory"], size_bytes, f"the buffer of {text!r}")
    return FilledBuffer(place, _FILLS[fill](text, detail, size_bytes))


def _size_of(text: str, size: str | None, path: str) -> int:
    """Bytes of a buffer: as stated, or as its file has."""
    if size is None:
        size_bytes = len(_file_kind(text, MAX_BUFFER_BYTES).read(path))
    else:
        size_bytes = _converted(text, size, _integer)
    if not 0 < size_bytes <= MAX_BUFFER_BYTES:
        raise ConfigurationError(
            f"a buffer has 1 to {MAX_BUFFER_BYTES:,} bytes; {text!r} has {size_bytes:,}; correct "
            "it."
        )
    return size_bytes


def _zeros(text: str, detail: str, size_bytes: int) -> bytes:
    if detail:
        raise _broken(text)
    return bytes(size_bytes)


def _noise(text: str, detail: str, size_bytes: int) -> bytes:
    """Uniform bytes from numpy's default generator."""
    seed = _converted(text, detail or "0", _integer)
    if seed < 0:
        raise _broken(text)
    return np.random.default_rng(seed).bytes(size_bytes)


def _file(text: str, detail: str, size_bytes: int) -> bytes:
    """A file's bytes, zeros behind them."""
    return _file_kind(text, size_bytes).read(detail).ljust(size_bytes, b"\0")


def _file_kind(text: str, most_bytes: int) -> FileKind:
    return FileKind(
        noun=f"what fills {text!r}",
        most_bytes=most_bytes,
        error=ConfigurationError,
        shrink="take a larger buffer, or a smaller file",
    )


_FILLS: dict[str, Callable[[str, str, int], bytes]] = {
    "zeros": _zeros,
    "noise": _noise,
    "file": _file,
}
