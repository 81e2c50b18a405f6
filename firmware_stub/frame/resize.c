/*
 * Bilinear stretch with the DSP extension: two horizontal neighbours of a channel are a pair of
 * int16, and so are the two rows' results, so that each mixture is one SMLAD.
 *
 * Weights are in 1/256. A row's result less 128 * 256 fits an int16 exactly, -32768 to 32512, which
 * is also what makes the usual quantised value, the pixel less 128, come for nothing.
 */
#include "hwp_frame.h"

#include "kernels/simd_s8.h"

#define WEIGHT_BITS 8
#define LESS_128 (-128 * (1 << WEIGHT_BITS))
#define HALF (1 << (2 * WEIGHT_BITS - 1))

enum camera { BGR888, RGB565 };
enum finish { AS_U8, AS_S8, AS_LUT };

/* One row's mixture of two neighbouring pixels: each channel in 1/256, less 128. */
struct colour {
    int32_t blue;
    int32_t green;
    int32_t red;
};

/* Bytes 0 and 2, and 1 and 3, of a word, each as a pair of int16. */
HWP_INLINE int32_t even_bytes(int32_t bytes)
{
    return (int32_t)__uxtb16((uint32_t)bytes);
}

HWP_INLINE int32_t odd_bytes(int32_t bytes)
{
    int32_t pair;
    __asm__("uxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
    return pair;
}

/* The pair (low half of a, high half of b). */
HWP_INLINE int32_t low_and_high(int32_t a, int32_t b)
{
    int32_t pair;
    __asm__("pkhbt %0, %1, %2" : "=r"(pair) : "r"(a), "r"(b));
    return pair;
}

HWP_INLINE struct colour mix(int32_t blue, int32_t green, int32_t red, int32_t weights)
{
    const struct colour mixed = {
        .blue = __smlad(blue, weights, LESS_128),
        .green = __smlad(green, weights, LESS_128),
        .red = __smlad(red, weights, LESS_128),
    };
    return mixed;
}

/* Six bytes: two words that overlap by two, so that nothing behind the picture is read. */
HWP_INLINE struct colour mix_bgr888(const uint8_t *pixels, int32_t weights)
{
    const int32_t first = hwp_load_s8x4((const int8_t *)pixels);
    const int32_t last = hwp_load_s8x4((const int8_t *)pixels + 2);
    const int32_t b0_r0 = even_bytes(first);
    const int32_t g0_b1 = odd_bytes(first);
    const int32_t r0_g1 = even_bytes(last);
    const int32_t b1_r1 = odd_bytes(last);
    return mix(hwp_pack_low_s16x2(b0_r0, b1_r1), low_and_high(g0_b1, r0_g1),
               hwp_pack_high_s16x2(b0_r0, b1_r1), weights);
}

/* Two pixels are one word, and so every channel is a pair as it lies. */
HWP_INLINE struct colour mix_rgb565(const uint8_t *pixels, int32_t weights)
{
    const uint32_t pair = (uint32_t)hwp_load_s8x4((const int8_t *)pixels);
    const uint32_t blue = pair & 0x001F001Fu;
    const uint32_t green = (pair >> 5) & 0x003F003Fu;
    const uint32_t red = (pair >> 11) & 0x001F001Fu;
    return mix((int32_t)(blue << 3 | (blue >> 2 & 0x00070007u)),
               (int32_t)(green << 2 | (green >> 4 & 0x00030003u)),
               (int32_t)(red << 3 | (red >> 2 & 0x00070007u)), weights);
}

HWP_INLINE struct colour mix_pixels(enum camera camera, const uint8_t *pixels, int32_t weights)
{
    return camera == BGR888 ? mix_bgr888(pixels, weights) : mix_rgb565(pixels, weights);
}

HWP_INLINE int8_t finished(enum finish finish, int32_t upper, int32_t lower, int32_t weights,
                           const int8_t *table)
{
    const int32_t rows = hwp_pack_low_s16x2(upper, lower);
    const int32_t less_128 = __smlad(rows, weights, HALF) >> (2 * WEIGHT_BITS);
    if (finish == AS_LUT) {
        return table[less_128 + 128];
    }
    return (int8_t)(finish == AS_U8 ? less_128 + 128 : less_128);
}

/* Inlined into each of the functions below, where camera and finish are constants. */
HWP_INLINE void resize(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                       int8_t *output, const int8_t *table, enum camera format, enum finish finish)
{
    for (uint32_t y = 0; y < stretch->height; y++) {
        const uint8_t *upper = camera + stretch->rows[y].offset_bytes;
        const uint8_t *lower = upper + stretch->camera_row_bytes;
        const int32_t row_weights = (int32_t)stretch->rows[y].weights;
        const struct hwp_frame_tap *column = stretch->columns;
        for (uint32_t left = stretch->width; left > 0u; left--) {
            const int32_t weights = (int32_t)column->weights;
            const struct colour above = mix_pixels(format, upper + column->offset_bytes, weights);
            const struct colour below = mix_pixels(format, lower + column->offset_bytes, weights);
            output[0] = finished(finish, above.blue, below.blue, row_weights, table);
            output[1] = finished(finish, above.green, below.green, row_weights, table);
            output[2] = finished(finish, above.red, below.red, row_weights, table);
            output += 3;
            column++;
        }
    }
}

void hwp_frame_resize_bgr888_u8(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                uint8_t *output)
{
    resize(stretch, camera, (int8_t *)output, 0, BGR888, AS_U8);
}

void hwp_frame_resize_bgr888_s8(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                int8_t *output)
{
    resize(stretch, camera, output, 0, BGR888, AS_S8);
}

void hwp_frame_resize_bgr888_lut(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                 int8_t *output, const int8_t *table)
{
    resize(stretch, camera, output, table, BGR888, AS_LUT);
}

void hwp_frame_resize_rgb565_u8(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                uint8_t *output)
{
    resize(stretch, camera, (int8_t *)output, 0, RGB565, AS_U8);
}

void hwp_frame_resize_rgb565_s8(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                int8_t *output)
{
    resize(stretch, camera, output, 0, RGB565, AS_S8);
}

void hwp_frame_resize_rgb565_lut(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                 int8_t *output, const int8_t *table)
{
    resize(stretch, camera, output, table, RGB565, AS_LUT);
}

void hwp_frame_plan(struct hwp_frame_tap *taps, uint32_t from, uint32_t to, uint32_t step_bytes)
{
    for (uint32_t i = 0; i < to; i++) {
        /* Position in 1 / (2 * to) of a sample; before the first centre it is held there. */
        const uint32_t centre = (2u * i + 1u) * from;
        const uint32_t position = centre > to ? centre - to : 0u;
        uint32_t index = position / (2u * to);
        uint32_t second = ((position % (2u * to) << WEIGHT_BITS) + to) / (2u * to);
        if (index > from - 2u) { /* behind the last centre: all of the last sample */
            index = from - 2u;
            second = 1u << WEIGHT_BITS;
        }
        taps[i].offset_bytes = index * step_bytes;
        taps[i].weights = second << 16 | ((1u << WEIGHT_BITS) - second);
    }
}
