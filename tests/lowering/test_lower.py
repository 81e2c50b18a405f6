"""What lowering makes of a graph: records, names, memory that really is shared."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.blocks import BLOCK_TYPES, GraphBuilder
from hwprof.errors import (
    ConfigurationError,
    ModelDoesNotFitError,
    ModelError,
    UnsupportedOperatorError,
)
from hwprof.graph import Add, Concat, Conv2d, Graph, Op, Pad, Pads, Reshape, Softmax
from hwprof.networks import person_detector
from hwprof.profiler.constants import materialised
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import Buffer, Program, Region
from hwprof.profiler.reference import expected_checksums, run_reference
from hwprof.profiler.reference._kernels import KERNELS
from hwprof.profiler.reference._memory import Memory
from hwprof.profiler.reference._run import _fill_inputs
from hwprof.profiler.scratch import scratch_bytes

CONV = Conv2d(kernel_h=1, kernel_w=1, out_channels=8)


@dataclass(slots=True)
class SharedMemory(Memory):
    """Memory as a board has it: tensors are places in one arena, full of rubbish at the start."""

    arena: np.ndarray | None = None

    def tensor(self, buffer: Buffer) -> np.ndarray:
        """The bytes at the buffer's place, whoever wrote them."""
        end = buffer.offset_bytes + buffer.size_bytes
        return self.arena[buffer.offset_bytes : end].reshape(buffer.shape)

    def write(self, buffer: Buffer, values: np.ndarray) -> None:
        """Into the arena."""
        self.tensor(buffer)[...] = np.asarray(values, np.int8).reshape(buffer.shape)

    def write_box(self, buffer: Buffer, box: tuple, values: np.ndarray) -> None:
        """Into a part of the arena."""
        self.tensor(buffer)[box] = values


def checksums_in_one_arena(program: Program) -> list[int]:
    """CRC-32 of each record's output when all tensors share the planned arena."""
    rubbish = np.random.default_rng(0).integers(-128, 128, program.activations_bytes, np.int8)
    memory = SharedMemory(program.weights_image, arena=rubbish)
    for constant in program.constants:
        memory.constants[constant.buffer.offset_bytes] = materialised(constant)
    _fill_inputs(program, memory, {})
    checksums = []
    for record in program.records:
        KERNELS[type(record)](record, memory)
        checksums.append(zlib.crc32(memory.tensor(record.output).tobytes()))
    return checksums


def block(name: str, point: list[float], seed: int) -> Graph | None:
    """The block that lies at a point of its sampling range, if one does."""
    kind = BLOCK_TYPES[name]
    values = {
        axis.name: axis.values[int(u * len(axis.values))]
        for axis, u in zip(kind.axes(), point, strict=False)
    }
    config = kind.config(values)
    if config is None:
        return None
    builder = GraphBuilder()
    inputs = [builder.input(f"in_{i}", shape) for i, shape in enumerate(config.inputs)]
    return builder.finish(name, [kind.build(builder, "b", config, inputs)], seed)


UNIT = st.floats(0, 1, exclude_max=True)


@given(
    st.sampled_from(sorted(BLOCK_TYPES)), st.lists(UNIT, min_size=9, max_size=9), st.integers(0, 9)
)
def test_shared_arena_computes_the_same(name, point, seed):
    """No tensor is overwritten while anybody needs it, in any sampled block."""
    graph = block(name, point, seed)
    if graph is None:
        return
    program = lower(graph)

    assert run_reference(program).first_mismatch(checksums_in_one_arena(program)) is None


def test_shared_arena_computes_the_same_for_a_network():
    """Nor in the person detector, whose arena holds a hundred tensors."""
    program = lower(person_detector(k=4, g=4, c=32, width=224, aspect=0.8).graph(seed=1))

    assert run_reference(program).first_mismatch(checksums_in_one_arena(program)) is None


def test_wrong_plan_shows_as_a_mismatch():
    """The reference knows no arena, so two tensors at one place give another checksum."""
    from dataclasses import replace

    program = lower(residual())
    inside, after = program.records[0], program.records[1]
    image = program.inputs[0].buffer
    moved = replace(inside.output, offset_bytes=image.offset_bytes)
    broken = replace(
        program,
        records=(replace(inside, output=moved), replace(after, input=moved), *program.records[2:]),
    )

    assert run_reference(broken).first_mismatch(checksums_in_one_arena(broken)) == 2


def residual() -> Graph:
    """Two convolutions and the sum with their input."""
    builder = GraphBuilder()
    image = builder.input("image", (4, 4, 8))
    one = builder.add("b", "one", CONV, image)
    two = builder.add("b", "two", CONV, one)
    return builder.finish("residual", [builder.add("b", "sum", Add(), two, image)])


def test_records_say_where_they_came_from():
    """Layer, operator, block and MACs stay with each record, and MACs add up to the graph's."""
    graph = person_detector(k=5, g=1, c=96, width=320, aspect=0.8).graph(seed=0)
    program = lower(graph)

    blocks = {node.name: (node.op.kind, node.block) for node in graph.nodes}
    assert program.macs == graph.macs == 29_214_720 + 48_683_520
    assert all(blocks[record.layer] == (record.op, record.block) for record in program.records)


def test_lowering_is_deterministic():
    """The same graph is the same program, byte for byte; another seed is another."""
    assert lower(residual()).sha256 == lower(residual()).sha256


def test_scratch_holds_the_largest_need():
    """Every record gets the scratch of its kernel, and the region holds the largest."""
    program = lower(person_detector(k=5, g=2, c=96, width=320, aspect=0.8).graph(seed=0))

    needs = [scratch_bytes(record) for record in program.records]
    given = [getattr(record, "scratch", None) for record in program.records]
    assert [buffer.size_bytes for buffer in given if buffer] == [
        need for need, buffer in zip(needs, given, strict=True) if buffer
    ]
    assert max(needs) <= program.scratch_bytes


def joined() -> Graph:
    """Two inputs in one output."""
    builder = GraphBuilder()
    left, right = (builder.input(name, (4, 4, 8)) for name in ("left", "right"))
    return builder.finish("joined", [builder.add("b", "both", Concat(), left, right)])


def test_half_written_output_has_no_checksum():
    """Until the last copy of a concatenation, memory decides what the output holds."""
    program = lower(joined())

    assert [crc is None for crc in expected_checksums(program)] == [True, False]
    assert program.complete_outputs == (False, True)


def test_program_and_reference_agree_on_what_is_complete():
    """The program's count of copied elements and the reference's map of bytes say the same."""
    program = lower(person_detector(k=3, g=1, c=24, width=224, aspect=1.0).graph(seed=0))

    defined = tuple(crc is not None for crc in expected_checksums(program))
    assert program.complete_outputs == defined


def test_padding_is_a_fill_and_a_copy(single):
    """The border is the zero point, written first; both records can be checked."""
    program = lower(single(Pad(pads=Pads(1, 1, 1, 1)), (4, 4, 8)))

    assert [record.c_name for record in program.records] == ["fill", "strided_copy"]
    assert program.records[0].value == -128
    assert program.complete_outputs == (True, True)


def test_reshape_costs_nothing(chain):
    """A view in the middle has no record, and its reader sees the viewed shape."""
    program = lower(chain([CONV, Reshape(shape=(2, 8, 8)), CONV], (4, 4, 8)))

    first, second = program.records
    assert first.output.offset_bytes == second.input.offset_bytes
    assert (second.in_h, second.in_w, second.in_c) == (2, 8, 8)


def test_reshaped_output_has_the_outputs_name(chain):
    """A network that ends in a view hands out its bytes under the view's name and shape."""
    program = lower(chain([CONV, Reshape(shape=(1, 1, 128))], (4, 4, 8)))

    assert [(buffer.name, buffer.shape) for buffer in program.outputs] == [
        ("block/op_1", (1, 1, 128))
    ]
    assert run_reference(program).outputs["block/op_1"].shape == (1, 1, 128)


def test_output_that_views_an_input_is_a_copy(chain):
    """Input and output are two tensors to a caller, so they have bytes of their own."""
    program = lower(chain([Reshape(shape=(1, 1, 128))], (4, 4, 8)))

    output = run_reference(program).outputs["block/op_0"]
    assert [record.c_name for record in program.records] == ["strided_copy"]
    assert program.outputs[0].offset_bytes != program.inputs[0].buffer.offset_bytes
    assert np.array_equal(output.reshape(-1), pool_input(program))


def pool_input(program: Program) -> np.ndarray:
    """The slice that fills a program's only input."""
    from hwprof.pool import pool_slice

    entry = program.inputs[0]
    return pool_slice(entry.pool_offset_bytes, entry.buffer.size_bytes)


def test_two_outputs_may_view_one_tensor(chain):
    """Both have their names and the same values."""
    from dataclasses import replace

    graph = chain([CONV, Reshape(shape=(1, 1, 128))], (4, 4, 8))
    program = lower(replace(graph, outputs=("block/op_0", "block/op_1")))

    outputs = run_reference(program).outputs
    assert np.array_equal(outputs["block/op_0"].reshape(-1), outputs["block/op_1"].reshape(-1))


def test_views_of_views_share_one_storage(chain):
    """A chain of reshapes, of which the last is the output, is one tensor."""
    views = [Reshape(shape=(1, 16, 8)), Reshape(shape=(2, 8, 8)), Reshape(shape=(1, 1, 128))]
    program = lower(chain([CONV, *views], (4, 4, 8)))

    assert len(program.records) == 1
    assert program.records[0].output.name == program.outputs[0].name == "block/op_3"


def test_given_inputs_replace_the_pool():
    """Arrays and bytes are taken alike."""
    program = lower(joined())
    data = np.arange(128, dtype=np.int8).reshape(4, 4, 8)

    as_array = run_reference(program, {"left": data, "right": data})
    as_bytes = run_reference(program, {"left": data.tobytes(), "right": data.tobytes()})
    assert as_array.checksums == as_bytes.checksums != expected_checksums(program)


def test_unknown_input_is_refused():
    """A misspelt input is no silent pool slice."""
    with pytest.raises(ConfigurationError, match=r"must be among \['left', 'right'\]; got 'lfet'"):
        run_reference(lower(joined()), {"lfet": b""})


def test_input_of_another_size_is_refused():
    """An input has as many elements as its tensor."""
    with pytest.raises(ConfigurationError, match="'left' must have 128 int8 elements; got 3"):
        run_reference(lower(joined()), {"left": b"abc"})


def test_seeded_tensor_larger_than_the_pool_is_refused(single):
    """A slice must lie inside the pool."""
    with pytest.raises(ModelDoesNotFitError, match="1,048,576 bytes; 'in_0' needs 2,097,152"):
        lower(single(Conv2d(kernel_h=1, kernel_w=1, out_channels=1), (512, 512, 8)))


def test_softmax_over_too_many_channels_is_refused(single):
    """The kernel's sum has twelve integer bits."""
    with pytest.raises(ModelError, match="at most 4095 channels; node 'block/op' has 4096"):
        lower(single(Softmax(), (1, 1, 4096)))


def test_operator_without_a_lowering_is_named(single):
    """An operator that nobody taught us is refused by name, with those that we know."""

    class Novelty(Op):
        kind = "novelty"

    from hwprof.profiler.lowering.operators import records_of

    graph = single(Novelty(), (2, 2, 2))

    with pytest.raises(UnsupportedOperatorError, match=r"must be one of add, .*'novelty'"):
        records_of(None, graph.nodes[0])


def test_person_detector_program_is_small():
    """A whole seeded network is a few bytes for each constant and record, no weights."""
    program = lower(person_detector(k=5, g=1, c=96, width=320, aspect=0.8).graph(seed=0))

    assert program.weights_image == b""
    assert len(program.data) < 20_000
    assert {record.weights.region for record in program.records if hasattr(record, "weights")} == {
        Region.POOL
    }
