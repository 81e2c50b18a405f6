"""Lines with something behind them: a virtual board, or any answers."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SERVE = "from hwprof.cli import main; main()"
_SLICE_S = 0.05
_PIECE_BYTES = 65536


@contextmanager
def served_board(reference: str = "rt1170") -> Iterator[str]:
    """Path of a pseudo-terminal with a virtual board behind it, in a process of its own.

    Args:
        reference: name of a board that ships, or path of a board file.
    """
    command = [sys.executable, "-c", _SERVE, "board", "serve", reference]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            with _named(process.stdout.readline().strip().removeprefix("serial:")) as line:
                yield line
        finally:
            process.terminate()


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
        with _named(os.ttyname(theirs)) as line:
            yield line
    finally:
        stop.set()
        thread.join()
        os.close(ours)
        os.close(theirs)


@contextmanager
def _named(terminal: str) -> Iterator[str]:
    """A path of its own for a terminal, gone before the terminal is.

    The system gives a closed terminal's number to the next one that anybody opens, and whoever
    looks for a board that was unplugged would find a stranger's.
    """
    with tempfile.TemporaryDirectory() as folder:
        line = Path(folder) / "line"
        line.symlink_to(terminal)
        yield str(line)


@contextmanager
def served_socket(answer: Callable[[bytes, int], bytes]) -> Iterator[str]:
    """URL of a TCP port that answers each piece that one caller after the other sends."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_SLICE_S)

        def pump() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    _converse(server.accept()[0], answer, stop)

        thread = threading.Thread(target=pump)
        thread.start()
        try:
            yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


def _converse(
    caller: socket.socket, answer: Callable[[bytes, int], bytes], stop: threading.Event
) -> None:
    """Answer until the caller leaves."""
    with caller:
        caller.settimeout(_SLICE_S)
        while not stop.is_set():
            with suppress(TimeoutError):
                data = caller.recv(_PIECE_BYTES)
                if not data:
                    return
                caller.sendall(answer(data, caller.fileno()))
