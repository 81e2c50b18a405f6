"""A detector in two: a backbone that a search leaves alone, and the head that it searches."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError

_BACKBONE, _HEAD = "backbone", "head"


@dataclass(frozen=True, slots=True)
class Parts:
    """Two architectures whose blocks are those of one, in their order.

    Attributes:
        backbone: from the picture to the features.
        head: from the features, its one input, to the output map.
    """

    backbone: Architecture
    head: Architecture

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        ((_, (height, width, _channels)),) = self.backbone.inputs
        return height, width


def divide(detector: Architecture) -> Parts:
    """Divide a detector where its backbone ends.

    Raises:
        ConfigurationError: its blocks are not a backbone and a head that reads one tensor of it.
    """
    backbone = tuple(block for block in detector.blocks if block.group == _BACKBONE)
    head = tuple(block for block in detector.blocks if block.group == _HEAD)
    own = {block.name for block in head}
    seam = {name for block in head for name in block.inputs if name not in own}
    if backbone + head != detector.blocks or len(seam) != 1 or len(detector.inputs) != 1:
        raise ConfigurationError(
            f"training knows detectors of a backbone and a head; {detector.name!r} is none; give a "
            "space of such, or search this one by what trains nothing: 'hwprof search' without "
            "--data."
        )
    (name,) = seam
    first = next(block for block in head if name in block.inputs)
    shape = first.config.inputs[first.inputs.index(name)]
    return Parts(
        replace(detector, name=f"{detector.name}/backbone", blocks=backbone, outputs=(name,)),
        Architecture(f"{detector.name}/head", ((name, shape),), head, detector.outputs),
    )
