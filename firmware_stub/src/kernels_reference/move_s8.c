/* Operators that only move bytes, one at a time: strided copy, fill, transpose, nearest resize. */
#include "kernels.h"
#include "kernels_shared/permute.h"

void hwp_strided_copy_s8(const struct hwp_strided_copy *record,
                         const struct hwp_operands *operands)
{
    const struct hwp_strided_copy rule = *record; /* a copy that the int8 stores cannot alias */
    for (int32_t h = 0; h < rule.copy_h; h++) {
        for (int32_t w = 0; w < rule.copy_w; w++) {
            const int32_t in_y = rule.src_h + h * rule.step_h;
            const int32_t in_x = rule.src_w + w * rule.step_w;
            const int8_t *source =
                operands->input + (in_y * rule.in_w + in_x) * rule.in_c + rule.src_c;
            int8_t *destination =
                operands->output +
                ((rule.dst_h + h) * rule.out_w + rule.dst_w + w) * rule.out_c + rule.dst_c;
            for (int32_t c = 0; c < rule.copy_c; c++) {
                destination[c] = source[c * rule.step_c];
            }
        }
    }
}

void hwp_fill_s8(const struct hwp_fill *record, const struct hwp_operands *operands)
{
    const int32_t size = record->size;
    const int8_t value = (int8_t)record->value;
    int8_t *const output = operands->output;
    for (int32_t i = 0; i < size; i++) {
        output[i] = value;
    }
}

void hwp_transpose_s8(const struct hwp_transpose *record, const struct hwp_operands *operands)
{
    const struct hwp_permuted axes = hwp_permute(record);
    int8_t *output = operands->output;
    for (int32_t i = 0; i < axes.size[0]; i++) {
        for (int32_t j = 0; j < axes.size[1]; j++) {
            for (int32_t k = 0; k < axes.size[2]; k++) {
                const int8_t *source = operands->input + i * axes.stride[0] +
                                       j * axes.stride[1] + k * axes.stride[2];
                for (int32_t l = 0; l < axes.size[3]; l++) {
                    *output++ = source[l * axes.stride[3]];
                }
            }
        }
    }
}

void hwp_resize_nearest_s8(const struct hwp_resize_nearest *record,
                           const struct hwp_operands *operands)
{
    const struct hwp_resize_nearest rule = *record;
    int8_t *output = operands->output;
    for (int32_t y = 0; y < rule.out_h; y++) {
        const int32_t in_y = y * rule.in_h / rule.out_h;
        for (int32_t x = 0; x < rule.out_w; x++) {
            const int32_t in_x = x * rule.in_w / rule.out_w;
            const int8_t *pixel = operands->input + (in_y * rule.in_w + in_x) * rule.channels;
            for (int32_t c = 0; c < rule.channels; c++) {
                *output++ = pixel[c];
            }
        }
    }
}
