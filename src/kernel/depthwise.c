/* SPDX-License-Identifier: GPL-3.0-or-later
   depthwise.c -- convolutions of each channel by itself: vectors run over channels.  The
   usual kernels, square and going on by one pixel, are done in strips of some rows; in
   all others each pixel visits the taps inside of the image.
   Other convolutions are in gather.c. */
#include "kernel/depthwise.h"

#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/algorithm.h"
#include "kernel/loops.h"
#include "kernel/mapping.h"

bool depthwise_is(const convolution *v)
{
    return v->groups > 1 && v->groups == v->c && v->groups == v->out_c;
}

convolution depthwise_ungrouped(const convolution *v)
{
    convolution one = *v;
    one.groups = 1;
    return one;
}

static int64_t tap_count(const convolution *v)
{
    return v->kernel_h * v->kernel_w;
}

/* Output columns that see the same taps first .. last - 1 of a row. */
typedef struct segment {
    int64_t begin, end, first, last;
} segment;

enum { SEGMENTS_MOST = 2 * CONVOLUTION_KERNEL_MAX + 1 };

typedef struct job {
    const mapping *m;
    const kernel_loops *loops;
    const float *source, *packed;
    float *scale, *shift; /* [fold][channels]; NULL: sums alone */
    finish tail;
    float *y;
    bool accumulate;
    int64_t taps, segments;
    segment segment[SEGMENTS_MOST];
    int64_t height, parts, part; /* rows of a task; parts of the channels, and of each */
    int64_t packed_fold, fold;   /* pixels side by side in a vector; in this job */
    int64_t *lists;              /* of each thread: 2 * taps */
    size_t apart;                /* from thread to thread */
    bool strips;
    float *zeros; /* [channels] */
} job;

/* Where vectors have room for several pixels, weights are packed that often. */
static int64_t fold_of(int64_t channels)
{
    int64_t lanes = loops_get()->lanes;
    return channels < lanes && lanes % channels == 0 ? lanes / channels : 1;
}

/* Taps a (or b) with 0 <= at + place < length: a contiguous range. */
static void inside(const axis *a, int64_t at, int64_t length, int64_t *first,
                   int64_t *last)
{
    int64_t i = 0;
    while (i < a->count && at + a->place[i] < 0)
        i++;
    *first = i;
    while (i < a->count && at + a->place[i] < length)
        i++;
    *last = i;
}

static void find_segments(job *j)
{
    const mapping *m = j->m;
    segment *s = NULL;
    j->segments = 0;
    for (int64_t x = 0; x < m->out_w; x++) {
        int64_t first, last;
        inside(&m->columns, x * m->step_w, m->w, &first, &last);
        if (!s || first != s->first || last != s->last) {
            s = &j->segment[j->segments++];
            *s = (segment){x, x, first, last};
        }
        s->end = x + 1;
    }
}

/* Several tasks for each thread that might be there, of rows that share what they read;
   where rows are few, of parts of the channels; of little work, one. */
static void cut_tasks(job *j)
{
    enum { TASKS_WANTED = 16, CHANNELS_LEAST = 64, PRODUCTS_LEAST = 24 * 1024 };
    const mapping *m = j->m;
    int64_t rows = m->images * m->out_h, strip = j->strips ? j->loops->strip_rows : 1;
    bool small = rows * m->out_w * m->channels * j->taps < PRODUCTS_LEAST;
    j->height = small ? rows : ((rows - 1) / TASKS_WANTED / strip + 1) * strip;
    int64_t tasks = (rows - 1) / j->height + 1;
    int64_t parts = small ? 1 : (TASKS_WANTED - 1) / tasks + 1;
    j->part = (m->channels / parts / CHANNELS_LEAST + 1) * CHANNELS_LEAST;
    j->parts = (m->channels - 1) / j->part + 1;
}

/* Puts COUNT pixels from X on, first with all of a vector's lanes. */
static void run_line(const job *j, weighted *t, int64_t count, int64_t channel)
{
    const mapping *m = j->m;
    int64_t together = j->fold > 1 ? count / j->fold : 0, left = m->channels - channel;
    t->channels = left < j->part ? left : j->part;
    t->x_step = m->step_w * m->pitch;
    t->y_step = m->y_pixel;
    t->residual_step = j->tail.residual_pitch;
    if (together) {
        weighted wide = *t;
        wide.pixels = together;
        wide.channels *= j->fold;
        wide.x_step *= j->fold;
        wide.y_step *= j->fold;
        wide.residual_step *= j->fold;
        j->loops->weighted_sum(&wide);
        together *= j->fold;
        t->x += together * t->x_step;
        t->y += together * t->y_step;
        t->residual += t->residual ? together * t->residual_step : 0;
    }
    t->pixels = count - together;
    if (t->pixels)
        j->loops->weighted_sum(t);
}

/* ROW is counted through images; Y is where it begins. */
static void run_row(const job *j, int64_t row, int64_t channel, int64_t *offset, float *y)
{
    const mapping *m = j->m;
    int64_t image = row / m->out_h, i = row % m->out_h, a0, a1;
    int64_t *w_offset = offset + j->taps;
    inside(&m->rows, i * m->step_h, m->h, &a0, &a1);
    const float *x = j->source + (image * m->h + i * m->step_h) * m->w * m->pitch;
    for (int64_t k = 0; k < j->segments; k++) {
        const segment *s = &j->segment[k];
        weighted t = {.x = x + s->begin * m->step_w * m->pitch + channel,
                      .w = j->packed + channel,
                      .offset = offset,
                      .w_offset = w_offset,
                      .scale = j->scale ? j->scale + channel : NULL,
                      .shift = j->scale ? j->shift + channel : NULL,
                      .rectify = j->tail.rectify,
                      .slope = j->tail.slope,
                      .y = y + s->begin * m->y_pixel + channel,
                      .accumulate = j->accumulate};
        if (j->tail.residual)
            t.residual = j->tail.residual +
                         (row * m->out_w + s->begin) * j->tail.residual_pitch + channel;
        for (int64_t a = a0; a < a1; a++)
            for (int64_t b = s->first; b < s->last; b++, t.taps++) {
                offset[t.taps] =
                    (m->rows.place[a] * m->w + m->columns.place[b]) * m->pitch;
                w_offset[t.taps] =
                    (m->rows.weight[a] + m->columns.weight[b]) * j->packed_fold;
            }
        run_line(j, &t, s->end - s->begin, channel);
    }
}

/* ROWS output rows of an image from I on, as many as a strip takes; Y is where they
   begin. */
static void run_strip(const job *j, int64_t image, int64_t i, int64_t rows,
                      int64_t channel, float *y)
{
    const mapping *m = j->m;
    int64_t kernel = m->rows.count, left = m->channels - channel;
    weighted_rows t = {.rows = rows,
                       .columns = m->out_w,
                       .channels = left < j->part ? left : j->part,
                       .kernel = kernel,
                       .width = m->w,
                       .left = -m->columns.place[0],
                       .w = j->packed + channel,
                       .scale = j->scale ? j->scale + channel : NULL,
                       .shift = j->scale ? j->shift + channel : NULL,
                       .rectify = j->tail.rectify,
                       .slope = j->tail.slope,
                       .residual_step = j->tail.residual_pitch,
                       .residual_row = m->out_w * j->tail.residual_pitch,
                       .y = y + channel,
                       .y_step = m->y_pixel,
                       .y_row = m->y_row,
                       .accumulate = j->accumulate};
    if (j->tail.residual)
        t.residual = j->tail.residual + (image * m->out_h + i) * t.residual_row + channel;
    for (int64_t r = 0; r < rows + kernel - 1; r++) {
        int64_t from = i + r + m->rows.place[0];
        bool there = from >= 0 && from < m->h;
        t.x[r] = there ? j->source + (image * m->h + from) * m->w * m->pitch + channel
                       : j->zeros;
        t.x_step[r] = there ? m->pitch : 0;
    }
    for (int64_t a = 0; a < kernel; a++)
        for (int64_t b = 0; b < kernel; b++)
            t.w_offset[a * kernel + b] = m->rows.weight[a] + m->columns.weight[b];
    j->loops->weighted_strip(&t);
}

/* Output rows BEGIN .. END - 1 of an image, in even strips where there are such. */
static void run_rows(const job *j, int64_t image, int64_t begin, int64_t end,
                     int64_t channel, float *y, int thread)
{
    const mapping *m = j->m;
    int64_t count = end - begin, most = j->strips ? j->loops->strip_rows : 1;
    int64_t strips = (count - 1) / most + 1;
    for (int64_t s = 0; s < strips; s++) {
        int64_t i = begin + count * s / strips,
                rows = begin + count * (s + 1) / strips - i;
        float *to = y + (i - begin) * m->y_row;
        if (j->strips)
            run_strip(j, image, i, rows, channel, to);
        else
            run_row(j, image * m->out_h + i, channel, room_of(j->lists, j->apart, thread),
                    to);
    }
}

static void rows_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    int64_t rows = m->images * m->out_h, first = task / j->parts * j->height;
    int64_t last = first + j->height < rows ? first + j->height : rows;
    for (int64_t row = first, end; row < last; row = end) {
        int64_t image = row / m->out_h, i = row % m->out_h;
        end = last < (image + 1) * m->out_h ? last : (image + 1) * m->out_h;
        run_rows(j, image, i, end - image * m->out_h, task % j->parts * j->part,
                 j->y + image * m->y_image + i * m->y_row, thread);
    }
}

static bool goes_in_ones(const axis *a)
{
    for (int64_t i = 1; i < a->count; i++)
        if (a->place[i] != a->place[i - 1] + 1)
            return false;
    return true;
}

static bool has_strips(const mapping *m)
{
    return (m->rows.count == 3 || m->rows.count == 5) &&
           m->columns.count == m->rows.count && m->step_h == 1 && m->step_w == 1 &&
           goes_in_ones(&m->rows) && goes_in_ones(&m->columns) &&
           m->columns.place[0] <= 0 && m->channels >= loops_get()->lanes;
}

static void choose_lines(job *j)
{
    const mapping *m = j->m;
    bool dense = m->pitch == m->channels && m->step_w == 1 && m->y_pixel == m->channels &&
                 (!j->tail.residual || j->tail.residual_pitch == m->channels);
    j->packed_fold = fold_of(m->channels);
    j->fold = dense ? j->packed_fold : 1;
    j->loops = loops_get();
    j->strips = has_strips(m);
    find_segments(j);
}

static void run(job *j)
{
    const mapping *m = j->m;
    choose_lines(j);
    cut_tasks(j);
    parallel_for(((m->images * m->out_h - 1) / j->height + 1) * j->parts, rows_task, j);
}

/* to[tap][fold][c] = from[c][tap]. */
static void turn(int64_t channels, int64_t taps, const float *from, float *to)
{
    int64_t fold = fold_of(channels);
    for (int64_t t = 0; t < taps; t++)
        for (int64_t f = 0; f < fold; f++)
            for (int64_t c = 0; c < channels; c++)
                *to++ = from[c * taps + t];
}

static void layout(const convolution *v, scratch *s, job *j, float **packed)
{
    int64_t width = v->c * fold_of(v->c);
    j->taps = tap_count(v);
    size_t used = s->used;
    j->lists = scratch_take(s, 2 * j->taps, sizeof *j->lists);
    j->apart = scratch_rooms(s, used);
    j->zeros = scratch_floats(s, v->c);
    if (j->zeros)
        memset(j->zeros, 0, (size_t)v->c * sizeof *j->zeros);
    if (packed) {
        *packed = scratch_floats(s, j->taps * width);
    } else {
        j->scale = scratch_floats(s, width);
        j->shift = scratch_floats(s, width);
    }
}

static bool depthwise_suits(const convolution *v, const float *weight)
{
    (void)weight;
    return depthwise_is(v);
}

static size_t depthwise_prepared(const convolution *v, const float *weight)
{
    (void)weight;
    return (size_t)(tap_count(v) * v->c * fold_of(v->c)) * sizeof(float);
}

static void depthwise_prepare(const convolution *v, const float *weight, void *prepared)
{
    turn(v->c, tap_count(v), weight, prepared);
}

static size_t depthwise_scratch(const convolution *v)
{
    job j;
    scratch s = {0};
    layout(v, &s, &j, NULL);
    return s.used;
}

static void fill_finish(const job *j, int64_t channels, const float *bias)
{
    for (int64_t i = 0; i < channels * fold_of(channels); i++) {
        int64_t c = i % channels;
        float scale = j->tail.scale ? j->tail.scale[c] : 1;
        float shift = j->tail.shift ? j->tail.shift[c] : 0;
        j->scale[i] = scale;
        j->shift[i] = bias ? bias[c] * scale + shift : shift;
    }
}

static void depthwise_forward(const convolution *v, const float *x, const void *prepared,
                              const float *bias, const finish *tail, float *y,
                              void *block)
{
    convolution one = depthwise_ungrouped(v);
    mapping m;
    job j = {.m = &m, .source = x, .packed = prepared, .tail = *tail, .y = y};
    mapping_forward(&m, &one);
    layout(v, &(scratch){.base = block}, &j, NULL);
    fill_finish(&j, v->c, bias);
    run(&j);
}

/* ---- a few rows at a time ---- */

struct depthwise_rows {
    job j;
    mapping m;
};

depthwise_rows *depthwise_rows_open(const depthwise_call *c, scratch *s)
{
    depthwise_rows *r = scratch_take(s, 1, sizeof *r);
    job j = {.source = c->x, .packed = c->prepared, .tail = c->tail};
    layout(&c->v, s, &j, NULL);
    if (!r)
        return NULL;
    convolution one = depthwise_ungrouped(&c->v);
    one.y_pitch = 0;
    mapping_forward(&r->m, &one);
    r->j = j;
    r->j.m = &r->m;
    r->j.part = r->m.channels;
    fill_finish(&r->j, c->v.c, c->bias);
    choose_lines(&r->j);
    return r;
}

void depthwise_rows_run(const depthwise_rows *r, int64_t image, int64_t begin,
                        int64_t end, float *y, int thread)
{
    run_rows(&r->j, image, begin, end, 0, y, thread);
}

const float *depthwise_rows_source(const depthwise_rows *r, int64_t image, int64_t begin,
                                   int64_t end, int64_t *floats)
{
    const mapping *m = &r->m;
    const axis *rows = &m->rows;
    int64_t lowest = rows->count ? rows->place[rows->count - 1] + 1 : 0;
    int64_t from = (begin - 1) * m->step_h + lowest, to = (end - 1) * m->step_h + lowest;
    from = from > 0 ? from : 0;
    to = to < m->h ? to : m->h;
    *floats = to > from ? (to - from) * m->w * m->pitch : 0;
    return r->j.source + (image * m->h + (*floats ? from : 0)) * m->w * m->pitch;
}

static void depthwise_grad_input(const convolution *v, const float *grad_y,
                                 const float *weight, float *grad_x, bool accumulate,
                                 void *block)
{
    convolution one = depthwise_ungrouped(v);
    mapping m;
    float *packed;
    job j = {.m = &m, .source = grad_y, .accumulate = accumulate};
    layout(v, &(scratch){.base = block}, &j, &packed);
    turn(v->c, j.taps, weight, packed);
    j.packed = packed;
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w && mapping_backward(&m, &one, h, w); w++) {
            j.y = grad_x + (h * v->w + w) * v->c;
            run(&j);
        }
}

static size_t depthwise_gradient_scratch(const convolution *v)
{
    job j;
    float *packed;
    scratch s = {0};
    layout(v, &s, &j, &packed);
    size_t weight = depthwise_weight_scratch(v);
    return s.used > weight ? s.used : weight;
}

const algorithm algorithm_depthwise = {
    .name = "depthwise",
    .suits = depthwise_suits,
    .prepared_bytes = depthwise_prepared,
    .prepare = depthwise_prepare,
    .scratch_bytes = depthwise_scratch,
    .forward = depthwise_forward,
    .gradient_scratch = depthwise_gradient_scratch,
    .grad_input = depthwise_grad_input,
    .grad_weight = depthwise_weight_gradient,
};
