/* Memory attributes. */
#ifndef MPU_H
#define MPU_H

/* Sets the regions and turns the MPU on. */
void mpu_start(void);

#endif
