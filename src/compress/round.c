/* SPDX-License-Identifier: GPL-3.0-or-later
   round.c -- weights to one of their two neighbours on the grid, as the layer's output
   wants it.  Codes are made elsewhere, of weights that stand on the grid by then. */
#include "compress/correction.h"

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "graph/operator.h"
#include "kernel/integer.h"

#define ROWS_MOST 1024 /* output places that are looked at */
#define RIDGE     0.02 /* of the mean diagonal: so few places do not tell all */

/* One group of a layer: its inputs as rows of TAPS, and their second moment. */
typedef struct rounding {
    int64_t taps, rows, outputs, first; /* OUTPUTS of the group, from output FIRST */
    float *x;                           /* [rows x taps] */
    double *moment;                     /* [taps x taps] */
    float *weight;                      /* of the layer */
    const quantizer *q;
    double *room; /* [threads x 3 taps] */
    int64_t threads;
} rounding;

/* ---- places ---- */

typedef struct places {
    const float *x;
    shape in;
    const node *n;
    int64_t kernel[2], out[2], own; /* of a group */
} places;

static places places_of(const layer_inputs *l, const node *n, shape weight)
{
    places p = {.n = n, .own = weight.dim[weight.rank - 1]};
    p.x = layer_inputs_of(l, n, &p.in);
    p.kernel[0] = p.kernel[1] = 1;
    p.out[0] = 1;
    p.out[1] = shape_count(p.in) / p.in.dim[p.in.rank - 1] / p.in.dim[0];
    for (int axis = 0; n->op == &op_conv2d && axis < 2; axis++) {
        const attributes *a = &n->attr;
        int64_t reach = a->dilation[axis + 1] * (a->kernel[axis + 1] - 1) + 1;
        p.kernel[axis] = a->kernel[axis + 1];
        p.out[axis] = (p.in.dim[axis + 1] + 2 * a->padding[axis + 1] - reach) /
                          a->stride[axis + 1] +
                      1;
    }
    return p;
}

/* The inputs of GROUP at output place I of the batch, as its taps read them. */
static void gather_place(const places *p, int64_t group, int64_t i, float *row)
{
    const int64_t channels = p->in.dim[p->in.rank - 1];
    const attributes *a = &p->n->attr;
    if (p->n->op != &op_conv2d) {
        memcpy(row, p->x + i * channels, (size_t)p->own * sizeof *row);
        return;
    }
    int64_t image = i / (p->out[0] * p->out[1]), at = i % (p->out[0] * p->out[1]);
    for (int64_t ky = 0; ky < p->kernel[0]; ky++)
        for (int64_t kx = 0; kx < p->kernel[1]; kx++, row += p->own) {
            int64_t y =
                at / p->out[1] * a->stride[1] - a->padding[1] + ky * a->dilation[1];
            int64_t x =
                at % p->out[1] * a->stride[2] - a->padding[2] + kx * a->dilation[2];
            bool inside = y >= 0 && y < p->in.dim[1] && x >= 0 && x < p->in.dim[2];
            const float *from =
                p->x + ((image * p->in.dim[1] + y) * p->in.dim[2] + x) * channels +
                group * p->own;
            if (inside)
                memcpy(row, from, (size_t)p->own * sizeof *row);
            else
                memset(row, 0, (size_t)p->own * sizeof *row);
        }
}

static void gather(const places *p, int64_t group, rounding *r)
{
    int64_t all = p->in.dim[0] * p->out[0] * p->out[1];
    random_stream draw = random_new(1, "round", (uint64_t)group);
    for (int64_t i = 0; i < r->rows; i++) {
        int64_t at = all <= r->rows ? i : random_below(&draw, all);
        gather_place(p, group, at, r->x + i * r->taps);
    }
}

/* ---- the second moment ---- */

static void moment_row(void *context, int64_t i, int thread)
{
    rounding *r = context;
    double *row = r->moment + i * r->taps;
    (void)thread;
    for (int64_t k = 0; k < r->rows; k++) {
        const float *x = r->x + k * r->taps;
        double factor = (double)x[i];
        if (factor == 0)
            continue;
        for (int64_t j = 0; j < r->taps; j++)
            row[j] += factor * (double)x[j];
    }
}

static void fill_moment(rounding *r)
{
    double trace = 0;
    memset(r->moment, 0, (size_t)(r->taps * r->taps) * sizeof *r->moment);
    parallel_for(r->taps, moment_row, r);
    for (int64_t i = 0; i < r->taps; i++)
        trace += r->moment[i * r->taps + i];
    for (int64_t i = 0; i < r->taps; i++)
        r->moment[i * r->taps + i] += RIDGE * trace / (double)r->taps;
}

/* ---- one output ---- */

/* The two codes on either side of R (the nearer first); the same where R is a code or its
   neighbour is none. */
static void neighbours_of(double r, integer_format f, int32_t *near, int32_t *far)
{
    double nearest = rint(r);
    nearest = fmin(fmax(nearest, f.low), f.high);
    *near = (int32_t)nearest;
    *far = *near + (r > nearest ? 1 : r < nearest ? -1 : 0);
    if (*far < f.low || *far > f.high || fabs(r - nearest) > 1)
        *far = *near;
}

/* STEP [taps]: what a flip adds to a weight; PULL = G e.  Flips while that helps, the best
   first. */
static void flip(const rounding *r, float *w, double *step, double *pull)
{
    for (int64_t turn = 0; turn < 4 * r->taps; turn++) {
        int64_t best = -1;
        double least = 0;
        for (int64_t t = 0; t < r->taps; t++) {
            double gain = step[t] * (2 * pull[t] + step[t] * r->moment[t * r->taps + t]);
            if (gain < least) {
                least = gain;
                best = t;
            }
        }
        if (best < 0)
            return;
        for (int64_t t = 0; t < r->taps; t++)
            pull[t] += step[best] * r->moment[best * r->taps + t];
        w[best] = (float)((double)w[best] + step[best]);
        step[best] = -step[best];
    }
}

static void round_output(void *context, int64_t i, int thread)
{
    rounding *r = context;
    int64_t o = r->first + i, at = r->q->channels == 1 ? 0 : o;
    integer_format f = {r->q->scale[at], r->q->zero_point[at], integer_low(r->q->bits),
                        integer_high(r->q->bits)};
    float *w = r->weight + o * r->taps;
    double *step = r->room + thread * 3 * r->taps, *pull = step + r->taps,
           *gap = pull + r->taps, scale = (double)f.scale;
    for (int64_t t = 0; t < r->taps; t++) {
        int32_t near, far;
        neighbours_of((double)w[t] / scale + f.zero, f, &near, &far);
        gap[t] = scale * (near - f.zero) - (double)w[t];
        step[t] = scale * (far - near);
        w[t] = integer_decode(near, f);
    }
    for (int64_t t = 0; t < r->taps; t++) {
        pull[t] = 0;
        for (int64_t k = 0; k < r->taps; k++)
            pull[t] += r->moment[t * r->taps + k] * gap[k];
    }
    flip(r, w, step, pull);
    /* Sums of steps leave the grid by roundings; back on it. */
    for (int64_t t = 0; t < r->taps; t++)
        w[t] = integer_decode(integer_encode((double)w[t], f), f);
}

static status round_groups(const places *p, int64_t groups, rounding *r, error *e)
{
    const int64_t all = p->in.dim[0] * p->out[0] * p->out[1];
    r->rows = all < ROWS_MOST ? all : ROWS_MOST;
    r->x = memory_new(r->rows * r->taps, sizeof *r->x, e);
    r->moment = r->x ? memory_new(r->taps * r->taps, sizeof *r->moment, e) : NULL;
    r->room = r->moment ? memory_new(r->threads * 3 * r->taps, sizeof *r->room, e) : NULL;
    if (!r->room)
        return E_MEMORY;
    for (int64_t group = 0; group < groups; group++) {
        r->first = group * r->outputs;
        gather(p, group, r);
        fill_moment(r);
        parallel_for(r->outputs, round_output, r);
    }
    return E_OK;
}

status correct_round(const layer_inputs *l, const char *name, parameter *weight,
                     const quantizer *q, error *e)
{
    const node *n = layer_inputs_node(l, name);
    shape w = tensor_shape(weight->data);
    if (!n || (n->op != &op_conv2d && n->op != &op_linear))
        return E_OK;
    places p = places_of(l, n, w);
    int64_t groups = p.in.dim[p.in.rank - 1] / p.own;
    rounding r = {.taps = tensor_count(weight->data) / w.dim[0],
                  .outputs = w.dim[0] / groups,
                  .q = q,
                  .threads = cpu_threads()};
    r.weight = tensor_write_f32(weight->data, e);
    status s = r.weight ? round_groups(&p, groups, &r, e) : E_MEMORY;
    memory_free(r.x);
    memory_free(r.moment);
    memory_free(r.room);
    return s;
}
