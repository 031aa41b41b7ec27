/* SPDX-License-Identifier: GPL-3.0-or-later
   support_convolution.c -- convolutions of blocks and transposed ones in double, by plain
   loops over all of their taps. */
#include "support_convolution.h"

#include <string.h>

typedef const reference_run *run;

/* Depth, height and width; an image's depth is 1. */
static void size_of(shape s, int64_t size[3])
{
    size[0] = s.rank == 5 ? s.dim[1] : 1;
    size[1] = s.dim[s.rank - 3];
    size[2] = s.dim[s.rank - 2];
}

/* What the attributes say of one axis; nothing of depth where there is none. */
static int64_t field(run r, const int64_t *of, int axis, int64_t otherwise)
{
    return axis == 0 && r->in[0].rank == 4 ? otherwise : of[axis];
}

/* Calls EACH for all pixels of COARSE, taps of the kernel, and the pixel of FINE that a
   tap falls on, where there is one. */
static void each_tap(run r, shape coarse, shape fine,
                     void (*each)(run r, int64_t coarse, int64_t tap, int64_t fine))
{
    const attributes *a = &r->node->attr;
    int64_t size[3], large[3], p[3], t[3], taps = 1, kernel[3];
    size_of(coarse, size);
    size_of(fine, large);
    for (int i = 0; i < 3; i++)
        taps *= kernel[i] = field(r, a->kernel, i, 1);
    int64_t pixels = coarse.dim[0] * size[0] * size[1] * size[2];
    for (int64_t at = 0; at < pixels; at++)
        for (int64_t tap = 0; tap < taps; tap++) {
            bool inside = true;
            int64_t image = at / (size[0] * size[1] * size[2]), place = image;
            p[0] = at / (size[1] * size[2]) % size[0];
            p[1] = at / size[2] % size[1];
            p[2] = at % size[2];
            t[0] = tap / (kernel[1] * kernel[2]);
            t[1] = tap / kernel[2] % kernel[1];
            t[2] = tap % kernel[2];
            for (int i = 0; i < 3; i++) {
                int64_t q = p[i] * field(r, a->stride, i, 1) -
                            field(r, a->padding, i, 0) +
                            t[i] * field(r, a->dilation, i, 1);
                inside = inside && q >= 0 && q < large[i];
                place = place * large[i] + q;
            }
            if (inside)
                each(r, at, tap, place);
        }
}

typedef struct sizes {
    int64_t in, out, groups, taps;
} sizes;

static sizes sizes_of(run r)
{
    const attributes *a = &r->node->attr;
    int64_t taps = a->kernel[1] * a->kernel[2] * field(r, a->kernel, 0, 1);
    return (sizes){r->in[0].dim[r->in[0].rank - 1], a->channels, a->groups, taps};
}

/* y[y_pixel] += w[tap] x[x_pixel]. */
static void add_products(run r, int64_t x_pixel, int64_t tap, int64_t y_pixel)
{
    sizes s = sizes_of(r);
    int64_t depth = s.in / s.groups, width = s.out / s.groups;
    for (int64_t o = 0; o < s.out; o++)
        for (int64_t i = 0; i < depth; i++)
            r->y[y_pixel * s.out + o] +=
                r->parameters[ROLE_WEIGHT][(o * s.taps + tap) * depth + i] *
                r->x[0][x_pixel * s.in + o / width * depth + i];
}

static void add_tap(run r, int64_t coarse, int64_t tap, int64_t fine)
{
    add_products(r, fine, tap, coarse);
}

static void add_tap_transposed(run r, int64_t coarse, int64_t tap, int64_t fine)
{
    add_products(r, coarse, tap, fine);
}

static void begin(run r)
{
    const double *bias = r->parameters[ROLE_BIAS];
    for (int64_t i = 0; i < shape_count(r->out); i++)
        r->y[i] = bias ? bias[i % r->node->attr.channels] : 0;
}

void reference_convolution(const reference_run *r)
{
    begin(r);
    each_tap(r, r->out, r->in[0], add_tap);
}

void reference_transposed(const reference_run *r)
{
    begin(r);
    each_tap(r, r->in[0], r->out, add_tap_transposed);
}

void reference_convolution_shape(const node *n, const shape *in, shape *out)
{
    const attributes *a = &n->attr;
    bool transposed = strstr(n->op->name, "transpose") != NULL;
    *out = in[0];
    for (int i = 1; i < in[0].rank - 1; i++) {
        int axis = i + 4 - in[0].rank;
        int64_t span = a->dilation[axis] * (a->kernel[axis] - 1) + 1;
        if (transposed)
            out->dim[i] = (in[0].dim[i] - 1) * a->stride[axis] - 2 * a->padding[axis] +
                          span + a->output_padding[axis];
        else
            out->dim[i] =
                (in[0].dim[i] + 2 * a->padding[axis] - span) / a->stride[axis] + 1;
    }
    out->dim[in[0].rank - 1] = a->channels;
}
