"""What each quantisation scheme gives weights, biases, activations and records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.graph import Conv2d, FloatWeights
from hwprof.measurement import SCHEME_NAMES
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.calibration import calibrate
from hwprof.profiler.lowering import lower
from hwprof.profiler.lowering.schemes import SCHEMES, Symmetry, get_scheme
from hwprof.profiler.lowering.trained import ranged_parameters
from hwprof.profiler.program import NO_BUFFER, Requantisation
from hwprof.profiler.reference import run_reference

RANGES = st.tuples(st.floats(-100, 0), st.floats(0.01, 100))


def is_power_of_two(scales):
    """Whether each scale has an empty mantissa."""
    return bool((np.frexp(scales)[0] == 0.5).all())


@pytest.fixture
def weighted(single):
    """A 1x1 convolution of three channels: mixed, all positive, large biases."""
    graph = single(Conv2d(kernel_h=1, kernel_w=1, out_channels=3), (3, 3, 2))
    kernel = np.array([[1.0, -0.5], [0.25, 0.75], [0.01, -0.02]], np.float32).reshape(3, 1, 1, 2)
    bias = np.array([0.1, -2.0, 7.0], np.float32)
    return replace(graph, weights={"block/op": FloatWeights(kernel, bias)})


def parameters(graph, scheme):
    """Parameters of a graph of one weighted node."""
    return ranged_parameters(graph, calibrate(graph), get_scheme(scheme))


class TestCover:
    """Ranges and what covers them."""

    @given(span=RANGES, scheme=st.sampled_from(list(SCHEMES.values())))
    def test_the_range_is_covered(self, span, scheme):
        """Its ends are not further from a step than half of one."""
        low, high = (np.array(end) for end in span)
        scale, zero_point = scheme.cover(low, high, scheme.activations)

        steps = np.rint(np.array(span) / scale) + zero_point
        assert (steps >= -128.0 - (zero_point != 0)).all()
        assert (steps <= 127.0 + (zero_point != 0)).all()

    @given(span=RANGES)
    def test_power_of_two_scales_are_at_most_doubled(self, span):
        """Rounded up, and no further than to the next power of two."""
        low, high = (np.array(end) for end in span)
        exact, _ = get_scheme("symmetric/per-tensor").cover(low, high, Symmetry.SYMMETRIC)
        scale, _ = get_scheme("power-of-two/per-tensor").cover(low, high, Symmetry.SYMMETRIC)

        assert is_power_of_two(scale)
        assert exact <= scale < 2 * exact

    @pytest.mark.parametrize(
        ("symmetry", "low", "zero_point"),
        [
            (Symmetry.SYMMETRIC, 0.0, 0),
            (Symmetry.UINT8, 0.0, -128),
            (Symmetry.UINT8, -1.0, 0),
            (Symmetry.ASYMMETRIC, 0.0, -128),
            (Symmetry.ASYMMETRIC, -3.0, 127),
        ],
    )
    def test_zero_points(self, symmetry, low, zero_point):
        """Only one-sided and asymmetric ranges have one."""
        high = np.array(0.0 if low == -3.0 else 1.0)
        scheme = get_scheme("asymmetric/per-tensor")

        assert scheme.cover(np.array(low), high, symmetry)[1] == zero_point


class TestTrainedWeights:
    """Kernels and biases in each scheme."""

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_steps_stand_for_the_weights(self, weighted, scheme):
        """No weight is further from its step than half of one, and clipping takes half more."""
        found = parameters(weighted, scheme).weights["block/op"]
        rows = found.kernel.reshape(len(found.scales), -1).astype(float)
        real = weighted.weights["block/op"].kernel.reshape(rows.shape)
        got = (rows - found.zero_points[:, None]) * found.scales[:, None]

        assert (np.abs(got - real) <= found.scales[:, None] * 1.001).all()

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_granularity(self, weighted, scheme):
        """One scale for each channel, or one for all."""
        found = parameters(weighted, scheme).weights["block/op"]

        assert found.scales.size == (3 if get_scheme(scheme).per_channel else 1)

    def test_a_channel_without_negative_weights_uses_all_steps(self, weighted):
        """Glow's unsigned schema puts its zero point at the lowest step."""
        found = parameters(weighted, "symmetric-uint8/per-channel").weights["block/op"]

        assert found.zero_points.tolist() == [0, -128, 0]

    @pytest.mark.parametrize("granularity", ["per-tensor", "per-channel"])
    def test_shifted_biases_have_eight_bits(self, weighted, granularity):
        """Shifted left they are the biases again, to half a step of their own."""
        quantised = parameters(weighted, f"power-of-two/{granularity}")
        found = quantised.weights["block/op"]
        scales = quantised.params["in_0"].scale * found.scales * 2.0**found.bias_shifts

        assert np.abs(found.bias).max() <= 127
        assert is_power_of_two(found.scales)
        np.testing.assert_allclose(
            found.bias * scales, weighted.weights["block/op"].bias, atol=scales.max() / 2
        )


class TestRecords:
    """What a record says of its arithmetic."""

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_operands_follow_the_scheme(self, single, scheme):
        """Shifts have no multipliers, and one scale serves a whole tensor."""
        record = lower(
            single(Conv2d(kernel_h=1, kernel_w=1, out_channels=6), (3, 3, 2)), scheme=scheme
        ).records[0]
        rules = get_scheme(scheme)

        assert record.per_channel == rules.per_channel
        assert record.shift.size_bytes == 4 * (6 if rules.per_channel else 1)
        assert (record.multiplier is NO_BUFFER) == rules.power_of_two
        assert (record.bias_shift is NO_BUFFER) != rules.power_of_two
        assert record.bias.size_bytes == 6 * (1 if rules.power_of_two else 4)
        assert (record.requantisation is Requantisation.SHIFT) == rules.power_of_two

    def test_offsets_of_a_symmetric_scheme_are_zero(self, single):
        """What the loops of symmetric kernels leave out is not there."""
        program = lower(
            single(Conv2d(kernel_h=1, kernel_w=1, out_channels=6), (3, 3, 2)),
            scheme="symmetric/per-tensor",
        )

        assert (program.records[0].input_offset, program.records[0].output_offset) == (0, 0)
        assert program.records[0].has_weight_zero_point == 0


class TestBoards:
    """Schemes on kernels."""

    @pytest.mark.parametrize("kernels", ["simd", "reference"])
    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_boards_compute_what_the_host_computes(self, weighted, kernels, scheme):
        """Trained weights of every scheme, on every library that takes them."""
        if scheme.startswith("asymmetric") and kernels == "simd":
            return
        with Bench(Setup(kernels=kernels, scheme="tflite", timing="pipeline")) as bench:
            program = lower(weighted, scheme=scheme, placement=bench.setup.placement)
            has_zero_points = any(
                found.zero_points.any() for found in parameters(weighted, scheme).weights.values()
            )
            if kernels == "simd" and has_zero_points:
                with pytest.raises(ConnectionError, match="the reference kernels do"):
                    bench.measure(program, block_type="network", block_key="weighted")
                return
            row = bench.measure(program, block_type="network", block_key="weighted")
        assert "wrote other bytes" not in row.error

    def test_simd_kernels_refuse_asymmetric_weights(self):
        """The way out is named before a board is opened."""
        with pytest.raises(ConfigurationError, match="pass --kernels reference"):
            Bench(Setup(scheme="asymmetric/per-channel"))

    def test_an_unknown_scheme_is_told_the_known_ones(self):
        """The message names the nearest."""
        with pytest.raises(UnknownNameError, match="did you mean symmetric/per-tensor"):
            get_scheme("symetric/per-tensor")

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_trained_outputs_do_not_saturate(self, weighted, scheme):
        """Scales that cover the ranges cut nothing off."""
        assert run_reference(lower(weighted, scheme=scheme)).saturated_share < 0.05


def test_names():
    """The vocabulary, which predictions know schemes by, names those that lowering has."""
    assert set(SCHEME_NAMES) == set(SCHEMES)
