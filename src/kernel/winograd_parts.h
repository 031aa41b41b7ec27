/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_parts.h -- what the files of Winograd convolution know of each other.
   It is no interface for anybody else. */
#ifndef LATHE_KERNEL_WINOGRAD_PARTS_H
#define LATHE_KERNEL_WINOGRAD_PARTS_H

#include "kernel/algorithm.h"
#include "kernel/scratch.h"
#include "kernel/winograd_loops.h"

/* One pass of 3x3 sums from images to images: a forward convolution, or a gradient by the
   input, which is one of grad_y with weights turned. */
typedef struct winograd_pass {
    const winograd_loops *loops;
    const winograd_form *form;
    winograd_grid in, out;
    int64_t tiles;          /* of all images */
    int64_t groups, panels; /* of in.channels; of out.channels */
    bool turned;
} winograd_pass;

winograd_pass winograd_forward_pass(const convolution *v, int64_t tile);
winograd_pass winograd_input_pass(const convolution *v, int64_t tile);

/* The same weights, [out_c][3][3][c] of the forward convolution, in planes. */
size_t winograd_weight_bytes(const winograd_pass *p);
void winograd_weight_prepare(const winograd_pass *p, const float *weight, float *u);

/* y (+)= finish of the pass over x.  Returns the scratch bytes; where BLOCK is NULL, it
   computes nothing else. */
size_t winograd_run(const winograd_pass *p, const float *x, const float *u,
                    const float *bias, const finish *tail, float *y, bool accumulate,
                    void *block);

/* grad_weight of V, or what TAKER takes where there is one; BLOCK in the same way. */
size_t winograd_weight_run(const convolution *v, int64_t tile, const float *x,
                           const float *grad_y, float *grad_weight,
                           const weight_taker *taker, void *block);

#endif
