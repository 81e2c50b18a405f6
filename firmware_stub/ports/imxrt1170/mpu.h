/* Memory attributes. */
#ifndef MPU_H
#define MPU_H

#include <stdbool.h>

/* Memories outside the chip, which may not be there. */
enum mpu_memory {
    MPU_FLASH,
    MPU_SDRAM,
};

/* Sets the regions and turns the MPU on; the SDRAM stays closed until its controller is set up. */
void mpu_start(void);

/* Lets a memory be accessed or not: a speculative read of one that is not there hangs the bus. */
void mpu_open(enum mpu_memory memory, bool is_open);

#endif
