"""``hwprof calibrate``: one board, its virtual board, and what lies between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from hwprof.architecture import block_graph
from hwprof.errors import ArtefactError, ConfigurationError, ModelError
from hwprof.firmware_stub.targets import VIRTUAL, comparable_reference
from hwprof.firmware_stub.virtual.board_files import board_data, parse_board
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
from hwprof.workflows.calibration.model import Nominal, fitting_probes
from hwprof.workflows.calibration.outcome import Outcome
from hwprof.workflows.calibration.probes import Probe, Vector, candidates, choose_probes
from hwprof.workflows.calibration.report import Calibration, Identity
from hwprof.workflows.calibration.solve import Problem, Solution, deviations
from hwprof.workflows.transfer import Plan, TransferReport, transfer_surrogate
from hwprof.workspace import Workspace

MOST_PROBES, HELD_OUT = 32, 8
_NOISE_OF_CHOICE = 0.01
_SHARE_OF_PROBES = 0.5  # of the minutes; the rest is the transfer's
_BLOCKS_PER_MINUTE = 1.2
_FEWEST_BLOCKS, _MOST_BLOCKS = 10, 40
_REPEATS_OF_SILICON = 3  # a virtual board's are all the same


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
        ConfigurationError: no board file to compare with, or too few probes ran.
    """
    start_s = time.monotonic()
    info = _hello(request)
    reference = comparable_reference(request.target, info.board, request.board)
    say(f"choosing probes on {VIRTUAL}:{reference}")
    nominal = _nominal(info, reference, request)
    fitted, held_out = _chosen(nominal, request)
    say(f"measuring {len(fitted) + len(held_out)} probes on {request.target}")
    repeats = _REPEATS_OF_SILICON if info.timing_model == SILICON else 1
    measured = _measure(workspace, request, nominal, [*fitted, *held_out], repeats=repeats)
    say(f"fitting {len(nominal.constants)} constants")
    outcome = _outcome(nominal, measured, fitted, held_out)
    say(f"moving a surrogate by {request.blocks} blocks")
    moved, artefact, reason = _transfer(workspace, request, reference, nominal)
    calibration = Calibration(
        identity=_identity(request, info, reference, next(iter(measured.values()))),
        constants=outcome.changes,
        misses=outcome.misses,
        errors=outcome.errors,
        held_out=outcome.held_out,
        noise_percent=100 * outcome.solution.noise,
        probes=len(measured),
        refused=len(fitted) + len(held_out) - len(measured),
        seconds=time.monotonic() - start_s,
        transfer=moved,
        no_transfer=reason,
    )
    return Calibrated(calibration, outcome.board_file(info.identity), artefact)


def _hello(request: Request) -> BoardInfo:
    with open_link(request.target, kernels=request.kernels) as link:
        device = Device(link)
        device.expect_kernels(request.kernels)
        return device.info


def _nominal(info: BoardInfo, reference: str, request: Request) -> Nominal:
    """The board file at the clock and with the code where the board says, and what fits it."""
    data = board_data(f"{reference.partition('?')[0]}?clock_hz={info.clock_hz}")
    data = {**data, "placement": {**data["placement"], "code": info.code_memory}}
    description = parse_board(data)
    known = {area.name for area in description.memories}
    offered = replace(info, memories=tuple(m for m in info.memories if m.name in known))
    tried = candidates(offered, description.placement)
    probes, programs = fitting_probes(tried, info, request.scheme)
    model = info.timing_model
    timing = DEFAULT_TIMING if model == SILICON else model.partition("-")[0]
    return Nominal(data, request.kernels, timing, probes, programs)


def _chosen(nominal: Nominal, request: Request) -> tuple[list[int], list[int]]:
    """Probes to fit, the most telling first, and others at random to hold the fit against."""
    fitted = choose_probes(
        nominal.sensitivities, deviations(nominal.constants), _NOISE_OF_CHOICE, request.probes
    )
    rest = [row for row in range(len(nominal.probes)) if row not in fitted]
    chance = np.random.default_rng(request.seed)
    return fitted, chance.permutation(rest)[:HELD_OUT].tolist()


def _measure(
    workspace: Workspace,
    request: Request,
    nominal: Nominal,
    order: Sequence[int],
    *,
    repeats: int,
) -> dict[int, Measurement]:
    """Rows of those probes that ran, until their share of the time is over."""
    until_s = time.monotonic() + 60 * request.minutes * _SHARE_OF_PROBES
    rows: dict[int, Measurement] = {}
    with MeasurementStore(workspace.store, create=True) as store:
        for number in order:
            if time.monotonic() > until_s:
                break
            row = _measure_one(request, nominal.probes[number], repeats)
            if row is not None:
                store.add(row)
            if row is not None and not row.error:
                rows[number] = row
    return rows


def _measure_one(request: Request, probe: Probe, repeats: int) -> Measurement | None:
    """A row of a probe, None where the board refuses it."""
    setup = Setup(request.target, probe.placement, request.kernels, request.scheme, repeats=repeats)
    kind, key = probe.config.block_type, probe.config.key
    try:
        with Bench(setup) as bench:
            program = bench.lower(block_graph(probe.config))
            return bench.measure(program, block_type=kind, block_key=key)
    except (ModelError, ConfigurationError):
        return None


def _outcome(
    nominal: Nominal, measured: Mapping[int, Measurement], fitted: list[int], held_out: list[int]
) -> Outcome:
    """The fit, and what was held out of it.

    Raises:
        ConfigurationError: too few probes ran.
    """
    rows = [row for row in fitted if row in measured]
    others = [row for row in held_out if row in measured]
    check_enough(len(rows), len(nominal.constants))
    cycles = np.array([measured[row].cycles for row in rows], dtype=np.float64)
    return Outcome(
        nominal,
        _solve(nominal, rows, cycles),
        rows,
        cycles,
        [(o, measured[o].cycles) for o in others],
    )


def check_enough(probes: int, constants: int) -> None:
    """Refuse to fit constants to hardly more probes.

    Raises:
        ConfigurationError: fewer probes ran than that takes.
    """
    if probes < constants + 2:
        raise ConfigurationError(
            f"a calibration of {constants} constants needs {constants + 2} probes; the board ran "
            f"{probes} of them; give it more --minutes, and see hwprof doctor."
        )


def _solve(nominal: Nominal, rows: list[int], cycles: Vector) -> Solution:
    problem = Problem(
        nominal.constants,
        cycles,
        simulate=lambda factors: nominal.simulate(factors, rows),
        slopes=lambda factors: nominal.slopes(factors, rows),
        first_slopes=nominal.sensitivities[rows],
    )
    return problem.solve()


def _transfer(
    workspace: Workspace, request: Request, reference: str, nominal: Nominal
) -> tuple[TransferReport | None, Path | None, str]:
    """The surrogate moved, its folder, and why there is none: nothing to move, or one is there."""
    setup = Setup(
        request.target, Placement(**nominal.data["placement"]), request.kernels, request.scheme
    )
    source = f"{VIRTUAL}:{reference.partition('?')[0]}"
    plan = Plan(source, setup, samples=request.blocks, checks=request.blocks, seed=request.seed)
    try:
        report, folder = transfer_surrogate(workspace, plan)
    except (
        ArtefactError,
        ConfigurationError,
    ) as error:  # what was measured before is worth a report
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
