/* SPDX-License-Identifier: GPL-3.0-or-later
   resize.c -- resampling, first down the columns, then along the rows.
   The arithmetic of a row is in loops_window.inc. */
#include "kernel/resize.h"

#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/kept.h"
#include "kernel/loops.h"
#include "kernel/scratch.h"

void resize_place(int64_t in, int64_t out, bool align_corners, int64_t i, int64_t *low,
                  int64_t *high, double *lambda)
{
    double place;
    if (align_corners)
        place = out > 1 ? (double)(i * (in - 1)) / (double)(out - 1) : 0;
    else
        place = ((double)i + 0.5) * (double)in / (double)out - 0.5;
    if (place < 0)
        place = 0;
    *low = (int64_t)place;
    if (*low > in - 1)
        *low = in - 1;
    *high = *low < in - 1 ? *low + 1 : *low;
    *lambda = *high > *low ? place - (double)*low : 0;
}

int64_t resize_nearest_place(int64_t in, int64_t out, int64_t i)
{
    return i * in / out;
}

/* Where each place of an output axis lies. */
typedef struct places {
    int64_t *low, *high;
    float *t;
} places;

typedef struct job {
    const resizing *r;
    const kernel_loops *loops;
    places rows, columns;
    /* Of each thread: one line of the wider image; and, where something is kept as bf16,
       one more, and some lines of x. */
    float *own;
    int64_t line_floats;
    size_t apart; /* from thread to thread */
    const void *x;
    void *y;
    bool accumulate;
} job;

enum { ROWS_BACK = 8 }; /* input rows of a tile: few are reached from two tiles */

static void take_places(places *p, int64_t count, scratch *s)
{
    p->low = scratch_take(s, count, sizeof *p->low);
    p->high = scratch_take(s, count, sizeof *p->high);
    p->t = scratch_floats(s, count);
}

static void set_places(const resizing *r, places *p, int64_t in, int64_t out)
{
    for (int64_t i = 0; i < out; i++) {
        double lambda = 0;
        if (r->nearest)
            p->low[i] = p->high[i] = resize_nearest_place(in, out, i);
        else
            resize_place(in, out, r->align_corners, i, &p->low[i], &p->high[i], &lambda);
        p->t[i] = (float)lambda;
    }
}

static size_t prepare(job *j, const resizing *r, void *block)
{
    scratch s = {.base = block};
    *j = (job){.r = r, .loops = loops_get()};
    j->line_floats = (r->w > r->out_w ? r->w : r->out_w) * r->c;
    int64_t floats = j->line_floats;
    if (r->x_kept || r->y_kept)
        floats = 2 * j->line_floats + ROWS_BACK * r->w * r->c;
    take_places(&j->rows, r->out_h, &s);
    take_places(&j->columns, r->out_w, &s);
    size_t used = s.used;
    j->own = scratch_floats(&s, floats);
    j->apart = scratch_rooms(&s, used);
    if (block) {
        set_places(r, &j->rows, r->h, r->out_h);
        set_places(r, &j->columns, r->w, r->out_w);
    }
    return s.used;
}

size_t resize_scratch(const resizing *r)
{
    job j;
    return prepare(&j, r, NULL);
}

static float *own_line(const job *j, int thread, int k)
{
    return (float *)room_of(j->own, j->apart, thread) + k * j->line_floats;
}

/* Line Y of an image of x, as floats; in ROOM where it is kept as bf16. */
static const float *line_of_x(const job *j, int64_t image, int64_t y, float *room)
{
    const resizing *r = j->r;
    int64_t at = (image * r->h + y) * r->w * r->c;
    if (!r->x_kept)
        return (const float *)j->x + at;
    kept_read(j->x, at, r->w, r->c, r->c, room);
    return room;
}

static void output_row(void *context, int64_t row, int thread)
{
    const job *j = context;
    const resizing *r = j->r;
    int64_t i = row % r->out_h, image = row / r->out_h, line = r->w * r->c;
    float *lines = own_line(j, thread, 2);
    const float *from = line_of_x(j, image, j->rows.low[i], lines);
    if (j->rows.t[i] != 0) {
        const float *high = line_of_x(j, image, j->rows.high[i], lines + line);
        float *mixed = own_line(j, thread, 0);
        j->loops->mix(line, from, high, j->rows.t[i], mixed);
        from = mixed;
    }
    int64_t pitch = r->y_pitch ? r->y_pitch : r->c, at = row * r->out_w * pitch;
    float *y = r->y_kept ? own_line(j, thread, 1) : (float *)j->y + at;
    j->loops->resample(r->out_w, r->c, from, j->columns.low, j->columns.high,
                       j->columns.t, y, r->y_kept ? r->c : pitch);
    if (r->y_kept)
        kept_write(y, r->out_w, r->c, j->y, at, pitch);
}

void resize_forward(const resizing *r, const void *x, void *y, void *scratch)
{
    job j;
    prepare(&j, r, scratch);
    j.x = x;
    j.y = y;
    parallel_for(r->n * r->out_h, output_row, &j);
}

/* The first output row that reads input row Y or a later one: low and high never fall. */
static int64_t first_reader(const job *j, int64_t y)
{
    int64_t begin = 0, end = j->r->out_h;
    while (begin < end) {
        int64_t middle = (begin + end) / 2;
        if (j->rows.high[middle] < y)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* The line of g at number AT, brought back to the input's columns, in LINE. */
static void reduce_row(const job *j, int64_t at, float *room, float *line)
{
    const resizing *r = j->r;
    int64_t pitch = r->y_pitch ? r->y_pitch : r->c;
    const float *g = r->y_kept ? room : (const float *)j->x + at;
    if (r->y_kept)
        kept_read(j->x, at, r->out_w, r->c, pitch, room);
    resample_gradient t = {.pixels = r->out_w,
                           .x_pixels = r->w,
                           .channels = r->c,
                           .g = g,
                           .g_step = r->y_kept ? r->c : pitch,
                           .low = j->columns.low,
                           .t = j->columns.t,
                           .gx = line};
    j->loops->resample_back(&t);
}

/* Adds SHARE of LINE to input row Y of the tile BEGIN.. at GX, if it is one of COUNT. */
static void add_row(const job *j, const float *line, float share, int64_t y,
                    int64_t begin, int64_t count, float *gx)
{
    int64_t floats = j->r->w * j->r->c;
    if (share != 0 && y >= begin && y < begin + count)
        j->loops->blend(floats, share, line, 1, gx + (y - begin) * floats);
}

static void input_rows(void *context, int64_t tile, int thread)
{
    const job *j = context;
    const resizing *r = j->r;
    int64_t tiles = (r->h - 1) / ROWS_BACK + 1, begin = tile % tiles * ROWS_BACK;
    int64_t count = r->h - begin < ROWS_BACK ? r->h - begin : ROWS_BACK;
    int64_t step = r->out_w * (r->y_pitch ? r->y_pitch : r->c), image = tile / tiles;
    int64_t at = (image * r->h + begin) * r->w * r->c;
    float *gx = r->x_kept ? own_line(j, thread, 2) : (float *)j->y + at;
    float *line = own_line(j, thread, 0);
    if (r->x_kept && j->accumulate)
        kept_read(j->y, at, count * r->w, r->c, r->c, gx);
    if (!j->accumulate)
        memset(gx, 0, (size_t)(count * r->w * r->c) * sizeof *gx);
    for (int64_t i = first_reader(j, begin);
         i < r->out_h && j->rows.low[i] < begin + count; i++) {
        reduce_row(j, (image * r->out_h + i) * step, own_line(j, thread, 1), line);
        add_row(j, line, 1 - j->rows.t[i], j->rows.low[i], begin, count, gx);
        add_row(j, line, j->rows.t[i], j->rows.high[i], begin, count, gx);
    }
    if (r->x_kept)
        kept_write(gx, count * r->w, r->c, j->y, at, r->c);
}

void resize_backward(const resizing *r, const void *grad_y, void *grad_x, bool accumulate,
                     void *scratch)
{
    job j;
    prepare(&j, r, scratch);
    j.x = grad_y;
    j.y = grad_x;
    j.accumulate = accumulate;
    parallel_for(r->n * ((r->h - 1) / ROWS_BACK + 1), input_rows, &j);
}
