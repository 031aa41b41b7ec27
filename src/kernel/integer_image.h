/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_image.h -- images of codes, channels-last: pools, resampling, joining, moving.
   The arithmetic is that of lathe-integers(7).  Threaded over lines of the output;
   allocates nothing. */
#ifndef LATHE_KERNEL_INTEGER_IMAGE_H
#define LATHE_KERNEL_INTEGER_IMAGE_H

#include <stddef.h>
#include "kernel/arrange.h"
#include "kernel/integer.h"
#include "kernel/pointwise.h"
#include "kernel/pool.h"
#include "kernel/resize.h"

/* The largest code of each window; padding never wins. */
void integer_max_pool(const pooling *p, const int8_t *x, int8_t *y);
/* clamp(rne((float)sum (q - Z_x) M) + Z_y), M = (float)(S_x / (S_y n)), n the pixels of a
   whole window: padding counts as zeros. */
void integer_avg_pool(const pooling *p, integer_format in, integer_format out,
                      const int8_t *x, int8_t *y);
/* The same over all pixels: y [n, c] of x [n, pixels, c]. */
void integer_global_pool(int64_t n, int64_t pixels, int64_t c, integer_format in,
                         integer_format out, const int8_t *x, int8_t *y);

/* (sum of w_y w_x q + 2^21) >> 22 with w = rne(2048 lambda) and 2048 less that; or the
   nearest pixel.  SCRATCH: integer_resize_scratch bytes. */
size_t integer_resize_scratch(const resizing *r);
void integer_resize(const resizing *r, const int8_t *x, int8_t *y, void *scratch);

/* Padding is ZERO. */
void integer_pad(const padding *p, int8_t zero, const int8_t *x, int8_t *y);

/* One of the inputs that are joined: X [rows, columns], each code through MAP [256] (NULL:
   as it is). */
typedef struct integer_piece {
    int64_t columns;
    const int8_t *map, *x;
} integer_piece;

/* y [rows, columns of all] = the rows of COUNT pieces side by side. */
void integer_concat(int64_t rows, const integer_piece *pieces, int count, int8_t *y);

/* clamp(rne(p_a + p_b) + Z_y) in float, p = (float)(q - Z_x) M, M = (float)(S_x / S_y). */
void integer_add(const pairing *p, integer_format first, integer_format second,
                 integer_format out, const int8_t *a, const int8_t *b, int8_t *y);

/* y = clamp(rne((float)((a - Z_a) (b - Z_b)) M) + Z_y), M = (float)(S_a S_b / S_y). */
void integer_multiply(const pairing *p, integer_format first, integer_format second,
                      integer_format out, const int8_t *a, const int8_t *b, int8_t *y);

/* y [n, c, pixels] from x [n, pixels, c]. */
void integer_flatten(int64_t n, int64_t pixels, int64_t c, const int8_t *x, int8_t *y);

#endif
