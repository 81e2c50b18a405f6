"""Call a function of a binary on a virtual board: what a copy costs, by memory, cold and warm.

The binary is the firmware that ships with hwprof; any ELF file for a Cortex-M7 does.
"""

from __future__ import annotations

from hwprof.firmware_stub.manifest import image_of
from hwprof.firmware_stub.virtual.board import VirtualBoard

BYTES = 8192

board = VirtualBoard.open("rt1170", image=image_of("simd").path)
target = board.buffer("dtcm", BYTES)
for memory in ("dtcm", "ocram", "sdram"):
    source = board.buffer(memory, bytes(range(256)) * (BYTES // 256))
    board.cool()
    cold = board.call("memcpy", target, source, BYTES, max_cycles=10_000_000)
    warm = board.call("memcpy", target, source, BYTES)
    print(
        f"memcpy of {BYTES:,} bytes from {memory}: {cold.cycles / BYTES:.2f} cycles a byte cold, "
        f"{warm.cycles / BYTES:.2f} warm (modelled)"
    )
print(f"the last copy begins with {board.read_memory(target.address, 4).hex(' ')}")
