"""The parts of a frame beside the network: C on the virtual board against the host, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.firmware_stub.targets import describe_virtual
from hwprof.firmware_stub.virtual.frame_parts import PIXELS_LESS_128, FrameParts, FramePlaces
from hwprof.graph import QuantParams
from hwprof.search.training import boxes
from hwprof.workflows import frame_reference
from hwprof.workflows.camera import PIXEL_BYTES
from hwprof.workflows.frame_budget import MAP_PARAMS, PIXEL_PARAMS
from hwprof.workflows.frame_scenes import LEAST_SCORE, typical_map, worst_map

FEW = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)
# Scale and zero point of output maps: ranges that hold objectness and the numbers of boxes.
MAPS = st.builds(QuantParams, st.floats(0.01, 0.12), st.integers(-100, 40))


@pytest.fixture(scope="module")
def parts():
    """The RT1170 with data where a deployment has them; the core alone is timed."""
    places = FramePlaces("sdram", "ocram", "dtcm")
    return FrameParts(describe_virtual("rt1170"), places, code="itcm", timing="pipeline")


def bilinear(pixels, height, width):
    """Stretched in floating point, centres of pixels at halves, by numpy's interpolation."""
    rows, columns, channels = pixels.shape
    across = (np.arange(width) + 0.5) * columns / width - 0.5
    down = (np.arange(height) + 0.5) * rows / height - 0.5
    wide = np.empty((rows, width, channels))
    for row, channel in np.ndindex(rows, channels):
        wide[row, :, channel] = np.interp(across, np.arange(columns), pixels[row, :, channel])
    result = np.empty((height, width, channels))
    for column, channel in np.ndindex(width, channels):
        result[:, column, channel] = np.interp(down, np.arange(rows), wide[:, column, channel])
    return result


class TestResize:
    """Pictures of the camera to pixels, or to int8 at once."""

    @FEW
    @given(
        camera=st.tuples(st.integers(2, 48), st.integers(2, 48)),
        size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
        camera_format=st.sampled_from(sorted(PIXEL_BYTES)),
        ending=st.sampled_from(["pixels", "less 128", "table"]),
        seed=SEEDS,
    )
    def test_board_and_host_agree_on_every_size(
        self, parts, camera, size, camera_format, ending, seed
    ):
        """Both formats, larger and smaller, with and without quantisation."""
        rng = np.random.default_rng(seed)
        picture = rng.integers(0, 256, (*camera, PIXEL_BYTES[camera_format]), np.uint8)
        table = {
            "pixels": None,
            "less 128": PIXELS_LESS_128,
            "table": rng.integers(-128, 128, 256).astype(np.int8),
        }[ending]

        run = parts.resize(picture, camera_format, size, table)

        pixels = frame_reference.resized(frame_reference.bgr888(picture, camera_format), *size)
        expected = pixels if table is None else frame_reference.quantised(pixels, table)
        np.testing.assert_array_equal(run.pixels, expected)

    @given(
        camera=st.tuples(st.integers(2, 30), st.integers(2, 30)),
        size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
        seed=SEEDS,
    )
    def test_fixed_point_is_near_floating_point(self, camera, size, seed):
        """Weights in 1/256, each at most 1/512 off, on two axes: within 1.5 of the exact value."""
        pixels = np.random.default_rng(seed).integers(0, 256, (*camera, 3), np.uint8)

        found = frame_reference.resized(pixels, *size)

        assert np.abs(found - bilinear(pixels, *size)).max() <= 255 * 2 / 512 + 0.5 + 1e-9

    def test_a_picture_of_the_same_size_stays(self):
        """Nothing is lost where nothing is stretched."""
        pixels = np.random.default_rng(1).integers(0, 256, (9, 7, 3), np.uint8)

        np.testing.assert_array_equal(frame_reference.resized(pixels, 9, 7), pixels)

    def test_sixteen_bits_reach_both_ends(self):
        """Black is 0 and white 255 in each channel; red is in the upper bits, blue comes first."""
        words = np.array([[0x0000, 0xFFFF, 0xF800, 0x07E0, 0x001F]], "<u2")

        pixels = frame_reference.bgr888(words.view(np.uint8).reshape(1, 5, 2), "rgb565")

        assert pixels[0].tolist() == [
            [0, 0, 0],
            [255, 255, 255],
            [0, 0, 255],
            [0, 255, 0],
            [255, 0, 0],
        ]

    @pytest.mark.parametrize("camera_format", sorted(PIXEL_BYTES))
    @pytest.mark.parametrize("size", [(8, 4), (5, 32), (32, 32)])
    def test_nothing_behind_a_picture_is_touched(self, parts, camera_format, size):
        """Whole cache lines end where SDRAM and OCRAM do: one byte further is a fault."""
        picture = np.zeros((8, 32, PIXEL_BYTES[camera_format]), np.uint8)

        run = parts.resize(picture, camera_format, size)

        assert not run.pixels.any()


class TestQuantise:
    """Pixels to int8."""

    @FEW
    @given(
        shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
        seed=SEEDS,
        params=st.sampled_from([PIXEL_PARAMS, QuantParams(1 / 127, 0), QuantParams(1 / 64, -20)]),
    )
    def test_board_and_host_agree(self, parts, shape, seed, params):
        """Any number of pixels, by subtraction or by table."""
        pixels = np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)
        table = frame_reference.quantisation_table(params)

        run = parts.quantise(pixels, table)

        np.testing.assert_array_equal(run.pixels, frame_reference.quantised(pixels, table))

    def test_usual_parameters_need_no_table(self):
        """Scale 1/255 and zero point -128 take 128 from each pixel."""
        table = frame_reference.quantisation_table(PIXEL_PARAMS)

        np.testing.assert_array_equal(table, PIXELS_LESS_128)

    def test_values_are_held_at_the_rails(self):
        """A scale too fine for the range saturates."""
        table = frame_reference.quantisation_table(QuantParams(1 / 512, 0))

        assert (table[0], table[255]) == (0, 127)


class TestBoxes:
    """Output maps to the boxes that an evaluation finds."""

    @FEW
    @given(
        shape=st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(5, 8)),
        params=MAPS,
        canvas=st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)),
        least_score=st.floats(0.001, 0.9),
        seed=SEEDS,
    )
    def test_board_finds_the_boxes_of_an_evaluation(
        self, parts, shape, params, canvas, least_score, seed
    ):
        """The same boxes and scores to the last bit, in the same order, ties included."""
        rng = np.random.default_rng(seed)
        values = rng.integers(-128, 128, shape).astype(np.int8)
        probabilities = [0, *range(5, shape[2])]
        values[..., probabilities] = np.maximum(values[..., probabilities], params.zero_point)
        tables = frame_reference.decode_tables(params, shape[2], canvas)

        found = parts.decode(values, tables, least_score)
        kept = list(parts.suppress(found, boxes.NMS_IOU).numbers)

        real = frame_reference.dequantised(values, params)
        candidates = boxes.decode(real, canvas=canvas, least_score=least_score)
        expected = boxes.suppress(candidates)
        assert len(found.scores) == len(candidates.scores)
        np.testing.assert_array_equal(found.corners[kept], expected.boxes)
        np.testing.assert_array_equal(found.scores[kept], expected.scores)

    def test_an_empty_map_has_no_boxes(self, parts):
        """Nothing above the threshold: nothing to suppress."""
        values = np.full((4, 4, 6), MAP_PARAMS.zero_point, np.int8)
        tables = frame_reference.decode_tables(MAP_PARAMS, 6)

        found = parts.decode(values, tables, LEAST_SCORE)

        assert not len(found.scores)
        assert parts.suppress(found, boxes.NMS_IOU).numbers == ()


class TestScenes:
    """Maps with a stated number of candidates."""

    @given(
        grid=st.tuples(st.integers(2, 22), st.integers(2, 22)),
        channels=st.sampled_from([5, 6]),
        share=st.floats(0.01, 1),
    )
    def test_typical_map_has_its_candidates(self, grid, channels, share):
        """As many as asked for, some of them suppressed."""
        tables = frame_reference.decode_tables(MAP_PARAMS, channels)
        count = max(1, round(share * grid[0] * grid[1]))

        values = typical_map((*grid, channels), tables, count)

        real = frame_reference.dequantised(values, MAP_PARAMS)
        found = boxes.decode(real, least_score=LEAST_SCORE)
        assert len(found.scores) == count
        assert len(boxes.suppress(found).scores) <= count

    def test_typical_map_keeps_what_pictures_keep(self):
        """On the seed's grid 86 candidates stand for about 17 boxes, as the medians say."""
        tables = frame_reference.decode_tables(MAP_PARAMS, 6)

        values = typical_map((16, 20, 6), tables, 86)

        found = boxes.decode(
            frame_reference.dequantised(values, MAP_PARAMS), least_score=LEAST_SCORE
        )
        assert 12 <= len(boxes.suppress(found).scores) <= 22

    @given(grid=st.tuples(st.integers(4, 24), st.integers(4, 24)))
    def test_worst_map_suppresses_nothing(self, grid):
        """Every cell is a candidate, and every candidate is kept."""
        tables = frame_reference.decode_tables(MAP_PARAMS, 6)

        values = worst_map((*grid, 6), tables)

        found = boxes.decode(
            frame_reference.dequantised(values, MAP_PARAMS), least_score=LEAST_SCORE
        )
        assert len(boxes.suppress(found).scores) == len(found.scores) == grid[0] * grid[1]
