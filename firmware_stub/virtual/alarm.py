"""Stops a board from another thread after a while."""

from __future__ import annotations

import threading
from typing import Self

from hwprof.firmware_stub.virtual.counting import BlockCounter


class Alarm:
    """A context in which the board is stopped after ``timeout_s``; ``rang`` says that it was."""

    def __init__(self, counter: BlockCounter, timeout_s: float | None) -> None:
        self.rang = False
        self._counter = counter
        self._timer = None if timeout_s is None else threading.Timer(timeout_s, self._ring)

    def _ring(self) -> None:
        self.rang = True
        self._counter.request_stop()

    def __enter__(self) -> Self:
        if self._timer:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer.join()
