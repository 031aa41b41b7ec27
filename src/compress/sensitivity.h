/* SPDX-License-Identifier: GPL-3.0-or-later
   sensitivity.h -- what a metric loses when one layer alone is compressed: each conv and
   linear layer, at each level.  Samples are drawn until the interval of the mean paired
   difference is narrow.  The model is not changed. */
#ifndef LATHE_COMPRESS_SENSITIVITY_H
#define LATHE_COMPRESS_SENSITIVITY_H

#include "base/task.h"
#include "compress/quantize.h"
#include "measure/metric.h"

typedef enum sensitivity_kind {
    SENSITIVITY_BITS, /* the layer alone runs in integers: weights of LEVEL bits, values of
                         8 */
    SENSITIVITY_PRUNE, /* LEVEL (0..1) of the layer's weights, by magnitude, are zero */
    SENSITIVITY_WEIGHT /* the layer's weights have LEVEL bits, and all runs in f32 */
} sensitivity_kind;

#define SENSITIVITY_KINDS 3
const char *sensitivity_kind_name(sensitivity_kind kind); /* bits, prune, weight */
sensitivity_kind sensitivity_kind_find(const char *name); /* of what is none: bits */

typedef struct sensitivity_settings {
    sensitivity_kind kind;
    const double *levels;
    int level_count;
    const metric_row *metric; /* NULL: the first that applies */
    double tolerance;         /* half the width of the interval that is narrow enough, of
                                 the metric itself where it is a share, else of the model's
                                 own mean */
    int64_t most;             /* samples, at most */
    quantize_settings quantize; /* granularity, calibration samples, observer, seed */
} sensitivity_settings;

typedef struct sensitivity_row {
    int layer;        /* as quantize_layers counts */
    char name[80];    /* of its node */
    int64_t elements; /* weights */
    double level;
    double value;             /* of the metric with the layer compressed, */
    double change, low, high; /* what that adds to it, and the 95 % interval */
    int64_t samples;
    bool cached;              /* read from an earlier run's file */
    const metric_row *metric; /* that VALUE is of */
} sensitivity_row;

/* Called with each row as it stands. */
typedef void (*sensitivity_taker)(void *context, const sensitivity_row *row);

/* M (float) on samples INDEX[0..n-1] of D, drawn in this order; layer by layer, then level
   by level.  Rows that an earlier run of the same weights, samples and settings measured
   are taken from a file in the cache folder.  *METRIC is what was measured.  E_STOPPED:
   what was taken stays. */
status sensitivity_measure(const model *m, const dataset *d, const int64_t *index,
                           int64_t n, const sensitivity_settings *s, const task *watch,
                           sensitivity_taker take, void *context,
                           const metric_row **metric, error *e);

#endif
