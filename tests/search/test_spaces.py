"""Search spaces: their numbering, and what the person detector's holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.networks import parse_architecture, person_detector
from hwprof.search.spaces import SPACES, PersonDetection, get_space

SPACE = PersonDetection()
EVERY_SPACE = pytest.mark.parametrize("space", SPACES.values(), ids=lambda space: space.name)


def test_the_person_detectors_space_has_its_known_size():
    """4 kernels, 139 pairs of groups and channels and 164 inputs are 91,184 architectures."""
    assert [len(dimension.labels) for dimension in SPACE.dimensions] == [4, 139, 164]
    assert SPACE.size == 91_184


def test_every_architecture_has_its_own_name():
    """No two numbers of the space are the same architecture."""
    names = {architecture.name for architecture in SPACE.architectures(range(SPACE.size))}
    assert len(names) == SPACE.size


def test_the_space_shares_6672_heads_on_12_grids():
    """Heads repeat between inputs of one grid, so that a complete table of them is affordable."""
    pyramids = {
        architecture.blocks[-2].config for architecture in SPACE.architectures(range(SPACE.size))
    }
    assert len(pyramids) == 6_672
    assert len({config.inputs[0][:2] for config in pyramids}) == 12


def test_the_seed_is_the_person_detector_as_it_is_known():
    """The search starts from k=5, g=1, C=96 at 256 x 320."""
    assert SPACE.architecture(SPACE.seed_point) == person_detector()


@settings(max_examples=50, deadline=None)
@given(index=st.integers(0, SPACE.size - 1))
def test_an_architecture_is_found_by_its_name(index):
    """The name of any architecture of the space, parsed, is that architecture."""
    (architecture,) = SPACE.architectures([index])
    assert parse_architecture(architecture.name) == architecture


@EVERY_SPACE
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_numbers_and_points_are_one_to_one(space, data):
    """A point's number leads back to the point."""
    index = data.draw(st.integers(0, space.size - 1))
    assert space.index(space.point(index)) == index


@EVERY_SPACE
def test_neighbours_differ_in_the_last_dimension(space):
    """The last dimension turns fastest, so that architectures of one head come together."""
    first, second = space.point(0), space.point(1)
    assert first[:-1] == second[:-1]


@EVERY_SPACE
@pytest.mark.parametrize("offset", [-1, 0])
def test_numbers_outside_the_space_are_refused(space, offset):
    """An architecture that is not there is a sentence with the numbers that are."""
    index = offset if offset < 0 else space.size
    with pytest.raises(ConfigurationError, match=f"numbered 0 to {space.size - 1}; got {index}"):
        space.point(index)


@EVERY_SPACE
def test_labels_are_distinct(space):
    """Each choice of a dimension has words of its own."""
    for dimension in space.dimensions:
        assert len(set(dimension.labels)) == len(dimension.labels)


def test_ordered_inputs_grow_in_pixels():
    """Neighbouring inputs have about the same work, which lets a sampler learn from them."""
    inputs = {SPACE.architecture((0, 0, choice)).inputs[0][1][:2]: choice for choice in range(164)}
    pixels = [height * width for height, width in inputs]
    assert pixels == sorted(pixels)


def test_an_unknown_space_suggests_the_nearest():
    """A misspelt space is answered with the one that was probably meant."""
    with pytest.raises(UnknownNameError, match=r"unknown search space .*did you mean person-detec"):
        get_space("person-detecton")
