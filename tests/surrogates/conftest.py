"""A made-up board with kernel-like costs, rows measured on it, and surrogates fitted on those."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES
from hwprof.firmware_stub.stamp import code_sha256
from hwprof.graph import Concat, Conv2d, FullyConnected, Reshape, Slice
from hwprof.measurement import Context, Measurement, Origin
from hwprof.surrogates.artefact import save_artefact
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.workspace import Workspace

CONTEXT = Context("rt1170", 996_000_000, cache_state="cold", timing_model="exact-3")
FIRMWARE = code_sha256("rt1170", "simd")  # predictions are refused for any other code


def _conv(op, inputs, out):
    pixels, channels = out[0] * out[1], out[2]
    if op.is_depthwise(inputs):
        return 150 + pixels * (60 + channels * (22 + 3.5 * op.kernel_h * op.kernel_w))
    k = op.kernel_h * op.kernel_w * inputs[0][2] // op.groups
    gather = 0 if k == inputs[0][2] else pixels * op.groups * (30 + 2.2 * k)
    return 150 + gather + -(-pixels // 2) * -(-channels // 2) * (85 + 5.2 * k + 6 * (k % 4))


def _fully_connected(op, inputs, out):
    del op
    return 150 + out[2] * (30 + 2.1 * prod(inputs[0]))


def _concat(op, inputs, out):
    del op, out
    return sum(90 + h * w * (25 + 0.8 * c) for h, w, c in inputs)


def _slice(op, inputs, out):
    del inputs
    return 90 + out[0] * out[1] * (25 + out[2] * (0.8 if op.step[2] == 1 else 3.1))


def _pass(op, inputs, out):
    del op, inputs
    return 120 + out[0] * out[1] * (15 + 7.0 * out[2])


# Loops in blocks of two and four, written apart from the terms that are to find them.
_CYCLES = {
    Concat: _concat,
    Conv2d: _conv,
    FullyConnected: _fully_connected,
    Reshape: lambda *_: 0.0,
    Slice: _slice,
}


class MadeUpBoard:
    """Rows of a board that is only a formula."""

    context = CONTEXT
    firmware_sha256 = FIRMWARE

    def draw(self, name, count, seed=0):
        """Distinct configurations of a block type, in the order drawn."""
        rng = np.random.default_rng(seed)
        kind = BLOCK_TYPES[name]
        found = {}
        while len(found) < count:
            values = {
                axis.name: axis.values[rng.integers(len(axis.values))] for axis in kind.axes()
            }
            config = kind.config(values)
            if config is not None:
                found[config] = None
        return list(found)

    def cycles(self, graph):
        """Cycles of a graph, exact."""
        return sum(
            _CYCLES.get(type(node.op), _pass)(
                node.op, graph.input_shapes(node), graph.shapes[node.name]
            )
            for node in graph.nodes
        )

    def row(self, config, cycles=None, *, context=CONTEXT, firmware=FIRMWARE, **changes):
        """A row of one block, exact unless cycles are given."""
        cycles = self.cycles(block_graph(config)) if cycles is None else cycles
        return Measurement(
            block_type=config.block_type,
            block_key=config.key,
            origin=Origin("virtual:rt1170", "made-up", firmware, context),
            program_sha256="p" * 64,
            cycles=round(cycles),
            macs=0,
            peak_ram_bytes=0,
            flash_bytes=0,
            **changes,
        )

    def measure(self, names, count, seed=0):
        """Rows of ``count`` blocks of each type, with half a percent of noise."""
        rng = np.random.default_rng(seed)
        return [
            self.row(config, self.cycles(block_graph(config)) * rng.normal(1, 0.005))
            for name in names
            for config in self.draw(name, count, seed)
        ]


@pytest.fixture(scope="session")
def board():
    """The made-up board."""
    return MadeUpBoard()


@pytest.fixture(scope="session")
def detector_rows(board):
    """Rows of the five block types of the person detector."""
    return board.measure(("stem", "shufflev2", "fusion", "spp", "dethead"), 60)


@pytest.fixture(scope="session")
def fitted(detector_rows):
    """Priors and ridges on those rows; trees have tests of their own."""
    return fit(detector_rows, FitOptions(models=("physical_prior", "ridge")))


@pytest.fixture(scope="session")
def workspace(fitted, tmp_path_factory):
    """A workspace with the fitted artefact in it."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    save_artefact(fitted.artefact, workspace.artefacts)
    return workspace
