/* The axes of a transposition as its loops see them. */
#ifndef HWP_PERMUTE_H
#define HWP_PERMUTE_H

#include "kernels.h"

/* Sizes of the output's axes, and how far apart their elements lie in the input. */
struct hwp_permuted {
    int32_t size[4];
    int32_t stride[4];
};

static inline struct hwp_permuted hwp_permute(const struct hwp_transpose *record)
{
    const int32_t dims[4] = {record->dim_0, record->dim_1, record->dim_2, record->dim_3};
    const int32_t perm[4] = {record->perm_0, record->perm_1, record->perm_2, record->perm_3};
    const int32_t strides[4] = {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1};
    struct hwp_permuted axes;
    for (int32_t i = 0; i < 4; i++) {
        axes.size[i] = dims[perm[i]];
        axes.stride[i] = strides[perm[i]];
    }
    return axes;
}

#endif
