"""Every instruction of Armv7E-M with FPv5 that the disassembler knows has a class."""

from __future__ import annotations

import capstone
import pytest
from capstone import arm

from hwprof.firmware_stub.virtual.core import load_core
from hwprof.firmware_stub.virtual.decode import Decoder

CORE = load_core("cortex_m7")
# What Capstone names and a Cortex-M7 does not have (Arm DDI 0403E A7.7, C2.4.1; DDI 0489 1.3).
CRYPTOGRAPHY = """
    aesd aese aesimc aesmc sha1c sha1h sha1m sha1p sha1su0 sha1su1 sha256h sha256h2 sha256su0
    sha256su1 crc32b crc32cb crc32ch crc32cw crc32h crc32w
"""
ARMV8 = """
    blxns bxns sg tt tta ttat ttt lda ldab ldaex ldaexb ldaexd ldaexh ldah stl stlb stlex stlexb
    stlexd stlexh stlh sevl hlt esb tsb dfb setpan vlldm vlstm vins vmovx vjcvt dcps1 dcps2 dcps3
"""
A_AND_R_PROFILE = """
    bxj eret hvc smc ldmda ldmib stmda stmib ldrexd strexd rfeda rfedb rfeia rfeib srsda srsdb
    srsia srsib rsc setend swp swpb subs
"""
ALIASES = "neg"  # Capstone decodes RSB
ADVANCED_SIMD = """
    vaba vabal vabd vabdl vacge vacgt vacle vaclt vaddhn vaddl vaddw vand vbic vbif vbit vbsl vcadd
    vceq vcge vcgt vcle vcls vclt vclz vcmla vcnt vdup veor vext vhadd vhsub vld1 vld2 vld3 vld4
    vmax vmin vmlal vmlsl vmovl vmovn vmull vmvn vorn vorr vpadal vpadd vpaddl vpmax vpmin vqabs
    vqadd vqdmlal vqdmlsl vqdmulh vqdmull vqmovn vqmovun vqneg vqrdmlah vqrdmlsh vqrdmulh vqrshl
    vqrshrn vqrshrun vqshl vqshlu vqshrn vqshrun vqsub vraddhn vrecpe vrecps vrev16 vrev32 vrev64
    vrhadd vrshl vrshr vrshrn vrsqrte vrsqrts vrsra vrsubhn vsdot vshl vshll vshr vshrn vsli vsra
    vsri vst1 vst2 vst3 vst4 vsubhn vsubl vsubw vswp vtbl vtbx vtrn vtst vudot vuzp vzip
"""
FOREIGN = set(f"{CRYPTOGRAPHY} {ARMV8} {A_AND_R_PROFILE} {ALIASES} {ADVANCED_SIMD}".split())


def capstone_names():
    """All mnemonics of the disassembler."""
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS)
    return {decoder.insn_name(number) for number in range(1, arm.ARM_INS_ENDING)}


def test_every_mnemonic_of_the_core_has_a_class():
    """The disassembler names nothing that the core executes and the tables lack."""
    assert capstone_names() - set(CORE.classes) == FOREIGN


def test_the_tables_name_only_what_can_be_decoded():
    """A class lists no mnemonic that the disassembler never gives."""
    plain = {name.partition(".")[0] for name in CORE.classes}

    assert plain <= capstone_names()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        pytest.param("b0ee600a", "float_move", id="VMOV single"),
        pytest.param("b0ee410b", "float_move", id="VMOV double"),
        pytest.param("b7ee000a", "float_constant", id="VMOV constant"),
        pytest.param("10ee100a", "float_to_core", id="VMOV to the core"),
        pytest.param("30ee100b", "float_to_core", id="VMOV half of a double to the core"),
        pytest.param("00ee100a", "float_from_core", id="VMOV from the core"),
        pytest.param("00ee100b", "float_from_core", id="VMOV from the core to half of a double"),
        pytest.param("51ec100b", "float_to_core_pair", id="VMOV double to the core"),
        pytest.param("51ec100a", "float_to_core_pair", id="VMOV two singles to the core"),
        pytest.param("41ec100b", "float_from_core_pair", id="VMOV double from the core"),
        pytest.param("41ec100a", "float_from_core_two", id="VMOV two singles from the core"),
        pytest.param("b8eee00b", "double_alu", id="VCVT to double"),
        pytest.param("b7eec10b", "double_alu", id="VCVT from double"),
        pytest.param("baeecc0a", "float_alu", id="VCVT fixed point"),
        pytest.param("b1eec10b", "double_divide", id="VSQRT double"),
        pytest.param("90ed000b", "double_load", id="VLDR double"),
        pytest.param("90ed000a", "float_load", id="VLDR single"),
        pytest.param("aff30080", "no_operation", id="NOP wide"),
        pytest.param("aff3f180", "system", id="DBG"),
        pytest.param("fede", "system", id="UDF"),
    ],
)
def test_variants_of_a_mnemonic_are_told_apart(code, name):
    """Precision, direction and hint decide the class where the mnemonic does not."""
    (operation,) = Decoder(CORE).block(bytes.fromhex(code), 0)

    assert operation.cls.name == name
