"""Whether an object file passes floats in the FPU's registers.

Build attributes: Arm IHI 0045 (Addenda to the ABI), 2.1 for their layout, 2.5 for the tags.
"""

from __future__ import annotations

from hwprof.firmware_stub.virtual.elf import ElfFile

ATTRIBUTES_SECTION = 0x7000_0003  # SHT_ARM_ATTRIBUTES
_VENDOR = b"aeabi\0"
_FILE_SCOPE = 1
_COMPATIBILITY, _VFP_ARGUMENTS = 32, 28
_STRINGS = (4, 5, 65, 67)  # CPU_raw_name, CPU_name, also_compatible_with, conformance
IN_VFP_REGISTERS = 1


def passes_floats_in_fpu(elf: ElfFile) -> bool:
    """Tag_ABI_VFP_args; without it, or if it cannot be read, the base standard holds."""
    for section in elf.sections:
        if section.kind == ATTRIBUTES_SECTION:
            return _vfp_arguments(bytes(elf.section_data(section))) == IN_VFP_REGISTERS
    return False


def _vfp_arguments(data: bytes) -> int:
    start = data.find(_VENDOR)
    if data[:1] != b"A" or start < 0:
        return 0
    reader = _Reader(data, start + len(_VENDOR))
    if reader.number() != _FILE_SCOPE:
        return 0
    reader.at += 4  # the length of the scope: it is the last one that compilers write
    while reader.at < len(data):
        tag = reader.number()
        if tag in _STRINGS:
            reader.string()
            continue
        value = reader.number()
        if tag == _VFP_ARGUMENTS:
            return value
        if tag == _COMPATIBILITY:
            reader.string()
    return 0


class _Reader:
    """Numbers and strings one behind the other; beyond the end there are zeros."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def number(self) -> int:
        """An unsigned LEB128 number."""
        value = shift = 0
        while self.at < len(self._data):
            byte = self._data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        return value

    def string(self) -> None:
        """Pass over a string."""
        end = self._data.find(b"\0", self.at)
        self.at = len(self._data) if end < 0 else end + 1
