/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_resize.c -- resampling of images of codes.  Bilinear: columns first, kept for
   the two lines of the image that a line of the output lies between; the next line often
   needs them again.  Sums are exact, so that the order changes no bit. */
#include "kernel/integer_image.h"

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/integer_loops.h"
#include "kernel/scratch.h"

#define WORTH 16384

typedef struct resize_work {
    const integer_loops *loops;
    const resizing *r;
    const int8_t *x;
    int8_t *y;
    integer_place *columns; /* [out_w] */
    int32_t *lines;         /* two of [out_w][c] for each thread */
    int64_t line_size;
    size_t apart; /* from thread to thread */
} resize_work;

static resize_work work_of(const resizing *r, scratch *s)
{
    resize_work w = {.loops = integer_loops_get(), .r = r};
    /* A whole number of cache lines apart. */
    w.line_size = (r->out_w * r->c + 15) / 16 * 16;
    w.columns = scratch_take(s, r->out_w, sizeof *w.columns);
    size_t used = s->used;
    w.lines = scratch_take(s, 2 * w.line_size, sizeof *w.lines);
    w.apart = scratch_rooms(s, used);
    return w;
}

size_t integer_resize_scratch(const resizing *r)
{
    scratch s = {0};
    if (!r->nearest)
        work_of(r, &s);
    return s.used;
}

static int64_t lines_of(const resizing *r)
{
    int64_t codes = r->out_w * r->c;
    return codes < WORTH / 4 ? WORTH / codes : 4;
}

static integer_place place_at(int64_t in, int64_t out, bool align_corners, int64_t i)
{
    integer_place p;
    double lambda;
    resize_place(in, out, align_corners, i, &p.low, &p.high, &lambda);
    p.weight = (int32_t)rint(lambda * (1 << INTEGER_PLACE_BITS));
    return p;
}

/* Line IY of all images: in SLOT, or made there now.  Slots hold lines of one parity, so
   that two neighbours never want the same one. */
static const int32_t *line_at(const resize_work *w, int32_t *slots, int64_t held[2],
                              int64_t iy)
{
    const resizing *r = w->r;
    int32_t *slot = slots + iy % 2 * w->line_size;
    if (held[iy % 2] != iy)
        w->loops->blend_columns(r->out_w, r->c, w->x + iy * r->w * r->c, w->columns,
                                slot);
    held[iy % 2] = iy;
    return slot;
}

static void bilinear_lines(void *context, int64_t begin, int64_t end, int thread)
{
    const resize_work *w = context;
    const resizing *r = w->r;
    int32_t *slots = room_of(w->lines, w->apart, thread);
    int64_t held[2] = {-1, -1}, codes = r->out_w * r->c;
    for (int64_t line = begin; line < end; line++) {
        int64_t first = line / r->out_h * r->h;
        integer_place p = place_at(r->h, r->out_h, r->align_corners, line % r->out_h);
        const int32_t *low = line_at(w, slots, held, first + p.low);
        const int32_t *high = line_at(w, slots, held, first + p.high);
        w->loops->blend_rows(codes, low, high, p.weight, w->y + line * codes);
    }
}

static void nearest_lines(void *context, int64_t begin, int64_t end, int thread)
{
    const resize_work *w = context;
    const resizing *r = w->r;
    (void)thread;
    for (int64_t line = begin; line < end; line++) {
        int64_t iy = line / r->out_h * r->h +
                     resize_nearest_place(r->h, r->out_h, line % r->out_h);
        const int8_t *x = w->x + iy * r->w * r->c;
        int8_t *y = w->y + line * r->out_w * r->c;
        for (int64_t ox = 0; ox < r->out_w; ox++, y += r->c)
            memcpy(y, x + resize_nearest_place(r->w, r->out_w, ox) * r->c, (size_t)r->c);
    }
}

void integer_resize(const resizing *r, const int8_t *x, int8_t *y, void *memory)
{
    scratch s = {.base = memory};
    resize_work w = {.loops = NULL, .r = r};
    if (!r->nearest) {
        w = work_of(r, &s);
        for (int64_t i = 0; i < r->out_w; i++)
            w.columns[i] = place_at(r->w, r->out_w, r->align_corners, i);
    }
    w.x = x;
    w.y = y;
    parallel_evenly(r->n * r->out_h, lines_of(r),
                    r->nearest ? nearest_lines : bilinear_lines, &w);
}
