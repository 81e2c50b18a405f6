/* Name of the kernel library, as HELLO reports it. */
#include "kernels.h"

const char hwp_kernels_name[] = "reference";
