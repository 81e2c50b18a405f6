"""A network's latency is the sum over its blocks, fast, with an honest interval."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from hwprof.architecture import Architecture, BlockInstance, block_architecture
from hwprof.blocks import BlockConfig, DepthwiseSeparable
from hwprof.errors import ArtefactError, ConfigurationError, UnknownNameError
from hwprof.luts import CYCLES_METRIC, LookupTable, save_table
from hwprof.measurement import Placement
from hwprof.networks import person_detector
from hwprof.partition import partition
from hwprof.surrogates import catalogue, predict_latency
from hwprof.surrogates.artefact import LUT_FILE, NetworkCorrection, context_slug, save_artefact
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.surrogates.predict import Predictor
from hwprof.surrogates.pricing import SurrogatePricer
from hwprof.workspace import Workspace

QUICK = FitOptions(models=("physical_prior", "ridge"))
POINTS = [
    {"k": k, "g": g, "c": c, "width": width, "aspect": aspect}
    for k, g, c, width, aspect in [
        (5, 1, 96, 320, 0.8),
        (2, 8, 24, 224, 0.5625),
        (3, 4, 48, 256, 1.0),
        (4, 2, 70, 320, 0.6),
    ]
]


@pytest.fixture(autouse=True)
def _nothing_shipped(monkeypatch, tmp_path):
    """Only what a test fits can answer, whatever ships with the package."""
    monkeypatch.setattr(catalogue, "shipped_folder", lambda: tmp_path / "nothing-shipped")


@pytest.fixture(name="detectors", scope="module")
def detectors_fixture():
    """Four detectors from the corners of the search space."""
    return [person_detector(**point) for point in POINTS]


class TestOne:
    """The prediction of one network."""

    def test_near_the_board(self, detectors, board, workspace):
        """Networks are predicted within a few percent of the board they were not fitted on."""
        for detector in detectors:
            latency_us = board.context.cycles_to_us(board.cycles(detector.graph()))

            assert predict_latency(detector, workspace=workspace).latency_us == pytest.approx(
                latency_us, rel=0.03
            )

    def test_interval_covers(self, detectors, board, workspace):
        """The interval holds the board's latency."""
        for detector in detectors:
            latency_us = board.context.cycles_to_us(board.cycles(detector.graph()))
            prediction = predict_latency(detector, workspace=workspace)

            assert prediction.low_us < latency_us < prediction.high_us

    def test_blocks_add_up(self, detectors, workspace):
        """Latencies of the blocks sum to the network's."""
        prediction = predict_latency(detectors[0], workspace=workspace)

        total = sum(block.latency_us for block in prediction.blocks)
        assert total == pytest.approx(prediction.latency_us)
        assert [block.name for block in prediction.blocks] == [b.name for b in detectors[0].blocks]

    def test_covered(self, detectors, workspace):
        """A network of fitted block types is covered whole."""
        prediction = predict_latency(detectors[0], workspace=workspace)

        assert prediction.covered_macs_percent == 100
        assert {block.source for block in prediction.blocks} == {"surrogate"}

    def test_is_a_prediction(self, detectors, workspace):
        """A prediction says that it is one."""
        assert predict_latency(detectors[0], workspace=workspace).kind == "predicted"

    def test_json(self, detectors, workspace):
        """The JSON object has the fields that scripts read."""
        printed = json.loads(
            json.dumps(predict_latency(detectors[0], workspace=workspace).to_json())
        )

        assert {
            "target", "board", "kernels", "scheme", "placement", "timing_model", "kind",
            "latency_us", "low_us", "high_us", "interval_level", "covered_macs_percent", "blocks",
        } == set(printed)  # fmt: skip
        assert {
            "name", "block_type", "latency_us", "low_us", "high_us", "source",
        } == set(printed["blocks"][0])  # fmt: skip

    def test_by_name(self, detectors, workspace):
        """A named architecture is predicted like the built one."""
        by_name = predict_latency(detectors[0].name, workspace=workspace)

        assert by_name.latency_us == predict_latency(detectors[0], workspace=workspace).latency_us


class TestMany:
    """Predictions of a list are arrays of the single ones."""

    def test_agrees_with_one(self, detectors, workspace):
        """Each entry of a list's arrays is that network's own prediction."""
        many = predict_latency(detectors, workspace=workspace)
        single = [predict_latency(one, workspace=workspace) for one in detectors]

        for name in ("latency_us", "low_us", "high_us", "covered_macs_percent"):
            expected = [getattr(one, name) for one in single]
            np.testing.assert_allclose(getattr(many, name), expected, rtol=1e-9)
        assert [tuple(blocks) for blocks in many.blocks] == [one.blocks for one in single]

    def test_empty(self, workspace):
        """No network gives empty arrays."""
        assert predict_latency([], workspace=workspace).latency_us.shape == (0,)

    def test_network_without_blocks(self, detectors, workspace):
        """A network without blocks costs nothing and disturbs no neighbour."""
        nothing = Architecture("nothing", (("image", (4, 4, 3)),), (), ())

        latencies = predict_latency(
            [nothing, detectors[0], nothing], workspace=workspace
        ).latency_us

        assert latencies[[0, 2]].tolist() == [0, 0]
        assert latencies[1] > 0

    def test_slice_of_blocks(self, detectors, workspace):
        """Block lists of many networks can be sliced."""
        many = predict_latency(detectors, workspace=workspace)

        assert [tuple(blocks) for blocks in many.blocks[1:]] == [
            tuple(many.blocks[i]) for i in range(1, len(detectors))
        ]

    def test_more_than_the_first_capacity(self, board, fitted):
        """A predictor that has seen thousands of blocks still knows each of them."""
        predictor = Predictor(fitted.artefact, SurrogatePricer(fitted.artefact))
        configs = board.draw("spp", 1500, seed=5)
        alone = [predictor.predict(block_architecture(config)).latency_us for config in configs]

        together = predictor.predict_many([block_architecture(config) for config in configs])

        np.testing.assert_allclose(together.latency_us, alone, rtol=1e-9)


class TestUncovered:
    """What nothing was fitted for is listed and priced by the prior."""

    def test_type_without_model(self, workspace):
        """A block type without rows is priced by the prior, and not covered."""
        config = BlockConfig.of("fc", [(1, 1, 64)], out_features=10, activation="none")
        prediction = predict_latency(block_architecture(config), workspace=workspace)

        assert prediction.blocks[0].source == "prior"
        assert prediction.covered_macs_percent == 0
        assert prediction.low_us < prediction.latency_us < prediction.high_us

    def test_operators_answer_for_their_block(self, board):
        """A block of a type without rows costs what its operators cost, each by its own model."""
        artefact = fit(board.measure(["pwconv", "dwconv"], 60), QUICK).artefact
        predictor = Predictor(artefact, SurrogatePricer(artefact))
        config = DepthwiseSeparable().of((12, 12, 16), c_out=24, stride=1)
        pair = block_architecture(config)

        prediction = predictor.predict(pair)

        alone = predictor.predict(partition(pair.graph(), {}))
        assert [block.source for block in prediction.blocks] == ["operators"]
        assert [block.source for block in alone.blocks] == ["surrogate", "surrogate"]
        assert prediction.covered_macs_percent == 100
        assert (prediction.low_us, prediction.latency_us, prediction.high_us) == pytest.approx(
            (alone.low_us, alone.latency_us, alone.high_us)
        )

    def test_operators_answer_together_or_not_at_all(self, board):
        """Where one operator of a block has no model, the prior prices the whole block."""
        artefact = fit(board.measure(["pwconv"], 60), QUICK).artefact
        predictor = Predictor(artefact, SurrogatePricer(artefact))
        config = DepthwiseSeparable().of((12, 12, 16), c_out=24, stride=1)

        prediction = predictor.predict(block_architecture(config))

        assert [block.source for block in prediction.blocks] == ["prior"]
        assert prediction.covered_macs_percent == 0

    def test_unknown_operator(self, workspace):
        """An operator that no block type describes costs something, too."""
        config = BlockConfig.of("mystery", [(8, 8, 16)])
        network = Architecture(
            "foreign", (("x", (8, 8, 16)),), (BlockInstance("m", config, ("x",)),), ("m",)
        )

        prediction = predict_latency(network, workspace=workspace)

        assert prediction.latency_us > 0
        assert prediction.blocks[0].source == "prior"


class TestMethods:
    """Latency by table and by MACs."""

    def test_macs(self, detectors, workspace):
        """By MACs, latency is proportional to them."""
        one, other = (
            predict_latency(detector, workspace=workspace, method="macs")
            for detector in detectors[:2]
        )

        ratio = detectors[0].macs / detectors[1].macs
        assert one.latency_us / other.latency_us == pytest.approx(ratio)
        assert {block.source for block in one.blocks} == {"macs"}

    def test_lut(self, fitted, board, tmp_path):
        """A known block has the table's value, one outside the table the surrogate's."""
        known, unknown = board.draw("spp", 2)
        folder = save_artefact(fitted.artefact, Workspace(tmp_path).artefacts)
        values, code = {known.key: 996_000.0}, fitted.artefact.stamp.code_sha256
        table = LookupTable(board.context, CYCLES_METRIC, "cycle", values, code)
        save_table(table, folder / LUT_FILE)

        predictions = [
            predict_latency(block_architecture(config), workspace=Workspace(tmp_path), method="lut")
            for config in (known, unknown)
        ]

        assert predictions[0].latency_us == pytest.approx(1000)
        assert [one.blocks[0].source for one in predictions] == ["lut", "surrogate"]

    def test_lut_of_other_code(self, fitted, board, detectors, tmp_path):
        """A table of other kernels than its surrogate's is refused."""
        folder = save_artefact(fitted.artefact, Workspace(tmp_path).artefacts)
        save_table(
            LookupTable(board.context, CYCLES_METRIC, "cycle", {}, "0" * 64), folder / LUT_FILE
        )

        with pytest.raises(ArtefactError, match="is of another context or code"):
            predict_latency(detectors[0], workspace=Workspace(tmp_path), method="lut")

    def test_no_lut(self, detectors, workspace):
        """Without a table the method says that there is none."""
        with pytest.raises(ArtefactError, match="no lookup table at"):
            predict_latency(detectors[0], workspace=workspace, method="lut")

    def test_unknown(self, detectors, workspace):
        """An unknown method is answered with the nearest name."""
        with pytest.raises(UnknownNameError, match="did you mean surrogate"):
            predict_latency(detectors[0], workspace=workspace, method="surogate")


class TestContexts:
    """A question is answered in its own context or not at all."""

    @pytest.mark.parametrize(
        "question",
        [
            {"kernels": "reference"},
            {"target": "virtual:stm32h743"},
            {"target": "virtual:rt1170?clock_hz=600000000"},
            {"timing": "pipeline"},
            {"target": "serial:/dev/ttyACM0"},
            {"placement": Placement(activations="sdram")},
            {"scheme": "symmetric/per-channel"},
            {"cache_state": "warm"},
        ],
    )
    def test_never_fitted(self, question, detectors, workspace):
        """A context without a surrogate is refused with the commands that fit it."""
        with pytest.raises(ArtefactError, match=r"run 'hwprof sample', then 'hwprof fit --target "):
            predict_latency(detectors[0], workspace=workspace, **question)

    def test_shipped_types_complete_the_workspace(
        self, board, fitted, detectors, tmp_path, monkeypatch
    ):
        """Block types without a model in the workspace are priced by what ships."""
        shipped = tmp_path / "shipped"
        save_artefact(fitted.artefact, shipped)
        monkeypatch.setattr(catalogue, "shipped_folder", lambda: shipped)
        own = fit(board.measure(("spp",), 25), FitOptions(models=("physical_prior",)))
        own.save(Workspace(tmp_path).artefacts)

        prediction = predict_latency(detectors[0], workspace=Workspace(tmp_path))

        assert prediction.covered_macs_percent == 100

    def test_only_placement(self, fitted, detectors, tmp_path):
        """The only placement fitted answers when none is asked for."""
        placed = replace(fitted.artefact.context, placement=Placement(activations="sdram"))
        save_artefact(replace(fitted.artefact, context=placed), Workspace(tmp_path).artefacts)

        answered = predict_latency(detectors[0], workspace=Workspace(tmp_path))

        assert answered.context.placement.activations == "sdram"

    def test_timings_are_told_apart(self, fitted, detectors, tmp_path):
        """Two timings in one workspace: the one that is asked for answers, exact if none is."""
        workspace = Workspace(tmp_path)
        core_only = replace(fitted.artefact.context, timing_model="pipeline-1", cache_state="none")
        save_artefact(fitted.artefact, workspace.artefacts)
        save_artefact(replace(fitted.artefact, context=core_only), workspace.artefacts)

        answers = [
            predict_latency(detectors[0], workspace=workspace, **options).context.timing_model
            for options in (
                {},
                {"timing": "pipeline"},
                {"timing": "pipeline", "cache_state": "warm"},
            )
        ]

        assert answers == ["exact-3", "pipeline-1", "pipeline-1"]

    def test_ambiguous(self, fitted, detectors, tmp_path):
        """Two clocks in one workspace: the message names both."""
        artefacts = Workspace(tmp_path).artefacts
        for clock_hz in (600_000_000, 700_000_000):
            context = replace(fitted.artefact.context, clock_hz=clock_hz)
            save_artefact(replace(fitted.artefact, context=context), artefacts)

        with pytest.raises(ConfigurationError, match=r"600 MHz.*700 MHz"):
            predict_latency(detectors[0], workspace=Workspace(tmp_path))

    def test_new_fit_is_noticed(self, fitted, detectors, tmp_path):
        """A surrogate fitted again in the workspace answers the next question."""
        workspace = Workspace(tmp_path)
        folder = save_artefact(fitted.artefact, workspace.artefacts)
        before = predict_latency(detectors[0], workspace=workspace).latency_us
        doubled = replace(fitted.artefact, correction=NetworkCorrection(2.0, n=1))
        save_artefact(doubled, workspace.artefacts)
        head = folder / "artefact.json"
        os.utime(head, ns=(0, head.stat().st_mtime_ns + 1))

        after = predict_latency(detectors[0], workspace=workspace).latency_us

        assert after == pytest.approx(2 * before)

    def test_other_code(self, fitted, detectors, tmp_path):
        """A surrogate of other kernels or machine files is refused."""
        stamp = replace(fitted.artefact.stamp, code_sha256="0" * 64)
        save_artefact(replace(fitted.artefact, stamp=stamp), Workspace(tmp_path).artefacts)

        with pytest.raises(ArtefactError, match="other kernels or another machine model"):
            predict_latency(detectors[0], workspace=Workspace(tmp_path))

    def test_absent_board(self, fitted, detectors, tmp_path):
        """A surrogate of a virtual board that is not installed is refused."""
        context = replace(fitted.artefact.context, board="rt9999")
        save_artefact(replace(fitted.artefact, context=context), Workspace(tmp_path).artefacts)

        with pytest.raises(ArtefactError, match="installed virtual board only: unknown board"):
            predict_latency(detectors[0], target="virtual:rt9999", workspace=Workspace(tmp_path))

    def test_silicon_needs_no_stamp(self, fitted, detectors, tmp_path):
        """A surrogate of measured rows answers for the board it was measured on."""
        context = replace(fitted.artefact.context, timing_model="silicon")
        stamp = replace(fitted.artefact.stamp, code_sha256="0" * 64)
        measured = replace(fitted.artefact, context=context, stamp=stamp)
        save_artefact(measured, Workspace(tmp_path).artefacts)

        prediction = predict_latency(
            detectors[0], target="serial:/dev/ttyACM0", workspace=Workspace(tmp_path)
        )

        assert prediction.context.kind == "measured"

    def test_slug_is_a_file_name(self, board):
        """A context's folder name has no character that a file system minds."""
        odd = replace(board.context, board="../evil board")

        assert "/" not in context_slug(odd)


def test_fresh_process_is_light(workspace):
    """The first answer of a process imports none of the libraries that fit."""
    program = (
        "import sys\n"
        "from hwprof.networks import person_detector\n"
        "from hwprof.surrogates import predict_latency\n"
        "predict_latency(person_detector())\n"
        "heavy = {'sklearn', 'xgboost', 'pandas', 'onnx', 'onnxruntime', 'scipy', 'numba',\n"
        "         'unicorn', 'optuna', 'sqlalchemy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    environment = {**os.environ, "HWPROF_WORKSPACE": str(workspace.root)}

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
