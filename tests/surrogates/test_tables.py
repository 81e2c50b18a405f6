"""Rows of a table are predicted as the networks they name, blocks shared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hwprof.errors import ConfigurationError
from hwprof.networks import person_detector
from hwprof.networks.person_detector import legal_sizes
from hwprof.search.spaces import get_space
from hwprof.surrogates import predict_latency
from hwprof.surrogates.artefact import NetworkCorrection
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.pricing import SurrogatePricer
from hwprof.surrogates.tables import columns_of

SPACE = get_space("person-detection")


@pytest.fixture(name="table", scope="module")
def table_fixture():
    """Every seventh legal size, each with a head of its own."""
    sizes = legal_sizes()[::7]
    n = len(sizes)
    groups = np.array([1, 2, 4, 8])[np.arange(n) % 4]
    return pd.DataFrame(
        {
            "k": 2 + np.arange(n) % 4,
            "g": groups,
            "c": (30 + 2 * np.arange(n)) // groups * groups,
            "width": [size.width for size in sizes],
            "aspect": [size.aspect for size in sizes],
            "accuracy": 0.5,
        }
    )


@pytest.fixture(name="detectors", scope="module")
def detectors_fixture(table):
    """The networks that the rows name."""
    columns = [table[name].tolist() for name in SPACE.parameters]
    rows = [dict(zip(SPACE.parameters, row, strict=True)) for row in zip(*columns, strict=True)]
    return [person_detector(**row) for row in rows]


@pytest.mark.parametrize(
    "make",
    [
        lambda table: table,
        lambda table: table.to_records(index=False),
        lambda table: {name: table[name].tolist() for name in table},
        lambda table: table.astype({"aspect": np.float32}),
    ],
    ids=["frame", "records", "mapping", "single precision"],
)
def test_equal(table, detectors, workspace, make):
    """A table's rows have the numbers and the blocks of their networks."""
    expected = predict_latency(detectors, workspace=workspace)

    found = predict_latency(SPACE, make(table), workspace=workspace)

    for name in ("latency_us", "low_us", "high_us", "covered_macs_percent"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)
    assert found.blocks[5] == expected.blocks[5]
    assert list(found.blocks[3:5]) == list(expected.blocks[3:5])
    assert len(found.blocks) == len(table)


def test_corrected(fitted, table, detectors):
    """A correction falls on rows as on networks: nothing is before the first block."""
    correction = NetworkCorrection(1.02, {"boundaries": 50.0}, 0.7, 40)
    predictor = Predictor(
        replace(fitted.artefact, correction=correction), SurrogatePricer(fitted.artefact)
    )

    found = predictor.predict_table(SPACE.blocks_of(columns_of(SPACE, table)))

    expected = predictor.predict_many(detectors)
    np.testing.assert_allclose(found.latency_us, expected.latency_us, rtol=1e-12)
    np.testing.assert_allclose(found.high_us, expected.high_us, rtol=1e-12)


def test_empty(table, workspace):
    """A table without rows has no latencies."""
    assert predict_latency(SPACE, table[:0], workspace=workspace).latency_us.shape == (0,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 6}, "row 3 .* k must be one of 2, 3, 4, 5; got 6"),
        ({"c": float("nan")}, "row 3 .* c must be one of 24 to 96; got nan"),
        ({"g": 3}, "row 3 .* g must be one of 1, 2, 4, 8; got 3"),
        ({"g": 8, "c": 28}, "row 3 .* c is no multiple of g; got k=.*, g=8, c=28"),
        ({"width": 230, "aspect": 0.6}, "row 3 .* do not join"),
    ],
)
def test_foreign_row(table, workspace, changes, message):
    """A row that is no network of the space is named."""
    wrong = table.astype(float)
    wrong.loc[3, list(changes)] = list(changes.values())

    with pytest.raises(ConfigurationError, match=message):
        predict_latency(SPACE, wrong, workspace=workspace)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda table: table.drop(columns=["k", "c"]), "k, c is missing"),
        (lambda table: table["k"].to_numpy(), "k, g, c, width, aspect is missing; got none"),
        (lambda table: table.astype({"k": str}), "column k of a table of networks holds numbers"),
        (lambda table: {**dict(table), "k": [2, 3]}, "of one length"),
        (lambda table: {**dict(table), "k": [[2]] * len(table)}, "one-dimensional"),
    ],
)
def test_foreign_table(table, workspace, damage, message):
    """A table without what the space asks for is refused."""
    with pytest.raises(ConfigurationError, match=message):
        predict_latency(SPACE, damage(table), workspace=workspace)


@pytest.mark.parametrize("arguments", [(SPACE,), (person_detector(), {"k": [2]})])
def test_table_and_space(arguments, workspace):
    """One goes with the other."""
    with pytest.raises(ConfigurationError, match="goes with a space"):
        predict_latency(*arguments, workspace=workspace)
