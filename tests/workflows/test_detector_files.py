"""A detector's files are the detector: the same weights in float, the same program in int8."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from hwprof.cli import main
from hwprof.errors import ConfigurationError
from hwprof.graph import FloatWeights
from hwprof.measurement import DEFAULT_SCHEME, Placement
from hwprof.models import resolve_model
from hwprof.networks import person_detector
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.lowering import lower, lower_quantised, quantise
from hwprof.workflows.detector_files import write_detector

SMALL = person_detector(k=2, g=4, c=24, width=224, aspect=0.5625)


@pytest.fixture(scope="module")
def graph():
    """A detector with weights that nobody could have guessed."""
    bare = SMALL.graph()
    generator = np.random.default_rng(5)
    weights = {}
    for node in bare.weighted_nodes:
        shape = node.op.weight_shape(bare.input_shapes(node))
        spread = 1.5 / np.sqrt(np.prod(shape[1:]))
        kernel = generator.normal(0, spread, shape).astype(np.float32)
        weights[node.name] = FloatWeights(
            kernel, generator.normal(0, 0.1, shape[0]).astype(np.float32)
        )
    return replace(bare, weights=weights)


@pytest.fixture(scope="module")
def quantised(graph):
    """In the default scheme."""
    return quantise(graph)


def test_the_int8_file_is_the_same_program(quantised, tmp_path):
    """What is lowered from the QDQ file is the program that was written, to the last byte."""
    plain, int8 = write_detector(quantised, SMALL, tmp_path, "small")
    assert (plain.name, int8.name) == ("small.onnx", "small-int8.onnx")
    placement = Placement(activations="sdram")
    expected = lower_quantised(quantised, placement)
    read = lower(resolve_model(str(int8)).graph, placement=placement)
    assert read.data == expected.data
    assert read.weights_image == expected.weights_image


def test_the_profile_of_the_file_is_the_programs(quantised, tmp_path, capsys):
    """The command reads the file and counts the cycles that the program itself costs."""
    _, int8 = write_detector(quantised, SMALL, tmp_path, "small")
    with Bench(Setup(timing="pipeline")) as bench:
        program = bench.housed(lower_quantised(quantised, bench.setup.placement))
        row = bench.measure(program, block_type="network", block_key="small")
    with pytest.raises(SystemExit, match="0"):
        main(["profile", str(int8), "--timing", "pipeline", "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["cycles"] == row.cycles
    assert printed["flash_bytes"] == program.flash_bytes


def test_the_float_file_has_the_weights_and_the_blocks(quantised, graph, tmp_path):
    """Kernels and biases come back bit for bit, and predictions find the detector's blocks."""
    plain, int8 = write_detector(quantised, SMALL, tmp_path, "small")
    model = resolve_model(str(plain))
    assert set(model.graph.weights) == set(graph.weights)
    for name, stored in graph.weights.items():
        np.testing.assert_array_equal(model.graph.weights[name].kernel, stored.kernel)
        np.testing.assert_array_equal(model.graph.weights[name].bias, stored.bias)
    for file in (plain, int8):
        blocks = resolve_model(str(file)).architecture.blocks
        assert [b.config for b in blocks] == [b.config for b in SMALL.blocks]


@pytest.mark.parametrize("scheme", ["symmetric/per-channel", "symmetric-uint8/per-tensor"])
def test_other_schemes_are_written_as_the_program(graph, tmp_path, scheme):
    """The file's hash is the program's, under which measurements of it are kept."""
    quantised = quantise(graph, scheme=scheme)
    _, int8 = write_detector(quantised, SMALL, tmp_path, "small")
    assert int8.name == "small-int8.program"
    assert hashlib.sha256(int8.read_bytes()).hexdigest() == lower_quantised(quantised).sha256


def test_seeded_weights_are_no_trained_detector(tmp_path):
    """What was never trained is not written as int8."""
    with pytest.raises(ConfigurationError, match="train it before it is written"):
        write_detector(quantise(SMALL.graph()), SMALL, tmp_path, "small")


@pytest.mark.parametrize("scheme", [DEFAULT_SCHEME, "symmetric/per-tensor"])
def test_a_folder_that_is_not_there_is_refused(graph, tmp_path, scheme):
    """One sentence, whichever file is written first."""
    with pytest.raises(ConfigurationError, match="missing"):
        write_detector(quantise(graph, scheme=scheme), SMALL, tmp_path / "missing", "small")
