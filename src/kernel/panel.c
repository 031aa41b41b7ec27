/* SPDX-License-Identifier: GPL-3.0-or-later
   panel.c -- weights packed in panels for the product loop.
   It multiplies nothing. */
#include "kernel/panel.h"

#include <string.h>

/* Floats of a run within a panel: split rounds its length up. */
static int64_t run_floats(const panels *p)
{
    int64_t groups = (p->run_length + p->form.split - 1) / p->form.split;
    return groups * p->form.vectors * p->loops->lanes;
}

void panels_prepare(panels *p, const mapping *m, int64_t runs, int64_t run_length,
                    scratch *s)
{
    p->m = m;
    p->loops = loops_get();
    p->form = panel_form_for(m->outputs, p->loops->lanes);
    p->count = (m->outputs - 1) / p->form.outputs + 1;
    p->runs = runs;
    p->run_length = run_length;
    p->floats = runs * run_floats(p);
    p->scale = scratch_floats(s, p->count * p->form.outputs);
    p->shift = scratch_floats(s, p->count * p->form.outputs);
}

void panels_finish(panels *p, const float *bias, const finish *tail)
{
    finish_spread(tail, bias, p->m->outputs, 1, p->count * p->form.outputs, p->scale,
                  p->shift);
}

/* The numbers of one tap, which begin at K of their run. */
static void pack_tap(const panels *p, const float *weight, int64_t outputs, int64_t k,
                     float *run)
{
    const mapping *m = p->m;
    const int64_t split = p->form.split, width = p->form.vectors * p->loops->lanes;
    if (split == 1 && m->weight_channel == 1) {
        p->loops->turn(outputs, m->channels, weight, m->weight_output, run + k * width,
                       width);
        return;
    }
    if (split == 1 && m->weight_output == 1) {
        p->loops->copy(m->channels, outputs, weight, m->weight_channel, run + k * width,
                       width);
        return;
    }
    for (int64_t c = 0; c < m->channels; c++, k++) {
        float *to = run + k / split * width + k % split;
        const float *from = weight + c * m->weight_channel;
        for (int64_t o = 0; o < outputs; o++)
            to[o * split] = from[o * m->weight_output];
    }
}

void panels_pack(const panels *p, int64_t i, const float *weight, float *to)
{
    const mapping *m = p->m;
    int64_t first = i * p->form.outputs, left = m->outputs - first;
    int64_t outputs = left < p->form.outputs ? left : p->form.outputs;
    int64_t taps = p->run_length / m->channels; /* of a run */
    if (outputs < p->form.outputs || p->run_length % p->form.split)
        memset(to, 0, (size_t)p->floats * sizeof *to);
    weight += first * m->weight_output;
    int64_t tap = 0;
    for (int64_t a = 0; a < m->rows.count; a++)
        for (int64_t b = 0; b < m->columns.count; b++, tap++)
            pack_tap(p, weight + m->rows.weight[a] + m->columns.weight[b], outputs,
                     tap % taps * m->channels, to + tap / taps * run_floats(p));
}

void panels_pack_tap(const panels *p, int64_t i, int64_t row, int64_t column,
                     const float *weight, float *to)
{
    const mapping *m = p->m;
    int64_t first = i * p->form.outputs, left = m->outputs - first;
    int64_t outputs = left < p->form.outputs ? left : p->form.outputs;
    if (outputs < p->form.outputs || m->channels % p->form.split)
        memset(to, 0, (size_t)p->floats * sizeof *to);
    pack_tap(p,
             weight + first * m->weight_output + m->rows.weight[row] +
                 m->columns.weight[column],
             outputs, 0, to);
}

product panels_product(const panels *p, int64_t i, const finish *tail, bool accumulate)
{
    int64_t first = i * p->form.outputs, left = p->m->outputs - first;
    return (product){.form = p->form,
                     .outputs = left < p->form.outputs ? left : p->form.outputs,
                     .runs = p->runs,
                     .run_length = p->run_length,
                     .scale = p->scale + first,
                     .shift = p->shift + first,
                     .rectify = tail->rectify,
                     .slope = tail->slope,
                     .residual_step = tail->residual_pitch,
                     .accumulate = accumulate};
}
