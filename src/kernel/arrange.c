/* SPDX-License-Identifier: GPL-3.0-or-later
   arrange.c -- pad and crop, concat, flatten, and their ways back.
   Nothing is computed but sums of gradients. */
#include "kernel/arrange.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/loops.h"

enum { GRAIN = 16 * 1024 }; /* floats of a tile */

int64_t pad_before(int64_t in, int64_t out)
{
    int64_t d = out - in;
    return d >= 0 ? d / 2 : -((1 - d) / 2);
}

static void copy(const float *from, float *to, int64_t n)
{
    if (n > 0)
        memcpy(to, from, (size_t)n * sizeof *to);
}

static void zero(float *to, int64_t n)
{
    if (n > 0)
        memset(to, 0, (size_t)n * sizeof *to);
}

typedef struct pad_job {
    padding p;
    const float *x;
    float *y;
    bool accumulate;
    const kernel_loops *loops;
} pad_job;

/* Row I of an axis padded or cropped: the columns first .. first + count - 1 of the
   output are those from place - before on of the input. */
static void overlap(int64_t in, int64_t out, int64_t *first, int64_t *count)
{
    int64_t before = pad_before(in, out), end = before + in;
    *first = before > 0 ? before : 0;
    *count = (end < out ? end : out) - *first;
}

/* Pixels FIRST..LAST-1 of a row: those of FROM on, or zeros. */
static void put_pixels(const padding *p, int64_t first, int64_t last, const float *from,
                       float *row)
{
    int64_t pitch = p->y_pitch ? p->y_pitch : p->c;
    bool dense = pitch == p->c;
    int64_t length = dense ? (last - first) * p->c : p->c;
    for (int64_t x = first; x < (dense && first < last ? first + 1 : last); x++) {
        if (from)
            copy(from + (x - first) * p->c, row + x * pitch, length);
        else
            zero(row + x * pitch, length);
    }
}

static void pad_row(void *context, int64_t row, int thread)
{
    const pad_job *j = context;
    const padding *p = &j->p;
    int64_t y = row % p->out_h - pad_before(p->h, p->out_h), first, count;
    float *to = j->y + row * p->out_w * (p->y_pitch ? p->y_pitch : p->c);
    (void)thread;
    overlap(p->w, p->out_w, &first, &count);
    if (y < 0 || y >= p->h) {
        put_pixels(p, 0, p->out_w, NULL, to);
        return;
    }
    const float *from = j->x + (row / p->out_h * p->h + y) * p->w * p->c;
    put_pixels(p, 0, first, NULL, to);
    put_pixels(p, first, first + count,
               from + (first - pad_before(p->w, p->out_w)) * p->c, to);
    put_pixels(p, first + count, p->out_w, NULL, to);
}

void pad_forward(const padding *p, const float *x, float *y)
{
    pad_job j = {.p = *p, .x = x, .y = y};
    parallel_for(p->n * p->out_h, pad_row, &j);
}

static void pad_row_back(void *context, int64_t row, int thread)
{
    const pad_job *j = context;
    const padding *p = &j->p;
    int64_t y = row % p->h + pad_before(p->h, p->out_h), first, count;
    int64_t before = pad_before(p->w, p->out_w);
    float *to = j->y + row * p->w * p->c;
    (void)thread;
    if (!j->accumulate)
        zero(to, p->w * p->c);
    overlap(p->w, p->out_w, &first, &count);
    if (y < 0 || y >= p->out_h || count <= 0)
        return;
    int64_t pitch = p->y_pitch ? p->y_pitch : p->c;
    const float *from = j->x + ((row / p->h * p->out_h + y) * p->out_w + first) * pitch;
    to += (first - before) * p->c;
    if (pitch == p->c)
        j->loops->blend(count * p->c, 1, from, j->accumulate ? 1 : 0, to);
    else
        for (int64_t i = 0; i < count; i++)
            j->loops->blend(p->c, 1, from + i * pitch, j->accumulate ? 1 : 0,
                            to + i * p->c);
}

void pad_backward(const padding *p, const float *grad_y, float *grad_x, bool accumulate)
{
    pad_job j = {.p = *p,
                 .x = grad_y,
                 .y = grad_x,
                 .accumulate = accumulate,
                 .loops = loops_get()};
    parallel_for(p->n * p->h, pad_row_back, &j);
}

/* Rows of COLUMNS numbers, FROM_STEP and TO_STEP apart. */
typedef struct move_job {
    int64_t columns, from_step, to_step;
    const float *from;
    float *to;
    bool accumulate;
    const kernel_loops *loops;
} move_job;

static void move_rows(void *context, int64_t begin, int64_t end, int thread)
{
    const move_job *j = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const float *from = j->from + i * j->from_step;
        float *to = j->to + i * j->to_step;
        if (j->accumulate)
            j->loops->blend(j->columns, 1, from, 1, to);
        else
            copy(from, to, j->columns);
    }
}

void concat_put(int64_t rows, int64_t total, int64_t first, int64_t columns,
                const float *x, float *y)
{
    move_job j = {.columns = columns,
                  .from_step = columns,
                  .to_step = total,
                  .from = x,
                  .to = y + first};
    parallel_range(rows, GRAIN / columns + 1, move_rows, &j);
}

void concat_add(int64_t rows, int64_t total, int64_t first, int64_t columns,
                const float *x, float *y)
{
    move_job j = {.columns = columns,
                  .from_step = columns,
                  .to_step = total,
                  .from = x,
                  .to = y + first,
                  .accumulate = true,
                  .loops = loops_get()};
    parallel_range(rows, GRAIN / columns + 1, move_rows, &j);
}

void concat_get(int64_t rows, int64_t total, int64_t first, int64_t columns,
                const float *y, float *x, bool accumulate)
{
    move_job j = {.columns = columns,
                  .from_step = total,
                  .to_step = columns,
                  .from = y + first,
                  .to = x,
                  .accumulate = accumulate,
                  .loops = loops_get()};
    parallel_range(rows, GRAIN / columns + 1, move_rows, &j);
}

/* to[c][r] (+)= from[r][c] for each image, some rows a task. */
typedef struct turn_job {
    int64_t rows, columns, band, bands;
    const float *from;
    float *to;
    bool accumulate;
    const kernel_loops *loops;
} turn_job;

static void turn_band(void *context, int64_t task, int thread)
{
    const turn_job *j = context;
    int64_t image = task / j->bands, first = task % j->bands * j->band;
    int64_t rows = j->rows - first < j->band ? j->rows - first : j->band;
    const float *from = j->from + (image * j->rows + first) * j->columns;
    float *to = j->to + image * j->rows * j->columns + first;
    (void)thread;
    if (!j->accumulate) {
        j->loops->turn(rows, j->columns, from, j->columns, to, j->rows);
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < j->columns; c++)
            to[c * j->rows + r] += from[r * j->columns + c];
}

void flatten_add(int64_t n, int64_t pixels, int64_t c, const float *x, float *y,
                 bool accumulate)
{
    turn_job j = {.rows = pixels,
                  .columns = c,
                  .from = x,
                  .to = y,
                  .accumulate = accumulate,
                  .loops = loops_get()};
    /* Whole vectors of rows; all of an image where that is little. */
    j.band = (GRAIN / c / j.loops->lanes + 1) * j.loops->lanes;
    j.bands = (pixels - 1) / j.band + 1;
    parallel_for(n * j.bands, turn_band, &j);
}

void flatten_forward(int64_t n, int64_t pixels, int64_t c, const float *x, float *y)
{
    flatten_add(n, pixels, c, x, y, false);
}

void flatten_backward(int64_t n, int64_t pixels, int64_t c, const float *grad_y,
                      float *grad_x, bool accumulate)
{
    flatten_add(n, c, pixels, grad_y, grad_x, accumulate);
}
