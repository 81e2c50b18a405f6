"""A virtual board behind a pseudo-terminal: to other programs it is a serial port."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.board import VirtualBoard

SLICE_S = 0.1  # longest time for which the board runs without a look at the line
READ_BYTES = 65536


def serve(
    board: VirtualBoard,
    announce: Callable[[str], None],
    until: threading.Event | None = None,
) -> None:
    """Run ``board`` behind a new pseudo-terminal until ``until`` is set, or for ever.

    ``announce`` is called once with the path that ``serial:<path>`` opens. Several programs may
    open it one after the other; the board keeps its state between them, as a real one does.

    Raises:
        ConfigurationError: the host has no pseudo-terminals.
        BoardError: the board's processor faulted.
    """
    try:
        import tty
    except ImportError as error:
        raise ConfigurationError(
            "serving a board needs pseudo-terminals, which this system lacks; use Linux or macOS."
        ) from error

    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        announce(os.ttyname(theirs))
        # `theirs` stays open, so that a program that closes the port does not end the line.
        _pump(board, ours, until or threading.Event())
    finally:
        os.close(ours)
        os.close(theirs)


def _pump(board: VirtualBoard, line: int, until: threading.Event) -> None:
    waiting = b""
    while not until.is_set():
        waiting = waiting or board.take(READ_BYTES)
        writers = [line] if waiting else []
        readable, writable, _ = select.select([line], writers, [], SLICE_S)
        if readable:
            board.feed(os.read(line, READ_BYTES))
        if writable:
            waiting = waiting[os.write(line, waiting) :]
        board.run(SLICE_S)
