"""``hwprof calibrate``: one board, its virtual board, and what lies between them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hwprof.errors import ArtefactError, ConfigurationError, ModelError
from hwprof.firmware_stub.targets import VIRTUAL, comparable_reference
from hwprof.firmware_stub.virtual.board_files import board_data, parse_board
from hwprof.firmware_stub.virtual.board_writer import board_toml
from hwprof.measurement import (
    DEFAULT_KERNELS,
    DEFAULT_SCHEME,
    DEFAULT_TIMING,
    SILICON,
    Measurement,
    Placement,
)
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.device import Device
from hwprof.profiler.links import open_link
from hwprof.profiler.protocol import BoardInfo
from hwprof.profiler.store import MeasurementStore
from hwprof.workflows.calibration.constants import Constant, changed_board, miss_cycles, told_board
from hwprof.workflows.calibration.model import Nominal, fitting_probes
from hwprof.workflows.calibration.probes import Probe, Vector, candidates, choose_probes
from hwprof.workflows.calibration.report import (
    Calibration,
    Change,
    HeldOut,
    Identity,
    OperatorError,
)
from hwprof.workflows.calibration.solve import Problem, Solution, deviations, predicted_cycles
from hwprof.workflows.transfer import Plan, TransferReport, transfer_surrogate
from hwprof.workspace import Workspace

MOST_PROBES, HELD_OUT = 32, 8
_NOISE_OF_CHOICE = 0.01
_SHARE_OF_PROBES = 0.5  # of the minutes; the rest is the transfer's
_BLOCKS_PER_MINUTE = 1.2
_FEWEST_BLOCKS, _MOST_BLOCKS = 10, 40
_NAME_CHARACTERS = 12
_DELTA = 1e-3


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for.

    Attributes:
        board: virtual board to compare with; empty for the one that the board names.
        minutes: on the board; fewer probes and blocks are measured where there is less time.
        probes: at most, held-out ones not counted.
    """

    target: str
    board: str = ""
    kernels: str = DEFAULT_KERNELS
    scheme: str = DEFAULT_SCHEME
    minutes: float = 20.0
    probes: int = MOST_PROBES
    seed: int = 0

    @property
    def blocks(self) -> int:
        """Blocks to measure for the transfer, and as many to check it."""
        return int(min(max(_BLOCKS_PER_MINUTE * self.minutes, _FEWEST_BLOCKS), _MOST_BLOCKS))


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A report and what else a calibration made.

    Attributes:
        board: the board file with the constants that were told, as TOML.
        artefact: folder of the transferred surrogate; None without one.
    """

    calibration: Calibration
    board: str
    artefact: Path | None


def calibrate_board(
    workspace: Workspace, request: Request, say: Callable[[str], None] = lambda _: None
) -> Calibrated:
    """Measure probes, fit the virtual board's constants to them, and move a surrogate.

    What is measured is stored in the workspace as rows too.

    Raises:
        LinkError: the board failed.
        ConfigurationError: no board file to compare with, too few probes ran, or the workspace
            has a fitted surrogate of this board.
    """
    start_s = time.monotonic()
    info = _hello(request)
    reference = comparable_reference(request.target, info.board, request.board)
    say(f"choosing probes on {VIRTUAL}:{reference}")
    nominal = _nominal(info, reference, request)
    order = choose_probes(
        nominal.sensitivities,
        deviations(nominal.constants),
        _NOISE_OF_CHOICE,
        request.probes + HELD_OUT,
    )
    say(f"measuring {len(order)} probes on {request.target}")
    rows = _measure(workspace, request, [nominal.probes[i] for i in order], start_s)
    measured = {i: row for i, row in zip(order, rows, strict=False) if row is not None}
    say(f"fitting {len(nominal.constants)} constants")
    fitted_rows, held_rows = _split(list(measured), len(nominal.constants))
    solution = _solve(nominal, fitted_rows, measured)
    say(f"moving a surrogate by {request.blocks} blocks")
    moved, artefact, reason = _transfer(workspace, request, reference, nominal)
    first = next(iter(measured.values()))
    calibration = Calibration(
        identity=_identity(request, info, reference, first),
        constants=_changes(solution),
        misses=_misses(nominal, solution),
        errors=_errors(nominal, fitted_rows, measured, solution),
        held_out=_held_out(nominal, held_rows, measured, solution),
        noise_percent=100 * solution.noise,
        probes=len(measured),
        refused=len(rows) - len(measured),
        seconds=time.monotonic() - start_s,
        transfer=moved,
        no_transfer=reason,
    )
    return Calibrated(calibration, _told_toml(nominal, solution, calibration), artefact)


def _hello(request: Request) -> BoardInfo:
    with open_link(request.target, kernels=request.kernels) as link:
        device = Device(link)
        device.expect_kernels(request.kernels)
        return device.info


def _nominal(info: BoardInfo, reference: str, request: Request) -> Nominal:
    """The board file at the clock that the board says, with every probe that fits the board."""
    name = reference.partition("?")[0]
    at_clock = f"{name}?clock_hz={info.clock_hz}"
    data = board_data(at_clock)
    description = parse_board(data)
    known = {area.name for area in description.memories}
    placement = replace(description.placement, code=info.code_memory)
    offered = replace(info, memories=tuple(m for m in info.memories if m.name in known))
    probes, programs = fitting_probes(candidates(offered, placement), info, request.scheme)
    model = info.timing_model
    timing = DEFAULT_TIMING if model == SILICON else model.partition("-")[0]
    return Nominal(data, request.kernels, timing, probes, programs)


def _measure(
    workspace: Workspace, request: Request, probes: Sequence[Probe], start_s: float
) -> list[Measurement | None]:
    """Rows of the probes until their share of the time is over; None for a refused one."""
    until_s = start_s + 60 * request.minutes * _SHARE_OF_PROBES
    rows: list[Measurement | None] = []
    with MeasurementStore(workspace.store, create=True) as store:
        for probe in probes:
            if time.monotonic() > until_s:
                break
            rows.append(_measure_one(store, request, probe))
    return rows


def _measure_one(store: MeasurementStore, request: Request, probe: Probe) -> Measurement | None:
    from hwprof.architecture import block_graph

    setup = Setup(request.target, probe.placement, request.kernels, request.scheme)
    try:
        with Bench(setup) as bench:
            program = bench.lower(block_graph(probe.config))
            row = bench.measure(
                program, block_type=probe.config.block_type, block_key=probe.config.key
            )
    except (ModelError, ConfigurationError):
        return None
    store.add(row)
    return None if row.error else row


def _split(rows: list[int], constants: int) -> tuple[list[int], list[int]]:
    """Rows to fit, and the least telling ones to hold the fit against.

    Raises:
        ConfigurationError: fewer probes ran than there are constants.
    """
    if len(rows) < constants + 2:
        raise ConfigurationError(
            f"a calibration of {constants} constants needs {constants + 2} probes; the board ran "
            f"{len(rows)} of them; give it more --minutes, and see hwprof doctor."
        )
    held = min(HELD_OUT, len(rows) - constants - 1)
    return rows[:-held], rows[-held:]


def _solve(nominal: Nominal, rows: list[int], measured: dict[int, Measurement]) -> Solution:
    cycles = np.array([measured[i].cycles for i in rows], dtype=np.float64)
    problem = Problem(
        nominal.constants,
        cycles,
        simulate=lambda factors: nominal.simulate(factors, rows),
        slopes=lambda factors: nominal.slopes(factors, rows),
        first_slopes=nominal.sensitivities[rows],
    )
    return problem.solve()


def _changes(solution: Solution) -> tuple[Change, ...]:
    return tuple(
        Change(str(constant), 100 * (factor - 1), 100 * solution.half_width(constant))
        for constant, factor in solution.factors.items()
    )


def _misses(nominal: Nominal, solution: Solution) -> tuple[Change, ...]:
    """Of each memory, with the interval that its constants' covariance gives."""
    memories = dict.fromkeys(c.of for c in solution.factors if not c.is_kernel)
    return tuple(_miss(nominal, solution, memory) for memory in memories)


def _miss(nominal: Nominal, solution: Solution, memory: str) -> Change:
    def cost(factors: dict[Constant, float]) -> float:
        return miss_cycles(changed_board(nominal.data, factors, nominal.data["name"]), memory)

    factors = dict(solution.factors)
    before, after = miss_cycles(nominal.data, memory), cost(factors)
    slopes = np.array(
        [(cost({**factors, c: factor + _DELTA}) - after) / _DELTA for c, factor in factors.items()]
    )
    half_width = 1.96 * float(np.sqrt(slopes @ solution.covariance @ slopes))
    what = f"read of {memory} that misses, {before:.0f} to {after:.0f} cycles"
    return Change(what, 100 * (after / before - 1), 100 * half_width / before)


def _errors(
    nominal: Nominal, rows: list[int], measured: dict[int, Measurement], solution: Solution
) -> tuple[OperatorError, ...]:
    """By kernel and memories, over the probes that the constants were fitted to."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, i in enumerate(rows):
        probe = nominal.probes[i]
        where = probe.placement
        groups[probe.kernel, where.activations, where.weights].append(place)
    ratio = _ratios(nominal.cycles[rows], rows, measured)
    after = _ratios(solution.cycles, rows, measured)
    return tuple(
        OperatorError(
            *group,
            n=len(places),
            bias_percent=float(np.mean(100 / ratio[places] - 100)),
            mape_percent=_mape(ratio[places]),
            calibrated_mape_percent=_mape(after[places]),
        )
        for group, places in sorted(groups.items())
    )


def _held_out(
    nominal: Nominal, rows: list[int], measured: dict[int, Measurement], solution: Solution
) -> HeldOut:
    cycles = predicted_cycles(nominal.simulate(solution.factors, rows), solution.factors)
    before, after = (_ratios(c, rows, measured) for c in (nominal.cycles[rows], cycles))
    return HeldOut(len(rows), _mape(before), _mape(after))


def _ratios(cycles: Vector, rows: list[int], measured: dict[int, Measurement]) -> Vector:
    """Modelled over measured cycles."""
    return cycles / np.array([measured[i].cycles for i in rows], dtype=np.float64)


def _mape(ratios: Vector) -> float:
    return float(100 * np.abs(ratios - 1).mean())


def _transfer(
    workspace: Workspace, request: Request, reference: str, nominal: Nominal
) -> tuple[TransferReport | None, Path | None, str]:
    """The surrogate moved, its folder, and why there is none."""
    placement = Placement(**{**nominal.data["placement"], "code": nominal.probes[0].placement.code})
    setup = Setup(request.target, placement, request.kernels, request.scheme)
    source = f"{VIRTUAL}:{reference.partition('?')[0]}"
    plan = Plan(source, setup, samples=request.blocks, checks=request.blocks, seed=request.seed)
    try:
        report, folder = transfer_surrogate(workspace, plan)
    except ArtefactError as error:
        return None, None, str(error)
    return report, folder, ""


def _identity(request: Request, info: BoardInfo, reference: str, row: Measurement) -> Identity:
    name = reference.partition("?")[0]
    return Identity(
        target=request.target,
        board=info.board,
        board_identity=info.identity,
        firmware_sha256=row.origin.firmware_sha256,
        firmware_id=info.firmware_id,
        compared_with=name,
        clock_hz=info.clock_hz,
        modelled_clock_hz=board_data(name)["clock"]["core_hz"],
        context=row.origin.context,
        hwprof=version("hwprof"),
        date=datetime.now(tz=UTC).date().isoformat(),
    )


def _told_toml(nominal: Nominal, solution: Solution, calibration: Calibration) -> str:
    """The board file with what was told; what was not stays as it was."""
    told = {str(c): c for c in solution.factors}
    factors = {
        told[change.what]: 1 + change.percent / 100
        for change in calibration.constants
        if change.is_told and not told[change.what].is_kernel
    }
    who = calibration.identity
    remark = (
        f"fitted by hwprof calibrate to {calibration.probes} probes on board {who.board_identity}, "
        f"{calibration.noise_percent:.2f} % left over"
    )
    name = f"{nominal.data['name'][:_NAME_CHARACTERS]}_cal"
    return board_toml(told_board(nominal.data, factors, name, remark))
