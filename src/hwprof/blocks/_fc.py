"""Single fully connected layers."""

from __future__ import annotations

from collections.abc import Mapping

from hwprof.blocks._base import Axis, BlockConfig, Value
from hwprof.blocks._parts import whole
from hwprof.blocks._single import SingleOperatorBlock
from hwprof.graph import FullyConnected

# Seeded weights are a slice of the 1 MiB pool in flash (docs/FORMATS.md, "Seeded tensors").
_MOST_MACS = 1 << 19


class FullyConnectedLayer(SingleOperatorBlock):
    """A matrix times a vector; the input is read in (h, w, c) order."""

    name = "fc"
    operators = (FullyConnected,)

    def axes(self) -> tuple[Axis, ...]:
        return (
            Axis("in_features", whole(8, 4096), log=True),
            Axis("out_features", whole(1, 1024), log=True),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        inputs, outputs = int(values["in_features"]), int(values["out_features"])
        if inputs * outputs > _MOST_MACS:
            return None
        return self.config_of(FullyConnected(out_features=outputs), [(1, 1, inputs)])
