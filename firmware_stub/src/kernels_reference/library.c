/* What the kernel library says of itself. */
#include "kernels.h"

const char hwp_kernels_name[] = "reference";
const bool hwp_kernels_take_weight_zero_points = true;
