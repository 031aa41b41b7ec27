/* SPDX-License-Identifier: GPL-3.0-or-later
   decompose_factors.c -- a layer's weights as matrices, and their singular values.  It
   changes no graph. */
#include "compress/decompose_parts.h"

#include <math.h>
#include "base/memory.h"
#include "compress/fold.h"
#include "compress/svd.h"
#include "graph/operator.h"

static bool is_transposed(const node *n)
{
    return n->op == &op_conv_transpose2d || n->op == &op_conv_transpose3d;
}

static int64_t taps_of(const graph *g, const node *n)
{
    const shape s = tensor_shape(graph_parameter(g, n, ROLE_WEIGHT)->data);
    return shape_count(s) / s.dim[0] / s.dim[s.rank - 1];
}

static bool suits(const graph *g, const node *n, decomposition kind)
{
    if (!fold_is_layer(g, n) || n->attr.groups > 1)
        return false;
    switch (kind) {
    case DECOMPOSE_CHANNEL:
        return true;
    case DECOMPOSE_SPATIAL:
        return n->op == &op_conv2d && n->attr.kernel[1] > 1 && n->attr.kernel[2] > 1;
    default:
        return n->op == &op_conv2d && taps_of(g, n) > 1;
    }
}

bool factors_apply(const graph *g, const node *n, decomposition kind, bool *masked)
{
    *masked = false;
    if (!suits(g, n, kind))
        return false;
    *masked = graph_parameter(g, n, ROLE_WEIGHT)->mask != NULL;
    return !*masked;
}

void factors_clear(factors *f)
{
    memory_free(f->u);
    memory_free(f->s);
    memory_free(f->v);
    memory_free(f->square);
    *f = (factors){0};
}

static void shape_factors(const graph *g, const node *n, decomposition kind, factors *f)
{
    const shape s = tensor_shape(graph_parameter(g, n, ROLE_WEIGHT)->data);
    *f = (factors){.kind = kind,
                   .transposed = is_transposed(n),
                   .parts = 1,
                   .outputs = s.dim[0],
                   .inputs = s.dim[s.rank - 1],
                   .taps = taps_of(g, n)};
    if (kind == DECOMPOSE_SEPARABLE) {
        f->parts = f->inputs;
        f->rows = f->outputs;
        f->columns = f->taps;
    } else if (kind == DECOMPOSE_SPATIAL) {
        f->rows = n->attr.kernel[1] * f->inputs;
        f->columns = n->attr.kernel[2] * f->outputs;
    } else if (f->transposed) {
        f->rows = f->outputs * f->taps;
        f->columns = f->inputs;
    } else {
        f->rows = f->outputs;
        f->columns = f->taps * f->inputs;
    }
    f->full = f->rows < f->columns ? f->rows : f->columns;
}

/* Part PART of weight W [o][t][i] as a matrix, row by row. */
static void fill_matrix(const factors *f, const float *w, int64_t width, int64_t part,
                        double *a)
{
    const int64_t step = f->kind == DECOMPOSE_SEPARABLE ? f->inputs : 1;
    for (int64_t k = part; k < f->outputs * f->taps * f->inputs; k += step) {
        const int64_t o = k / (f->taps * f->inputs), t = k / f->inputs % f->taps,
                      i = k % f->inputs;
        int64_t at = k;
        if (f->kind == DECOMPOSE_SEPARABLE)
            at = o * f->taps + t;
        else if (f->kind == DECOMPOSE_SPATIAL)
            at = (t / width * f->inputs + i) * f->columns + t % width * f->outputs + o;
        a[at] = (double)w[k];
    }
}

status factors_make(const graph *g, const node *n, decomposition kind, factors *f,
                    error *e)
{
    shape_factors(g, n, kind, f);
    const float *w = tensor_f32(graph_parameter(g, n, ROLE_WEIGHT)->data);
    double *a = memory_new(f->rows * f->columns, sizeof *a, e);
    f->u = memory_new_raw(f->parts * f->rows * f->full, sizeof *f->u, e);
    f->s = memory_new_raw(f->parts * f->full, sizeof *f->s, e);
    f->v = memory_new_raw(f->parts * f->full * f->columns, sizeof *f->v, e);
    f->square = memory_new(f->full, sizeof *f->square, e);
    status s = a && f->u && f->s && f->v && f->square ? E_OK : E_MEMORY;
    for (int64_t p = 0; s == E_OK && p < f->parts; p++) {
        double *values = f->s + p * f->full;
        fill_matrix(f, w, n->attr.kernel[2], p, a);
        s = svd_of(a, f->rows, f->columns, f->u + p * f->rows * f->full, values,
                   f->v + p * f->full * f->columns, e);
        for (int64_t k = 0; s == E_OK && k < f->full; k++)
            f->square[k] += values[k] * values[k];
    }
    memory_free(a);
    if (s != E_OK) {
        factors_clear(f);
        fail_prefix(e, "%s", n->name);
    }
    return s;
}

int64_t factors_weights(const factors *f, int64_t rank)
{
    return rank * f->parts * (f->rows + f->columns);
}

static double sum_of_squares(const factors *f, int64_t rank)
{
    double sum = 0;
    for (int64_t k = 0; k < rank && k < f->full; k++)
        sum += f->square[k];
    return sum;
}

double factors_energy(const factors *f, int64_t rank)
{
    double all = sum_of_squares(f, f->full);
    return all > 0 ? sum_of_squares(f, rank) / all : 1;
}

int64_t factors_rank(const factors *f, double energy)
{
    double all = sum_of_squares(f, f->full), sum = 0;
    for (int64_t k = 0; k < f->full; k++) {
        sum += f->square[k];
        if (sum >= energy * all)
            return k + 1;
    }
    return f->full;
}
