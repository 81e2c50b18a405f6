"""Instructions are read with their operands in the right roles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.firmware_stub.virtual.core import load_core
from hwprof.firmware_stub.virtual.decode import FLAGS, Decoder

DECODER = Decoder(load_core("cortex_m7"))


def decoded(code, address=0x100):
    """The first operation of some machine code in hexadecimal."""
    return DECODER.block(bytes.fromhex(code), address)[0]


@pytest.mark.parametrize(
    ("code", "reads", "writes"),
    [
        pytest.param("24fa80f3", {"r4": "beside", "r0": "shifted"}, {"r3": "late"}, id="SXTAB16"),
        pytest.param("01f30700", {"r1": "shifted"}, {"r0": "saturated"}, id="SSAT"),
        pytest.param(
            "c2fbc301",
            {"r0": "accumulate", "r1": "accumulate", "r2": "multiply", "r3": "multiply"},
            {"r0": "product", "r1": "product"},
            id="SMLALD",
        ),
        pytest.param(
            "4018", {"r0": "late", "r1": "late"}, {"r0": "late", FLAGS: "late"}, id="ADDS r0, r1"
        ),
        pytest.param("0130", {"r0": "late"}, {"r0": "late", FLAGS: "late"}, id="ADDS r0, #1"),
        pytest.param(
            "51f8040b", {"r1": "address"}, {"r0": "word", "r1": "update"}, id="LDR post-index"
        ),
        pytest.param(
            "51f82200", {"r1": "address", "r2": "index"}, {"r0": "word"}, id="LDR register"
        ),
        pytest.param("c2e90201", {"r0": "store", "r1": "store", "r2": "address"}, {}, id="STRD"),
        pytest.param(
            "0ec8",
            {"r0": "address"},
            {"r0": "update", "r1": "word", "r2": "word", "r3": "word"},
            id="LDM",
        ),
        pytest.param(
            "10b5", {"sp": "address", "r4": "store", "lr": "store"}, {"sp": "update"}, id="PUSH"
        ),
        pytest.param(
            "2de93000",
            {"sp": "address", "r4": "store", "r5": "store"},
            {"sp": "update"},
            id="STMDB",
        ),
        pytest.param(
            "01ebc200", {"r1": "beside", "r2": "shifted"}, {"r0": "late"}, id="ADD shifted"
        ),
        pytest.param("61f3c600", {"r0": "late", "r1": "shifted"}, {"r0": "late"}, id="BFI"),
        pytest.param(
            "90ed001b",
            {"r0": "address"},
            {"s2": "float_load", "s3": "float_load"},
            id="VLDR double",
        ),
        pytest.param("8842", {"r0": "late", "r1": "late"}, {FLAGS: "late"}, id="CMP"),
        pytest.param("10ee100a", {"s0": "shifted"}, {"r0": "late"}, id="VMOV to the core"),
        pytest.param("00ee100a", {"r0": "store"}, {"s0": "float"}, id="VMOV from the core"),
        pytest.param(
            "f1ee10fa", {"fpscr": "late"}, {"apsr_nzcv": "late", FLAGS: "late"}, id="VMRS"
        ),
    ],
)
def test_operands_are_in_their_roles(code, reads, writes):
    """What an instruction reads and writes, and in which role, does not rest on Capstone."""
    operation = decoded(code)

    assert dict(operation.reads) == reads
    assert dict(operation.writes) == writes


@pytest.mark.parametrize(
    ("code", "branch", "target"),
    [
        pytest.param("7047", "indirect", None, id="BX"),
        pytest.param("00f006f8", "direct", 0x110, id="BL"),
        pytest.param("02d0", "conditional", 0x108, id="BEQ"),
        pytest.param("10b1", "conditional", 0x108, id="CBZ"),
        pytest.param("02e0", "direct", 0x108, id="B"),
        pytest.param("dfe800f0", "indirect", None, id="TBB"),
        pytest.param("d1f800f0", "indirect", None, id="LDR pc"),
        pytest.param("10bd", "indirect", None, id="POP pc"),
        pytest.param("f746", "indirect", None, id="MOV pc"),
        pytest.param("8744", "indirect", None, id="ADD pc"),
        pytest.param("4018", "", None, id="ADDS"),
    ],
)
def test_branches_say_where_they_go(code, branch, target):
    """A block's end is direct, conditional, indirect, or no branch."""
    operation = decoded(code)

    assert (operation.branch, operation.target) == (branch, target)


@pytest.mark.parametrize(
    ("code", "needs_shifter"),
    [
        pytest.param("4ff42b40", True, id="MOV #0xab00"),
        pytest.param("01f6bc20", False, id="ADDW #0xabc"),
        pytest.param("81f0ff10", False, id="EOR #0x00ff00ff"),
        pytest.param("4af6c030", False, id="MOVW #0xabc0"),
        pytest.param("0130", False, id="ADDS #1"),
    ],
)
def test_only_shifted_constants_need_the_shifter(code, needs_shifter):
    """Small, replicated and plain constants leave the shifter alone."""
    assert ("shifter" in decoded(code).tags) is needs_shifter


def test_what_cannot_be_decoded_is_unknown():
    """A hole in the encoding space takes its size and the class of unknown instructions."""
    operations = DECODER.block(bytes.fromhex("ffffffff0130"), 0)

    assert [operation.cls.name for operation in operations] == ["unknown", "early_alu"]


def test_instructions_behind_it_are_predicated():
    """A predicated instruction reads the flags."""
    *_, predicated = DECODER.block(bytes.fromhex("b8bf1a46"), 0)  # IT LT; MOVLT r2, r3

    assert (FLAGS, "late") in predicated.reads


@given(st.binary(max_size=64))
def test_any_bytes_are_decoded_without_a_gap(code):
    """Operations follow each other and end with the code or with a cut-off instruction."""
    address = 0
    for operation in DECODER.block(code, 0):
        assert operation.address == address
        address += operation.size_bytes

    assert len(code) - 4 < address <= len(code)


@given(st.binary(max_size=64), st.integers(0, 1 << 20))
def test_code_that_changes_is_decoded_again(code, address):
    """What was decoded at an address before does not stand for other bytes there."""
    DECODER.block(bytes(64), address)

    assert DECODER.block(code, address) == Decoder(load_core("cortex_m7")).block(code, address)
