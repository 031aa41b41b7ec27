/* SPDX-License-Identifier: GPL-3.0-or-later
   shift_weight.c -- the gradient by the weight of a convolution of small images: for each
   tap a sum of outer products over the pixels that it finds in the image. */
#include "kernel/shift.h"

#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/loops.h"
#include "kernel/weight.h"

typedef struct job {
    mapping m;
    const kernel_loops *loops;
    float *x, *grad_y; /* their batch innermost */
    float *grad_weight;
    int64_t chunk, chunks; /* channels of a task */
    float *room;           /* of each thread: the pixels of a task */
    int64_t room_floats;
} job;

/* The channels FIRST.. of the pixels that a tap finds, without gaps. */
static void take_pixels(const job *j, const outer *o, const float *from, int64_t count,
                        float *to)
{
    int64_t step = shift_step(j->m.channels);
    for (int64_t row = 0; row < o->rows; row++)
        for (int64_t p = 0; p < o->pixels; p++, to += j->chunk)
            memcpy(to, from + (row * j->m.w * j->m.images + p) * step,
                   (size_t)count * sizeof *to);
}

static void clear(const job *j, float *sum, int64_t count)
{
    for (int64_t o = 0; o < j->m.outputs; o++)
        memset(sum + o * j->m.weight_output, 0, (size_t)count * sizeof *sum);
}

static void tap_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const mapping *m = &j->m;
    int64_t first = task % j->chunks * j->chunk, tap = task / j->chunks, n = m->images;
    int64_t row = tap / m->columns.count, column = tap % m->columns.count;
    int64_t count = m->channels - first < j->chunk ? m->channels - first : j->chunk;
    reach h = shift_reach(&m->rows, row, m->h, m->out_h);
    reach w = shift_reach(&m->columns, column, m->w, m->out_w);
    int64_t y = h.first + m->rows.place[row], x = w.first + m->columns.place[column];
    int64_t x_step = shift_step(m->channels), g_step = shift_step(m->outputs);
    float *pixels = j->room + thread * j->room_floats;
    outer o = {.rows = h.last - h.first,
               .pixels = (w.last - w.first) * n,
               .outputs = m->outputs,
               .length = count,
               .x = pixels,
               .g = j->grad_y + (h.first * m->out_w + w.first) * n * g_step,
               .x_row = (w.last - w.first) * n * j->chunk,
               .x_step = j->chunk,
               .g_row = m->out_w * n * g_step,
               .g_step = g_step,
               .sum = j->grad_weight + m->rows.weight[row] + m->columns.weight[column] +
                      first,
               .sum_step = m->weight_output,
               .overwrite = true,
               .past = weight_goes_past(m->outputs * m->weight_output)};
    if (o.rows < 1 || o.pixels < 1) {
        clear(j, o.sum, count);
        return;
    }
    take_pixels(j, &o, j->x + (y * m->w + x) * n * x_step + first, count, pixels);
    j->loops->outer(&o);
}

static void turn(const job *j, int64_t pixels, int64_t channels, int64_t pitch,
                 precision kept, const void *from, float *to)
{
    image_turn t = {j->m.images, pixels, channels, pitch, kept, from, to};
    shift_turn(&t);
}

/* Lays J out in S and, where that is more than a measure, runs it there. */
static void run(job *j, const float *x, const float *grad_y, scratch *s)
{
    enum { TASKS_WANTED = 16, BLOCKS_MOST = 4 };
    const mapping *m = &j->m;
    int64_t taps = m->rows.count * m->columns.count;
    j->loops = loops_get();
    int64_t block = 3 * j->loops->lanes;
    j->chunk = BLOCKS_MOST * block;
    while (j->chunk > block && taps * ((m->channels - 1) / j->chunk + 1) < TASKS_WANTED)
        j->chunk -= block;
    j->chunks = (m->channels - 1) / j->chunk + 1;
    j->x = scratch_floats(s, m->h * m->w * m->images * shift_step(m->channels));
    j->grad_y =
        scratch_floats(s, m->out_h * m->out_w * m->images * shift_step(m->outputs));
    j->room_floats = m->h * m->w * m->images * j->chunk + j->loops->lanes;
    j->room = scratch_floats(s, cpu_threads() * j->room_floats);
    if (!s->base)
        return;
    int64_t size = m->outputs * m->weight_output;
    if (taps * m->channels * m->outputs < size)
        parallel_clear(j->grad_weight, size);
    turn(j, m->h * m->w, m->channels, m->pitch, m->source_kept, x, j->x);
    turn(j, m->out_h * m->out_w, m->outputs, m->outputs, m->y_kept, grad_y, j->grad_y);
    parallel_for(taps * j->chunks, tap_task, j);
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
