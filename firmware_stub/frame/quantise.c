/* Pixels to int8, in one pass over the picture. */
#include "hwp_frame.h"

#include "kernels/simd_s8.h"

/* Flipping the top bit takes 128 from an unsigned byte; four bytes a word, four words a step. */
void hwp_frame_quantise_s8(int8_t *output, const uint8_t *pixels, uint32_t count)
{
    const uint32_t *from = (const uint32_t *)(const void *)pixels;
    uint32_t *to = (uint32_t *)(void *)output;
    for (uint32_t blocks = count >> 4; blocks > 0u; blocks--) {
        const uint32_t words[4] = {from[0], from[1], from[2], from[3]};
        to[0] = words[0] ^ 0x80808080u;
        to[1] = words[1] ^ 0x80808080u;
        to[2] = words[2] ^ 0x80808080u;
        to[3] = words[3] ^ 0x80808080u;
        from += 4;
        to += 4;
    }
    for (uint32_t i = count & ~15u; i < count; i++) {
        output[i] = (int8_t)(pixels[i] ^ 0x80u);
    }
}

void hwp_frame_quantise_lut(int8_t *output, const uint8_t *pixels, uint32_t count,
                            const int8_t *table)
{
    for (uint32_t blocks = count >> 2; blocks > 0u; blocks--) {
        const int8_t values[4] = {table[pixels[0]], table[pixels[1]], table[pixels[2]],
                                  table[pixels[3]]};
        output[0] = values[0];
        output[1] = values[1];
        output[2] = values[2];
        output[3] = values[3];
        pixels += 4;
        output += 4;
    }
    for (uint32_t rest = count & 3u; rest > 0u; rest--) {
        *output++ = table[*pixels++];
    }
}
