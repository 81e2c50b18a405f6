"""Pseudo-terminals with something behind them: a virtual board, or any answers."""

from __future__ import annotations

import os
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.board import VirtualBoard

_READY_S = 60.0
_SLICE_S = 0.05
_PIECE_BYTES = 65536


@contextmanager
def served_board(board: VirtualBoard) -> Iterator[str]:
    """Path of a pseudo-terminal with a virtual board behind it."""
    from hwprof.firmware_stub.virtual.serve import serve

    paths: list[str] = []
    ready, stop = threading.Event(), threading.Event()

    def announce(path: str) -> None:
        paths.append(path)
        ready.set()

    thread = threading.Thread(target=serve, args=(board, announce, stop))
    thread.start()
    try:
        if not ready.wait(_READY_S):
            raise TimeoutError("the pseudo-terminal was not announced")
        yield paths[0]
    finally:
        stop.set()
        thread.join()


@contextmanager
def served_answers(answer: Callable[[bytes, int], bytes]) -> Iterator[str]:
    """Path of a pseudo-terminal that answers each piece read with ``answer(piece, handle)``.

    The handle is the terminal's, whose settings say at which rate the other side opened it.
    """
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    stop = threading.Event()

    def pump() -> None:
        while not stop.is_set():
            if select.select([ours], [], [], _SLICE_S)[0]:
                reply = answer(os.read(ours, _PIECE_BYTES), theirs)
                while reply:
                    reply = reply[os.write(ours, reply) :]

    thread = threading.Thread(target=pump)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        stop.set()
        thread.join()
        os.close(ours)
        os.close(theirs)
