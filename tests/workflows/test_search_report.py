"""A search's page shows seed and winners as they are, needs nothing but itself, and shows."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from hwprof.errors import ConfigurationError
from hwprof.testing.pages import dangling_references, foreign_references, shown_sizes
from hwprof.workflows.search_report import (
    Cost,
    Detector,
    Drawing,
    FramePart,
    FrontPoint,
    Interval,
    Prediction,
    Protocol,
    Run,
    Saving,
    ScoredBox,
    SearchReport,
    Trial,
    agreement,
    draw,
    render_page,
    write_search_report,
)
from hwprof.workflows.search_report._page import headline

HOSTILE = "<script>alert(1)</script>"
GREEN, ORANGE = (0, 158, 115), (230, 90, 0)


def _row(label, role, latency_us, ap50, **more) -> Detector:
    return Detector(
        label=label,
        role=role,
        arch=f"person-detector:{label}",
        head=(5, 1, 96),
        input_size=(256, 320),
        ap50_float=Interval(ap50 + 0.01, ap50 - 0.03, ap50 + 0.05),
        ap50_int8=Interval(ap50, ap50 - 0.04, ap50 + 0.04),
        predicted=Prediction(1.02 * latency_us, 0.98 * latency_us, 1.05 * latency_us, 0.9),
        board=Run(latency_us, "modelled", 860_160, 246_848),
        frame=(
            FramePart("resize", 3100.0, 3100.0, "modelled"),
            FramePart("network", latency_us, latency_us, "modelled"),
        ),
        **more,
    )


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dark picture, wider than high."""
    path = tmp_path_factory.mktemp("pictures") / "dark.png"
    Image.new("RGB", (640, 480), (20, 20, 30)).save(path)
    return path


@pytest.fixture(scope="module")
def report(picture: Path) -> SearchReport:
    """Ten made-up trials, a seed, two winners and a baseline."""
    trials = tuple(
        Trial(
            f"person-detector:width={220 + n}",
            latency_us=1000.0 * (80 + 15 * n),
            kind="predicted",
            ap50_int8=0.2 + 0.02 * n,
            ap50_float=0.21 + 0.02 * n + 0.03 * (n == 1),
            on_front=n % 2 == 0,
        )
        for n in range(10)
    )
    saving = Saving(seed_us=200e3, seed_head_us=150e3, own_head_us=160e3, own_us=95e3)
    jpeg = draw(picture, [(0.1, 0.1, 0.4, 0.9)], [ScoredBox((0.1, 0.1, 0.5, 0.9), 0.7)])
    return SearchReport(
        space="person-detection",
        space_size=1_094_208,
        strategy="motpe",
        task="full-training",
        latency="surrogate",
        target="virtual:rt1170",
        budget_us=100e3,
        trials=trials,
        n_trials=12,
        detectors=(
            _row("seed", "seed", 200e3, 0.44),
            _row(
                "winner 1", "winner", 95e3, 0.40, saving=saving, chance=0.93,
                why="best within the budget",
                against_seed=Interval(-0.04, -0.06, -0.02),
                against_baseline=Interval(0.031, -0.01, 0.07), files=("winner-1.onnx",),
            ),
            _row("winner 2", "winner", 120e3, 0.43, against_seed=Interval(-0.01, -0.03, 0.01)),
            _row(HOSTILE, "baseline", 94e3, 0.36, against_seed=Interval(-0.08, -0.1, -0.06)),
        ),
        cost=Cost((30.0, 32.0), answers=12, answer_s=0.002, board_runs=2, board_run_s=1.1),
        protocol=Protocol(
            data="pictures", class_name="person", training_pictures=165, select_pictures=92,
            report_pictures=91, split_seed=7, seeds=(0, 1, 2), start_rule="All heads begin alike.",
            scheme="tflite", recipe="60 epochs", interval_level=0.95, resamples=1000,
        ),
        drawings=(
            Drawing("dark.png", "seed", jpeg, 1, 1),
            Drawing("dark.png", "winner 1", jpeg, 1, 1),
        ),
        exhaustive=(FrontPoint(80e3, 0.3), FrontPoint(200e3, 0.45)),
        exhaustive_score="score predicted",
        seed_trial=Trial("person-detector", 200e3, "predicted", 0.42, 0.43),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(report: SearchReport) -> str:
    """The page."""
    return render_page(report)


def test_equal_searches_make_equal_pages(report: SearchReport, page: str) -> None:
    """No date and no chance is in a page."""
    assert render_page(report) == page


def test_the_page_asks_for_nothing(page: str) -> None:
    """Pictures are inside it, and a policy forbids everything else."""
    assert foreign_references(page) == []
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page


def test_text_out_of_files_is_escaped(page: str) -> None:
    """A label is text, whatever it looks like, in the table and in the plots."""
    assert HOSTILE not in page
    assert page.count("&lt;script&gt;alert(1)") >= 3


def test_the_page_can_be_read_without_seeing_it(page: str) -> None:
    """Title, one first heading, described pictures and headers of rows and columns."""
    assert "<title>hwprof search: person-detection</title>" in page
    assert page.count("<h1>") == 1
    assert page.count("<svg") == page.count('role="img"') == 4
    assert page.count("<img ") == page.count('alt="') == 2
    assert 'scope="col"' in page
    assert 'scope="row"' in page
    assert dangling_references(page) == set()


def test_plots_are_well_formed(page: str) -> None:
    """Each plot is XML of its own, its axes have titles with units."""
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert all(ET.fromstring(svg).tag.endswith("svg") for svg in plots)  # noqa: S314  # ours
    assert "modelled latency, ms" in plots[0]
    assert "predicted latency, ms" in plots[1]
    assert all("AP50 of the int8 network, %" in svg for svg in plots[:3])


@pytest.mark.parametrize(
    "said",
    [
        "95.0 ms</strong> modelled latency of winner 1 (best within the budget); the seed",
        "40.0 %</strong> its int8 AP50; the seed's is 44.0 %",
        "-4.0</strong> points of AP50 against the seed, 95 % interval -6.0 to -2.0",
        "not measured on silicon",
        "not resolvable",
        '<span class="kind">predicted / modelled</span>',
        "with seeds 0, 1, 2. All heads begin alike.",
        "split in two by seed 7",
        "<td>10.2</td><td>98.10</td></tr>",  # frames per second of winner 1
    ],
)
def test_the_page_says(page: str, said: str) -> None:
    """Headline, kinds of numbers and protocol are the report's."""
    assert said in page


def test_what_was_saved_adds_up(report: SearchReport) -> None:
    """The parts due to the input and to the head are the whole saving."""
    saving = report.winners[0].saving
    assert saving is not None
    assert saving.by_input == pytest.approx((50e3 + 65e3) / 2 / 200e3)
    assert saving.by_input + saving.by_head == pytest.approx(saving.share)
    assert saving.share == pytest.approx(1 - 95 / 200)


def test_the_headline_is_of_the_first_rule_that_meets_the_budget(report: SearchReport) -> None:
    """Winner 2 is more precise on the report's pictures, which choose nothing."""
    first, second = report.winners
    assert second.ap50_int8.value > first.ap50_int8.value
    assert headline(report) == headline(replace(report, budget_us=None)) == first
    seed, *others = report.detectors
    slow = replace(first, board=replace(first.board, latency_us=101e3))
    met = replace(second, board=replace(second.board, latency_us=99e3))
    assert headline(replace(report, detectors=(seed, slow, met, *others[2:]))) == met
    assert headline(replace(report, budget_us=1.0)) is None


def test_a_budget_that_no_winner_meets_is_said(report: SearchReport) -> None:
    """The headline does not name a winner that is too slow."""
    assert "<strong>none</strong> of the winners" in render_page(replace(report, budget_us=1.0))


def test_what_is_missing_is_a_sentence(report: SearchReport) -> None:
    """No frames, no drawings, no float precision, no training: four sentences."""
    bare = replace(
        report,
        budget_us=None,
        seed_trial=None,
        drawings=(),
        exhaustive=(),
        cost=replace(report.cost, training_s=()),
        trials=tuple(replace(trial, ap50_float=None, on_front=False) for trial in report.trials),
        detectors=tuple(replace(row, frame=(), files=(), why="") for row in report.detectors),
    )
    page = render_page(bare)
    assert page.count("<svg") == 2
    for sentence in ("were not run", "None were drawn", "Too few trials", "none inside"):
        assert sentence in page
    assert "budget" not in page.partition("<main>")[2].partition("</table>")[0]


def test_rankings_are_compared(report: SearchReport) -> None:
    """Float precision puts another detector first under the budget, and that costs two points."""
    compared = agreement(report.trials, report.budget_us)
    assert compared is not None
    assert compared.n == 10
    assert 0.9 < compared.kendall_tau.value < 1
    assert compared.kendall_tau.low <= compared.kendall_tau.value <= compared.kendall_tau.high
    assert not compared.winner_changes
    assert compared.lost == pytest.approx(0.013)
    swapped = replace(report.trials[0], ap50_float=0.9)
    changed = agreement((swapped, *report.trials[1:]), report.budget_us)
    assert changed is not None
    assert changed.winner_changes
    assert changed.cost == pytest.approx(0.02)


def test_equal_or_few_scores_have_no_ranking(report: SearchReport) -> None:
    """Two trials rank nothing, and neither do ten equal ones."""
    assert agreement(report.trials[:2], None) is None
    equal = tuple(replace(trial, ap50_int8=0.3) for trial in report.trials)
    assert agreement(equal, None) is None


def test_files_hold_what_the_page_shows(report: SearchReport, tmp_path: Path) -> None:
    """JSON has everything but the pictures, CSV a line for each trial and each detector."""
    files = write_search_report(report, tmp_path / "made" / "here")
    document = json.loads(files.document.read_text())
    assert document["detectors"][1]["saving"]["by_input"] == pytest.approx(0.2875)
    assert document["detectors"][0]["against_seed"] is None
    assert document["float_int8"]["n"] == 10
    assert document["drawings"][0] == {
        "picture": "dark.png", "detector": "seed", "labelled": 1, "found": 1,
    }  # fmt: skip
    with files.trials.open(newline="") as file:
        trials = list(csv.DictReader(file))
    assert [float(row["ap50_int8"]) for row in trials] == [t.ap50_int8 for t in report.trials]
    with files.detectors.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["seed", "winner 1", "winner 2", HOSTILE]
    assert rows[0]["against_seed"] == ""
    assert float(rows[1]["saved_by_head"]) == pytest.approx(0.2375)
    assert float(rows[1]["error_percent"]) == pytest.approx(2)


def test_a_folder_that_cannot_be_made_is_refused(report: SearchReport, picture: Path) -> None:
    """A file is in the way: one sentence."""
    with pytest.raises(ConfigurationError, match=r"report is written into a folder; .*dark\.png"):
        write_search_report(report, picture)


def test_boxes_are_drawn_where_they_lie(picture: Path) -> None:
    """Labelled boxes are green, found ones orange, and the picture is scaled down."""
    jpeg = draw(
        picture,
        [(0.1, 0.2, 0.3, 0.8)],
        [ScoredBox((0.6, 0.0, 1.4, 0.5), 0.91)],
        longest_side=320,
    )
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        pixels = np.asarray(image).astype(int)
    assert pixels.shape == (240, 320, 3)
    assert np.abs(pixels[120, 31:35] - GREEN).sum(axis=1).min() < 90
    assert np.abs(pixels[60, 190:194] - ORANGE).sum(axis=1).min() < 90
    assert np.abs(pixels[118:121, 230] - ORANGE).sum(axis=1).min() < 90  # its lower edge
    assert pixels[200, 250].max() < 60  # the picture itself


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    """A text file and a missing one are a sentence each."""
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    for path in (text, tmp_path / "missing.jpg"):
        with pytest.raises(ConfigurationError, match="is no picture"):
            draw(path, [], [])


def test_a_picture_without_bound_is_refused(tmp_path: Path) -> None:
    """A small file may claim more pixels than memory holds."""
    path = tmp_path / "vast.png"
    Image.new("1", (8200, 8200)).save(path)
    with pytest.raises(ConfigurationError, match=r"vast\.png is 8200 x 8200"):
        draw(path, [], [])


@pytest.mark.browser
def test_a_browser_shows_the_page(report: SearchReport, tmp_path: Path) -> None:
    """In Chromium without a network plots and pictures have a size and nothing is wrong."""
    files = write_search_report(report, tmp_path / "report")
    plots = shown_sizes(files.page, tmp_path, "figure svg")
    assert len(plots) == 4
    assert all(width > 200 and height > 80 for width, height in plots)
    pictures = shown_sizes(files.page, tmp_path, "figure img")
    assert len(pictures) == 2
    assert all(
        width > 200 and height == pytest.approx(0.75 * width, rel=0.01)
        for width, height in pictures
    )
