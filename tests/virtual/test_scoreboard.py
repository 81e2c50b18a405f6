"""Laws of the scoreboard, on random stretches of real instructions."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path

from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from hwprof.firmware_stub.manifest import image_of
from hwprof.firmware_stub.virtual.core import load_core
from hwprof.firmware_stub.virtual.decode import Decoder
from hwprof.firmware_stub.virtual.scoreboard import Scoreboard

CORE = load_core("cortex_m7")
SCOREBOARD = Scoreboard(CORE)
DECODER = Decoder(CORE)
GOLDEN = Path(__file__).parent.parent / "golden"


def _golden_operations():
    for path in sorted(GOLDEN.glob("*.json")):
        code = bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))["code"])
        yield from DECODER.block(code, 0)


OPERATIONS = list(_golden_operations())
stretches = st.lists(st.sampled_from(OPERATIONS), max_size=30)


@given(stretches)
def test_two_at_most_issue_in_a_cycle(stretch):
    """The core has two issue slots."""
    cycles = SCOREBOARD.issue_cycles(stretch)

    assert all(cycles.count(cycle) <= 2 for cycle in cycles)


@given(stretches)
def test_issue_is_in_order(stretch):
    """No operation overtakes another."""
    cycles = SCOREBOARD.issue_cycles(stretch)

    assert cycles == sorted(cycles)


@given(stretches)
def test_a_longer_stretch_is_never_cheaper(stretch):
    """Appending an operation cannot save cycles."""
    costs = [SCOREBOARD.run(stretch[:end]).cycles for end in range(len(stretch) + 1)]

    assert costs == sorted(costs)


@given(stretches)
def test_no_pair_is_forbidden(stretch):
    """What the table forbids never shares a cycle, older before younger."""
    cycles = SCOREBOARD.issue_cycles(stretch)
    for i in range(len(stretch) - 1):
        if cycles[i] == cycles[i + 1]:
            older, younger = stretch[i].tags | {"any"}, stretch[i + 1].tags
            assert not {(a, b) for a in older for b in younger} & CORE.forbidden


@given(stretches, st.data())
def test_a_cut_that_hands_its_state_on_costs_nothing(stretch, data):
    """Two blocks, one falling into the other, take the issue cycles of the uncut stretch."""
    cut = data.draw(st.integers(0, len(stretch)))
    first = SCOREBOARD.run(stretch[:cut])
    second = SCOREBOARD.run(stretch[cut:], first.handed_on(may_pair=True))

    assert first.free_from + second.free_from == SCOREBOARD.run(stretch).free_from


@given(stretches, st.sampled_from(OPERATIONS))
def test_a_taken_branch_starts_a_new_pair(before, target):
    """The first instruction behind a taken branch issues in a cycle of its own."""
    end = SCOREBOARD.run(before)

    assert SCOREBOARD.run([target], end.handed_on(may_pair=False)).cycle >= 0


def test_flags_set_early_make_a_misprediction_cheaper():
    """SUBS in cycle 0 and BNE in cycle 3 cost 6 where the next cycle costs 8."""
    subs, bne = DECODER.block(bytes.fromhex("4038fdd1"), 0)
    chain = DECODER.block(bytes.fromhex("22fb0311") * 4, 4)  # SMLAD r1, r2, r3, r1

    late = SCOREBOARD.run([subs, bne])
    early = SCOREBOARD.run([subs, *chain, bne])

    assert SCOREBOARD.mispredicted_cycles(late) == 8
    assert SCOREBOARD.mispredicted_cycles(early) == 6


def test_the_shipped_firmware_is_known_to_the_tables():
    """Every instruction of the image, executed or not, has a class."""
    operations = [
        operation
        for address, code in _code(image_of("simd").path)
        for operation in DECODER.block(code, address)
    ]

    assert len(operations) > 1000
    assert {o.text for o in operations if o.cls.name == "unknown"} == set()


def _code(path):
    """Address and bytes of each stretch of code, told from data by Arm's mapping symbols."""
    elf = ELFFile(io.BytesIO(path.read_bytes()))
    marks = sorted(
        (symbol["st_value"], symbol["st_shndx"], symbol.name[1])
        for symbol in elf.get_section_by_name(".symtab").iter_symbols()
        if symbol.name[:2] in {"$t", "$d"}
    )
    for section_number, section in enumerate(elf.iter_sections()):
        base, data = section["sh_addr"], section.data()
        inside = [(value, kind) for value, number, kind in marks if number == section_number]
        for (start, kind), (end, _) in pairwise([*inside, (base + len(data), "d")]):
            if kind == "t":
                yield start, data[start - base : end - base]
