"""The late ALU, its shifter and its flags."""

from __future__ import annotations

from golden_kernels import JNK0LE, STAGES, Kernel

KERNELS = (
    Kernel(
        "alu_to_accumulator",
        "a late-ALU result is an addend in the same cycle",
        "eor r3, r4, r5; smlad r0, r1, r2, r3",
        gaps=(0,),
        because="the addend is read after the late ALU",
        source=JNK0LE,
    ),
    Kernel(
        "carry",
        "ADC waits for the carry",
        "adds r0, r0, r1; adc r2, r3, r4",
        gaps=(1,),
        because="flags come from the late ALU even where ADDS runs early",
        source=JNK0LE,
    ),
    Kernel(
        "late_alu_chain",
        "a late-ALU result reaches the next late ALU one cycle on",
        "eor r0, r1, r2; eor r3, r0, r4",
        gaps=(1,),
        because="EOR runs in the late ALU only; late to late is 1",
        source=JNK0LE,
    ),
    Kernel(
        "late_to_beside",
        "the unshifted operand of a shifting instruction is read in the late ALU",
        "eor r4, r1, r2; add r3, r4, r0, lsl #2",
        gaps=(1,),
        because="late to beside is 1",
        source=JNK0LE,
    ),
    Kernel(
        "late_to_factor",
        "a late-ALU result is a factor one cycle on",
        "eor r1, r4, r5; smlad r0, r1, r2, r3",
        gaps=(1,),
        because="factors are read as the late ALU reads: 1",
        source=JNK0LE,
    ),
    Kernel(
        "late_to_store",
        "a store takes a late-ALU result of the same pair",
        "eor r0, r1, r2; str r0, [r5]",
        gaps=(0,),
        because="any result can be stored in the same cycle",
        source=JNK0LE,
    ),
    Kernel(
        "matrix_column",
        "one column of an int8 matrix product",
        (
            "ldr r4, [r0], #4; ldr r5, [r1], #4; sxtb16 r6, r4; sxtb16 r4, r4, ror #8; smlad "
            "r2, r6, r5, r2; smlad r2, r4, r5, r2"
        ),
        gaps=(0, 1, 1, 0, 1),
        tail=1.5,
        because=(
            "loads pair (half a conflict); SXTB16 a cycle later, the second alone as older; "
            "SMLAD beside it has r6 from cycle 1 and r5 two cycles on; the last chains"
        ),
        source=JNK0LE,
    ),
    Kernel(
        "movw_movt",
        "MOVW and MOVT of one register pair",
        "movw r0, #1; movt r0, #2",
        gaps=(0,),
        because="MOVW runs early, MOVT reads in the late ALU: 0",
        source=JNK0LE,
    ),
    Kernel(
        "pair_alu",
        "two ordinary operations without dependence issue together",
        "add r0, r1, r2; sub r3, r4, r5",
        gaps=(0,),
        because="two issue slots, two ALUs",
        source=JNK0LE,
    ),
    Kernel(
        "pattern_constant",
        "a replicated constant needs no shifter",
        "eor r0, r1, #0x1b1b1b1b; add r3, r4, r5, lsl #1",
        gaps=(0,),
        because="operand2 matrix, pattern with inline: +",
        source=JNK0LE,
    ),
    Kernel(
        "rotate_with_carry",
        "RRX waits for the carry",
        "adds r0, r0, r1; rrx r2, r3",
        gaps=(1,),
        because="flags come from the late ALU",
        source=STAGES,
    ),
    Kernel(
        "shift_before_inline_shift",
        "a plain shift and an inline shift do not pair",
        "lsl.w r0, r1, #2; add r3, r4, r5, lsl #1",
        gaps=(1,),
        because="operand2 matrix, shift by constant with inline: -, marked as not certain",
        source=JNK0LE,
    ),
    Kernel(
        "shifted_constant",
        "a shifted constant and an inline shift do not pair",
        "add r0, r1, #0x1fc0; add r3, r4, r5, lsl #1",
        gaps=(1,),
        because="0x1fc0 is an 8-bit value shifted; operand2 matrix: -",
        source=JNK0LE,
    ),
    Kernel(
        "shifted_operand",
        "an inline-shifted operand is read a cycle early",
        "eor r0, r1, r2; add r3, r4, r0, lsl #2",
        gaps=(2,),
        because="late to shifted is 2",
        source=JNK0LE,
    ),
    Kernel(
        "two_inline_shifts",
        "one shifter: two inline shifts do not pair",
        "add r0, r1, r2, lsl #1; add r3, r4, r5, lsl #1",
        gaps=(1,),
        because="operand2 matrix, inline with inline: -",
        source=JNK0LE,
    ),
    Kernel(
        "shift_behind_extraction",
        "a shift beside an extraction goes to the late ALU",
        "ubfx r0, r1, #3, #8; lsl r2, r3, #2; add r4, r5, r2, lsl #1",
        gaps=(0, 2),
        because="the extraction has the early shifter, so LSL is late: 2 to a shifted operand",
        source=JNK0LE,
    ),
    Kernel(
        "shift_beside_alu",
        "a shift beside a plain instruction goes to the early ALU",
        "eor r0, r1, r6; lsl r2, r3, #2; add r4, r5, r2, lsl #1",
        gaps=(0, 1),
        because="early to a shifted operand 1",
        source=JNK0LE,
    ),
)
