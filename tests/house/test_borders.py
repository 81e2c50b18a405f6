"""The border that import-linter cannot state: who may join measuring and predicting."""

from __future__ import annotations

import grimp

MEETING_PLACE = "hwprof.workflows"
HALVES = ("hwprof.profiler", "hwprof.surrogates")


def _rooms_imported_by(graph: grimp.ImportGraph, module: str) -> set[str]:
    imported = graph.find_modules_directly_imported_by(module)
    return {half for half in HALVES for name in imported if f"{name}.".startswith(f"{half}.")}


def test_only_workflows_join_the_two_halves() -> None:
    """No module outside workflows imports both profiler and surrogates."""
    graph = grimp.build_graph("hwprof", exclude_type_checking_imports=True, cache_dir=None)

    joining = {m for m in graph.modules if _rooms_imported_by(graph, m) == set(HALVES)}

    assert {module for module in joining if not module.startswith(MEETING_PLACE)} == set()
