"""``hwprof firmware``: what ships is listed, and a load that cannot be is one sentence."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.resources import files

import pytest
from click.testing import CliRunner, Result

from hwprof.cli import main
from hwprof.firmware_stub.manifest import images


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["firmware", *arguments])


def test_the_table_names_every_image() -> None:
    """With the start of both hashes."""
    result = _run("list")

    assert result.exit_code == 0, result.output
    for image in images():
        for shown in (image.name, image.sha256[:16], image.flash_sha256[:16]):
            assert shown in result.output


def test_json_hashes_are_those_of_the_files_that_ship() -> None:
    """Both of an image's files, whole."""
    result = _run("list", "--json")

    assert result.exit_code == 0, result.output
    listed = json.loads(result.output)["images"]
    assert [image["name"] for image in listed] == [image.name for image in images()]
    for image in listed:
        for which in ("", "flash_"):
            data = files("hwprof.firmware_stub").joinpath("images", image[f"{which}file"])
            assert image[f"{which}sha256"] == hashlib.sha256(data.read_bytes()).hexdigest()


@pytest.mark.parametrize("arguments", [(), ("--flash",), ("--probe", "0123")])
def test_without_pyocd_the_way_to_install_it_is_said(monkeypatch, arguments) -> None:
    """Whatever was asked for."""
    monkeypatch.setitem(sys.modules, "pyocd", None)

    result = _run("load", *arguments)

    assert result.exit_code == 2, result.output
    assert "pip install 'hwprof[probe]'" in result.output


def test_for_an_image_that_does_not_ship_the_nearest_is_named() -> None:
    """Before a probe is looked for."""
    result = _run("load", "--image", "rt1060-simd")

    assert result.exit_code == 2, result.output
    assert "unknown image 'rt1060-simd'; did you mean rt1170-simd?" in result.output
