"""Spaces of a builder's parameters, and the TOML files that they are written in."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.networks import person_detector
from hwprof.search.exhaustive import exhaustive_front
from hwprof.search.spaces import BuiltNetworks, EditedNetwork, ParameterAxis, get_space

DETECTORS = """
format = "hwprof-space"
format_version = 1
name = "few-detectors"
network = "person-detector"
together = [["g", "c"], ["width", "aspect"]]

[parameters]
k = [2, 5]
g = [1, 8]
c = { from = 24, to = 48, step = 4 }
width = { from = 240, to = 320, step = 8 }
aspect = [0.6, 0.8]
classes = 1
"""
MOBILE = """
name = "mobile"
network = "mobilenet-v2"

[parameters]
alpha = { from = 0.25, to = 0.5, step = 0.05 }
size = [64, 96]
classes = 2

[seed]
alpha = 0.3
"""


@pytest.fixture
def write(tmp_path: Path):
    """Writes a space and returns the path as text."""

    def written(text: str, name: str = "mine.toml") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return written


def test_joined_parameters_hold_what_the_builder_accepts(write) -> None:
    """All combinations of groups and channels, of width and aspect, that exist, and no other."""
    space = get_space(write(DETECTORS))
    legal = set()
    for g in (1, 8):
        for c in range(24, 49, 4):
            if c % g == 0:
                legal.add((g, c))
    assert [d.name for d in space.dimensions] == ["k", "g,c", "width,aspect"]
    assert set(space.axes[1].choices) == legal
    names = [architecture.name for architecture in space.architectures(range(space.size))]
    assert len(set(names)) == space.size == 2 * len(legal) * len(space.axes[2].choices)


def test_the_seed_is_the_networks_own_default_where_that_is_a_choice(write) -> None:
    """k=5 and 320x0.8 are choices, g=1 with c=96 is none: its first choice stands in."""
    space = get_space(write(DETECTORS))
    seed = space.architecture(space.seed_point)
    assert seed == person_detector(k=5, g=1, c=24, width=320, aspect=0.8)


def test_ranges_hold_both_ends_and_round(write) -> None:
    """0.25 to 0.5 by 0.05 are six numbers without binary dust; the seed table is followed."""
    space = get_space(write(MOBILE))
    assert space.axes[0].choices == ((0.25,), (0.3,), (0.35,), (0.4,), (0.45,), (0.5,))
    assert space.size == 12
    assert space.architecture(space.seed_point).name == "mobilenet-v2:alpha=0.3,size=96,classes=2"


def test_a_space_is_known_by_the_network_behind_its_choices(write) -> None:
    """Equal names and choices of another network, or of another fixed value, are another space."""
    one = get_space(write(MOBILE)).fingerprint
    others = [MOBILE.replace("mobilenet-v2", "mobilenet-v1"), MOBILE.replace("= 2\n", "= 3\n")]
    assert get_space(write(MOBILE, "same.toml")).fingerprint == one
    assert len({one, *(get_space(write(text)).fingerprint for text in others)}) == 3


def test_factors_of_joined_parameters_keep_their_kind(write) -> None:
    """A width that is joined with an aspect ratio is still a whole number."""
    factors = get_space(write(DETECTORS)).factors(np.array([0, 1]))
    assert (factors["width"].dtype.kind, factors["aspect"].dtype.kind) == ("i", "f")


def test_factors_are_the_parameters(write) -> None:
    """A column of numbers for each parameter, in the order of the numbers asked for."""
    space = get_space(write(DETECTORS))
    indices = np.array([0, space.size - 1])
    factors = space.factors(indices)
    assert list(factors) == ["k", "g", "c", "width", "aspect"]
    assert factors["k"].tolist() == [2, 5]
    assert (factors["g"][1], factors["c"][1]) == space.axes[1].choices[-1]


def test_factors_of_person_detection_build_its_architectures() -> None:
    """The columns are what the builder takes."""
    space = get_space("person-detection")
    indices = np.array([17, 50_000, space.size - 1])
    factors = space.factors(indices)
    for row, architecture in enumerate(space.architectures(indices.tolist())):
        built = person_detector(**{name: column[row].item() for name, column in factors.items()})
        assert built == architecture


def test_edits_may_be_written_in_toml(write) -> None:
    """The axes of a JSON space, beside a network by name."""
    node = next(n for n in _cifar().graph().nodes if n.op.kind == "conv2d").name
    text = f"""
name = "narrower"
network = "cifar10-cnn"

[[axes]]
name = "first width"
[[axes.choices]]
label = "as it is"
edits = []
[[axes.choices]]
label = "16"
edits = [{{ kind = "channels", nodes = ["{node}"], values = [16] }}]
"""
    space = get_space(write(text))
    assert isinstance(space, EditedNetwork)
    assert space.size == 2
    assert space.architecture((1,)).macs < space.architecture((0,)).macs
    assert space.factors(np.arange(2))["first width"].tolist() == ["as it is", "16"]


def _cifar():
    from hwprof.networks import cifar10_cnn

    return cifar10_cnn()


DOCUMENT = Path(__file__).parents[2] / "docs" / "SPACES.md"
EXAMPLES = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", EXAMPLES)
def test_documented_spaces_are_spaces(write, text: str) -> None:
    """What the document shows is read, and its last point is built."""
    space = get_space(write(text))
    assert space.architecture(space.point(space.size - 1)).macs > 0


def _with(old: str, new: str) -> str:
    assert old in DETECTORS
    return DETECTORS.replace(old, new)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = [", "is no search space"),
        ("\x00", "is no search space"),
        ("x = " + "[" * 5000, "is no search space"),
        ('name = "x"', r"either \[parameters\] of a network or \[\[axes\]\]"),
        (_with('"hwprof-space"', '"other"'), "needs format 'hwprof-space'"),
        (_with("format_version = 1", "format_version = 2"), "needs format_version 1"),
        (_with('"person-detector"', '"person-detectr"'), "did you mean person-detector"),
        (_with("k = [2, 5]", "kernel = [2, 5]"), "unknown parameter of person-detector 'kernel'"),
        (_with("k = [2, 5]", "k = []"), "1 to 10,000 choices of k where it has 0"),
        (_with("k = [2, 5]", "k = [2, 2]"), "different choices; got 2, 1 of them different"),
        (_with("k = [2, 5]", "k = [2, 7]"), "k must be one of 2, 3, 4, 5; got 7"),
        (_with("k = [2, 5]", "k = [2, 2.5]"), "a whole number for k where it has 2.5"),
        (_with("k = [2, 5]", "k = [2, true]"), "a whole number for k where it has True"),
        (_with("k = [2, 5]", 'k = "2"'), "a number, a list or a range for k where it has '2'"),
        (_with("aspect = [0.6, 0.8]", "aspect = [nan]"), "a finite number for aspect"),
        (_with("from = 24, to = 48", "from = 48, to = 24"), "ascends by a positive step"),
        (_with("to = 48, step = 4", "to = 48, step = 0"), "ascends by a positive step"),
        (_with("from = 24, to = 48", "from = 24"), "'to' in the range of c"),
        (_with("step = 4", "by = 4"), "unknown field of the range of c 'by'"),
        (_with("{ from = 24, to = 48, step = 4 }", "{ from = 0, to = 9000000 }"), "1 to 10,000"),
        (_with("[0.6, 0.8]", "[0.6, 1" + 400 * "0" + "]"), "a finite number for aspect"),
        (_with("[0.6, 0.8]", "{ from = 0.5, to = 1e15, step = 1e-300 }"), "1 to 10,000 choices"),
        (
            DETECTORS.replace('[["g", "c"], ["width", "aspect"]]', '[["g", "c", "k", "width"]]')
            .replace("g = [1, 8]", "g = { from = 1, to = 8192 }")
            .replace("{ from = 24, to = 48, step = 4 }", "{ from = 1, to = 8192 }")
            .replace("k = [2, 5]", "k = { from = 1, to = 8192 }")
            .replace("{ from = 240, to = 320, step = 8 }", "{ from = 1, to = 8192 }"),
            "at most 10,000 combinations",
        ),
        (_with("together = [[", 'together = [["g", "k"], ['), "g in one list of 'together'"),
        (_with('["g", "c"]', '["g", "q"]'), "unknown varied parameter 'q'"),
        (_with('["g", "c"], ', ""), "join parameters that depend on each other by 'together'"),
        (_with("g = [1, 8]", "g = [3]"), "no combination of g with c is a network"),
        (_with("classes = 1", "clases = 1"), "did you mean classes"),
        (DETECTORS + "\n[seed]\nk = 3", "k=3 is no choice of k"),
        (_with('name = "few-detectors"', ""), "a text 'name', which it has not"),
        (_with('network = "person-detector"', ""), "a text 'network', which it has not"),
        (DETECTORS + "\n[seed]\nz = 3", "unknown varied parameter 'z'"),
        (DETECTORS + "\n[seed]\nclasses = 2", "unknown varied parameter 'classes'"),
        (DETECTORS + "\n[extra]\nz = 3", "unknown field 'extra'"),
        ('name = "x"\nnetwork = "cifar10-cnn"\n[parameters]\n', "needs a parameter that varies"),
        ('name = 3\nnetwork = "resnet"\n[parameters]\nwidth = [8]', "a text of at most"),
        (_with("few-detectors", ""), "a name that is not blank"),
        (_with("few-detectors", "a\\u001b[31mX\\n"), "characters that print"),
    ],
)  # fmt: skip
def test_what_is_no_space_is_refused_in_a_sentence(write, text: str, sentence: str) -> None:
    """Rule, value and way out; nothing else is raised."""
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        get_space(write(text))
    assert str(caught.value).endswith((".", "?"))
    assert "\n" not in str(caught.value)


EDITS = """
name = "n"
network = "cifar10-cnn"
[[axes]]
name = "width"
[[axes.choices]]
label = "as it is"
edits = []
[[axes.choices]]
label = "16"
edits = [{ kind = "channels", nodes = ["0.conv2d/conv2d"], values = [16] }]
"""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("edits = []", "edit = []", "unknown field of a choice 'edit'; did you mean edits"),
        ("edits = []", "", "a list 'edits', which it has not"),
        ('label = "16"', "", "a text 'label', which it has not"),
        ('name = "width"', 'name = "width"\ncolour = 3', "unknown field of an axis 'colour'"),
        ("values =", "value =", "unknown field of an edit 'value'; did you mean values"),
        ('kind = "channels", ', "", "a text 'kind', which it has not"),
        ("0.conv2d", "conv2d", "has no operator 'conv2d/conv2d'[)]; remove it"),
    ],
)
def test_a_slip_in_an_edit_is_named(write, old: str, new: str, sentence: str) -> None:
    """A field that nobody would read is no choice without an edit."""
    assert get_space(write(EDITS)).size == 2
    with pytest.raises(ConfigurationError, match=sentence):
        get_space(write(EDITS.replace(old, new)))


def test_a_file_of_another_ending_is_told_which_there_are() -> None:
    """YAML is no space, and no name of one."""
    with pytest.raises(ConfigurationError, match=r"ends in \.json or \.toml; got mine\.yaml"):
        get_space("mine.yaml")


def test_a_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    """No more than a mebibyte is ever read."""
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        get_space(str(tmp_path / "none.toml"))
    large = tmp_path / "large.toml"
    large.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(ConfigurationError, match="at most 1,048,576 bytes"):
        get_space(str(large))


def test_a_space_beyond_counting_is_searched_and_not_enumerated(make_problem) -> None:
    """Millions of chains are a space; evaluating all of them is refused."""
    axes = [
        ParameterAxis(("point",), tuple((number,) for number in range(10_000))),
        ParameterAxis(("size",), tuple((size,) for size in range(48, 96))),
        ParameterAxis(("classes",), tuple((count,) for count in range(2, 12))),
    ]
    space = BuiltNetworks("chains", "mcunet-chain", axes)
    assert space.size == 4_800_000
    problem = replace(make_problem(), space=space)
    with pytest.raises(ConfigurationError, match="search with --no-exhaustive"):
        exhaustive_front(problem)
