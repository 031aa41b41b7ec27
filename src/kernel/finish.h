/* SPDX-License-Identifier: GPL-3.0-or-later
   finish.h -- what kernels do to a sum while it is still in registers, before they write
   it: rectify(sum * scale[o] + shift[o] + residual[pixel][o]). */
#ifndef LATHE_KERNEL_FINISH_H
#define LATHE_KERNEL_FINISH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum rectifier {
    RECTIFY_NONE,
    RECTIFY_ZERO,       /* negative values become 0 */
    RECTIFY_SLOPE,      /* negative values are multiplied by the slope */
    RECTIFY_HARD_SWISH, /* v clamp(v / 6 + 1/2, 0, 1); no gradient goes through it here */
    RECTIFY_COUNT
} rectifier;

typedef struct finish {
    const float *scale, *shift; /* [output channels]; NULL: 1 and 0 */
    rectifier rectify;
    float slope;
    const float *residual;  /* laid out as y but for its pitch; NULL: nothing is added */
    int64_t residual_pitch; /* floats from pixel to pixel */
} finish;

/* scale and shift [count] so that rectify(sum * scale + shift) finishes a sum with BIAS
   [outputs] (or NULL); those of REPEATS pixels whose outputs lie side by side, and 1 and 0
   behind them. */
static inline void finish_spread(const finish *t, const float *bias, int64_t outputs,
                                 int64_t repeats, int64_t count, float *scale,
                                 float *shift)
{
    for (int64_t i = 0, o = 0; i < count; i++, o = o + 1 < outputs ? o + 1 : 0) {
        bool there = i < repeats * outputs;
        scale[i] = there && t->scale ? t->scale[o] : 1;
        shift[i] = there && t->shift ? t->shift[o] : 0;
        if (there && bias)
            shift[i] = bias[o] * scale[i] + shift[i];
    }
}

/* What output O of a pixel, counted through all images, becomes behind its sum. */
static inline float finish_one(const finish *t, float sum, int64_t pixel, int64_t o)
{
    sum = sum * (t->scale ? t->scale[o] : 1) + (t->shift ? t->shift[o] : 0);
    if (t->residual)
        sum += t->residual[pixel * t->residual_pitch + o];
    if (t->rectify == RECTIFY_HARD_SWISH)
        return sum * fminf(fmaxf(sum / 6 + 0.5f, 0), 1);
    if (sum >= 0 || t->rectify == RECTIFY_NONE)
        return sum;
    return t->rectify == RECTIFY_ZERO ? 0 : sum * t->slope;
}

#endif
