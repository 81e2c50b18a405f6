"""A search small enough to know all of it."""

import pytest

from hwprof.networks import person_detector
from hwprof.search.estimators import FlopsProxy, GivenLatency
from hwprof.search.problem import Problem
from hwprof.search.spaces import Dimension, SearchSpace

KERNELS = (2, 3, 4, 5)
CHANNELS = (24, 48, 72, 96)
ASPECTS = (0.8, 1.0)


class SmallSpace(SearchSpace):
    """32 detectors: kernel, channels and an aspect ratio that is drawn without order."""

    name = "small"

    @property
    def dimensions(self):
        return (
            Dimension("kernel", tuple(map(str, KERNELS))),
            Dimension("channels", tuple(map(str, CHANNELS))),
            Dimension("aspect", tuple(map(str, ASPECTS)), ordered=False),
        )

    @property
    def seed_point(self):
        return (3, 3, 0)

    def architecture(self, point):
        kernel, channels, aspect = point
        return person_detector(k=KERNELS[kernel], c=CHANNELS[channels], aspect=ASPECTS[aspect])


class CountingLatency:
    """Three microseconds for a thousand MACs, more with kernels of 2; remembers its calls."""

    def __init__(self, fails_at=None) -> None:
        self.asked = []
        self.fails_at = fails_at

    def __call__(self, architectures) -> list[float]:
        self.asked += [architecture.name for architecture in architectures]
        if self.fails_at is not None and len(self.asked) > self.fails_at:
            raise KeyboardInterrupt
        return [
            architecture.macs * 3e-3 * (1 + 0.2 * ("k=2" in architecture.name))
            for architecture in architectures
        ]


@pytest.fixture
def latency():
    """A latency function that remembers what it was asked."""
    return CountingLatency()


@pytest.fixture
def make_problem():
    """Makes a problem on the small space from a latency function and a budget."""

    def make(function=None, budget_us=None, name="by MACs"):
        latency = GivenLatency(name, function or CountingLatency())
        return Problem(SmallSpace(), FlopsProxy(), latency, budget_us)

    return make


@pytest.fixture
def failing_latency():
    """Makes a latency function that is interrupted after some calls."""
    return CountingLatency


@pytest.fixture
def storage(tmp_path):
    """A file for studies, in a folder that does not exist yet."""
    return tmp_path / "work" / "studies.sqlite"
