"""Detectors in int8: the split program against the whole one, and the reference against a board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.graph import Float, FloatWeights, Graph
from hwprof.networks.person_detector import fastestdet, person_detector_head
from hwprof.profiler.bench import Setup
from hwprof.profiler.calibration import evaluate
from hwprof.profiler.lowering.schemes import SCHEMES
from hwprof.workflows.int8_accuracy import (
    Int8Backbone,
    Int8Detector,
    Int8Head,
    board_proof,
)

HEAD = {"k": 3, "g": 2, "c": 24, "classes": 1}
SIZE = (64, 96)


def backbone_of(detector: Architecture) -> Architecture:
    """The part that a search keeps."""
    blocks = tuple(block for block in detector.blocks if block.group == "backbone")
    return replace(detector, blocks=blocks, outputs=("fusion",))


def trained(architecture: Architecture) -> Graph:
    """The graph with weights that keep variances near one, drawn by the name of their node."""
    graph = architecture.graph()
    weights = {}
    for node in graph.weighted_nodes:
        generator = np.random.default_rng(list(node.name.encode()))
        shape = node.op.weight_shape(graph.input_shapes(node))
        kernel = generator.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape)
        bias = generator.normal(0, 0.2, shape[0])
        weights[node.name] = FloatWeights(kernel.astype(np.float32), bias.astype(np.float32))
    return replace(graph, weights=weights)


@cache
def detector_graph() -> Graph:
    """A whole small detector."""
    return trained(fastestdet(height=SIZE[0], width=SIZE[1], **HEAD))


@cache
def pictures(count: int = 3) -> tuple[np.ndarray, ...]:
    """Smooth coloured patches as uint8 (3, h, w)."""
    generator = np.random.default_rng(3)
    coarse = generator.integers(0, 256, (count, 3, SIZE[0] // 8, SIZE[1] // 8), np.uint8)
    return tuple(coarse.repeat(8, axis=2).repeat(8, axis=3))


def as_samples(images: tuple[np.ndarray, ...]) -> list[Float]:
    """The same pictures as calibration takes them."""
    return [image.transpose(1, 2, 0).astype(np.float32) / 255 for image in images]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_backbone_and_head_write_what_the_whole_program_writes(scheme):
    """In every scheme the two halves, lowered apart, agree with the whole bit for bit."""
    samples = as_samples(pictures())
    whole = Int8Detector(detector_graph(), samples, scheme)
    kept = trained(backbone_of(fastestdet(height=SIZE[0], width=SIZE[1], **HEAD)))
    backbone = Int8Backbone(kept, samples, scheme)
    head = Int8Head(trained(person_detector_head(height=4, width=6, **HEAD)), backbone)
    features = backbone.features(pictures())
    assert [(f.dtype, f.shape) for f in features] == [(np.int8, (4, 6, 336))] * 3
    assert len({f.tobytes() for f in features}) == 3
    for one, other in zip(head.outputs(features), whole.outputs(pictures()), strict=True):
        np.testing.assert_array_equal(one, other)
    weights = {n: head.graph.weights[n] for n in head.graph.weights}
    assert all(np.array_equal(w.kernel, whole.graph.weights[n].kernel) for n, w in weights.items())


def test_outputs_are_near_the_float_networks():
    """Int8 follows the float map, and a single class is certain."""
    detector = Int8Detector(detector_graph(), as_samples(pictures()))
    (name,) = detector.graph.inputs
    for sample, output in zip(as_samples(pictures()), detector.outputs(pictures()), strict=True):
        assert output.shape == (6, 4, 6)
        assert output.dtype == np.float32
        real = evaluate(detector.graph, {name: sample})[detector.graph.outputs[0]]
        for channel in range(5):
            followed = np.corrcoef(output[channel].ravel(), real[:, :, channel].ravel())[0, 1]
            assert followed > 0.8
        np.testing.assert_allclose(output[5], 1, atol=detector.output.scale)


def test_pictures_come_as_bytes_or_as_the_floats_of_calibration():
    """Both are the same elements for the board."""
    detector = Int8Detector(detector_graph(), as_samples(pictures()))
    for image, sample in zip(pictures(), as_samples(pictures()), strict=True):
        np.testing.assert_array_equal(detector.elements(image), detector.elements(sample))


@pytest.mark.parametrize(
    "change",
    [lambda x: x[:, :32], lambda x: x.astype(np.int16), lambda x: x.astype(np.float32)],
)
def test_other_pictures_are_one_sentence(change: Callable[[np.ndarray], np.ndarray]):
    """A wrong size, another dtype, and floats in the order of bytes."""
    detector = Int8Detector(detector_graph(), as_samples(pictures()))
    with pytest.raises(ConfigurationError, match=r"takes pictures of uint8 \(3, 64, 96\)"):
        detector.outputs([change(pictures()[0])])


def test_a_graph_of_two_outputs_is_no_detector():
    """Its map would have to be put together first."""
    graph = replace(detector_graph(), outputs=("spp/out", "dethead/concat"))
    with pytest.raises(ConfigurationError, match=r"one input and one output; .* has 1 and 2"):
        Int8Detector(graph, as_samples(pictures()))


@pytest.mark.parametrize(
    ("scheme", "kernels"),
    [
        ("tflite", "simd"),
        ("power-of-two/per-channel", "simd"),
        ("asymmetric/per-tensor", "reference"),
    ],
)
def test_the_firmware_computes_every_byte(scheme: str, kernels: str):
    """Pictures through the firmware on the virtual board, against the reference."""
    detector = Int8Detector(detector_graph(), as_samples(pictures()), scheme)
    proof = board_proof(detector, pictures()[:2], Setup(kernels=kernels, timing="pipeline"))
    assert proof.is_exact
    assert (proof.pictures, proof.output_bytes, proof.different_bytes) == (2, 2 * 6 * 4 * 6, 0)


def test_a_wrong_byte_is_counted(monkeypatch):
    """What is compared is what the board wrote."""
    detector = Int8Detector(detector_graph(), as_samples(pictures()))
    right = detector.computed
    monkeypatch.setattr(detector, "computed", lambda elements: right(elements) ^ np.int8(1))
    proof = board_proof(detector, pictures()[:1], Setup(timing="pipeline"))
    assert not proof.is_exact
    assert proof.different_bytes == proof.output_bytes


def test_weights_of_almost_nothing_do_not_stop_powers_of_two():
    """Training leaves dead channels: their bias is what they compute."""
    graph = detector_graph()
    stored = graph.weights["stem/conv"]
    kernel, bias = stored.kernel.copy(), stored.bias.copy()
    kernel[5], bias[5] = 1e-13, 1e-12
    kernel[6], bias[6] = 1e-13, 0.5
    dead = replace(graph, weights={**graph.weights, "stem/conv": FloatWeights(kernel, bias)})
    samples = as_samples(pictures())
    for granularity in ("per-channel", "per-tensor"):
        detector = Int8Detector(dead, samples, f"power-of-two/{granularity}")
        assert board_proof(detector, pictures()[:1], Setup(timing="pipeline")).is_exact
