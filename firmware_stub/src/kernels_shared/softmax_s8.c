/*
 * Softmax in the fixed-point arithmetic of TFLite's int8 reference, so that results are bit equal.
 *
 * Qm.n is a signed fixed-point number of m integer and n fraction bits, m + n = 31; products are
 * doubling_high_mul, which adds the integer bits of its factors.
 */
#include "kernels.h"
#include "kernels_shared/fixed_point_s8.h"

#define Q0_ONE INT32_MAX         /* Q0.31 cannot hold 1.0 */
#define EXP_MINUS_1_8 1895147668 /* Q0.31: e^(-1/8) */
#define ONE_THIRD 715827883      /* Q0.31: 1/3 */
#define DIFFERENCE_FRACTION_BITS 26
#define SUM_INTEGER_BITS 12

static int32_t hwp_saturating_shift_left(int32_t value, int32_t bits)
{
    const int32_t limit = INT32_MAX >> bits;
    if (value > limit) {
        return INT32_MAX;
    }
    return value < -limit - 1 ? INT32_MIN : (int32_t)((uint32_t)value << bits);
}

/* e^a for a in [-1/4, 0), both Q0.31: Taylor series of fourth order around -1/8. */
static int32_t hwp_exp_quarter(int32_t a)
{
    const int32_t x = a + (1 << 28);
    const int32_t x2 = hwp_doubling_high_mul(x, x);
    const int32_t x3 = hwp_doubling_high_mul(x2, x);
    const int32_t x4 = hwp_doubling_high_mul(x2, x2);
    const int32_t third = hwp_doubling_high_mul(hwp_round_shift(x4, 2) + x3, ONE_THIRD);
    const int32_t tail = hwp_round_shift(third + x2, 1); /* x^4/24 + x^3/6 + x^2/2 */
    return EXP_MINUS_1_8 + hwp_doubling_high_mul(x + tail, EXP_MINUS_1_8);
}

/*
 * e^a for a <= 0 in Q5.26, result Q0.31: a is cut into a rest in [-1/4, 0) and quarters, and the
 * rest's exponential is multiplied by e^(-2^i / 4) for each bit i of the number of quarters.
 */
static int32_t hwp_exp_negative(int32_t a)
{
    static const int32_t factors[] = {
        1672461947, /* Q0.31: e^(-1/4) */
        1302514674, /* e^(-1/2) */
        790015084,  /* e^-1 */
        290630308,  /* e^-2 */
        39332535,   /* e^-4 */
        720401,     /* e^-8 */
        242,        /* e^-16 */
    };
    const int32_t quarter = 1 << (DIFFERENCE_FRACTION_BITS - 2);
    const int32_t rest = (a & (quarter - 1)) - quarter;
    const int32_t quarters = (rest - a) >> (DIFFERENCE_FRACTION_BITS - 2);
    int32_t result = hwp_exp_quarter((int32_t)((uint32_t)rest << 5));
    if (a == 0) {
        return Q0_ONE;
    }
    for (int32_t i = 0; i < 7; i++) {
        if ((quarters >> i) & 1) {
            result = hwp_doubling_high_mul(result, factors[i]);
        }
    }
    return result;
}

/* 1 / (1 + a) for a in [0, 1), both Q0.31: three Newton-Raphson steps from (48 - 32 d) / 17. */
static int32_t hwp_reciprocal_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((int64_t)a + Q0_ONE + 1) >> 1); /* d = (1 + a) / 2 */
    int32_t x = 1515870810 + hwp_doubling_high_mul(half, -1010580540); /* Q2.29 */
    for (int32_t i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - hwp_doubling_high_mul(half, x);
        x += hwp_saturating_shift_left(hwp_doubling_high_mul(x, error), 2);
    }
    return hwp_saturating_shift_left(x, 1);
}

static int32_t hwp_row_maximum(const int8_t *row, int32_t size)
{
    int32_t largest = INT8_MIN;
    for (; size > 0; size--) {
        largest = hwp_max_s32(largest, *row++);
    }
    return largest;
}

/* e^(beta * (element - maximum)); 0 below diff_min. */
static int32_t hwp_scaled_exp(const struct hwp_softmax *record, int32_t difference)
{
    return difference < record->diff_min
               ? 0
               : hwp_exp_negative(hwp_rescale(difference, record->multiplier, record->shift));
}

static void hwp_softmax_row(const struct hwp_softmax *record, const int8_t *row, int8_t *output)
{
    const int32_t largest = hwp_row_maximum(row, record->row_size);
    int32_t sum = 0; /* Q12.19 */
    for (int32_t i = 0; i < record->row_size; i++) {
        sum += hwp_round_shift(hwp_scaled_exp(record, row[i] - largest), SUM_INTEGER_BITS);
    }
    /* sum = (1 + a) * 2^bits_over_unit with a in [0, 1) */
    const int32_t headroom = __builtin_clz((uint32_t)sum);
    const int32_t bits_over_unit = SUM_INTEGER_BITS - headroom;
    const int32_t level_shift = bits_over_unit + 31 - 8; /* Q0.31 of 2^bits to steps of 1/256 */
    const int32_t a = (int32_t)(((uint32_t)sum << headroom) - (1u << 31));
    const int32_t scale = hwp_reciprocal_one_plus(a);
    for (int32_t i = 0; i < record->row_size; i++) {
        const int32_t share =
            hwp_doubling_high_mul(scale, hwp_scaled_exp(record, row[i] - largest));
        const int32_t level = level_shift > 31 ? 0 : hwp_round_shift(share, level_shift);
        output[i] = (int8_t)hwp_clamp_s32(level + INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

void hwp_softmax_s8(const struct hwp_softmax *record, const struct hwp_operands *operands)
{
    for (int32_t i = 0; i < record->rows; i++) {
        const int32_t start = i * record->row_size;
        hwp_softmax_row(record, operands->input + start, operands->output + start);
    }
}
