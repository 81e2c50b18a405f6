"""A fitted estimator comes back from its file the same, or not at all."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hwprof.documents import fields_sha256
from hwprof.errors import ArtefactError, ConfigurationError
from hwprof.search.design import Design
from hwprof.search.performance import get_strategy
from hwprof.search.selection import FittedEstimator, FittedOn, Interval, load_estimator

FITTED_ON = FittedOn("person-detection", "ab" * 32, "int8 AP50", 24, Interval(0.5, 0.3, 0.7))


@pytest.fixture
def estimator(samples):
    """Bayesian ridge on the samples."""
    fitted = get_strategy("bayesian-ridge").fit(
        [sample.evidence for sample in samples], [sample.quality for sample in samples]
    )
    return FittedEstimator(fitted, FITTED_ON)


def test_a_file_scores_as_what_was_saved(estimator, samples, tmp_path):
    """And says what it was fitted on; it is a proxy, and named so."""
    estimator.save(tmp_path / "deep" / "estimator.json")
    loaded = load_estimator(tmp_path / "deep" / "estimator.json")
    designs = [Design(sample.evidence.architecture) for sample in samples]
    assert (loaded.scores(designs) == estimator.scores(designs)).all()
    assert np.corrcoef(loaded.scores(designs), [s.quality for s in samples])[0, 1] > 0.9
    assert loaded.fitted_on == FITTED_ON
    assert loaded.name == estimator.name
    assert loaded.is_proxy
    assert loaded.name.endswith("-proxy")


def test_a_count_is_portable_too(tmp_path, samples):
    """FLOPs in a file are FLOPs."""
    FittedEstimator(get_strategy("flops").fit((), ()), FITTED_ON).save(tmp_path / "flops.json")
    design = Design(samples[0].evidence.architecture)
    assert load_estimator(tmp_path / "flops.json").scores([design]) == 2 * design.architecture.macs


def test_what_asks_for_training_is_no_file():
    """A search by it would have to train."""
    with pytest.raises(ConfigurationError, match="SoTL needs"):
        FittedEstimator(get_strategy("sotl").fit((), ()), FITTED_ON)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda d: d["fitted_on"].update(samples=3), "no change after"),
        (lambda d: d.update(format="hwprof-space"), "hwprof-estimator"),
        (lambda d: d.update(format_version=2), "format_version 1"),
        (lambda d: d.pop("model"), "object"),
        (lambda d: d["model"].update(strategy="tea-leaves"), "tea-leaves"),
        (lambda d: d["fitted_on"]["tau"].update(low=-7), "tau between"),
        (lambda d: d["fitted_on"]["tau"].update(low=0.6, high=0.4), "ascends where it has 0.6 to"),
        (lambda d: d["fitted_on"].update(space="a\x1b[31mX"), "characters that print"),
        (lambda d: d["fitted_on"].update(task=""), "not blank"),
        (lambda d: d["fitted_on"].update(samples="many"), "whole number"),
    ],
)
def test_a_file_that_is_not_one_is_one_sentence(estimator, tmp_path, spoil, reason):
    """Sealed again where the seal is not what is tested."""
    path = tmp_path / "estimator.json"
    estimator.save(path)
    document = json.loads(path.read_text())
    spoil(document)
    if reason != "no change after":
        document["sha256"] = fields_sha256(document)
    path.write_text(json.dumps(document))
    with pytest.raises(ArtefactError, match=reason):
        load_estimator(path)


def test_files_that_cannot_be_read_are_one_sentence(tmp_path):
    """Missing, no JSON, and too large."""
    path = tmp_path / "estimator.json"
    with pytest.raises(ArtefactError, match="cannot be opened"):
        load_estimator(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ArtefactError, match="no task estimator"):
        load_estimator(path)
    with path.open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(ArtefactError, match="at most"):
        load_estimator(path)


def test_a_place_that_cannot_be_written_is_one_sentence(estimator, tmp_path):
    """Its folder is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtefactError, match="cannot write"):
        estimator.save(tmp_path / "file" / "estimator.json")
