/* Whether a memory is there. */
#ifndef MEMORIES_H
#define MEMORIES_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the flash's controller is on: the boot ROM turns it on, a debugger's reset may not. */
bool memory_flash_is_on(void);

/* Whether a read at an address is answered without a bus fault. */
bool memory_answers(const void *address);

/* Whether a memory keeps what is written to it, a word at each address line; overwrites those. */
bool memory_keeps(uint8_t *start, uint32_t size_bytes);

#endif
