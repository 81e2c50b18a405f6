"""Heads of the search space are measured into a table, which ships whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import ConfigurationError, StoreError
from hwprof.luts import load_table, shipped_folder
from hwprof.networks import parse_architecture, person_detector, person_detector_head
from hwprof.profiler.bench import Bench
from hwprof.surrogates import load_predictor
from hwprof.surrogates.artefact import context_slug
from hwprof.workflows import head_table
from hwprof.workspace import Workspace


def test_all_heads():
    """The space has 6,672 heads; each is the end of a detector."""
    heads = list(head_table.heads())

    assert len({head.blocks for head in heads}) == len(heads) == 6672
    assert person_detector_head().blocks == person_detector().blocks[-2:]
    assert parse_architecture(heads[1234].name) == heads[1234]


@pytest.mark.parametrize("height", [0, 15, 66])
def test_grid(height):
    """A grid that no detector has is refused."""
    with pytest.raises(ConfigurationError, match="even and 2 to 64; got"):
        person_detector_head(height=height)


def test_measured(tmp_path, monkeypatch):
    """Both blocks of a head have the cycles of its run; a head without a row is missed."""
    workspace = Workspace(tmp_path)
    few = [
        person_detector_head(k=2, g=8, c=24, height=8, width=14),
        person_detector_head(k=3, g=8, c=24, height=8, width=14),
    ]
    monkeypatch.setattr(head_table, "heads", lambda: iter(few))
    head_table.measure_heads(workspace, workers=1, count=1)
    with pytest.raises(StoreError, match="1 heads have no row"):
        head_table.save_head_table(workspace, tmp_path)

    report = head_table.measure_heads(workspace, workers=1)
    table = load_table(head_table.save_head_table(workspace, tmp_path))

    assert (report.measured, report.already_stored) == (1, 1)
    assert table.values.keys() == {block.config.key for head in few for block in head.blocks}
    with Bench(head_table.SETUP) as bench:
        row = bench.measure(bench.lower(few[1].graph()), block_type="network", block_key="x")
    assert sum(table.values[block.config.key] for block in few[1].blocks) == row.cycles


def test_shipped():
    """The table that ships is of all heads, and they lie in the surrogate's intervals."""
    predictor = load_predictor()
    path = shipped_folder() / context_slug(predictor.context) / head_table.HEAD_TABLE
    if not path.exists():
        pytest.skip("no head table ships yet; scripts/make_head_table.py makes it")
    table = load_table(path)
    heads = list(head_table.heads())
    cycles = np.array(
        [sum(table.values[block.config.key] for block in head.blocks) for head in heads]
    )

    predicted = predictor.predict_many(heads)

    measured_us = cycles * 1e6 / predictor.context.clock_hz
    inside = (predicted.low_us <= measured_us) & (measured_us <= predicted.high_us)
    assert path.stat().st_size < 1_000_000
    assert inside.mean() >= predicted.interval_level
