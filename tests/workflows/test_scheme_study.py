"""Average precision under every scheme, on drawn pictures, and the scheme that is suggested."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from hwprof.blocks import GraphBuilder
from hwprof.cli import _schemes, main
from hwprof.errors import ConfigurationError
from hwprof.graph import Conv2d
from hwprof.models import resolve_model
from hwprof.onnx_io import to_model_proto
from hwprof.search.training.bootstrap import Difference, Interval
from hwprof.search.training.detections import detect
from hwprof.search.training.evaluation import average_precision
from hwprof.search.training.module import GraphModule
from hwprof.search.training.sets import picture_sets
from hwprof.testing.pictures import draw_coco_set
from hwprof.workflows.int8_accuracy import BoardProof
from hwprof.workflows.scheme_study import (
    AccuracyStudy,
    SchemeAccuracy,
    StudyRequest,
    scheme_accuracies,
    suggest,
)
from hwprof.workflows.schemes import PUBLISHED_FLOAT_AP50_PERCENT, ROWS, SchemeLatency

MODEL = "fastestdet:height=64,width=96,k=3,g=8,c=24,classes=1"


@pytest.fixture(scope="module")
def module() -> GraphModule:
    """A detector whose random weights find something somewhere."""
    torch.set_num_threads(1)
    torch.manual_seed(5)
    made = GraphModule(resolve_model(MODEL).architecture.graph())
    for _, unit in made.named_units():
        torch.nn.init.kaiming_normal_(unit.conv.weight)
        torch.nn.init.normal_(unit.norm.bias, 0, 0.3)
    return made.eval()


@pytest.fixture(scope="module")
def weights(module: GraphModule, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its state as a file."""
    path = tmp_path_factory.mktemp("weights") / "state.pt"
    torch.save(module.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn pictures of people."""
    return draw_coco_set(tmp_path_factory.mktemp("data"), train=5, val=11)


def test_precision_is_that_of_the_float_network_and_of_each_scheme(
    module: GraphModule, weights: Path, data: Path
):
    """Float agrees with the evaluation; every scheme is compared with float and with the best."""
    rows = [row for row in ROWS if row.scheme in {"tflite", "asymmetric/per-channel"}]
    names = [row.scheme for row in rows]
    told: list[str] = []
    study = scheme_accuracies(StudyRequest(MODEL, data, weights), rows, told.append)
    assert told == ["float", *names]
    assert (study.pictures, study.calibration_pictures) == (6, 5)
    sets = picture_sets(data, "person")
    pictures = sets.selection
    height, width, _ = module.graph.inputs["image"]
    expected = average_precision(pictures, detect(module, pictures, (height, width))).ap50
    assert study.ap50_float.value == pytest.approx(expected, abs=1e-9)
    assert [one.scheme for one in study.schemes] == names
    best = max(one.ap50.value for one in study.schemes)
    for one in study.schemes:
        assert one.change.value == pytest.approx(one.ap50.value - study.ap50_float.value)
        assert one.behind.value == pytest.approx(one.ap50.value - best)
        assert one.proof is not None
        assert one.proof.is_exact
        assert one.proof.pictures == 1


def test_nothing_is_proved_where_nobody_asked(weights: Path, data: Path):
    """Then no board runs."""
    unproved = scheme_accuracies(StudyRequest(MODEL, data, weights, proved=0), ROWS[-1:])
    assert unproved.schemes[0].proof is None


@pytest.mark.slow
def test_the_command_prints_precision_beside_latency(weights: Path, data: Path):
    """Every scheme with both numbers, and one to search with; published numbers are others'."""
    arguments = ["schemes", MODEL, "--data", str(data), "--weights", str(weights)]
    options = ["--timing", "pipeline", "--workers", "1", "--prove", "0"]
    result = CliRunner().invoke(main, [*arguments, *options, "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    names = [row.scheme for row in ROWS]
    assert [one["scheme"] for one in document["precision"]["schemes"]] == names
    assert document["precision"]["suggested_scheme"]["scheme"] in names
    assert {row["published_ap50_percent"] for row in document["schemes"]} == {None}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "."], "got one of --data and --weights"),
        (["--weights", "w.pt"], "got one of --data and --weights"),
        (["--data", ".", "--weights", "missing.pt"], "'missing.pt'"),
        (["--tolerance", "-1"], "--tolerance"),
    ],
)
def test_what_cannot_be_studied_is_one_sentence(arguments: list[str], sentence: str):
    """Nothing is run."""
    result = CliRunner().invoke(main, ["schemes", *arguments])
    assert result.exit_code == 2
    assert sentence in result.output


def test_weights_of_another_network_are_refused(weights: Path, data: Path):
    """The sentence says what differs."""
    with pytest.raises(
        ConfigurationError,
        match=r"has others than 'fastestdet:height=64,width=96,k=3,g=8,c=32,classes=1'",
    ):
        scheme_accuracies(
            StudyRequest("fastestdet:height=64,width=96,k=3,g=8,c=32,classes=1", data, weights),
            ["tflite"],
        )


def test_published_weights_belong_to_the_published_head(tmp_path: Path, data: Path):
    """They say nothing about another."""
    path = tmp_path / "published.pth"
    torch.save({"backbone.first_conv.0.weight": torch.zeros(24, 3, 3, 3)}, path)
    with pytest.raises(ConfigurationError, match="have its own head"):
        scheme_accuracies(StudyRequest(MODEL, data, path), ROWS[-1:])


def test_a_network_without_boxes_is_refused(tmp_path: Path, data: Path):
    """A single convolution has a state too."""
    builder = GraphBuilder()
    image = builder.input("image", (64, 64, 3))
    out = builder.add("block", "conv", Conv2d(kernel_h=1, kernel_w=1, out_channels=4), image)
    model = tmp_path / "plain.onnx"
    model.write_bytes(to_model_proto(builder.finish("plain", [out])).SerializeToString())
    path = tmp_path / "plain.pt"
    torch.save(GraphModule(resolve_model(str(model)).graph).state_dict(), path)
    with pytest.raises(ConfigurationError, match="has 4 channels; name a person-detector"):
        scheme_accuracies(StudyRequest(str(model), data, path), ROWS[-1:])


def study(changes: dict[str, tuple[float, float]]) -> AccuracyStudy:
    """Schemes with an AP50 less float's and half the width of its interval."""
    best = max(value for value, _ in changes.values())
    rows = tuple(
        SchemeAccuracy(
            name,
            Interval(0.5 + value, 0.4, 0.6),
            Difference(value, value - half, value + half),
            Difference(value - best, value - best - half, value - best + half),
        )
        for name, (value, half) in changes.items()
    )
    return AccuracyStudy("network", 100, 64, Interval(0.5, 0.4, 0.6), rows)


LATENCIES_MS = {"slow": 3.0, "middle": 2.0, "fast": 1.0}


@pytest.mark.parametrize(
    ("changes", "chosen", "why"),
    [
        ({"slow": (0.0, 0.01), "middle": (-0.02, 0.03), "fast": (-0.1, 0.02)}, "middle", "float"),
        ({"slow": (0.0, 0.01), "middle": (0.0, 0.01), "fast": (-0.009, 0.001)}, "fast", "float"),
        (
            {"slow": (-0.03, 0.01), "middle": (-0.04, 0.02), "fast": (-0.2, 0.02)},
            "middle",
            "resolvably behind float",
        ),
    ],
    ids=["not resolvable", "tolerated", "all lose"],
)
def test_the_fastest_harmless_scheme_is_suggested(changes, chosen: str, why: str):
    """A loss nobody can see or mind is none; where all lose, the best ones are the measure."""
    suggestion = suggest(study(changes), LATENCIES_MS)
    assert suggestion.scheme == chosen
    assert why in suggestion.reason


def test_a_tolerance_of_nothing_keeps_the_precise_one():
    """What is resolvably worse is then out."""
    changes = {"slow": (0.0, 0.01), "middle": (-0.005, 0.001), "fast": (-0.009, 0.001)}
    assert suggest(study(changes), LATENCIES_MS, tolerance=0).scheme == "slow"
    assert np.isclose(study(changes).schemes[1].change.value, -0.005)


def latency(scheme: str, published: tuple[float, float] | None) -> SchemeLatency:
    """A row of the table of latencies."""
    return SchemeLatency(
        scheme,
        kernels="simd",
        placement="anywhere",
        kind="modelled",
        modelled_ms=LATENCIES_MS[scheme],
        published_ms=published and published[0],
        published_ap50_percent=published and published[1],
    )


def test_the_table_keeps_ours_and_published_apart(capsys: pytest.CaptureFixture[str]):
    """Published columns are empty for others' networks; what cannot be resolved is said."""
    seen = study({"slow": (0.0, 0.01), "middle": (-0.02, 0.03), "fast": (-0.1, 0.02)})
    proof = BoardProof("virtual:rt1170", "simd", pictures=1, output_bytes=1920, different_bytes=0)
    rows = tuple(replace(one, proof=proof) for one in seen.schemes)
    precision = _schemes._suggested(
        replace(seen, schemes=rows), [latency(name, None) for name in LATENCIES_MS], 1.0
    )
    _schemes._print_precision(precision, [latency(name, None) for name in LATENCIES_MS])
    text = capsys.readouterr().out
    assert "Not resolvable from float with 100 pictures: slow, middle." in text
    assert "Search with --scheme middle: the fastest" in text
    assert "computed 5,760 bytes for 1 of the pictures under each scheme; 0 differ" in text
    assert str(PUBLISHED_FLOAT_AP50_PERCENT) not in text
    _schemes._print_precision(
        precision,
        [latency("slow", (237.0, 58.9)), latency("middle", None), latency("fast", None)],
    )
    table = capsys.readouterr().out.splitlines()
    assert table[1].split()[-1] == f"{PUBLISHED_FLOAT_AP50_PERCENT:.2f}"
    assert table[2].split()[-2:] == ["237.00", "58.90"]
    assert precision.to_json()["schemes"][2]["change_is_resolvable"] is True
