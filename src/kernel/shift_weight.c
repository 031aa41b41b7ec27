/* SPDX-License-Identifier: GPL-3.0-or-later
   shift_weight.c -- the gradient by the weight of a convolution of small images: for each
   tap a sum of outer products over the pixels that it finds in the image. */
#include "kernel/shift.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/loops.h"

typedef struct job {
    mapping m;
    const kernel_loops *loops;
    float *x, *grad_y; /* their batch innermost */
    float *grad_weight;
    const weight_taker *taker; /* takes what else goes to grad_weight; or NULL */
    bool some_lost;            /* not all taps meet the image */
    int64_t block;             /* outputs of a task */
    float *room;               /* for the taker, of each thread: [block][weight_output] */
    size_t apart;              /* from thread to thread */
} job;

/* Floats of the gradient of one task. */
static int64_t block_floats(const job *j)
{
    return j->block * j->m.weight_output;
}

/* The gradient of one tap's weights to SUM, where those of OUTPUTS outputs from OUTPUT on
   begin. */
static void add_tap(const job *j, int64_t row, int64_t column, int64_t output,
                    int64_t outputs, float *sum)
{
    const mapping *m = &j->m;
    int64_t n = m->images;
    int64_t x_step = shift_step(m->channels), g_step = shift_step(m->outputs);
    reach h = shift_reach(&m->rows, row, m->h, m->out_h);
    reach w = shift_reach(&m->columns, column, m->w, m->out_w);
    int64_t y = h.first + m->rows.place[row], x = w.first + m->columns.place[column];
    outer o = {.rows = h.last - h.first,
               .pixels = (w.last - w.first) * n,
               .outputs = outputs,
               .length = m->channels,
               .x = j->x + (y * m->w + x) * n * x_step,
               .g = j->grad_y + (h.first * m->out_w + w.first) * n * g_step + output,
               .x_row = m->w * n * x_step,
               .x_step = x_step,
               .g_row = m->out_w * n * g_step,
               .g_step = g_step,
               .sum = sum + m->rows.weight[row] + m->columns.weight[column],
               .sum_step = m->weight_output,
               .overwrite = true,
               .past = !j->taker && weight_goes_past(m->outputs * m->weight_output)};
    if (o.rows > 0 && o.pixels > 0)
        j->loops->outer(&o);
}

static void block_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const mapping *m = &j->m;
    int64_t first = task * j->block;
    int64_t outputs = m->outputs - first < j->block ? m->outputs - first : j->block;
    int64_t floats = outputs * m->weight_output;
    float *sum = j->taker ? room_of(j->room, j->apart, thread)
                          : j->grad_weight + first * m->weight_output;
    if (j->some_lost)
        memset(sum, 0, (size_t)floats * sizeof *sum);
    for (int64_t row = 0; row < m->rows.count; row++)
        for (int64_t column = 0; column < m->columns.count; column++)
            add_tap(j, row, column, first, outputs, sum);
    if (j->taker)
        j->taker->take(j->taker->context, first * m->weight_output, floats, sum);
}

static void turn(const job *j, int64_t pixels, int64_t channels, int64_t pitch,
                 precision kept, const void *from, float *to)
{
    image_turn t = {j->m.images, pixels, channels, pitch, kept, from, to};
    shift_turn(&t);
}

/* Whether a tap never meets the image. */
static bool some_are_lost(const mapping *m)
{
    int64_t met = 0;
    for (int64_t row = 0; row < m->rows.count; row++)
        for (int64_t column = 0; column < m->columns.count; column++) {
            reach h = shift_reach(&m->rows, row, m->h, m->out_h);
            reach w = shift_reach(&m->columns, column, m->w, m->out_w);
            met += h.last > h.first && w.last > w.first ? m->channels : 0;
        }
    return met < m->weight_output;
}

/* Lays J out in S and, where that is more than a measure, runs it there. */
static void run(job *j, const float *x, const float *grad_y, scratch *s)
{
    enum { BLOCK_MOST = 16, BLOCK_LEAST = 8, ROOM_FLOATS = 80 << 10, TASKS_WANTED = 16 };
    const mapping *m = &j->m;
    int64_t x_step = shift_step(m->channels);
    j->loops = loops_get();
    j->block = BLOCK_MOST;
    if (block_floats(j) > ROOM_FLOATS || m->outputs < TASKS_WANTED * BLOCK_MOST)
        j->block = BLOCK_LEAST;
    j->x = scratch_floats(s, m->h * m->w * m->images * x_step + 3 * j->loops->lanes);
    j->grad_y =
        scratch_floats(s, m->out_h * m->out_w * m->images * shift_step(m->outputs));
    size_t used = s->used;
    j->room = scratch_floats(s, block_floats(j));
    j->apart = scratch_rooms(s, used);
    if (!s->base)
        return;
    j->some_lost = some_are_lost(m);
    turn(j, m->h * m->w, m->channels, m->pitch, m->source_kept, x, j->x);
    turn(j, m->out_h * m->out_w, m->outputs, m->outputs, m->y_kept, grad_y, j->grad_y);
    parallel_for((m->outputs - 1) / j->block + 1, block_task, j);
}

size_t shift_weight_scratch(const convolution *v)
{
    job j = {0};
    scratch s = {0};
    mapping_forward(&j.m, v);
    run(&j, NULL, NULL, &s);
    return s.used;
}

void shift_weight_gradient(const convolution *v, const float *x, const float *grad_y,
                           float *grad_weight, void *scratch_block)
{
    job j = {.grad_weight = grad_weight};
    mapping_forward(&j.m, v);
    run(&j, x, grad_y, &(scratch){.base = scratch_block});
}

void shift_weight_taken(const convolution *v, const float *x, const float *grad_y,
                        const weight_taker *taker, void *scratch_block)
{
    job j = {.taker = taker};
    mapping_forward(&j.m, v);
    run(&j, x, grad_y, &(scratch){.base = scratch_block});
}
