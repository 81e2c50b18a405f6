"""The i.MX RT1170's own blocks: what start-up code sets, and what follows from it.

Each block behaves as far as the chip's start-up can notice: status bits rise when what they wait
for is there, clocks follow from the registers that were written, and a step out of order leaves the
chip without what the next one needs. Registers and bits: apache/nuttx
``arch/arm/src/imxrt/hardware/rt117x`` ("Copyright 2022 NXP") and the MCUX SDK for MIMXRT1176.
"""
