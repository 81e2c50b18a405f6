/* Operators that only move bytes: strided copy, fill, transpose, nearest resize. */
#include "kernels.h"
#include "kernels_shared/permute.h"
#include "simd_s8.h"

/* Long runs: four words in flight, so that loads do not wait for stores. */
static void hwp_copy_run(int8_t *destination, const int8_t *source, int32_t size)
{
    for (int32_t blocks = size >> 4; blocks > 0; blocks--) {
        const int32_t word_0 = hwp_load_s8x4(source);
        const int32_t word_1 = hwp_load_s8x4(source + 4);
        const int32_t word_2 = hwp_load_s8x4(source + 8);
        const int32_t word_3 = hwp_load_s8x4(source + 12);
        hwp_store_s8x4(destination, word_0);
        hwp_store_s8x4(destination + 4, word_1);
        hwp_store_s8x4(destination + 8, word_2);
        hwp_store_s8x4(destination + 12, word_3);
        destination += 16;
        source += 16;
    }
    hwp_copy_s8(destination, source, size & 15);
}

/* Every second byte: the even bytes of two words make one. */
static void hwp_copy_step_2(int8_t *destination, const int8_t *source, int32_t count)
{
    /* Eight bytes are read for four; the last four may end a buffer, so they go one by one. */
    for (; count > 4; count -= 4) {
        const uint32_t low = __uxtb16((uint8x4_t)hwp_load_s8x4(source));
        const uint32_t high = __uxtb16((uint8x4_t)hwp_load_s8x4(source + 4));
        const uint32_t pair_low = low | (low >> 8);
        const uint32_t pair_high = high | (high >> 8);
        hwp_store_s8x4(destination,
                       hwp_pack_low_s16x2((int32_t)pair_low, (int32_t)pair_high));
        destination += 4;
        source += 8;
    }
    for (; count > 0; count--) {
        *destination++ = *source;
        source += 2;
    }
}

static void hwp_copy_step_n(int8_t *destination, const int8_t *source, int32_t count, int32_t step)
{
    for (; count > 0; count--) {
        *destination++ = *source;
        source += step;
    }
}

static void hwp_copy_pixel(int8_t *destination, const int8_t *source, int32_t count, int32_t step)
{
    if (step == 1) {
        hwp_copy_run(destination, source, count);
    } else if (step == 2) {
        hwp_copy_step_2(destination, source, count);
    } else {
        hwp_copy_step_n(destination, source, count, step);
    }
}

/* One row of the box; whole pixels side by side are one run. */
static void hwp_copy_row(const struct hwp_strided_copy *record, int8_t *destination,
                         const int8_t *source)
{
    const int whole_pixels = record->step_c == 1 && record->step_w == 1 &&
                             record->copy_c == record->in_c && record->copy_c == record->out_c;
    if (whole_pixels) {
        hwp_copy_run(destination, source, record->copy_w * record->copy_c);
        return;
    }
    for (int32_t w = record->copy_w; w > 0; w--) {
        hwp_copy_pixel(destination, source, record->copy_c, record->step_c);
        destination += record->out_c;
        source += record->step_w * record->in_c;
    }
}

void hwp_strided_copy_s8(const struct hwp_strided_copy *record,
                         const struct hwp_operands *operands)
{
    const int32_t in_row = record->in_w * record->in_c;
    const int32_t out_row = record->out_w * record->out_c;
    const int8_t *source =
        operands->input + record->src_h * in_row + record->src_w * record->in_c + record->src_c;
    int8_t *destination =
        operands->output + record->dst_h * out_row + record->dst_w * record->out_c + record->dst_c;
    for (int32_t h = record->copy_h; h > 0; h--) {
        hwp_copy_row(record, destination, source);
        source += record->step_h * in_row;
        destination += out_row;
    }
}

void hwp_fill_s8(const struct hwp_fill *record, const struct hwp_operands *operands)
{
    hwp_set_s8(operands->output, (int8_t)record->value, record->size);
}

/* Two rows into pairs, the channel shuffle of two groups: out[2 i] = a[i], out[2 i + 1] = b[i]. */
static void hwp_zip(int8_t *output, const int8_t *a, const int8_t *b, int32_t count)
{
    for (int32_t blocks = count >> 2; blocks > 0; blocks--) {
        const uint32_t bytes_a = (uint32_t)hwp_load_s8x4(a);
        const uint32_t bytes_b = (uint32_t)hwp_load_s8x4(b);
        const uint32_t even = __uxtb16(bytes_a) | __uxtb16(bytes_b) << 8;
        const uint32_t odd = __uxtb16(bytes_a >> 8) | __uxtb16(bytes_b >> 8) << 8;
        hwp_store_s8x4(output, hwp_pack_low_s16x2((int32_t)even, (int32_t)odd));
        hwp_store_s8x4(output + 4, hwp_pack_high_s16x2((int32_t)even, (int32_t)odd));
        a += 4;
        b += 4;
        output += 8;
    }
    for (int32_t rest = count & 3; rest > 0; rest--) {
        *output++ = *a++;
        *output++ = *b++;
    }
}

/* One plane of rows x columns into columns x rows. */
static void hwp_transpose_plane(int8_t *output, const int8_t *input, int32_t rows, int32_t columns)
{
    if (rows == 2) {
        hwp_zip(output, input, input + columns, columns);
        return;
    }
    for (int32_t c = 0; c < columns; c++) {
        hwp_copy_pixel(output, input + c, rows, columns);
        output += rows;
    }
}

static void hwp_transpose_any(const struct hwp_transpose *record, int8_t *output,
                              const int8_t *input)
{
    const struct hwp_permuted axes = hwp_permute(record);
    for (int32_t i = 0; i < axes.size[0]; i++) {
        for (int32_t j = 0; j < axes.size[1]; j++) {
            const int8_t *source = input + i * axes.stride[0] + j * axes.stride[1];
            for (int32_t k = axes.size[2]; k > 0; k--) {
                hwp_copy_pixel(output, source, axes.size[3], axes.stride[3]);
                output += axes.size[3];
                source += axes.stride[2];
            }
        }
    }
}

void hwp_transpose_s8(const struct hwp_transpose *record, const struct hwp_operands *operands)
{
    const int planes = record->perm_0 == 0 && record->perm_1 == 1 && record->perm_2 == 3;
    if (!planes) {
        hwp_transpose_any(record, operands->output, operands->input);
        return;
    }
    const int32_t plane = record->dim_2 * record->dim_3;
    for (int32_t i = 0; i < record->dim_0 * record->dim_1; i++) {
        hwp_transpose_plane(operands->output + i * plane, operands->input + i * plane,
                            record->dim_2, record->dim_3);
    }
}

static void hwp_resize_row(const struct hwp_resize_nearest *record, int8_t *output,
                           const int8_t *row)
{
    for (int32_t x = 0; x < record->out_w; x++) {
        const int32_t in_x = x * record->in_w / record->out_w;
        hwp_copy_run(output, row + in_x * record->channels, record->channels);
        output += record->channels;
    }
}

void hwp_resize_nearest_s8(const struct hwp_resize_nearest *record,
                           const struct hwp_operands *operands)
{
    const int32_t out_row = record->out_w * record->channels;
    int32_t last_y = -1;
    int8_t *output = operands->output;
    for (int32_t y = 0; y < record->out_h; y++) {
        const int32_t in_y = y * record->in_h / record->out_h;
        if (in_y == last_y) {
            hwp_copy_run(output, output - out_row, out_row); /* the row above is the same */
        } else {
            hwp_resize_row(record, output,
                           operands->input + in_y * record->in_w * record->channels);
        }
        last_y = in_y;
        output += out_row;
    }
}
