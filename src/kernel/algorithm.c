/* SPDX-License-Identifier: GPL-3.0-or-later
   algorithm.c -- the table of ways to compute a convolution, and the choice among them by
   shape.  It computes nothing itself. */
#include "kernel/algorithm.h"

#include <string.h>
#include "kernel/scratch.h"

/* Of those of one precision that suit, algorithm_guess takes the first that says it is
   worth it; the general one stands behind them.  Two are there to be compared with, and
   never say so. */
static const algorithm *const rows[] = {
    &algorithm_sparse,
    &algorithm_depthwise,
    &algorithm_matrix,
    &algorithm_planes,
    &algorithm_shift,
    &algorithm_winograd_thin_four,
    &algorithm_winograd_thin_two,
    &algorithm_winograd_four,
    &algorithm_winograd_two,
    &algorithm_gather,
    &algorithm_shift_pairs,
    &algorithm_shift_kept,
    &algorithm_winograd_four_kept,
    &algorithm_winograd_two_kept,
    &algorithm_bf16,
    &algorithm_im2col,
    &algorithm_direct,
};

const algorithm *algorithm_at(int i)
{
    int count = (int)(sizeof rows / sizeof *rows);
    return i >= 0 && i < count ? rows[i] : NULL;
}

const algorithm *algorithm_find(const char *name)
{
    for (int i = 0; algorithm_at(i); i++)
        if (strcmp(algorithm_at(i)->name, name) == 0)
            return algorithm_at(i);
    return NULL;
}

bool algorithm_has(const algorithm *a, algorithm_task task)
{
    return task == ALGORITHM_GRAD_INPUT    ? a->grad_input != NULL
           : task == ALGORITHM_GRAD_WEIGHT ? a->grad_weight != NULL
                                           : a->forward != NULL;
}

static const algorithm *guess(const convolution *v, const float *weight, precision p,
                              algorithm_task task)
{
    for (int i = 0; algorithm_at(i); i++) {
        const algorithm *a = algorithm_at(i);
        if (a->precision == p && algorithm_has(a, task) && a->suits(v, weight) &&
            (!a->pays || a->pays(v, weight, task)))
            return a;
    }
    return NULL;
}

const algorithm *algorithm_guess(const convolution *v, const float *weight, precision p,
                                 algorithm_task task)
{
    const algorithm *a = guess(v, weight, p, task);
    return a ? a : guess(v, weight, PRECISION_F32, task);
}

size_t algorithm_once_scratch(const algorithm *a, const convolution *v,
                              const float *weight)
{
    if (a->forward_once)
        return a->once_scratch(v);
    scratch s = {0};
    scratch_take(&s, (int64_t)a->prepared_bytes(v, weight), 1);
    return s.used + a->scratch_bytes(v);
}

void algorithm_forward_once(const algorithm *a, const convolution *v, const float *x,
                            const float *weight, const float *bias, const finish *tail,
                            float *y, void *block)
{
    if (a->forward_once) {
        a->forward_once(v, x, weight, bias, tail, y, block);
        return;
    }
    scratch s = {.base = block};
    void *prepared = scratch_take(&s, (int64_t)a->prepared_bytes(v, weight), 1);
    a->prepare(v, weight, prepared);
    a->forward(v, x, prepared, bias, tail, y, s.base + s.used);
}
