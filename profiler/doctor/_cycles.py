"""What the board measures: its counter, its memories, and the cycles of blocks that are known."""

from __future__ import annotations

from types import MappingProxyType

from hwprof.architecture import block_graph
from hwprof.blocks import BlockConfig, Value, get_block_type
from hwprof.errors import BoardError, ConfigurationError
from hwprof.firmware_stub.virtual.description import MemoryArea
from hwprof.measurement import Measurement
from hwprof.profiler.bench import Bench
from hwprof.profiler.doctor._visit import Visit
from hwprof.profiler.protocol import Memory, MemoryUse

SPREAD_PERCENT = 2.0
"""Between repeats with empty caches; refresh of SDRAM and the line's interrupts are less."""

CLOCK_PERCENT = 5.0
"""Between counter and host clock; what repeats do uncounted is left in."""

TOLERANCE_PERCENT = MappingProxyType({True: 25.0, False: 0.5})
"""Of a known block's cycles on silicon, where published latencies of the same kernels lie up to
17 % off (README), and on a virtual board, whose cycles are the same number."""

_REPEATS = 5
_COUNTED_BLOCK: tuple[str, dict[str, Value]] = (
    "conv",
    {"height": 8, "width": 8, "c_in": 128, "c_out": 128, "kernel": 3, "stride": 1, "groups": 1},
)
"""Small tensors, many MACs: filling, emptying caches and checksums take 1 % of its time."""
_PROBE: tuple[str, dict[str, Value]] = (
    "pwconv",
    {"height": 8, "width": 8, "c_in": 16, "c_out": 16, "groups": 1},
)
_KNOWN: tuple[tuple[str, dict[str, Value]], ...] = (
    ("conv", {"height": 12, "width": 12, "c_in": 8, "c_out": 16, "kernel": 3, "stride": 1,
              "groups": 1}),
    ("pwconv", {"height": 16, "width": 16, "c_in": 32, "c_out": 32, "groups": 1}),
    ("dwconv", {"height": 16, "width": 16, "channels": 32, "kernel": 3, "stride": 1}),
    ("fc", {"in_features": 256, "out_features": 64}),
)  # fmt: skip
_USES = {
    "activations": MemoryUse.ACTIVATIONS,
    "weights": MemoryUse.WEIGHTS,
    "scratch": MemoryUse.SCRATCH,
    "staged_weights": MemoryUse.STAGED_WEIGHTS,
}


def _config(kind: str, values: dict[str, Value]) -> BlockConfig:
    config = get_block_type(kind).config(values)
    assert config is not None  # noqa: S101 - the blocks above are in their spaces
    return config


def check_counter(visit: Visit) -> str:
    """The counter counts, alike in each repeat, and on silicon as fast as the clock says."""
    used = visit.placement()
    _check_offers(visit, {used.activations, used.weights, used.scratch})
    with visit.bench(used, _REPEATS) as bench:
        row = _row(bench, _config(*_PROBE))
    spread = 100 * row.spread_cycles / max(row.cycles, 1)
    if not row.cycles or spread > SPREAD_PERCENT:
        raise BoardError(
            f"{_REPEATS} runs of one block took {row.cycles:,} cycles, {spread:.1f} % apart, at "
            f"most {SPREAD_PERCENT:g} % are in order; reset the board and unplug a debugger that "
            "holds the cycle counter."
        )
    repeated = f"{_REPEATS} runs {spread:.2f} % apart"
    return f"{repeated}, {_against_the_wall(visit)}" if visit.is_silicon else repeated


def _against_the_wall(visit: Visit) -> str:
    """One run and many differ by the time of those between, the line's own time falls out."""
    config = _config(*_COUNTED_BLOCK)
    with visit.bench(visit.placement()) as bench:
        single_s, row = _timed(visit, bench, config)
    repeats = 2 + int(visit.times.counted_s * visit.info.clock_hz / row.cycles)
    with visit.bench(visit.placement(), repeats) as bench:
        many_s, row = _timed(visit, bench, config)
    counted_hz = row.cycles * (repeats - 1) / max(many_s - single_s, 1e-9)
    apart = 100 * (counted_hz / visit.info.clock_hz - 1)
    if abs(apart) > CLOCK_PERCENT:
        raise BoardError(
            f"the counter runs at {counted_hz / 1e6:,.0f} MHz by this machine's clock, the board "
            f"says {visit.info.clock_hz / 1e6:g} MHz; check the crystal and the clock set-up of "
            "the image."
        )
    return f"{counted_hz / 1e6:,.0f} MHz by this machine's clock"


def _timed(visit: Visit, bench: Bench, config: BlockConfig) -> tuple[float, Measurement]:
    program = bench.lower(block_graph(config))
    start_s = visit.times.now()
    row = bench.measure(program, block_type=config.block_type, block_key=config.key)
    return visit.times.now() - start_s, row


def check_memories(visit: Visit) -> str:
    """Every memory of the board file is on offer, and computes what the host computes."""
    offered = {memory.name: memory for memory in visit.info.memories}
    expected = _expected(visit)
    _check_offers(visit, {area.name for area in expected})
    for area in expected:
        if "activations" in area.offers:
            with visit.bench(visit.placement(activations=area.name)) as bench:
                _check_right(_row(bench, _config(*_PROBE)), area.name)
    return ", ".join(f"{area.name} {offered[area.name].size_bytes >> 10} KiB" for area in expected)


def _expected(visit: Visit) -> list[MemoryArea]:
    return [area for area in visit.board.memories if area.offers and not area.is_harness]


def _check_offers(visit: Visit, names: set[str]) -> None:
    """Each of these memories is on offer as the board file says."""
    offered = {memory.name: memory for memory in visit.info.memories}
    for area in _expected(visit):
        if area.name in names:
            _check_offer(visit, area, offered.get(area.name))


def _check_offer(visit: Visit, area: MemoryArea, memory: Memory | None) -> None:
    uses = MemoryUse(sum(_USES[use] for use in area.offers))
    if memory and not memory.size_bytes:
        reason = (
            "holds no pool, or its controller is off; write it by 'hwprof firmware load --flash'"
            if "staged_weights" in area.offers
            else "did not answer when the board started; check its supply and solder joints"
        )
        raise ConfigurationError(
            f"the board offers {area.name} for nothing: it {reason}, or pass --board with a file "
            "that leaves the memory out."
        )
    if memory is None or memory.uses & uses != uses:
        raise ConfigurationError(
            f"the board does not offer {area.name} for {', '.join(area.offers)}, as board file "
            f"{visit.board.name} does; load the image of this board, or pass --board with a file "
            "that leaves the memory out."
        )
    if not area.base <= memory.base_address <= area.end - memory.size_bytes:
        raise ConfigurationError(
            f"the board offers {area.name} at {memory.base_address:#010x} with "
            f"{memory.size_bytes:,} bytes, outside the {area.size_bytes:,} bytes at "
            f"{area.base:#010x} of board file {visit.board.name}; load the image of this board."
        )


def _check_right(row: Measurement, memory: str) -> None:
    if row.error:
        raise BoardError(
            f"a block with its activations in {memory} went wrong ({row.error}); check that "
            "memory's set-up (SDRAM: its controller and clock) and its solder joints."
        )


def check_known_blocks(visit: Visit) -> str:
    """Blocks of four kernels take the cycles that the virtual board counts."""
    tolerance = TOLERANCE_PERCENT[visit.is_silicon]
    placement = visit.placement()
    configs = [_config(*known) for known in _KNOWN]
    with visit.bench(placement) as bench:
        rows = [_row(bench, config) for config in configs]
    with visit.modelled(placement) as model:
        modelled = [_row(model, config) for config in configs]
    pairs = list(zip(rows, modelled, strict=True))
    for row, expected in pairs:
        _check_right(row, placement.activations)
        _check_near(row, expected, tolerance)
    worst = max((_apart(*pair) for pair in pairs), key=abs)
    return (
        f"{', '.join(row.block_type for row in rows)} within {tolerance:g} % of those modelled, "
        f"the farthest {worst:+.2f} %"
    )


def _check_near(row: Measurement, expected: Measurement, tolerance: float) -> None:
    apart = _apart(row, expected)
    if abs(apart) > tolerance:
        raise BoardError(
            f"a {row.block_type} block took {row.cycles:,} cycles, {apart:+.1f} % of the "
            f"{expected.cycles:,} modelled ({tolerance:g} % are in order); see that caches and "
            "flash are set up as in the board file, then measure the difference with hwprof "
            "calibrate."
        )


def _apart(row: Measurement, expected: Measurement) -> float:
    return 100 * (row.cycles / expected.cycles - 1)


def _row(bench: Bench, config: BlockConfig) -> Measurement:
    program = bench.lower(block_graph(config))
    return bench.measure(program, block_type=config.block_type, block_key=config.key)
