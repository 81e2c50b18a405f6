"""Instructions that our kernels execute, beside those of CMSIS-NN for the same layers.

Every shape runs on the virtual board through the real image, protocol and interpreter. What a
kernel executes is the difference of two runs that differ in one record: the layer, or a fill of one
byte in its place. That leaves an error of about a hundred instructions, which the interpreter
spends on finding the layer's seven operands instead of the fill's one.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from hwprof.measurement import DEFAULT_SCHEME, Placement
from hwprof.profiler.device import Checksum, Device
from hwprof.profiler.links import Link, open_link
from hwprof.profiler.program import (
    Buffer,
    Conv2dRecord,
    DepthwiseRecord,
    FillConstant,
    FillRecord,
    FullyConnectedRecord,
    Program,
    Record,
    Region,
)
from hwprof.profiler.scratch import scratch_bytes

TABLE = Path("published") / "cmsis_nn_instructions.csv"
MEDIAN_LIMIT, WORST_LIMIT = 0.10, 0.25

Weighted = Conv2dRecord | DepthwiseRecord | FullyConnectedRecord


@dataclass(frozen=True, slots=True)
class Layer:
    """One row of the table: a layer and the instructions that CMSIS-NN executes for it."""

    kind: str
    h: int
    w: int
    cin: int
    cout: int
    kh: int
    kw: int
    sh: int
    sw: int
    ph: int
    pw: int
    oh: int
    ow: int
    groups: int
    instructions: int

    @property
    def name(self) -> str:
        """The layer in one word."""
        window = f"k{self.kh}x{self.kw} s{self.sh} g{self.groups}"
        return f"{self.kind} {self.h}x{self.w}x{self.cin}->{self.cout} {window}"

    def record(self) -> Weighted:
        """The layer with weights from the pool."""
        if self.kind == "fc":
            return self._fully_connected()
        if self.kind == "dw":
            return DepthwiseRecord(**self._window(self.kh * self.kw * self.cout))
        size_bytes = self.kh * self.kw * self.cin // self.groups * self.cout
        return Conv2dRecord(**self._window(size_bytes), groups=self.groups)

    def _fully_connected(self) -> Weighted:
        return FullyConnectedRecord(
            **self._shared(self.cin * self.cout),
            in_features=self.cin,
            out_features=self.cout,
        )

    def _window(self, weights_bytes: int) -> dict[str, Any]:
        return {
            **self._shared(weights_bytes),
            "in_h": self.h,
            "in_w": self.w,
            "in_c": self.cin,
            "out_h": self.oh,
            "out_w": self.ow,
            "out_c": self.cout,
            "kernel_h": self.kh,
            "kernel_w": self.kw,
            "stride_h": self.sh,
            "stride_w": self.sw,
            "pad_top": self.ph,
            "pad_left": self.pw,
        }

    def _shared(self, weights_bytes: int) -> dict[str, Any]:
        """Input and output of any content; offsets and bounds as a fused ReLU has them."""
        input_bytes, output_bytes = self.h * self.w * self.cin, self.oh * self.ow * self.cout
        words = 4 * self.cout
        return {
            "input": Buffer("input", Region.ACTIVATIONS, 0, input_bytes),
            "output": Buffer("output", Region.ACTIVATIONS, _aligned(input_bytes), output_bytes),
            "weights": Buffer("weights", Region.POOL, 0, weights_bytes),
            "bias": Buffer("bias", Region.CONSTANTS, 0, words),
            "multiplier": Buffer("multiplier", Region.CONSTANTS, _aligned(words), words),
            "shift": Buffer("shift", Region.CONSTANTS, 2 * _aligned(words), words),
            "scratch": Buffer("scratch", Region.SCRATCH, 0, 0),
            "input_offset": 1,
            "output_offset": -1,
            "activation_min": -128,
            "activation_max": 127,
            "layer": self.name,
            "op": self.kind,
            "block": self.kind,
        }


def read_table(folder: Path) -> list[Layer]:
    """The layers of ``published/cmsis_nn_instructions.csv``."""
    with (folder / TABLE).open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    names = [name for name in Layer.__dataclass_fields__ if name != "kind"]
    return [Layer(kind=row["kind"], **{name: int(row[name]) for name in names}) for row in rows]


def executed_instructions(device: Device, link: Link, layer: Layer) -> int:
    """Instructions of the layer's kernel alone."""
    record = layer.record()
    pause = FillRecord(
        output=record.output, size=1, value=0, layer="pause", op="fill", block="pause"
    )
    with_layer = _run_instructions(device, link, _program(record, record, pause))
    without = _run_instructions(device, link, _program(record, pause, pause))
    return with_layer - without


def _run_instructions(device: Device, link: Link, program: Program) -> int:
    device.load(program)
    before = link.counters().instructions
    device.run(checksum=Checksum.NONE, fill_inputs=False)
    return link.counters().instructions - before


def _program(layer: Weighted, *records: Record) -> Program:
    """Records on the memory of ``layer``; each output is the sum rescaled by 2^-9."""
    constants = (
        FillConstant(layer.bias, 0),
        FillConstant(layer.multiplier, 1 << 30),
        FillConstant(layer.shift, -8),
    )
    return Program(
        name="kernel",
        scheme=DEFAULT_SCHEME,
        placement=Placement(),
        inputs=(),
        outputs=(),
        records=records,
        constants=constants,
        weights_image=b"",
        activations_bytes=layer.output.offset_bytes + layer.output.size_bytes,
        scratch_bytes=scratch_bytes(layer),
        constants_bytes=layer.shift.offset_bytes + layer.shift.size_bytes,
    )


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // 32) * 32


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a layer costs with CMSIS-NN and with ours; ``deviation`` is ours / theirs - 1."""

    layer: str
    cmsis_nn_instructions: int
    instructions: int
    deviation: float


def compare(target: str, layers: list[Layer]) -> list[Comparison]:
    """Run every layer on one board."""
    link = open_link(target)
    try:
        device = Device(link)
        executed = [executed_instructions(device, link, layer) for layer in layers]
    finally:
        link.close()
    return [
        Comparison(layer.name, layer.instructions, count, count / layer.instructions - 1)
        for layer, count in zip(layers, executed, strict=True)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the comparison; exit 1 where it is worse than asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    shared = os.environ.get("HWPROF_SHARED_DATA", "../shared/data")
    parser.add_argument("--shared-data", type=Path, default=Path(shared), metavar="DIR")
    parser.add_argument("--target", default="virtual:rt1170")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if not (options.shared_data / TABLE).is_file():
        parser.error(f"--shared-data must hold {TABLE}; got {options.shared_data}")
    rows = compare(options.target, read_table(options.shared_data))
    deviations = [abs(row.deviation) for row in rows]
    middle, worst = median(deviations), max(deviations)
    if options.json:
        layers = [asdict(row) for row in rows]
        print(json.dumps({"layers": layers, "median": middle, "worst": worst}))
    else:
        _print_table(rows)
        print(f"absolute deviation: median {middle:.1%}, worst {worst:.1%}")
    return int(middle > MEDIAN_LIMIT or worst > WORST_LIMIT)


def _print_table(rows: list[Comparison]) -> None:
    print(f"{'layer':38} {'CMSIS-NN':>10} {'ours':>10} {'deviation':>9}")
    for row in rows:
        counts = f"{row.cmsis_nn_instructions:10,} {row.instructions:10,}"
        print(f"{row.layer:38} {counts} {row.deviation:+9.1%}")


if __name__ == "__main__":
    sys.exit(main())
