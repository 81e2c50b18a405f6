"""A per-layer table measured elsewhere, explained by virtual boards that differ in one thing."""

from hwprof.workflows.explanation.run import Explanation, Resimulator, explain

__all__ = ["Explanation", "Resimulator", "explain"]
