"""Search spaces out of files: what is written is read back, and what is broken is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hwprof.edits import Channels, Kernel
from hwprof.errors import ConfigurationError
from hwprof.networks import parse_architecture
from hwprof.search.spaces import Choice, EditAxis, EditedNetwork, get_space, load_space
from hwprof.search.spaces import _file as space_file

NETWORK = parse_architecture("cifar10-cnn")
FIRST, SECOND = [node.name for node in NETWORK.graph().nodes if node.op.kind == "conv2d"][:2]
AS_IT_IS = Choice("as it is")
AXES = (
    EditAxis("width", (AS_IT_IS, Choice("16", (Channels((FIRST,), (16,)),)))),
    EditAxis(
        "window",
        (
            AS_IT_IS,
            Choice("3x3", (Kernel((SECOND,), (3, 3)),)),
            Choice("all 3x3", (Kernel((FIRST,), (3, 3)), Kernel((SECOND,), (3, 3)))),
        ),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of a good space."""
    path = tmp_path / "space.json"
    EditedNetwork("small", NETWORK, AXES).save(path)
    return path


def test_a_space_is_read_as_it_was_written(path: Path) -> None:
    """Name, axes, network and identity come back."""
    space, written = load_space(path), EditedNetwork("small", NETWORK, AXES)
    assert (space.name, space.axes, space.network) == ("small", AXES, NETWORK)
    assert space.fingerprint == written.fingerprint
    assert space.size == 6


def test_a_space_is_known_by_its_edits(path: Path) -> None:
    """The same labels for other edits are another space."""
    first, *others = AXES
    as_it_is, edited, *rest = first.choices
    swapped = replace(first, choices=(as_it_is, replace(edited, edits=()), *rest))
    other = EditedNetwork("small", NETWORK, (swapped, *others))
    assert other.dimensions == load_space(path).dimensions
    assert other.fingerprint != load_space(path).fingerprint


def test_points_are_the_network_with_their_edits(path: Path) -> None:
    """The seed is the network; other points have the chosen widths and windows, and a name."""
    space = get_space(str(path))
    assert space.architecture(space.seed_point).blocks == NETWORK.blocks
    edited = space.architecture((1, 2))
    ops = {node.name: node.op for node in edited.graph().nodes}
    assert (ops[FIRST].out_channels, ops[FIRST].kernel_h, ops[SECOND].kernel_w) == (16, 3, 3)
    assert edited.name == "small;width=16;window=all 3x3"
    assert len({a.name for a in space.architectures(range(space.size))}) == space.size


def _change(**entries: Any) -> Any:
    return lambda document: document.update(entries)


def _axis(**entries: Any) -> Any:
    return lambda document: document["axes"][0].update(entries)


def _edit(**entries: Any) -> Any:
    return lambda document: document["axes"][0]["choices"][1]["edits"][0].update(entries)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_change(format="other"), "needs format 'hwprof-space'"),
        (_change(format_version=2), "needs format_version 1"),
        (_change(axes=[]), "1 to 64 axes"),
        (_change(axes={}), "a list of at most"),
        (_change(architecture=None), "an object where it has None"),
        (_change(architecture={"format_version": 1}), "is no search space"),
        (_change(name=7), "a text of at most"),
        (_change(name=""), "a name that is not blank"),
        (_change(name="\x1b[31mred\n"), "characters that print"),
        (_axis(name=" "), "a name that is not blank"),
        (_axis(name="window"), "1 to 64 axes of different names"),
        (_axis(choices=[]), "1 to 64 choices"),
        (_axis(choices=[{"label": "a", "edits": []}] * 2), "different labels"),
        (_edit(kind="kernels"), "did you mean kernel"),
        (_edit(values=[-1]), "a whole number"),
        (_edit(values=[]), "1 positive values"),
        (_edit(nodes=["nobody"]), "has no operator 'nobody'"),
        (_edit(nodes=[["a"]]), "a text of at most"),
        (
            lambda document: document["axes"][0]["choices"].reverse(),
            "a first choice on each axis that edits nothing",
        ),
        (
            lambda document: document.update(
                axes=[
                    {"name": str(n), "choices": [{"label": str(i), "edits": []} for i in range(9)]}
                    for n in range(9)
                ]
            ),
            "at most 1,000,000 architectures",
        ),
    ],
)
def test_a_broken_space_is_one_sentence(path: Path, change: Any, sentence: str) -> None:
    """A file that breaks a rule of the format is refused with the rule."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match=sentence):
        load_space(path)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[1]", b"[" * 100_000, b"{}"])
def test_what_is_no_json_object_is_no_space(path: Path, data: bytes) -> None:
    """Whatever the file holds, there is one sentence that says how to get a good one."""
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="--emit-space FILE"):
        load_space(path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    """The command that writes spaces is named."""
    with pytest.raises(ConfigurationError, match="hwprof advise MODEL --emit-space"):
        get_space(str(tmp_path / "none.json"))


def test_large_files_are_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the bound is refused by its size."""
    monkeypatch.setattr(space_file, "SPACE_FILE", replace(space_file.SPACE_FILE, most_bytes=10))
    with pytest.raises(ConfigurationError, match="at most 10 bytes"):
        load_space(path)


def test_a_folder_cannot_be_written_as_a_file(tmp_path: Path) -> None:
    """What stops the file from being written is one sentence."""
    with pytest.raises(ConfigurationError, match="cannot write"):
        EditedNetwork("small", NETWORK, AXES).save(tmp_path)
