/* SPDX-License-Identifier: GPL-3.0-or-later
   planes.c -- convolution of few outputs, and the gradient by an input of few channels:
   vectors of pixels instead of outputs.  Strips of source rows are brought into planes, a
   channel each; the products are in loops_planes.inc. */
#include "kernel/algorithm.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/loops.h"
#include "kernel/mapping.h"
#include "kernel/scratch.h"

enum {
    STRIP_FLOATS = 48 * 1024, /* of a strip's planes, of those that have several rows */
    STRIP_MOST = 32,          /* output rows */
    TASKS_WANTED = 16,
    PIXELS_LEAST = 64,              /* of a row */
    CHANNELS_MOST = PLANES_OUTPUTS, /* of more Winograd's products are fewer */
    TERMS_MOST = 512                /* channels times taps */
};

typedef struct job {
    const mapping *m;
    const kernel_loops *loops;
    const float *source, *bias;
    const finish *tail;
    float *y;
    bool accumulate;
    int64_t terms;     /* channels times taps */
    int64_t lead, row; /* floats before the first row of a plane; of a row */
    int64_t span;      /* source rows of an output row, from the first to the last */
    int64_t height, strips;
    int64_t plane;        /* floats */
    int64_t groups;       /* of PLANES_OUTPUTS outputs, the last of which may be fewer */
    const float *weight;  /* [groups][terms][PLANES_OUTPUTS] */
    int64_t *offset;      /* [terms] */
    float *scale, *shift; /* [groups][PLANES_OUTPUTS] */
    float *room;  /* of the first thread: [channels][lead, [height + span - 1][row]] */
    size_t apart; /* from thread to thread */
} job;

static int64_t place_of(const axis *a, int64_t i)
{
    return a->count ? a->place[i] : 0;
}

static int64_t first_place(const axis *a)
{
    return place_of(a, 0);
}

static int64_t last_place(const axis *a)
{
    return place_of(a, a->count - 1);
}

static int64_t whole_vectors(int64_t floats, const kernel_loops *loops)
{
    return (floats + loops->lanes - 1) / loops->lanes * loops->lanes;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Output rows of a strip: as many as the cache holds, and enough strips to share out. */
static int64_t strip_height(const job *j)
{
    const mapping *m = j->m;
    int64_t most = STRIP_FLOATS / (m->channels * j->row) - j->span + 1;
    int64_t shared = m->images * m->out_h / TASKS_WANTED;
    most = most < shared ? most : shared;
    most = most < STRIP_MOST ? most : STRIP_MOST;
    return larger(most < m->out_h ? most : m->out_h, 1);
}

static void set_offsets(const job *j)
{
    const mapping *m = j->m;
    int64_t *offset = j->offset;
    for (int64_t a = 0; a < m->rows.count; a++)
        for (int64_t b = 0; b < m->columns.count; b++)
            for (int64_t c = 0; c < m->channels; c++)
                *offset++ = c * j->plane +
                            (m->rows.place[a] - first_place(&m->rows)) * j->row +
                            j->lead + m->columns.place[b];
}

static int64_t term_count(const mapping *m)
{
    return m->rows.count * m->columns.count * m->channels;
}

static int64_t group_count(const mapping *m)
{
    return (m->outputs - 1) / PLANES_OUTPUTS + 1;
}

/* The outputs from FIRST on. */
static void pack_group(const mapping *m, int64_t first, const float *weight, float *to)
{
    weight += first * m->weight_output;
    for (int64_t a = 0; a < m->rows.count; a++)
        for (int64_t b = 0; b < m->columns.count; b++)
            for (int64_t c = 0; c < m->channels; c++, to += PLANES_OUTPUTS) {
                const float *from = weight + m->rows.weight[a] + m->columns.weight[b] +
                                    c * m->weight_channel;
                for (int64_t o = 0; o < PLANES_OUTPUTS; o++)
                    to[o] = first + o < m->outputs ? from[o * m->weight_output] : 0;
            }
}

static void pack(const mapping *m, const float *weight, float *to)
{
    for (int64_t g = 0; g < group_count(m); g++)
        pack_group(m, g * PLANES_OUTPUTS, weight,
                   to + g * term_count(m) * PLANES_OUTPUTS);
}

/* A row of pixels, and zeros up to the end of the row of each plane. */
static void load_row(const job *j, const float *from, float *to)
{
    const mapping *m = j->m;
    if (m->pitch > 1) {
        j->loops->planes_load(m->w, m->channels, from, m->pitch, to, j->plane, j->row);
        return;
    }
    memcpy(to, from, (size_t)m->w * sizeof *to);
    memset(to + m->w, 0, (size_t)(j->row - m->w) * sizeof *to);
}

/* The source rows of the output rows BEGIN .. END - 1 of an image, zeros around: those
   behind a row are those before the next. */
static void load_planes(const job *j, int64_t image, int64_t begin, int64_t end,
                        float *planes)
{
    const mapping *m = j->m;
    int64_t from = begin + first_place(&m->rows), count = end - begin + j->span - 1;
    for (int64_t c = 0; c < m->channels; c++)
        memset(planes + c * j->plane, 0, (size_t)j->lead * sizeof *planes);
    for (int64_t i = 0; i < count; i++) {
        int64_t h = from + i;
        float *to = planes + j->lead + i * j->row;
        if (h >= 0 && h < m->h)
            load_row(j, j->source + (image * m->h + h) * m->w * m->pitch, to);
        else
            for (int64_t c = 0; c < m->channels; c++)
                memset(to + c * j->plane, 0, (size_t)j->row * sizeof *to);
    }
}

/* The outputs of group GROUP of the rows BEGIN .. END - 1 of an image. */
static void run_group(const job *j, int64_t group, int64_t image, int64_t begin,
                      int64_t end, const float *planes)
{
    const mapping *m = j->m;
    const finish *f = j->tail;
    int64_t first = group * PLANES_OUTPUTS, left = m->outputs - first;
    int64_t pixel = (image * m->out_h + begin) * m->out_w;
    product p = {.form = {.split = 1, .vectors = 1, .outputs = PLANES_OUTPUTS},
                 .pixels = m->out_w,
                 .outputs = left < PLANES_OUTPUTS ? left : PLANES_OUTPUTS,
                 .lines = end - begin,
                 .x_line = j->row,
                 .y_line = m->y_row,
                 .residual_line = m->out_w * f->residual_pitch,
                 .x = planes,
                 .step = 1,
                 .runs = j->terms,
                 .run_length = 1,
                 .offset = j->offset,
                 .weight = j->weight + first * j->terms,
                 .scale = j->scale + first,
                 .shift = j->shift + first,
                 .rectify = f->rectify,
                 .slope = f->slope,
                 .residual_step = f->residual_pitch,
                 .y = j->y + image * m->y_image + begin * m->y_row + first,
                 .y_step = m->y_pixel,
                 .accumulate = j->accumulate};
    if (f->residual)
        p.residual = f->residual + pixel * f->residual_pitch + first;
    j->loops->planes(&p);
}

static void strip_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    int64_t image = task / j->strips, strip = task % j->strips;
    int64_t begin = parallel_part(m->out_h, j->strips, strip);
    int64_t end = parallel_part(m->out_h, j->strips, strip + 1);
    float *planes = room_of(j->room, j->apart, thread);
    load_planes(j, image, begin, end, planes);
    for (int64_t group = 0; group < j->groups; group++)
        run_group(j, group, image, begin, end, planes);
}

/* Lays out what J needs in S, and runs it there where S is more than a measure.  WEIGHT:
   as the model has it, to be packed first; or NULL. */
static void mapping_run(job *j, const float *weight, scratch *s)
{
    const mapping *m = j->m;
    j->loops = loops_get();
    j->terms = term_count(m);
    j->groups = group_count(m);
    int64_t before = larger(-first_place(&m->columns), 0);
    int64_t behind = larger(m->out_w - m->w + last_place(&m->columns), 0);
    j->lead = whole_vectors(before, j->loops);
    j->row = whole_vectors(m->w + larger(before, behind), j->loops);
    j->span = last_place(&m->rows) - first_place(&m->rows) + 1;
    j->strips = parallel_parts(m->out_h, strip_height(j));
    j->height = (m->out_h - 1) / j->strips + 1;
    j->plane = j->lead + (j->height + j->span - 1) * j->row;
    j->offset = scratch_take(s, j->terms, sizeof *j->offset);
    j->scale = scratch_floats(s, j->groups * PLANES_OUTPUTS);
    j->shift = scratch_floats(s, j->groups * PLANES_OUTPUTS);
    float *packed = scratch_floats(s, j->groups * j->terms * PLANES_OUTPUTS);
    /* A last vector may reach beyond its row. */
    size_t used = s->used;
    j->room = scratch_floats(s, m->channels * j->plane + whole_vectors(behind, j->loops) +
                                    j->loops->lanes);
    j->apart = scratch_rooms(s, used);
    if (!s->base)
        return;
    set_offsets(j);
    finish_spread(j->tail, j->bias, j->m->outputs, 1, j->groups * PLANES_OUTPUTS,
                  j->scale, j->shift);
    if (weight) {
        pack(m, weight, packed);
        j->weight = packed;
    }
    parallel_for(m->images * j->strips, strip_task, j);
}

static size_t mapping_scratch(const mapping *m)
{
    job j = {.m = m};
    scratch s = {0};
    mapping_run(&j, NULL, &s);
    return s.used;
}

/* ---- the row of the table ---- */

static bool planes_suits(const convolution *v, const float *weight)
{
    (void)weight;
    return loops_get()->planes && v->stride_h == 1 && v->stride_w == 1 &&
           v->groups == 1 &&
           larger(v->c, v->out_c) * v->kernel_h * v->kernel_w <= TERMS_MOST;
}

static bool planes_pays(const convolution *v, const float *weight, algorithm_task task)
{
    bool back = task == ALGORITHM_GRAD_INPUT;
    (void)weight;
    return v->c <= CHANNELS_MOST && v->out_c <= CHANNELS_MOST &&
           (back ? v->w : v->out_w) >= PIXELS_LEAST;
}

static size_t planes_prepared(const convolution *v, const float *weight)
{
    mapping m;
    (void)weight;
    mapping_forward(&m, v);
    return (size_t)(group_count(&m) * term_count(&m) * PLANES_OUTPUTS) * sizeof(float);
}

static void planes_prepare(const convolution *v, const float *weight, void *prepared)
{
    mapping m;
    mapping_forward(&m, v);
    pack(&m, weight, prepared);
}

static size_t planes_scratch(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return mapping_scratch(&m);
}

static void planes_forward(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    job j = {
        .m = &m, .source = x, .weight = prepared, .bias = bias, .tail = tail, .y = y};
    mapping_run(&j, NULL, &(scratch){.base = block});
}

static size_t planes_gradient_scratch(const convolution *v)
{
    mapping m;
    return mapping_backward(&m, v, 0, 0) ? mapping_scratch(&m) : 0;
}

static void planes_grad_input(const convolution *v, const float *grad_y,
                              const float *weight, float *grad_x, bool accumulate,
                              void *block)
{
    static const finish nothing = {0};
    mapping m;
    if (!mapping_backward(&m, v, 0, 0))
        return;
    job j = {.m = &m,
             .source = grad_y,
             .tail = &nothing,
             .y = grad_x,
             .accumulate = accumulate};
    mapping_run(&j, weight, &(scratch){.base = block});
}

const algorithm algorithm_planes = {
    .name = "planes",
    .precision = PRECISION_F32,
    .suits = planes_suits,
    .pays = planes_pays,
    .prepared_bytes = planes_prepared,
    .prepare = planes_prepare,
    .scratch_bytes = planes_scratch,
    .forward = planes_forward,
    .gradient_scratch = planes_gradient_scratch,
    .grad_input = planes_grad_input,
};
