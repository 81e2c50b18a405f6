"""Networks are drawn by family, measured once, and read back for the correction."""

from __future__ import annotations

import pytest

from hwprof.networks import parse_architecture
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.store import load_measurements
from hwprof.surrogates.network_rows import measured_networks
from hwprof.workflows.measure_networks import FAMILIES, draw_networks, measure_networks
from hwprof.workspace import Workspace

QUICK = Setup(timing="pipeline")


def test_families_in_turn():
    """Every family has its share, and more networks begin with the fewer."""
    few, many = draw_networks(2 * len(FAMILIES), seed=3), draw_networks(40, seed=3)

    assert many[: len(few)] == few
    assert [network.family for network in few] == 2 * list(FAMILIES)
    assert len(set(many)) == 40


@pytest.mark.parametrize("family", FAMILIES)
def test_names_build(family):
    """A drawn name builds a network that calls itself by it."""
    for network in draw_networks(20, seed=5, families=[family]):
        assert parse_architecture(network.name).name == network.name


@pytest.fixture(name="workspace", scope="module")
def workspace_fixture(tmp_path_factory):
    """Three small networks measured, one of which was there before."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    names = [f"random-chain:seed={seed}" for seed in (1, 19362091, 1706042954)]
    measure_networks(workspace, QUICK, names[:1], workers=1)
    report = measure_networks(workspace, QUICK, names, workers=1)
    assert (report.measured, report.already_stored) == (2, 1)
    return workspace


def test_read_back(workspace):
    """Rows of the artefact's context and code are networks with their latency."""
    rows = load_measurements(workspace)
    with Bench(QUICK) as bench:
        origin = bench.origin

    found = measured_networks(rows, origin.context, origin.code_sha256)

    assert sorted(network.name for network in found.architectures) == sorted(rows["block_key"])
    assert sorted(found.latency_us) == pytest.approx(sorted(rows["latency_us"]))


def test_others_stay_out(workspace):
    """Rows of another code, of another context, or of a name that builds nothing, do not count."""
    rows = load_measurements(workspace)
    with Bench(QUICK) as bench:
        origin = bench.origin
    foreign = rows.assign(block_key="somebody-elses.onnx")
    warm = rows.assign(cache_state="warm")

    assert not measured_networks(rows, origin.context, "0" * 64).architectures
    assert not measured_networks(warm, origin.context, origin.code_sha256).architectures
    skipped = measured_networks(foreign, origin.context, origin.code_sha256)
    assert (skipped.architectures, skipped.skipped) == ((), 3)
