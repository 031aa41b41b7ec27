/* SPDX-License-Identifier: GPL-3.0-or-later
   op_integer_unroll.c -- conv3d and transposed convolutions on codes: by patches around a
   convolution of kernel/integer_method where each result is one sum; where results of a
   transposed one overlap, sums are taken pixel by pixel.  Nothing here allocates. */
#include "graph/op_integer.h"

#include <string.h>
#include "base/parallel.h"
#include "graph/unroll.h"
#include "kernel/integer_method.h"
#include "kernel/scratch.h"

integer_conv integer_unroll_geometry(const operation *op)
{
    unrolled u = unroll(op, false);
    const convolution *v = &u.inner;
    integer_conv c = integer_layer_of(op);
    c.weight = NULL; /* those of the operator have another order */
    c.batch = v->n;
    c.height = v->h;
    c.width = v->w;
    c.channels = v->c;
    c.out_height = v->out_h;
    c.out_width = v->out_w;
    c.out_channels = v->out_c;
    c.groups = v->groups;
    c.x_pitch = v->x_pitch;
    c.y_pitch = v->y_pitch;
    c.kernel[0] = v->kernel_h;
    c.kernel[1] = v->kernel_w;
    c.stride[0] = v->stride_h;
    c.stride[1] = v->stride_w;
    c.padding[0] = v->pad_h;
    c.padding[1] = v->pad_w;
    c.dilation[0] = v->dilation_h;
    c.dilation[1] = v->dilation_w;
    return c;
}

/* Sums that overlap are no product's results. */
static bool overlaps(const unrolled *u)
{
    return u->transposed && !u->exact;
}

bool integer_unroll_overlaps(const operation *op)
{
    const unrolled u = unroll(op, false);
    return overlaps(&u);
}

static const integer_method *method_of(const operation *op, const integer_conv *c)
{
    return op->method ? integer_method_at(op->method - 1) : integer_method_choose(c);
}

/* ---- what is prepared ---- */

/* Weights, bias, scales and zero points as the inner convolution reads them. */
typedef struct turned {
    void *prepared;
    int8_t *weight;
    int32_t *bias, *zero;
    float *scale;
} turned;

static turned cut_turned(const unrolled *u, const integer_method *m,
                         const integer_conv *c, scratch *s)
{
    const int64_t channels = c->weight_channels == 1 ? 1 : u->inner.out_c;
    turned t;
    t.prepared = scratch_take(s, (int64_t)m->prepared_bytes(c), 1);
    t.weight = scratch_take(s, u->turn[0] * u->turn[1] * u->turn[2] * u->turn[3],
                            sizeof(int8_t));
    t.bias = scratch_take(s, c->bias ? u->inner.out_c : 0, sizeof *t.bias);
    t.zero = scratch_take(s, channels, sizeof *t.zero);
    t.scale = scratch_take(s, channels, sizeof *t.scale);
    return t;
}

/* Output channel of the operator that channel I of the inner convolution is of. */
static int64_t own_channel(const unrolled *u, int64_t i)
{
    if (!u->transposed)
        return i;
    const int64_t each = u->turn[1], taps = u->turn[2];
    return i / (taps * each) * each + i % each;
}

/* Points C to what it has in T. */
static void fill_turned(const operation *op, const unrolled *u, integer_conv *c,
                        const turned *t)
{
    const int8_t *weight = integer_layer_of(op).weight;
    const int64_t channels = c->weight_channels == 1 ? 1 : u->inner.out_c;
    patch_turn(u->turn[0], u->turn[1], u->turn[2], u->turn[3], weight, t->weight);
    for (int64_t i = 0; c->bias && i < u->inner.out_c; i++)
        t->bias[i] = c->bias[own_channel(u, i)];
    for (int64_t i = 0; i < channels; i++) {
        const int64_t from = channels == 1 ? 0 : own_channel(u, i);
        t->zero[i] = c->weight_zero[from];
        t->scale[i] = c->weight_scale[from];
    }
    c->weight = t->weight;
    c->bias = c->bias ? t->bias : NULL;
    c->weight_zero = t->zero;
    c->weight_scale = t->scale;
    c->weight_channels = channels;
}

size_t integer_unroll_prepared_bytes(const operation *op)
{
    unrolled u = unroll(op, false);
    integer_conv c = integer_unroll_geometry(op);
    scratch s = {0};
    if (overlaps(&u))
        return 0;
    cut_turned(&u, method_of(op, &c), &c, &s);
    return s.used;
}

void integer_unroll_prepare(const operation *op, void *prepared)
{
    unrolled u = unroll(op, false);
    integer_conv c = integer_unroll_geometry(op);
    scratch s = {.base = prepared};
    if (overlaps(&u))
        return;
    const integer_method *m = method_of(op, &c);
    turned t = cut_turned(&u, m, &c, &s);
    fill_turned(op, &u, &c, &t);
    m->prepare(&c, t.prepared);
}

/* ---- overlapping sums ---- */

typedef struct summing {
    const unrolled *u;
    const integer_conv *c; /* of the operator's own weights */
    const int8_t *x;
    int8_t *y;
} summing;

/* sum over i of (w - Z_w) (x - Z_x) */
static int32_t row_sum(const int8_t *w, int32_t w_zero, const int8_t *x, int32_t x_zero,
                       int64_t n)
{
    int32_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (w[i] - w_zero) * (x[i] - x_zero);
    return sum;
}

/* Patch P that tap T of the kernel reaches pixel Q from, along one axis? */
static bool reaches(const patch *p, int axis, int64_t q, int64_t t, int64_t *from)
{
    const int64_t at = q + p->padding[axis] - t * p->dilation[axis];
    *from = at / p->stride[axis];
    return at >= 0 && at % p->stride[axis] == 0 && *from < p->count[axis];
}

/* The sum of output channel O at pixel Q of IMAGE. */
static int32_t pixel_sum(const summing *j, int64_t image, const int64_t q[3], int64_t o)
{
    const integer_conv *c = j->c;
    const patch *p = &j->u->patch;
    const int64_t depth = c->channels / c->groups, taps = patch_taps(p);
    const int64_t group = o / (p->channels / p->groups);
    const int64_t pitch = c->x_pitch ? c->x_pitch : c->channels;
    const int32_t zero = c->weight_zero[c->weight_channels == 1 ? 0 : o];
    int32_t sum = c->bias ? c->bias[o] : 0;
    for (int64_t t = 0; t < taps; t++) {
        int64_t z, y, x;
        if (!reaches(p, 0, q[0], t / (p->kernel[1] * p->kernel[2]), &z) ||
            !reaches(p, 1, q[1], t / p->kernel[2] % p->kernel[1], &y) ||
            !reaches(p, 2, q[2], t % p->kernel[2], &x))
            continue;
        const int64_t place =
            ((image * p->count[0] + z) * p->count[1] + y) * p->count[2] + x;
        sum += row_sum(c->weight + (o * taps + t) * depth, zero,
                       j->x + place * pitch + group * depth, c->in.zero, depth);
    }
    return sum;
}

static void sum_row(void *context, int64_t row, int thread)
{
    const summing *j = context;
    const integer_conv *c = j->c;
    const patch *p = &j->u->patch;
    const int64_t image = row / p->size[1] / p->size[0];
    int64_t q[3] = {row / p->size[1] % p->size[0], row % p->size[1], 0};
    int8_t *y = j->y + row * p->size[2] * p->pitch;
    (void)thread;
    for (; q[2] < p->size[2]; q[2]++, y += p->pitch)
        for (int64_t o = 0; o < p->channels; o++) {
            const float scale = c->weight_scale[c->weight_channels == 1 ? 0 : o];
            const float m = integer_multiplier((double)c->in.scale * (double)scale /
                                               (double)c->out.scale);
            int32_t code = integer_round((float)pixel_sum(j, image, q, o) * m, c->out);
            y[o] = (int8_t)(c->map ? c->map[code + 128] : code);
        }
}

static void run_overlapping(const operation *op, const unrolled *u)
{
    integer_conv c = integer_unroll_geometry(op);
    c.weight = integer_layer_of(op).weight;
    for (int64_t i = 0; i < u->chunks; i++) {
        summing j = {u, &c, (const int8_t *)op->x[0] + i * u->x_step,
                     (int8_t *)op->y + i * u->y_step};
        const patch *p = &u->patch;
        parallel_for(p->images * p->size[0] * p->size[1], sum_row, &j);
    }
}

/* ---- running ---- */

size_t integer_unroll_scratch(const operation *op)
{
    unrolled u = unroll(op, false);
    integer_conv c = integer_unroll_geometry(op);
    const integer_method *m = method_of(op, &c);
    scratch s = {0};
    if (overlaps(&u))
        return 0;
    if (!op->is_prepared)
        cut_turned(&u, m, &c, &s);
    scratch_take(&s, unroll_patch_elements(&u), sizeof(int8_t));
    return s.used + m->scratch_bytes(&c);
}

void integer_unroll_forward(const operation *op)
{
    unrolled u = unroll(op, false);
    if (overlaps(&u)) {
        run_overlapping(op, &u);
        return;
    }
    integer_conv c = integer_unroll_geometry(op);
    const integer_method *m = method_of(op, &c);
    scratch s = {.base = op->scratch};
    const void *prepared = op->prepared;
    if (!op->is_prepared) {
        turned t = cut_turned(&u, m, &c, &s);
        fill_turned(op, &u, &c, &t);
        m->prepare(&c, t.prepared);
        prepared = t.prepared;
    }
    int8_t *patches = scratch_take(&s, unroll_patch_elements(&u), sizeof *patches);
    for (int64_t i = 0; i < u.chunks; i++) {
        const int8_t *x = (const int8_t *)op->x[0] + i * u.x_step;
        int8_t *y = (int8_t *)op->y + i * u.y_step;
        c.x = u.transposed ? x : patches;
        c.y = u.transposed ? patches : y;
        if (!u.transposed)
            patch_gather_codes(&u.patch, x, (int8_t)c.in.zero, patches);
        m->run(&c, prepared, s.base + s.used);
        if (u.transposed)
            patch_place(&u.patch, 1, patches, y);
    }
}
