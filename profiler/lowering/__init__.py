"""From a graph of operators to the int8 program that a board runs."""

from __future__ import annotations

from hwprof.profiler.lowering._lower import lower, lower_quantised, quantise

__all__ = ["lower", "lower_quantised", "quantise"]
