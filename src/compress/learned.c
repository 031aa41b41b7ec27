/* SPDX-License-Identifier: GPL-3.0-or-later
   learned.c -- sums of gradients at the ends of ranges, and the step they ask for.  Weights
   are the optimizer's. */
#include "compress/learned.h"

#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "compress/quantize.h"
#include "graph/op_integer.h"
#include "graph/operator.h"
#include "kernel/integer.h"

#define PARTS 64 /* of one value's sums: cut by its size alone */

status learned_new(learned_ranges *r, int values, error *e)
{
    *r = (learned_ranges){.values = values};
    r->low = memory_new(2 * (int64_t)values, sizeof *r->low, e);
    r->high = r->low ? r->low + values : NULL;
    return r->low ? E_OK : E_MEMORY;
}

void learned_clear(learned_ranges *r)
{
    memory_free(r->low);
    *r = (learned_ranges){0};
}

typedef struct ends {
    const int8_t *q;
    const float *gradient;
    int64_t n, part;
    int32_t lowest, highest;
    double low[PARTS], high[PARTS];
} ends;

static void sum_part(void *context, int64_t i, int thread)
{
    ends *s = context;
    int64_t end = (i + 1) * s->part < s->n ? (i + 1) * s->part : s->n;
    (void)thread;
    for (int64_t k = i * s->part; k < end; k++) {
        if (s->q[k] <= s->lowest)
            s->low[i] += (double)s->gradient[k];
        else if (s->q[k] >= s->highest)
            s->high[i] += (double)s->gradient[k];
    }
}

void learned_add(learned_ranges *r, int value, const int8_t *q, int64_t n,
                 const quantizer *format, const float *gradient)
{
    ends s = {.q = q,
              .gradient = gradient,
              .n = n,
              .part = (n + PARTS - 1) / PARTS,
              .lowest = integer_low(format->bits),
              .highest = integer_high(format->bits)};
    parallel_for((n + s.part - 1) / s.part, sum_part, &s);
    for (int i = 0; i < PARTS; i++) {
        r->low[value] += s.low[i];
        r->high[value] += s.high[i];
    }
}

static double sign(double x)
{
    return x > 0 ? 1 : x < 0 ? -1 : 0;
}

static void move_ends(quantizer *q, double low_gradient, double high_gradient,
                      double rate)
{
    double scale = (double)q->scale[0];
    double low = scale * (integer_low(q->bits) - q->zero_point[0]);
    double high = scale * (integer_high(q->bits) - q->zero_point[0]);
    double step = rate * (high - low);
    high -= step * sign(high_gradient);
    if (q->zero_point[0] != integer_low(q->bits))
        low -= step * sign(low_gradient);
    quantizer_from_range(low, high, q->bits, &q->scale[0], &q->zero_point[0]);
}

/* A layer in front of the ReLU that is its clamp has the format of what is behind. */
static bool is_in_front(const graph *g, const int *source, int value)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i].op == &op_relu && g->nodes[i].inputs[0] == value &&
            source[g->nodes[i].output] == source[value])
            return true;
    return false;
}

static void take_format(quantizer *to, const quantizer *from)
{
    to->scale[0] = from->scale[0];
    to->zero_point[0] = from->zero_point[0];
}

void learned_step(learned_ranges *r, graph *g, graph *deployed, const int *source,
                  double rate)
{
    for (int v = 0; v < r->values; v++) {
        value *made = &deployed->values[source[v]];
        if (made->type != DTYPE_S8 || !g->values[v].quantizer ||
            is_in_front(g, source, v))
            continue;
        move_ends(g->values[v].quantizer, r->low[v], r->high[v], rate);
        take_format(made->quantizer, g->values[v].quantizer);
    }
    for (int i = 0; i < deployed->node_count; i++) {
        const node *n = &deployed->nodes[i];
        value *out = &deployed->values[n->output];
        if (out->type == DTYPE_S8 && n->op != &op_quantize && integer_keeps_format(n->op))
            take_format(out->quantizer, deployed->values[n->inputs[0]].quantizer);
    }
    memset(r->low, 0, (size_t)(2 * r->values) * sizeof *r->low);
}
