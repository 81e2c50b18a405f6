"""The shipped surrogates as the latency estimator of a search."""

import pytest

from hwprof.networks import person_detector
from hwprof.surrogates.predict import load_predictor, predict_latency
from hwprof.workflows.search_latency import predicted_latency

NETWORKS = [person_detector(), person_detector(k=2, c=24)]


def test_a_search_sees_what_predict_latency_says():
    """The estimator's numbers are the prediction's, in microseconds."""
    estimator = predicted_latency(load_predictor(), "surrogate")
    assert list(estimator.latencies_us(NETWORKS)) == pytest.approx(
        list(predict_latency(NETWORKS).latency_us)
    )


def test_an_estimator_is_named_after_its_fit():
    """Method, board and timing model are in the name; other prices make another name."""
    names = [
        predicted_latency(load_predictor(method=method), method).name
        for method in ("surrogate", "macs")
    ]
    assert "for rt1170 (exact-" in names[0]
    assert names[0].split()[1] != names[1].split()[1]
