"""Rows are sorted into samples of one context and a counted rest."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError, HwprofError, StoreError
from hwprof.measurement import Context, Placement
from hwprof.surrogates.rows import collect_samples


def table_of(rows):
    """Rows as the measurement store hands them out."""
    records = []
    for row in rows:
        context = asdict(row.origin.context)
        placement = context.pop("placement")
        memories = {f"{part}_memory": memory for part, memory in placement.items()}
        fields = ("block_type", "block_key", "cycles", "saturated_share", "error")
        values = {name: getattr(row, name) for name in fields}
        firmware = {"firmware_sha256": row.origin.firmware_sha256}
        records.append({**values, **context, **memories, **firmware})
    return pd.DataFrame(records)


@pytest.fixture(name="rows")
def rows_fixture(board):
    """Five good rows."""
    return [board.row(config) for config in board.draw("spp", 5)]


def test_measurements_and_table_agree(rows):
    """A table and the measurements it holds give the same samples."""
    from_rows, from_table = collect_samples(rows), collect_samples(table_of(rows))

    assert from_rows.configs == from_table.configs
    assert from_rows.cycles.tolist() == from_table.cycles.tolist()
    assert from_rows.context == from_table.context


def test_table_from_csv(rows, tmp_path):
    """A table that went through a CSV file is read, empty cells and all."""
    table_of(rows).to_csv(tmp_path / "rows.csv", index=False)

    assert len(collect_samples(pd.read_csv(tmp_path / "rows.csv")).configs) == 5


def test_table_with_the_least_columns(rows):
    """Four columns are enough; the rest takes the defaults of a context."""
    table = table_of(rows)[["block_key", "board", "clock_hz", "cycles"]]

    assert collect_samples(table).context == Context("rt1170", 996_000_000)


def test_missing_column(rows):
    """A table without a required column is refused by the column's name."""
    with pytest.raises(StoreError, match="cycles is missing"):
        collect_samples(table_of(rows).drop(columns="cycles"))


def test_bad_rows_are_counted(rows, board):
    """Every row that is no sample is counted under its reason."""
    bad = [
        replace(rows[0], error="checksum"),
        replace(rows[0], cycles=0),
        replace(rows[0], saturated_share=0.2),
        replace(rows[0], saturated_share=float("nan")),
        replace(rows[0], block_type="network", block_key="person-detector"),
        replace(rows[0], block_key="nonsense"),
        replace(rows[0], block_key="mystery(a=1)[4x4x4]"),
        replace(rows[0], block_key="shufflev2(c_out=7,stride=1)[4x4x7]"),
    ]

    samples = collect_samples([*rows, *bad])

    assert len(samples.configs) == 5
    assert samples.excluded == {
        "block that cannot be built": 1,
        "cycles not positive and finite": 1,
        "error row": 1,
        "saturated outputs": 2,
        "unknown block type": 1,
        "unreadable block key": 1,
        "whole network": 1,
    }


def test_no_rows():
    """An empty store says what to run."""
    with pytest.raises(StoreError, match="there are none; run 'hwprof profile'"):
        collect_samples([])


def test_only_bad_rows(rows):
    """A store of bad rows says what is wrong with them."""
    bad = [replace(row, error="checksum") for row in rows]

    with pytest.raises(StoreError, match=r"none of 5 rows can be fitted \(5 error row\)"):
        collect_samples(bad)


class TestContexts:
    """Rows of one context are fitted, never a mixture."""

    @pytest.fixture(name="mixed")
    def mixed_fixture(self, rows, board):
        """Rows of two placements."""
        other = replace(board.context, placement=Placement(activations="sdram"))
        return [*rows, board.row(board.draw("spp", 1)[0], context=other)]

    def test_asks_which(self, mixed):
        """Two contexts and no choice: the message names both."""
        with pytest.raises(ConfigurationError, match=r"ocram.*\(5 rows\); .*sdram.*\(1 rows\)"):
            collect_samples(mixed)

    def test_chosen(self, mixed, board):
        """The chosen context's rows are taken, the others counted."""
        samples = collect_samples(mixed, board.context)

        assert len(samples.configs) == 5
        assert samples.excluded == {"other context": 1}

    def test_absent(self, rows, board):
        """A context that no row has is refused."""
        with pytest.raises(
            ConfigurationError, match="no row is of the context and firmware asked for"
        ):
            collect_samples(rows, replace(board.context, clock_hz=1))

    def test_two_images(self, rows, board):
        """Rows of two firmware images are never mixed."""
        other = board.row(board.draw("spp", 1)[0], firmware="0" * 64)

        with pytest.raises(ConfigurationError, match=r"rows of one firmware image, .*; got 2"):
            collect_samples([*rows, other])

    def test_two_machine_descriptions(self, rows, board):
        """Rows from before a core or board file changed are left out, and counted."""
        installed = self.stamped(board.row(board.draw("spp", 1)[0]), "1" * 64)
        stale = self.stamped(rows[0], "2" * 64)

        samples = collect_samples([installed, stale], code_sha256="1" * 64)

        assert (len(samples.configs), samples.code_sha256) == (1, "1" * 64)
        assert samples.excluded == {"other context": 1}

    def test_none_of_the_installed_description(self, rows):
        """Nothing is left to fit, and the sentence says what to do."""
        stale = [self.stamped(row, "2" * 64) for row in rows]

        with pytest.raises(ConfigurationError, match="of the installed kernels, core and board"):
            collect_samples(stale, code_sha256="1" * 64)

    def test_rows_that_name_no_description(self, rows):
        """A table from elsewhere is taken as it is."""
        assert len(collect_samples(rows, code_sha256="1" * 64).configs) == 5

    def stamped(self, row, code_sha256):
        """The row with a hash of kernels, core and board data."""
        return replace(row, origin=replace(row.origin, code_sha256=code_sha256))

    def test_images_with_the_same_kernels(self, rows, board):
        """Rows say what they were modelled from, so another image around it changes nothing."""
        other = board.row(board.draw("spp", 1)[0], firmware="0" * 64)
        both = [self.stamped(row, "1" * 64) for row in [*rows, other]]

        samples = collect_samples(both, firmware_sha256="0" * 64)

        assert len(samples.configs) == 6
        assert samples.firmware_sha256 == rows[0].origin.firmware_sha256

    def test_chosen_image(self, rows, board):
        """The chosen image's rows are taken, the others counted."""
        other = board.row(board.draw("spp", 1)[0], firmware="0" * 64)

        samples = collect_samples([*rows, other], firmware_sha256="0" * 64)

        assert samples.firmware_sha256 == "0" * 64
        assert samples.excluded == {"other context": 5}


_CELLS = st.one_of(
    st.none(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["network", "spp(c_out=8,groups=1,kernel=3)[4x4x16]", "fc()[1x1x1]"]),
)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_table(data):
    """Whatever stands in a table's cells, rows are sorted or refused in one sentence."""
    names = data.draw(st.lists(st.sampled_from(_COLUMNS), unique=True))
    columns = {name: [data.draw(_CELLS), data.draw(_CELLS)] for name in (*_NEEDED, *names)}

    with suppress(HwprofError):
        collect_samples(pd.DataFrame(columns, dtype=object))


_NEEDED = ("block_key", "board", "clock_hz", "cycles")
_COLUMNS = ("block_type", "kernels", "scheme", "code_memory", "saturated_share", "error")
