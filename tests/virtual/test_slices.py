"""Address slices against the processor itself: the same registers and the same accesses."""

import json
import struct
from pathlib import Path

import capstone
import numpy as np
import pytest
import unicorn
from hypothesis import example, given
from hypothesis import strategies as st
from unicorn import arm_const, unicorn_const

from hwprof.errors import BoardError
from hwprof.firmware_stub.virtual import evaluate, microops
from hwprof.firmware_stub.virtual.counting import FIRST_ROW, ROW_WORDS, STATE_WORDS, BlockCounter
from hwprof.firmware_stub.virtual.instructions import micro_ops
from hwprof.firmware_stub.virtual.microops import Code
from hwprof.firmware_stub.virtual.slices import Slicer
from hwprof.firmware_stub.virtual.streams import SliceLibrary, Streams, encoded

SNIPPETS = json.loads(Path(__file__).with_name("snippets.json").read_text(encoding="utf-8"))
CODE, DATA, DATA_BYTES = 0x1000, 0x2000_0000, 0x4000
MIDDLE = DATA + DATA_BYTES // 2
REGISTERS = [arm_const.UC_ARM_REG_R0 + number for number in range(13)]
REGISTERS += [arm_const.UC_ARM_REG_SP, arm_const.UC_ARM_REG_LR, arm_const.UC_ARM_REG_APSR]
FLAG_BITS = {microops.N: 31, microops.Z: 30, microops.C: 29, microops.V: 28}

words = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, 2**32 - 1])


class Processor:
    """Unicorn with one snippet, hooked on every access."""

    def __init__(self, code, values, memory) -> None:
        self.accesses = []
        self.engine = unicorn.Uc(unicorn_const.UC_ARCH_ARM, unicorn_const.UC_MODE_THUMB)
        self.engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M7)
        self.engine.mem_map(CODE, 0x1000)
        self.engine.mem_map(DATA, DATA_BYTES)
        self.engine.mem_write(CODE, code)
        self.engine.mem_write(DATA, memory.tobytes())
        self.engine.hook_add(
            unicorn_const.UC_HOOK_MEM_READ | unicorn_const.UC_HOOK_MEM_WRITE, self._note
        )
        self.engine.reg_write(arm_const.UC_ARM_REG_FPEXC, 1 << 30)
        for register, value in zip(REGISTERS, values, strict=True):
            self.engine.reg_write(register, value)

    def _note(self, _engine, kind, address, size, _value, _data):
        store = kind == unicorn_const.UC_MEM_WRITE
        # A double is one access of Unicorn's; the pipeline and we see two words.
        for offset in range(0, size, 4):
            self.accesses.append((address + offset, min(size, 4), store))

    def registers(self):
        """r0 to r12, sp, lr, APSR."""
        return [self.engine.reg_read(register) for register in REGISTERS]


def fresh_state(values, memory):
    """Slots and one memory area as the hook would find them."""
    state = np.zeros(evaluate.STATE_WORDS, dtype=np.int64)
    state[: len(values) - 1] = values[:-1]
    state[microops.PACKED_FLAGS] = values[-1]
    state[evaluate.AREAS] = 1
    state[evaluate.AREA : evaluate.AREA + 3] = DATA, DATA + DATA_BYTES, memory.ctypes.data
    return state


def run(state, operations):
    """Evaluate operations; the accesses that they log."""
    program = encoded(tuple(operations), ticks=0)
    state[evaluate.PROGRAMS : evaluate.PROGRAMS + len(program)] = program
    evaluate.evaluate(state, evaluate.PROGRAMS)
    log = state[evaluate.LOG : evaluate.LOG + state[evaluate.LOGGED]].tolist()
    return [(word & evaluate.WORD, word >> 32 & 0xFF, bool(word >> 40 & 1)) for word in log]


def disassembled(code):
    """Every instruction of a snippet."""
    engine = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    engine.detail = True
    return list(engine.disasm(code, CODE))


def start_values(drawn):
    """Registers of which r8, r10 and sp point into memory and r9 is small."""
    values = [*drawn[:13], MIDDLE, drawn[13] | 1, drawn[14] & 0xF000_0000]
    values[8], values[9], values[10] = MIDDLE + drawn[8] % 64 * 4, drawn[9] % 32, MIDDLE
    return values


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda s: "; ".join(s["assembly"]))
@given(drawn=st.lists(words, min_size=15, max_size=15), seed=st.integers(0, 2**32 - 1))
@example(drawn=[0] * 15, seed=0)
def test_a_snippet_does_what_the_processor_does(snippet, drawn, seed):
    """Registers that are followed, flags and accesses are those of Unicorn."""
    code, values = bytes.fromhex(snippet["code"]), start_values(drawn)
    memory = np.random.default_rng(seed).integers(0, 256, DATA_BYTES, dtype=np.uint8)
    processor = Processor(code, values, memory)
    instructions = disassembled(code)
    lowered = [op for n, insn in enumerate(instructions) for op in micro_ops(insn, n)]
    opaque = {slot for op in lowered if op.code is Code.OPAQUE for slot in op.results}
    sliced = Slicer().slice(code, CODE)
    state = fresh_state(values, memory)
    everything = [microops.MicroOp(Code.UNPACK, position=-1), *lowered]

    followed = run(state, [op for op in everything if op.code is not Code.OPAQUE])
    streamed = run(fresh_state(values, memory), sliced.operations)
    processor.engine.emu_start(CODE | 1, CODE + len(code))

    assert followed == streamed == processor.accesses
    assert sliced.lost == ()
    after = processor.registers()
    for slot in set(range(15)) - opaque:
        assert state[slot] == after[slot], f"slot {slot}"
    for slot, bit in FLAG_BITS.items():
        assert slot in opaque or state[slot] == after[-1] >> bit & 1, f"flag {slot}"


@pytest.mark.parametrize(
    "assembly", [["ssat r1, #5, r2", "ldr r3, [r8]"], ["smlad r1, r2, r3, r4", "str r1, [r8]"]]
)
def test_data_that_no_address_needs_is_dropped(assembly):
    """One access and one register are left."""
    snippet = next(s for s in SNIPPETS if s["assembly"] == assembly)
    sliced = Slicer().slice(bytes.fromhex(snippet["code"]), CODE)
    assert [op.code in microops.ACCESSES for op in sliced.operations] == [True]
    assert sliced.entry == (8,)


@pytest.mark.parametrize(
    "halfwords",
    [
        pytest.param([0xF302, 0x0104], id="ssat r1, #5, r2"),
        pytest.param([0xEB02, 0x0133], id="add r1, r2, r3, rrx"),
    ],
)
def test_an_address_that_is_not_followed_is_named(halfwords):
    """LDR r3, [r1] behind it: the load is lost, and said to be."""
    sliced = Slicer().slice(struct.pack("<3H", *halfwords, 0x680B), CODE)
    assert sliced.lost == ("ldr r3, [r1]",)
    assert sliced.accesses == 0


def test_a_store_exclusive_is_a_store_of_unknown_success():
    """STREX r2, r1, [r8]; LDR r3, [r10, r2]: Unicorn would have the store read first."""
    sliced = Slicer().slice(struct.pack("<4H", 0xE848, 0x1200, 0xF85A, 0x3002), CODE)
    state = fresh_state(start_values([0] * 15), np.zeros(DATA_BYTES, dtype=np.uint8))
    assert run(state, sliced.operations) == [(MIDDLE, 4, True)]
    assert sliced.lost == ("ldr.w r3, [sl, r2]",)


def test_a_stored_value_that_is_not_followed_is_noticed():
    """VSTR s0, [r8]; LDR r1, [r8]; LDR r2, [r1]: the pointer came out of a float register."""
    code = struct.pack("<4H", 0xED88, 0x0A00, 0xF8D8, 0x1000) + struct.pack("<H", 0x680A)
    memory = np.zeros(DATA_BYTES, dtype=np.uint8)
    state = fresh_state(start_values([0] * 15), memory)
    sliced = Slicer().slice(code, CODE)
    run(state, sliced.operations)
    assert sliced.lost == ()
    assert state[evaluate.UNSEEN] == 4


def test_a_condition_reaches_across_blocks():
    """CMP, ITE EQ | LDREQ, LDRNE: cut by a page border, each load still has its condition."""
    head, code = struct.pack("<2H", 0x4288, 0xBF0C), struct.pack("<2H", 0x6813, 0x6814)
    before = Slicer().slice(head, CODE - len(head)).open_condition
    apart, together = Slicer().slice(code, CODE), Slicer().slice(code, CODE, before)
    assert apart.entry == (2,)
    assert together.entry == (2, microops.PACKED_FLAGS)
    state = fresh_state(start_values([0] * 15), np.zeros(DATA_BYTES, dtype=np.uint8))
    assert run(state, together.operations) == [(0, 4, False)]
    unrelated = struct.pack("<3H", 0xBF08, 0x6813, 0x4288)
    assert Slicer().slice(unrelated, CODE).open_condition == b""


@pytest.mark.parametrize("instruction", [0xE8B0_1FFE, 0xE8A0_1FFE], ids=["loads", "stores"])
def test_a_block_of_more_accesses_than_the_log_holds_is_refused(instruction):
    """LDMIA or STMIA r0!, {r1-r12}, 171 times: the hook writes where it may, or not at all."""
    code = struct.pack("<2H", instruction >> 16, instruction & 0xFFFF)
    streams = Streams(BlockCounter(stop_function=0), SliceLibrary())

    streams.install(FIRST_ROW, 170 * code, CODE, 0)
    with pytest.raises(BoardError, match="at most 2,048 loads and stores; the one at 0x00001000"):
        streams.install(FIRST_ROW, 171 * code, CODE, 0)


def test_more_slices_than_there_is_room_for_are_refused():
    """The same 2,048 stores as block after block: a slice is written where it fits, or not."""
    code = struct.pack("<2H", 0xE8A0, 0x1FFE)
    streams = Streams(BlockCounter(stop_function=0), SliceLibrary())
    rows = iter(range(FIRST_ROW, STATE_WORDS, ROW_WORDS))

    def install_all():
        for row in rows:
            streams.install(row, 170 * code, CODE, 0)

    with pytest.raises(BoardError, match="at most 262,144 operations; split the run"):
        install_all()
    assert next(rows) > FIRST_ROW + ROW_WORDS


def test_a_predicated_instruction_keeps_its_temporaries_to_itself():
    """IT LT; ADDLT r3, #1; LDR r1, [r3]: the constant 1 is no register of the processor."""
    sliced = Slicer().slice(struct.pack("<3H", 0xBFB8, 0x3301, 0x6819), CODE)
    assert sliced.entry == (3, microops.PACKED_FLAGS)


def test_peripherals_read_as_zero():
    """A slice never reads a register of a peripheral, which could change it."""
    state = fresh_state(start_values([0] * 15), np.zeros(DATA_BYTES, dtype=np.uint8))
    assert evaluate.load(state, 0x4000_0000, 4) == 0
