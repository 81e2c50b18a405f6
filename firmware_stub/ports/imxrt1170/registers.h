/*
 * Blocks of the i.MX RT1170 that start-up touches. Base addresses: apache/nuttx
 * imxrt117x_memorymap.h ("Copyright 2022 NXP"); RTWDOG4: NXP MCUX SDK. What lies inside a block
 * stands with its source where it is used.
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define WDOG1_BASE 0x40030000u
#define WDOG2_BASE 0x40034000u
#define RTWDOG3_BASE 0x40038000u
#define FLEXSPI1_BASE 0x400CC000u
#define SEMC_BASE 0x400D4000u
#define IOMUXC_GPR_BASE 0x400E4000u
#define IOMUXC_BASE 0x400E8000u
#define RTWDOG4_BASE 0x40C10000u
#define ANADIG_BASE 0x40C84000u
#define DCDC_BASE 0x40CA8000u
#define OCOTP_BASE 0x40CAC000u
#define CCM_BASE 0x40CC0000u

/* FlexRAM: 16 banks of 32 KiB, two bits a bank; IOMUXC_GPR of the MCUX SDK for MIMXRT1176. */
#define GPR16 REGISTER(IOMUXC_GPR_BASE + 0x40u)
#define GPR17 REGISTER(IOMUXC_GPR_BASE + 0x44u)
#define GPR18 REGISTER(IOMUXC_GPR_BASE + 0x48u)
#define GPR16_BANK_CFG_SEL (1u << 2) /* 0: the fuses' split, 256 KiB and 256 KiB unless blown */
#define BANKS_IN_A_REGISTER 8u
#define BANK_IS_DTCM 2u
#define BANK_IS_ITCM 3u

/* Fuse words shadowed in memory: OCOTP FUSEN from 0x800 on, PERI_OCOTP.h. */
#define OCOTP_FUSE(word) REGISTER(OCOTP_BASE + 0x800u + 0x10u * (word))

#endif
