"""The calls that predictions count are the records that lowering makes."""

from __future__ import annotations

from collections import Counter

import pytest

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES
from hwprof.networks import person_detector
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import (
    AddRecord,
    AveragePoolRecord,
    Conv2dRecord,
    DepthwiseRecord,
    FillRecord,
    FullyConnectedRecord,
    LookupRecord,
    MaxPoolRecord,
    MeanRecord,
    MulRecord,
    RequantiseRecord,
    ResizeNearestRecord,
    SoftmaxRecord,
    StridedCopyRecord,
    SubRecord,
    TransposeRecord,
)
from hwprof.surrogates.calls import KernelClass
from hwprof.surrogates.outlines import graph_calls
from hwprof.testing.tflite import small_network
from hwprof.tflite_io import read_tflite

RECORD_TYPES = {
    KernelClass.POINTWISE: Conv2dRecord,
    KernelClass.CONV: Conv2dRecord,
    KernelClass.DEPTHWISE_3X3: DepthwiseRecord,
    KernelClass.DEPTHWISE_BUFFERED: DepthwiseRecord,
    KernelClass.DEPTHWISE_GENERIC: DepthwiseRecord,
    KernelClass.FULLY_CONNECTED: FullyConnectedRecord,
    KernelClass.AVERAGE_POOL: AveragePoolRecord,
    KernelClass.MAX_POOL: MaxPoolRecord,
    KernelClass.ADD: AddRecord,  # a difference takes the same instructions
    KernelClass.MUL: MulRecord,
    KernelClass.COPY: StridedCopyRecord,
    KernelClass.FILL: FillRecord,
    KernelClass.TRANSPOSE: TransposeRecord,
    KernelClass.RESIZE: ResizeNearestRecord,
    KernelClass.LOOKUP: LookupRecord,
    KernelClass.SOFTMAX: SoftmaxRecord,
    KernelClass.REQUANTISE: RequantiseRecord,
}


def assert_same_calls(graph):
    """Each record has its call, with the same work."""
    calls = graph_calls([graph]).calls
    work = zip(calls.kernel.tolist(), calls.macs.tolist(), strict=True)
    counted = Counter((RECORD_TYPES[KernelClass(kernel)], macs) for kernel, macs in work)

    assert counted == Counter((type(record), record.macs) for record in lower(graph).records)


@pytest.mark.parametrize("name", BLOCK_TYPES)
def test_blocks(name, board):
    """Blocks of every type call what their programs call."""
    for config in board.draw(name, 12, seed=4):
        assert_same_calls(block_graph(config))


@pytest.mark.parametrize("classes", [1, 3])
def test_detector(classes):
    """The whole detector calls what its program calls."""
    assert_same_calls(person_detector(k=4, g=2, c=48, classes=classes).graph())


def test_tflite_network():
    """Each layer of a TFLite file is one call, a mean as a pooling of the whole map."""
    graph = read_tflite(small_network()).graph
    stand_ins = {SubRecord: AddRecord, MeanRecord: AveragePoolRecord}

    counted = Counter(
        RECORD_TYPES[KernelClass(kernel)] for kernel in graph_calls([graph]).calls.kernel
    )

    records = (type(record) for record in lower(graph).records)
    assert counted == Counter(stand_ins.get(record, record) for record in records)
