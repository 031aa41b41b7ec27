/* SPDX-License-Identifier: GPL-3.0-or-later
   convolution_weight.c -- the gradient of a convolution by its weight: sums over pixels
   of outer products of grad_y and what the pixel gathered.
   Small weights are summed by parts, each a fixed share of the output rows; of large
   weights each task owns some taps and channels and goes through all pixels. */
#include "kernel/weight.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/loops.h"
#include "kernel/mapping.h"

enum {
    PARTS_MOST = 16,
    PART_FLOATS = 1 << 16,  /* largest weight that is summed by parts */
    SLAB_FLOATS = 24 * 1024 /* gathered pixels of some channels of one tap */
};

typedef struct job {
    const mapping *m;
    const kernel_loops *loops;
    const float *x, *grad_y;
    float *grad_weight;
    int64_t size; /* floats of the group's weight */
    float *room;  /* of each thread */
    size_t apart; /* from thread to thread */
    tiling tiles; /* by parts */
    int64_t parts;
    float *sums;
    int64_t chunk, chunks, slab_pixels; /* by taps */
} job;

static void take_room(job *j, int64_t floats, scratch *s)
{
    size_t used = s->used;
    j->room = scratch_floats(s, floats);
    j->apart = scratch_rooms(s, used);
}

/* By parts. */

static void add_tile(const job *j, int64_t tile, float *room, float *sums)
{
    const mapping *m = j->m;
    const tiling *t = &j->tiles;
    int64_t image = tile / t->tiles, begin = tile % t->tiles * t->height;
    int64_t end = begin + t->height > m->out_h ? m->out_h : begin + t->height;
    const float *x = tiling_load(t, j->x, image, begin, end, room);
    int64_t per_row = m->rows.count ? t->runs / m->rows.count : 0;
    outer o = {.rows = end - begin,
               .pixels = m->out_w,
               .outputs = m->outputs,
               .length = t->run_length,
               .g = j->grad_y + image * m->y_image + begin * m->y_row,
               .x_row = m->step_h * t->row,
               .x_step = m->step_w * t->pitch,
               .g_row = m->y_row,
               .g_step = m->y_pixel,
               .sum_step = m->weight_output};
    for (int64_t r = 0; r < t->runs; r++) {
        o.x = x + t->offset[r];
        o.sum = sums + m->rows.weight[r / per_row] + m->columns.weight[r % per_row];
        j->loops->outer(&o);
    }
}

static void part_task(void *context, int64_t part, int thread)
{
    const job *j = context;
    int64_t tiles = j->m->images * j->tiles.tiles;
    float *sums = j->sums + part * j->size;
    memset(sums, 0, (size_t)j->size * sizeof *sums);
    for (int64_t tile = tiles * part / j->parts; tile < tiles * (part + 1) / j->parts;
         tile++)
        add_tile(j, tile, room_of(j->room, j->apart, thread), sums);
}

static void join_parts(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    for (int64_t part = 0; part < j->parts; part++)
        j->loops->blend(end - begin, 1, j->sums + part * j->size + begin, part ? 1 : 0,
                        j->grad_weight + begin);
}

static void parts_prepare(job *j, scratch *s)
{
    const mapping *m = j->m;
    /* The outer loop reads whole vectors: in place only where they end with the pixel. */
    int64_t lanes = j->loops->lanes;
    tiling_prepare(&j->tiles, m, m->channels % lanes == 0, lanes, s);
    int64_t tiles = m->images * j->tiles.tiles;
    j->parts = tiles < PARTS_MOST ? tiles : PARTS_MOST;
    j->sums = scratch_floats(s, j->parts * j->size);
    take_room(j, j->tiles.in_place ? 0 : j->tiles.room, s);
}

static void parts_run(job *j)
{
    enum { GRAIN = 4096 };
    parallel_for(j->parts, part_task, j);
    parallel_range(j->size, GRAIN, join_parts, j);
}

/* By taps. */

/* One tap's source channels first..first+count-1 for the pixels begin..end-1. */
static void gather_slab(const job *j, int64_t a, int64_t b, int64_t first, int64_t count,
                        int64_t begin, int64_t end, float *slab)
{
    const mapping *m = j->m;
    int64_t image = m->out_h * m->out_w;
    for (int64_t p = begin; p < end; p++, slab += j->chunk) {
        int64_t y = p % image / m->out_w * m->step_h + m->rows.place[a];
        int64_t x = p % m->out_w * m->step_w + m->columns.place[b];
        if (y < 0 || y >= m->h || x < 0 || x >= m->w)
            memset(slab, 0, (size_t)count * sizeof *slab);
        else
            memcpy(slab, j->x + ((p / image * m->h + y) * m->w + x) * m->pitch + first,
                   (size_t)count * sizeof *slab);
    }
}

static void tap_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    int64_t first = task % j->chunks * j->chunk, tap = task / j->chunks;
    int64_t a = tap / m->columns.count, b = tap % m->columns.count;
    int64_t count = m->channels - first < j->chunk ? m->channels - first : j->chunk;
    int64_t pixels = m->images * m->out_h * m->out_w;
    float *slab = room_of(j->room, j->apart, thread);
    float *sum = j->grad_weight + m->rows.weight[a] + m->columns.weight[b] + first;
    for (int64_t p = 0; p < pixels; p += j->slab_pixels) {
        int64_t end = p + j->slab_pixels > pixels ? pixels : p + j->slab_pixels;
        gather_slab(j, a, b, first, count, p, end, slab);
        outer o = {.rows = 1,
                   .pixels = end - p,
                   .outputs = m->outputs,
                   .length = count,
                   .x = slab,
                   .g = j->grad_y + p * m->y_pixel,
                   .x_step = j->chunk,
                   .g_step = m->y_pixel,
                   .sum = sum,
                   .sum_step = m->weight_output,
                   .overwrite = p == 0,
                   .past = pixels <= j->slab_pixels && weight_goes_past(j->size)};
        j->loops->outer(&o);
    }
}

static void taps_prepare(job *j, scratch *s)
{
    enum { TASKS_WANTED = 16 };
    const mapping *m = j->m;
    int64_t taps = m->rows.count * m->columns.count, block = 3 * j->loops->lanes;
    j->chunk = 4 * block;
    while (j->chunk > block && taps * ((m->channels - 1) / j->chunk + 1) < TASKS_WANTED)
        j->chunk -= block;
    j->chunks = (m->channels - 1) / j->chunk + 1;
    j->slab_pixels = SLAB_FLOATS / j->chunk;
    take_room(j, j->slab_pixels * j->chunk + j->loops->lanes, s);
}

static void taps_run(job *j)
{
    const mapping *m = j->m;
    int64_t taps = m->rows.count * m->columns.count;
    /* Taps that never meet the image are in no task. */
    if (taps * m->channels * m->outputs < j->size)
        parallel_clear(j->grad_weight, j->size);
    parallel_for(taps * j->chunks, tap_task, j);
}

static size_t weight_run(job *j, void *block)
{
    const mapping *m = j->m;
    scratch s = {.base = block};
    bool by_parts = j->size <= PART_FLOATS && m->images * m->out_h >= PARTS_MOST;
    j->loops = loops_get();
    if (by_parts)
        parts_prepare(j, &s);
    else
        taps_prepare(j, &s);
    if (block && by_parts)
        parts_run(j);
    else if (block)
        taps_run(j);
    return s.used;
}

size_t weight_scratch(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    job j = {.m = &m, .size = m.outputs * m.weight_output};
    return weight_run(&j, NULL);
}

void weight_gradient(const convolution *v, const float *x, const float *grad_y,
                     float *grad_weight, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    int64_t size = m.outputs * m.weight_output;
    for (int64_t group = 0; group < v->groups; group++) {
        job j = {.m = &m,
                 .x = x + group * m.channels,
                 .grad_y = grad_y + group * m.outputs,
                 .grad_weight = grad_weight + group * size,
                 .size = size};
        weight_run(&j, block);
    }
}
