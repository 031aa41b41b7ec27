/* SPDX-License-Identifier: GPL-3.0-or-later
   finish.h -- what kernels do to a sum while it is still in registers, before they write
   it: rectify(sum * scale[o] + shift[o] + residual[pixel][o]). */
#ifndef LATHE_KERNEL_FINISH_H
#define LATHE_KERNEL_FINISH_H

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

#endif
