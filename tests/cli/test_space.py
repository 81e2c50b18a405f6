"""``hwprof space`` and the spaces of a user's own that ``hwprof search`` takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hwprof.cli import main

Run = Callable[..., Result]
FIELDS = {
    "architectures", "budget_ms", "share_meeting_budget", "by_input_size", "effects", "choice",
    "shares", "sampled", "space_size", "ram_check", "seconds", "interactions", "dimensions",
}  # fmt: skip
SPACE = """
name = "spotters"
network = "mobilenet-v1"

[parameters]
alpha = [0.2, 0.25]
size = { from = 32, to = 64, step = 16 }
classes = 10
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Calls ``hwprof`` in a folder with a space in ``space.toml``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HWPROF_WORKSPACE", raising=False)
    (tmp_path / "space.toml").write_text(SPACE)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return call


def test_space_prints_the_documented_object(run: Run) -> None:
    """All networks of a file, with the share that meets the budget."""
    result = run("space", "space.toml", "--budget-ms", "5", "--max-ram-kb", "100", "--json")
    report = json.loads(result.stdout)

    assert set(report) >= FIELDS
    assert (report["architectures"], report["budget_ms"], report["sampled"]) == (6, 5.0, False)
    assert 0 < report["share_meeting_budget"] <= 1
    assert [size["height"] for size in report["by_input_size"]] == [32, 48, 64]
    assert [effect["parameter"] for effect in report["effects"]] == ["alpha", "size"]
    assert report["latency"]["kind"] == "predicted"


def test_space_without_a_budget_has_no_share(run: Run) -> None:
    """Nothing is met or missed where nothing is asked."""
    report = json.loads(run("space", "space.toml", "--json").stdout)
    assert report["budget_ms"] is None
    assert report["share_meeting_budget"] is None


def test_space_of_a_sample_is_named_so(run: Run) -> None:
    """The shipped space, a few of its networks: drawn, with a standard error."""
    result = run("space", "--budget-ms", "100", "--samples", "150", "--json")
    report = json.loads(result.stdout)
    assert (report["space_size"], report["architectures"]) == (91_184, 150)
    assert report["sampled"]
    assert report["share_standard_error"] > 0
    assert abs(report["share_meeting_budget"] - 0.268) < 5 * report["share_standard_error"]


def test_space_prints_tables_and_writes_plots(run: Run, tmp_path: Path) -> None:
    """What a person reads, and the files it names."""
    result = run("space", "space.toml", "--budget-ms", "5", "--output", "plots", "--by", "alpha")
    assert result.exit_code == 0
    for words in (
        "all its networks, 6",
        "32x32 alpha=0.2",
        "RAM is counted from below, so fewer may be within",
    ):
        assert words in result.stdout
    assert (tmp_path / "plots" / "effects.png").is_file()


def test_space_says_in_a_sentence_which_input_size_is_dense(run: Run) -> None:
    """MCUNet's reading with its numbers; of a sample, how sure the share is."""
    result = run("space", "space.toml", "--budget-ms", "5")
    sizes = json.loads(run("space", "space.toml", "--budget-ms", "5", "--json").stdout)
    densest, farthest = (
        next(s for s in sizes["by_input_size"] if [s["height"], s["width"]] == sizes["choice"][by])
        for by in ("densest", "mcunet")
    )
    assert (
        f"* {densest['height']}x{densest['width']} holds the densest set of large networks: "
        f"{100 * densest['share_large']:.2f} % of its 2 have {sizes['large_mmacs']:.2f} million "
        "MACs or more within 5 ms\n"
    ) in result.stdout
    assert (
        f"80 % of its {farthest['meeting']} networks within 5 ms have fewer than "
        f"{farthest['mmacs_80']:.2f} million\n"
    ) in result.stdout


def test_space_names_the_input_sizes_that_are_as_good(run: Run, tmp_path: Path) -> None:
    """Maps of 33 pixels and of 34 are of 17 behind the first stride, and their MACs are equal."""
    equal = SPACE.replace("{ from = 32, to = 64, step = 16 }", "[24, 33, 34]")
    (tmp_path / "equal.toml").write_text(equal)
    result = run("space", "equal.toml")
    assert re.search(r"\* 33x33 holds .*; as dense: 34x34\n", result.stdout)
    assert re.search(r"\+ 33x33 has .*; as far: 34x34\n", result.stdout)
    assert len(re.findall(r"^3[34]x3[34] +\*\+", result.stdout, re.MULTILINE)) == 2
    choice = json.loads(run("space", "equal.toml", "--json").stdout)["choice"]
    assert (choice["as_dense"], choice["as_far"]) == ([[34, 34]], [[34, 34]])


def test_space_counts_the_equal_ones_that_it_does_not_name(run: Run, tmp_path: Path) -> None:
    """Of cells without a difference three are named, the rest counted; the JSON has them all."""
    (tmp_path / "classes.toml").write_text(
        'name = "c"\nnetwork = "mobilenet-v1"\n[parameters]\nalpha = 0.25\nsize = 32\n'
        "classes = [2, 3, 4, 5, 6, 7]\n"
    )
    result = run("space", "classes.toml", "--by", "classes")
    assert "; as far: 32x32 classes=6, 32x32 classes=5, 32x32 classes=4 and 2 more\n" in (
        result.stdout
    )
    cells = json.loads(run("space", "classes.toml", "--by", "classes", "--json").stdout)["cells"]
    assert [cell["value"] for cell in cells["as_far"]] == [6, 5, 4, 3, 2]


def test_a_sample_says_what_it_leaves_open(run: Run, tmp_path: Path) -> None:
    """Twenty networks of a size have a share with an error; a handful have none."""
    wide = SPACE.replace("[0.2, 0.25]", "{ from = 0.2, to = 0.6, step = 0.01 }")
    (tmp_path / "wide.toml").write_text(wide)
    sampled = run("space", "wide.toml", "--samples", "100")
    assert re.search(r"; standard error [1-9]\d*\.\d, others may be as dense", sampled.stdout)
    few = run("space", "wide.toml", "--samples", "20")
    assert "none has the 20 networks that it takes to tell" in few.stdout


def test_space_without_limits_speaks_of_none(run: Run) -> None:
    """Nothing is within anything."""
    result = run("space", "space.toml")
    assert "within no limit" not in result.stdout
    assert "all limits" not in result.stdout


def test_search_takes_a_toml_file(run: Run) -> None:
    """The same file is searched."""
    result = run(
        "search", "space.toml", "--budget-ms", "20", "--trials", "3", "--no-verify", "--json"
    )
    report = json.loads(result.stdout)
    assert (report["space"], report["space_size"]) == ("spotters", 6)
    assert report["seed_network"]["arch"] == "mobilenet-v1:alpha=0.25,size=32,classes=10"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("space", "person-detectin"), "did you mean person-detection"),
        (("space", "none.toml"), "cannot be opened"),
        (("space", "space.toml", "--budget-ms", "0.01"), "none of its 6 networks is within"),
        (("space", "space.toml", "--budget-ms", "-3"), "got -3 ms; give a larger one"),
        (("space", "space.toml", "--max-ram-kb", "0"), "RAM is positive and finite; got 0 KiB"),
        (("space", "space.toml", "--max-flash-kb", "inf"), "positive and finite; got inf KiB"),
        (("space", "space.toml", "--by", "alfa"), "did you mean alpha"),
        (("space", "space.toml", "--samples", "1"), "is not in the range"),
        (("space", "space.toml", "--task", "full-training"), "is not one of"),
        (("space", "space.toml", "--output", "space.toml"), "is a file"),
        (("space", "space.toml", "--target", "virtual:none"), "none"),
    ],
)
def test_a_mistake_is_one_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """Exit code 2 and no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output
