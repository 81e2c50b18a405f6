"""Measured networks correct the sum over blocks and its interval."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hwprof.documents import SEAL, fields_sha256
from hwprof.errors import ArtefactError, ConfigurationError
from hwprof.networks import person_detector
from hwprof.networks.person_detector import legal_sizes
from hwprof.surrogates.artefact import (
    HEAD_FILE,
    NetworkCorrection,
    load_artefact,
    save_artefact,
)
from hwprof.surrogates.boundaries import boundary_us
from hwprof.surrogates.correction import fit_correction
from hwprof.surrogates.network_rows import MeasuredNetworks
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.pricing import SurrogatePricer

COSTS = {"boundaries": 3.0, "found_bytes_within_16_kib": -0.002}


@pytest.fixture(name="detectors", scope="module")
def detectors_fixture():
    """Forty detectors on inputs of four sizes."""
    return [
        person_detector(k=k, c=c, width=size.width, aspect=size.aspect)
        for k, size in zip((2, 3, 4, 5), legal_sizes()[::50], strict=True)
        for c in range(24, 94, 7)
    ]


def predict(artefact, detectors):
    """Predictions by an artefact, correction included."""
    return Predictor(artefact, SurrogatePricer(artefact)).predict_many(detectors)


def fit(artefact, detectors, latency_us):
    """The correction alone."""
    return fit_correction(artefact, MeasuredNetworks(tuple(detectors), latency_us))[0]


def with_boundaries_us(artefact, detectors):
    """Latencies of networks whose boundaries cost exactly ``COSTS``."""
    added = [
        boundary_us([block.config for block in detector.blocks[1:]], COSTS).sum()
        for detector in detectors
    ]
    return predict(artefact, detectors).latency_us + added


def test_ratio_of_few(fitted, detectors):
    """A few networks, a tenth slower than their blocks, are predicted a tenth slower."""
    slower_us = 1.1 * predict(fitted.artefact, detectors[:20]).latency_us

    correction = fit(fitted.artefact, detectors[:20], slower_us)
    corrected = predict(fitted.artefact.corrected(correction), detectors[:20])

    assert correction.ratio == pytest.approx(1.1)
    np.testing.assert_allclose(corrected.latency_us, slower_us, rtol=1e-9)


def test_costs(fitted, detectors):
    """What boundaries cost is found, and no ratio is needed."""
    measured_us = with_boundaries_us(fitted.artefact, detectors)

    correction = fit(fitted.artefact, detectors, measured_us)
    corrected = predict(fitted.artefact.corrected(correction), detectors)

    assert correction.ratio == 1
    np.testing.assert_allclose(corrected.latency_us, measured_us, rtol=1e-6)


def test_one_by_one(fitted, detectors):
    """One network alone has the numbers that it has among others."""
    correction = NetworkCorrection(1.01, COSTS, 0.5, 40)
    predictor = Predictor(fitted.artefact.corrected(correction), SurrogatePricer(fitted.artefact))

    many = predictor.predict_many(detectors)
    one = predictor.predict(detectors[7])

    assert (one.low_us, one.latency_us, one.high_us) == pytest.approx(
        (many.low_us[7], many.latency_us[7], many.high_us[7]), rel=1e-12
    )


def test_wild_network(fitted, detectors):
    """One network that was measured 40 times off moves the others by less than 0.1 %."""
    measured_us = with_boundaries_us(fitted.artefact, detectors)
    wild_us = measured_us.copy()
    wild_us[11] *= 40

    corrected = [
        predict(fitted.artefact.corrected(fit(fitted.artefact, detectors, us)), detectors)
        for us in (measured_us, wild_us)
    ]

    np.testing.assert_allclose(corrected[1].latency_us, corrected[0].latency_us, rtol=1e-3)


def test_interval(fitted, detectors):
    """Networks that scatter more than their blocks stretch the interval over them."""
    noise = np.random.default_rng(0).normal(1, 0.1, len(detectors))
    scattered_us = noise * predict(fitted.artefact, detectors).latency_us

    correction = fit(fitted.artefact, detectors, scattered_us)
    corrected = predict(fitted.artefact.corrected(correction), detectors)

    inside = (corrected.low_us <= scattered_us) & (scattered_us <= corrected.high_us)
    assert correction.stretch > 1
    assert 0.85 <= inside.mean() <= 1


def test_narrow_interval(fitted, detectors):
    """Networks that are the sum of their blocks to a tenth of a percent narrow the interval."""
    noise = np.random.default_rng(0).normal(1, 1e-3, len(detectors))
    plain = predict(fitted.artefact, detectors)

    correction = fit(fitted.artefact, detectors, noise * plain.latency_us)
    corrected = predict(fitted.artefact.corrected(correction), detectors)

    assert ((corrected.high_us - corrected.low_us) < (plain.high_us - plain.low_us) / 2).all()


def test_report(fitted, detectors):
    """The report says how much the correction gains on networks held out of it."""
    measured_us = 1.05 * predict(fitted.artefact, detectors).latency_us

    _, report = fit_correction(fitted.artefact, MeasuredNetworks(tuple(detectors), measured_us, 2))

    assert (report.n, report.skipped) == (40, 2)
    assert report.scores.mape_percent < 0.01
    assert report.summed.mape_percent == pytest.approx(100 * (1 - 1 / 1.05))
    json.dumps(report.to_json())


def test_bounded(fitted, detectors):
    """A correction of nonsense changes no network by more than a factor of two."""
    plain = predict(fitted.artefact, detectors)
    nonsense = NetworkCorrection(1.0, {"boundaries": -1e9}, 1.0, 30)

    corrected = predict(fitted.artefact.corrected(nonsense), detectors)

    np.testing.assert_allclose(corrected.latency_us, plain.latency_us / 2)


def test_travels(fitted, detectors, tmp_path):
    """A correction is saved with its artefact."""
    correction = fit(fitted.artefact, detectors, with_boundaries_us(fitted.artefact, detectors))
    folder = save_artefact(fitted.artefact.corrected(correction), tmp_path)

    assert load_artefact(folder).correction == correction


def changed_head(fitted, tmp_path, **changes):
    """Folder of an artefact with entries of its head replaced, and sealed again."""
    folder = save_artefact(fitted.artefact, tmp_path)
    head = json.loads((folder / HEAD_FILE).read_text()) | changes
    (folder / HEAD_FILE).write_text(json.dumps(head | {SEAL: fields_sha256(head)}))
    return folder


def test_first_format(fitted, tmp_path):
    """An artefact of format 1 has no boundaries, and is read."""
    old = {"ratio": 1.0, "log_ratio": 0.0, "n": 0}

    folder = changed_head(fitted, tmp_path, version=1, correction=old)

    assert load_artefact(folder).correction == NetworkCorrection()


@pytest.mark.parametrize(
    "correction",
    [
        {"ratio": 0.0},
        {"ratio": float("nan")},
        {"stretch": -1.0},
        {"boundary_us": {"moon_phase": 1.0}},
        {"boundary_us": {"boundaries": float("inf")}},
        {"boundary_us": [1.0]},
        {"costs": 1.0},
    ],
)
def test_tampered(fitted, tmp_path, correction):
    """A correction that no fit makes is refused in one sentence."""
    folder = changed_head(fitted, tmp_path, correction=correction)

    with pytest.raises(ArtefactError, match="is no artefact of hwprof"):
        load_artefact(folder)


def test_too_few(fitted, detectors):
    """A handful of networks correct nothing."""
    with pytest.raises(ConfigurationError, match="at least 10 networks with a latency each; got 3"):
        fit(fitted.artefact, detectors[:3], np.ones(3))
