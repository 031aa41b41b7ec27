/* SPDX-License-Identifier: GPL-3.0-or-later
   algorithm.h -- the ways to compute one f32 convolution, as a table.  All of them obey
   kernel/convolution.h to rounding; which is fastest depends on shape, weights and
   machine, so callers choose a row: by shape alone (algorithm_guess) or by measuring.
   To add one: a file with its functions and a row in algorithm.c.

   Forward runs in two parts.  `prepare` brings weights into the order that the kernel
   reads; that memory belongs to the caller, 64-byte aligned, and holds as long as the
   weights do not change.  `forward` may then run any number of times.  Everything is
   threaded, allocates nothing, and gives the same bits at any number of threads.

   Pixels of x and y may be further apart than their channels (v->x_pitch, v->y_pitch), so
   that values can lie side by side in a wider one. */
#ifndef LATHE_KERNEL_ALGORITHM_H
#define LATHE_KERNEL_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include "kernel/convolution.h"
#include "kernel/finish.h"
#include "kernel/precision.h"
#include "kernel/weight_taker.h"

typedef enum algorithm_task {
    ALGORITHM_FORWARD,
    ALGORITHM_GRAD_INPUT,
    ALGORITHM_GRAD_WEIGHT,
    ALGORITHM_FORWARD_ONCE, /* forward, with weights that are used once */
    ALGORITHM_TASKS
} algorithm_task;

typedef struct algorithm {
    const char *name; /* a word for tables: "gather", "winograd" */
    precision precision;
    /* Can it run V on this processor, to its accuracy?  WEIGHT may be NULL where it is not
       known yet; an algorithm that depends on its values says no then. */
    bool (*suits)(const convolution *v, const float *weight);
    /* Is it expected to be faster than the rows behind it?  NULL: always. */
    bool (*pays)(const convolution *v, const float *weight, algorithm_task task);
    size_t (*prepared_bytes)(const convolution *v, const float *weight);
    void (*prepare)(const convolution *v, const float *weight, void *prepared);
    size_t (*scratch_bytes)(const convolution *v); /* of forward */
    void (*forward)(const convolution *v, const float *x, const void *prepared,
                    const float *bias, const finish *tail, float *y, void *scratch);

    /* The same for weights that are used once: what is prepared does not leave the cache.
       NULL: as algorithm_forward_once does it with the functions above. */
    size_t (*once_scratch)(const convolution *v);
    void (*forward_once)(const convolution *v, const float *x, const float *weight,
                         const float *bias, const finish *tail, float *y, void *scratch);

    /* What a table says behind the name, of what was prepared; NULL: nothing. */
    const char *(*detail)(const void *prepared);

    /* Gradients, for dense tensors (pitches of 0) and no residual; NULL where it has
       none. */
    size_t (*gradient_scratch)(const convolution *v); /* of both */
    void (*grad_input)(const convolution *v, const float *grad_y, const float *weight,
                       float *grad_x, bool accumulate, void *scratch);
    void (*grad_weight)(const convolution *v, const float *x, const float *grad_y,
                        float *grad_weight, void *scratch);
    /* The same gradient, handed over in pieces instead; NULL: it is not done here. */
    void (*grad_weight_taken)(const convolution *v, const float *x, const float *grad_y,
                              const weight_taker *taker, void *scratch);
} algorithm;

/* The I-th row, or NULL beyond the end; and the row of NAME, or NULL. */
const algorithm *algorithm_at(int i);
const algorithm *algorithm_find(const char *name);

/* Is there a kernel of A for the task? */
bool algorithm_has(const algorithm *a, algorithm_task task);

/* Forward with weights as they are; WEIGHT may be NULL for the bytes, as above. */
size_t algorithm_once_scratch(const algorithm *a, const convolution *v,
                              const float *weight);
void algorithm_forward_once(const algorithm *a, const convolution *v, const float *x,
                            const float *weight, const float *bias, const finish *tail,
                            float *y, void *scratch);

/* The row of precision P (or of f32, where P has none) that is expected to be fastest for
   the task on V with WEIGHT (NULL: not known yet). */
const algorithm *algorithm_guess(const convolution *v, const float *weight, precision p,
                                 algorithm_task task);

extern const algorithm algorithm_gather, algorithm_matrix, algorithm_depthwise,
    algorithm_sparse, algorithm_winograd_two, algorithm_winograd_four,
    algorithm_winograd_thin_two, algorithm_winograd_thin_four,
    algorithm_winograd_two_kept, algorithm_winograd_four_kept, algorithm_bf16,
    algorithm_shift, algorithm_shift_kept, algorithm_shift_pairs, algorithm_planes,
    algorithm_im2col, algorithm_direct;

#endif
