"""The virtual board that a calibration corrects: probes, their cycles, and how they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hwprof.errors import ModelError
from hwprof.profiler.program import Program
from hwprof.profiler.protocol import BoardInfo
from hwprof.workflows.calibration.constants import (
    Constant,
    Factors,
    changed_board,
    memory_constants,
)
from hwprof.workflows.calibration.modelled import VARIANT, Modelled, opened_board
from hwprof.workflows.calibration.probes import Matrix, Probe, Vector
from hwprof.workflows.calibration.solve import STEP, kernel_constants, predicted_cycles


@dataclass(frozen=True)
class Nominal:
    """Probes on a virtual board as its file has it.

    Attributes:
        data: content of the board file, at the clock of the board that is calibrated.
        kernels, timing: of the firmware and of the model.
        programs: of the probes.
    """

    data: dict[str, Any]
    kernels: str
    timing: str
    probes: tuple[Probe, ...]
    programs: tuple[Program, ...]

    @cached_property
    def runs(self) -> list[Modelled]:
        """All probes with nothing changed."""
        return self._run(changed_board(self.data, {}, VARIANT), range(len(self.programs)))

    @cached_property
    def constants(self) -> list[Constant]:
        """What these probes depend on."""
        waited = sorted(set().union(*(run.waiting_memories for run in self.runs)))
        return memory_constants(self.data, waited) + kernel_constants(self.runs)

    @cached_property
    def cycles(self) -> Vector:
        """Of all probes, (n,)."""
        return np.array([run.cycles for run in self.runs], dtype=np.float64)

    @cached_property
    def sensitivities(self) -> Matrix:
        """Relative change of all probes' cycles for a relative change of a constant, (n, k)."""
        return self.slopes({}, range(len(self.programs)))

    def slopes(self, factors: Factors, rows: Sequence[int]) -> Matrix:
        """Change of some probes' cycles, relative to them, for a change of a factor, (n, k)."""
        runs = self.simulate(factors, rows)
        columns = [self._column(constant, factors, rows, runs) for constant in self.constants]
        return np.stack(columns, axis=1) / predicted_cycles(runs, factors)[:, None]

    def _column(
        self, constant: Constant, factors: Factors, rows: Sequence[int], runs: Sequence[Modelled]
    ) -> Vector:
        """Change of cycles for a change of one factor, (n,)."""
        if constant.is_kernel:
            return np.array([run.core_cycles * (run.kernel == constant.of) for run in runs])
        column = np.zeros(len(runs))
        waiting = [place for place, run in enumerate(runs) if constant.of in run.waiting_memories]
        before = factors.get(constant, 1.0)
        more = {**factors, constant: before * (1 + STEP)}
        changed = self.simulate(more, [rows[place] for place in waiting])
        column[waiting] = [
            (after.cycles - runs[place].cycles) / (STEP * before)
            for place, after in zip(waiting, changed, strict=True)
        ]
        return column

    def simulate(self, factors: Factors, rows: Sequence[int]) -> list[Modelled]:
        """Some probes with memories' constants multiplied; kernels' are left alone."""
        if all(factor == 1 or constant.is_kernel for constant, factor in factors.items()):
            return [self.runs[row] for row in rows]
        return self._run(changed_board(self.data, factors, VARIANT), rows)

    def _run(self, board: Mapping[str, Any], rows: Sequence[int]) -> list[Modelled]:
        with opened_board(board, kernels=self.kernels, timing=self.timing) as variant:
            return [variant.run(self.programs[row], self.probes[row].kernel) for row in rows]


def fitting_probes(
    probes: Sequence[Probe], info: BoardInfo, scheme: str
) -> tuple[tuple[Probe, ...], tuple[Program, ...]]:
    """The probes that fit a board, with their programs."""
    from hwprof.profiler.placement import check_fit

    fitting: list[tuple[Probe, Program]] = []
    for probe in probes:
        try:
            program = probe.program(info, scheme)
            check_fit(info, program)
        except ModelError:
            continue
        fitting.append((probe, program))
    return tuple(p for p, _ in fitting), tuple(p for _, p in fitting)
