/*
 * What a frame costs beside the network: the camera's picture stretched to the network's input,
 * its pixels quantised, the output map decoded to boxes, and the boxes thinned out.
 *
 * Nothing here allocates, keeps state or calls a library; the caller owns all memory. Tables are
 * made once, when the firmware starts or is built.
 */
#ifndef HWP_FRAME_H
#define HWP_FRAME_H

#include <stdint.h>

/* --- stretch: bilinear, without smoothing, each axis by a factor of its own ------------------- */

/*
 * What one output column or row is made of: the sample at `offset_bytes` and the next one.
 * `weights` holds two int16, the first sample's in the low half; their sum is 256.
 */
struct hwp_frame_tap {
    uint32_t offset_bytes;
    uint32_t weights;
};

struct hwp_frame_stretch {
    const struct hwp_frame_tap *columns; /* `width` of them, offsets from a row's first byte */
    const struct hwp_frame_tap *rows;    /* `height` of them, offsets from the picture's first */
    uint32_t width;                      /* of the output, in pixels */
    uint32_t height;
    uint32_t camera_row_bytes; /* from one row of the camera's picture to the next */
};

/*
 * Fills the `to` taps of an axis whose `from` samples, 2 to 65535, are `step_bytes` apart. Centres
 * of pixels lie at halves: output i is at (i + 1/2) * from / to - 1/2, held inside the picture.
 */
void hwp_frame_plan(struct hwp_frame_tap *taps, uint32_t from, uint32_t to, uint32_t step_bytes);

/*
 * Output: height x width pixels of three bytes, blue, green, red. Camera: the same order of bytes,
 * or 16 bits with red in the upper five. Five-bit and six-bit channels become eight bits by
 * repeating their upper bits. Each value is sum(pixel * weights) / 65536, rounded half up.
 *   _u8   pixels, 0 to 255
 *   _s8   pixels less 128: quantised with scale 1/255 and zero point -128
 *   _lut  table[pixel], 256 entries
 */
void hwp_frame_resize_bgr888_u8(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                uint8_t *output);
void hwp_frame_resize_bgr888_s8(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                int8_t *output);
void hwp_frame_resize_bgr888_lut(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                 int8_t *output, const int8_t *table);
void hwp_frame_resize_rgb565_u8(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                uint8_t *output);
void hwp_frame_resize_rgb565_s8(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                int8_t *output);
void hwp_frame_resize_rgb565_lut(const struct hwp_frame_stretch *stretch, const uint8_t *camera,
                                 int8_t *output, const int8_t *table);

/* --- quantise: pixels to int8; `output` may be `pixels` ---------------------------------------- */

/* Pixels less 128. Both ends are aligned to four bytes. */
void hwp_frame_quantise_s8(int8_t *output, const uint8_t *pixels, uint32_t count);

/* table[pixel], 256 entries. */
void hwp_frame_quantise_lut(int8_t *output, const uint8_t *pixels, uint32_t count,
                            const int8_t *table);

/* --- decode: FastestDet's output map to boxes -------------------------------------------------- */

/* rows x columns cells of `channels` int8: objectness, x, y, width, height, class probabilities. */
struct hwp_frame_map {
    const int8_t *values;
    uint32_t rows;
    uint32_t columns;
    uint32_t channels;
    uint32_t class_channel; /* the class whose boxes are asked for, 5 or more */
};

/* 256 entries each, for values -128 to 127 in this order. */
struct hwp_frame_tables {
    const float *objectness;   /* objectness ^ 0.6 */
    const float *class_score;  /* class probability ^ 0.4; null where it is always 1 */
    const double *shift;       /* tanh: from a cell's corner to the box's centre, in cells */
    const double *half_width;  /* half of sigmoid, times the canvas factor of the width */
    const double *half_height; /* the same of the height */
};

/* Sides are fractions of the picture, not clipped. */
struct hwp_frame_box {
    float left;
    float top;
    float right;
    float bottom;
    float score;
};

/* Writes the boxes of cells whose score exceeds `least_score`, row by row; returns their number. */
uint32_t hwp_frame_decode(const struct hwp_frame_map *map, const struct hwp_frame_tables *tables,
                          float least_score, struct hwp_frame_box *boxes);

/* --- suppress: greedy non-maximum suppression -------------------------------------------------- */

/*
 * Ranks at most 65535 boxes by score, the earlier first among equals, and keeps those that no
 * better kept one overlaps by more than `iou`, which is not negative. `order` has room for 2 *
 * count numbers; the first ones, as many as returned, are the kept boxes, best first.
 */
uint32_t hwp_frame_suppress(const struct hwp_frame_box *boxes, uint32_t count, float iou,
                            uint16_t *order);

#endif
