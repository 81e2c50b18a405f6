"""A board on the bench: opened once, asked many times, every answer verified."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median_low
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.targets import default_placement
from hwprof.measurement import (
    BOARD_DEFAULT,
    DEFAULT_CACHE_STATE,
    DEFAULT_KERNELS,
    DEFAULT_SCHEME,
    DEFAULT_TARGET,
    Measurement,
    OperatorMeasurement,
    Origin,
    Placement,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hwprof.firmware_stub.virtual.timing import Stretch
    from hwprof.graph import Graph
    from hwprof.profiler.device import Device, RunResult
    from hwprof.profiler.footprint import Footprint
    from hwprof.profiler.layer_counts import LayerCounts
    from hwprof.profiler.program import Program
    from hwprof.profiler.reference import ReferenceResult

MAX_SATURATED_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Setup:
    """How programs are lowered and run on one target.

    Attributes:
        placement: parts left empty become those of the target's board.
        kernels: kernel library of the firmware: chosen on a virtual board, held against what a
            real one reports.
        also: further targets, that share a campaign's tasks with the first.
        repeats: runs of each program; the median is kept.
        cache_state: ``cold``, each repeat begins with empty caches, or ``warm``, behind a run that
            is not measured.
        timing: mode of a virtual board's timing model; empty for the default, and for silicon.
        record: a new file for every byte on the line, which one board may be opened with.

    Raises:
        UnknownNameError, ConfigurationError: no such virtual board or recording, or its file is
            not right.
    """

    target: str = DEFAULT_TARGET
    placement: Placement = BOARD_DEFAULT
    kernels: str = DEFAULT_KERNELS
    scheme: str = DEFAULT_SCHEME
    repeats: int = 1
    timing: str = ""
    cache_state: str = DEFAULT_CACHE_STATE
    record: Path | None = None
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        from hwprof.profiler.links import line_of

        completed = self.placement.completed(default_placement(line_of(self.target)))
        object.__setattr__(self, "placement", completed)


class Bench:
    """One opened board; owned by one thread, closed by ``close`` or a ``with`` block.

    Raises:
        UnknownNameError: nobody knows the target.
        LinkError: the board does not answer, or speaks another protocol version.
        ConfigurationError: the board's image does not offer the placement or the kernels.
    """

    def __init__(self, setup: Setup) -> None:
        from hwprof.profiler.device import Device
        from hwprof.profiler.links import open_link

        _check_scheme(setup)
        self.setup = setup
        self._stretches: list[Stretch] = []
        self._link = open_link(
            setup.target,
            kernels=setup.kernels,
            code=setup.placement.code,
            timing=setup.timing,
            record=setup.record,
        )
        try:
            self._device: Device = Device(self._link)
            self._device.expect_kernels(setup.kernels)
            self.origin: Origin = self._device.origin(
                setup.placement, setup.scheme, setup.cache_state
            )
        except BaseException:
            self._link.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the line."""
        self._link.close()

    def lower(self, graph: Graph) -> Program:
        """The graph as a program under this bench's placement and scheme, for its board's rooms."""
        from hwprof.profiler.lowering import lower

        return self.housed(lower(graph, placement=self.setup.placement, scheme=self.setup.scheme))

    def housed(self, program: Program) -> Program:
        """The program with as many constants beside its weights as this board has no room for."""
        from hwprof.profiler.constants import spill

        info = self._device.info
        return spill(
            program,
            constants_room_bytes=info.max_constants_bytes,
            program_room_bytes=info.max_program_bytes,
        )

    def footprint(self, program: Program) -> Footprint:
        """What a program takes of this board's memories.

        Raises:
            ConfigurationError: the board's image does not offer the placement.
        """
        from hwprof.firmware_stub.manifest import find_image
        from hwprof.profiler.footprint import Footprint
        from hwprof.profiler.memory_report import memory_report
        from hwprof.profiler.placement import memory_needs

        info = self._device.info
        return Footprint(
            memory_report(program), memory_needs(info, program), find_image(info.firmware_id)
        )

    def measure(self, program: Program, *, block_type: str, block_key: str) -> Measurement:
        """Run a program and check what it computed against the host's int8 reference.

        Returns:
            A row; one whose checksums differ or whose outputs saturate carries an error.

        Raises:
            ModelDoesNotFitError: a region is larger than its memory; nothing was sent.
            LinkError: the line or the board failed.
        """
        from hwprof.profiler.reference import run_reference

        self._device.load(program)
        run = self._run()
        reference = run_reference(program)
        totals = [sum(cycles) for cycles in run.cycles]
        return Measurement(
            block_type=block_type,
            block_key=block_key,
            origin=self.origin,
            program_sha256=program.sha256,
            cycles=median_low(totals),
            spread_cycles=max(totals) - min(totals),
            macs=program.macs,
            peak_ram_bytes=program.peak_ram_bytes,
            flash_bytes=program.flash_bytes,
            repeats=self.setup.repeats,
            saturated_share=reference.saturated_share,
            error=self._fault(program, run, reference),
            operators=_layers(program, run),
        )

    def compute(
        self, program: Program, samples: Iterable[Sequence[bytes]]
    ) -> Iterator[tuple[bytes, ...]]:
        """Every byte of a program's outputs, for samples with the bytes of each of its inputs.

        Raises:
            ModelDoesNotFitError, LinkError: as ``measure``.
            ConfigurationError: a sample of another number of inputs, or of their bytes.
        """
        from hwprof.profiler.device import Checksum

        self._device.load(program)
        for inputs in samples:
            self._device.write_inputs(*inputs)
            self._device.run(checksum=Checksum.NONE, fill_inputs=False)
            yield tuple(self._device.read(buffer) for buffer in program.outputs)

    def changed(self) -> str:
        """What this line's board says of itself now and did not when it was opened.

        Empty while it is the same board with the same firmware at the same clock.

        Raises:
            LinkError: the line or the board failed.
        """
        before, now = self._device.info, self._device.hello()
        return ", ".join(
            f"{name} {getattr(now, name)} instead of {getattr(before, name)}"
            for name in ("identity", "board", "clock_hz", "kernels", "firmware_id")
            if getattr(now, name) != getattr(before, name)
        )

    def layer_counts(self, program: Program) -> tuple[LayerCounts, ...]:
        """What each layer of the program that was measured last executed and waited for.

        Empty for boards that cannot count it.
        """
        from hwprof.profiler.layer_counts import layer_counts

        return layer_counts(program, self._stretches)

    def _run(self) -> RunResult:
        from hwprof.profiler.device import Checksum

        cold = self.setup.cache_state != "warm"
        if not cold:
            self._device.run(checksum=Checksum.NONE, cold=True)
        self._take_stretches()
        run = self._device.run(self.setup.repeats, checksum=Checksum.LAST, cold=cold)
        self._stretches = self._take_stretches()
        return run

    def _take_stretches(self) -> list[Stretch]:
        from hwprof.profiler.links import Capability

        counts = Capability.COUNTERS in self._link.capabilities
        return self._link.take_stretches() if counts else []

    def _fault(self, program: Program, run: RunResult, reference: ReferenceResult) -> str:
        """Why a run is no data point, or nothing.

        The last output proves those that it was computed from. Programs with several outputs, and
        those whose last output is wrong, run once more with a checksum behind every record.
        """
        last_is_right = reference.checksums[-1] == run.checksums[-1]
        if len(program.outputs) == 1 and last_is_right:
            return _saturation(reference)
        number = reference.first_mismatch(self._device.run().checksums)
        if number is not None:
            return _mismatch(program, number)
        return (
            _saturation(reference)
            if last_is_right
            else ("two runs of one program wrote different bytes; reset the board")
        )


def _check_scheme(setup: Setup) -> None:
    """Refuse a scheme that gives weights zero points where the kernels take none."""
    from hwprof.profiler.lowering.schemes import Symmetry, get_scheme

    asymmetric = get_scheme(setup.scheme).weights is Symmetry.ASYMMETRIC
    if asymmetric and setup.kernels == DEFAULT_KERNELS:
        raise ConfigurationError(
            f"the {setup.kernels} kernels take weights without zero points, and scheme "
            f"{setup.scheme} gives them some; pass --kernels reference or another --scheme."
        )


def _mismatch(program: Program, number: int) -> str:
    record = program.records[number]
    return (
        f"record {number} ({record.op} of layer {record.layer!r}) wrote other bytes than the "
        "host's reference"
    )


def _saturation(reference: ReferenceResult) -> str:
    if reference.saturated_share > MAX_SATURATED_SHARE:
        return (
            f"{reference.saturated_share:.1%} of the outputs saturate, more than "
            f"{MAX_SATURATED_SHARE:.0%}: the scales do not fit the data"
        )
    return ""


def _layers(program: Program, run: RunResult) -> tuple[OperatorMeasurement, ...]:
    """Records of one layer together, each at its median over repeats."""
    medians = [median_low(cycles) for cycles in zip(*run.cycles, strict=True)]
    pairs = zip(program.records, medians, strict=True)
    return tuple(
        OperatorMeasurement(
            name=layer,
            op=members[0][0].op,
            block=members[0][0].block,
            macs=sum(record.macs for record, _ in members),
            cycles=sum(cycles for _, cycles in members),
        )
        for layer, group in groupby(pairs, key=lambda pair: pair[0].layer)
        for members in [list(group)]
    )
