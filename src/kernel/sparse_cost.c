/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_cost.c -- how long the sparse convolution will take, and when that is less than
   a dense one needs.  Numbers are clock cycles of one core, fitted to measurements.
   It runs nothing. */
#include "kernel/sparse.h"
#include "kernel/sparse_parts.h"

/* Of the sparse one: for each entry and tile, and for each of its vectors; for each list
   and tile; for each of LANES outputs, or inputs, of LANES pixels that are turned. */
static const double ENTRY = 0.9, VECTOR = 0.6, LIST = 45, TURN_OUT = 9, TURN_IN = 6;

/* Of the dense ones, for each weight: a multiplication of vectors, and a weight that is
   fetched; the same by Winograd's algorithms, whose weights are more numbers. */
static const double PRODUCT = 0.52, FETCH = 0.3, PRODUCT_3X3 = 0.17, FETCH_3X3 = 1.2;

static int64_t count_weights(const convolution *v, const float *weight)
{
    int64_t n = v->out_c * v->kernel_h * v->kernel_w * (v->c / v->groups), found = 0;
    for (int64_t i = 0; i < n; i++)
        found += weight[i] != 0;
    return found;
}

double sparse_shape_cost(const sparse_shape *s, double entries)
{
    double tiles = (double)(((s->images - 1) / s->tile_images + 1) * s->tiles);
    double blocks = (double)((s->outputs - 1) / s->lanes + 1);
    double each =
        ENTRY * (double)((s->vectors - 1) / 8 + 1) + VECTOR * (double)s->vectors;
    double squares_in =
        (double)(((s->channels - 1) / s->lanes + 1) * s->planes * s->slots);
    double turned = TURN_OUT * blocks * (double)s->vectors + TURN_IN * squares_in;
    return tiles * (entries * each + LIST * (double)(s->outputs * s->kinds) +
                    turned * (double)s->lanes);
}

double sparse_cost(const convolution *v, const float *weight)
{
    sparse_shape s;
    sparse_shape_make(&s, v, sparse_loops_get()->lanes);
    return sparse_shape_cost(&s, (double)count_weights(v, weight));
}

static double dense_cost(const convolution *v)
{
    double lanes = (double)sparse_loops_get()->lanes;
    double weights = (double)(v->out_c * v->kernel_h * v->kernel_w * v->c / v->groups);
    bool small = v->kernel_h == 3 && v->kernel_w == 3 && v->stride_h == 1 &&
                 v->stride_w == 1 && v->dilation_h == 1 && v->dilation_w == 1;
    double vectors = (double)(v->n * v->out_h * v->out_w) / lanes;
    double direct = PRODUCT * vectors + FETCH;
    double winograd = PRODUCT_3X3 * vectors + FETCH_3X3;
    return weights * (small && winograd < direct ? winograd : direct);
}

bool sparse_wins(const convolution *v, const float *weight)
{
    return sparse_cost(v, weight) < dense_cost(v);
}
