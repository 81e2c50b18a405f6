"""A user's own block type from the command line: sampled, fitted, found in another model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hwprof.blocks import GraphBuilder
from hwprof.cli import main
from hwprof.documents import SEAL, fields_sha256
from hwprof.graph import Activation, AveragePool, Conv2d, FullyConnected, Graph, Pads
from hwprof.onnx_io import write_onnx

Run = Callable[..., Result]
BOARD = "virtual:stm32h743"  # no artefact of it ships, so the workspace alone answers


def network(*widths: int, kernel: int = 3) -> Graph:
    """A stem, a pair of convolutions for each width, and a classifier."""
    builder = GraphBuilder()
    tensor = builder.input("image", (12, 12, 3))
    channels = 8
    tensor = builder.add("", "stem", _conv(3, channels), tensor)
    for number, width in enumerate(widths):
        deep = _conv(kernel, channels, groups=channels)
        tensor = builder.add("", f"deep{number}", deep, tensor)
        tensor = builder.add("", f"wide{number}", _conv(1, width), tensor)
        channels = width
    tensor = builder.add("", "pool", AveragePool(kernel_h=12, kernel_w=12), tensor)
    return builder.finish("net", [builder.add("", "dense", FullyConnected(out_features=2), tensor)])


def _conv(kernel: int, channels: int, groups: int = 1) -> Conv2d:
    return Conv2d(
        kernel_h=kernel,
        kernel_w=kernel,
        pads=Pads.same(kernel),
        out_channels=channels,
        groups=groups,
        activation=Activation.RELU,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, and a workspace in which a pair of the first one was sampled and fitted."""
    made = tmp_path_factory.mktemp("own")
    write_onnx(network(16, 24), made / "net.onnx")
    write_onnx(network(40, 20, 160, kernel=5), made / "other.onnx")
    return made


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Calls ``hwprof`` in the folder of the models."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HWPROF_WORKSPACE", raising=False)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return call


@pytest.fixture
def fitted(run: Run, folder: Path) -> Path:
    """The artefact, made once."""
    artefacts = folder / "hwprof-work" / "artefacts"
    if not artefacts.exists():
        words = "--from net.onnx --nodes deep0..wide0 --name pair --count 24 --vary kernel=3,5 "
        words += "channels=8..64:4 c_in=8..64:4"
        for command in (f"sample {words}", f"fit --target {BOARD} --workers 1"):
            result = run(*command.split())
            assert result.exit_code == 0, result.output
    return next(artefacts.iterdir())


def test_a_block_type_of_ones_own_is_used_in_a_prediction(run: Run, fitted: Path) -> None:
    """Two pairs of another model lie in what was sampled; the third is wider."""
    result = run("predict", "other.onnx", "--target", BOARD, "--json")

    assert result.exit_code == 0, result.output
    blocks = [(b["block_type"], b["source"]) for b in json.loads(result.stdout)["blocks"]]
    assert blocks == [
        ("conv", "prior"), ("pair", "surrogate"), ("pair", "surrogate"), ("dwconv", "prior"),
        ("pwconv", "prior"), ("pool", "prior"), ("fc", "prior"),
    ]  # fmt: skip
    assert (fitted / "artefact.json").is_file()


def test_the_artefact_carries_the_block_type(run: Run, fitted: Path, tmp_path: Path) -> None:
    """Copied elsewhere without its workspace, an artefact still knows its blocks."""
    copied = tmp_path / "elsewhere" / "artefacts" / fitted.name
    copied.mkdir(parents=True)
    for file in fitted.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())

    workspace = str(tmp_path / "elsewhere")
    result = run("predict", "net.onnx", "--target", BOARD, "--json", "--workspace", workspace)

    assert [b["block_type"] for b in json.loads(result.stdout)["blocks"]].count("pair") == 2


def test_a_tampered_block_type_is_refused(run: Run, fitted: Path, tmp_path: Path) -> None:
    """A description that builds nothing ends in a sentence, and nothing is predicted."""
    head = json.loads((fitted / "artefact.json").read_text())
    head["block_types"][0]["nodes"][0]["inputs"] = ["nowhere"]
    copied = tmp_path / "artefacts" / fitted.name
    copied.mkdir(parents=True)
    for file in fitted.iterdir():
        (copied / file.name).write_bytes(file.read_bytes())
    (copied / "artefact.json").write_text(json.dumps(head | {SEAL: fields_sha256(head)}))

    result = run("predict", "net.onnx", "--target", BOARD, "--workspace", str(tmp_path))

    assert result.exit_code == 2
    assert (
        "is no artefact of hwprof (it needs inputs of 'deep0' written before it)" in result.output
    )


def test_it_is_sampled_again_by_its_name(run: Run, fitted: Path, folder: Path) -> None:
    """``--block`` knows it as it knows the types that ship."""
    result = run("sample", "--block", "pair", "--count", "30")

    assert result.output.startswith("pair: 30 configurations in ")
    assert len(list((folder / "hwprof-work/samples/pair").glob("*.onnx"))) == 30
    assert fitted.exists()


def test_a_small_range_is_sampled_whole(run: Run, tmp_path: Path) -> None:
    """Where there are fewer blocks than asked for, each is written once."""
    words = f"--from net.onnx --nodes deep0 --vary kernel=2,3,4 --workspace {tmp_path}"
    result = run("sample", *words.split())

    assert result.output.startswith("net_block: 3 configurations in ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--from net.onnx --nodes deep0..wide9 --vary kernel=3,5", "unknown node 'wide9'; did you"),
        ("--from net.onnx --nodes deep0..wide0", "needs something to vary; add --vary"),
        ("--from net.onnx --vary kernel=3", "name its ends, as 'hwprof inspect' prints them"),
        ("--from net.onnx --nodes wide0..deep0 --vary kernel=3", "second comes before the first"),
        ("--from net.onnx --nodes deep0..wide0 --vary groups=7", "no combination of groups makes"),
        ("--from net.onnx --nodes deep0 --vary size=3", "unknown quantity to vary 'size'"),
        ("--from net.onnx --nodes deep0 --vary kernel=x", "what varies is written kernel=3,5"),
        ("--from net.onnx --nodes deep0 --vary kernel=3 --name conv", "choose another --name"),
        ("--from net.onnx --nodes deep0 --vary kernel=3 --block fc", "--from makes a new one"),
        ("--from missing.onnx --nodes a..b --vary kernel=3", "missing.onnx"),
        ("--nodes a..b", "say of which model: --from model.onnx"),
        ("kernel=3,5", "say of which model: --from model.onnx"),
        ("--block pare", "unknown block type 'pare'"),
    ],
)
def test_a_mistake_is_one_sentence(run: Run, tmp_path: Path, words: str, sentence: str) -> None:
    """Exit code 2, and nothing is written."""
    result = run("sample", *words.split(), "--workspace", str(tmp_path / "new"))

    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "new").exists()


def test_another_block_of_the_same_name_is_refused(run: Run, tmp_path: Path) -> None:
    """Rows of the one would be taken for rows of the other; more values of the same are fine."""
    common = ("--from", "net.onnx", "--name", "mine", "--workspace", str(tmp_path))
    first = run("sample", *common, "--nodes", "deep0..wide0", "--vary", "kernel=3,5")
    more = run("sample", *common, "--nodes", "deep0..wide0", "--vary", "kernel=2..5")
    other = run("sample", *common, "--nodes", "deep1..wide1", "--vary", "kernel=3,5")

    assert (first.exit_code, more.exit_code, other.exit_code) == (0, 0, 2)
    assert "'mine' of other operators or quantities" in other.output


def test_a_broken_description_in_the_workspace_is_a_sentence(run: Run, tmp_path: Path) -> None:
    """A file that somebody changed by hand stops the command before anything is written."""
    folder = tmp_path / "samples" / "mine"
    folder.mkdir(parents=True)
    for text, sentence in (("{", "cannot be used"), ("[" * 100_000, "cannot be used")):
        (folder / "block_type.json").write_text(text)
        result = run("sample", "--block", "mine", "--workspace", str(tmp_path))
        assert (result.exit_code, sentence in result.output) == (2, True), result.output
    words = f"--from net.onnx --nodes deep0 --vary kernel=3 --workspace {tmp_path} --name one"
    assert run("sample", *words.split()).exit_code == 0
    (folder / "block_type.json").write_text((tmp_path / "samples/one/block_type.json").read_text())
    result = run("sample", "--block", "mine", "--workspace", str(tmp_path))
    assert "holds the block type 'one' of another folder" in result.output
