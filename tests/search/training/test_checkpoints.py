"""Files of weights are read without trust and put where the graph has them."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from hwprof.errors import ConfigurationError, StoreError
from hwprof.networks import fastestdet
from hwprof.search.training.checkpoints import load_fastestdet, read_kept, read_state
from hwprof.search.training.module import GraphModule

# Names of some of the published state, written down by hand from its layout (NETWORK.md, A.1).
PUBLISHED = {
    "stem/conv": "backbone.first_conv.0.weight",
    "stage2.0/main_pw2": "backbone.stage2.0.branch_main.5.weight",
    "stage2.0/side_dw": "backbone.stage2.0.branch_proj.0.weight",
    "spp/in": "SPP.Conv1x1.conv1x1.0.weight",
    "spp/chain3_dw2": "SPP.S3.3.weight",
    "spp/out": "SPP.output.0.weight",
    "dethead/shared": "detect_head.conv1x1.conv1x1.0.weight",
    "dethead/reg_dw": "detect_head.reg_layers.conv5x5.0.weight",
    "dethead/cls_pw": "detect_head.cls_layers.conv5x5.3.weight",
}


@pytest.fixture(scope="module")
def graph():
    """The detector of three classes on a small picture."""
    return fastestdet(height=64, width=64, classes=3).graph()


@pytest.fixture
def state(graph):
    """A state dictionary like the published one, of three classes, with random tensors."""
    from hwprof.search.training.checkpoints import _pairs, _source

    generator = torch.Generator().manual_seed(0)
    module = GraphModule(graph)
    return {
        key: torch.rand(unit.state_dict()[name].shape, generator=generator)
        for node, unit in module.named_units()
        for name, key in _pairs(*_source(node))
    }


def test_published_names_reach_their_nodes(graph, state):
    """Weights come from the entries that FastestDet's own layout gives them."""
    module = GraphModule(graph)

    load_fastestdet(module, state)

    for node, key in PUBLISHED.items():
        assert torch.equal(module.unit(node).conv.weight, state[key]), node


def test_one_class_takes_the_persons_row(graph, state):
    """A network of one class keeps that row of the class branch alone."""
    module = GraphModule(fastestdet(height=64, width=64, classes=1).graph())

    load_fastestdet(module, state, person=2)

    unit = module.unit("dethead/cls_pw")
    prefix = "detect_head.cls_layers.conv5x5"
    assert torch.equal(unit.conv.weight, state[f"{prefix}.3.weight"][2:3])
    assert torch.equal(unit.norm.running_mean, state[f"{prefix}.4.running_mean"][2:3])


def test_missing_tensor_is_named(graph, state):
    """A state of another network lacks a tensor, and the sentence says which."""
    del state["SPP.output.0.weight"]

    with pytest.raises(ConfigurationError, match=r"lack 'SPP\.output\.0\.weight', which 'spp/out'"):
        load_fastestdet(GraphModule(graph), state)


def test_other_shape_is_named(graph, state):
    """A narrower head's state does not fit, and the sentence says where."""
    state["SPP.output.0.weight"] = torch.zeros(48, 144, 1, 1)

    with pytest.raises(ConfigurationError, match=r"'spp/out' takes \(96, 288, 1, 1\); 'SPP\.out"):
        load_fastestdet(GraphModule(graph), state)


def test_state_is_read_back(tmp_path):
    """Tensors and plain values come back as they were stored."""
    torch.save({"a": torch.arange(3), "epoch": 4}, tmp_path / "state.pth")

    state = read_state(tmp_path / "state.pth")

    assert state["a"].tolist() == [0, 1, 2]
    assert state["epoch"] == 4


class _Intruder:
    """What a hostile file would have a reader run."""

    def __init__(self, trace) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("save", [torch.save, lambda o, p: p.write_bytes(pickle.dumps(o))])
def test_a_file_that_would_run_code_runs_none(tmp_path, save):
    """Unpickling stops at anything but tensors, and nothing has happened."""
    save({"a": _Intruder(tmp_path / "trace")}, tmp_path / "evil.pth")

    with pytest.raises(ConfigurationError, match=r"'.*evil\.pth' is none \(\w+\); check") as caught:
        read_state(tmp_path / "evil.pth")
    assert "weights_only" not in str(caught.value)  # torch's advice to read it all the same
    assert not (tmp_path / "trace").exists()


def test_a_huge_file_is_not_read(tmp_path):
    """A file of more than a gibibyte is refused by its size."""
    with (tmp_path / "huge.pth").open("wb") as file:
        file.truncate((1 << 30) + 1)

    with pytest.raises(ConfigurationError, match="has at most 1,073,741,824 bytes"):
        read_state(tmp_path / "huge.pth")


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
def test_other_files_are_none(tmp_path, content):
    """What is no PyTorch file is one sentence."""
    (tmp_path / "text.pth").write_bytes(content)

    with pytest.raises(ConfigurationError, match="is none"):
        read_state(tmp_path / "text.pth")


def test_missing_file_is_none(tmp_path):
    """A path without a file is one sentence."""
    with pytest.raises(ConfigurationError, match=r"gone\.pth' is none \(.*No such file"):
        read_state(tmp_path / "gone.pth")


def test_a_list_is_no_state(tmp_path):
    """Tensors need names."""
    torch.save([torch.zeros(1)], tmp_path / "list.pth")

    with pytest.raises(ConfigurationError, match="holds a list; save the model's state_dict"):
        read_state(tmp_path / "list.pth")


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut off"])
def test_a_file_of_a_training_that_is_broken_says_how_to_begin_anew(tmp_path, content):
    """What a training wrote itself is nothing to look for elsewhere."""
    if content is not None:
        (tmp_path / "weights.pt").write_bytes(content)

    with pytest.raises(
        StoreError, match=r"weights\.pt' is missing or broken; delete its folder to"
    ):
        read_kept(tmp_path / "weights.pt")
