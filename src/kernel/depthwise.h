/* SPDX-License-Identifier: GPL-3.0-or-later
   depthwise.h -- convolutions of each channel by itself, a few rows at a time, for those
   who read these rows at once.  Their row is in kernel/algorithm. */
#ifndef LATHE_KERNEL_DEPTHWISE_H
#define LATHE_KERNEL_DEPTHWISE_H

#include <stdbool.h>
#include "kernel/convolution.h"
#include "kernel/finish.h"
#include "kernel/scratch.h"

/* Groups, channels in and channels out are the same number, above 1. */
bool depthwise_is(const convolution *v);

/* V as one group: the taps' distances are those of weights [kernel_h][kernel_w][c]. */
convolution depthwise_ungrouped(const convolution *v);

/* The gradient by the weight, as kernel/algorithm.h has it, and its scratch. */
size_t depthwise_weight_scratch(const convolution *v);
void depthwise_weight_gradient(const convolution *v, const float *x, const float *grad_y,
                               float *grad_weight, void *block);

/* What algorithm_depthwise gets to run forward; borrowed. */
typedef struct depthwise_call {
    convolution v;
    const float *x, *bias;
    const void *prepared;
    finish tail;
} depthwise_call;

typedef struct depthwise_rows depthwise_rows;

/* Makes the rows of C ready in S, as long as C lives; NULL while S measures. */
depthwise_rows *depthwise_rows_open(const depthwise_call *c, scratch *s);

/* Output rows BEGIN .. END - 1 of IMAGE to y [rows][out_w][c], dense; THREAD as in
   base/parallel.h. */
void depthwise_rows_run(const depthwise_rows *r, int64_t image, int64_t begin,
                        int64_t end, float *y, int thread);

/* The source that output rows BEGIN .. END - 1 of IMAGE read and those before BEGIN do
   not: FLOATS side by side, 0 where there is none. */
const float *depthwise_rows_source(const depthwise_rows *r, int64_t image, int64_t begin,
                                   int64_t end, int64_t *floats);

#endif
