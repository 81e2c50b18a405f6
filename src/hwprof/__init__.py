"""Know what a neural network costs on a microcontroller before you own the board."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwprof.architecture import Architecture, BlockInstance, block_graph
    from hwprof.blocks import BlockConfig
    from hwprof.errors import HwprofError
    from hwprof.measurement import Context, Measurement, Placement
    from hwprof.models import resolve_model
    from hwprof.networks import parse_architecture, person_detector
    from hwprof.profiler.store import load_measurements
    from hwprof.surrogates.predict import LatencyPrediction, predict_latency

# Imported when first asked for, so that ``import hwprof`` loads none of the heavy libraries.
_HOMES = {
    "Architecture": "architecture",
    "BlockConfig": "blocks",
    "BlockInstance": "architecture",
    "Context": "measurement",
    "HwprofError": "errors",
    "LatencyPrediction": "surrogates.predict",
    "Measurement": "measurement",
    "Placement": "measurement",
    "block_graph": "architecture",
    "load_measurements": "profiler.store",
    "parse_architecture": "networks",
    "person_detector": "networks",
    "predict_latency": "surrogates.predict",
    "resolve_model": "models",
}

__all__ = [
    "Architecture",
    "BlockConfig",
    "BlockInstance",
    "Context",
    "HwprofError",
    "LatencyPrediction",
    "Measurement",
    "Placement",
    "block_graph",
    "load_measurements",
    "parse_architecture",
    "person_detector",
    "predict_latency",
    "resolve_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hwprof' has no attribute {name!r}")
    return getattr(import_module(f"hwprof.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
