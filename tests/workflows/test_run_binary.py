"""``run_binary``: an image, its arguments, and calls that count."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hwprof.errors import BoardError, ConfigurationError, UnknownNameError
from hwprof.firmware_stub.manifest import image_of
from hwprof.measurement import DEFAULT_KERNELS
from hwprof.workflows.run_binary import RunRequest, run_binary
from tests.virtual.elf_kit import Elf

FIRMWARE = image_of(DEFAULT_KERNELS).path
FUNCTIONS = json.loads(
    Path(__file__).parents[1].joinpath("virtual/functions.json").read_text(encoding="utf-8")
)
C_SOURCE = """
#include <stddef.h>
#include <stdint.h>
uint32_t started = 1;
void start(void) { started += 41; }
uint32_t was_started(void) { return started; }
float mean(const float *x, uint32_t n) { float s = 0; for (uint32_t i = 0; i < n; i++) s += x[i]; return s / (float)n; }
double horner(double x, const double *c, int n) { double y = 0; while (n--) y = y * x + c[n]; return y; }
uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
void *copy(void *to, const void *from, size_t n) { char *t = to; const char *f = from; while (n--) *t++ = *f++; return to; }
int64_t weigh(int a, int64_t b, int c, int d, float e, int f) { return a + 2 * b + 4 * c + 8 * d + 16 * (int)e + 32 * f; }
"""  # noqa: E501


def image_with(folder, name):
    """An ELF file with one of functions.json at 0x1000."""
    code = bytes.fromhex(FUNCTIONS[name]["code"])
    halfwords = [int.from_bytes(code[at : at + 2], "little") for at in range(0, len(code), 2)]
    path = folder / f"{name}.elf"
    path.write_bytes(Elf().with_code(0x1000, *halfwords, name=name).write())
    return path


class TestOurFirmware:
    """The image that ships, its functions called by name."""

    def test_a_copy_reaches_the_dump(self, tmp_path):
        """What a function wrote to a buffer is in the file afterwards."""
        source, target = tmp_path / "in.bin", tmp_path / "out.bin"
        source.write_bytes(bytes(range(200)))

        report = run_binary(
            RunRequest(
                image=FIRMWARE,
                function="memcpy",
                arguments=("buffer:ocram:200", f"buffer:sdram=file:{source}", "200"),
                dumps=((1, target),),
            )
        )

        assert target.read_bytes() == source.read_bytes()
        assert report.last.r0 == dict(report.buffers)[1].place.address

    def test_memories_tell_what_they_were_asked_for(self):
        """A cold copy misses each line once, at the memory where it lies."""
        report = run_binary(
            RunRequest(
                image=FIRMWARE,
                function="memcpy",
                arguments=("buffer:dtcm:640", "buffer:sdram:640", "640"),
            )
        )

        assert {r.name: r.read_misses for r in report.last.regions if r.read_misses} == {
            "sdram": 20
        }

    def test_runs_on_other_boards(self):
        """Another board and clock; addresses fit as they are."""
        request = RunRequest(
            image=FIRMWARE,
            function="memset",
            arguments=("buffer:dtcm:99", "1", "99"),
            target="virtual:rt1060?clock_hz=200000000",
        )
        report = run_binary(request)

        assert (report.board, report.clock_hz) == ("rt1060", 200_000_000)
        assert report.latency_us == report.last.cycles / 200


class TestForeignMaps:
    """Binaries that were linked for memories the board has not."""

    def test_a_memory_can_be_added(self, tmp_path):
        """Its segments and its buffers go there."""
        path = tmp_path / "far.elf"
        path.write_bytes(Elf().with_code(0x6000_0000, 0x6800, 0x4770).write())  # ldr r0, [r0]
        request = RunRequest(
            image=path,
            function="f",
            arguments=("buffer:far:4=noise",),
            memories=("far=0x60000000:0x10000:sdram",),
        )

        report = run_binary(request)

        ((_, buffer),) = report.buffers
        assert report.last.r0 == int.from_bytes(buffer.content, "little")
        assert {r.name for r in report.last.regions if r.fetch_misses} == {"far"}


class TestCounting:
    """Which calls count, and how they start."""

    @pytest.fixture
    def copying(self, tmp_path):
        """A request for a copy from SDRAM."""

        def request(**changes):
            arguments = ("buffer:dtcm:320", "buffer:sdram:320", "320")
            return RunRequest(
                image=image_with(tmp_path, "copy_bytes"),
                function="copy_bytes",
                arguments=arguments,
                **changes,
            )

        return request

    def test_cold_calls_are_alike(self, copying):
        """Each starts with empty caches and an empty branch predictor."""
        report = run_binary(copying(repeats=3))

        assert len({result.cycles for result in report.results}) == 1
        assert report.start == "cold"

    def test_a_warm_up_is_not_counted(self, copying):
        """The calls behind it find what they need in the cache."""
        cold = run_binary(copying())
        warm = run_binary(copying(warmup=2, repeats=3))

        assert len(warm.results) == 3
        assert warm.start == "warm"
        assert warm.last.cycles < cold.last.cycles
        assert not any(region.read_misses for region in warm.last.regions)

    def test_pipeline_timing_leaves_memories_out(self, copying):
        """It says so by its name, and has no counts of memories."""
        report = run_binary(copying(timing="pipeline"))

        assert report.timing_model.startswith("pipeline-")
        assert report.last.regions == ()

    def test_latency_is_cycles_over_the_clock(self, copying):
        """In microseconds."""
        report = run_binary(copying())

        assert report.latency_us == pytest.approx(report.last.cycles / 996)

    def test_buffers_are_filled_before_each_call(self, tmp_path):
        """A function that changes its input gets the same input again."""
        image, data, out = image_with(tmp_path, "bump"), tmp_path / "in.bin", tmp_path / "out.bin"
        data.write_bytes(b"\5\0\0\0")

        run_binary(
            RunRequest(
                image=image,
                function="bump",
                arguments=(f"buffer:dtcm=file:{data}",),
                repeats=3,
                dumps=((1, out),),
            )
        )

        assert out.read_bytes() == b"\6\0\0\0"


class TestRefusals:
    """What cannot be run."""

    @pytest.fixture
    def refused(self, tmp_path):
        """The error of a request about ``divide``."""

        def run(error, sentence, **changes):
            image = image_with(tmp_path, "divide")
            with pytest.raises(error, match=sentence):
                run_binary(RunRequest(**{"image": image, "function": "divide"} | changes))

        return run

    def test_of_silicon(self, refused):
        """Only a virtual board can be loaded with anything."""
        refused(ConfigurationError, "got target 'serial:/dev/x'", target="serial:/dev/x")

    def test_of_boards_that_are_not_there(self, refused):
        """Targets are suggested."""
        refused(UnknownNameError, "did you mean virtual:rt1170", target="virtual:rt1171")

    @pytest.mark.parametrize("stack", ["dtcm", ":4096", "dtcm:0", "dtcm:-1", "dtcm:x"])
    def test_of_stacks_that_are_none(self, refused, stack):
        """A memory and a number of bytes."""
        refused(ConfigurationError, "a stack is MEMORY:BYTES", stack=stack)

    def test_of_dumps_of_numbers(self, refused):
        """Only buffers can be written to a file."""
        refused(
            ConfigurationError,
            "one of none; got 1; arguments are counted from 1",
            arguments=("7", "1"),
            dumps=((1, Path("x")),),
        )

    def test_of_dumps_into_nowhere(self, refused, tmp_path):
        """Before the run, not behind it."""
        refused(
            ConfigurationError,
            "there is no folder",
            arguments=("buffer:dtcm:4", "1"),
            dumps=((1, tmp_path / "none" / "x"),),
        )

    def test_of_dumps_onto_a_folder(self, refused, tmp_path):
        """The system's reason."""
        refused(
            ConfigurationError,
            "cannot write .*: Is a directory",
            arguments=("buffer:dtcm:4", "1"),
            dumps=((1, tmp_path),),
        )

    def test_of_functions_by_name_and_address(self, refused):
        """A symbol that is not there, an address where nothing is."""
        refused(UnknownNameError, "did you mean divide", function="dived")
        refused(ConfigurationError, "2 bytes at 0x10000000", function="0x10000000")

    def test_of_programs_that_run_away(self, tmp_path):
        """The limit holds for the functions called first as well."""
        image = image_with(tmp_path, "endless")

        with pytest.raises(BoardError, match="did not return within 1,000 cycles"):
            run_binary(RunRequest(image=image, function="endless", max_cycles=1_000))


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """An executable with code in ITCM and data that start-up code would copy."""
    folder = tmp_path_factory.mktemp("c")
    (folder / "code.c").write_text(C_SOURCE)
    subprocess.run(
        [
            "arm-none-eabi-gcc", "-O2", "-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard",
            "-mfpu=fpv5-d16", "-nostdlib", "-fno-tree-loop-distribute-patterns",
            "-Wl,-Ttext=0x1000,-Tdata=0x20000000,-estart", "code.c", "-o", "code.elf",
        ],
        cwd=folder,
        check=True,
    )  # fmt: skip
    return folder / "code.elf"


@pytest.mark.cross_compiler
class TestCompiledC:
    """Functions as arm-none-eabi-gcc makes them."""

    def test_float_code(self, image, tmp_path):
        """The mean of four floats comes back in s0."""
        path = tmp_path / "x.bin"
        path.write_bytes(np.array([1, 2, 3, 4], "<f4").tobytes())
        request = RunRequest(
            image=image, function="mean", arguments=(f"buffer:dtcm=file:{path}", "4")
        )

        assert run_binary(request).last.s0 == 2.5

    def test_double_code(self, image, tmp_path):
        """1 + 2 x + 3 x^2 at 0.1."""
        path = tmp_path / "c.bin"
        path.write_bytes(np.array([1, 2, 3], "<f8").tobytes())
        request = RunRequest(
            image=image, function="horner", arguments=("d:0.1", f"buffer:dtcm=file:{path}", "3")
        )

        assert run_binary(request).last.d0 == pytest.approx(1.23, rel=1e-15)

    def test_recursion(self, image):
        """Fibonacci's fifteenth."""
        request = RunRequest(image=image, function="fibonacci", arguments=("15",))

        assert run_binary(request).last.r0 == 610

    def test_a_copy_without_a_library(self, image, tmp_path):
        """From flash to DTCM."""
        request = RunRequest(
            image=image,
            function="copy",
            arguments=("buffer:dtcm:50", "buffer:flash:50=noise:3", "50"),
            dumps=((1, tmp_path / "out"), (2, tmp_path / "in")),
        )
        run_binary(request)

        assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()

    def test_six_arguments(self, image):
        """Words, a doubleword in an even pair, a float among them, the rest on the stack."""
        words = ("1", "i64:-4294967296", "3", "4", "f:5", "6")
        last = run_binary(RunRequest(image=image, function="weigh", arguments=words)).last

        expected = 1 - 2 * 2**32 + 4 * 3 + 8 * 4 + 16 * 5 + 32 * 6
        assert last.r1 << 32 | last.r0 == expected % 2**64

    def test_what_is_called_first(self, image):
        """--init changes what the function finds; initialised data is there without it."""
        plain = RunRequest(image=image, function="was_started")
        started = RunRequest(image=image, function="was_started", init=("start",))

        assert run_binary(plain).last.r0 == 1
        assert run_binary(started).last.r0 == 42
