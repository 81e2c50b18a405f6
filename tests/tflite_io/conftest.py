"""Models held against TFLite's own reference kernels, as ai-edge-litert carries them."""

from __future__ import annotations

import pytest

from hwprof.testing.litert import ReferenceInterpreter, probes
from hwprof.tflite_io import read_tflite


@pytest.fixture(scope="session")
def assert_exact():
    """Holds each layer of a file against the reference: given inputs, or both rails and noise."""
    pytest.importorskip(
        "ai_edge_litert",
        reason="needs TFLite's reference kernels: pip install ai-edge-litert",
    )

    def check(data: bytes, *given: object) -> None:
        graph, reference = read_tflite(data).graph, ReferenceInterpreter(data)
        feeds = [dict(zip(graph.inputs, given, strict=True))] if given else probes(graph, 0)
        for inputs in feeds:
            assert reference.differing(inputs)[0] == 0

    return check
