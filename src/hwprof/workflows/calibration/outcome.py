"""From measured probes and fitted constants to what a report says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwprof.firmware_stub.virtual.board_writer import board_toml
from hwprof.workflows.calibration.constants import Constant, changed_board, miss_cycles, told_board
from hwprof.workflows.calibration.model import Nominal
from hwprof.workflows.calibration.probes import Vector
from hwprof.workflows.calibration.report import Change, HeldOut, OperatorError
from hwprof.workflows.calibration.solve import Z95, Solution, predicted_cycles

_NAME_CHARACTERS = 12  # of a board's 16, with the ending
_DELTA = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What was fitted, and to what.

    Attributes:
        rows: probes that the constants were fitted to, and ``measured`` cycles of each, (n,).
        others: probes held out, with their cycles.
    """

    nominal: Nominal
    solution: Solution
    rows: Sequence[int]
    measured: Vector
    others: Sequence[tuple[int, int]]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every constant beside the board file's."""
        return tuple(self._change(constant) for constant in self.solution.factors)

    def _change(self, constant: Constant) -> Change:
        percent = 100 * (self.solution.factors[constant] - 1)
        return Change(str(constant), percent, 100 * self.solution.half_width(constant))

    @property
    def misses(self) -> tuple[Change, ...]:
        """Of each memory, with the interval that its constants' covariance gives."""
        memories = dict.fromkeys(c.of for c in self.solution.factors if not c.is_kernel)
        return tuple(map(self._miss, memories))

    def _miss(self, memory: str) -> Change:
        data = self.nominal.data

        def cost(factors: dict[Constant, float]) -> float:
            return miss_cycles(changed_board(data, factors, data["name"]), memory)

        factors = dict(self.solution.factors)
        before, after = miss_cycles(data, memory), cost(factors)
        more = [cost({**factors, c: factor + _DELTA}) for c, factor in factors.items()]
        slopes = (np.array(more) - after) / _DELTA
        half_width = Z95 * float(np.sqrt(slopes @ self.solution.covariance @ slopes))
        what = f"read of {memory} that misses, {before:.0f} to {after:.0f} cycles"
        return Change(what, 100 * (after / before - 1), 100 * half_width / before)

    @property
    def errors(self) -> tuple[OperatorError, ...]:
        """By kernel and memories, over the probes that the constants were fitted to."""
        groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for place, row in enumerate(self.rows):
            probe = self.nominal.probes[row]
            where = probe.placement
            groups[probe.kernel, where.activations, where.weights].append(place)
        before = self.nominal.cycles[list(self.rows)] / self.measured
        after = self.solution.cycles / self.measured
        return tuple(
            OperatorError(
                *group,
                n=len(places),
                bias_percent=float(np.mean(100 / before[places] - 100)),
                mape_percent=_mape(before[places]),
                calibrated_mape_percent=_mape(after[places]),
            )
            for group, places in sorted(groups.items())
        )

    @property
    def held_out(self) -> HeldOut:
        """Errors on probes that nothing was fitted to."""
        if not self.others:
            return HeldOut(0, 0.0, 0.0)
        rows, cycles = zip(*self.others, strict=True)
        factors = self.solution.factors
        calibrated = predicted_cycles(self.nominal.simulate(factors, rows), factors)
        measured = np.array(cycles, dtype=np.float64)
        before = self.nominal.cycles[list(rows)] / measured
        return HeldOut(len(rows), _mape(before), _mape(calibrated / measured))

    def board_file(self, identity: str) -> str:
        """The board file as TOML with what was told; what was not stays as it was.

        Args:
            identity: unique id of the board.
        """
        data, factors = self.nominal.data, self.solution.factors
        told = {
            constant: factor
            for constant, factor in factors.items()
            if self._change(constant).is_told and not constant.is_kernel
        }
        remark = (
            f"fitted by hwprof calibrate to {len(self.rows)} probes on board {identity}, "
            f"{100 * self.solution.noise:.2f} % left over"
        )
        return board_toml(told_board(data, told, f"{data['name'][:_NAME_CHARACTERS]}_cal", remark))


def _mape(ratios: Vector) -> float:
    """Of modelled over measured cycles."""
    return float(100 * np.abs(ratios - 1).mean())
