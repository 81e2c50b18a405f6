"""Positions become slices and transposes that really produce them."""

from __future__ import annotations

from itertools import permutations
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.graph import Reshape, Slice, Transpose
from hwprof.onnx_io._plan import cost, digits, plan_channels, plan_movement


def _run(plan, source):
    """The memory that a plan leaves, from the definitions of its operators."""
    memory = np.arange(prod(source), dtype=np.int32).reshape(source)
    for op in plan:
        if isinstance(op, Slice):
            bounds = zip(op.start, op.size, op.step, strict=True)
            memory = memory[tuple(slice(b, b + (n - 1) * s + 1, s) for b, n, s in bounds)]
        elif isinstance(op, Transpose):
            memory = memory.reshape(op.view).transpose(op.permutation).reshape(op.shape)
        else:
            memory = memory.reshape(op.shape)
    return memory


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_permutation_of_axes_is_planned(extents, random):
    """Up to six axes in any order: the plan's result is the order that was asked for."""
    axes = list(range(len(extents)))
    random.shuffle(axes)
    wanted = np.arange(prod(extents), dtype=np.int32).reshape(extents).transpose(axes).reshape(-1)
    source = (1, extents[0], prod(extents[1:]))

    plan = plan_movement(source, wanted, (1, 1, wanted.size))

    np.testing.assert_array_equal(_run(plan, source).reshape(-1), wanted)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_four_axes_are_one_transpose(order):
    """The firmware's transpose has four axes, so no four-axis permutation takes two."""
    wanted = np.arange(120, dtype=np.int32).reshape(2, 3, 4, 5).transpose(order).reshape(-1)

    assert cost(plan_movement((6, 4, 5), wanted, (1, 1, 120))) <= 1


@given(st.data())
def test_any_box_is_one_slice(data):
    """A strided box of a tensor is one slice, and a reshape if another shape is wanted."""
    source = tuple(data.draw(st.integers(1, 6)) for _ in range(3))
    starts = [data.draw(st.integers(0, n - 1)) for n in source]
    steps = [data.draw(st.integers(1, 3)) for _ in source]
    memory = np.arange(prod(source), dtype=np.int32).reshape(source)
    box = memory[tuple(slice(b, None, s) for b, s in zip(starts, steps, strict=True))]

    plan = plan_movement(source, box.reshape(-1), box.shape)

    assert cost(plan) <= 1
    np.testing.assert_array_equal(_run(plan, source), box)


def test_box_of_another_view_is_reshape_and_slice():
    """A slice on an axis that only a view has needs no transpose."""
    wanted = np.arange(48, dtype=np.int32).reshape(4, 2, 6)[:, :, :3].reshape(-1)

    plan = plan_movement((2, 2, 12), wanted, (2, 2, 6))

    assert [type(op) for op in plan] == [Reshape, Slice, Reshape]
    np.testing.assert_array_equal(_run(plan, (2, 2, 12)).reshape(-1), wanted)


def test_order_in_memory_costs_nothing():
    """The same memory under another shape is a reshape, under the same shape nothing."""
    wanted = np.arange(24, dtype=np.int32)

    assert plan_movement((2, 3, 4), wanted, (2, 3, 4)) == ()
    assert plan_movement((2, 3, 4), wanted, (1, 1, 24)) == (Reshape(shape=(1, 1, 24)),)


def test_irregular_order_has_no_plan():
    """What is no permutation of axes is not planned at all."""
    wanted = np.array([0, 2, 1, 3, 5, 4, 7, 6], np.int32)

    assert plan_movement((1, 1, 8), wanted, (1, 1, 8)) is None
    assert plan_channels((1, 1, 8), wanted, (1, 1, 8)) is not None


@given(st.permutations(range(8)))
def test_channel_choice_is_its_slices_in_a_row(channels):
    """The slices of a channel gather, joined, are the channels that were asked for."""
    source = (2, 3, 8)
    memory = np.arange(48, dtype=np.int32).reshape(source)
    wanted = memory[:, :, channels]

    slices = plan_channels(source, wanted.reshape(-1), source)

    joined = np.concatenate([_run((part,), source) for part in slices], axis=2)
    np.testing.assert_array_equal(joined, wanted)


def test_too_many_runs_are_refused():
    """A gather of channels that takes more slices than is sensible is none of ours."""
    channels = np.arange(40, dtype=np.int32)[::-1]

    assert plan_channels((1, 1, 40), channels, (1, 1, 40)) is None


@given(st.lists(st.tuples(st.integers(2, 4), st.integers(1, 50)), min_size=1, max_size=4))
def test_digits_rebuild_the_number(pairs):
    """The digits found give the same positions, with no more digits than there were."""
    wanted = np.zeros(1, np.int64)
    for count, stride in pairs:
        wanted = (wanted[:, np.newaxis] + stride * np.arange(count)).reshape(-1)

    found = digits(wanted.astype(np.int32))

    rebuilt = np.zeros(1, np.int64)
    for count, stride in found:
        rebuilt = (rebuilt[:, np.newaxis] + stride * np.arange(count)).reshape(-1)
    np.testing.assert_array_equal(rebuilt, wanted)
    assert len(found) <= len(pairs)
