"""Object files and archives become a program in a board's memories."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import capstone
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError, HwprofError, UnknownNameError
from hwprof.firmware_stub.virtual import elf, object_files
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.linking import link, load_program
from hwprof.firmware_stub.virtual.modes import load_timing
from hwprof.firmware_stub.virtual.object_files import archive_members, gather
from hwprof.firmware_stub.virtual.program_parts import Part, parse_placement
from hwprof.firmware_stub.virtual.relocation import LINK, Move
from tests.virtual.elf_kit import Elf, ObjectFile, Section, archive

BOARD = load_board("rt1170")
CODE, DATA, RODATA = 6, 3, 2  # flags: ALLOC | EXECINSTR, ALLOC | WRITE, ALLOC
NOBITS = 8
GLOBAL_FUNCTION, GLOBAL_OBJECT, GLOBAL_UNKNOWN, WEAK_FUNCTION = 0x12, 0x11, 0x10, 0x22
LOCAL_FUNCTION, LOCAL_SECTION = 0x02, 0x03
ABS32, REL32, CALL, JUMP24, MOVW, MOVT, MOVW_REL, MOVT_REL, JUMP19, JUMP11 = (
    2, 3, 10, 30, 47, 48, 49, 50, 51, 102,
)  # fmt: skip
BX_LR = b"\x70\x47"
BRANCH = bytes.fromhex("fff7febf")  # b.w with the addend -4
CALL_AND_RETURN = bytes.fromhex("10b5fff7feff10bd")  # push {r4, lr}; bl; pop {r4, pc}
LOAD_VARIABLE = bytes.fromhex("014800687047000000000000")  # ldr r0, =variable; ldr


def function(name, code, *relocations: tuple[int, int, str], also=()):
    """An object with one function, which refers to other names."""
    kit = ObjectFile([Section(".text", code, CODE, relocations=list(relocations))])
    kit.symbols = [(name, 1, len(code), GLOBAL_FUNCTION, ".text")]
    kit.symbols += [(other, 0, 0, GLOBAL_UNKNOWN, 0) for other in also]
    return kit


def seven(name="seven"):
    """An object with a function that returns 7."""
    return function(name, bytes.fromhex("0720") + BX_LR)


def caller():
    """An object with a function that calls another one."""
    return function("caller", CALL_AND_RETURN, (2, CALL, "seven"), also=["seven"])


def files(*objects: ObjectFile | bytes):
    """Names and bytes of object files, or of bytes as they are."""
    return [
        (f"{letter}.o", item if isinstance(item, bytes) else item.write())
        for letter, item in zip("abcdef", objects, strict=False)
    ]


def result(image, name, *arguments: int):
    """What a function of a linked image returns in r0."""
    board = VirtualBoard(BOARD, image, load_timing("pipeline", "cortex_m7"))
    return board.call(name, *arguments).r0


class TestPrograms:
    """What a link makes."""

    def test_calls_reach_other_objects(self):
        """Whichever comes first."""
        assert result(link(files(caller(), seven()), BOARD, {}), "caller") == 7
        assert result(link(files(seven(), caller()), BOARD, {}), "caller") == 7

    def test_parts_lie_where_they_are_placed(self):
        """A memory's first bytes, or an address; address 0 stays free."""
        kit = seven()
        kit.sections += [
            Section(".rodata", b"ro", RODATA),
            Section(".data", b"rw", DATA, alignment=64),
            Section(".bss", b"", DATA, kind=NOBITS, size=100),
        ]
        placement = parse_placement(["rodata=0x20240040", "bss=sdram"])

        image = link(files(kit), BOARD, placement)

        assert [(s.address, s.data, s.memory_bytes) for s in image.segments] == [
            (0x400, bytes.fromhex("0720") + BX_LR, 0),
            (0x2024_0040, b"ro", 0),
            (0x2000_0000, b"rw", 0),
            (0x8000_0000, b"", 100),
        ]

    def test_common_symbols_get_memory(self):
        """C's tentative definitions: size and alignment are in the symbol."""
        kit = function("load", LOAD_VARIABLE, (8, ABS32, "variable"))
        kit.symbols.append(("variable", 64, 4, GLOBAL_OBJECT, elf.COMMON))
        image = link(files(kit), BOARD, {})

        assert image.by_name["variable"].address == 0x2000_0000
        assert result(image, "load") == 0

    def test_a_definition_replaces_weak_and_common_ones(self):
        """In either order."""
        weak = seven()
        weak.symbols = [("seven", 1, 4, WEAK_FUNCTION, ".text")]
        strong = function("seven", bytes.fromhex("0920") + BX_LR)

        for order in ((weak, strong), (strong, weak)):
            assert result(link(files(caller(), *order), BOARD, {}), "caller") == 9

    def test_a_weak_reference_may_be_to_nothing(self):
        """A call of it goes on behind itself, its address is zero."""
        kit = function("caller", CALL_AND_RETURN, (2, CALL, "maybe"))
        kit.symbols.append(("maybe", 0, 0, 0x20, 0))
        pointer = function("load", LOAD_VARIABLE, (8, ABS32, "maybe"))
        pointer.symbols.append(("maybe", 0, 0, 0x20, 0))

        assert result(link(files(kit), BOARD, {}), "caller", 5) == 5
        assert link(files(pointer), BOARD, {}).segments[0].data[8:] == bytes(4)

    def test_local_names_stay_apart(self):
        """Two objects may have a static function of one name; each calls its own."""
        objects = []
        for name, value in (("first", 3), ("second", 4)):
            kit = function(name, CALL_AND_RETURN, (2, CALL, "same"))
            kit.sections.append(Section(".text.same", bytes([value, 0x20]) + BX_LR, CODE))
            kit.symbols.insert(0, ("same", 1, 4, LOCAL_FUNCTION, ".text.same"))
            objects.append(kit)
        image = link(files(*objects), BOARD, {})

        assert (result(image, "first"), result(image, "second")) == (3, 4)

    def test_absolute_symbols_are_values(self):
        """They do not move."""
        kit = function("load", LOAD_VARIABLE, (8, ABS32, "register"))
        kit.symbols.append(("register", 0x40CC_0000, 0, GLOBAL_UNKNOWN, elf.ABSOLUTE))

        assert link(files(kit), BOARD, {}).segments[0].data[8:] == struct.pack("<I", 0x40CC_0000)

    def test_tables_for_unwinding_are_left_out(self):
        """They refer to a run-time library that nothing needs."""
        kit = seven()
        kit.sections.append(
            Section(".ARM.exidx", bytes(8), RODATA, kind=0x7000_0001, relocations=[(0, 0, "x")])
        )
        kit.symbols.append(("x", 0, 0, 0x20, 0))

        assert len(link(files(kit), BOARD, {}).segments) == 1

    @pytest.mark.parametrize(
        ("attributes", "abi"),
        [
            (b"\x05name\0\x20\1x\0\x1c\1", "hard"),
            (b"\x1c\0", "soft"),
            (b"\x06\x0d", "soft"),
            (b"\x05name", "soft"),
            (b"\xff\xff", "soft"),
        ],
    )
    def test_attributes_say_how_floats_are_passed(self, attributes, abi):
        """Tag_ABI_VFP_args, behind strings and numbers, or damaged."""
        kit = seven()
        content = b"A" + bytes(4) + b"aeabi\0\1" + bytes(4) + attributes
        kit.sections.append(Section(".ARM.attributes", content, 0, kind=0x7000_0003))

        assert link(files(kit), BOARD, {}).float_abi == abi

    def test_attributes_of_another_vendor_say_nothing(self):
        """Nor do those of another scope."""
        for content in (b"B", b"A" + bytes(4) + b"aeabi\0\2\0\0\0\0\x1c\1"):
            kit = seven()
            kit.sections.append(Section(".ARM.attributes", content, 0, kind=0x7000_0003))

            assert link(files(kit), BOARD, {}).float_abi == "soft"


class TestArchives:
    """Members come in as they are needed."""

    def test_only_what_is_needed_is_taken(self):
        """Members that need members, nothing else."""
        library = archive(
            ("unused.o", seven("unused").write()),
            ("caller.o", caller().write()),
            ("a_name_longer_than_fifteen.o", seven().write()),
            ("notes.txt", b"no object"),
        )

        program = gather([("lib.a", library)], ["caller"])

        assert [found.name for found in program.objects] == [
            "lib.a(caller.o)",
            "lib.a(a_name_longer_than_fifteen.o)",
        ]

    def test_an_object_comes_before_a_member(self):
        """What is defined already is not taken from an archive."""
        own = function("seven", bytes.fromhex("0920") + BX_LR)
        library = archive(("seven.o", seven().write()))

        assert result(link(files(caller(), own, library), BOARD, {}), "caller") == 9

    @pytest.mark.parametrize(
        "damage", [b"short", b"x" * 60, archive(("a.o", bytes(9)))[8:-4]], ids=["1", "2", "3"]
    )
    def test_a_damaged_one_is_refused(self, damage):
        """With the place."""
        with pytest.raises(ConfigurationError, match=r"lib\.a is damaged at byte 8"):
            list(archive_members(b"!<arch>\n" + damage, "lib.a"))

    def test_absurdly_many_members_are_refused(self, monkeypatch):
        """Before they fill the memory."""
        monkeypatch.setattr(object_files, "MAX_MEMBERS", 2)

        with pytest.raises(ConfigurationError, match="at most 2 members"):
            list(archive_members(archive(*[(f"{n}", b"") for n in range(3)]), "lib.a"))


class TestRefusals:
    """What cannot be linked."""

    def test_of_what_is_not_defined(self):
        """All names at once, and how to add them."""
        kit = function("f", BX_LR, also=["expf", "memcpy"])

        with pytest.raises(ConfigurationError, match=r"a\.o lacks expf, memcpy; add .*--with"):
            link(files(kit), BOARD, {})

    def test_of_very_much_that_is_not_defined(self):
        """The first names, and how many more."""
        kit = function("f", BX_LR, also=[f"n{number}" for number in range(25)])

        with pytest.raises(ConfigurationError, match="n19 and 5 more; add"):
            link(files(kit), BOARD, {})

    def test_of_what_is_defined_twice(self):
        """Both owners are named."""
        with pytest.raises(ConfigurationError, match=r"'seven' is in a\.o and in b\.o; leave one"):
            link(files(seven(), seven()), BOARD, {})

    def test_of_executables(self, tmp_path):
        """They are linked."""
        with pytest.raises(ConfigurationError, match=r"b\.o is linked already"):
            link(files(seven(), Elf().with_code(0, 0x4770).write()), BOARD, {})

    def test_of_parts_that_do_not_fit(self):
        """What, how large, and what is left."""
        kit = seven()
        kit.sections.append(Section(".bss", b"", DATA, kind=NOBITS, size=0xFFFF_FFF0))

        with pytest.raises(
            ConfigurationError,
            match=r"the bss of a program must fit its memory; \.bss of a\.o has 4,294,967,280 "
            r"bytes and dtcm of rt1170 has 262,144 left from 0x20000000; place it elsewhere",
        ):
            link(files(kit), BOARD, {})

    def test_of_places_where_nothing_is(self):
        """An address outside every memory."""
        with pytest.raises(ConfigurationError, match="no memory of rt1170 has 0 left"):
            link(files(seven()), BOARD, {Part.CODE: "0x10000000"})

    def test_of_memories_that_are_not_there(self):
        """The nearest is suggested."""
        with pytest.raises(UnknownNameError, match="did you mean itcm"):
            link(files(seven()), BOARD, {Part.CODE: "itc"})

    def test_of_parts_that_overlap(self):
        """Addresses may run into each other."""
        kit = seven()
        kit.sections.append(Section(".rodata", bytes(8), RODATA))

        with pytest.raises(ConfigurationError, match="code reaches 0x00000404 and rodata starts"):
            link(files(kit), BOARD, {Part.RODATA: "0x400"})

    @pytest.mark.parametrize("text", ["code", "code=", "text=itcm", "=itcm"])
    def test_of_placements_that_are_none(self, text):
        """The grammar, and what broke it."""
        with pytest.raises(ConfigurationError, match=r"placed as code\|rodata\|data\|bss=MEMORY"):
            parse_placement([text])

    def test_of_a_part_placed_twice(self):
        """Each once."""
        with pytest.raises(ConfigurationError, match="each once; got 'code=dtcm'"):
            parse_placement(["code=itcm", "code=dtcm"])

    @pytest.mark.parametrize(
        ("relocation", "sentence"),
        [
            ((0, 26, "g"), "has type 26; build it without position independence"),
            ((4, ABS32, "g"), r"\.text\+0x4 of a\.o with symbol 2 does not"),
            ((0xFFFF_FFFF, ABS32, "g"), r"\.text\+0xffffffff of a\.o with symbol 2 does not"),
        ],
    )
    def test_of_relocations(self, relocation, sentence):
        """Types that need a global offset table, places outside."""
        kit = function("f", bytes(6), relocation)
        kit.symbols.append(("g", 1, 2, GLOBAL_FUNCTION, ".text"))

        with pytest.raises(ConfigurationError, match=sentence):
            link(files(kit), BOARD, {})

    def test_of_references_to_what_is_not_loaded(self):
        """A symbol of a section that no program has."""
        kit = function("f", bytes(4), (0, ABS32, "note"))
        kit.sections.append(Section(".comment", b"gcc", 0))
        kit.symbols.append(("note", 0, 0, GLOBAL_OBJECT, ".comment"))

        with pytest.raises(ConfigurationError, match="refers to 'note', which is in no loaded"):
            link(files(kit), BOARD, {})

    def test_of_branches_that_do_not_reach(self):
        """ITCM to SDRAM is further than a branch goes."""
        with pytest.raises(ConfigurationError, match=r"a branch reaches 16,777,216 bytes; "):
            apply(CALL, CALL_AND_RETURN[2:6], target=0x8000_0001, place=0x400)

    def test_of_files_for_an_executable(self, tmp_path):
        """Neither further files nor places go with one."""
        program, other = tmp_path / "a.elf", tmp_path / "b.o"
        program.write_bytes(Elf().with_code(0x1000, 0x4770).write())
        other.write_bytes(seven().write())

        assert load_program([program], BOARD, {}).by_name["f"].address == 0x1000
        for paths, placement in (([program, other], {}), ([program], {Part.CODE: "itcm"})):
            with pytest.raises(ConfigurationError, match=r"a\.elf takes no further files"):
                load_program(paths, BOARD, placement)


def apply(kind, code, *, target, place):
    """Code behind one relocation."""
    content = bytearray(code)
    LINK[kind](Move("x", content, 0, target, place, 1))
    return bytes(content)


def branch_target(code, place):
    """Where a branch goes, as Capstone reads it."""
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    (instruction,) = decoder.disasm(code, place)
    return int(instruction.op_str.lstrip("#"), 0)


PLACES = st.integers(0x1000, 0x3000).map(lambda halfwords: 0x2000_0000 + 2 * halfwords)


def reach(range_bytes):
    """Halfwords from a branch to the furthest targets it has; it counts from 4 bytes behind."""
    return st.integers(-range_bytes // 2 + 2, range_bytes // 2 + 1)


class TestRelocations:
    """Each type, as Arm IHI 0044 defines it."""

    @given(PLACES, reach(1 << 24))
    def test_branches_reach_their_target(self, place, halfwords):
        """BL and B.W: S + A - P, the Thumb bit left out."""
        target = place + 2 * halfwords
        for kind, code in ((CALL, CALL_AND_RETURN[2:6]), (JUMP24, BRANCH)):
            assert branch_target(apply(kind, code, target=target | 1, place=place), place) == target

    @given(PLACES, reach(1 << 20))
    def test_conditional_branches_reach_their_target(self, place, halfwords):
        """B<c>.W, 21 bits."""
        beq = bytes.fromhex("3ff4feaf")  # beq.w with the addend -4
        target = place + 2 * halfwords

        moved = apply(JUMP19, beq, target=target | 1, place=place)

        assert branch_target(moved, place) == target

    @given(PLACES, reach(1 << 11))
    def test_short_branches_reach_their_target(self, place, halfwords):
        """B in 16 bits."""
        target = place + 2 * halfwords

        moved = apply(JUMP11, bytes.fromhex("fee7"), target=target | 1, place=place)

        assert branch_target(moved, place) == target

    @given(PLACES, st.integers(0, 0xFFFF_FFFF), st.integers(-(1 << 15), (1 << 15) - 1))
    def test_wide_moves_make_the_address(self, place, target, addend):
        """MOVW and MOVT together hold S + A, or S + A - P; both hold the same addend."""
        for kinds, origin in (((MOVW, MOVT), 0), ((MOVW_REL, MOVT_REL), place)):
            low, high = (
                immediate(apply(kind, wide_move(addend), target=target, place=place))
                for kind in kinds
            )
            assert high << 16 | low == (target + addend - origin) % 2**32

    @given(PLACES, st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF))
    def test_words_hold_addresses_and_distances(self, place, target, addend):
        """S + A, S + A - P."""
        data = struct.pack("<I", addend)
        absolute, relative = (
            struct.unpack("<I", apply(kind, data, target=target, place=place))[0]
            for kind in (ABS32, REL32)
        )

        assert absolute == (target + addend) % 2**32
        assert relative == (target + addend - place) % 2**32


def wide_move(addend):
    """MOVW r0 with an addend (Arm DDI 0403E A7.7.76)."""
    value = addend & 0xFFFF
    first = 0xF240 | value >> 12 | (value >> 11 & 1) << 10
    return struct.pack("<2H", first, (value >> 8 & 7) << 12 | value & 0xFF)


def immediate(code):
    """The 16 bits of such a move."""
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    (instruction,) = decoder.disasm(code, 0)
    return int(instruction.op_str.rpartition("#")[2], 0)


WHOLE = caller().write()
WORDS = st.one_of(st.integers(0, 0xFFFF_FFFF), st.sampled_from([0, 1, 2, 0xFFFF, 0x7FFF_FFFF]))


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 4), WORDS), min_size=1, max_size=6))
def test_a_damaged_object_is_linked_or_refused(changes):
    """Nothing but errors of ours comes out, whatever the numbers are."""
    data = bytearray(WHOLE)
    for offset, value in changes:
        data[offset : offset + 4] = value.to_bytes(4, "little")
    try:
        link([("x.o", bytes(data)), ("y.o", seven().write())], BOARD, {})
    except HwprofError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


C_SOURCE = """
int counter; int table[4] = {1, 2, 3, 4}; const int weights[64] = {5, 6, 7, 8};
int helper(int x) { return 3 * x + counter; }
__attribute__((noinline)) static int twice(int x) { return 2 * x + table[x & 3]; }
int (*pointer)(int) = twice;
int sum(int n)
{
    int s = 0;
    for (int i = 0; i < n; i++) s += pointer(i) + helper(i) + weights[i & 63];
    counter += s;
    return s;
}
int tail(int x) { return x > 3 ? helper(x) : twice(x); }
"""
LINKER = (
    "arm-none-eabi-ld", "--no-warn-rwx-segments", "--section-start=.text=0x1000",
    "--section-start=.rodata=0x20240000", "--section-start=.data=0x20000000",
    "--section-start=.bss=0x20010000", "-esum",
)  # fmt: skip
PLACES_OF_LINKER = ["code=0x1000", "rodata=0x20240000", "data=0x20000000", "bss=0x20010000"]


@pytest.mark.cross_compiler
@pytest.mark.parametrize(
    "flags",
    ["-O2", "-Os -mlong-calls", "-O2 -mslow-flash-data", "-O0", "-O2 -fno-section-anchors"],
)
def test_links_as_the_linker_does(tmp_path, flags):
    """Byte by byte what GNU ld makes of the same object at the same addresses."""
    (tmp_path / "a.c").write_text(C_SOURCE)
    compiler = ["arm-none-eabi-gcc", "-c", "-mcpu=cortex-m7", "-mthumb", *flags.split(), "a.c"]
    subprocess.run(compiler, cwd=tmp_path, check=True)
    subprocess.run([*LINKER, "a.o", "-o", "a.elf"], cwd=tmp_path, check=True)

    image = load_program([tmp_path / "a.o"], BOARD, parse_placement(PLACES_OF_LINKER))

    with (tmp_path / "a.elf").open("rb") as file:
        theirs = {s["sh_addr"]: s.data() for s in ELFFile(file).iter_sections() if s["sh_addr"]}
    ours = {s.address: s.data for s in image.segments if s.data}
    assert set(ours) == {0x1000, 0x2000_0000, 0x2024_0000}
    assert {address: theirs[address] for address in ours} == ours
    twice, helper = sum(2 * i + i % 4 + 1 for i in range(10)), sum(3 * i for i in range(10))
    assert result(image, "sum", 10) == twice + helper + sum((5, 6, 7, 8))


@pytest.mark.cross_compiler
def test_links_the_mathematical_library(tmp_path):
    """Newlib's expf and what it needs come out of their archives."""
    (tmp_path / "a.c").write_text(
        "#include <math.h>\nfloat sigmoid(float x) { return 1 / (1 + expf(-x)); }\n"
    )
    flags = ["-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"]
    compiler = ["arm-none-eabi-gcc", *flags]
    subprocess.run([*compiler, "-O2", "-c", "a.c"], cwd=tmp_path, check=True)
    libraries = [
        subprocess.run(
            [*compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libm.a", "libc.a")
    ]

    image = load_program([tmp_path / "a.o", *map(Path, libraries)], BOARD, {})

    board = VirtualBoard(BOARD, image, load_timing("exact", "cortex_m7"))
    assert board.call("sigmoid", 0.5).s0 == pytest.approx(0.62245935, rel=1e-6)
