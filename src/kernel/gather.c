/* SPDX-License-Identifier: GPL-3.0-or-later
   gather.c -- convolution and its gradient by the input, both as mappings: matrix products
   that gather their pixels while they multiply.
   Images of some width go by rows (gather_rows.c); small images and single pixels are
   gathered first (gather_pixels.c).  Which of the two, and every tile, depends on shapes
   alone. */
#include "kernel/gather.h"

#include "base/parallel.h"
#include "kernel/algorithm.h"
#include "kernel/gather_parts.h"
#include "kernel/weight.h"

static void pack_task(void *context, int64_t panel, int thread)
{
    const gather_job *j = context;
    (void)thread;
    panels_pack(&j->panels, panel, j->weight, j->packed + panel * j->panels.floats);
}

void gather_pack(gather_job *j)
{
    parallel_for(j->panels.count, pack_task, j);
}

/* Rows too short to fill a block of pixels, or too few of them to share out; or short
   ones that would each read more weights than pixels. */
static bool is_gathered(const mapping *m)
{
    bool heavy = m->out_w < 16 && m->channels * m->outputs > GATHER_CACHED_FLOATS / 4;
    return m->out_w < 8 || m->images * m->out_h < 4 || (heavy && source_is_gathered(m));
}

static const gather_way *way_of(const mapping *m)
{
    return is_gathered(m) ? &gather_by_pixels : &gather_by_rows;
}

/* Lays out what J needs in S, and runs it there where S is more than a measure. */
static void mapping_run(gather_job *j, bool packs, scratch *s)
{
    const gather_way *way = way_of(j->m);
    way->prepare(j, packs, s);
    if (!s->base)
        return;
    panels_finish(&j->panels, j->bias, j->tail);
    way->run(j);
}

static size_t mapping_scratch(const mapping *m, bool packs)
{
    gather_job j = {.m = m};
    scratch s = {0};
    mapping_run(&j, packs, &s);
    return s.used;
}

/* ---- the row of the table ---- */

static bool gather_suits(const convolution *v, const float *weight)
{
    (void)weight;
    return !depthwise_is(v);
}

/* Floats of all panels of one group. */
static int64_t group_floats(const mapping *m)
{
    gather_job j = {.m = m};
    scratch s = {0};
    way_of(m)->prepare(&j, false, &s);
    return j.panels.count * j.panels.floats;
}

static size_t gather_prepared(const convolution *v, const float *weight)
{
    mapping m;
    (void)weight;
    mapping_forward(&m, v);
    return (size_t)(v->groups * group_floats(&m)) * sizeof(float);
}

static void gather_prepare(const convolution *v, const float *weight, void *prepared)
{
    mapping m;
    mapping_forward(&m, v);
    int64_t floats = group_floats(&m);
    for (int64_t group = 0; group < v->groups; group++) {
        scratch s = {0};
        gather_job j = {.m = &m, .weight = weight + group * m.outputs * m.weight_output};
        way_of(&m)->prepare(&j, false, &s);
        j.packed = (float *)prepared + group * floats;
        gather_pack(&j);
    }
}

static void run_groups(const convolution *v, const float *x, const float *prepared,
                       const float *weight, const float *bias, const finish *tail,
                       float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    int64_t floats = prepared ? group_floats(&m) : 0;
    for (int64_t group = 0; group < v->groups; group++) {
        int64_t output = group * m.outputs;
        finish part = *tail;
        part.scale = tail->scale ? tail->scale + output : NULL;
        part.shift = tail->shift ? tail->shift + output : NULL;
        part.residual = tail->residual ? tail->residual + output : NULL;
        gather_job j = {.m = &m,
                        .source = x + group * m.channels,
                        .prepared = prepared ? prepared + group * floats : NULL,
                        .weight = weight ? weight + output * m.weight_output : NULL,
                        .bias = bias ? bias + output : NULL,
                        .tail = &part,
                        .y = y + output};
        mapping_run(&j, !prepared, &(scratch){.base = block});
    }
}

static size_t gather_scratch(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return mapping_scratch(&m, false);
}

bool gather_can_place(const convolution *v, int64_t each)
{
    panel_form form = panel_form_for(v->out_c, loops_get()->lanes);
    mapping m;
    mapping_forward(&m, v);
    return v->groups == 1 && form.split == 1 && each % form.outputs == 0 &&
           is_gathered(&m) && source_is_gathered(&m) && y_is_dense(&m);
}

void gather_forward_placed(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, const placing *place,
                           float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    gather_job j = {.m = &m,
                    .source = x,
                    .prepared = prepared,
                    .bias = bias,
                    .tail = tail,
                    .y = y,
                    .place = place};
    mapping_run(&j, false, &(scratch){.base = block});
}

bool gather_can_follow(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return v->groups == 1 && source_is_gathered(&m) && m.pitch == m.channels &&
           !is_gathered(&m);
}

static void run_following(gather_job *j, scratch *s)
{
    j->made = depthwise_rows_open(j->before, s);
    gather_by_rows.prepare(j, false, s);
    if (!s->base)
        return;
    panels_finish(&j->panels, j->bias, j->tail);
    gather_by_rows.run(j);
}

size_t gather_following_scratch(const convolution *v, const depthwise_call *first)
{
    mapping m;
    scratch s = {0};
    mapping_forward(&m, v);
    run_following(&(gather_job){.m = &m, .before = first}, &s);
    return s.used;
}

void gather_forward_following(const convolution *v, const depthwise_call *first,
                              const void *prepared, const float *bias, const finish *tail,
                              float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    gather_job j = {.m = &m,
                    .prepared = prepared,
                    .bias = bias,
                    .tail = tail,
                    .y = y,
                    .before = first};
    run_following(&j, &(scratch){.base = block});
}

static void gather_forward(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, float *y, void *block)
{
    run_groups(v, x, prepared, NULL, bias, tail, y, block);
}

static size_t gather_once_scratch(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return mapping_scratch(&m, true);
}

static void gather_forward_once(const convolution *v, const float *x, const float *weight,
                                const float *bias, const finish *tail, float *y,
                                void *block)
{
    run_groups(v, x, NULL, weight, bias, tail, y, block);
}

static void gather_grad_input(const convolution *v, const float *grad_y,
                              const float *weight, float *grad_x, bool accumulate,
                              void *block)
{
    static const finish nothing = {0};
    mapping m;
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w && mapping_backward(&m, v, h, w); w++)
            for (int64_t group = 0; group < v->groups; group++) {
                gather_job j = {.m = &m,
                                .source = grad_y + group * m.channels,
                                .weight = weight + group * m.channels * m.weight_channel,
                                .tail = &nothing,
                                .y = grad_x + (h * v->w + w) * v->c + group * m.outputs,
                                .accumulate = accumulate};
                mapping_run(&j, true, &(scratch){.base = block});
            }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t gather_gradient_scratch(const convolution *v)
{
    mapping m;
    size_t bytes = weight_scratch(v);
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w; w++)
            if (mapping_backward(&m, v, h, w))
                bytes = larger(bytes, mapping_scratch(&m, true));
    return bytes;
}

const algorithm algorithm_gather = {
    .name = "gather",
    .suits = gather_suits,
    .prepared_bytes = gather_prepared,
    .prepare = gather_prepare,
    .scratch_bytes = gather_scratch,
    .forward = gather_forward,
    .once_scratch = gather_once_scratch,
    .forward_once = gather_forward_once,
    .gradient_scratch = gather_gradient_scratch,
    .grad_input = gather_grad_input,
    .grad_weight = weight_gradient,
};
