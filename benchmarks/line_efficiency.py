"""Share of a line's bytes that is payload: weights sent to a virtual board over a paced line.

The board stands behind a pseudo-terminal in a process of its own, and another process lets no more
bytes a second pass than a serial line at 921,600 baud, in either direction.

    python benchmarks/line_efficiency.py --megabytes 1
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
import tty
from dataclasses import dataclass, field

from hwprof.measurement import Placement
from hwprof.pool import pool_bytes
from hwprof.profiler.device import Device
from hwprof.profiler.exchange import Exchange
from hwprof.profiler.links import open_link
from hwprof.profiler.pacing import Patience
from hwprof.profiler.placement import placement_indices
from hwprof.profiler.protocol import Destination, MessageType
from hwprof.profiler.transfer import send
from hwprof.testing.served import served_board

BYTES_PER_S = 92_160
SLICE_S = 0.001
FIFO_BYTES = 4096  # of an adapter: what it takes before its writer has to wait
PLACEMENT = Placement(activations="ocram", weights="sdram", scratch="dtcm")


@dataclass(slots=True)
class Pace:
    """Lets bytes pass one way, so many a second; the line's time is not saved up while it is idle.

    Attributes:
        waiting: bytes that the adapter holds.
    """

    waiting: bytearray = field(default_factory=bytearray)
    _held: int = 0  # of them, those that the last look found: only they can have left since
    _seen_s: float = field(default_factory=time.monotonic)

    def due(self) -> bytes:
        """What has passed since the last look."""
        now_s = time.monotonic()
        count = min(self._held, int((now_s - self._seen_s) * BYTES_PER_S))
        self._seen_s = now_s if count == self._held else self._seen_s + count / BYTES_PER_S
        passed = bytes(self.waiting[:count])
        del self.waiting[:count]
        self._held = len(self.waiting)
        return passed


@dataclass(slots=True)
class Way:
    """One direction: from a file handle, at the line's pace, to another one."""

    source: int
    sink: int
    pace: Pace = field(default_factory=Pace)

    def move(self) -> None:
        """Take what fits the adapter, and hand over what has passed."""
        with contextlib.suppress(BlockingIOError):
            room_bytes = FIFO_BYTES - len(self.pace.waiting)
            self.pace.waiting += os.read(self.source, room_bytes) if room_bytes else b""
        passed = self.pace.due()
        while passed:
            passed = passed[os.write(self.sink, passed) :]


def serve() -> None:
    """A virtual board behind a paced pseudo-terminal, until told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the board's process ends too
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with served_board() as path:
        board = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(board)
        ways = (Way(ours, board), Way(board, ours))
        for handle in (ours, board):
            os.set_blocking(handle, False)
        print(os.ttyname(theirs), flush=True)
        while True:
            for way in ways:
                way.move()
            time.sleep(SLICE_S)


def measure(port: str, size_bytes: int) -> float:
    """Payload bytes a second of one transfer."""
    with open_link(f"serial:{port}") as link:
        info = Device(link).info
        exchange = Exchange(link, Patience())
        exchange.size.raise_limit(info.max_payload_bytes)
        exchange.baud = BYTES_PER_S * 10
        exchange.request(MessageType.PLACE, bytes([*placement_indices(info, PLACEMENT), 0]))
        pool = pool_bytes()
        data = (pool * (size_bytes // len(pool) + 1))[:size_bytes]
        start_s = time.perf_counter()
        send(exchange, Destination.WEIGHTS, data)
        return size_bytes / (time.perf_counter() - start_s)


def main() -> None:
    """Send weights over the paced line and print what share of it they took."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", type=float, default=1.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
    size_bytes = int(options.megabytes * 1e6)
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            rate = measure(port, size_bytes)
        finally:
            process.terminate()
    print(
        f"{size_bytes:,} bytes at {rate:,.0f} bytes/s: {rate / BYTES_PER_S:.1%} of a line of "
        f"{BYTES_PER_S:,} bytes/s is payload"
    )


if __name__ == "__main__":
    main()
