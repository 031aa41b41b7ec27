/* SPDX-License-Identifier: GPL-3.0-or-later
   resample.h -- pictures in another size: linear interpolation between the centres of
   pixels, and where it gets smaller a triangle as wide as the new pixels, so that nothing
   is skipped.  It knows neither files nor datasets. */
#ifndef LATHE_DATA_RESAMPLE_H
#define LATHE_DATA_RESAMPLE_H

#include <stdint.h>
#include "base/error.h"

/* For each of COUNT new pixels the old ones it is made of. */
typedef struct taps {
    int64_t count, most; /* most taps of a pixel */
    int64_t *first, *length;
    double *weight; /* [count x most], with the sum 1 for each pixel */
} taps;

/* A change of size, for any number of pictures. */
typedef struct resampler {
    int64_t from_height, from_width, channels;
    taps rows, columns; /* of the new height, of the new width */
} resampler;

status resampler_make(resampler *r, int64_t from_height, int64_t from_width,
                      int64_t height, int64_t width, int64_t channels, error *e);
void resampler_clear(resampler *r);

/* Numbers of scratch memory for one picture. */
int64_t resampler_room(const resampler *r);

/* The picture FROM (H, W, C), made narrower or wider; then row I of the result, (W', C) in
   SCRATCH, which is lent until the next row. */
void resampler_begin(const resampler *r, const float *from, double *scratch);
const double *resampler_row(const resampler *r, int64_t i, double *scratch);

#endif
