/* SPDX-License-Identifier: GPL-3.0-or-later
   loss.h -- the table of losses.  Each gives its value and its gradient in one pass. */
#ifndef LATHE_TRAIN_LOSS_H
#define LATHE_TRAIN_LOSS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct loss_settings {
    double delta;     /* huber: where squares turn into straight lines; more than 0 */
    double smoothing; /* cross-entropy: share of the target that all labels have alike */
} loss_settings;

extern const loss_settings loss_standard; /* delta 1, smoothing 0 */

typedef struct loss_row {
    const char *name, *summary;
    /* OUTPUT, TARGET, VALID: N elements (N = samples x channels x pixels, channels-last);
       CHANNELS is the last dimension.  Where the row wants labels, TARGET and VALID have
       one element for each row of CHANNELS.  VALID may be NULL (all valid).  Writes
       d loss / d output to GRADIENT unless NULL; returns the loss, a mean, summed in
       double by a fixed tree. */
    double (*value)(const loss_settings *s, const float *output, const float *target,
                    const float *valid, int64_t n, int64_t channels, float *gradient);
    bool labels; /* the target is one label for each row of CHANNELS outputs, as f32 */
} loss_row;

/* Means are over ALL elements, or over all N / CHANNELS rows where there are labels; what
   is not valid counts as 0 in the masked losses, and like anything else in the others.
   NaN where a label is no whole number in 0..CHANNELS-1. */
const loss_row *loss_find(const char *name);
const loss_row *loss_at(int i);

#endif
