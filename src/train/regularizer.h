/* SPDX-License-Identifier: GPL-3.0-or-later
   regularizer.h -- the table of regularizers: losses of what flows inside a network, its
   latent values, that add to the loss of its output. */
#ifndef LATHE_TRAIN_REGULARIZER_H
#define LATHE_TRAIN_REGULARIZER_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

typedef struct regularizer_row {
    const char *name, *summary, *source;
    /* Bytes of scratch memory for N samples of FEATURES latent values. */
    size_t (*room)(int64_t n, int64_t features);
    /* Of LATENT [n x features]; what is random is drawn from DRAW.  Writes WEIGHT times
       the derivative to GRADIENT unless NULL; returns the value without the weight. */
    double (*value)(const float *latent, int64_t n, int64_t features, random_stream draw,
                    double weight, void *room, float *gradient);
} regularizer_row;

const regularizer_row *regularizer_find(const char *name);
const regularizer_row *regularizer_at(int i);

#define SLICED_DIRECTIONS 50

/* Mean over COUNT directions (unit vectors) [count x features] and N samples of
   (sort(latent . direction) - sort(prior . direction))^2; PRIOR [n x features].  ROOM has
   sliced_room bytes.  GRADIENT as above. */
double sliced_wasserstein(const float *latent, int64_t n, int64_t features,
                          const float *directions, int64_t count, const float *prior,
                          double weight, void *room, float *gradient);
size_t sliced_room(int64_t n, int64_t features, int64_t count);

#endif
