"""Stores and the store buffer."""

from __future__ import annotations

from golden_kernels import JNK0LE, Kernel

KERNELS = (
    Kernel(
        "byte_store_run",
        "byte stores clog the store buffer",
        "strb r0, [r5]; strb r1, [r5, #1]; strb r2, [r5, #2]; strb r3, [r5, #3]; strb r4, [r5, #4]",
        gaps=(1, 1, 1, 1),
        tail=8,
        because="5 stores at 2.4 cycles outlast the 5 issue cycles",
        source=JNK0LE,
    ),
    Kernel(
        "push_alone",
        "PUSH of two registers pairs with nothing",
        "eor r5, r6, r7; push {r4, lr}; eor r8, r6, r7",
        gaps=(1, 1),
        because="alone, ceil(2 / 2) = 1 cycle",
        source=JNK0LE,
    ),
    Kernel(
        "push_five",
        "PUSH of five registers takes three cycles",
        "push {r4, r5, r6, r7, lr}; eor r0, r0, r1",
        gaps=(3,),
        because="ceil(5 / 2) = 3, alone",
        source=JNK0LE,
    ),
    Kernel(
        "store_double",
        "STRD pairs with nothing",
        "eor r5, r6, r7; strd r0, r1, [r2]; eor r8, r6, r7",
        gaps=(1, 1),
        because="alone, ceil(2 / 2) = 1 cycle",
        source=JNK0LE,
    ),
    Kernel(
        "store_of_byte_load",
        "a store takes a byte that the same pair loads",
        "ldrb r0, [r1]; str r0, [r2]",
        gaps=(0,),
        because="LDRB and LDRH as well",
        source=JNK0LE,
    ),
    Kernel(
        "two_stores",
        "two stores do not pair",
        "str r0, [r1]; str r2, [r1, #4]",
        gaps=(1,),
        because="one store unit",
        source=JNK0LE,
    ),
)
