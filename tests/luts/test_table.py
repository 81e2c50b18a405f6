"""Lookup tables hold one metric by block key and come back as they were."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict

import pytest

from hwprof.documents import SEAL, fields_sha256
from hwprof.errors import ArtefactError, ConfigurationError
from hwprof.luts import CYCLES_METRIC, LookupTable, load_table, save_table, tables_beside
from hwprof.luts.table import MAX_BYTES
from hwprof.measurement import Context

KEY = "spp(c_out=96,groups=1,kernel=5)[16x20x336]"
CONTEXT = Context("rt1170", 996_000_000)
CONTEXT_FIELDS = asdict(CONTEXT)


@pytest.fixture(name="table")
def table_fixture():
    """A table of two blocks."""
    values = {KEY: 31_000_000.0, "stem(c_out=24)[256x320x3]": 40_000_000.5}
    return LookupTable(CONTEXT, CYCLES_METRIC, "cycle", values, "c" * 64, {"rows": 2})


def test_lookup(table):
    """A known block has its value, another none."""
    assert (table.get(KEY), table.get("fc()[1x1x1]")) == (31_000_000.0, None)


def test_round_trip(table, tmp_path):
    """A saved table is loaded equal."""
    save_table(table, tmp_path / "lut.json")

    assert load_table(tmp_path / "lut.json") == table


def test_compressed(table, tmp_path):
    """A compressed table is loaded equal, found beside others, and equal bytes each time."""
    for name in ("heads.lut.json.gz", "again.lut.json.gz", "plain.lut.json", "lut.json"):
        save_table(table, tmp_path / name)

    assert load_table(tmp_path / "heads.lut.json.gz") == table
    assert (tmp_path / "heads.lut.json.gz").read_bytes() == (
        tmp_path / "again.lut.json.gz"
    ).read_bytes()
    assert [path.name for path in tables_beside(tmp_path)] == [
        "again.lut.json.gz",
        "heads.lut.json.gz",
        "plain.lut.json",
    ]


def test_equal_bytes(table, tmp_path):
    """Order of values does not show in the file."""
    turned = LookupTable(
        CONTEXT,
        table.metric,
        table.unit,
        dict(reversed(table.values.items())),
        table.code_sha256,
        table.provenance,
    )
    save_table(table, tmp_path / "one")
    save_table(turned, tmp_path / "two")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_other_metric(tmp_path):
    """A table may hold any metric of a block."""
    table = LookupTable(CONTEXT, "distillation_loss", "nat", {KEY: 0.25})
    save_table(table, tmp_path / "kd.json")

    assert load_table(tmp_path / "kd.json").metric == "distillation_loss"


def test_finite():
    """A value that is no finite number is refused by its key."""
    with pytest.raises(ConfigurationError, match="holds finite numbers; 'a' has nan"):
        LookupTable(CONTEXT, "m", "u", {"a": float("nan")})


class TestDamage:
    """A file that is no table is one sentence."""

    def test_absent(self, tmp_path):
        """A missing file is named."""
        with pytest.raises(ArtefactError, match="no lookup table at"):
            load_table(tmp_path / "lut.json")

    @pytest.mark.parametrize(
        "text", ["", "[]", "{}", '{"format": "hwprof-surrogate"}', "[" * 99_999]
    )
    def test_foreign(self, tmp_path, text):
        """Another file is refused."""
        (tmp_path / "lut.json").write_text(text)

        with pytest.raises(ArtefactError, match=r"is no (JSON|lookup table)"):
            load_table(tmp_path / "lut.json")

    @pytest.mark.parametrize("data", [b"", b"{}", gzip.compress(b"{}" * 99, mtime=0)[:20]])
    def test_no_gzip(self, tmp_path, data):
        """A file that is not, or not wholly, compressed is refused."""
        (tmp_path / "a.lut.json.gz").write_bytes(data)

        with pytest.raises(ArtefactError, match=r"is no (gzip|JSON)"):
            load_table(tmp_path / "a.lut.json.gz")

    def test_bomb(self, tmp_path):
        """A small file that would grow beyond the bound is read no further."""
        (tmp_path / "a.lut.json.gz").write_bytes(gzip.compress(bytes(MAX_BYTES + 2), 1))

        with pytest.raises(ArtefactError, match="is larger than"):
            load_table(tmp_path / "a.lut.json.gz")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("values", {KEY: "fast"}),
            ("values", [1]),
            ("context", {}),
            ("context", None),
            ("context", CONTEXT_FIELDS | {"board": "\x1b[2J"}),
            ("context", CONTEXT_FIELDS | {"clock_hz": 0}),
            ("context", CONTEXT_FIELDS | {"placement": {"weights": 3}}),
            ("metric", "\n"),
            ("provenance", 3),
        ],
    )
    def test_broken_field(self, table, tmp_path, field, value):
        """A field of the wrong kind is refused."""
        path = tmp_path / "lut.json"
        save_table(table, path)
        document = {**json.loads(path.read_text()), field: value}
        path.write_text(json.dumps(document | {SEAL: fields_sha256(document)}))

        with pytest.raises(ArtefactError, match="is no lookup table of hwprof"):
            load_table(path)

    def test_changed_value(self, table, tmp_path):
        """One digit of one value is enough to be refused; the order of fields is no change."""
        path = tmp_path / "lut.json"
        save_table(table, path)
        document = json.loads(path.read_text())
        path.write_text(json.dumps(dict(reversed(document.items()))))
        assert load_table(path) == table

        document["values"][KEY] += 1
        path.write_text(json.dumps(document))
        with pytest.raises(ArtefactError, match="was changed after it was written"):
            load_table(path)

    def test_unsealed(self, table, tmp_path):
        """A table written before there were seals is read."""
        path = tmp_path / "lut.json"
        save_table(table, path)
        document = json.loads(path.read_text())
        del document[SEAL]
        path.write_text(json.dumps(document))

        assert load_table(path) == table

    def test_version(self, table, tmp_path):
        """Another version is refused with both."""
        path = tmp_path / "lut.json"
        save_table(table, path)
        path.write_text(json.dumps({**json.loads(path.read_text()), "version": 7}))

        with pytest.raises(ArtefactError, match="table format 7, this hwprof reads 1"):
            load_table(path)

    def test_unwritable(self, table, tmp_path):
        """A place that cannot be written is one sentence."""
        with pytest.raises(ArtefactError, match="cannot be written"):
            save_table(table, tmp_path)
