"""Laws of the memory plan, on random lives and on real networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.blocks import GraphBuilder
from hwprof.graph import Add, Conv2d, Pads, Reshape, Unary, UnaryFunction
from hwprof.networks import NETWORKS, mobilenet_v1, person_detector
from hwprof.profiler.lowering import lower
from hwprof.profiler.lowering.memory import (
    ArenaPlan,
    Life,
    activation_buffers,
    align,
    collisions,
    lives_of,
    most_alive_bytes,
    place_lives,
)
from hwprof.profiler.memory_report import memory_report
from hwprof.profiler.program import ALIGNMENT_BYTES, Program
from hwprof.testing.greedy import GreedyBuffer, greedy_arena_bytes


@st.composite
def some_lives(draw):
    """Up to a dozen lives over twenty records."""
    count = draw(st.integers(1, 12))
    lives = []
    for index in range(count):
        first = draw(st.integers(-1, 19))
        last = draw(st.integers(max(first, 0), 20))
        lives.append(Life(f"t{index}", draw(st.integers(1, 5_000)), first, last))
    return lives


def floor_bytes(lives):
    """The most aligned bytes that are alive at one record: no plan can be smaller."""
    moments = range(-1, 21)
    return max(
        sum(align(life.size_bytes) for life in lives if life.first <= moment <= life.last)
        for moment in moments
    )


def tflm_bytes(lives):
    """The arena that TFLM's greedy planner needs for the same tensors."""
    return greedy_arena_bytes(
        [GreedyBuffer(align(life.size_bytes), life.first, life.last) for life in lives]
    )


@given(some_lives())
def test_no_plan_is_larger_than_the_greedy_one(lives):
    """TFLM's plan of the same tensors, worked out by other code, is never smaller."""
    plan = place_lives(lives)

    assert most_alive_bytes(lives) == floor_bytes(lives) <= plan.size_bytes <= tflm_bytes(lives)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_networks_need_what_is_alive(name):
    """Every network that ships fits the bytes alive at its worst operator; no plan is smaller."""
    lives = lives_in(lower(NETWORKS[name]().graph(seed=0)))

    assert place_lives(lives).size_bytes == most_alive_bytes(lives)


def test_greedy_by_size_may_need_more():
    """A case where the greedy plan leaves a gap that ours does not."""
    lives = lives_in(lower(mobilenet_v1().graph(seed=0)))

    assert (place_lives(lives).size_bytes, tflm_bytes(lives)) == (153_600, 204_800)


def test_a_tensor_at_the_top_is_placed_again_and_earlier():
    """Four tensors that no order of size, birth or life places in what is alive."""
    lives = [Life("a", 128, 1, 4), Life("b", 64, 1, 1), Life("c", 192, 4, 6), Life("d", 160, -1, 3)]

    assert place_lives(lives).size_bytes == most_alive_bytes(lives) == 352 < tflm_bytes(lives)


def test_search_ends_where_no_plan_is_found():
    """A few sets of random tensors stay above the bound, without a collision."""
    rng = np.random.default_rng(0)
    above = 0
    for _ in range(400):
        first = rng.integers(-1, 7, 8)
        last = np.maximum(first + rng.integers(0, 4, 8), 0)
        sizes = 32 * rng.integers(1, 7, 8)
        rows = zip(sizes.tolist(), first.tolist(), last.tolist(), strict=True)
        lives = [Life(f"t{number}", *row) for number, row in enumerate(rows)]
        plan = place_lives(lives)
        above += plan.size_bytes > most_alive_bytes(lives)
        assert collisions(lives, plan) == []
        assert plan.size_bytes <= tflm_bytes(lives)

    assert 0 < above < 20


def test_no_tensors_need_no_arena():
    """A program without tensors has an empty plan."""
    assert place_lives([]) == ArenaPlan({}, 0)


@given(some_lives())
def test_no_two_live_tensors_overlap(lives):
    """Tensors whose lives meet share no byte, checked pair by pair and byte by byte."""
    plan = place_lives(lives)

    for moment in range(-1, 21):
        taken = [
            byte
            for life in lives
            if life.first <= moment <= life.last
            for byte in range(
                plan.offsets_bytes[life.name], plan.offsets_bytes[life.name] + life.size_bytes, 16
            )
        ]
        assert len(taken) == len(set(taken))
    assert collisions(lives, plan) == []


@given(some_lives())
def test_plan_is_aligned_and_no_smaller_than_what_is_alive(lives):
    """Offsets are multiples of a cache line and the arena holds every tensor."""
    plan = place_lives(lives)

    ends = [plan.offsets_bytes[life.name] + life.size_bytes for life in lives]
    assert all(offset % ALIGNMENT_BYTES == 0 for offset in plan.offsets_bytes.values())
    assert max(*ends, floor_bytes(lives)) <= plan.size_bytes


def test_tensors_that_never_meet_share_bytes():
    """A tensor takes the place of one that died before."""
    lives = [Life("a", 64, -1, 0), Life("b", 64, 0, 1), Life("c", 64, 1, 2)]

    assert place_lives(lives).size_bytes == 128


def test_collision_of_a_broken_plan_is_found():
    """The check is no part of the planner: it finds what a planner got wrong."""
    lives = [Life("a", 64, -1, 1), Life("b", 64, 1, 2)]

    broken = ArenaPlan({"a": 0, "b": 63}, 127)

    assert collisions(lives, broken) == [("b", "a")]


def lives_in(program: Program) -> list[Life]:
    """Lives of a finished program's tensors."""
    inputs = [entry.buffer for entry in program.inputs]
    return lives_of(program.records, inputs, program.outputs)


def test_person_detector_needs_no_more_than_its_live_tensors():
    """At 256x320 the arena is the image and the first convolution's output, nothing more."""
    graph = person_detector(k=5, g=1, c=96, width=320, aspect=0.8).graph(seed=0)

    program = lower(graph)

    report = memory_report(program)
    assert program.activations_bytes == report.live_bytes == 245_760 + 491_520
    assert {tensor.size_bytes for tensor in report.peak_tensors} == {245_760, 491_520}


def test_offsets_in_a_program_keep_live_tensors_apart():
    """What the records carry is the plan that was checked."""
    graph = person_detector(k=3, g=2, c=48, width=224, aspect=1.0).graph(seed=0)

    program = lower(graph)

    offsets = {
        buffer.name: buffer.offset_bytes
        for record in program.records
        for buffer in activation_buffers(record)
    }
    assert collisions(lives_in(program), ArenaPlan(offsets, program.activations_bytes)) == []


def residual():
    """An input that is read again at the end."""
    builder = GraphBuilder()
    image = builder.input("image", (8, 8, 16))
    conv = Conv2d(kernel_h=3, kernel_w=3, out_channels=16, pads=Pads.same(3))
    tensor = builder.add("b", "one", conv, image)
    tensor = builder.add("b", "two", conv, tensor)
    builder.add("b", "sum", Add(), tensor, image)
    return builder.finish("residual", ["b/sum", "b/two"])


def test_input_lives_to_its_last_reader_and_output_to_the_end():
    """A skip connection keeps the input; an output that is also read inside is kept to the end."""
    lives = {life.name: life for life in lives_in(lower(residual()))}

    assert (lives["image"].first, lives["image"].last) == (-1, 2)
    assert lives["b/two"].last == 3


def test_view_keeps_the_bytes_it_views_alive():
    """A reshape has no bytes of its own, so its reader extends its source's life."""
    builder = GraphBuilder()
    image = builder.input("image", (4, 4, 8))
    conv = Conv2d(kernel_h=1, kernel_w=1, out_channels=8)
    tensor = builder.add("b", "one", conv, image)
    view = builder.add("b", "view", Reshape(shape=(16, 1, 8)), tensor)
    other = builder.add("b", "two", conv, image)
    other = builder.add("b", "other", Reshape(shape=(16, 1, 8)), other)
    builder.add("b", "sum", Add(), view, other)

    program = lower(builder.finish("views", ["b/sum"]))

    lives = {life.name: life for life in lives_in(program)}
    assert set(lives) == {"image", "b/one", "b/two", "b/sum"}
    assert lives["b/one"].last == 2


def sums():
    """Two branches, their sum, and a function of it."""
    builder = GraphBuilder()
    image = builder.input("image", (8, 8, 4))
    conv = Conv2d(kernel_h=1, kernel_w=1, out_channels=32)
    one = builder.add("b", "one", conv, image)
    two = builder.add("b", "two", conv, image)
    tensor = builder.add("b", "sum", Add(), one, two)
    tensor = builder.add("b", "function", Unary(function=UnaryFunction.SIGMOID), tensor)
    return builder.finish("sums", ["b/function"])


def test_element_wise_results_lie_over_their_inputs():
    """Two branches of 2,048 bytes are all that is needed for their sum and a function of it."""
    program = lower(sums())

    assert program.activations_bytes == 2 * 2_048 + 256
    one, two, total, function = program.records
    assert total.output.offset_bytes in (one.output.offset_bytes, two.output.offset_bytes)
    assert function.output.offset_bytes == total.output.offset_bytes


def test_overwriting_is_only_forgiven_at_the_same_place():
    """An element-wise output one line beside its input would eat what is still to be read."""
    lives = [Life("a", 64, -1, 0), Life("b", 64, 0, 1)]

    assert collisions(lives, ArenaPlan({"a": 0, "b": 0}, 64, {"b": "a"})) == []
    assert collisions(lives, ArenaPlan({"a": 0, "b": 32}, 96, {"b": "a"})) == [("b", "a")]


def test_an_input_that_is_read_again_is_not_written_over():
    """The first branch is an output too, so the sum may take the second one's place only."""
    graph = replace(sums(), outputs=("b/function", "b/one"))

    one, two, total, _ = lower(graph).records

    assert total.output.offset_bytes == two.output.offset_bytes != one.output.offset_bytes
