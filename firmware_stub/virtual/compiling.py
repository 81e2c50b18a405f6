"""Compiles the hooks, and keeps machine code that no longer matches its sources from being used.

numba's cache on disk looks at the file of a function only. A hook holds the code of what it calls
in other files, constants included, and would go on running the old one. So the cache of this room
has a folder for each state of the files below, next to them or in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba

ROOM = Path(__file__).resolve().parent
# Every module of the room that is compiled, and those whose constants are: a test reads imports.
SOURCES = (
    "compiling",
    "counting",
    "evaluate",
    "host",
    "memory_model",
    "microops",
    "native",
    "native_hooked",
    "native_streams",
)


def compiled(function: Callable[..., Any]) -> Any:
    """``numba.njit`` with the room's cache."""
    with _room_cache():
        return numba.njit(cache=True)(function)


def compiled_callback(signature: Any, function: Callable[..., Any]) -> Any:
    """``numba.cfunc`` with the room's cache."""
    with _room_cache():
        return numba.cfunc(signature, cache=True)(function)


@contextmanager
def _room_cache() -> Iterator[None]:
    """Numba takes the folder when it decorates a function; other code keeps its own."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_folder(before))
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


@cache
def _folder(chosen: str) -> Path:
    """Where this state of the sources has its machine code; ``chosen`` is NUMBA_CACHE_DIR."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((ROOM / f"{name}.py").read_bytes())
    return _base(chosen) / f"hwprof-{digest.hexdigest()[:16]}"


def _base(chosen: str) -> Path:
    if chosen:
        return Path(chosen)
    beside = ROOM / "__pycache__"
    if os.access(beside if beside.exists() else ROOM, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "numba"
