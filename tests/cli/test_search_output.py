"""The table behind a search says which kind each of its numbers is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwprof.cli._search_output import print_search
from hwprof.search.results import Found, SearchResult

SEED = Found(
    arch="person-detector",
    predicted_us=100e3,
    board_us=110e3,
    board_kind="measured",
    task=0.25,
    task_name="int8 AP50, full-training",
    details={"ap50_float": 0.28, "ap50_int8": 0.25},
)
RESULT = SearchResult(
    space="person-detection",
    space_size=91_184,
    sampler="motpe",
    study="mine",
    trials=3,
    distinct=2,
    latency="surrogate",
    answers=(),
    task_is_proxy=False,
    budget_us=None,
    seed_network=SEED,
    pareto=(replace(SEED, arch="faster"),),
)


@pytest.mark.parametrize("kind", ["measured", "modelled"])
def test_latencies_of_the_board_are_of_its_kind(capsys, kind):
    """Silicon measures, a virtual board models."""
    print_search(replace(RESULT, seed_network=replace(SEED, board_kind=kind)))
    header = capsys.readouterr().out
    other = {"measured": "modelled", "modelled": "measured"}[kind]
    assert f"{kind} ms" in header
    assert other not in header


def test_latencies_that_no_board_gave_have_no_kind(capsys):
    """Nothing was run: the column is the board's, and empty."""
    seed = replace(SEED, board_us=None, board_kind=None)
    print_search(replace(RESULT, seed_network=seed, pareto=()))
    printed = capsys.readouterr().out
    assert "board ms" in printed
    assert "modelled" not in printed


def test_precision_says_on_which_pictures(capsys):
    """What the search chose by is not what its report is about."""
    print_search(RESULT)
    assert "val-B" not in capsys.readouterr().out
    print_search(replace(RESULT, report="searches/mine/report.html"))
    printed = capsys.readouterr().out
    assert "AP50 int8 %, val-A" in printed
    assert "25.00" in printed
    assert "val-B, pictures that nobody chose by" in printed
    assert "report: searches/mine/report.html" in printed
