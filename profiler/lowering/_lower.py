"""The one public step of lowering: parameters, records, memory plan."""

from __future__ import annotations

from hwprof.graph import Graph
from hwprof.measurement import DEFAULT_SCHEME, Placement
from hwprof.profiler.lowering.analytic import analytic_parameters
from hwprof.profiler.lowering.assembly import Assembly
from hwprof.profiler.lowering.operators import records_of
from hwprof.profiler.lowering.quantised import get_scheme
from hwprof.profiler.program import Program

_DEFAULT_PLACEMENT = Placement()


def lower(
    graph: Graph,
    *,
    placement: Placement = _DEFAULT_PLACEMENT,
    scheme: str = DEFAULT_SCHEME,
) -> Program:
    quantised = analytic_parameters(graph, get_scheme(scheme))
    assembly = Assembly(quantised, placement)
    for node in quantised.graph.nodes:
        assembly.emit(records_of(assembly, node))
    return assembly.finish(scheme)
