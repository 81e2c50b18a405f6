"""The shape of a search space: what its networks cost, and which of its parameters matters."""

from __future__ import annotations

from hwprof.workflows.space_shape._candidates import Candidates
from hwprof.workflows.space_shape._look import SAMPLES, ShapeRequest, look_at
from hwprof.workflows.space_shape._sizes import DECIMALS, FEWEST
from hwprof.workflows.space_shape._values import (
    Cells,
    Choice,
    ChoiceEffect,
    Effect,
    InputSize,
    Interaction,
    Limits,
    Quantiles,
    RamCheck,
    Share,
    Shares,
    SpaceShape,
)

__all__ = [
    "DECIMALS",
    "FEWEST",
    "SAMPLES",
    "Candidates",
    "Cells",
    "Choice",
    "ChoiceEffect",
    "Effect",
    "InputSize",
    "Interaction",
    "Limits",
    "Quantiles",
    "RamCheck",
    "ShapeRequest",
    "Share",
    "Shares",
    "SpaceShape",
    "look_at",
]
