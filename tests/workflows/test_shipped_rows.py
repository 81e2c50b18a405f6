"""What ships is what the installed firmware and machine description make, row by row."""

from __future__ import annotations

import json
import random

import pytest

from hwprof.architecture import block_graph
from hwprof.firmware_stub.stamp import code_sha256
from hwprof.firmware_stub.targets import virtual_reference
from hwprof.luts import load_table, shipped_folder
from hwprof.measurement import DEFAULT_TARGET
from hwprof.profiler.bench import Bench, Setup
from hwprof.surrogates.artefact import HEAD_FILE, LUT_FILE
from hwprof.surrogates.keys import parse_key

FOLDERS = sorted(head.parent for head in shipped_folder().glob(f"*/{HEAD_FILE}"))
ROWS = 20
SEED = random.SystemRandom().randrange(10**6)


def test_shipped():
    """There are artefacts to check."""
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name[:60])
def test_stamp(folder):
    """An artefact and its table are stamped for the installed code and timing model."""
    stamp = json.loads((folder / HEAD_FILE).read_text())["stamp"]
    table = load_table(folder / LUT_FILE)
    installed = code_sha256(table.context.board, table.context.kernels)

    assert stamp["code_sha256"] == table.code_sha256 == installed
    assert stamp["timing_model"] == table.context.timing_model


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name[:60])
def test_rows_again(folder):
    """Rows drawn at random, another draw each time, take the same cycles to the last one."""
    table = load_table(folder / LUT_FILE)
    context = table.context
    assert virtual_reference(DEFAULT_TARGET) == context.board
    keys = random.Random(SEED).sample(sorted(table.values), -(-ROWS // len(FOLDERS)))
    setup = Setup(placement=context.placement, kernels=context.kernels, scheme=context.scheme)

    with Bench(setup) as bench:
        assert bench.origin.context == context
        again = {
            key: bench.measure(
                bench.lower(block_graph(parse_key(key))), block_type="again", block_key=key
            ).cycles
            for key in keys
        }

    assert again == {key: table.values[key] for key in keys}, f"drawn with seed {SEED}"
