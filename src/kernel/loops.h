/* SPDX-License-Identifier: GPL-3.0-or-later
   loops.h -- the innermost loops, compiled once for each instruction set from the same
   source (loops_*.inc) and chosen by base/cpu.  They run in one thread, know nothing of
   operators and never look outside the elements they are told of, unless said here. */
#ifndef LATHE_KERNEL_LOOPS_H
#define LATHE_KERNEL_LOOPS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/random.h"
#include "kernel/finish.h"
#include "kernel/pointwise.h"
#include "kernel/precision.h"
#include "kernel/update.h"

/* Weights are packed in panels of vectors * lanes numbers for each k.  Where outputs are
   few, a vector holds `split` consecutive k of lanes / split outputs, output by
   output. */
typedef struct panel_form {
    int split, vectors;
    int64_t outputs; /* outputs of a panel: vectors * lanes / split */
} panel_form;

/* y[p][o] (+)= finish of sum over runs r, j of x[p * step + offset[r] + j] w[r, j][o],
   for all pixels p of some lines and the outputs of one panel.  Each run is packed by
   itself: its length is rounded up to a multiple of split, the rest are zeros. */
typedef struct product {
    panel_form form;
    int64_t pixels, outputs; /* outputs: those that there are, <= form.outputs */
    int64_t lines, x_line, y_line, residual_line; /* lines, and from one to the next */
    const float *x;
    int64_t step;
    int64_t runs, run_length;
    const int64_t *offset; /* [runs] */
    const float *weight;
    const float *scale, *shift; /* [form.outputs], never NULL */
    rectifier rectify;
    float slope;
    const float *residual; /* NULL, or laid out as y but for its step */
    int64_t residual_step;
    float *y;
    int64_t y_step;
    /* Where pixels lie in y as rows of an image: pixel 0 is the row_first-th of y, and y
       its first; 0 pixels: all are y_step apart.  Of a split of 1. */
    int64_t row_pixels, row_first, y_row;
    bool accumulate;
    /* What is read after this product, AHEAD_FLOATS side by side: fetched meanwhile. */
    const float *ahead;
    int64_t ahead_floats;
} product;

/* sum[o * sum_step + k] (+)= sum over rows i and pixels p of
   g[i * g_row + p * g_step + o] x[i * x_row + p * x_step + k], k < length, o < outputs.
   Reads up to `lanes` - 1 floats behind each pixel's x [length]. */
typedef struct outer {
    int64_t rows, pixels, outputs, length;
    const float *x, *g;
    int64_t x_row, x_step, g_row, g_step;
    float *sum;
    int64_t sum_step;
    bool overwrite; /* what SUM holds before */
    bool past;      /* with overwrite: SUM goes past the caches where it can */
} outer;

/* A line of pixels that have the same taps: y[p][c] (+)= finish of the sum over taps t of
   x[p * x_step + offset[t] + c] w[w_offset[t] + c]. */
typedef struct weighted {
    int64_t pixels, channels, taps;
    const float *x, *w;
    int64_t x_step;
    const int64_t *offset, *w_offset;
    const float *scale, *shift; /* [channels]; NULL: 1 and 0 */
    rectifier rectify;
    float slope;
    const float *residual; /* NULL, or laid out as y but for its step */
    int64_t residual_step;
    float *y;
    int64_t y_step;
    bool accumulate;
} weighted;

#define PLANES_OUTPUTS 8

#define STRIP_ROWS_MOST   4
#define STRIP_KERNEL_MOST 5

/* Some rows of all output columns of a convolution of each channel by itself, with square
   kernels of 3 or 5 that go on by one pixel:
   y[r][o][c] (+)= finish of the sum over b, a of
   x[r + a][o - left + b][c] w[w_offset[a * kernel + b] + c], in this order. */
typedef struct weighted_rows {
    int64_t rows, columns, channels, kernel; /* rows: up to strip_rows of the table */
    const float *x[STRIP_ROWS_MOST + STRIP_KERNEL_MOST - 1]; /* source rows */
    int64_t x_step[STRIP_ROWS_MOST + STRIP_KERNEL_MOST - 1]; /* 0: a row of one pixel */
    int64_t width, left; /* source columns; those missing before the first */
    const float *w;
    int64_t w_offset[STRIP_KERNEL_MOST * STRIP_KERNEL_MOST];
    const float *scale, *shift; /* [channels]; NULL: 1 and 0 */
    rectifier rectify;
    float slope;
    const float *residual; /* NULL, or laid out as y but for its steps */
    int64_t residual_step, residual_row;
    float *y;
    int64_t y_step, y_row;
    bool accumulate;
} weighted_rows;

/* A line of windows over an image whose pixels are X_COLUMN numbers apart and rows X_ROW:
   y[p][c] = the largest of x[p * x_step + ky * x_row + kx * x_column + c], and its place,
   first + ky * row + kx (WHERE may be NULL). */
typedef struct window {
    int64_t pixels, channels, kernel_h, kernel_w;
    const void *x;
    precision x_kept, y_kept;
    int64_t x_step, x_row, x_column;
    int64_t first, row;
    void *y;         /* [pixels][channels] */
    uint16_t *where; /* the same */
} window;

/* Back through a line of windows that lie as above in GX: the window's place
   first + ky * row + kx takes g[p][c] where where[p][c] names it, else nothing. */
typedef struct window_gradient {
    int64_t pixels, channels, kernel_h, kernel_w;
    const void *g;         /* [pixels][channels] */
    const uint16_t *where; /* the same */
    int64_t first, row;
    void *gx;
    precision x_kept, y_kept; /* of gx and g */
    int64_t x_step, x_row, x_column;
    bool accumulate; /* else every place of a window is written */
} window_gradient;

/* Back through a line of pixels that were mixed of others:
   gx[low[p]] += (1 - t[p]) g[p], gx[high[p]] += t[p] g[p], from 0 on. */
typedef struct resample_gradient {
    int64_t pixels, x_pixels, channels;
    const float *g;
    int64_t g_step;
    const int64_t *low; /* [pixels] never falling; high is low + 1, or t is 0 */
    const float *t;     /* [pixels] */
    float *gx;          /* [x_pixels][channels] */
} resample_gradient;

/* rectify((x - mean) scale + shift), all by column.  Without a rectifier the gradient
   needs the mean alone. */
typedef struct affine {
    const float *mean, *scale, *shift;
    rectifier rectify;
    float slope;
} affine;

/* Rows of numbers in memory: STEP numbers from row to row, and within a row pieces of PIECE
   numbers, PITCH apart.  A piece is a multiple of `lanes` numbers, or `least_piece` of
   them, or the whole row. */
typedef struct kept_rows {
    const void *at;
    precision kept;
    int64_t step, piece, pitch;
} kept_rows;

/* Rows of WIDTH floats, STEP apart. */
static inline kept_rows float_rows(const float *x, int64_t width, int64_t step)
{
    return (kept_rows){.at = x, .step = step, .piece = width};
}

/* What row_gradient works on. */
typedef struct row_slope {
    const affine *a;
    kept_rows x, g;
    const float *scale, *slope, *shift; /* by column */
} row_slope;

typedef struct kernel_loops {
    int64_t lanes;       /* floats in a vector */
    int64_t least_piece; /* of kept_rows: half a vector where it can be taken from two
                            places, else a whole one */
    int64_t strip_rows;  /* that weighted_strip takes at once, at most */
    void (*product)(const product *p);
    /* The same for up to PLANES_OUTPUTS outputs, with step 1, run_length 1 and weight
       [runs][PLANES_OUTPUTS]: the pixels of a channel lie side by side.  Reads x up to
       the next multiple of `lanes` pixels.  NULL, as planes_load, where it does not pay. */
    void (*planes)(const product *p);
    /* to[c * to_step + p] = x[p * x_step + c] for p < PIXELS, and 0 for the others up to
       ROW, a multiple of `lanes`. */
    void (*planes_load)(int64_t pixels, int64_t channels, const float *x, int64_t x_step,
                        float *to, int64_t to_step, int64_t row);
    /* to[c * to_step + r] = from[r * from_step + c]. */
    void (*turn)(int64_t rows, int64_t columns, const float *from, int64_t from_step,
                 float *to, int64_t to_step);
    /* to[r * to_step + c] = from[r * from_step + c]. */
    void (*copy)(int64_t rows, int64_t columns, const float *from, int64_t from_step,
                 float *to, int64_t to_step);
    /* The same of whole vectors whose rows lie side by side in TO, past the caches where
       that can be; other threads see them after finish_past. */
    void (*copy_past)(int64_t rows, int64_t columns, const float *from, int64_t from_step,
                      float *to);
    void (*finish_past)(void);
    void (*outer)(const outer *o);

    /* Flat arithmetic over N elements. */
    void (*pointwise)(pointwise f, float slope, int64_t n, const float *x, float *y);
    void (*pointwise_gradient)(pointwise f, float slope, int64_t n, const float *seen,
                               const float *g, float *gx, bool accumulate);
    void (*blend)(int64_t n, float a, const float *x, float b, float *y); /* a x + b y */
    void (*mix)(int64_t n, const float *x, const float *z, float t, float *y);
    /* mix: x (1 - t) + z t */
    /* mask[i] = 1 where word i of R from its counter on is LAST or less, else 0. */
    void (*draw_mask)(const random_stream *r, uint32_t last, int64_t n, uint8_t *mask);
    /* y (+)= scale x where MASK is not 0, else 0. */
    void (*mask_scaled)(int64_t n, const uint8_t *mask, float scale, const float *x,
                        float *y, bool accumulate);
    void (*softmax)(int64_t rows, int64_t columns, const float *x, float *y);
    void (*softmax_gradient)(int64_t rows, int64_t columns, const float *y,
                             const float *g, float *gx, bool accumulate);
    void (*log_softmax)(int64_t rows, int64_t columns, const float *x, float *y);
    void (*log_softmax_gradient)(int64_t rows, int64_t columns, const float *y,
                                 const float *g, float *gx, bool accumulate);

    /* Rows of WIDTH; what is per column has WIDTH floats.
         row_sum       sum += x
         row_moments   sum += x - shift, square += (x - shift)^2
         row_affine    y = rectify((x - mean) scale + shift)
         row_products  sum += g, product += g (x - mean)
         row_gradient  v = g scale - (x - mean) slope - shift; gx (+)= v, sum += v
       where in the last two g counts as row_affine's rectifier let it pass; TO is at what
       is written. */
    void (*row_sum)(int64_t rows, int64_t width, const kept_rows *x, float *sum);
    void (*row_moments)(int64_t rows, int64_t width, const kept_rows *x,
                        const float *shift, float *sum, float *square);
    void (*row_affine)(int64_t rows, int64_t width, const kept_rows *x, const affine *a,
                       const kept_rows *to, void *y);
    void (*row_products)(int64_t rows, int64_t width, const kept_rows *x, const affine *a,
                         const kept_rows *g, float *sum, float *product);
    void (*row_gradient)(int64_t rows, int64_t width, const row_slope *t,
                         const kept_rows *to, void *gx, bool accumulate, float *sum);

    /* Rows of WIDTH; B_STEP is from row to row.
         add_finish    y = rectify((a + b) scale + shift + residual); a and y step by STEP
         multiply      y (+)= a b */
    void (*add_finish)(int64_t rows, int64_t width, const float *a, const float *b,
                       int64_t b_step, const finish *f, float *y, int64_t step);
    void (*multiply)(int64_t rows, int64_t width, const float *a, const float *b,
                     int64_t b_step, float *y, bool accumulate);

    void (*weighted_sum)(const weighted *t);
    void (*weighted_strip)(const weighted_rows *t);
    /* sum[c] += x[r * step + c] over all rows, in double. */
    void (*total)(int64_t rows, int64_t width, const float *x, int64_t step, double *sum);
    void (*window_max)(const window *t);
    void (*window_back)(const window_gradient *t);
    /* y[p] = x[low[p]] (1 - t[p]) + x[high[p]] t[p] for pixels of CHANNELS, where low and
       high never fall; and back. */
    void (*resample)(int64_t pixels, int64_t channels, const float *x, const int64_t *low,
                     const int64_t *high, const float *t, float *y, int64_t y_step);
    void (*resample_back)(const resample_gradient *t);

    /* One step on elements begin..end - 1 of a parameter. */
    void (*adadelta)(const update *u, int64_t begin, int64_t end);
    void (*adam)(const update *u, int64_t begin, int64_t end);
    void (*momentum)(const update *u, int64_t begin, int64_t end);
    void (*descent)(const update *u, int64_t begin, int64_t end);
    void (*rmsprop)(const update *u, int64_t begin, int64_t end);
} kernel_loops;

/* The loops for cpu_get_level(). */
const kernel_loops *loops_get(void);

/* Of each instruction set; NULL where this build has none. */
extern const kernel_loops *const loops_scalar, *const loops_avx2, *const loops_avx512;

/* How OUTPUTS outputs are packed for vectors of LANES. */
panel_form panel_form_for(int64_t outputs, int64_t lanes);

#endif
