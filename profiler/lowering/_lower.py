"""The one public step of lowering: parameters, records, memory plan."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hwprof.errors import ConfigurationError
from hwprof.graph import Graph, QuantParams
from hwprof.measurement import DEFAULT_SCHEME, Placement
from hwprof.profiler.calibration import Calibration, calibrate
from hwprof.profiler.lowering.analytic import analytic_parameters
from hwprof.profiler.lowering.assembly import Assembly
from hwprof.profiler.lowering.operators import records_of
from hwprof.profiler.lowering.quantised import QuantisedGraph
from hwprof.profiler.lowering.schemes import get_scheme
from hwprof.profiler.lowering.trained import ranged_parameters, stated_parameters
from hwprof.profiler.program import Program

_DEFAULT_PLACEMENT = Placement()
_NOTHING: Mapping[str, QuantParams] = MappingProxyType({})


def lower(
    graph: Graph,
    *,
    placement: Placement = _DEFAULT_PLACEMENT,
    scheme: str = DEFAULT_SCHEME,
    calibration: Calibration | None = None,
) -> Program:
    """The int8 program that computes a graph.

    Parameters come from the model itself where it is quantised, from ``calibration`` (made here
    on random inputs where none is given) where it has float weights, and from the shapes alone
    where it is seeded.

    Args:
        placement: the memories that the program is for.
        scheme: how int8 parameters are chosen where the model brings none.
        calibration: of this graph; a seeded graph with one is treated like trained weights.

    Raises:
        ModelError: parameters that are missing, or that the kernels' arithmetic cannot hold.
        UnsupportedOperatorError: an operator that no record computes.
        ModelDoesNotFitError: a seeded tensor larger than the pool.
        ConfigurationError: an unknown scheme, or one that a quantised model cannot have.
    """
    return lower_quantised(quantise(graph, scheme=scheme, calibration=calibration), placement)


def lower_quantised(
    quantised: QuantisedGraph, placement: Placement = _DEFAULT_PLACEMENT
) -> Program:
    """The int8 program that computes a graph whose parameters are chosen.

    Raises:
        ModelError, UnsupportedOperatorError, ModelDoesNotFitError: as ``lower``.
    """
    assembly = Assembly(quantised, placement)
    for node in quantised.graph.nodes:
        assembly.emit(records_of(assembly, node))
    return assembly.finish(quantised.scheme.name)


def quantise(
    graph: Graph,
    *,
    scheme: str = DEFAULT_SCHEME,
    calibration: Calibration | None = None,
    given: Mapping[str, QuantParams] = _NOTHING,
) -> QuantisedGraph:
    """A graph with int8 parameters for every tensor and every weighted node, chosen as ``lower``.

    Args:
        given: parameters of tensors that another part of a network has chosen; those that share
            their scale take them too. For calibrated graphs only.

    Raises:
        ModelError, ConfigurationError: as ``lower``.
    """
    rules = get_scheme(scheme)
    if graph.quantisation:
        if scheme != DEFAULT_SCHEME or calibration is not None:
            raise ConfigurationError(
                f"a quantised model brings its own scales; {graph.name!r} takes neither another "
                "scheme nor a calibration; leave them out, or start from the float model."
            )
        return stated_parameters(graph, rules)
    if graph.weights or calibration is not None:
        return ranged_parameters(graph, calibration or calibrate(graph), rules, given)
    return analytic_parameters(graph, rules)
