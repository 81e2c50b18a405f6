"""``hwprof frame`` on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwprof.cli import main

DOCUMENT = Path(__file__).parents[2] / "docs" / "FRAME.md"
SMALL = ("fastestdet:height=32,width=64,c=24,k=3,classes=1", "--camera", "96x64", "--boxes", "4")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Calls ``hwprof frame`` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["frame", *arguments])


def test_a_line_for_each_part_and_the_frames_per_second(run):
    """Milliseconds, share, kind; the frame in all."""
    result = run(*SMALL, "--camera-format", "rgb565")

    assert result.exit_code == 0, result.output
    for part in ("resize", "quantise", "network", "decode", "NMS"):
        assert re.search(
            rf"^{part} +[\d.]+ +[\d.]+ +[\d.]+ +modelled ", result.output, re.MULTILINE
        )
    assert "96 x 64 rgb565 in sdram to 32 x 64" in result.output
    assert re.search(r"[\d.]+ ms a frame, modelled, [\d.,]+ frames per second", result.output)


def test_a_measured_network_is_taken_as_it_is(run):
    """Its line says measured, the others modelled."""
    result = run(*SMALL, "--network-ms", "165")

    assert result.exit_code == 0, result.output
    assert re.search(r"^network +165\.00 +[\d.]+ +165\.00 +measured ", result.output, re.MULTILINE)
    assert result.output.count("  modelled  ") == 4
    assert "ms a frame, measured and modelled, " in result.output


def test_what_the_model_leaves_out_is_said(run):
    """Addresses that come out of a multiplication are not followed: loads of the fused table."""
    result = run(*SMALL, "--network-ms", "1", "--fused", "--scheme", "symmetric/per-tensor")

    assert result.exit_code == 0, result.output
    assert "\nwarning: the address of ldrsb" in result.output


def test_json_has_the_fields_that_are_documented(run):
    """One object, its fields those of docs/FRAME.md."""
    result = run(*SMALL, "--fused", "--json")
    found = json.loads(result.output)

    documented = DOCUMENT.read_text("utf-8").partition("## JSON")[2]
    assert set(re.findall(r"^\| `(\w+)`", documented, re.MULTILINE)) == set(found)
    assert [part["name"] for part in found["parts"]][:2] == ["resize and quantise", "network"]
    assert found["total_us"] == pytest.approx(sum(part["latency_us"] for part in found["parts"]))
    assert (found["target"], found["boxes"]) == ("virtual:rt1170", 4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--camera", "640"), "a camera's picture is WIDTHxHEIGHT in pixels; got '640'"),
        (("--camera-format", "yuv"), "'yuv' is not one of 'bgr888', 'rgb565'"),
        (("--camera-memory", "moon"), "unknown memory 'moon'"),
        (("--network-ms", "0"), "0.0 is not in the range x>0"),
        (("--network-ms", "nan"), "a network takes more than 0 us; got nan"),
        (("--boxes", "999"), "there are 1 to 8; got 999"),
        (("--target", "serial:/dev/null"), "run on a virtual board only; got target"),
        (("--target", "virtual:moon"), "unknown target 'virtual:moon'"),
    ],
)
def test_a_mistake_is_one_sentence(run, arguments, sentence):
    """Exit code 2, no traceback."""
    result = run(SMALL[0], *arguments)

    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_a_classifier_is_no_detector(run):
    """What a frame ends with is said."""
    result = run("mobilenet-v1:size=32")

    assert result.exit_code == 2
    assert "a frame ends with FastestDet's output map" in result.output
