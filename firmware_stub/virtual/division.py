"""Traps divisions by zero, which Unicorn answers with zero whatever CCR.DIV_0_TRP says.

Only instructions that look like a division are watched, so that the others cost nothing. Encodings
of SDIV and UDIV: Arm DDI 0403E, A7.7.127 and A7.7.195; CCR: B3.2.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import unicorn
from unicorn import arm_const, unicorn_const

from hwprof.firmware_stub.virtual.image import FirmwareImage

CCR, DIV_0_TRP = 0xE000_ED14, 1 << 4
# SDIV is FB9n Fdm, UDIV FBBn Fdm with F in the middle of the second halfword as well.
_FIRST_MASK, _FIRST, _SECOND_MASK, _SECOND = 0xFFD0, 0xFB90, 0xF0F0, 0xF0F0


def divisions(image: FirmwareImage) -> Iterator[int]:
    """Addresses of everything in an image that looks like SDIV or UDIV."""
    for segment in image.segments:
        skipped = segment.address % 2  # instructions lie at even addresses
        end = len(segment.data) - (len(segment.data) - skipped) % 2
        halves = np.frombuffer(segment.data[skipped:end], "<u2")
        found = (halves[:-1] & _FIRST_MASK == _FIRST) & (halves[1:] & _SECOND_MASK == _SECOND)
        for offset in (2 * np.flatnonzero(found) + skipped).tolist():
            yield segment.address + offset
            if segment.run_address is not None:
                yield segment.run_address + offset


def trap_divisions(
    engine: unicorn.Uc, image: FirmwareImage, fault: Callable[[int], Exception]
) -> None:
    """Raise what ``fault`` makes of the address of a division by zero, in front of it."""

    def check(_engine: unicorn.Uc, address: int, _size: int, _data: object) -> None:
        divisor = int.from_bytes(engine.mem_read(address + 2, 1), "little") & 0xF
        if not engine.reg_read(_REGISTERS[divisor]):
            raise fault(address)

    for address in divisions(image):
        engine.hook_add(unicorn_const.UC_HOOK_CODE, check, begin=address, end=address)
    engine.ctl_flush_tb()  # code that was translated without the hooks


_REGISTERS = (
    *(arm_const.UC_ARM_REG_R0 + number for number in range(13)),
    arm_const.UC_ARM_REG_SP,
    arm_const.UC_ARM_REG_LR,
    arm_const.UC_ARM_REG_PC,
)
