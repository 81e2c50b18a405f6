/*
 * Decoding of FastestDet (github.com/dog-qiuqiu/FastestDet, commit 50473cd): one box for each cell,
 * no anchors. Every value is an int8, so every function of one is a table.
 *
 * Positions are computed in double precision and rounded once, which the FPU does in hardware and
 * which makes them equal, to the last bit, to what an evaluation on a computer finds.
 */
#include "hwp_frame.h"

enum channel { OBJECTNESS, SHIFT_X, SHIFT_Y, WIDTH, HEIGHT };

static uint8_t entry(int8_t value)
{
    return (uint8_t)(value + 128);
}

static float score_of(const struct hwp_frame_map *map, const struct hwp_frame_tables *tables,
                      const int8_t *cell)
{
    const float objectness = tables->objectness[entry(cell[OBJECTNESS])];
    if (!tables->class_score) {
        return objectness;
    }
    return objectness * tables->class_score[entry(cell[map->class_channel])];
}

static struct hwp_frame_box box_of(const struct hwp_frame_map *map,
                                   const struct hwp_frame_tables *tables, const int8_t *cell,
                                   uint32_t row, uint32_t column)
{
    const double x = ((double)column + tables->shift[entry(cell[SHIFT_X])]) / (double)map->columns;
    const double y = ((double)row + tables->shift[entry(cell[SHIFT_Y])]) / (double)map->rows;
    const double half_width = tables->half_width[entry(cell[WIDTH])];
    const double half_height = tables->half_height[entry(cell[HEIGHT])];
    const struct hwp_frame_box box = {
        .left = (float)(x - half_width),
        .top = (float)(y - half_height),
        .right = (float)(x + half_width),
        .bottom = (float)(y + half_height),
    };
    return box;
}

uint32_t hwp_frame_decode(const struct hwp_frame_map *map, const struct hwp_frame_tables *tables,
                          float least_score, struct hwp_frame_box *boxes)
{
    uint32_t count = 0;
    const int8_t *cell = map->values;
    for (uint32_t row = 0; row < map->rows; row++) {
        for (uint32_t column = 0; column < map->columns; column++) {
            const float score = score_of(map, tables, cell);
            if (score > least_score) {
                boxes[count] = box_of(map, tables, cell, row, column);
                boxes[count].score = score;
                count++;
            }
            cell += map->channels;
        }
    }
    return count;
}
