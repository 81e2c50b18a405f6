"""Networks written as text."""

import pytest

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.networks import NETWORKS, fastestdet, parse_architecture, person_detector


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("person-detector", person_detector()),
        ("person_detector", person_detector()),
        ("person-detector:", person_detector()),
        ("person-detector:k=3, c=48", person_detector(k=3, c=48)),
        ("person-detector:aspect=1,width=224", person_detector(aspect=1.0, width=224)),
        ("fastestdet:height=192,width=320,classes=1", fastestdet(height=192, width=320, classes=1)),
    ],
)
def test_text_names_a_network(text, network):
    """Parameters left out keep their defaults; spaces and order do not matter."""
    assert parse_architecture(text) == network


@pytest.mark.parametrize(
    "network", [person_detector(k=2, g=8, c=88, width=224, aspect=0.8, classes=20), fastestdet()]
)
def test_a_name_is_the_text_that_makes_the_network(network):
    """An architecture's own name, parsed, is the architecture."""
    assert parse_architecture(network.name) == network


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("person-detektor", "unknown network 'person-detektor'; did you mean person-detector"),
        ("person-detector:kernel=3", "unknown parameter of person-detector 'kernel'"),
        ("person-detector:widht=3", "did you mean width"),
    ],
)
def test_unknown_names_suggest_the_nearest(text, message):
    """Names nobody registered are answered with those that were probably meant."""
    with pytest.raises(UnknownNameError, match=message):
        parse_architecture(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("person-detector:k=3.5", "k of person-detector is a whole number"),
        ("person-detector:aspect=wide", "aspect of person-detector is a number"),
        ("person-detector:k", "written k=1; got 'k'"),
        ("person-detector:aspect=nan", "one of the 164 pairs"),
        ("person-detector:k=3,k=5", "k of person-detector is given twice"),
    ],
)
def test_broken_values_are_refused(text, message):
    """A value that is no number of its kind is named with the way to write it."""
    with pytest.raises(ConfigurationError, match=message):
        parse_architecture(text)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_builds_without_parameters(name):
    """Each registered network has a default for every parameter."""
    assert parse_architecture(name).graph().macs > 0
