"""A fit finds the board behind the rows and says honestly how well."""

# ruff: noqa: N806 - X and y are the field's names

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hwprof.errors import ConfigurationError, StoreError
from hwprof.surrogates.features import block_features
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.surrogates.rows import collect_samples
from hwprof.surrogates.selection import makers_of, select
from hwprof.surrogates.training import Anchors, TrainingTable

PRIOR_ONLY = FitOptions(models=("physical_prior",))


def report_of(fitted, block_type):
    """Report of one block type."""
    return next(one for one in fitted.report.types if one.block_type == block_type)


class TestReport:
    """Every block type is reported beside its baselines."""

    def test_accuracy(self, fitted):
        """Held-out errors on a board of half a percent noise are small for every type."""
        assert all(one.scores.mape_percent < 3 for one in fitted.report.types)

    def test_beats_the_baselines(self, fitted):
        """Every surrogate is better than one MAC coefficient and than the nearest row."""
        for one in fitted.report.types:
            assert all(
                one.scores.mape_percent < baseline.mape_percent
                for baseline in one.baselines.values()
            )

    def test_coverage(self, fitted):
        """Intervals of level 0.9 cover about nine of ten held-out rows."""
        coverage = [one.coverage_percent for one in fitted.report.types]

        assert min(coverage) > 80
        assert max(coverage) < 99.9

    def test_json(self, fitted):
        """The report is JSON with the scores that scripts read."""
        printed = json.loads(json.dumps(fitted.report.to_json()))["block_types"]["shufflev2"]

        scores = {"mape_percent", "within_5_percent", "within_10_percent", "spearman", "kendall"}
        assert {"n", "model", *scores} <= set(printed)
        assert all(scores <= set(values) for values in printed["baselines"].values())

    def test_no_macs(self, board):
        """A block type without MACs has no MAC baseline."""
        fitted = fit(board.measure(("elementwise",), 30), PRIOR_ONLY)

        assert set(report_of(fitted, "elementwise").baselines) == {"nearest"}


def test_all_models_compete(board):
    """Every model is tried by default, and the winner is one of them."""
    fitted = fit(board.measure(("spp",), 40))
    report = report_of(fitted, "spp")

    assert list(report.candidates) == list(FitOptions().models)
    assert report.model in report.candidates


def test_same_rows_same_artefact(board):
    """Fitting the same rows twice gives the same numbers."""
    rows = board.measure(("spp",), 30)
    X = block_features(collect_samples(rows).configs).X

    first, second = (fit(rows).artefact.types["spp"].regressor.predict(X) for _ in range(2))

    np.testing.assert_array_equal(first, second)


class TestTooFew:
    """A model of its own takes enough rows."""

    def test_nothing_left(self, board):
        """No type with enough rows: the message counts what there is."""
        with pytest.raises(StoreError, match=r"at least 20 measured rows.*got 5 of spp"):
            fit(board.measure(("spp",), 5))

    def test_skipped(self, board):
        """A type with too few rows is left to the prior, and said so."""
        rows = [*board.measure(("spp",), 30), *board.measure(("stem",), 5)]

        fitted = fit(rows, PRIOR_ONLY)

        assert fitted.report.skipped == {"stem": 5}
        assert set(fitted.artefact.types) == {"spp"}


def test_excluded_rows_are_reported(board):
    """Rows left out are in the report and in the artefact's provenance."""
    rows = board.measure(("spp",), 30)
    bad = replace(rows[0], error="checksum")

    fitted = fit([*rows, bad], PRIOR_ONLY)

    assert fitted.report.excluded == {"error row": 1}
    assert fitted.artefact.provenance.excluded == {"error row": 1}


def test_stamp_defaults_to_the_firmware(fitted, board):
    """An artefact is stamped with the rows' firmware unless told otherwise."""
    assert fitted.artefact.stamp.code_sha256 == board.firmware_sha256


class TestOptions:
    """Options are checked when they are made."""

    def test_unknown_model(self):
        """A model nobody knows is refused with the list of those known."""
        with pytest.raises(ConfigurationError, match=r"models are some of .*; got oracle"):
            FitOptions(models=("oracle",))

    @pytest.mark.parametrize("level", [0, 1, 90])
    def test_level(self, level):
        """An interval level is a share, not a percentage."""
        with pytest.raises(ConfigurationError, match="lies between 0 and 1"):
            FitOptions(interval_level=level)


class TestOutliers:
    """A wild row is named and moves nothing else."""

    def test_one_row_forty_times_off(self, board):
        """The others are predicted as if it were not there, within 1 %, and it is named."""
        rows = board.measure(("spp", "dethead"), 40)
        wild = [replace(rows[0], cycles=40 * rows[0].cycles), *rows[1:]]
        X = block_features(collect_samples(rows).configs).X[1:]

        options = FitOptions(models=("physical_prior", "ridge", "gaussian_process"))
        clean, fitted = fit(rows[1:], options), fit(wild, options)

        for kind, chosen in (("spp", slice(0, 39)), ("dethead", slice(39, None))):
            calm, after = (one.artefact.types[kind].regressor for one in (clean, fitted))
            np.testing.assert_allclose(after.predict(X[chosen]), calm.predict(X[chosen]), rtol=0.01)
        assert [row.block_key for row in fitted.report.outliers] == [rows[0].block_key]
        assert fitted.report.excluded == {"outlier": 1}
        assert rows[0].block_key not in fitted.table.values

    def test_quiet_rows_are_all_kept(self, fitted):
        """Noise of half a percent makes no outlier."""
        assert fitted.report.outliers == ()

    def test_a_wrong_model_is_no_outlier(self, board):
        """Where a third of a type is off, it is the type that the counts do not describe."""
        rows = board.measure(("spp",), 45)
        torn = [replace(row, cycles=row.cycles * (9 if i % 3 else 1)) for i, row in enumerate(rows)]

        assert fit(torn, PRIOR_ONLY).report.outliers == ()


def test_scores_are_of_the_whole_procedure(board):
    """For each fold the model is chosen without it: its predictions are one candidate's."""
    table = TrainingTable.of(collect_samples(board.measure(("spp",), 60)), n_folds=5, seed=0)
    makers = makers_of(("physical_prior", "ridge", "bayesian_ridge"), 0)

    selection = select(table, Anchors(table), makers)

    for fold in range(5):
        inside = table.folds == fold
        candidates = [values[inside].tolist() for values in selection.predicted.values()]
        assert selection.nested[inside].tolist() in candidates
