/* SPDX-License-Identifier: GPL-3.0-or-later
   bayer.h -- a camera's frame, one colour a pixel, as four planes of half its size.  It
   adds no noise and reads no file. */
#ifndef LATHE_DATA_BAYER_H
#define LATHE_DATA_BAYER_H

#include <stdint.h>

enum { BAYER_PLANES = 4 };

/* The pixel of each 2 x 2 square that plane P is made of, as the published network wants
   them: R (0,0), G (0,1), B (1,1), G (1,0); and the colour it sees, 0 to 2 for R, G, B. */
int bayer_row(int plane);
int bayer_column(int plane);
int bayer_colour(int plane);

/* What makes numbers of a sensor light: (raw - black) / (white - black), at least 0, times
   the ratio of the exposures, at most 1. */
typedef struct bayer_level {
    double black, white, ratio;
} bayer_level;

/* PLANES (h, w, 4) of the 2h x 2w pixels at FRAME, of which one row has STRIDE numbers. */
void bayer_pack(const uint16_t *frame, int64_t stride, int64_t h, int64_t w,
                const bayer_level *level, float *planes);

#endif
