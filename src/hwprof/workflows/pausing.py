"""Ctrl-C and SIGTERM as a wish to pause: the row under way is finished, or given up at the second.

A campaign loses nothing either way; what differs is whether the row under way is measured again.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def pausable(say: Callable[[str], None]) -> Iterator[Callable[[], bool]]:
    """A question, whether to pause, that is answered by a signal while the block runs.

    Raises:
        KeyboardInterrupt: at the second signal.
    """
    wished = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield wished.is_set  # signals are the main thread's
        return

    def pause(_number: int, _frame: FrameType | None) -> None:
        if wished.is_set():
            raise KeyboardInterrupt
        wished.set()
        say("pausing behind the row under way; once more gives it up")

    before = {number: signal.signal(number, pause) for number in SIGNALS}
    try:
        yield wished.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
