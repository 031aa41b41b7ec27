/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse.c -- convolutions whose weights are mostly zero: for each output, the list of
   its other weights runs over vectors of pixels, and the sums are turned back.
   It does not decide when that is faster: see sparse_cost.c. */
#include "kernel/sparse.h"

#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/scratch.h"
#include "kernel/sparse_parts.h"

/* What finishing a block needs beside the work. */
typedef struct ending {
    const sparse_loops *loops;
    const float *bias;
    const finish *tail;
    float *y;
} ending;

const sparse_loops *sparse_loops_get(void)
{
    cpu_level level = cpu_get_level();
    if (level >= CPU_AVX512 && sparse_avx512)
        return sparse_avx512;
    if (level >= CPU_AVX2 && sparse_avx2)
        return sparse_avx2;
    return sparse_scalar;
}

static const float *moved(const float *p, int64_t by)
{
    return p ? p + by : NULL;
}

static void sum_block(const sparse_work *w, int64_t block, const sparse_room *r)
{
    const ending *e = w->context;
    const sparse_packed *p = w->view.head;
    sparse_sum sum = {.lists = p->lists,
                      .kinds = w->shape.kinds,
                      .vectors = w->shape.vectors,
                      .sums = (float *)r->sums + w->reach,
                      .sums_step = w->sums_step};
    int64_t at = w->view.starts[block], floats = sparse_channel_floats(&w->shape);
    sum.counts = w->view.counts + block * p->chunks * p->lists;
    for (int64_t chunk = 0; chunk < p->chunks; chunk++) {
        sum.add = chunk > 0;
        sum.x = (const float *)r->x + chunk * p->channels * floats;
        if (p->together == 4) {
            sum.fours = w->view.fours + at;
            e->loops->sum_four(&sum);
        } else {
            sum.words = w->view.words + at;
            sum.places = w->view.places + at;
            e->loops->sum(&sum);
        }
        for (int64_t i = 0; i < p->lists; i++)
            at += sum.counts[i];
        sum.counts += p->lists;
    }
}

static void finish_block(const sparse_work *w, int64_t block, const sparse_room *r)
{
    const sparse_shape *s = &w->shape;
    const ending *e = w->context;
    int64_t output = block * s->lanes, left = s->outputs - output;
    finish tail = *e->tail;
    tail.scale = moved(tail.scale, output);
    tail.shift = moved(tail.shift, output);
    tail.residual = moved(tail.residual, output);
    sum_block(w, block, r);
    e->loops->emit(&(sparse_emit){.sums = (const float *)r->sums + w->reach,
                                  .sums_step = w->sums_step,
                                  .vectors = s->vectors,
                                  .outputs = left < s->lanes ? left : s->lanes,
                                  .kinds = s->kinds,
                                  .shift = w->shift,
                                  .inside = w->inside,
                                  .parts = s->parts,
                                  .pixel = r->pixel,
                                  .bias = moved(e->bias, output),
                                  .tail = &tail,
                                  .y = e->y + output,
                                  .y_pitch = s->y_pitch});
}

static bool suits(const convolution *v, const float *weight)
{
    sparse_shape s;
    return weight && v->groups == 1 &&
           sparse_shape_make(&s, v, sparse_loops_get()->lanes);
}

static bool pays(const convolution *v, const float *weight, algorithm_task task)
{
    return task == ALGORITHM_FORWARD && sparse_wins(v, weight);
}

static size_t prepared_bytes(const convolution *v, const float *weight)
{
    sparse_shape s;
    sparse_view view;
    sparse_shape_make(&s, v, sparse_loops_get()->lanes);
    sparse_packed head =
        sparse_pack_head(&s, &(sparse_weights){.v = v, .numbers = weight});
    return sparse_view_make(&view, &head, NULL);
}

static void prepare(const convolution *v, const float *weight, void *prepared)
{
    sparse_shape s;
    sparse_shape_make(&s, v, sparse_loops_get()->lanes);
    sparse_pack(&s, &(sparse_weights){.v = v, .numbers = weight}, prepared);
}

/* Where no weight is left, every pixel is the same but for what is added to it. */
typedef struct constant {
    const sparse_shape *shape;
    const finish *tail;
    const float *bias;
    float *row; /* [outputs] of a pixel to which nothing is added */
    float *y;
} constant;

static void finish_pixel(const constant *c, int64_t pixel, float *to)
{
    for (int64_t o = 0; o < c->shape->outputs; o++)
        to[o] = finish_one(c->tail, c->bias ? c->bias[o] : 0, pixel, o);
}

static void constant_pixels(void *context, int64_t begin, int64_t end, int thread)
{
    const constant *c = context;
    (void)thread;
    for (int64_t pixel = begin; pixel < end; pixel++) {
        float *to = c->y + pixel * c->shape->y_pitch;
        if (c->tail->residual)
            finish_pixel(c, pixel, to);
        else
            memcpy(to, c->row, (size_t)c->shape->outputs * sizeof *to);
    }
}

static void constant_run(constant *c)
{
    enum { NUMBERS = 16 * 1024 }; /* of a task */
    int64_t pixels = 1 + NUMBERS / c->shape->outputs;
    if (!c->tail->residual)
        finish_pixel(c, 0, c->row);
    parallel_range(c->shape->pixels, pixels, constant_pixels, c);
}

/* Scratch memory, cut for W; *ZEROS [channels] is what lies outside of images. */
static size_t layout(sparse_work *w, void *block, float **zeros)
{
    scratch memory = {.base = block};
    *zeros = scratch_floats(&memory, w->shape.channels);
    return memory.used + sparse_work_layout(w, block ? memory.base + memory.used : NULL);
}

static size_t scratch_bytes(const convolution *v)
{
    sparse_work w;
    float *zeros;
    sparse_shape_make(&w.shape, v, sparse_loops_get()->lanes);
    size_t row = (size_t)v->out_c * sizeof(float), work = layout(&w, NULL, &zeros);
    return row > work ? row : work;
}

static void forward(const convolution *v, const float *x, const void *prepared,
                    const float *bias, const finish *tail, float *y, void *block)
{
    ending e = {.loops = sparse_loops_get(), .bias = bias, .tail = tail, .y = y};
    sparse_work w = {.x = (const char *)x,
                     .channels = v->c,
                     .turn = e.loops->turn,
                     .finish = finish_block,
                     .context = &e};
    float *zeros;
    sparse_shape_make(&w.shape, v, e.loops->lanes);
    w.pitch = w.shape.x_pitch * (int64_t)sizeof *x;
    sparse_view_make(&w.view, prepared, (void *)(uintptr_t)prepared);
    if (w.view.head->entries == 0) {
        constant_run(&(constant){&w.shape, tail, bias, block, y});
        return;
    }
    layout(&w, block, &zeros);
    memset(zeros, 0, (size_t)v->c * sizeof *zeros);
    w.outside = (const char *)zeros;
    sparse_work_run(&w);
}

/* Outputs by inputs of an entry, where that is not one by one. */
static const char *detail(const void *prepared)
{
    const sparse_packed *head = prepared;
    return head->together == 4 ? "4x1" : NULL;
}

const char *sparse_describe(const void *prepared)
{
    return detail(prepared) ? "sparse 4x1" : "sparse";
}

const algorithm algorithm_sparse = {
    .name = "sparse",
    .precision = PRECISION_F32,
    .suits = suits,
    .pays = pays,
    .prepared_bytes = prepared_bytes,
    .prepare = prepare,
    .scratch_bytes = scratch_bytes,
    .forward = forward,
    .detail = detail,
};
