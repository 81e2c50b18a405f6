"""One network under the schemes of the published study."""

import json

from click.testing import CliRunner

from hwprof.cli import main
from hwprof.workflows.schemes import ROWS


def test_a_network_is_run_under_every_scheme():
    """Kernels and placements are the study's; its latencies belong to its own network alone."""
    arguments = ["schemes", "micronet-kws-s", "--timing", "pipeline", "--workers", "2", "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["schemes"]
    assert [row["scheme"] for row in rows] == [row.scheme for row in ROWS]
    assert {row["published_ms"] for row in rows} == {None}
    assert {row["kind"] for row in rows} == {"modelled"}
    assert all(
        f"activations={s.activations}" in r["placement"] for s, r in zip(ROWS, rows, strict=True)
    )
    by_scheme = {row["scheme"]: row["modelled_ms"] for row in rows}
    # Offsets of weights cost the generic kernels work that symmetric ones do not do.
    assert by_scheme["asymmetric/per-tensor"] > by_scheme["symmetric/per-tensor"]
    assert by_scheme["power-of-two/per-tensor"] < by_scheme["symmetric/per-tensor"]


def test_an_unknown_model_is_one_sentence():
    """Nothing is run, and the nearest name is given."""
    result = CliRunner().invoke(main, ["schemes", "person-detektor"])
    assert result.exit_code == 2
    assert "did you mean person-detector" in result.output
