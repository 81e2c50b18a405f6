"""A person detector taken apart into its head and its input, and put together otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwprof.architecture import Architecture
from hwprof.blocks import BlockConfig
from hwprof.errors import ConfigurationError
from hwprof.networks.person_detector import InputSize, legal_sizes, person_detector

_HEAD = "dethead"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the search varies of a detector.

    Attributes:
        head: kernel, groups and channels.
        size: height and width of the input in pixels.
        classes: as many as the space has.
    """

    head: tuple[int, int, int]
    size: tuple[int, int]
    classes: int

    @classmethod
    def of(cls, architecture: Architecture) -> Shape:
        """The shape of a person detector.

        Raises:
            ConfigurationError: it is none.
        """
        heads = [block.config for block in architecture.blocks if block.config.block_type == _HEAD]
        if len(heads) != 1 or len(architecture.inputs) != 1:
            raise ConfigurationError(
                f"the report of a search knows person detectors; {architecture.name!r} has no "
                "detection head of theirs, whole; search without a report: --report-seeds 0."
            )
        ((_, (height, width, _channels)),) = architecture.inputs
        return cls(_head(heads[0]), (height, width), heads[0].integer("classes"))

    def at(self, size: tuple[int, int]) -> Architecture:
        """A detector of this head at another input.

        Raises:
            ConfigurationError: the space has no such input.
        """
        fitting = [one for one in legal_sizes() if (one.height, one.width) == size]
        if not fitting:
            raise ConfigurationError(
                f"the space has no input of {size[0]} x {size[1]} pixels; choose one of its own."
            )
        return self._built(fitting[0])

    def smaller(self) -> Iterator[Architecture]:
        """Detectors of this head at every input with fewer pixels, the most pixels first.

        Of equal areas the one whose aspect is nearer comes first.
        """
        height, width = self.size
        sizes = [one for one in legal_sizes() if one.height * one.width < height * width]
        unlike = height / width
        sizes.sort(key=lambda one: (-one.height * one.width, abs(one.aspect - unlike)))
        shapes = {(one.height, one.width): one for one in sizes}
        return (self._built(one) for one in shapes.values())

    def _built(self, size: InputSize) -> Architecture:
        k, g, c = self.head
        return person_detector(
            k=k, g=g, c=c, width=size.width, aspect=size.aspect, classes=self.classes
        )


def require_reportable(seed: Architecture) -> None:
    """Refuse a space of which a search cannot be reported, by its seed network.

    Raises:
        ConfigurationError: it is no person detector; a space of edits may have taken it apart.
    """
    Shape.of(seed)


def _head(config: BlockConfig) -> tuple[int, int, int]:
    return config.integer("kernel"), config.integer("groups"), config.inputs[0][2]
