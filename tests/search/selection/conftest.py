"""Trained designs that nobody had to train: architectures with a quality made up of their work."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.networks import person_detector
from hwprof.networks.person_detector import legal_sizes
from hwprof.search.performance import Evidence
from hwprof.search.selection import Prices, Sample


@pytest.fixture(scope="session")
def samples():
    """24 designs whose quality rises with the logarithm of their work, and some noise."""
    generator = np.random.default_rng(3)
    sizes = legal_sizes()
    made = []
    for number in range(24):
        size = sizes[7 * (number % 5)]
        architecture = person_detector(
            k=2 + number % 4, g=1, c=24 + 3 * number, width=size.width, aspect=size.aspect
        )
        quality = 0.1 * np.log(architecture.macs) + 0.01 * generator.normal()
        made.append(Sample(Evidence(architecture), float(quality)))
    return made


@pytest.fixture(scope="session")
def prices():
    """A minute each in a space that is asked whole."""
    return Prices(space_size=91_184, training_s=60)
