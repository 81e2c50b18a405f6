"""Measured networks correct the sum over blocks and its interval."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.networks import person_detector
from hwprof.surrogates.artefact import load_artefact, save_artefact
from hwprof.surrogates.correction import fit_correction
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.pricing import SurrogatePricer


@pytest.fixture(name="detectors", scope="module")
def detectors_fixture():
    """Forty detectors."""
    return [person_detector(k=k, c=c) for k in (2, 3, 4, 5) for c in range(24, 94, 7)]


def predict(artefact, detectors):
    """Predictions by an artefact, correction included."""
    return Predictor(artefact, SurrogatePricer(artefact)).predict_many(detectors)


def test_ratio(fitted, detectors):
    """Networks a tenth slower than their blocks are predicted a tenth slower."""
    slower_us = 1.1 * predict(fitted.artefact, detectors).latency_us

    correction = fit_correction(fitted.artefact, detectors, slower_us)
    corrected = predict(fitted.artefact.corrected(correction), detectors)

    np.testing.assert_allclose(corrected.latency_us, slower_us, rtol=1e-9)


def test_interval(fitted, detectors):
    """Networks that scatter more than their blocks stretch the interval over them."""
    noise = np.random.default_rng(0).normal(1, 0.1, len(detectors))
    scattered_us = noise * predict(fitted.artefact, detectors).latency_us

    correction = fit_correction(fitted.artefact, detectors, scattered_us)
    corrected = predict(fitted.artefact.corrected(correction), detectors)

    inside = (corrected.low_us <= scattered_us) & (scattered_us <= corrected.high_us)
    assert 0.85 <= inside.mean() < 1


def test_agreement_changes_nothing(fitted, detectors):
    """Networks that are the sum of their blocks leave both as they are."""
    exact_us = predict(fitted.artefact, detectors).latency_us

    correction = fit_correction(fitted.artefact, detectors, exact_us)

    assert (correction.ratio, correction.log_ratio) == pytest.approx((1, 0))


def test_travels(fitted, detectors, tmp_path):
    """A correction is saved with its artefact."""
    exact_us = predict(fitted.artefact, detectors).latency_us
    correction = fit_correction(fitted.artefact, detectors, 2 * exact_us)
    folder = save_artefact(fitted.artefact.corrected(correction), tmp_path)

    assert load_artefact(folder).correction == correction


def test_too_few(fitted, detectors):
    """A handful of networks correct nothing."""
    with pytest.raises(ConfigurationError, match="at least 10 networks with a latency each; got 3"):
        fit_correction(fitted.artefact, detectors[:3], np.ones(3))
