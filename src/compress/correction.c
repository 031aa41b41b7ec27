/* SPDX-License-Identifier: GPL-3.0-or-later
   correction.c -- the corrections, the inputs of layers that they look at, batch norms
   estimated again, and the mean shift of outputs.  Equalizing and rounding have files of
   their own. */
#include "compress/correction.h"

#include <string.h>
#include "base/memory.h"
#include "base/task.h"
#include "compress/quantize.h"
#include "engine/plan.h"
#include "graph/coding.h"
#include "graph/operator.h"

#define ROOM        (INT64_C(256) << 20)
#define BATCH_MOST  64
#define NORMS_BATCH 16
/* A variance of N numbers is off by sqrt(2 / (N - 1)), a third at 16, and norms divide by
   its root, one behind the other.  Images of one pixel give no more than the batch. */
#define NORMS_LEAST 16

static const correction_row rows[] = {
    {"norms", "statistics of batch norms estimated again, with rounded weights",
     "Sun et al. 2019, NeurIPS, section 4.2", CORRECT_NORMS},
    {"equalize", "weights of neighbouring layers brought to like ranges",
     "Nagel et al. 2019, arXiv:1906.04721, section 4.1", CORRECT_EQUALIZE},
    {"round", "each weight up or down as the layer's output wants it",
     "Nagel et al. 2020, arXiv:2004.10568, section 3", CORRECT_ROUND},
    {"bias", "the mean shift of each output channel taken from its bias",
     "Nagel et al. 2019, arXiv:1906.04721, section 4.2", CORRECT_BIAS},
};

const correction_row *correction_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof *rows) ? &rows[i] : NULL;
}

const correction_row *correction_find(const char *name)
{
    for (int i = 0; correction_at(i); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* ---- inputs of layers ---- */

struct layer_inputs {
    graph *g;
    plan *p;
};

void layer_inputs_free(layer_inputs *l)
{
    if (!l)
        return;
    plan_free(l->p);
    graph_free(l->g);
    memory_free(l);
}

/* As many samples as ROOM holds the values of. */
static status batch_that_fits(const graph *g, shape in, int64_t n, int64_t *batch,
                              error *e)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    status s = shapes ? graph_shapes(g, 1, in, shapes, e) : E_MEMORY;
    int64_t bytes = 1;
    for (int v = 0; v < g->value_count && !s; v++)
        bytes += shape_count(shapes[v]) * (int64_t)sizeof(float);
    memory_free(shapes);
    *batch = ROOM / bytes;
    *batch = *batch > BATCH_MOST ? BATCH_MOST : *batch < 1 ? 1 : *batch;
    *batch = *batch > n ? n : *batch;
    return s;
}

static status fill_inputs(layer_inputs *l, const model *m, const dataset *d,
                          const int64_t *index, int64_t n, error *e)
{
    int64_t batch;
    shape in = batch_input_shape(d, &m->input_transform);
    l->g = graph_copy(m->graph, e);
    if (!l->g)
        return E_MEMORY;
    TRY(batch_that_fits(l->g, in, n, &batch, e));
    l->p = plan_new_inference(l->g, batch, in, e);
    if (!l->p)
        return e ? e->code : E_MEMORY;
    TRY(plan_keep_values(l->p, e));
    TRY(plan_start(l->p, e));
    TRY(dataset_batch(d, &m->input_transform, index, batch, plan_input(l->p), NULL, NULL,
                      e));
    return plan_forward(l->p, 0, 0, e);
}

layer_inputs *layer_inputs_new(const model *m, const dataset *d, const int64_t *index,
                               int64_t n, error *e)
{
    layer_inputs *l = memory_new(1, sizeof *l, e);
    if (l && fill_inputs(l, m, d, index, n, e)) {
        layer_inputs_free(l);
        return NULL;
    }
    return l;
}

const node *layer_inputs_node(const layer_inputs *l, const char *name)
{
    int at = graph_find_node(l->g, name);
    return at < 0 ? NULL : &l->g->nodes[at];
}

const float *layer_inputs_of(const layer_inputs *l, const node *n, shape *s)
{
    *s = plan_value_shape(l->p, n->inputs[0]);
    return plan_value(l->p, n->inputs[0]);
}

/* ---- batch norms ---- */

/* Weights of G to what their codes would mean. */
static status round_weights(graph *g, int bits, error *e)
{
    for (int i = 0; i < g->parameter_count; i++) {
        parameter *p = &g->parameters[i];
        if (p->role != ROLE_WEIGHT)
            continue;
        quantizer *q = quantizer_of_weight(p, bits, PER_CHANNEL, NULL, e);
        if (!q)
            return E_MEMORY;
        TRY(parameter_encode(p, q, DTYPE_S8, e));
        quantizer_free(p->quantizer);
        tensor_free(p->codes);
        p->quantizer = NULL;
        p->codes = NULL;
    }
    return E_OK;
}

static void set_momentum(graph *g, double momentum)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i].op == &op_batch_norm)
            g->nodes[i].attr.momentum = momentum;
}

/* Does each norm see enough numbers of a channel in one batch? */
static status check_numbers(const graph *g, const plan *p, int64_t batch, error *e)
{
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (n->op != &op_batch_norm)
            continue;
        shape in = plan_value_shape(p, n->inputs[0]);
        int64_t numbers = shape_count(in) / in.dim[in.rank - 1];
        if (numbers >= NORMS_LEAST)
            continue;
        fail(e, E_RANGE,
             "norms: %s would have its statistics from %lld numbers, wanted %d", n->name,
             (long long)numbers, NORMS_LEAST);
        return fail_hint(e, "there are %lld samples: give samples=%lld or more",
                         (long long)batch,
                         (long long)((NORMS_LEAST * batch + numbers - 1) / numbers));
    }
    return E_OK;
}

/* Batch K counts 1 / (K + 1) of what is there: the plain mean. */
static status run_norms(graph *g, const transform *t, const dataset *d,
                        const int64_t *index, int64_t n, const task *watch, error *e)
{
    int64_t batch = n < NORMS_BATCH ? n : NORMS_BATCH, batches = n / batch;
    plan *p = plan_new_training(g, batch, batch_input_shape(d, t), e);
    status s = p ? check_numbers(g, p, batch, e) : e ? e->code : E_MEMORY;
    if (!s)
        s = plan_start(p, e);
    for (int64_t k = 0; k < batches && !s; k++) {
        if (task_cancelled(watch)) {
            s = fail(e, E_STOPPED, "norms: stopped after %lld of %lld batches",
                     (long long)k, (long long)batches);
            break;
        }
        set_momentum(g, 1.0 / (double)(k + 1));
        s = dataset_batch(d, t, index + k * batch, batch, plan_input(p), NULL, NULL, e);
        if (!s)
            s = plan_forward(p, 0, (uint64_t)k, e);
    }
    plan_free(p);
    return s;
}

/* Statistics of FROM into G. */
static status take_statistics(graph *g, const graph *from, error *e)
{
    for (int i = 0; i < g->parameter_count; i++) {
        parameter *p = &g->parameters[i];
        if (p->role != ROLE_RUNNING_MEAN && p->role != ROLE_RUNNING_VARIANCE)
            continue;
        tensor *data = tensor_share(from->parameters[i].data, e);
        if (!data)
            return E_MEMORY;
        tensor_free(p->data);
        p->data = data;
    }
    return E_OK;
}

status correct_norms(model *m, int bits, const dataset *d, const int64_t *index,
                     int64_t n, const task *watch, error *e)
{
    graph *rounded = graph_copy(m->graph, e);
    status s = rounded ? round_weights(rounded, bits, e) : E_MEMORY;
    if (!s)
        s = run_norms(rounded, &m->input_transform, d, index, n, watch, e);
    if (!s)
        s = take_statistics(m->graph, rounded, e);
    graph_free(rounded);
    return s;
}

/* ---- biases ---- */

/* MEAN [channels] of X over all but the last dimension. */
static void mean_of(const float *x, shape s, double *mean)
{
    int64_t channels = s.dim[s.rank - 1], pixels = shape_count(s) / channels;
    for (int64_t c = 0; c < channels; c++)
        mean[c] = 0;
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t c = 0; c < channels; c++)
            mean[c] += (double)x[i * channels + c];
    for (int64_t c = 0; c < channels; c++)
        mean[c] /= (double)pixels;
}

/* Outputs of a transposed convolution see one in so many taps. */
static double taps_between(const node *n)
{
    double strides = 1;
    if (n->op != &op_conv_transpose2d && n->op != &op_conv_transpose3d)
        return strides;
    for (int axis = 0; axis < 3; axis++)
        strides *= n->attr.stride[axis] > 1 ? (double)n->attr.stride[axis] : 1;
    return strides;
}

status correct_bias(const layer_inputs *l, const char *name, const tensor *was,
                    const tensor *now, double *change, error *e)
{
    const node *n = layer_inputs_node(l, name);
    shape in, w = tensor_shape(was);
    if (!n)
        return fail(e, E_NAME, "bias: there is no layer %s", name);
    const float *x = layer_inputs_of(l, n, &in), *a = tensor_f32(was),
                *b = tensor_f32(now);
    int64_t channels = in.dim[in.rank - 1], own = w.dim[w.rank - 1];
    int64_t outputs = w.dim[0], taps = tensor_count(was) / outputs;
    int64_t groups = channels / own, each = outputs / groups;
    double *mean = memory_new(channels, sizeof *mean, e);
    if (!mean)
        return E_MEMORY;
    mean_of(x, in, mean);
    for (int64_t o = 0; o < outputs; o++) {
        const double *group = mean + o / each * own;
        change[o] = 0;
        for (int64_t t = 0; t < taps; t++)
            change[o] += ((double)b[o * taps + t] - (double)a[o * taps + t]) *
                         group[t % own] / taps_between(n);
    }
    memory_free(mean);
    return E_OK;
}
