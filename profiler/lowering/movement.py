"""Records of the operators that keep scales: pooling, copies, permutations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from hwprof.graph import (
    AveragePool,
    Concat,
    MaxPool,
    Node,
    Pad,
    Reshape,
    ResizeNearest,
    Shape,
    Slice,
    Transpose,
)
from hwprof.profiler.fixed_point import INT8_MAX, INT8_MIN
from hwprof.profiler.lowering.arithmetic import requantised
from hwprof.profiler.lowering.assembly import Assembly
from hwprof.profiler.lowering.windows import shape_of, window_fields
from hwprof.profiler.program import (
    AveragePoolRecord,
    Buffer,
    FillRecord,
    MaxPoolRecord,
    Record,
    Region,
    ResizeNearestRecord,
    StridedCopyRecord,
    TransposeRecord,
)

_SCRATCH = Buffer("scratch", Region.SCRATCH, 0, 0)
_ORIGIN: Shape = (0, 0, 0)
_DENSE: Shape = (1, 1, 1)


@dataclass(frozen=True, slots=True)
class _Job:
    """One move between buffers of equal parameters.

    Attributes:
        zero_point: what stands for zero in both.
    """

    node: Node
    source: Buffer
    target: Buffer
    zero_point: int


_Move = Callable[[Assembly, _Job], Iterator[Record]]


def _run(assembly: Assembly, node: Node, move: _Move) -> Iterator[Record]:
    """Records of a one-input operator; scales that differ cost a requantisation.

    The smaller of input and output is the one that is requantised.
    """
    source, target = assembly.tensor(node.inputs[0]), assembly.tensor(node.name)
    if source.size_bytes >= target.size_bytes:
        yield from _run_in_input_scale(assembly, node, move)
        return
    before, source = _in_output_scale(assembly, node, 0)
    yield from before
    yield from move(assembly, _Job(node, source, target, assembly.params(node.name).zero_point))


def _run_in_input_scale(assembly: Assembly, node: Node, move: _Move) -> Iterator[Record]:
    """Records of the operator, then the requantisation of its output if one is needed."""
    source, target = assembly.tensor(node.inputs[0]), assembly.tensor(node.name)
    given, wanted = assembly.params(node.inputs[0]), assembly.params(node.name)
    if given == wanted:
        yield from move(assembly, _Job(node, source, target, wanted.zero_point))
        return
    moved = assembly.temporary(node, "moved", assembly.graph.shapes[node.name])
    yield from move(assembly, _Job(node, source, moved, given.zero_point))
    yield requantised(assembly, node, (moved, target), (given, wanted))


def _in_output_scale(assembly: Assembly, node: Node, index: int) -> tuple[list[Record], Buffer]:
    """An input in the output's parameters, and the record that brings it there if needed."""
    name = node.inputs[index]
    source, params = assembly.tensor(name), (assembly.params(name), assembly.params(node.name))
    if params[0] == params[1]:
        return [], source
    moved = assembly.temporary(node, requantised_role(index), assembly.graph.shapes[name])
    return [requantised(assembly, node, (source, moved), params)], moved


def requantised_role(index: int) -> str:
    """What an input in the output's parameters is for."""
    return f"requantised{index}"


def average_pool(assembly: Assembly, node: Node, op: AveragePool) -> Iterator[Record]:
    """Mean over windows; the scale of its input holds elements that the output's might cut off."""
    return _run_in_input_scale(assembly, node, partial(_average_pool, op=op))


def _average_pool(assembly: Assembly, job: _Job, op: AveragePool) -> Iterator[Record]:
    yield AveragePoolRecord(
        **assembly.origin(job.node),
        **window_fields(op, job.source, job.target),
        activation_min=INT8_MIN,
        activation_max=INT8_MAX,
        count_include_pad=int(op.count_include_pad),
        zero_point=job.zero_point,
        scratch=_SCRATCH,
    )


def max_pool(assembly: Assembly, node: Node, op: MaxPool) -> Iterator[Record]:
    """Maximum over windows."""
    return _run(assembly, node, partial(_max_pool, op=op))


def _max_pool(assembly: Assembly, job: _Job, op: MaxPool) -> Iterator[Record]:
    yield MaxPoolRecord(
        **assembly.origin(job.node),
        **window_fields(op, job.source, job.target),
        activation_min=INT8_MIN,
        activation_max=INT8_MAX,
    )


def slice_(assembly: Assembly, node: Node, op: Slice) -> Iterator[Record]:
    """One strided copy."""
    return _run(assembly, node, partial(_slice, op=op))


def _slice(assembly: Assembly, job: _Job, op: Slice) -> Iterator[Record]:
    box = _Box(size=op.size, start=op.start, step=op.step)
    yield _copy(assembly, job, box)


def pad(assembly: Assembly, node: Node, op: Pad) -> Iterator[Record]:
    """The output filled with its zero point, then the input copied inside."""
    return _run(assembly, node, partial(_pad, op=op))


def _pad(assembly: Assembly, job: _Job, op: Pad) -> Iterator[Record]:
    yield FillRecord(
        **assembly.origin(job.node),
        output=job.target,
        size=job.target.size_bytes,
        value=job.zero_point,
    )
    box = _Box(size=shape_of(job.source), to=(op.pads.top, op.pads.left, 0))
    yield _copy(assembly, job, box)


def concat(assembly: Assembly, node: Node, op: Concat) -> Iterator[Record]:
    """A copy for each input, each to its place in the output."""
    target, place = assembly.tensor(node.name), list(_ORIGIN)
    for index in range(len(node.inputs)):
        before, source = _in_output_scale(assembly, node, index)
        yield from before
        job = _Job(node, source, target, assembly.params(node.name).zero_point)
        size = shape_of(source)
        yield _copy(assembly, job, _Box(size=size, to=(place[0], place[1], place[2])))
        place[op.axis] += size[op.axis]


def reshape(assembly: Assembly, node: Node, op: Reshape) -> Iterator[Record]:
    """Nothing where the output is a view; else a copy or requantisation into bytes of its own."""
    del op
    if assembly.is_view(node):
        return
    tensors = assembly.tensor(node.inputs[0]), assembly.tensor(node.name)
    params = assembly.params(node.inputs[0]), assembly.params(node.name)
    if params[0] == params[1]:
        yield from _reshape(assembly, _Job(node, *tensors, params[1].zero_point))
    else:
        yield requantised(assembly, node, tensors, params)


def _reshape(assembly: Assembly, job: _Job) -> Iterator[Record]:
    flat = (1, 1, job.source.size_bytes)
    source, target = (_viewed(buffer, flat) for buffer in (job.source, job.target))
    yield _copy(assembly, _Job(job.node, source, target, job.zero_point), _Box(size=flat))


def transpose(assembly: Assembly, node: Node, op: Transpose) -> Iterator[Record]:
    """A permutation of four axes."""
    return _run(assembly, node, partial(_transpose, op=op))


def _transpose(assembly: Assembly, job: _Job, op: Transpose) -> Iterator[Record]:
    yield TransposeRecord(
        **assembly.origin(job.node),
        input=job.source,
        output=job.target,
        **{f"dim_{axis}": size for axis, size in enumerate(op.view)},
        **{f"perm_{axis}": source for axis, source in enumerate(op.permutation)},
    )


def resize_nearest(assembly: Assembly, node: Node, op: ResizeNearest) -> Iterator[Record]:
    """Rows and columns repeated or skipped."""
    del op
    return _run(assembly, node, _resize_nearest)


def _resize_nearest(assembly: Assembly, job: _Job) -> Iterator[Record]:
    (in_h, in_w, channels), (out_h, out_w, _) = shape_of(job.source), shape_of(job.target)
    yield ResizeNearestRecord(
        **assembly.origin(job.node),
        input=job.source,
        output=job.target,
        in_h=in_h,
        in_w=in_w,
        channels=channels,
        out_h=out_h,
        out_w=out_w,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """``size`` elements from every ``step``-th one at ``start``, densely to ``to``."""

    size: Shape
    start: Shape = _ORIGIN
    step: Shape = _DENSE
    to: Shape = _ORIGIN


def _copy(assembly: Assembly, job: _Job, box: _Box) -> StridedCopyRecord:
    (in_h, in_w, in_c), (out_h, out_w, out_c) = shape_of(job.source), shape_of(job.target)
    return StridedCopyRecord(
        **assembly.origin(job.node),
        input=job.source,
        output=job.target,
        in_h=in_h,
        in_w=in_w,
        in_c=in_c,
        out_h=out_h,
        out_w=out_w,
        out_c=out_c,
        copy_h=box.size[0],
        copy_w=box.size[1],
        copy_c=box.size[2],
        src_h=box.start[0],
        src_w=box.start[1],
        src_c=box.start[2],
        step_h=box.step[0],
        step_w=box.step[1],
        step_c=box.step[2],
        dst_h=box.to[0],
        dst_w=box.to[1],
        dst_c=box.to[2],
    )


def _viewed(buffer: Buffer, shape: Shape) -> Buffer:
    return Buffer(buffer.name, buffer.region, buffer.offset_bytes, buffer.size_bytes, shape)
