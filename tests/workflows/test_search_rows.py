"""Rows of a search's report are compared with what they must beat."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.networks import person_detector
from hwprof.search.design import Design
from hwprof.search.estimators import LatencyEstimate
from hwprof.search.training.bootstrap import PrecisionSamples
from hwprof.workflows.search_outcome._rows import Entry, Judged, against_baseline


def row(c, value, *, baseline=""):
    """A judged detector of so many channels; what the comparison does not read is left out."""
    estimate = LatencyEstimate.exactly(1.0, "predicted")
    entry = Entry(str(c), "winner", Design(person_detector(c=c)), "", estimate, baseline)
    samples = PrecisionSamples(value, value + np.linspace(-0.01, 0.01, 101))
    return Judged(entry, None, samples, samples, None)


def test_a_winner_is_compared_with_its_baseline_draw_by_draw():
    """The same draws move both, so that the difference has no width here."""
    winner = row(32, 0.5, baseline=person_detector(c=48).name)
    difference = against_baseline(winner, [row(96, 0.6), winner, row(48, 0.45)])
    assert difference is not None
    assert (difference.value, difference.low) == pytest.approx((0.05, 0.05))


def test_what_has_no_baseline_is_compared_with_none():
    """The seed and the baselines themselves."""
    assert against_baseline(row(96, 0.6), [row(96, 0.6)]) is None
