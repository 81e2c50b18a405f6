/* SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 17): word i follows from i alone. */
#include "pool.h"

#include <string.h>

#define SEED 0x687770726F660001u
#define GAMMA 0x9E3779B97F4A7C15u
#define MIX_1 0xBF58476D1CE4E5B9u
#define MIX_2 0x94D049BB133111EBu
#define WORD_BYTES 8u
#define SAMPLE_STRIDE_BYTES 4096u

/* No byte is -128, which symmetric weights do not have. */
static uint64_t pool_word(uint32_t index)
{
    uint64_t z = SEED + (uint64_t)GAMMA * (index + 1u);
    z = (z ^ (z >> 30)) * MIX_1;
    z = (z ^ (z >> 27)) * MIX_2;
    z ^= z >> 31;
    for (uint32_t shift = 0; shift < 64u; shift += 8u) {
        if (((z >> shift) & 0xFFu) == 0x80u) {
            z += (uint64_t)1 << shift;
        }
    }
    return z;
}

bool hwp_pool_is_at(const int8_t *pool)
{
    for (uint32_t offset = 0; offset < HWP_POOL_BYTES; offset += SAMPLE_STRIDE_BYTES) {
        uint64_t found;
        memcpy(&found, pool + offset, sizeof found);
        if (found != pool_word(offset / WORD_BYTES)) {
            return false;
        }
    }
    return true;
}

void hwp_pool_make(int8_t *pool)
{
    for (uint32_t offset = 0; offset < HWP_POOL_BYTES; offset += WORD_BYTES) {
        uint64_t word = pool_word(offset / WORD_BYTES);
        memcpy(pool + offset, &word, sizeof word);
    }
}
