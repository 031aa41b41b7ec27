/* SPDX-License-Identifier: GPL-3.0-or-later
   sample.h -- samples of a phase dataset for figures: density, gradient, mask, and what a
   model makes of them.  It draws nothing. */
#ifndef LATHE_PLOTS_SAMPLE_H
#define LATHE_PLOTS_SAMPLE_H

#include "plots/figure.h"

typedef struct sample_view {
    const model *model; /* NULL: the data alone */
    const dataset *data;
    int64_t height, width, input_channels, mask_channels;
    int64_t *index; /* [count] samples that are loaded */
    int64_t count;
    tensor *predicted; /* (count, H, W, 2); NULL without a model */

    /* The sample that is looked at, lent: (H, W, channels). */
    const float *input, *target, *output; /* output is NULL without a model */
    const uint8_t *mask;                  /* NULL where all is valid */
} sample_view;

/* [MODEL] DATA, by what the session knows under these names; DATA has images with a
   target of two components.  Nothing is loaded yet. */
status sample_open(const figure_call *c, const option_value *names, sample_view *v,
                   error *e);
void sample_close(sample_view *v);

/* Loads the samples INDEX[0..n-1] of the dataset, runs the model on them, and looks at
   the first. */
status sample_load(sample_view *v, const int64_t *index, int64_t n, error *e);
void sample_look(sample_view *v, int64_t loaded);

/* The dataset's number of sample INDEX of the split that the option split= says. */
status sample_number(const figure_call *c, const dataset *d, int64_t index,
                     int64_t *number, error *e);

/* Is the pixel invalid for the COMPONENT (0 or 1) of the gradient? */
bool sample_invalid(const sample_view *v, int64_t pixel, int64_t component);

#endif
