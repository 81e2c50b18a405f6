"""Lines that calls ask of memories behind the data cache, and words that are not aligned."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hwprof.architecture import block_graph
from hwprof.blocks import BlockConfig, GraphBuilder
from hwprof.graph import (
    AveragePool,
    Conv2d,
    FullyConnected,
    Graph,
    MaxPool,
    Node,
    Pads,
    Requantise,
    Slice,
)
from hwprof.surrogates.cache import CACHE_LINES, LINE_BYTES, SETS, WAYS, touched_lines
from hwprof.surrogates.cost_terms import TERMS, count_terms
from hwprof.surrogates.cost_terms._replacement import Runs, Sweep, sweep_shares, swept_share
from hwprof.surrogates.outlines import graph_calls


def counts(op, shape):
    """Counts of one operator by name."""
    graph = Graph("one", {"x": shape}, (Node("y", op, ("x",), "b"),), ("y",))
    row = count_terms(graph_calls([graph]))[0]
    return {term.name: value for term, value in zip(TERMS, row.tolist(), strict=True)}


def pointwise(out_channels):
    """A dense 1x1 convolution."""
    return Conv2d(kernel_h=1, kernel_w=1, out_channels=out_channels)


class SimulatedCache:
    """The cache of ``surrogates.cache`` line by line, with a random victim."""

    def __init__(self, seed=0) -> None:
        self.sets = [[] for _ in range(SETS)]
        self.random = random.Random(seed)

    def touch(self, line):
        """1 if the line was missing, which it is no longer, else 0."""
        ways = self.sets[line % SETS]
        if line in ways:
            return 0
        if len(ways) < WAYS:
            ways.append(line)
        else:
            ways[self.random.randrange(WAYS)] = line
        return 1


class TestPointwise:
    """A dense 1x1 convolution passes over all pixels for each pair of channels."""

    def test_what_fits_is_fetched_once(self):
        """8 x 8 x 32 and 8 x 8 x 64 bytes fit the cache: no pass but the first misses."""
        found = counts(pointwise(64), (8, 8, 32))

        assert found["read_lines"] == 64
        assert found["weight_lines"] == 64
        assert found["weight_lines_again"] == 0

    def test_what_does_not_is_fetched_for_each_pair(self):
        """64 x 64 x 32 bytes in and out are eight caches: 15 further passes miss nearly all."""
        found = counts(pointwise(32), (64, 64, 32))

        assert 0.95 * 16 * 4096 < found["read_lines"] <= 16 * 4096

    @pytest.mark.parametrize("shape", [(20, 20, 48), (22, 12, 96), (30, 30, 40)])
    def test_simulation(self, shape):
        """Expected fetches are near those of a line-by-line simulation."""
        height, width, channels = shape
        outputs = 48
        cache, fetched = SimulatedCache(), 0
        base = -(-height * width * outputs // LINE_BYTES)
        for pair in range(outputs // 2):
            for pixel in range(height * width):
                first = pixel * channels // LINE_BYTES
                last = ((pixel + 1) * channels - 1) // LINE_BYTES
                fetched += sum(cache.touch(base + line) for line in range(first, last + 1))
                cache.touch((pixel * outputs + 2 * pair) // LINE_BYTES)

        assert counts(pointwise(outputs), shape)["read_lines"] == pytest.approx(fetched, rel=0.12)


@pytest.mark.parametrize(
    ("shape", "kernel", "stride"),
    [((40, 40, 48), 3, 1), ((24, 60, 94), 4, 2), ((16, 90, 64), 5, 1)],
)
def test_windows_are_like_a_simulation(shape, kernel, stride):
    """Lines that a pooling window fetches: the mean over distances from input to output."""
    pads = Pads.same(kernel)
    op = AveragePool(kernel_h=kernel, kernel_w=kernel, stride_h=stride, stride_w=stride, pads=pads)
    fetched = [windows_fetched(op, shape, distance) for distance in range(0, SETS, SETS // 4)]

    assert counts(op, shape)["read_lines"] == pytest.approx(np.mean(fetched), rel=0.15)


def windows_fetched(op, shape, distance):
    """Lines that a simulated cache fetches for loads; the output lies so many lines behind."""
    height, width, channels = shape
    out_h, out_w, _ = op.output_shape([shape])
    cache, fetched = SimulatedCache(), 0
    base = -(-height * width * channels // (LINE_BYTES * SETS)) * SETS + distance
    for y in range(out_h):
        for x in range(out_w):
            top, left = y * op.stride_h - op.pads.top, x * op.stride_w - op.pads.left
            right = min(left + op.kernel_w, width)
            for row in range(max(top, 0), min(top + op.kernel_h, height)):
                start = (row * width + max(left, 0)) * channels
                end = (row * width + right) * channels
                lines = range(start // LINE_BYTES, (end - 1) // LINE_BYTES + 1)
                fetched += sum(cache.touch(line) for line in lines)
            start = (y * out_w + x) * channels
            for line in range(start // LINE_BYTES, (start + channels - 1) // LINE_BYTES + 1):
                cache.touch(base + line)
    return fetched


@pytest.mark.parametrize("lines", [5, 6, 8, 12])
def test_a_swept_set_is_like_a_simulation(lines):
    """The missed share of so many lines in one set, touched in turn."""
    cache, passes = SimulatedCache(), 4000
    missed = sum(cache.touch(SETS * line) for _ in range(passes) for line in range(lines))

    share = swept_share(np.array([lines]), np.array([lines]), np.array([0.0]))

    assert share[0] == pytest.approx(missed / (passes * lines), abs=0.02)


def test_a_set_that_fits_is_not_missed():
    """Four lines in four ways stay."""
    assert swept_share(np.array([4.0]), np.array([4.0]), np.array([0.0]))[0] == 0


@pytest.mark.parametrize(
    ("length", "stride", "grain"),
    [(12, 48, 4), (38, 152, 2), (2, 126, 2), (64, 128, 32), (7, 14, 1)],
)
def test_touched_lines(length, stride, grain):
    """The mean over all starts is that of walking the bytes."""
    runs, starts = 64, range(0, LINE_BYTES, grain)
    walked = [
        len(
            {
                byte // LINE_BYTES
                for run in range(runs)
                for byte in range(start + run * stride, start + run * stride + length)
            }
        )
        for start in starts
    ]

    assert touched_lines(runs, length, stride, grain) == pytest.approx(np.mean(walked), abs=1)


def test_runs_by_set():
    """Runs 128 bytes apart fall into every fourth set, of the next pass a line further on."""
    first, second = Runs(runs=200, length=16, stride=128, shift=LINE_BYTES).by_set(0, range(2))

    assert first.sum() == 200
    assert not first[1::4].any()
    np.testing.assert_array_equal(second, np.roll(first, 1))


def test_sweeps_are_priced_alike_in_any_company():
    """Sweeps of few and of many passes, repeated ones and lone ones."""
    sweeps = [
        Sweep(
            read=Runs(runs, 24, 96, 24),
            written=Runs(300, 2, channels, 2),
            passes=range(passes),
            output_bytes=300 * channels,
            fresh_share=fresh,
            streamed_lines=6.0,
        )
        for runs, channels, passes, fresh in [
            (300, 96, 4, 0.0),
            (700, 95, 2, 0.1),
            (300, 96, 4, 0.0),
            (1200, 30, 4, 0.3),
        ]
    ]
    alone = np.concatenate([sweep_shares([sweep]) for sweep in sweeps])

    np.testing.assert_array_equal(sweep_shares(sweeps), alone)
    assert ((alone > 0) & (alone <= 1)).all()


def test_weights_of_columns_are_passed_for_each_pair_of_columns():
    """3 x 3 x 64 x 64 bytes are more than the cache: each of 32 pairs of columns fetches anew."""
    op = Conv2d(kernel_h=3, kernel_w=3, out_channels=64, pads=Pads.same(3))
    found = counts(op, (8, 8, 64))

    assert found["weight_lines"] == 9 * 64 * 64 / 32
    assert 0 < found["weight_lines_again"] < 32 * found["weight_lines"]


def test_dense_layers_read_each_weight_once():
    """100 features to 10 outputs: 1,000 bytes of weights."""
    found = counts(FullyConnected(out_features=10), (1, 1, 100))

    assert found["weight_lines"] == 32
    assert found["weight_lines_again"] == 0


def test_an_output_in_place_is_not_fetched():
    """A change of scale writes where it has just read."""
    graph = Graph("one", {"x": (4, 4, 8)}, (Node("y", Requantise(), ("x",), "b"),), ("y",))

    assert graph_calls([graph]).calls.output_held.tolist() == [4 * 4 * 8]


def test_what_was_just_written_is_held():
    """The second convolution of a small pair finds its whole input in the cache."""
    builder = GraphBuilder()
    x = builder.input("x", (8, 8, 16))
    y = builder.add("b", "first", pointwise(16), x)
    graph = builder.finish("two", [builder.add("b", "second", pointwise(16), y)])

    assert graph_calls([graph]).calls.input_held.tolist() == [0, 8 * 8 * 16]


def test_what_was_long_ago_is_not():
    """A residual input comes back when eight caches have passed: little of it is left."""
    config = BlockConfig.of("spp", [(64, 64, 64)], c_out=64, kernel=3, groups=1)
    calls = graph_calls([block_graph(config)]).calls

    assert calls.inserted[-1] > 8 * CACHE_LINES
    assert calls.input_held[-1] < 0.1 * 2 * 64 * 64 * 64


def test_pooling_that_reads_its_output_back():
    """Maximum pooling waits for the output's line where its windows overlap."""
    overlapping = counts(MaxPool(kernel_h=3, kernel_w=3), (9, 9, 32))
    apart = counts(MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2), (8, 8, 32))

    assert (overlapping["write_lines_used"], overlapping["write_lines_begun"]) == (49, 0)
    assert (apart["write_lines_used"], apart["write_lines_begun"]) == (0, 16)


class TestUnaligned:
    """Word loads whose address is no multiple of four."""

    @pytest.mark.parametrize(("channels", "per_step"), [(16, 0), (18, 2), (17, 2)])
    def test_pointwise(self, channels, per_step):
        """A step of a 2 x 2 block loads four words; the first rows of both are aligned."""
        found = counts(pointwise(2), (1, 2, channels))

        assert found["unaligned_words"] == per_step * (channels // 4)

    @pytest.mark.parametrize(("start", "words"), [(0, 0), (1, 16), (2, 16), (4, 0)])
    def test_slice(self, start, words):
        """Runs that begin off a word in aligned pixels are unaligned from end to end."""
        op = Slice(start=(0, 0, start), size=(2, 2, 16))

        assert counts(op, (2, 2, 32))["unaligned_words"] == words
