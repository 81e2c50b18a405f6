/* Greedy non-maximum suppression: a stable merge sort of indices, then each box against the kept. */
#include "hwp_frame.h"

#include <float.h>
#include <stdbool.h>

struct run {
    uint32_t start;
    uint32_t middle;
    uint32_t end;
};

/* Merges from[start, middle) and from[middle, end), the best first; the left half wins ties. */
static void merge(const struct hwp_frame_box *boxes, const uint16_t *from, uint16_t *to,
                  struct run run)
{
    uint32_t left = run.start;
    uint32_t right = run.middle;
    for (uint32_t i = run.start; i < run.end; i++) {
        const bool takes_right =
            left == run.middle ||
            (right < run.end && boxes[from[right]].score > boxes[from[left]].score);
        to[i] = takes_right ? from[right++] : from[left++];
    }
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Leaves the ranking in one of the two halves of `order`, and says in which. */
static uint16_t *ranked(const struct hwp_frame_box *boxes, uint32_t count, uint16_t *order)
{
    uint16_t *from = order;
    uint16_t *to = order + count;
    for (uint32_t i = 0; i < count; i++) {
        from[i] = (uint16_t)i;
    }
    for (uint32_t length = 1; length < count; length *= 2u) {
        for (uint32_t start = 0; start < count; start += 2u * length) {
            const struct run run = {start, least(start + length, count),
                                    least(start + 2u * length, count)};
            merge(boxes, from, to, run);
        }
        uint16_t *merged = to;
        to = from;
        from = merged;
    }
    return from;
}

static float smaller(float a, float b)
{
    return a < b ? a : b;
}

static float larger(float a, float b)
{
    return a > b ? a : b;
}

static float area(const struct hwp_frame_box *box)
{
    return (box->right - box->left) * (box->bottom - box->top);
}

/* Whether the intersection over the union of two boxes is more than `iou`. */
static bool overlaps(const struct hwp_frame_box *a, const struct hwp_frame_box *b, float iou)
{
    const float width = smaller(a->right, b->right) - larger(a->left, b->left);
    if (!(width > 0.0f)) {
        return false;
    }
    const float height = smaller(a->bottom, b->bottom) - larger(a->top, b->top);
    if (!(height > 0.0f)) {
        return false;
    }
    const float common = width * height;
    return common / larger(area(a) + area(b) - common, FLT_MIN) > iou;
}

uint32_t hwp_frame_suppress(const struct hwp_frame_box *boxes, uint32_t count, float iou,
                            uint16_t *order)
{
    const uint16_t *ranking = ranked(boxes, count, order);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct hwp_frame_box *candidate = &boxes[ranking[i]];
        uint32_t rival = 0;
        while (rival < kept && !overlaps(&boxes[order[rival]], candidate, iou)) {
            rival++;
        }
        if (rival == kept) {
            order[kept] = ranking[i]; /* never behind i, so nothing unread is lost */
            kept++;
        }
    }
    return kept;
}
