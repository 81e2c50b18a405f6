"""What a calibration found, as values, as JSON and as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from hwprof.measurement import Context
from hwprof.workflows.transfer import TransferReport

NAMED_PERCENT = 5.0
"""A constant that differs by less is not named."""

_WIDEST_NAMED_PERCENT, _WIDEST_TOLD_PERCENT = 25.0, 10.0

FORMAT, FORMAT_VERSION = "hwprof-calibration", 1


@dataclass(frozen=True, slots=True)
class Change:
    """One constant, or cost made of several, beside the board file's.

    Attributes:
        what: ``read latency of ocram``.
        percent: how far it lies above the file's.
        half_width_percent: half of its 95 % interval.
    """

    what: str
    percent: float
    half_width_percent: float

    @property
    def is_named(self) -> bool:
        """Whether it differs, beyond doubt and by enough to matter."""
        beyond_doubt = abs(self.percent) >= max(NAMED_PERCENT, self.half_width_percent)
        return beyond_doubt and self.half_width_percent <= _WIDEST_NAMED_PERCENT

    @property
    def is_told(self) -> bool:
        """Whether it is named, or the probes tell it to within a tenth."""
        return self.is_named or self.half_width_percent <= _WIDEST_TOLD_PERCENT

    def __str__(self) -> str:
        low, high = self.percent - self.half_width_percent, self.percent + self.half_width_percent
        direction = "more" if self.percent >= 0 else "less"
        return (
            f"{self.what}: {abs(self.percent):.0f} % {direction} than modelled "
            f"({low:+.1f} to {high:+.1f} %)"
        )


@dataclass(frozen=True, slots=True)
class OperatorError:
    """How far the virtual board is off on one operator in one pair of memories.

    Attributes:
        op: kernel: ``conv``, ``pwconv`` and ``dwconv`` of convolutions, else the operator.
        n: probes with it.
        bias_percent: mean of measured above modelled.
        mape_percent: mean absolute error of the modelled cycles.
        calibrated_mape_percent: the same with the calibrated constants.
    """

    op: str
    activations: str
    weights: str
    n: int
    bias_percent: float
    mape_percent: float
    calibrated_mape_percent: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Probes that no constant was fitted to: mean absolute error of their modelled cycles."""

    n: int
    mape_percent: float
    calibrated_mape_percent: float


@dataclass(frozen=True, slots=True)
class Identity:
    """The board, and what it was compared with.

    Attributes:
        compared_with: board reference of the virtual board.
        clock_hz, modelled_clock_hz: what the board says, and its board file.
    """

    target: str
    board: str
    board_identity: str
    firmware_sha256: str
    firmware_id: str
    compared_with: str
    clock_hz: int
    modelled_clock_hz: int
    context: Context
    hwprof: str
    date: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """A board beside its virtual board.

    Attributes:
        constants: all that were fitted.
        misses: what a read that misses costs, one for each memory.
        noise_percent: what the calibrated virtual board leaves unexplained on the probes.
        refused: probes that the board could not run.
        transfer: the surrogate moved to the board; None where ``no_transfer`` says why.
    """

    identity: Identity
    constants: tuple[Change, ...]
    misses: tuple[Change, ...]
    errors: tuple[OperatorError, ...]
    held_out: HeldOut
    noise_percent: float
    probes: int
    refused: int
    seconds: float
    transfer: TransferReport | None
    no_transfer: str = ""

    @property
    def named(self) -> tuple[Change, ...]:
        """Constants that differ."""
        return tuple(change for change in self.constants if change.is_named)

    @property
    def untold(self) -> tuple[Change, ...]:
        """Constants that this board's probes do not tell."""
        return tuple(change for change in self.constants if not change.is_told)

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof calibrate --json`` prints and a bundle holds."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "identity": asdict(self.identity),
            "constants": [_change(change) for change in self.constants],
            "misses": [_change(change) for change in self.misses],
            "errors": [asdict(error) for error in self.errors],
            "held_out": asdict(self.held_out),
            "noise_percent": self.noise_percent,
            "probes": self.probes,
            "refused": self.refused,
            "seconds": self.seconds,
            "transfer": self.transfer.to_json() if self.transfer else None,
            "no_transfer": self.no_transfer,
        }


def _change(change: Change) -> dict[str, object]:
    return {**asdict(change), "is_named": change.is_named, "is_told": change.is_told}


def markdown(calibration: Calibration) -> str:
    """The report as a page of Markdown."""
    who = calibration.identity
    sections = [
        f"# {who.board}, identity {who.board_identity}, beside virtual:{who.compared_with}",
        _circumstances(calibration),
        "## What differs",
        _bullets(findings(calibration)),
        "## Error of the virtual board",
        _table(
            ("operator", "activations", "weights", "n", "bias %", "MAPE %", "calibrated MAPE %"),
            [tuple(asdict(error).values()) for error in calibration.errors],
        ),
        _held_out(calibration.held_out),
        "## Transferred surrogate",
        _transfer(calibration),
    ]
    return "\n\n".join(sections) + "\n"


def _circumstances(calibration: Calibration) -> str:
    who = calibration.identity
    return (
        f"Of {who.date}, hwprof {who.hwprof}, firmware {who.firmware_id}. {who.clock_hz / 1e6:g} "
        f"MHz; the board file has {who.modelled_clock_hz / 1e6:g} MHz. {calibration.probes} probes "
        f"in {calibration.seconds:.0f} s, {calibration.refused} refused."
    )


def findings(calibration: Calibration) -> list[str]:
    """What differs, what a miss costs, and what could not be told, a sentence each."""
    who = calibration.identity
    named = [str(change) for change in calibration.named]
    if who.clock_hz != who.modelled_clock_hz:
        percent = 100 * (who.clock_hz / who.modelled_clock_hz - 1)
        named.insert(0, f"core clock: {percent:+.1f} %, as the board says itself")
    named = named or ["no constant differs by 5 % or more"]
    misses = [f"a {change}" for change in calibration.misses if change.is_named]
    untold = ", ".join(change.what for change in calibration.untold)
    return [*named, *misses, *([f"not told by these probes: {untold}"] if untold else [])]


def _held_out(held_out: HeldOut) -> str:
    return (
        f"On {held_out.n} probes that nothing was fitted to: MAPE {held_out.mape_percent:.2f} % as "
        f"modelled, {held_out.calibrated_mape_percent:.2f} % with the constants above."
    )


def _transfer(calibration: Calibration) -> str:
    moved = calibration.transfer
    if moved is None:
        return f"None: {calibration.no_transfer}"
    text = f"From {moved.source} by {len(moved.rows)} blocks."
    if moved.checks is None:
        return text
    return (
        f"{text} On {moved.checks.n} others: MAPE {moved.checks.transfer.mape_percent:.2f} %, one "
        f"scalar {moved.checks.one_scalar.mape_percent:.2f} %."
    )


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [headings, ["---"] * len(headings), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
