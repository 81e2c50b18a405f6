"""Artefacts travel as data, come back equal, and refuse whatever is not theirs."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.documents import SEAL, fields_sha256
from hwprof.errors import ArtefactError
from hwprof.surrogates.artefact import (
    ARRAYS_FILE,
    HEAD_FILE,
    MAX_HEAD_BYTES,
    load_artefact,
    read_context,
    save_artefact,
)
from hwprof.surrogates.features import block_features
from hwprof.surrogates.fit import FitOptions, fit


@pytest.fixture(name="saved")
def saved_fixture(fitted, tmp_path):
    """Folder of a saved artefact, to be damaged at will."""
    return save_artefact(fitted.artefact, tmp_path)


def change_head(folder, **changes):
    """Overwrite fields of the head, and seal it again."""
    head = json.loads((folder / HEAD_FILE).read_text()) | changes
    (folder / HEAD_FILE).write_text(json.dumps(head | {SEAL: fields_sha256(head)}))


class TestRoundTrip:
    """What is saved is what is loaded."""

    def test_predictions(self, saved, fitted, board):
        """Every model predicts the same after a round trip."""
        loaded = load_artefact(saved)
        for kind, model in fitted.artefact.types.items():
            counts = block_features(board.draw(kind, 5, seed=9)).X
            again = loaded.types[kind].regressor.predict(counts)
            np.testing.assert_array_equal(again, model.regressor.predict(counts))

    @pytest.mark.parametrize("name", FitOptions().models)
    def test_every_model(self, name, board, tmp_path):
        """Every kind of model can be saved and loaded."""
        fitted = fit(board.measure(("spp",), 25), FitOptions(models=(name,)))

        loaded = load_artefact(save_artefact(fitted.artefact, tmp_path))

        assert loaded.types["spp"].regressor.name == name

    def test_facts(self, saved, fitted):
        """Context, stamp, provenance and widths come back equal."""
        loaded, given = load_artefact(saved), fitted.artefact

        assert (loaded.context, loaded.stamp) == (given.context, given.stamp)
        assert loaded.provenance == given.provenance
        assert {k: m.log_ratio for k, m in loaded.types.items()} == {
            k: m.log_ratio for k, m in given.types.items()
        }

    def test_equal_bytes(self, saved, fitted, tmp_path):
        """Saving twice gives equal files."""
        other = save_artefact(fitted.artefact, tmp_path / "other")

        for name in (HEAD_FILE, ARRAYS_FILE):
            assert (saved / name).read_bytes() == (other / name).read_bytes()

    def test_context_alone(self, saved, fitted):
        """The context is read without the arrays."""
        (saved / ARRAYS_FILE).unlink()

        assert read_context(saved) == fitted.artefact.context


class TestStamp:
    """An artefact answers only for what it was fitted on."""

    def test_installed(self, saved, board):
        """The installed code's own artefact is loaded."""
        assert load_artefact(saved, board.firmware_sha256).types

    def test_other_code(self, saved):
        """Other kernels or machine files: refused with the commands that fit again."""
        with pytest.raises(
            ArtefactError, match=r"other kernels or another machine model.*hwprof fit"
        ):
            load_artefact(saved, "0" * 64)

    def test_other_features(self, saved):
        """Another feature version is refused."""
        stamp = json.loads((saved / HEAD_FILE).read_text())["stamp"]
        change_head(saved, stamp={**stamp, "feature_version": 0})

        with pytest.raises(ArtefactError, match="features of version 0"):
            load_artefact(saved)

    def test_other_columns(self, saved):
        """Other feature columns under the same version are refused."""
        change_head(saved, features=["macs"])

        with pytest.raises(ArtefactError, match="fitted on other features"):
            load_artefact(saved)


class TestDamage:
    """A damaged or hostile folder is one sentence, never a traceback."""

    def test_absent(self, tmp_path):
        """A folder without an artefact says so."""
        with pytest.raises(ArtefactError, match=r"no artefact at .*run 'hwprof fit'"):
            load_artefact(tmp_path)

    def test_other_version(self, saved):
        """Another format version is refused with both versions."""
        change_head(saved, version=99)

        with pytest.raises(ArtefactError, match="artefact format 99, this hwprof reads 1"):
            load_artefact(saved)

    def test_newer_version(self, saved, fitted):
        """What a newer hwprof wrote is neither read nor overwritten."""
        change_head(saved, version=99)
        written = (saved / HEAD_FILE).read_bytes()

        with pytest.raises(ArtefactError, match="install the hwprof that wrote it"):
            load_artefact(saved)
        with pytest.raises(ArtefactError, match=r"newer hwprof is not overwritten; .* format 99"):
            save_artefact(fitted.artefact, saved.parent)
        assert (saved / HEAD_FILE).read_bytes() == written

    def test_tampered_head(self, saved):
        """A head whose fields are not those that were written is refused."""
        head = json.loads((saved / HEAD_FILE).read_text())
        head["prior"]["log_ratio"] /= 2
        (saved / HEAD_FILE).write_text(json.dumps(head))

        with pytest.raises(ArtefactError, match="was changed after it was written"):
            load_artefact(saved)

    @pytest.mark.parametrize("level", [7, 0, -1])
    def test_level(self, saved, level):
        """An interval covers some of the blocks."""
        change_head(saved, interval_level=level)

        with pytest.raises(ArtefactError, match="interval_level lies between 0 and 1"):
            load_artefact(saved)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("clock_hz", "fast"), ("clock_hz", 0), ("board", 7), ("board", "a\x1b[31mX")],
    )
    def test_context(self, saved, field, value):
        """A context that no board has is no artefact, read with its arrays or without."""
        context = json.loads((saved / HEAD_FILE).read_text())["context"]
        change_head(saved, context=context | {field: value})

        for read in (read_context, load_artefact):
            with pytest.raises(ArtefactError, match="is no artefact of hwprof"):
                read(saved)

    @pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format": 1}', "[" * 100_000])
    def test_no_artefact(self, saved, text):
        """A head that is something else is refused."""
        (saved / HEAD_FILE).write_text(text)

        with pytest.raises(ArtefactError, match=r"is no (JSON|surrogate of hwprof)"):
            load_artefact(saved)

    def test_huge_head(self, saved):
        """A head beyond the bound is not read."""
        (saved / HEAD_FILE).write_bytes(b" " * (MAX_HEAD_BYTES + 1))

        with pytest.raises(ArtefactError, match="is larger than"):
            load_artefact(saved)

    def test_swapped_arrays(self, saved):
        """Arrays of another artefact are refused."""
        (saved / ARRAYS_FILE).write_bytes(bytes(64))

        with pytest.raises(ArtefactError, match="does not belong to"):
            load_artefact(saved)

    @pytest.mark.parametrize(
        "spec",
        [
            {"shape": [1 << 60]},
            {"shape": [-1]},
            {"shape": [1 << 40, 1 << 40]},
            {"shape": [1, 1, 1]},
            {"dtype": "object"},
            {"offset_bytes": 1 << 60},
            {"offset_bytes": -8},
        ],
    )
    def test_hostile_array(self, saved, spec):
        """An array that lies about its place or type is refused before anything is allocated."""
        prior = json.loads((saved / HEAD_FILE).read_text())["prior"]
        prior["arrays"]["coefficients"].update(spec)
        change_head(saved, prior=prior)

        with pytest.raises(ArtefactError, match=r"(is no artefact of hwprof|a stored array)"):
            load_artefact(saved)

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_any_lost_field(self, fitted, tmp_path_factory, data):
        """A head that lost any of its fields is refused or loads, and nothing else escapes."""
        folder = save_artefact(fitted.artefact, tmp_path_factory.mktemp("hurt"))
        head = json.loads((folder / HEAD_FILE).read_text())
        node = head
        while isinstance(node, dict) and node:
            key = data.draw(st.sampled_from(sorted(node)))
            if not isinstance(node[key], dict) or data.draw(st.booleans()):
                node[key] = data.draw(st.sampled_from([None, "x", -1, 1e400, [], {}]))
                break
            node = node[key]
        (folder / HEAD_FILE).write_text(json.dumps(head | {SEAL: fields_sha256(head)}))

        with suppress(ArtefactError):
            load_artefact(folder)
        shutil.rmtree(folder)


def test_unwritable(fitted, tmp_path):
    """A folder that cannot be written is one sentence."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ArtefactError, match="cannot be written"):
        save_artefact(fitted.artefact, tmp_path / "file")
