/* SPDX-License-Identifier: GPL-3.0-or-later
   graph_measure.c -- what can be asked of a graph: shapes, counts, costs, a hash.
   It changes nothing but masked weights (graph_apply_masks). */
#include "graph/graph.h"

#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "base/random.h"
#include "graph/operator.h"

bool parameter_is_trained(const parameter *p)
{
    return p->role != ROLE_RUNNING_MEAN && p->role != ROLE_RUNNING_VARIANCE;
}

#define COUNT_GRAIN 65536

typedef struct zero_count {
    const float *data;
    int64_t *nonzero; /* one for each piece */
} zero_count;

static void count_piece(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    zero_count *c = context;
    int64_t n = 0;
    for (int64_t i = begin; i < end; i++)
        n += c->data[i] != 0.0f;
    c->nonzero[begin / COUNT_GRAIN] = n;
}

int64_t parameter_nonzero(const parameter *p)
{
    int64_t n = tensor_count(p->data), sum = 0;
    int64_t pieces = (n + COUNT_GRAIN - 1) / COUNT_GRAIN;
    int64_t few[256];
    zero_count c = {tensor_f32(p->data), few};
    for (int64_t first = 0; first < pieces; first += 256) {
        int64_t begin = first * COUNT_GRAIN,
                now = pieces - first < 256 ? pieces - first : 256;
        int64_t end = begin + now * COUNT_GRAIN < n ? begin + now * COUNT_GRAIN : n;
        c.data = tensor_f32(p->data) + begin;
        parallel_range(end - begin, COUNT_GRAIN, count_piece, &c);
        for (int64_t i = 0; i < now; i++)
            sum += few[i];
    }
    return sum;
}

status graph_shapes(const graph *g, int64_t batch, shape in, shape *out, error *e)
{
    if (in.rank < 1 || in.rank >= SHAPE_MAX)
        return fail(e, E_SHAPE, "graph: an input of rank %d, wants 1 to %d", in.rank,
                    SHAPE_MAX - 1);
    shape first = {.rank = in.rank + 1, .dim = {batch}};
    memcpy(first.dim + 1, in.dim, (size_t)in.rank * sizeof *in.dim);
    memset(out, 0, (size_t)g->value_count * sizeof *out);
    out[g->input] = first;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        shape ins[NODE_INPUTS_MAX];
        for (int k = 0; k < n->input_count; k++) {
            ins[k] = out[n->inputs[k]];
            if (ins[k].rank == 0)
                return fail(e, E_SHAPE, "%s: input %d is computed behind it", n->name, k);
        }
        TRY(n->op->shape_rule(n, ins, &out[n->output], e));
        if (shape_count(out[n->output]) <= 0) {
            char words[128];
            return fail(e, E_SHAPE, "%s: its output would be empty (%s)", n->name,
                        shape_text(words, out[n->output]));
        }
    }
    return E_OK;
}

parameter *graph_parameter(const graph *g, const node *n, parameter_role role)
{
    return n->parameters[role] < 0 ? NULL : &g->parameters[n->parameters[role]];
}

int graph_find_parameter(const graph *g, const char *name)
{
    for (int i = 0; i < g->parameter_count; i++)
        if (!strcmp(g->parameters[i].name, name))
            return i;
    return -1;
}

int graph_find_node(const graph *g, const char *name)
{
    for (int i = 0; i < g->node_count; i++)
        if (!strcmp(g->nodes[i].name, name))
            return i;
    return -1;
}

int graph_reader_count(const graph *g, int value)
{
    int readers = 0;
    for (int i = 0; i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].input_count; k++)
            readers += g->nodes[i].inputs[k] == value;
    return readers;
}

int64_t graph_parameter_count(const graph *g)
{
    int64_t n = 0;
    for (int i = 0; i < g->parameter_count; i++)
        if (parameter_is_trained(&g->parameters[i]))
            n += tensor_count(g->parameters[i].data);
    return n;
}

int64_t graph_nonzero(const graph *g)
{
    int64_t n = 0;
    for (int i = 0; i < g->parameter_count; i++)
        if (parameter_is_trained(&g->parameters[i]))
            n += parameter_nonzero(&g->parameters[i]);
    return n;
}

int64_t graph_multiply_adds(const graph *g, shape in, error *e)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    if (!shapes || graph_shapes(g, 1, in, shapes, e)) {
        memory_free(shapes);
        return -1;
    }
    int64_t sum = 0;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (!n->op->cost)
            continue;
        shape ins[NODE_INPUTS_MAX];
        for (int k = 0; k < n->input_count; k++)
            ins[k] = shapes[n->inputs[k]];
        operation_cost c = {0};
        n->op->cost(n, ins, shapes[n->output], &c);
        sum += c.multiply_adds;
    }
    memory_free(shapes);
    return sum;
}

static uint64_t hash_quantizer(const quantizer *q, uint64_t h)
{
    if (!q)
        return random_hash("-", 1, h);
    h = random_hash(&q->bits, sizeof q->bits, h);
    if (q->group > 0)
        h = random_hash(&q->group, sizeof q->group, h);
    if (q->codebook)
        h = random_hash(q->codebook, (int64_t)sizeof *q->codebook << q->bits, h);
    h = random_hash(q->scale, q->channels * (int64_t)sizeof *q->scale, h);
    return random_hash(q->zero_point, q->channels * (int64_t)sizeof *q->zero_point, h);
}

static uint64_t hash_node(const node *n, uint64_t h)
{
    static const int64_t sizes[] = {
        [ATTR_INTEGER] = sizeof(int64_t),
        [ATTR_REAL] = sizeof(double),
        [ATTR_FLAG] = sizeof(bool),
        [ATTR_INTEGERS] = 3 * sizeof(int64_t),
    };
    h = random_hash(n->name, (int64_t)strlen(n->name) + 1, h);
    h = random_hash(n->op->name, (int64_t)strlen(n->op->name) + 1, h);
    for (const attribute *a = n->op->attributes; a && a->name; a++)
        h = random_hash((const char *)&n->attr + a->offset, sizes[a->kind], h);
    if (n->attr.input_bits > 0) {
        h = random_hash(&n->attr.input_bits, sizeof n->attr.input_bits, h);
        h = random_hash(&n->attr.input_symmetric, sizeof n->attr.input_symmetric, h);
    }
    h = random_hash(n->inputs, n->input_count * (int64_t)sizeof *n->inputs, h);
    h = random_hash(&n->output, sizeof n->output, h);
    return random_hash(n->parameters, sizeof n->parameters, h);
}

uint64_t graph_hash(const graph *g)
{
    uint64_t h = HASH_START;
    for (int i = 0; i < g->node_count; i++)
        h = hash_node(&g->nodes[i], h);
    for (int i = 0; i < g->value_count; i++) {
        h = random_hash(&g->values[i].type, sizeof g->values[i].type, h);
        h = hash_quantizer(g->values[i].quantizer, h);
    }
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        h = random_hash(p->name, (int64_t)strlen(p->name) + 1, h);
        h = tensor_hash(p->data, h);
        if (p->mask)
            h = tensor_hash(p->mask, h);
        if (p->codes)
            h = tensor_hash(p->codes, h);
        h = hash_quantizer(p->quantizer, h);
    }
    return h;
}

static bool obeys_mask(const float *data, const uint8_t *mask, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!mask[i] && data[i] != 0.0f)
            return false;
    return true;
}

status graph_apply_masks(graph *g, error *e)
{
    for (int i = 0; i < g->parameter_count; i++) {
        parameter *p = &g->parameters[i];
        if (!p->mask)
            continue;
        int64_t n = tensor_count(p->data);
        const uint8_t *mask = tensor_data(p->mask);
        if (obeys_mask(tensor_f32(p->data), mask, n))
            continue; /* writing would make a private copy for nothing */
        float *data = tensor_write_f32(p->data, e);
        if (!data)
            return E_MEMORY;
        for (int64_t k = 0; k < n; k++)
            if (!mask[k])
                data[k] = 0.0f;
    }
    return E_OK;
}
