"""Fused activations: those a kernel's clamp holds, and those that need a table behind it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hwprof.errors import UnsupportedOperatorError
from hwprof.graph import Activation, Lookup, LookupFunction
from hwprof.tflite_io._draft import Call

# Numbers of schema.fbs, enum ActivationFunctionType.
_NAMES = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
_FUSED: Mapping[str, Activation] = MappingProxyType(
    {"NONE": Activation.NONE, "RELU": Activation.RELU, "RELU6": Activation.RELU6}
)
_TABLES: Mapping[str, LookupFunction] = MappingProxyType(
    {
        "RELU": LookupFunction.RELU,
        "RELU_N1_TO_1": LookupFunction.RELU_N1_TO_1,
        "RELU6": LookupFunction.RELU6,
    }
)


def _name(call: Call) -> str:
    number = call.option("FusedActivationFunction")
    name = _NAMES[number] if number in range(len(_NAMES)) else str(number)
    if name not in _FUSED and name not in _TABLES:
        raise UnsupportedOperatorError(
            f"a fused activation is NONE, RELU, RELU6 or RELU_N1_TO_1; got {name}; make it an "
            "operator of its own."
        )
    return name


def fused_activation(call: Call) -> Activation:
    """The activation that the operator's own clamp computes."""
    return _FUSED.get(_name(call), Activation.NONE)


def finish_activated(call: Call, tensor: str, *, clamped: bool) -> None:
    """End an operator whose kernel clamps, or not; what it does not clamp runs as a table.

    Clamping the rails first and the activation's bounds after is clamping the narrower of both.
    """
    name = _name(call)
    if name == "NONE" or (clamped and name in _FUSED):
        call.finish(tensor)
        return
    params = call.draft.quantisation[tensor]
    call.finish(call.add(Lookup(function=_TABLES[name]), tensor, params=params, role=name.lower()))
