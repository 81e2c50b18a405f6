"""Small programs whose cycles answer differently to each constant, and the choice among them.

Chosen are those that together tell most: each time the one whose cycles are least certain, given
those before (D-optimal design, greedily; Fedorov, Theory of Optimal Experiments, 1972, chapter 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hwprof.architecture import block_graph
from hwprof.blocks import BlockConfig, Value, get_block_type
from hwprof.graph import Conv2d
from hwprof.measurement import Placement
from hwprof.profiler.constants import spill
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import Program
from hwprof.profiler.protocol import BoardInfo, MemoryUse

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]

_BLOCKS: tuple[tuple[str, dict[str, Value]], ...] = (
    ("conv", {"height": 16, "width": 16, "c_in": 16, "c_out": 16, "kernel": 3, "stride": 1,
              "groups": 1}),
    ("pwconv", {"height": 32, "width": 32, "c_in": 48, "c_out": 16, "groups": 1}),
    ("pwconv", {"height": 4, "width": 4, "c_in": 96, "c_out": 192, "groups": 1}),
    ("dwconv", {"height": 24, "width": 24, "channels": 48, "kernel": 3, "stride": 1}),
    ("dwconv", {"height": 32, "width": 32, "channels": 32, "kernel": 3, "stride": 2}),
    ("fc", {"in_features": 512, "out_features": 64}),
    ("elementwise", {"function": "add", "height": 24, "width": 24, "channels": 48}),
    ("elementwise", {"function": "sigmoid", "height": 24, "width": 24, "channels": 64}),
    ("pool", {"kind": "max_pool", "height": 32, "width": 32, "channels": 32, "window": "2x2/2"}),
    ("reshape", {"move": "concat-2", "height": 24, "width": 24, "channels": 32}),
    ("reshape", {"move": "shuffle", "height": 24, "width": 24, "channels": 48}),
    ("reshape", {"move": "resize", "height": 24, "width": 24, "channels": 32}),
)  # fmt: skip
"""Around the caches' size, so that lines are fetched, and small enough for a slow line."""

_TCM_BLOCKS: tuple[tuple[str, dict[str, Value]], ...] = (
    ("conv", {"height": 12, "width": 12, "c_in": 16, "c_out": 16, "kernel": 3, "stride": 1,
              "groups": 1}),
    ("pwconv", {"height": 16, "width": 16, "c_in": 32, "c_out": 32, "groups": 1}),
    ("dwconv", {"height": 16, "width": 16, "channels": 32, "kernel": 3, "stride": 1}),
    ("fc", {"in_features": 256, "out_features": 32}),
    ("elementwise", {"function": "add", "height": 16, "width": 16, "channels": 32}),
    ("elementwise", {"function": "sigmoid", "height": 16, "width": 16, "channels": 32}),
    ("pool", {"kind": "max_pool", "height": 16, "width": 16, "channels": 32, "window": "2x2/2"}),
    ("reshape", {"move": "concat-2", "height": 16, "width": 16, "channels": 32}),
    ("reshape", {"move": "shuffle", "height": 16, "width": 16, "channels": 32}),
    ("reshape", {"move": "resize", "height": 12, "width": 12, "channels": 32}),
)  # fmt: skip
"""Small enough for the share of tightly coupled memory that is on offer."""

_TCM_BYTES = 128 << 10


@dataclass(frozen=True, slots=True)
class Probe:
    """A block where it lies."""

    config: BlockConfig
    placement: Placement

    @property
    def kernel(self) -> str:
        """What runs it: convolutions are cut by their kernels as block types are."""
        (node,) = block_graph(self.config).nodes
        return self.config.block_type if isinstance(node.op, Conv2d) else node.op.kind

    def program(self, info: BoardInfo, scheme: str) -> Program:
        """The block as a program for the rooms of a board."""
        lowered = lower(block_graph(self.config), placement=self.placement, scheme=scheme)
        return spill(
            lowered,
            constants_room_bytes=info.max_constants_bytes,
            program_room_bytes=info.max_program_bytes,
        )


def candidates(info: BoardInfo, placement: Placement) -> list[Probe]:
    """Every block with its activations in each memory, its weights at home and beside them.

    Args:
        info: the board's memories.
        placement: the board's own; scratch and code stay.
    """
    return [
        Probe(config, replace(placement, activations=memory.name, weights=weights))
        for memory in info.memories
        if MemoryUse.ACTIVATIONS in memory.uses
        for config in _configs(small=memory.size_bytes < _TCM_BYTES)
        for weights in _weights_memories(config, placement.weights, memory.name)
    ]


def _configs(*, small: bool) -> Iterator[BlockConfig]:
    for kind, values in _TCM_BLOCKS if small else _BLOCKS:
        config = get_block_type(kind).config(values)
        assert config is not None, (kind, values)  # noqa: S101 - the lists above are in their spaces
        yield config


def _weights_memories(config: BlockConfig, home: str, beside: str) -> list[str]:
    return list(dict.fromkeys([home, beside])) if block_graph(config).parameters else [home]


def choose_probes(sensitivities: Matrix, deviations: Vector, noise: float, count: int) -> list[int]:
    """Rows of the most telling probes, the most telling first.

    Args:
        sensitivities: relative change of cycles for a relative change of a constant, (n, k).
        deviations: how far each constant may be off before anything is measured, (k,).
        noise: relative deviation of a measurement from the model.
        count: how many; all of them where there are fewer.
    """
    covariance = np.diag(deviations**2)
    chosen: list[int] = []
    for _ in range(min(count, len(sensitivities))):
        told = sensitivities @ covariance
        variance = (told * sensitivities).sum(axis=1)
        variance[chosen] = -1.0
        row = int(variance.argmax())
        chosen.append(row)
        covariance -= np.outer(told[row], told[row]) / (max(variance[row], 0.0) + noise**2)
    return chosen
