"""A board to abuse, and a hand-made program that holds every kind of record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hwprof.graph import Shape
from hwprof.measurement import Placement
from hwprof.pool import pool_slice
from hwprof.profiler.device import Device
from hwprof.profiler.links import Link, open_link
from hwprof.profiler.program import (
    AddRecord,
    AveragePoolRecord,
    Buffer,
    Conv2dRecord,
    DataConstant,
    DepthwiseRecord,
    FillConstant,
    FillRecord,
    FullyConnectedRecord,
    LookupRecord,
    MaxPoolRecord,
    MeanRecord,
    MulRecord,
    PoolConstant,
    Program,
    ProgramInput,
    Record,
    Region,
    RequantiseRecord,
    ResizeNearestRecord,
    SoftmaxRecord,
    StridedCopyRecord,
    SubRecord,
    TransposeRecord,
    tensor_bytes,
)
from hwprof.profiler.scratch import scratch_bytes

HALF = {"multiplier": 1 << 30, "shift": 0}  # the factor 1/2
RAILS = {"activation_min": -128, "activation_max": 127}
ZERO_POINTS = {"input_offset": 3, "output_offset": -5}
WHO = {"layer": "layer", "op": "op", "block": "block"}


@dataclass
class Regions:
    """Buffers one after the other in their regions."""

    size_bytes: dict[Region, int] = field(default_factory=dict)
    constants: list[DataConstant | FillConstant | PoolConstant] = field(default_factory=list)

    def take(self, name: str, region: Region, shape: Shape) -> Buffer:
        """The next free bytes of a region."""
        start = self.size_bytes.get(region, 0)
        size_bytes = tensor_bytes(shape)
        self.size_bytes[region] = start + size_bytes + -size_bytes % 32
        return Buffer(name, region, start, size_bytes, shape)

    def tensor(self, name: str, *shape: int) -> Buffer:
        """A tensor (h, w, c) in the arena."""
        return self.take(name, Region.ACTIVATIONS, (shape[0], shape[1], shape[2]))

    def per_channel(self, name: str, channels: int) -> dict[str, Buffer]:
        """Bias from the pool, and multipliers and shifts that make 1/256."""
        bias, multiplier, shift = (
            self.take(f"{name}/{part}", Region.CONSTANTS, (1, channels, 4))
            for part in ("bias", "multiplier", "shift")
        )
        self.constants += [
            PoolConstant(bias, pool_offset_bytes=640, left_shift=5),
            FillConstant(multiplier, 1 << 30),
            FillConstant(shift, -7),
        ]
        return {"bias": bias, "multiplier": multiplier, "shift": shift}

    def scratch(self, record: Record) -> None:
        """Room for what a kernel asks."""
        size_bytes = max(self.size_bytes.get(Region.SCRATCH, 0), scratch_bytes(record))
        self.size_bytes[Region.SCRATCH] = size_bytes


def window(
    source: Buffer, target: Buffer, *, kernel: int, stride: int, pad: int
) -> dict[str, object]:
    """Fields that every windowed record starts with."""
    shape = dict(zip(("in_h", "in_w", "in_c"), source.shape, strict=True))
    shape |= dict(zip(("out_h", "out_w", "out_c"), target.shape, strict=True))
    return {
        **WHO, **RAILS, **shape, "input": source, "output": target,
        "kernel_h": kernel, "kernel_w": kernel, "stride_h": stride, "stride_w": stride,
        "pad_top": pad, "pad_left": pad,
    }  # fmt: skip


def build_program(placement: Placement) -> Program:
    """Sixteen records and one more copy, one after the other, each opcode at least once."""
    regions = Regions()
    x, a, b = (regions.tensor(n, 6, 5, c) for n, c in (("x", 8), ("a", 12), ("b", 12)))
    c, d, e, f = (regions.tensor(name, 3, 2, 12) for name in "cdef")
    g, h, t = (
        regions.tensor("g", 3, 2, 6),
        regions.tensor("h", 5, 4, 6),
        regions.tensor("t", 5, 6, 4),
    )
    j, k, m = (
        regions.tensor("j", 10, 8, 6),
        regions.tensor("k", 10, 8, 6),
        regions.tensor("m", 1, 1, 10),
    )
    n, p = regions.tensor("n", 1, 1, 10), regions.tensor("p", 1, 1, 12)
    table = regions.take("table", Region.CONSTANTS, (1, 1, 256))
    regions.constants.append(DataConstant(table, bytes((7 * i) & 0xFF for i in range(256))))
    scratch = Buffer("scratch", Region.SCRATCH, 0, 0)
    kernel_3 = Buffer("w3", Region.POOL, 4096, 12 * 9 * 8)
    kernel_5 = Buffer("w5", Region.POOL, 32, 25 * 12)
    matrix = regions.take("matrix", Region.WEIGHTS, (10, 480, 1))
    binary = {**WHO, **RAILS, "size": 72, "input_1_offset": 1, "input_2_offset": -2}
    scales = {"output_offset": 4, "output_multiplier": 1 << 30}
    halves = {"input_1_multiplier": 1 << 30, "input_1_shift": 0,
              "input_2_multiplier": 1 << 30, "input_2_shift": -1}  # fmt: skip
    records: tuple[Record, ...] = (
        Conv2dRecord(**window(x, a, kernel=3, stride=1, pad=1), **ZERO_POINTS, groups=1,
                     weights=kernel_3, scratch=scratch, **regions.per_channel("a", 12)),
        DepthwiseRecord(**window(a, b, kernel=5, stride=1, pad=2), **ZERO_POINTS,
                        weights=kernel_5, scratch=scratch, **regions.per_channel("b", 12)),
        MaxPoolRecord(**window(b, c, kernel=2, stride=2, pad=0)),
        AveragePoolRecord(**window(b, d, kernel=2, stride=2, pad=0), count_include_pad=0,
                          zero_point=1, scratch=scratch),
        AddRecord(**binary, **scales, **halves, output_shift=-19, left_shift=20,
                  input_1=c, input_2=d, output=e),
        MulRecord(**binary, **scales, output_shift=-6, input_1=c, input_2=e, output=f),
        StridedCopyRecord(**WHO, input=f, output=g, in_h=3, in_w=2, in_c=12, out_h=3, out_w=2,
                          out_c=6, copy_h=3, copy_w=2, copy_c=6, src_h=0, src_w=0, src_c=1,
                          step_h=1, step_w=1, step_c=2, dst_h=0, dst_w=0, dst_c=0),
        FillRecord(**WHO, output=h, size=120, value=-9),
        StridedCopyRecord(**WHO, input=g, output=h, in_h=3, in_w=2, in_c=6, out_h=5, out_w=4,
                          out_c=6, copy_h=3, copy_w=2, copy_c=6, src_h=0, src_w=0, src_c=0,
                          step_h=1, step_w=1, step_c=1, dst_h=1, dst_w=1, dst_c=0),
        TransposeRecord(**WHO, input=h, output=t, dim_0=1, dim_1=5, dim_2=4, dim_3=6,
                        perm_0=0, perm_1=1, perm_2=3, perm_3=2),
        ResizeNearestRecord(**WHO, input=h, output=j, in_h=5, in_w=4, channels=6, out_h=10,
                            out_w=8),
        LookupRecord(**WHO, input=j, output=k, table=table, size=480),
        RequantiseRecord(**WHO, input=k, output=k, size=480, input_offset=7, output_offset=-7,
                         **HALF),
        FullyConnectedRecord(**WHO, **RAILS, **ZERO_POINTS, input=k, output=m, in_features=480,
                             out_features=10, weights=matrix, scratch=scratch,
                             **regions.per_channel("m", 10)),
        SoftmaxRecord(**WHO, input=m, output=n, rows=1, row_size=10, multiplier=1 << 30, shift=22,
                      diff_min=-124),
        SubRecord(**binary, **scales, **halves, output_shift=-19, left_shift=20,
                  input_1=e, input_2=f, output=d),
        MeanRecord(**WHO, input=d, output=p, pixels=6, channels=12, input_offset=-4,
                   multiplier=1 << 29, shift=-1, output_offset=3, scratch=scratch),
    )  # fmt: skip
    for record in records:
        regions.scratch(record)
    return Program(
        name="every record",
        scheme="hand-made",
        placement=placement,
        inputs=(ProgramInput(x, pool_offset_bytes=96),),
        outputs=(t, n, p),
        records=records,
        constants=tuple(regions.constants),
        weights_image=pool_slice(8192, matrix.size_bytes).tobytes(),
        activations_bytes=regions.size_bytes[Region.ACTIVATIONS],
        scratch_bytes=regions.size_bytes[Region.SCRATCH],
        constants_bytes=regions.size_bytes[Region.CONSTANTS],
    )


@pytest.fixture(scope="session")
def program() -> Program:
    """Every record, weights staged in flash."""
    return build_program(Placement())


@pytest.fixture(scope="session")
def powered_board() -> Iterator[Link]:
    """A virtual board that stays on for all tests: what one breaks, the next would see."""
    with open_link("virtual:rt1170") as link:
        yield link


@pytest.fixture
def board(powered_board: Link) -> Link:
    """A board that has forgotten what the last test loaded."""
    Device(powered_board).abort()
    return powered_board
