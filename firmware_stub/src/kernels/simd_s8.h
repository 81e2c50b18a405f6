/*
 * Packed loads and SIMD unpacking of int8. Everything here is inlined; the file is private to
 * src/kernels/.
 */
#ifndef HWP_SIMD_S8_H
#define HWP_SIMD_S8_H

#include <arm_acle.h>
#include <stdint.h>

#include "kernels_shared/fixed_point_s8.h"

#ifndef __ARM_FEATURE_SIMD32
#error "These kernels need the DSP extension: compile with -mcpu=cortex-m7 or link other kernels."
#endif

/* Four int8 of any alignment in one word; GCC turns the memcpy into LDR. */
HWP_INLINE int32_t hwp_load_s8x4(const int8_t *source)
{
    int32_t word;
    __builtin_memcpy(&word, source, sizeof word);
    return word;
}

HWP_INLINE void hwp_store_s8x4(int8_t *destination, int32_t word)
{
    __builtin_memcpy(destination, &word, sizeof word);
}

/* Two int16, first in the low half. */
HWP_INLINE int32_t hwp_load_s16x2(const int16_t *source)
{
    int32_t word;
    __builtin_memcpy(&word, source, sizeof word);
    return word;
}

HWP_INLINE void hwp_store_s16x2(int16_t *destination, int32_t word)
{
    __builtin_memcpy(destination, &word, sizeof word);
}

/*
 * Unpacking takes the bytes 0 and 2 ("even") or 1 and 3 ("odd") of a word, sign extended to a pair
 * of int16. The rotation is free, but GCC 12 does not fold it into the builtin, hence assembly.
 */
HWP_INLINE int32_t hwp_even_s16x2(int32_t bytes)
{
    return __sxtb16(bytes);
}

HWP_INLINE int32_t hwp_odd_s16x2(int32_t bytes)
{
    int32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
    return pair;
}

/*
 * The same with the rotation as an instruction of its own. The im2col convolution unpacks its
 * weights so on purpose: CMSIS-NN's does when GCC compiles it, and the cost of this library has to
 * stand for the one that users deploy.
 */
HWP_INLINE int32_t hwp_rotated_odd_s16x2(int32_t bytes)
{
    return __sxtb16((int32_t)((uint32_t)bytes >> 8 | (uint32_t)bytes << 24));
}

HWP_INLINE int32_t hwp_add_even_s16x2(int32_t addend, int32_t bytes)
{
    return __sxtab16(addend, bytes);
}

HWP_INLINE int32_t hwp_add_odd_s16x2(int32_t addend, int32_t bytes)
{
    int32_t pair;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(pair) : "r"(addend), "r"(bytes));
    return pair;
}

/* The pair (low half of a, low half of b), and (high half of a, high half of b). */
HWP_INLINE int32_t hwp_pack_low_s16x2(int32_t a, int32_t b)
{
    int32_t pair;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(a), "r"(b));
    return pair;
}

HWP_INLINE int32_t hwp_pack_high_s16x2(int32_t a, int32_t b)
{
    int32_t pair;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(pair) : "r"(b), "r"(a));
    return pair;
}

/* The same int16 in both halves. */
HWP_INLINE int32_t hwp_splat_s16x2(int32_t value)
{
    return hwp_pack_low_s16x2(value, value);
}

/* Copies and fills of a few bytes: a call of the C library would cost more than the bytes. */
HWP_INLINE void hwp_copy_s8(int8_t *destination, const int8_t *source, int32_t size)
{
    for (int32_t words = size >> 2; words > 0; words--) {
        hwp_store_s8x4(destination, hwp_load_s8x4(source));
        destination += 4;
        source += 4;
    }
    for (int32_t rest = size & 3; rest > 0; rest--) {
        *destination++ = *source++;
    }
}

HWP_INLINE void hwp_set_s8(int8_t *destination, int8_t value, int32_t size)
{
    const int32_t word = (int32_t)((uint8_t)value * 0x01010101u);
    for (int32_t words = size >> 2; words > 0; words--) {
        hwp_store_s8x4(destination, word);
        destination += 4;
    }
    for (int32_t rest = size & 3; rest > 0; rest--) {
        *destination++ = value;
    }
}

#endif
