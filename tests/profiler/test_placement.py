"""What fits a board is known before anything is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hwprof.blocks import GraphBuilder
from hwprof.errors import ConfigurationError, ModelDoesNotFitError
from hwprof.graph import Conv2d
from hwprof.measurement import Placement
from hwprof.profiler.lowering import lower
from hwprof.profiler.placement import check_fit, placement_indices
from hwprof.profiler.program import Program
from hwprof.profiler.protocol import BoardInfo, Memory, MemoryUse

RAM = MemoryUse.ACTIVATIONS | MemoryUse.WEIGHTS | MemoryUse.SCRATCH

BOARD = BoardInfo(
    program_version=1,
    max_payload_bytes=4096,
    clock_hz=1_000_000,
    max_program_bytes=100,
    max_constants_bytes=64,
    pool_bytes=1 << 20,
    pool_crc32=0,
    baud=0,
    board="tiny",
    kernels="simd",
    code_memory="itcm",
    firmware_id="",
    identity="",
    memories=(
        Memory("fast", 0, 96, MemoryUse.SCRATCH),
        Memory("ram", 0x1000, 200, RAM),
        Memory("flash", 0x2000, 64, MemoryUse.STAGED_WEIGHTS),
    ),
)
SMALL = Memory("ram", 0x1000, 100, RAM)
PLACEMENT = Placement(activations="ram", weights="flash", scratch="fast")


def program(**changes: object) -> Program:
    """An empty program, as far as sizes go."""
    empty = Program(
        name="empty", scheme="", placement=PLACEMENT, inputs=(), outputs=(), records=(),
        constants=(), weights_image=b"", activations_bytes=0, scratch_bytes=0, constants_bytes=0,
    )  # fmt: skip
    return replace(empty, **changes)


def test_placement_becomes_memory_numbers():
    """PLACE speaks of memories by their number in HELLO."""
    assert placement_indices(BOARD, PLACEMENT) == (1, 2, 0)


@pytest.mark.parametrize(
    ("part", "memory", "message"),
    [
        ("activations", "flash", "tiny offers ram for activations; got 'flash'"),
        ("weights", "fast", "tiny offers ram, flash for weights; got 'fast'"),
        ("scratch", "ocram", "tiny offers fast, ram for scratch; got 'ocram'"),
        ("code", "flash", "the kernels of this image run from itcm, not 'flash'"),
    ],
)
def test_placement_that_is_not_on_offer_is_refused(part: str, memory: str, message: str):
    """A placement is honoured or refused, never replaced."""
    with pytest.raises(ConfigurationError, match=message):
        placement_indices(BOARD, replace(PLACEMENT, **{part: memory}))


@pytest.mark.parametrize(
    ("changes", "collision"),
    [
        ({"activations_bytes": 201}, "activations need 201 bytes in ram, which has 200"),
        ({"weights_image": bytes(65)}, "weights need 65 bytes in flash, which has 64"),
        ({"scratch_bytes": 97}, "scratch need 97 bytes in fast, which has 96"),
        ({"constants_bytes": 1_000}, "constants need 1,000 bytes, which has 64"),
    ],
)
def test_region_larger_than_its_memory_is_refused_with_both_sizes(
    changes: dict[str, object], collision: str
):
    """The message holds what is asked and what there is."""
    with pytest.raises(ModelDoesNotFitError, match=rf"'empty' does not fit tiny: {collision};"):
        check_fit(BOARD, program(**changes))


def test_all_collisions_are_reported_at_once():
    """Nobody has to fix one size to hear of the next."""
    with pytest.raises(ModelDoesNotFitError, match=r"constants need 65.*scratch need 97"):
        check_fit(BOARD, program(constants_bytes=65, scratch_bytes=97))


def crowded(scratch_bytes: int) -> Program:
    """Three regions in one memory of 200 bytes: 33, 70 from 64 on, scratch from 160 on."""
    return program(
        placement=replace(PLACEMENT, weights="ram", scratch="ram"),
        weights_image=bytes(33),
        activations_bytes=70,
        scratch_bytes=scratch_bytes,
    )


def test_regions_that_fill_a_shared_memory_fit():
    """Regions lie one after the other at multiples of 32 bytes, as the firmware lays them out."""
    check_fit(BOARD, crowded(40))


def test_regions_that_share_a_memory_are_refused_together():
    """One byte more than the memory is refused with the sum that collides."""
    message = "weights and activations and scratch need 201 bytes in ram, which has 200"
    with pytest.raises(ModelDoesNotFitError, match=message):
        check_fit(BOARD, crowded(41))


def test_a_memory_that_would_hold_the_part_is_named():
    """What is too large for one memory is offered every other that has the room for it."""
    with pytest.raises(ModelDoesNotFitError, match="; try --placement scratch=ram, or a smaller"):
        check_fit(BOARD, program(scratch_bytes=97))


def test_without_such_a_memory_only_a_smaller_model_helps():
    """No placement is named that would be refused in its turn."""
    with pytest.raises(ModelDoesNotFitError, match="; use a smaller model or another placement"):
        check_fit(BOARD, program(scratch_bytes=300))


def test_weights_from_the_pool_must_fit_the_flash_as_well():
    """A slice of the pool stands for weights that a chip keeps like any other."""
    builder = GraphBuilder()
    conv = Conv2d(kernel_h=1, kernel_w=1, out_channels=8)
    graph = builder.finish("wide", [builder.add("b", "conv", conv, builder.input("x", (1, 1, 12)))])
    pooled = replace(lower(graph, placement=PLACEMENT), placement=PLACEMENT)

    assert pooled.weights_image == b""
    with pytest.raises(ModelDoesNotFitError, match="weights need 96 bytes in flash, which has 64"):
        check_fit(BOARD, pooled)


def test_the_layer_where_activations_peak_is_named():
    """Too many activations are refused with the layer to look at and its tensors."""
    builder = GraphBuilder()
    conv = Conv2d(kernel_h=1, kernel_w=1, out_channels=8)
    graph = builder.finish("wide", [builder.add("b", "conv", conv, builder.input("x", (4, 4, 4)))])

    with pytest.raises(
        ModelDoesNotFitError,
        match=r"alive at layer 'b/conv', 192 \('b/conv' 128, 'x' 64\)",
    ):
        check_fit(
            replace(BOARD, memories=(BOARD.memories[0], SMALL, BOARD.memories[2])),
            replace(lower(graph, placement=PLACEMENT), placement=PLACEMENT),
        )
