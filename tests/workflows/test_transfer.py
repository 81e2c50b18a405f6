"""A surrogate of one virtual board answers for another after a few blocks were measured there."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from hwprof.cli import main
from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.stamp import code_sha256
from hwprof.firmware_stub.targets import default_placement
from hwprof.measurement import Context, Placement
from hwprof.profiler.bench import Setup
from hwprof.profiler.store import load_measurements
from hwprof.surrogates.artefact import (
    Artefact,
    FittedModel,
    NetworkCorrection,
    Provenance,
    Stamp,
    load_artefact,
    save_artefact,
)
from hwprof.surrogates.features import FEATURE_VERSION, FEATURES
from hwprof.surrogates.predict import predict_latency
from hwprof.surrogates.regressors import PhysicalPrior
from hwprof.surrogates.transfer import UNKNOWN
from hwprof.workflows.transfer import Plan, transfer_surrogate
from hwprof.workflows.transfer._memories import like_target, line_costs
from hwprof.workspace import Workspace

TARGET = "virtual:rt1060"


@pytest.fixture(scope="module")
def source():
    """A surrogate of the virtual RT1170 that is as features are guessed."""
    prior = PhysicalPrior()
    prior.coefficients_ = np.array([term.guess_cycles for term in FEATURES], dtype=np.float64)
    model = FittedModel(prior, 0.1, 40)
    return Artefact(
        context=Context("rt1170", 996_000_000, cache_state="cold", timing_model="exact-3"),
        stamp=Stamp(FEATURE_VERSION, "exact-3", code_sha256("rt1170", "simd")),
        interval_level=0.9,
        prior=model,
        macs=None,
        types={"fc": model, "stem": model},
        correction=NetworkCorrection(),
        provenance=Provenance({"fc": 20, "stem": 20}, {}, 0, 5, ""),
    )


@pytest.fixture(scope="module")
def workspace(source, tmp_path_factory):
    """A workspace that holds it."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    save_artefact(source, workspace.artefacts)
    return workspace


@pytest.fixture(scope="module")
def moved(workspace):
    """What a transfer from three blocks reports, and where it was saved."""
    plan = Plan("virtual:rt1170", Setup(TARGET), samples=3, checks=3)
    return transfer_surrogate(workspace, plan)


def test_the_report_compares_with_one_scalar(moved):
    """Blocks measured, and both ways' errors on blocks that neither has seen."""
    report, _ = moved
    document = report.to_json()

    assert len(document["samples"]) == 3
    assert document["checks"]["n"] == 3
    assert {"transfer", "one_scalar"} < set(document["checks"])
    assert json.dumps(document, allow_nan=False)


def test_the_artefact_is_of_the_targets_context(moved):
    """It says whose surrogate it was, and that three blocks stand behind it."""
    _, folder = moved
    artefact = load_artefact(folder)

    assert artefact.context.board == "rt1060"
    assert artefact.provenance.transferred_from.startswith("rt1170 at 996 MHz")
    assert sum(artefact.provenance.rows.values()) == artefact.prior.n == 3


def test_predictions_are_answered(moved, workspace):
    """The target is predicted as if it had been fitted."""
    prediction = predict_latency("cifar10-cnn", target=TARGET, workspace=workspace)

    assert prediction.context.board == "rt1060"
    assert prediction.low_us < prediction.latency_us < prediction.high_us


def test_what_was_measured_is_kept(moved, workspace):
    """Samples and checks are rows of the store, of the target's context."""
    report, _ = moved
    rows = load_measurements(workspace)

    assert {row.block_key for row in report.rows} <= set(rows["block_key"])
    assert set(rows["board"]) == {"rt1060"}


def test_no_fitted_surrogate_is_overwritten(moved, workspace, source):
    """A transfer may be repeated, but stands back behind what was fitted."""
    _, folder = moved
    head = (folder / "artefact.json").read_bytes()
    fitted = load_artefact(folder)
    provenance = replace(fitted.provenance, transferred_from="")
    save_artefact(replace(fitted, provenance=provenance), workspace.artefacts)

    with pytest.raises(ConfigurationError, match="takes no fitted surrogate's place"):
        transfer_surrogate(workspace, Plan("virtual:rt1170", Setup(TARGET), samples=3, checks=0))
    (folder / "artefact.json").write_bytes(head)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--to", "my-board"), "unknown target 'my-board'"),
        (("--to", TARGET, "--from", "virtual:stm32f746"), "no surrogate for target"),
        (("--to", TARGET, "--samples", "2"), "2 is not in the range"),
        (("--to", TARGET, "--kernels", "fast"), "fast"),
        (("--to", TARGET, "--like", "my-board"), "--like names a virtual board"),
        (("--to", TARGET, "--like", "virtual:stm32f767"), "unknown memory 'ocram'"),
    ],
)
def test_mistakes_are_one_sentence(workspace, arguments, sentence):
    """Exit code 2, and no traceback."""
    result = CliRunner().invoke(main, ["transfer", "--workspace", str(workspace.root), *arguments])

    assert result.exit_code == 2, result.output
    assert sentence in result.output


def test_board_files_say_what_lines_cost():
    """An RT1060's OCRAM answers after 4 + (6 + 32 / 8) x 4 core cycles, its code lies in ITCM."""
    source = ("virtual:rt1170", Placement())
    costs = line_costs(source, (TARGET, Placement()))
    rt1170_cycles = 39 + (2 + 32 / 8) * 996 / 240

    assert costs.is_known
    assert costs.activations == pytest.approx(44 / rt1170_cycles)
    assert costs.code_cycles < 1


def test_code_in_flash_is_fetched():
    """An STM32F767 runs from flash: 2 + (12 + 32 / 8) core cycles a line."""
    target = "virtual:stm32f767"
    costs = line_costs(("virtual:rt1170", Placement()), (target, default_placement(target)))

    assert costs.code_cycles == pytest.approx(18)
    assert costs.weights < 0.1


def test_silicon_is_unknown_unless_a_board_is_like_it():
    """No file describes what is at the end of a line."""
    source = ("virtual:rt1170", Placement())
    assert line_costs(source, ("serial:/dev/ttyACM0", Placement())) is UNKNOWN
    like = like_target(TARGET, "serial:/dev/ttyACM0")
    assert line_costs(source, (like, Placement())).is_known
