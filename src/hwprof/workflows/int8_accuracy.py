"""What a trained detector computes in int8: calibrated, lowered, run by the host's reference.

The reference is bit exact with the firmware (``board_proof`` shows it on pictures), so that
average precision of its outputs is that of the deployed network.

A search keeps the backbone and varies the head. ``Int8Backbone`` computes the int8 features of
every picture once for an input size, ``Int8Head`` takes them through a head. Together they write
the bytes of the whole program lowered at once: calibration runs every operator alone, so the
ranges are the same numbers, and the head begins with a convolution, so no tensor of the head
shares a scale with one of the backbone (``ScaleGroups`` joins through copies and pools only).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError
from hwprof.graph import Float, Graph, Int8, QuantParams
from hwprof.measurement import DEFAULT_SCHEME, Placement
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.calibration import calibrate, first_outputs
from hwprof.profiler.lowering import lower_quantised, quantise
from hwprof.profiler.program import Program
from hwprof.profiler.reference import run_reference

Picture = npt.NDArray[Any]
"""uint8 (3, h, w), blue first, or float (h, w, 3) between 0 and 1, as calibration takes it."""

_PIXEL_REALS = np.arange(256, dtype=np.float32) / 255


class Int8Network:
    """A float graph of one input and one output in int8 arithmetic.

    Attributes:
        quantised: every parameter that was chosen.
        program: what a board runs.
        input, output: int8 parameters of the graph's input and output.
    """

    def __init__(
        self,
        graph: Graph,
        samples: Sequence[Float],
        scheme: str = DEFAULT_SCHEME,
        *,
        given: QuantParams | None = None,
    ) -> None:
        """Calibrate and lower.

        Args:
            graph: with trained float weights.
            samples: of the input, float32 (h, w, c), that ranges are seen on.
            given: parameters of the input where they are fixed already.

        Raises:
            UnknownNameError: no such scheme.
            ConfigurationError: no sample, or one of another shape; not one input and one output.
            ModelError: the graph cannot be run or quantised.
        """
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise ConfigurationError(
                f"a detector has one input and one output; {graph.name!r} has "
                f"{len(graph.inputs)} and {len(graph.outputs)}."
            )
        (name,) = graph.inputs
        calibration = calibrate(graph, [{name: sample} for sample in samples])
        fixed = {} if given is None else {name: given}
        self.quantised = quantise(graph, scheme=scheme, calibration=calibration, given=fixed)
        self.graph = graph
        self.scheme = scheme
        self.input = self.quantised.params[name]
        self.output = self.quantised.params[graph.outputs[0]]
        self.program = self.placed(Placement())

    def placed(self, placement: Placement) -> Program:
        """The program for other memories; it computes the same."""
        return lower_quantised(self.quantised, placement)

    def computed(self, elements: Int8) -> Int8:
        """Int8 output (h, w, c) for an int8 input (h, w, c).

        Raises:
            ConfigurationError: an input of another size.
        """
        (entry,) = self.program.inputs
        results = run_reference(self.program, {entry.buffer.name: elements}).outputs
        return results[self.program.outputs[0].name]

    def real(self, computed: Int8) -> Float:
        """An int8 output (h, w, c) as float32 (c, h, w), what ``boxes.decode`` takes."""
        return np.ascontiguousarray(self.output.real(computed).transpose(2, 0, 1))


class _SeesPictures(Int8Network):
    """A network whose input is a picture."""

    def elements(self, picture: Picture) -> Int8:
        """A picture as the program's input, int8 (h, w, 3).

        Raises:
            ConfigurationError: it has another shape, or is neither uint8 nor float.
        """
        ((height, width, channels),) = self.graph.inputs.values()
        if picture.dtype == np.uint8 and picture.shape == (channels, height, width):
            return self.input.quantised(_PIXEL_REALS)[picture.transpose(1, 2, 0)]
        if picture.dtype.kind == "f" and picture.shape == (height, width, channels):
            return self.input.quantised(picture)
        raise ConfigurationError(
            f"{self.graph.name!r} takes pictures of uint8 ({channels}, {height}, {width}) or "
            f"float ({height}, {width}, {channels}); got {picture.dtype} {picture.shape}."
        )


class Int8Detector(_SeesPictures):
    """A whole detector, from pictures to its output map."""

    def outputs(self, pictures: Iterable[Picture]) -> list[Float]:
        """Output maps float32 (5 + classes, rows, columns), one for each picture."""
        return [self.real(self.computed(self.elements(picture))) for picture in pictures]


class Int8Backbone(_SeesPictures):
    """The part of a detector that a search keeps.

    Attributes:
        samples: float32 (rows, columns, c) features of the calibration pictures; heads are
            calibrated on them.
    """

    def __init__(
        self, graph: Graph, samples: Sequence[Float], scheme: str = DEFAULT_SCHEME
    ) -> None:
        """As ``Int8Network``; the graph's output are the features."""
        super().__init__(graph, samples, scheme)
        (name,) = graph.inputs
        self.samples = list(first_outputs(graph, [{name: sample} for sample in samples]))

    def features(self, pictures: Iterable[Picture]) -> list[Int8]:
        """Int8 features (rows, columns, c), one array for each picture."""
        return [self.computed(self.elements(picture)) for picture in pictures]


class Int8Head(Int8Network):
    """A head on a backbone's int8 features."""

    def __init__(self, graph: Graph, backbone: Int8Backbone) -> None:
        """Calibrate on the backbone's float features and lower, in the backbone's scheme.

        Args:
            graph: a head with trained float weights, whose one input the features are.

        Raises:
            ConfigurationError, ModelError: as ``Int8Network``.
        """
        super().__init__(graph, backbone.samples, backbone.scheme, given=backbone.output)

    def outputs(self, features: Iterable[Int8]) -> list[Float]:
        """Output maps float32 (5 + classes, rows, columns), one for each picture's features."""
        return [self.real(self.computed(each)) for each in features]


@dataclass(frozen=True, slots=True)
class BoardProof:
    """A board's outputs held against the reference's, byte by byte.

    Attributes:
        target, kernels: the board, and the kernels of its firmware.
        pictures: how many were run.
        output_bytes: of all of them together.
        different_bytes: 0 where the reference is what the board computes.
    """

    target: str
    kernels: str
    pictures: int
    output_bytes: int
    different_bytes: int

    @property
    def is_exact(self) -> bool:
        """Whether every byte agrees."""
        return self.output_bytes > 0 and self.different_bytes == 0


def board_proof(
    detector: Int8Detector, pictures: Iterable[Picture], setup: Setup | None = None
) -> BoardProof:
    """Run pictures through the firmware and compare every output byte with the reference's.

    Args:
        setup: target, placement and kernels; its scheme is the detector's. The virtual board and
            the default kernels where it is left out.

    Raises:
        ConfigurationError: kernels that do not take the scheme's weights.
        ModelDoesNotFitError, LinkError: the board has no room, or failed.
    """
    chosen = replace(setup or Setup(), scheme=detector.scheme)
    elements = [detector.elements(picture) for picture in pictures]
    expected = [detector.computed(each).reshape(-1) for each in elements]
    with Bench(chosen) as bench:
        program = bench.housed(detector.placed(chosen.placement))
        got = [
            np.frombuffer(output, np.int8)
            for (output,) in bench.compute(program, ([each.tobytes()] for each in elements))
        ]
    return BoardProof(
        target=chosen.target,
        kernels=chosen.kernels,
        pictures=len(got),
        output_bytes=sum(output.size for output in got),
        different_bytes=sum(
            int(np.count_nonzero(one != other)) for one, other in zip(got, expected, strict=True)
        ),
    )
