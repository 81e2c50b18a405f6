"""The report's page says what was found, needs nothing but itself, and shows in a browser."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from hwprof.architecture import block_graph
from hwprof.blocks import BlockConfig
from hwprof.errors import ConfigurationError, StoreError
from hwprof.graph import Graph
from hwprof.measurement import Context, Measurement, Origin
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.testing.pages import dangling_references, foreign_references, shown_sizes
from hwprof.workflows.learning_curves import (
    LearningPoint,
    load_learning_curves,
    save_learning_curves,
)
from hwprof.workflows.report import Evaluation, NetworkRow, render_page, write_report

CONTEXT = Context("rt1170", 996_000_000, cache_state="cold", timing_model="exact-2")
HOSTILE = "<script>alert(1)</script>"


def _row(size: int, channels: int, noise: float) -> Measurement:
    config = BlockConfig.of("shufflev2", [(size, size, channels)], stride=1, c_out=channels)
    graph: Graph = block_graph(config)
    return Measurement(
        block_type=config.block_type,
        block_key=config.key,
        origin=Origin("virtual:rt1170", "made-up", "f" * 64, CONTEXT, "c" * 64),
        program_sha256="p" * 64,
        cycles=round(noise * (3 * graph.macs + 20_000)),
        macs=graph.macs,
        peak_ram_bytes=0,
        flash_bytes=0,
    )


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Blocks of a made-up board, two networks and a learning curve."""
    rng = np.random.default_rng(0)
    rows = [
        _row(size, channels, rng.normal(1, 0.01))
        for size in (8, 12, 16, 20, 24)
        for channels in (16, 24, 32, 48, 64)
    ]
    fitted = fit(rows, FitOptions(models=("physical_prior",)))
    networks = (
        NetworkRow("first", 1000.0, 1010.0, 990.0, 1040.0, 1500.0),
        NetworkRow(HOSTILE, 2000.0, 1900.0, 1800.0, 2100.0, None),
    )
    points = tuple(
        LearningPoint(strategy, 0, "shufflev2", n, n / 300, 5 / n)
        for strategy in ("adaptive", "random")
        for n in (20, 40)
    )
    return Evaluation(fitted.report, fitted.artefact, networks, points)


@pytest.fixture(scope="module")
def page(evaluation: Evaluation) -> str:
    """The page."""
    return render_page(evaluation)


def test_equal_evaluations_make_equal_pages(evaluation: Evaluation, page: str) -> None:
    """No date and no chance is in a page."""
    assert render_page(evaluation) == page


def test_the_page_asks_for_nothing(page: str) -> None:
    """No script, no address that a browser would fetch, and a policy that forbids them."""
    assert foreign_references(page) == []
    assert "default-src 'none'" in page


def test_text_out_of_files_is_escaped(page: str) -> None:
    """A network's name is text, whatever it looks like."""
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_can_be_read_without_seeing_it(page: str) -> None:
    """Language, title, one first heading, described pictures, and headers of rows and columns."""
    assert '<html lang="en">' in page
    assert "<title>hwprof evaluation: rt1170</title>" in page
    assert page.count("<h1>") == 1
    assert page.count("<svg") == page.count('role="img"') == page.count("<figcaption>") == 5
    assert 'aria-label="Predicted against modelled cycles of 1 block type,' in page
    assert "rows of 1 block type<" in page
    assert "#000000" not in page  # ink of the pictures is the page's own, light or dark
    assert 'scope="col"' in page
    assert 'scope="row"' in page


def test_ids_are_unique_and_references_lead_to_them(page: str) -> None:
    """Pictures of one page do not borrow each other's clips and markers."""
    assert dangling_references(page) == set()


def test_pictures_are_well_formed(page: str) -> None:
    """Each picture is XML of its own."""
    for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314  # written above


def test_numbers_of_the_page_are_those_of_the_fit(evaluation: Evaluation, page: str) -> None:
    """The table has each block type's held-out error."""
    (report,) = evaluation.fit.types
    assert f"<td>{report.scores.mape_percent:.2f}</td>" in page
    assert "modelled" in page


def test_files_lie_beside_the_page(evaluation: Evaluation, tmp_path: Path) -> None:
    """JSON holds the evaluation and CSV every held-out row."""
    files = write_report(evaluation, tmp_path / "report.html")
    document = json.loads(files.document.read_text())
    assert document["kind"] == "modelled"
    assert [row["name"] for row in document["networks"]] == ["first", HOSTILE]
    assert document["calibration"]["shufflev2"]["0.9"] > 0.5
    with files.rows.open(newline="") as file:
        rows = list(csv.DictReader(file))
    (report,) = evaluation.fit.types
    assert len(rows) == report.n == 25
    assert all(float(r["low_cycles"]) < float(r["predicted_cycles"]) for r in rows)
    errors = [abs(float(row["error_percent"])) for row in rows]
    assert np.mean(errors) == pytest.approx(report.scores.mape_percent, rel=1e-3)


def test_a_page_without_networks_and_curves_says_so(evaluation: Evaluation) -> None:
    """What is missing is a sentence, not an empty picture."""
    page = render_page(replace(evaluation, networks=(), learning=()))
    assert "no row of a whole network" in page
    assert "None were drawn" in page
    assert page.count("<svg") == 3


@pytest.mark.parametrize("name", ["report.json", "report.CSV", "no/folder/report.html"])
def test_a_place_that_cannot_be_written_is_refused(
    evaluation: Evaluation, tmp_path: Path, name: str
) -> None:
    """The page does not overwrite its own JSON, and a missing folder is one sentence."""
    with pytest.raises(ConfigurationError, match=r"report\.html|cannot write"):
        write_report(evaluation, tmp_path / name)


def test_learning_curves_are_read_as_written(evaluation: Evaluation, tmp_path: Path) -> None:
    """The points come back; without a file there are none."""
    path = tmp_path / "learning_curves.json"
    assert load_learning_curves(path) == ()
    save_learning_curves(evaluation.learning, path)
    assert load_learning_curves(path) == evaluation.learning


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"format_version": 2}',
        '{"format_version": 1, "points": [1]}',
        '{"format_version": 1, "points": [{"strategy": "random"}]}',
        (
            '{"format_version": 1, "points": [{"strategy": "r", "seed": 0, "block_type": "x", '
            '"n_samples": 3, "board_minutes": NaN, "mape_percent": 1}]}'
        ),
    ],
)
def test_broken_learning_curves_are_refused(tmp_path: Path, text: str) -> None:
    """A file of another form is one sentence."""
    path = tmp_path / "learning_curves.json"
    path.write_text(text)
    with pytest.raises(StoreError, match="holds no learning curves"):
        load_learning_curves(path)


@pytest.mark.browser
def test_a_browser_shows_the_page(evaluation: Evaluation, tmp_path: Path) -> None:
    """In Chromium without a network the pictures have a size and nothing is reported as wrong."""
    files = write_report(evaluation, tmp_path / "report.html")
    boxes = shown_sizes(files.page, tmp_path, "figure svg")
    assert len(boxes) == 5
    assert all(width > 200 and height > 100 for width, height in boxes)
