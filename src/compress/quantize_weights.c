/* SPDX-License-Identifier: GPL-3.0-or-later
   quantize_weights.c -- weights and biases of the layers that a pass has chosen become
   codes.  Which layers, and the ranges of values, are quantize.c's. */
#include "compress/quantize_parts.h"

#include <float.h>
#include <math.h>
#include "base/memory.h"
#include "graph/coding.h"
#include "graph/op_integer.h"
#include "kernel/integer.h"

bool pass_chose(const pass *p, const node *n)
{
    return integer_is_layer(n) && p->bits[n->parameters[ROLE_WEIGHT]] > 0;
}

/* PER_MODEL: one affine range over all chosen weights. */
void pass_observe_weights(pass *p)
{
    double low = 0.0, high = 0.0;
    for (int i = 0; i < p->graph->parameter_count; i++) {
        int same = graph_find_parameter(p->before, p->graph->parameters[i].name);
        if (p->bits[i] == 0 || same < 0)
            continue;
        const tensor *t = p->before->parameters[same].data;
        const float *x = tensor_f32(t);
        for (int64_t k = 0; k < tensor_count(t); k++) {
            low = (double)x[k] < low ? (double)x[k] : low;
            high = (double)x[k] > high ? (double)x[k] : high;
        }
    }
    quantizer_from_range(low, high, p->settings->bits, &p->model_scale, &p->model_zero);
}

static status check_finite(const parameter *p, error *e)
{
    const float *x = tensor_f32(p->data);
    for (int64_t i = 0; i < tensor_count(p->data); i++)
        if (!isfinite(x[i]))
            return fail(e, E_NUMERIC, "quantize: %s holds a value that is not finite",
                        p->name);
    return E_OK;
}

/* One scale for a tensor or the model is that of the weights before batch norm was folded
   into them; the norm's factor f goes to the channel's own scale, S |f|.  A channel with a
   negative factor has its codes turned round: zero point -Z. */
static void spread_scale(quantizer *q, float scale, int32_t zero_point,
                         const double *factor, const double *least)
{
    const int bits = q->bits;
    for (int64_t c = 0; c < q->channels; c++) {
        double own = (double)scale * fabs(factor[c]);
        int64_t zero = factor[c] < 0 ? -(int64_t)zero_point : zero_point;
        if (least && least[c] > own)
            own = least[c];
        q->scale[c] = own >= (double)FLT_MIN ? (float)own : 1.0f;
        q->zero_point[c] =
            (int32_t)(zero > integer_high(bits) ? integer_high(bits) : zero);
    }
}

static int bits_of(const pass *p, const parameter *weight)
{
    return p->bits[weight - p->graph->parameters];
}

/* Nothing was folded where weights alone are quantized. */
static status own_factors(const pass *p, int before, double *factor, error *e)
{
    factor[0] = 1.0;
    return p->settings->scheme == QUANTIZE_WEIGHT
               ? E_OK
               : fold_factors(p->before, before, factor, e);
}

static status shared_quantizer(const pass *p, const parameter *weight,
                               const double *least, quantizer **made, error *e)
{
    const quantize_settings *s = p->settings;
    int before = graph_find_parameter(p->before, weight->name);
    int64_t channels =
        s->scheme == QUANTIZE_WEIGHT ? 1 : tensor_shape(weight->data).dim[0];
    double *factor = memory_new(channels, sizeof *factor, e);
    float scale = p->model_scale;
    status result = factor ? own_factors(p, before, factor, e) : E_MEMORY;
    if (!result && s->grain == PER_TENSOR) {
        quantizer *whole = quantizer_of_weight(&p->before->parameters[before],
                                               bits_of(p, weight), PER_TENSOR, NULL, e);
        result = whole ? E_OK : E_MEMORY;
        scale = whole ? whole->scale[0] : 1.0f;
        quantizer_free(whole);
    }
    *made = result ? NULL : quantizer_new(bits_of(p, weight), s->grain, channels, e);
    if (*made)
        spread_scale(*made, scale, s->grain == PER_MODEL ? p->model_zero : 0, factor,
                     s->grain == PER_MODEL ? NULL : least);
    memory_free(factor);
    return *made ? E_OK : e ? e->code : E_MEMORY;
}

/* Scales that training has found, but none below LEAST. */
static quantizer *learned_scales(const quantizer *found, const double *least, error *e)
{
    quantizer *q = quantizer_copy(found, e);
    for (int64_t c = 0; q && least && c < q->channels; c++)
        if (least[c] > (double)q->scale[c])
            q->scale[c] = (float)least[c];
    return q;
}

static quantizer *choose_quantizer(const pass *p, const parameter *weight,
                                   const double *least, error *e)
{
    const quantize_settings *s = p->settings;
    const int bits = bits_of(p, weight);
    quantizer *q = NULL;
    if (weight->quantizer)
        return learned_scales(weight->quantizer, least, e);
    if (s->codebook)
        return quantizer_of_clusters(weight, bits, e);
    if (s->grain == PER_GROUP)
        return quantizer_of_groups(weight, bits, s->group, e);
    if (s->affine && s->grain != PER_MODEL)
        return quantizer_affine(weight, bits, s->grain, e);
    /* A layer that was a norm has no weights before folding, and one for each channel. */
    if (s->grain == PER_CHANNEL || graph_find_parameter(p->before, weight->name) < 0)
        return quantizer_of_weight(weight, bits, PER_CHANNEL, least, e);
    return shared_quantizer(p, weight, least, &q, e) ? NULL : q;
}

status pass_quantize_weight(const pass *p, const node *n, const double *least, error *e)
{
    parameter *weight = graph_parameter(p->graph, n, ROLE_WEIGHT);
    TRY(check_finite(weight, e));
    quantizer *q = choose_quantizer(p, weight, least, e);
    if (!q)
        return e ? e->code : E_MEMORY;
    if (p->settings->corrections & CORRECT_ROUND && p->inputs) {
        status s = correct_round(p->inputs, n->name, weight, q, e);
        if (s) {
            quantizer_free(q);
            return s;
        }
    }
    quantizer_free(weight->quantizer);
    weight->quantizer = NULL;
    return parameter_encode(weight, q, q->bits > 8 ? DTYPE_S16 : DTYPE_S8, e);
}

/* Codes with S = S_x S_w[c]; they saturate at 2^30, which only a model-wide scale can
   let happen (the others have a least scale that keeps their biases inside). */
static status quantize_bias(parameter *bias, const quantizer *weight, float input_scale,
                            error *e)
{
    quantizer *q = quantizer_new(32, weight->grain, weight->channels, e);
    if (!q)
        return E_MEMORY;
    for (int64_t c = 0; c < q->channels; c++) {
        double scale = (double)input_scale * (double)weight->scale[c];
        q->scale[c] = scale > (double)FLT_MIN ? (float)scale : FLT_MIN;
    }
    return parameter_encode(bias, q, DTYPE_S32, e);
}

/* A weight's scale below |b| / (2^30 S_x) could not hold the bias of its channel. */
static double *least_scales(const parameter *bias, float input_scale, error *e)
{
    int64_t channels = tensor_count(bias->data);
    double *least = memory_new(channels, sizeof *least, e);
    for (int64_t c = 0; least && c < channels; c++)
        least[c] = fabs((double)tensor_f32(bias->data)[c]) /
                   ((double)(INTEGER_SUM_MAX / 2) * (double)input_scale);
    return least;
}

/* Takes the mean shift that rounding WAS to the weight's codes brings from BIAS. */
static status shift_bias(const pass *p, const node *n, const tensor *was, parameter *bias,
                         error *e)
{
    const parameter *weight = graph_parameter(p->graph, n, ROLE_WEIGHT);
    int64_t channels = tensor_count(bias->data);
    double *change = memory_new(channels, sizeof *change, e);
    status s = change ? correct_bias(p->inputs, n->name, was, weight->data, change, e)
                      : E_MEMORY;
    float *b = s ? NULL : tensor_write_f32(bias->data, e);
    for (int64_t c = 0; b && c < channels; c++)
        b[c] = (float)((double)b[c] - change[c]);
    memory_free(change);
    return s ? s : b ? E_OK : E_MEMORY;
}

static status quantize_both(const pass *p, const node *n, parameter *bias,
                            const tensor *was, error *e)
{
    float input_scale = p->graph->values[n->inputs[0]].quantizer->scale[0];
    double *least = least_scales(bias, input_scale, e);
    status s = least ? pass_quantize_weight(p, n, least, e) : E_MEMORY;
    memory_free(least);
    if (!s && was)
        s = shift_bias(p, n, was, bias, e);
    return s ? s
             : quantize_bias(bias, graph_parameter(p->graph, n, ROLE_WEIGHT)->quantizer,
                             input_scale, e);
}

status pass_quantize_layer(const pass *p, const node *n, error *e)
{
    parameter *bias = graph_parameter(p->graph, n, ROLE_BIAS);
    bool shifts = p->settings->corrections & CORRECT_BIAS && p->inputs;
    if (!bias)
        return pass_quantize_weight(p, n, NULL, e);
    TRY(check_finite(bias, e));
    tensor *was =
        shifts ? tensor_share(graph_parameter(p->graph, n, ROLE_WEIGHT)->data, e) : NULL;
    status s = shifts && !was ? E_MEMORY : quantize_both(p, n, bias, was, e);
    tensor_free(was);
    return s;
}

/* P of the deployed graph back to the float weights of the same name. */
static status take_back(parameter *p, const graph *from, error *e)
{
    int same = graph_find_parameter(from, p->name);
    if (same < 0)
        return fail(e, E_NAME, "quantize: the float model has no %s", p->name);
    const parameter *trained = &from->parameters[same];
    tensor *data = tensor_share(trained->data, e);
    tensor *mask = data && trained->mask ? tensor_share(trained->mask, e) : NULL;
    quantizer *scales =
        data && trained->quantizer ? quantizer_copy(trained->quantizer, e) : NULL;
    if (!data || (trained->mask && !mask) || (trained->quantizer && !scales)) {
        tensor_free(data);
        tensor_free(mask);
        quantizer_free(scales);
        return E_MEMORY;
    }
    tensor_free(p->data);
    tensor_free(p->mask);
    tensor_free(p->codes);
    quantizer_free(p->quantizer);
    p->data = data;
    p->mask = mask;
    p->codes = NULL;
    p->quantizer = scales;
    return E_OK;
}

static status quantize_again(pass *p, error *e)
{
    graph *g = p->graph;
    for (int i = 0; i < g->parameter_count; i++) {
        bool weight = g->parameters[i].role == ROLE_WEIGHT && g->parameters[i].quantizer;
        p->bits[i] = weight ? g->parameters[i].quantizer->bits : 0;
        TRY(take_back(&g->parameters[i], p->before, e));
    }
    if (p->settings->grain == PER_MODEL)
        pass_observe_weights(p);
    for (int i = 0; i < g->node_count; i++)
        if (pass_chose(p, &g->nodes[i]))
            TRY(pass_quantize_layer(p, &g->nodes[i], e));
    return E_OK;
}

status quantize_weights_again(graph *g, const graph *from, const quantize_settings *s,
                              error *e)
{
    pass p = {.graph = g, .before = from, .settings = s};
    p.bits = memory_new(g->parameter_count, sizeof *p.bits, e);
    status result = p.bits ? quantize_again(&p, e) : E_MEMORY;
    memory_free(p.bits);
    return result;
}
