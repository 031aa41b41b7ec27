/* SPDX-License-Identifier: GPL-3.0-or-later
   convolution.c -- convolution and its gradient by the input, both as mappings.
   Images of some width go by rows: each output row is a line of pixels that reads the
   source tile in place.  Small images and single pixels are gathered first.  Which of
   the two, and every tile, depends on shapes alone. */
#include "kernel/convolution.h"

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/depthwise.h"
#include "kernel/matrix.h"
#include "kernel/norm.h"
#include "kernel/panel.h"
#include "kernel/weight.h"

typedef struct job {
    const mapping *m;
    const float *source, *weight, *bias;
    const finish *tail;
    float *y;
    bool accumulate;
    panels panels;
    float *packed; /* all panels; NULL where each task packs its own */
    float *room;   /* of all threads */
    int64_t room_floats;
    tiling tiles;    /* by rows */
    float *gathered; /* gathered: [tile of pixels][k] */
    const float *g;
    int64_t step, first, last, chunk, chunks;
    float *sums;  /* gathered, where y is not dense: [tile of pixels][outputs] */
    bool by_blas; /* gathered: products of large matrices */
} job;

static void pack_task(void *context, int64_t panel, int thread)
{
    const job *j = context;
    (void)thread;
    panels_pack(&j->panels, panel, j->weight, j->packed + panel * j->panels.floats);
}

/* By rows. */

static void rows_task(void *context, int64_t tile, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    const tiling *t = &j->tiles;
    int64_t image = tile / t->tiles, begin = tile % t->tiles * t->height;
    int64_t end = begin + t->height > m->out_h ? m->out_h : begin + t->height;
    const float *x =
        tiling_load(t, j->source, image, begin, end, j->room + thread * j->room_floats);
    float *y = j->y + image * m->y_image + begin * m->y_row;
    /* Rows that follow each other without a gap are one line. */
    bool one_line = m->y_row == m->out_w * m->y_pixel &&
                    m->step_h * t->row == m->out_w * m->step_w * t->pitch;
    int64_t lines = one_line ? 1 : end - begin;
    for (int64_t panel = 0; panel < j->panels.count; panel++) {
        product p = panels_product(&j->panels, panel, j->tail, j->accumulate);
        p.pixels = one_line ? (end - begin) * m->out_w : m->out_w;
        p.step = m->step_w * t->pitch;
        p.offset = t->offset;
        p.weight = j->packed + panel * j->panels.floats;
        p.y_step = m->y_pixel;
        for (int64_t i = 0; i < lines; i++) {
            p.x = x + i * m->step_h * t->row;
            p.y = y + i * m->y_row + panel * j->panels.form.outputs;
            j->panels.loops->product(&p);
        }
    }
}

static void rows_prepare(job *j, scratch *s)
{
    tiling_prepare(&j->tiles, j->m, true, 0, s);
    panels_prepare(&j->panels, j->m, j->tiles.runs, j->tiles.run_length, s);
    j->packed = scratch_floats(s, j->panels.count * j->panels.floats);
    j->room_floats = j->tiles.in_place ? 0 : (j->tiles.room + 15) / 16 * 16;
    j->room = scratch_floats(s, cpu_threads() * j->room_floats);
}

static void rows_run(job *j)
{
    parallel_for(j->panels.count, pack_task, j);
    parallel_for(j->m->images * j->tiles.tiles, rows_task, j);
}

/* Gathered. */

enum {
    GATHERED_FLOATS = 1 << 21, /* gathered at once */
    CHUNK_PIXELS = 96,         /* whole blocks of every product loop */
    TASKS_WANTED = 16,
    BLAS_OUTPUTS = 128 /* of one sgemm */
};

static bool y_is_dense(const mapping *m)
{
    return m->y_row == m->out_w * m->y_pixel && m->y_image == m->out_h * m->y_row;
}

/* A single tap on every pixel: the source is the gathered matrix already. */
static bool source_is_gathered(const mapping *m)
{
    return m->rows.count == 1 && m->columns.count == 1 && m->rows.place[0] == 0 &&
           m->columns.place[0] == 0 && m->step_h == 1 && m->step_w == 1 &&
           m->out_h == m->h && m->out_w == m->w;
}

static int64_t pixel_count(const mapping *m)
{
    return m->images * m->out_h * m->out_w;
}

static void gather_task(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    mapping_gather(j->m, j->source, j->first + begin, j->first + end,
                   j->gathered + begin * j->step, j->step);
}

/* Puts the sums of pixels that are not neighbours in y to their places. */
static void scatter_task(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t p = j->first + i, image = m->out_h * m->out_w;
        const float *from = j->sums + i * m->outputs;
        float *to = j->y + p / image * m->y_image + p % image / m->out_w * m->y_row +
                    p % m->out_w * m->y_pixel;
        j->panels.loops->blend(m->outputs, 1, from, j->accumulate ? 1 : 0, to);
    }
}

static float *gathered_y(const job *j, int64_t begin)
{
    return j->sums ? j->sums + begin * j->m->outputs
                   : j->y + (j->first + begin) * j->m->y_pixel;
}

static void panel_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    int64_t panel = task / j->chunks, begin = task % j->chunks * j->chunk;
    int64_t count = j->last - j->first - begin;
    product p = panels_product(&j->panels, panel, j->tail, j->accumulate && !j->sums);
    float *own = j->room + thread * j->room_floats;
    if (!j->packed)
        panels_pack(&j->panels, panel, j->weight, own);
    static const int64_t start = 0;
    p.offset = &start;
    p.weight = j->packed ? j->packed + panel * j->panels.floats : own;
    p.pixels = count < j->chunk ? count : j->chunk;
    p.x = j->g + begin * j->step;
    p.step = j->step;
    p.y = gathered_y(j, begin) + panel * j->panels.form.outputs;
    p.y_step = j->sums ? m->outputs : m->y_pixel;
    j->panels.loops->product(&p);
}

static void blas_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    int64_t first = task / j->chunks * BLAS_OUTPUTS, begin = task % j->chunks * j->chunk;
    int64_t count = j->last - j->first - begin, left = m->outputs - first;
    (void)thread;
    matrix_multiply(&(matrix_product){
        .m = m,
        .x = j->g + begin * j->step,
        .weight = j->weight,
        .step = j->step,
        .pixels = count < j->chunk ? count : j->chunk,
        .first = first,
        .outputs = left < BLAS_OUTPUTS ? left : BLAS_OUTPUTS,
        .scale = j->panels.scale + first,
        .shift = j->panels.shift + first,
        .rectify = j->tail->rectify,
        .slope = j->tail->slope,
        .y = gathered_y(j, begin) + first,
        .y_step = j->sums ? m->outputs : m->y_pixel,
        .accumulate = j->accumulate && !j->sums,
    });
}

static int64_t at_least_one(int64_t n)
{
    return n < 1 ? 1 : n;
}

static void gathered_prepare(job *j, scratch *s)
{
    const mapping *m = j->m;
    int64_t k = m->rows.count * m->columns.count * m->channels;
    int64_t pixels = pixel_count(m), tile = pixels;
    bool there = source_is_gathered(m);
    j->step = there ? m->pitch : k;
    if (!there) {
        tile = at_least_one(GATHERED_FLOATS / at_least_one(k));
        tile = tile > pixels ? pixels : tile;
    }
    j->last = tile;
    j->gathered = there ? NULL : scratch_floats(s, tile * k);
    panels_prepare(&j->panels, m, k ? 1 : 0, k, s);
    j->by_blas = there && matrix_suits(m, pixels);
    int64_t columns = j->by_blas ? (m->outputs - 1) / BLAS_OUTPUTS + 1 : j->panels.count;
    int64_t parts = at_least_one(TASKS_WANTED / columns);
    j->chunk = (tile / parts / CHUNK_PIXELS + 1) * CHUNK_PIXELS;
    j->chunks = (tile - 1) / j->chunk + 1;
    bool shared = !j->by_blas && (j->chunks > 1 || tile < pixels);
    j->packed = shared ? scratch_floats(s, j->panels.count * j->panels.floats) : NULL;
    j->room_floats = shared || j->by_blas ? 0 : j->panels.floats;
    j->room = scratch_floats(s, cpu_threads() * j->room_floats);
    j->sums = y_is_dense(m) ? NULL : scratch_floats(s, tile * m->outputs);
}

static void gathered_run(job *j)
{
    enum { GRAIN = 8 };
    int64_t pixels = pixel_count(j->m), tile = j->last;
    if (j->packed)
        parallel_for(j->panels.count, pack_task, j);
    for (j->first = 0; j->first < pixels; j->first += tile) {
        j->last = j->first + tile > pixels ? pixels : j->first + tile;
        int64_t count = j->last - j->first;
        if (j->gathered)
            parallel_range(count, GRAIN, gather_task, j);
        j->g = j->gathered ? j->gathered : j->source + j->first * j->step;
        j->chunks = (count - 1) / j->chunk + 1;
        if (j->by_blas)
            parallel_for(((j->m->outputs - 1) / BLAS_OUTPUTS + 1) * j->chunks, blas_task,
                         j);
        else
            parallel_for(j->panels.count * j->chunks, panel_task, j);
        if (j->sums)
            parallel_range(count, GRAIN, scatter_task, j);
    }
}

/* Rows too short to fill a block of pixels, or too few of them to share out. */
static bool is_gathered(const mapping *m)
{
    return m->out_w < 8 || m->images * m->out_h < 4;
}

static void mapping_run(job *j, scratch *s)
{
    if (is_gathered(j->m))
        gathered_prepare(j, s);
    else
        rows_prepare(j, s);
    if (!s->base)
        return;
    panels_finish(&j->panels, j->bias, j->tail);
    if (is_gathered(j->m))
        gathered_run(j);
    else
        rows_run(j);
}

static size_t mapping_scratch(const mapping *m)
{
    job j = {.m = m};
    scratch s = {0};
    mapping_run(&j, &s);
    return s.used;
}

void convolution_forward(const convolution *v, const float *x, const float *weight,
                         const float *bias, const finish *tail, float *y, void *block)
{
    if (depthwise_is(v)) {
        depthwise_forward(v, x, weight, bias, tail, y, block);
        return;
    }
    mapping m;
    mapping_forward(&m, v);
    for (int64_t group = 0; group < v->groups; group++) {
        int64_t output = group * m.outputs;
        finish part = *tail;
        part.scale = tail->scale ? tail->scale + output : NULL;
        part.shift = tail->shift ? tail->shift + output : NULL;
        job j = {.m = &m,
                 .source = x + group * m.channels,
                 .weight = weight + output * m.weight_output,
                 .bias = bias ? bias + output : NULL,
                 .tail = &part,
                 .y = y + output};
        mapping_run(&j, &(scratch){.base = block});
    }
}

void convolution_grad_input(const convolution *v, const float *grad_y,
                            const float *weight, float *grad_x, bool accumulate,
                            void *block)
{
    static const finish nothing = {0};
    if (depthwise_is(v)) {
        depthwise_grad_input(v, grad_y, weight, grad_x, accumulate, block);
        return;
    }
    mapping m;
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w && mapping_backward(&m, v, h, w); w++)
            for (int64_t group = 0; group < v->groups; group++) {
                job j = {.m = &m,
                         .source = grad_y + group * m.channels,
                         .weight = weight + group * m.channels * m.weight_channel,
                         .tail = &nothing,
                         .y = grad_x + (h * v->w + w) * v->c + group * m.outputs,
                         .accumulate = accumulate};
                mapping_run(&j, &(scratch){.base = block});
            }
}

void convolution_grad_bias(const convolution *v, const float *grad_y, float *grad_bias,
                           void *block)
{
    channel_sum(v->n * v->out_h * v->out_w, v->out_c, grad_y, grad_bias, block);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t convolution_scratch(const convolution *v, bool training)
{
    mapping m;
    size_t bytes = training ? channel_scratch(v->n * v->out_h * v->out_w, v->out_c) : 0;
    if (depthwise_is(v))
        return larger(bytes, depthwise_scratch(v, training));
    mapping_forward(&m, v);
    bytes = larger(bytes, mapping_scratch(&m));
    if (!training)
        return bytes;
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w; w++)
            if (mapping_backward(&m, v, h, w))
                bytes = larger(bytes, mapping_scratch(&m));
    return larger(bytes, weight_scratch(v));
}
