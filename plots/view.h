/* SPDX-License-Identifier: GPL-3.0-or-later
   view.h -- one sample as a network sees it: input, target, output and error, in the
   numbers of the dataset.  It draws nothing. */
#ifndef LATHE_PLOTS_VIEW_H
#define LATHE_PLOTS_VIEW_H

#include "plots/figure.h"
#include "plots/sheet.h"

/* Images (H, W, C) or blocks (D, H, W, C), of the size that the model's transform makes;
   where the network is to reproduce its input, the transform of its output is undone. */
typedef struct view {
    bool reproduced;          /* the target is the input */
    shape input_shape, shape; /* of one sample: of the input; of target and output */
    float *input, *target;
    float *valid;  /* of the target's shape, 1 where it counts; NULL: all counts */
    float *output; /* NULL without a model */
} view;

/* Sample NUMBER of D, and what M (NULL: none) makes of it.  E_SHAPE where the sample is no
   image or block, or the answer has another shape than the target.  Clear V in any case. */
status view_load(const model *m, const dataset *d, int64_t number, view *v, error *e);
void view_clear(view *v);

int64_t view_channels(const view *v); /* of target and output */
/* E_RANGE where there is no such channel. */
status view_check_channel(const view *v, int64_t channel, error *e);

/* The root of the mean squared error over elements that count. */
double view_error(const view *v);

/* What of a view is shown. */
typedef enum view_part { VIEW_INPUT, VIEW_TARGET, VIEW_OUTPUT, VIEW_ERROR } view_part;

/* A cut through a block (of images there is one): planes of axis 0 (depth), 1 or 2 at AT;
   CHANNEL where there are others than one or three. */
typedef struct view_cut {
    int axis;
    int64_t at, channel;
} view_cut;

/* How many cuts there are along AXIS. */
int64_t view_cuts(const view *v, int axis);

/* Adds the part as an image of S: three channels in colour, a packed Bayer frame (four) as
   colours brightened to its maximum; the error as the mean over colours.  TITLE is lent. */
status view_add(const view *v, view_part part, const view_cut *cut, sheet *s, int column,
                int row, const char *title, error *e);

#endif
