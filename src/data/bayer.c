/* SPDX-License-Identifier: GPL-3.0-or-later
   bayer.c -- where the colours of a sensor stand, and its numbers as light.  It never
   reads a file.
   Source: Chen, Chen, Xu, Koltun, "Learning to see in the dark", CVPR 2018. */
#include "data/bayer.h"

static const struct {
    int row, column, colour;
} places[BAYER_PLANES] = {{0, 0, 0}, {0, 1, 1}, {1, 1, 2}, {1, 0, 1}};

int bayer_row(int plane)
{
    return places[plane].row;
}

int bayer_column(int plane)
{
    return places[plane].column;
}

int bayer_colour(int plane)
{
    return places[plane].colour;
}

static float light(uint16_t raw, const bayer_level *level)
{
    const double share = ((double)raw - level->black) / (level->white - level->black);
    const double exposed = (share < 0 ? 0 : share) * level->ratio;
    return (float)(exposed > 1 ? 1 : exposed);
}

void bayer_pack(const uint16_t *frame, int64_t stride, int64_t h, int64_t w,
                const bayer_level *level, float *planes)
{
    for (int64_t i = 0; i < h; i++)
        for (int64_t j = 0; j < w; j++)
            for (int p = 0; p < BAYER_PLANES; p++)
                planes[(i * w + j) * BAYER_PLANES + p] = light(
                    frame[(2 * i + places[p].row) * stride + 2 * j + places[p].column],
                    level);
}
