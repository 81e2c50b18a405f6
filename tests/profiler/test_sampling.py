"""Sampling block types, and the files a sample becomes."""

import json

import numpy as np
import pytest

from hwprof.architecture import block_architecture
from hwprof.blocks import BLOCK_TYPES, Axis
from hwprof.errors import ConfigurationError, StoreError, UnknownNameError
from hwprof.onnx_io import read_onnx
from hwprof.partition import partition
from hwprof.profiler import sampling
from hwprof.profiler.sampling import METHODS, read_manifest, sample, write_samples

EVERY_METHOD = pytest.mark.parametrize("method", METHODS)


@EVERY_METHOD
@pytest.mark.parametrize("name", BLOCK_TYPES)
def test_a_sample_has_as_many_distinct_configurations_as_asked(name, method):
    """No configuration appears twice, in any block type and method."""
    configs = sample(name, 150, method=method, seed=4)
    assert len(configs) == len(set(configs)) == 150


@EVERY_METHOD
def test_a_seed_repeats_its_sample(method):
    """The same seed draws the same configurations, another seed others."""
    first, again, other = (sample("spp", 20, method=method, seed=s) for s in (1, 1, 2))
    assert first == again != other


@EVERY_METHOD
def test_a_larger_sample_begins_with_the_smaller(method):
    """Asking for more later keeps all that was measured."""
    assert sample("shufflev2", 300, method=method)[:40] == sample("shufflev2", 40, method=method)


def test_low_discrepancy_covers_an_axis_evenly():
    """Of 128 draws each of four kernels gets its quarter, which chance alone misses."""
    kernels = [config.integer("kernel") for config in sample("spp", 128)]
    counts = np.unique(kernels, return_counts=True)[1]
    assert counts.min() >= 30


def test_logarithmic_axes_spread_over_ratios():
    """Halves of a logarithmic axis hold as many draws as their ratio says, not their length."""
    axis = Axis("width", tuple(range(4, 65)), log=True)
    drawn = [sampling._value(axis, u) for u in np.linspace(0, 1, 1000, endpoint=False)]
    assert 480 <= sum(value < 16 for value in drawn) <= 520
    assert (min(drawn), max(drawn)) == (4, 64)


@pytest.mark.parametrize("values", [(1, 2), (8, 16, 24, 32), tuple(range(3, 30))])
def test_every_value_of_an_axis_can_be_drawn(values):
    """No value of a logarithmic axis is lost to rounding."""
    axis = Axis("c", values, log=True)
    drawn = {sampling._value(axis, u) for u in np.linspace(0, 1, 5000, endpoint=False)}
    assert drawn == set(values)


@pytest.mark.parametrize("block_type", ["shufle", "operator:conv"])
def test_an_unknown_block_type_is_refused(block_type):
    """Only registered types can be sampled."""
    with pytest.raises(UnknownNameError, match="unknown block type"):
        sample(block_type, 1)


def test_an_unknown_method_is_refused():
    """A misspelt method is answered with the known ones."""
    with pytest.raises(UnknownNameError, match="unknown sampling method 'sobol'"):
        sample("spp", 1, method="sobol")


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (1, -1)])
def test_impossible_counts_and_seeds_are_refused(count, seed):
    """A sample has at least one configuration and a seed that the generators take."""
    with pytest.raises(ConfigurationError, match="at least 1 and a seed of at least 0"):
        sample("spp", count, seed=seed)


def test_more_than_there_is_is_refused(monkeypatch):
    """A sample larger than what the axes hold says how many there are."""
    monkeypatch.setattr(sampling, "_LAST_BATCH", 9)
    with pytest.raises(ConfigurationError, match=r"found 5\d\d of the 100000 asked for"):
        sample("stem", 100_000)


@pytest.fixture
def folder(tmp_path):
    """A folder with a sample of three."""
    write_samples(sample("shufflev2", 3), tmp_path / "shufflev2", seed=0, method="low-discrepancy")
    return tmp_path / "shufflev2"


def test_files_hold_the_blocks_that_were_sampled(folder):
    """Each ONNX file read back is the network of its one block."""
    for entry in read_manifest(folder / "manifest.json").entries:
        model = read_onnx(folder / entry.file)
        assert partition(model.graph, model.metadata) == block_architecture(entry.config)


def test_a_manifest_reads_as_it_was_written(folder):
    """Configurations, hashes and counts survive the file."""
    configs = sample("shufflev2", 3)
    again = write_samples(configs, folder, seed=0, method="low-discrepancy")
    assert read_manifest(folder / "manifest.json") == again
    assert [entry.config for entry in again.entries] == configs


def test_writing_again_changes_no_byte(folder):
    """A sample written twice is the same files."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write_samples(sample("shufflev2", 3), folder, seed=0, method="low-discrepancy")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_new_sample_replaces_the_old_one(folder):
    """Files that only the old manifest lists go; anything else in the folder stays."""
    (folder / "notes.txt").write_text("mine")
    manifest = write_samples(sample("shufflev2", 2, seed=9), folder, seed=9, method="random")
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json", "notes.txt", *(entry.file for entry in manifest.entries)
    }  # fmt: skip


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    """A file in the place of the folder is a sentence."""
    (tmp_path / "samples").write_text("")
    with pytest.raises(ConfigurationError, match="a folder that can be written"):
        write_samples(sample("fc", 1), tmp_path / "samples", seed=0, method="random")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": 9}, "format_version 1"),
        ({"entries": [{"file": "../evil.onnx"}]}, "no folder, unlike '../evil.onnx'"),
        ({"entries": [3]}, "an object where it has 3"),
        ({"seed": "x"}, "a whole number where it has 'x'"),
    ],
)
def test_a_manifest_of_others_is_refused(folder, change, message):
    """A manifest that breaks the format names the rule and the way out."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(StoreError, match=f"{message}.*sample again"):
        read_manifest(path)


def test_a_missing_manifest_is_refused(tmp_path):
    """A folder without a manifest is a sentence."""
    with pytest.raises(StoreError, match="written by 'hwprof sample'"):
        read_manifest(tmp_path / "manifest.json")
