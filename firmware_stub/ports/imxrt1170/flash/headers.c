/*
 * What the boot ROM reads: how to read the flash, and where the image is. Layouts and offsets:
 * evkmimxrt1170_flexspi_nor_config.h and fsl_flexspi_nor_boot.h of the MCUX SDK for MIMXRT1176;
 * values for the EVK's flash: evkmimxrt1170_flexspi_nor_config.c, quad reads at 133 MHz, which
 * boards/rt1170.toml models.
 */
#include <stdint.h>

#include "../memory_map.h"

/* Two steps of a FlexSPI sequence: operand, pads as a power of two, opcode. */
#define STEPS(opcode0, pads0, operand0, opcode1, pads1, operand1)        \
    ((operand0) | (pads0) << 8 | (uint32_t)(opcode0) << 10 | (uint32_t)(operand1) << 16 | \
     (uint32_t)(pads1) << 24 | (uint32_t)(opcode1) << 26)
#define STOP 0x00u
#define COMMAND 0x01u
#define ADDRESS 0x02u
#define WRITE 0x08u
#define READ 0x09u
#define DUMMY 0x0Cu
#define SINGLE 0u
#define QUAD 2u
#define ADDRESS_BITS 0x18u

struct flash_configuration {
    uint32_t tag; /* "FCFB" */
    uint32_t version;
    uint32_t reserved_1;
    uint8_t read_sample_clock;
    uint8_t chip_select_hold;
    uint8_t chip_select_setup;
    uint8_t column_address_width;
    uint32_t mode_configuration[12];
    uint32_t controller_options;
    uint8_t device_type;
    uint8_t pads;
    uint8_t clock;
    uint8_t custom_sequences;
    uint32_t reserved_2[2];
    uint32_t size_bytes[4]; /* of what hangs on A1, A2, B1, B2 */
    uint32_t overrides[8];
    uint32_t lookup[16][4];
    uint32_t custom[16];
    uint32_t page_bytes;
    uint32_t sector_bytes;
    uint8_t command_clock;
    uint8_t options[7];
    uint32_t block_bytes;
    uint32_t reserved_3[11];
};

_Static_assert(sizeof(struct flash_configuration) == 512, "the ROM reads 512 bytes");

__attribute__((section(".boot_config"), used)) static const struct flash_configuration
    flash_configuration = {
        .tag = 0x42464346u,
        .version = 0x56010400u,
        .read_sample_clock = 1, /* looped back from the DQS pad */
        .chip_select_hold = 3,
        .chip_select_setup = 3,
        .controller_options = 0x10u, /* commands at a safe clock */
        .device_type = 1,            /* serial NOR */
        .pads = 4,
        .clock = 7, /* 133 MHz */
        .size_bytes = {FLASH_BYTES},
        .lookup =
            {
                [0] = {STEPS(COMMAND, SINGLE, 0xEBu, ADDRESS, QUAD, ADDRESS_BITS),
                       STEPS(DUMMY, QUAD, 6u, READ, QUAD, 4u)},
                [1] = {STEPS(COMMAND, SINGLE, 0x05u, READ, SINGLE, 4u)},
                [3] = {STEPS(COMMAND, SINGLE, 0x06u, STOP, SINGLE, 0u)},
                [5] = {STEPS(COMMAND, SINGLE, 0x20u, ADDRESS, SINGLE, ADDRESS_BITS)},
                [8] = {STEPS(COMMAND, SINGLE, 0xD8u, ADDRESS, SINGLE, ADDRESS_BITS)},
                [9] = {STEPS(COMMAND, SINGLE, 0x02u, ADDRESS, SINGLE, ADDRESS_BITS),
                       STEPS(WRITE, SINGLE, 4u, STOP, SINGLE, 0u)},
                [11] = {STEPS(COMMAND, SINGLE, 0x60u, STOP, SINGLE, 0u)},
            },
        .page_bytes = 256,
        .sector_bytes = 4096,
        .command_clock = 1, /* 30 MHz */
        .block_bytes = 65536,
};

struct image_vector_table {
    uint32_t header;
    void (*entry)(void);
    uint32_t reserved_1;
    uint32_t device_configuration;
    const void *boot_data;
    const void *self;
    uint32_t signature;
    uint32_t reserved_2;
};

struct boot_data {
    uint32_t start;
    const void *size; /* an address to the linker, a number of bytes to the ROM */
    uint32_t is_plugin;
    uint32_t unused;
};

extern uint32_t image_bytes[];

_Noreturn void boot(void);

struct boot_header {
    struct image_vector_table table;
    struct boot_data data;
};

#define IVT_TAG_SIZE_VERSION (0xD1u | 0x2000u << 8 | 0x41u << 24)

__attribute__((section(".boot_header"), used)) static const struct boot_header boot_header = {
    .table =
        {
            .header = IVT_TAG_SIZE_VERSION,
            .entry = boot,
            .boot_data = &boot_header.data,
            .self = &boot_header.table,
        },
    .data = {.start = FLASH_BASE, .size = image_bytes, .unused = 0xFFFFFFFFu},
};
