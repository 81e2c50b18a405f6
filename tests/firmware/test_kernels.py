"""Kernels on the virtual board compute what the host's reference computes, bit for bit."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import BoardError
from hwprof.profiler.device import Device
from hwprof.profiler.links import open_link
from hwprof.profiler.program import (
    RECORD_TYPES,
    AveragePoolRecord,
    Conv2dRecord,
    DepthwiseRecord,
    FullyConnectedRecord,
    Record,
)
from hwprof.profiler.reference import run_reference
from hwprof.profiler.scratch import scratch_bytes
from hwprof.testing.kernels import KernelCase, random_program

SOURCES = Path(__file__).resolve().parents[2] / "firmware_stub" / "src"
STRICT = "-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror"
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", params=["simd", "reference"])
def device(request):
    """A virtual board with each committed image."""
    link = open_link("virtual:rt1170", kernels=request.param)
    yield Device(link)
    link.close()


def run(device: Device, case: KernelCase) -> tuple[int, ...]:
    """Checksums that the board reports for a case."""
    device.load(case.program)
    device.write_inputs(*case.inputs.values())
    return device.run(fill_inputs=False).checksums


def draw(device: Device, seed: int, kinds: tuple[type[Record], ...] = ()) -> KernelCase:
    """A random program that the device's library computes."""
    takes_zero_points = device.info.kernels == "reference"
    return random_program(seed, kinds, weight_zero_points=takes_zero_points)


def names_of(records: tuple[Record, ...]) -> list[str]:
    """What a failure should say."""
    return [record.c_name for record in records]


class TestEveryKind:
    """One record of each opcode a program."""

    @given(seed=SEEDS)
    def test_checksums(self, device, seed):
        """Each record leaves the bytes in its output buffer that the reference leaves there."""
        case = draw(device, seed)
        expected = run_reference(case.program, case.inputs).checksums

        checksums = run(device, case)

        pairs = zip(case.program.records, checksums, expected, strict=True)
        assert [record for record, got, want in pairs if got != want] == []

    @given(seed=SEEDS)
    def test_bystanders(self, device, seed):
        """A kernel writes its output and its scratch, and no other tensor."""
        case = draw(device, seed)
        outputs = {record.output.name for record in case.program.records}
        run(device, case)

        for entry in case.program.inputs:
            if entry.buffer.name not in outputs:
                assert device.read(entry.buffer) == case.inputs[entry.buffer.name]

    def test_all_opcodes(self):
        """The kit draws a record of every kind that the program format has."""
        assert names_of(random_program(0).program.records) == names_of(RECORD_TYPES)


class TestWindows:
    """Kinds with many variants, drawn more often."""

    @pytest.mark.parametrize("kind", [Conv2dRecord, DepthwiseRecord, FullyConnectedRecord])
    @given(seed=SEEDS)
    def test_variants(self, device, kind, seed):
        """Convolutions of any shape equal the reference."""
        case = draw(device, seed, (kind,) * 8)

        mismatch = run_reference(case.program, case.inputs).first_mismatch(run(device, case))

        assert mismatch is None, case.program.records[mismatch]


class TestScratch:
    """The host's formula and the firmware's rule."""

    @given(seed=SEEDS)
    def test_enough(self, device, seed):
        """The firmware accepts scratch of the size that the host computes."""
        case = draw(device, seed, (Conv2dRecord, DepthwiseRecord) * 4)
        sizes = {record.scratch.size_bytes for record in case.program.records}

        device.load(case.program)

        assert sizes == {scratch_bytes(record) for record in case.program.records}

    @given(seed=SEEDS)
    def test_too_little(self, device, seed):
        """The firmware refuses a program whose scratch ends before a kernel's does."""
        case = random_program(seed, (AveragePoolRecord,))
        small = replace(case.program, scratch_bytes=case.program.records[0].scratch.size_bytes - 1)

        with pytest.raises(BoardError, match="reaches beyond its region"):
            device.load(small)


@pytest.mark.cross_compiler
@pytest.mark.parametrize("source", sorted(SOURCES.glob("kernels*/*.c")), ids=str)
def test_compiles_clean(source, tmp_path):
    """Every kernel compiles without a warning under strict options."""
    command = ["arm-none-eabi-gcc", "-std=c11", "-O3", "-mcpu=cortex-m7", "-mthumb"]
    command += ["-mfloat-abi=hard", "-mfpu=fpv5-d16", *STRICT.split(), "-c", str(source)]
    command += [f"-I{SOURCES.parent / 'include'}", f"-I{SOURCES}", "-o", str(tmp_path / "kernel.o")]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (result.returncode, result.stderr) == (0, "")
