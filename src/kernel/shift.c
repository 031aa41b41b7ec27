/* SPDX-License-Identifier: GPL-3.0-or-later
   shift.c -- convolution of small images as a sum over taps of matrix products of shifted
   images: at each tap only the pixels are multiplied that it finds in the image, which of
   a 3x3 kernel on 3x3 pixels are 49 of 81.  Images lie with their batch innermost, so that
   these pixels are neighbours.
   In bf16 images may be kept as such: they are widened as they are laid out, and what
   comes behind is f32 (the row that ends in -f32).
   Source of the sum over taps: Vasudevan, Anderson, Gregg 2017, arXiv:1704.04428,
   section III; the layout is ours. */
#include "kernel/shift.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/algorithm.h"
#include "kernel/convolution_cost.h"
#include "kernel/kept.h"
#include "kernel/panel.h"

reach shift_reach(const axis *a, int64_t tap, int64_t length, int64_t outputs)
{
    int64_t place = a->place[tap], first = place < 0 ? -place : 0;
    int64_t last = length - place < outputs ? length - place : outputs;
    return (reach){first, last < first ? first : last};
}

static int64_t axis_meets(const axis *a, int64_t length, int64_t outputs)
{
    int64_t sum = 0;
    for (int64_t tap = 0; tap < a->count; tap++) {
        reach r = shift_reach(a, tap, length, outputs);
        sum += r.last - r.first;
    }
    return sum;
}

double shift_share(const mapping *m)
{
    double all =
        (double)(m->rows.count * m->out_h) * (double)(m->columns.count * m->out_w);
    double met = (double)axis_meets(&m->rows, m->h, m->out_h) *
                 (double)axis_meets(&m->columns, m->w, m->out_w);
    return all > 0 ? met / all : 1;
}

int64_t shift_step(int64_t channels)
{
    enum { CACHE_LINE = 64 / sizeof(float) };
    return ((channels + CACHE_LINE - 1) / CACHE_LINE | 1) * CACHE_LINE;
}

static void turn_pixel(void *context, int64_t pixel, int thread)
{
    const image_turn *t = context;
    int64_t step = shift_step(t->channels);
    (void)thread;
    for (int64_t n = 0; n < t->images; n++) {
        float *to = t->to + (pixel * t->images + n) * step;
        int64_t at = (n * t->pixels + pixel) * t->pitch;
        if (t->kept == PRECISION_BF16)
            kept_read(t->from, at, 1, t->channels, t->pitch, to);
        else
            memcpy(to, (const float *)t->from + at, (size_t)t->channels * sizeof *to);
    }
}

void shift_turn(const image_turn *t)
{
    parallel_for(t->pixels, turn_pixel, (void *)t);
}

enum { WIDTH_MOST = 32 }; /* outputs of a panel */

/* A mapping of steps of 1: forward, or backward by the input. */
typedef struct job {
    const mapping *m;
    const void *source;
    const float *weight, *bias;
    const float *prepared; /* weights, packed before; or NULL */
    float *packed;         /* where they are packed to be */
    const finish *tail;
    void *y;
    bool accumulate;
    panels panels;
    float *turned; /* the source, its batch innermost */
    float *zeros;  /* [form.outputs] */
    float *room;   /* of each thread: one tap of a panel, then the sums of all pixels */
    size_t apart;  /* from thread to thread */
} job;

static int64_t tap_count(const mapping *m)
{
    return m->rows.count * m->columns.count;
}

static int64_t sums_floats(const job *j)
{
    return j->m->out_h * j->m->out_w * j->m->images * j->panels.form.outputs;
}

/* sums += the products of one tap, packed in WEIGHT. */
static void add_tap(const job *j, int64_t row, int64_t column, const float *weight,
                    float *sums)
{
    static const int64_t start = 0;
    static const finish nothing = {0};
    const mapping *m = j->m;
    int64_t n = m->images, width = j->panels.form.outputs;
    int64_t step = shift_step(m->channels);
    reach h = shift_reach(&m->rows, row, m->h, m->out_h);
    reach w = shift_reach(&m->columns, column, m->w, m->out_w);
    int64_t y = h.first + m->rows.place[row], x = w.first + m->columns.place[column];
    product p = panels_product(&j->panels, 0, &nothing, true);
    bool whole = w.last - w.first == m->out_w && m->out_w == m->w;
    p.outputs = width;
    p.scale = j->zeros + width;
    p.shift = j->zeros;
    p.lines = whole ? 1 : h.last - h.first;
    p.pixels = (w.last - w.first) * n * (whole ? h.last - h.first : 1);
    p.x = j->turned + (y * m->w + x) * n * step;
    p.step = step;
    p.x_line = m->w * n * step;
    p.offset = &start;
    p.weight = weight;
    p.y = sums + (h.first * m->out_w + w.first) * n * width;
    p.y_step = width;
    p.y_line = m->out_w * n * width;
    if (p.pixels > 0)
        j->panels.loops->product(&p);
}

/* OUTPUTS sums of a pixel, finished by F, to number AT of y, or added to what is there. */
static void put_pixel(const job *j, const finish *f, const float *sums, int64_t outputs,
                      int64_t at)
{
    const kernel_loops *loops = j->panels.loops;
    float *y = precision_write_at(j->y, j->m->y_kept, at), wide[WIDTH_MOST];
    if (j->m->y_kept == PRECISION_F32) {
        loops->add_finish(1, outputs, sums, j->accumulate ? y : j->zeros, 0, f, y, 0);
        return;
    }
    if (j->accumulate)
        kept_read(j->y, at, 1, outputs, outputs, wide);
    loops->add_finish(1, outputs, sums, j->accumulate ? wide : j->zeros, 0, f, wide, 0);
    kept_write(wide, 1, outputs, j->y, at, outputs);
}

static void put_sums(const job *j, int64_t panel, const float *sums)
{
    const mapping *m = j->m;
    int64_t width = j->panels.form.outputs, first = panel * width;
    int64_t outputs = m->outputs - first < width ? m->outputs - first : width;
    finish f = {.scale = j->panels.scale + first,
                .shift = j->panels.shift + first,
                .rectify = j->tail->rectify,
                .slope = j->tail->slope,
                .residual_pitch = j->tail->residual_pitch};
    int64_t image = m->out_h * m->out_w;
    for (int64_t pixel = 0; pixel < image; pixel++)
        for (int64_t n = 0; n < m->images; n++, sums += width) {
            int64_t at = n * image + pixel;
            if (j->tail->residual)
                f.residual = j->tail->residual + at * f.residual_pitch + first;
            put_pixel(j, &f, sums, outputs, at * m->y_pixel + first);
        }
}

static void panel_task(void *context, int64_t panel, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    float *weight = room_of(j->room, j->apart, thread), *sums = weight + j->panels.floats;
    memset(sums, 0, (size_t)sums_floats(j) * sizeof *sums);
    for (int64_t tap = 0; tap < tap_count(m); tap++) {
        int64_t row = tap / m->columns.count, column = tap % m->columns.count;
        if (j->prepared) {
            int64_t at = panel * tap_count(m) + tap;
            add_tap(j, row, column, j->prepared + at * j->panels.floats, sums);
            continue;
        }
        panels_pack_tap(&j->panels, panel, row, column, j->weight, weight);
        add_tap(j, row, column, weight, sums);
    }
    put_sums(j, panel, sums);
}

/* Lays J out in S, and runs it there where S is more than a measure. */
static void mapping_run(job *j, scratch *s)
{
    const mapping *m = j->m;
    panels_prepare(&j->panels, m, 1, m->channels, s);
    int64_t width = j->panels.form.outputs;
    j->turned = scratch_floats(s, m->h * m->w * m->images * shift_step(m->channels));
    j->zeros = scratch_floats(s, 2 * width);
    size_t used = s->used;
    j->room = scratch_floats(s, j->panels.floats + sums_floats(j));
    j->apart = scratch_rooms(s, used);
    if (!s->base)
        return;
    panels_finish(&j->panels, j->bias, j->tail);
    for (int64_t i = 0; i < width; i++) {
        j->zeros[i] = 0;
        j->zeros[width + i] = 1;
    }
    image_turn t = {.images = m->images,
                    .pixels = m->h * m->w,
                    .channels = m->channels,
                    .pitch = m->pitch,
                    .kept = m->source_kept,
                    .from = j->source,
                    .to = j->turned};
    shift_turn(&t);
    parallel_for(j->panels.count, panel_task, j);
}

static size_t mapping_scratch(const mapping *m)
{
    job j = {.m = m};
    scratch s = {0};
    mapping_run(&j, &s);
    return s.used;
}

/* ---- the row of the table ---- */

static bool shift_suits(const convolution *v, const float *weight)
{
    int64_t lanes = loops_get()->lanes;
    (void)weight;
    return v->stride_h == 1 && v->stride_w == 1 && v->groups == 1 && v->c >= lanes &&
           v->out_c >= lanes;
}

/* Where enough falls outside of the images, and enough pixels are neighbours to fill the
   blocks of the products; and, of 3x3, where Winograd's products are not fewer yet. */
static bool shift_pays(const convolution *v, const float *weight, algorithm_task task)
{
    enum { NEIGHBOURS = 8, PANELS = 4 };
    const double SHARE_MOST = 0.85;
    mapping m;
    mapping_forward(&m, v);
    double share = shift_share(&m);
    int64_t outputs = task == ALGORITHM_GRAD_INPUT ? v->c : v->out_c;
    if (v->n < NEIGHBOURS || outputs < PANELS * 2 * loops_get()->lanes ||
        share > SHARE_MOST)
        return false;
    if (!algorithm_winograd_two.suits(v, weight))
        return true;
    double cost = direct_cost(v, share, task);
    return cost < winograd_cost(v, 2, task) && cost < winograd_cost(v, 4, task);
}

/* All panels of a mapping, tap by tap: what panel_task packs for itself where nobody did
   before. */
static size_t shift_prepared(const convolution *v, const float *weight)
{
    mapping m;
    panels p;
    scratch s = {0};
    (void)weight;
    mapping_forward(&m, v);
    panels_prepare(&p, &m, 1, m.channels, &s);
    return (size_t)(p.count * tap_count(&m) * p.floats) * sizeof(float);
}

static void pack_task(void *context, int64_t panel, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    float *to = j->packed + panel * tap_count(m) * j->panels.floats;
    (void)thread;
    for (int64_t tap = 0; tap < tap_count(m); tap++, to += j->panels.floats)
        panels_pack_tap(&j->panels, panel, tap / m->columns.count, tap % m->columns.count,
                        j->weight, to);
}

static void shift_prepare(const convolution *v, const float *weight, void *prepared)
{
    mapping m;
    scratch s = {0};
    mapping_forward(&m, v);
    job j = {.m = &m, .weight = weight, .packed = prepared};
    panels_prepare(&j.panels, &m, 1, m.channels, &s);
    parallel_for(j.panels.count, pack_task, &j);
}

static size_t shift_scratch(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return mapping_scratch(&m);
}

static void shift_forward(const convolution *v, const float *x, const void *prepared,
                          const float *bias, const finish *tail, float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    job j = {
        .m = &m, .source = x, .prepared = prepared, .bias = bias, .tail = tail, .y = y};
    mapping_run(&j, &(scratch){.base = block});
}

static void shift_forward_once(const convolution *v, const float *x, const float *weight,
                               const float *bias, const finish *tail, float *y,
                               void *block)
{
    mapping m;
    mapping_forward(&m, v);
    job j = {.m = &m, .source = x, .weight = weight, .bias = bias, .tail = tail, .y = y};
    mapping_run(&j, &(scratch){.base = block});
}

static void shift_grad_input(const convolution *v, const float *grad_y,
                             const float *weight, float *grad_x, bool accumulate,
                             void *block)
{
    static const finish nothing = {0};
    mapping m;
    mapping_backward(&m, v, 0, 0);
    job j = {.m = &m,
             .source = grad_y,
             .weight = weight,
             .tail = &nothing,
             .y = grad_x,
             .accumulate = accumulate};
    mapping_run(&j, &(scratch){.base = block});
}

static size_t shift_gradient_scratch(const convolution *v)
{
    mapping m;
    mapping_backward(&m, v, 0, 0);
    size_t input = mapping_scratch(&m), weight = shift_weight_scratch(v);
    return input > weight ? input : weight;
}

/* Values kept as bf16, beside a direct sum of pairs. */
static bool shift_pays_kept(const convolution *v, const float *weight,
                            algorithm_task task)
{
    mapping m;
    mapping_forward(&m, v);
    return shift_pays(v, weight, task) && shift_share(&m) < pair_share(task);
}

#define SHIFT_ROW(row, word, p, pays_it)                                                 \
    const algorithm algorithm_##row = {                                                  \
        .name = word,                                                                    \
        .precision = p,                                                                  \
        .suits = shift_suits,                                                            \
        .pays = pays_it,                                                                 \
        .prepared_bytes = shift_prepared,                                                \
        .prepare = shift_prepare,                                                        \
        .scratch_bytes = shift_scratch,                                                  \
        .forward = shift_forward,                                                        \
        .once_scratch = shift_scratch,                                                   \
        .forward_once = shift_forward_once,                                              \
        .gradient_scratch = shift_gradient_scratch,                                      \
        .grad_input = shift_grad_input,                                                  \
        .grad_weight = shift_weight_gradient,                                            \
        .grad_weight_taken = shift_weight_taken,                                         \
    };

SHIFT_ROW(shift, "shift", PRECISION_F32, shift_pays)
SHIFT_ROW(shift_kept, "shift-f32", PRECISION_BF16, shift_pays_kept)
