"""Tiny programs on a virtual board, assembled beforehand by scripts/write_golden.py."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment
from hwprof.firmware_stub.virtual.modes import load_timing

PROGRAMS = json.loads(Path(__file__).with_name("programs.json").read_text(encoding="utf-8"))
RESULT = 0x2000_0100  # where the programs leave what they found


class ProgramBoard(VirtualBoard):
    """A board that runs one of programs.json, from address 0 if nothing else is said."""

    @classmethod
    def start(cls, name, symbols=(), timing="pipeline", address=0, board=None) -> ProgramBoard:
        """A powered board, not yet running."""
        code = bytes.fromhex(PROGRAMS[name]["code"])
        segments = (Segment(address, code),)
        image = FirmwareImage(name, "0" * 64, address, segments, tuple(symbols))
        return cls(board or load_board("rt1170"), image, load_timing(timing, "cortex_m7"))

    def results(self, count):
        """The first words of the result area."""
        return struct.unpack(f"<{count}I", self.read_memory(RESULT, 4 * count))


@pytest.fixture
def start():
    """Powers a board with a program on: ``start("sum_loop")``."""
    return ProgramBoard.start
