"""Whether an interval decides what a candidate is, against trying every latency in it."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.search.decisions import Standing
from hwprof.search.estimators import LatencyEstimate
from hwprof.search.front import pareto_indices

OTHERS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 6)), max_size=8)
LIMITS = st.one_of(st.just(math.inf), st.integers(2, 12))


def outcome(others, latency, score, limit):
    """Members of the front other than the candidate, and whether it is one itself."""
    table = [(*one, False) for one in others] + [(latency, score, True)]
    table = [one for one in table if one[0] <= limit]
    if not table:
        return frozenset()
    columns = np.array([one[:2] for one in table], np.float64)
    chosen = (table[index] for index in pareto_indices(columns[:, 0], columns[:, 1]))
    return frozenset("me" if is_me else (a, b) for a, b, is_me in chosen)


def known(others):
    """Others whose latencies are known without error."""
    return [(LatencyEstimate.exactly(latency, "modelled"), score) for latency, score in others]


@settings(max_examples=500, deadline=None)
@given(
    others=OTHERS,
    score=st.integers(0, 6),
    interval=st.tuples(st.integers(1, 12), st.integers(0, 4)),
    limit=LIMITS,
)
def test_a_decided_candidate_is_the_same_at_every_latency(others, score, interval, limit):
    """Wherever in the interval the truth lies, the same designs are on the front; else not."""
    low, high = interval[0] - 0.25, sum(interval) + 0.25  # between the others' latencies
    estimate = LatencyEstimate((low + high) / 2, low, high, 0.9, "predicted")
    standing = Standing.among(known(others), score=score, limit_us=limit)
    latencies = np.arange(low, high + 1e-9, 0.5)
    outcomes = {outcome(others, float(at), score, limit) for at in latencies}
    assert standing.is_decided(estimate) == (len(outcomes) == 1)


@settings(max_examples=500, deadline=None)
@given(
    others=st.lists(
        st.tuples(st.integers(1, 12), st.integers(0, 3), st.integers(0, 6), st.integers(0, 3)),
        max_size=6,
    ),
    score=st.integers(0, 6),
    interval=st.tuples(st.integers(1, 12), st.integers(0, 4)),
    limit=LIMITS,
)
def test_others_may_lie_anywhere_in_their_intervals(others, score, interval, limit):
    """A decided candidate's place is the same at all its latencies, whatever theirs are."""
    low, high = interval[0] - 0.25, sum(interval) + 0.25
    estimate = LatencyEstimate((low + high) / 2, low, high, 0.9, "predicted")
    predicted = [
        (LatencyEstimate(at + width / 2, at, at + width, 0.9, "predicted"), rank)
        for at, width, rank, _ in others
    ]
    standing = Standing.among(predicted, score=score, limit_us=limit)
    truths = [(at + min(offset, width), rank) for at, width, rank, offset in others]
    latencies = np.arange(low, high + 1e-9, 0.5)
    outcomes = {outcome(truths, float(at), score, limit) for at in latencies}
    assert not standing.is_decided(estimate) or len(outcomes) == 1


def test_the_first_candidate_is_decided():
    """Alone and without a budget a candidate is the front, however slow."""
    standing = Standing.among([], score=1.0, limit_us=math.inf)
    assert standing.is_decided(LatencyEstimate(2.0, 1.0, 4.0, 0.9, "predicted"))


def test_a_budget_inside_the_interval_leaves_it_open():
    """Whether the first candidate is a solution is not known before it is run."""
    standing = Standing.among([], score=1.0, limit_us=3.0)
    assert not standing.is_decided(LatencyEstimate(2.0, 1.0, 4.0, 0.9, "predicted"))
