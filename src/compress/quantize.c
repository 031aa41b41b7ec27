/* SPDX-License-Identifier: GPL-3.0-or-later
   quantize.c -- the pass that turns a float graph into one that runs in integers, or
   only its weights into codes.  Arithmetic is kernel/integer.h's, ranges observe.c's. */
#include "compress/quantize.h"

#include "base/memory.h"
#include "base/random.h"
#include "compress/fold.h"
#include "compress/quantize_parts.h"
#include "graph/check.h"
#include "graph/coding.h"
#include "graph/op_integer.h"
#include "graph/operator.h"
#include "kernel/integer.h"

bool quantize_is_done(const graph *g)
{
    for (int i = 0; i < g->parameter_count; i++)
        if (g->parameters[i].codes)
            return true;
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i].type == DTYPE_S8)
            return true;
    return false;
}

/* What weights can be, and what integer kernels can run. */
static status check_weights(const quantize_settings *s, error *e)
{
    const bool alone = s->scheme == QUANTIZE_WEIGHT;
    const int most = alone && !s->codebook ? 16 : 8;
    if (s->bits < 2 || s->bits > most) {
        fail(e, E_RANGE, "quantize: %d bits, wanted 2 to %d", s->bits, most);
        return fail_hint(e, most == 8 ? "integer kernels and codebooks have up to 8; "
                                        "scheme=weight stores up to 16"
                                      : "16 is the most that is stored");
    }
    if (s->grain == PER_GROUP && s->group < 1)
        return fail(e, E_RANGE, "quantize: groups of %lld weights", (long long)s->group);
    if (alone || (s->grain != PER_GROUP && !s->affine && !s->codebook))
        return E_OK;
    fail(e, E_USAGE, "quantize: no integer kernel runs weights with %s",
         s->codebook             ? "a codebook"
         : s->grain == PER_GROUP ? "scales for groups"
                                 : "zero points for tensors or channels");
    return fail_hint(e, "scheme=weight stores them so, and runs in f32");
}

static status check_settings(const model *m, const quantize_settings *s, const dataset *d,
                             error *e)
{
    TRY(check_weights(s, e));
    if (s->value_bits != 0 && (s->value_bits < 2 || s->value_bits > 8))
        return fail(e, E_RANGE, "quantize: activations of %d bits, wanted 2 to 8",
                    s->value_bits);
    if (s->layer_bits && s->grain == PER_MODEL)
        return fail(e, E_USAGE,
                    "quantize: one scale for the model wants one number of "
                    "bits for all layers");
    if (s->keep_first < 0 || s->keep_last < 0)
        return fail(e, E_RANGE, "quantize: a negative number of layers to keep");
    if (quantize_is_done(m->graph)) {
        fail(e, E_USAGE, "quantize: the model is quantized already");
        return fail_hint(e, "quantize the float model it came from");
    }
    if (s->scheme != QUANTIZE_STATIC && s->corrections)
        return fail(e, E_USAGE, "quantize: corrections are of the static scheme");
    if (s->scheme == QUANTIZE_DYNAMIC && s->grain == PER_MODEL) {
        fail(e, E_USAGE, "quantize: one scale for the model is of the static scheme");
        return fail_hint(e, "say granularity=channel, or tensor");
    }
    if (s->scheme != QUANTIZE_STATIC)
        return E_OK;
    if (!d || s->samples < 1) {
        fail(e, E_USAGE, "quantize: a static scheme wants calibration data");
        return fail_hint(e, "give data=NAME, or use scheme=weight");
    }
    return E_OK;
}

/* ---- choosing ---- */

/* The most that |q_w - Z_w| can be. */
static int64_t largest_code(granularity grain, int bits)
{
    int64_t most = integer_high(bits);
    return grain == PER_MODEL ? most - integer_low(bits) : most;
}

/* A row of so many taps cannot leave 32 bits, whatever its codes. */
static bool sums_fit(granularity grain, int bits, const parameter *weight)
{
    int64_t rows = tensor_shape(weight->data).dim[0];
    int64_t taps = tensor_count(weight->data) / rows;
    return taps <= INTEGER_SUM_MAX / 255 / largest_code(grain, bits);
}

/* A norm that became a layer is none that a user counts. */
static bool is_counted(const graph *g, const node *n)
{
    return integer_is_layer(n) && !norm_is_layer(g, n);
}

int quantize_layers(const graph *g)
{
    int layers = 0;
    for (int i = 0; i < g->node_count; i++)
        layers += is_counted(g, &g->nodes[i]);
    return layers;
}

const node *quantize_layer_at(const graph *g, int number)
{
    for (int i = 0; i < g->node_count; i++)
        if (is_counted(g, &g->nodes[i]) && number-- == 0)
            return &g->nodes[i];
    return NULL;
}

/* Bits of the weights of layer AT of LAYERS; 0: it stays f32. */
static int wanted_bits(const quantize_settings *s, int64_t at, int64_t layers)
{
    if (at < s->keep_first || layers - at <= s->keep_last)
        return 0;
    if (!s->layer_bits || s->layer_bits[at] == 0)
        return s->bits;
    return s->layer_bits[at] >= QUANTIZE_WIDE ? 0 : s->layer_bits[at];
}

static status choose_layers(pass *p, error *e)
{
    const quantize_settings *s = p->settings;
    const graph *g = p->graph;
    int64_t layers = quantize_layers(g), at = 0, chosen = 0;
    int before = s->bits; /* of the layer before */
    p->bits = memory_new(g->parameter_count, sizeof *p->bits, e);
    if (!p->bits)
        return E_MEMORY;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        if (!integer_is_layer(n))
            continue;
        bool counted = is_counted(g, n);
        if (s->scheme == QUANTIZE_DYNAMIC && !integer_can_be_dynamic(n)) {
            at += counted;
            before = 0;
            continue;
        }
        int bits = counted ? wanted_bits(s, at++, layers) : before > 0 ? s->bits : 0;
        bool fits =
            s->scheme == QUANTIZE_WEIGHT ||
            (bits > 0 && sums_fit(s->grain, bits, graph_parameter(g, n, ROLE_WEIGHT)));
        before = fits ? bits : 0;
        p->bits[n->parameters[ROLE_WEIGHT]] = before;
        chosen += counted && fits && bits > 0;
    }
    if (chosen == 0)
        return fail(e, E_RANGE, "quantize: of %lld layers none is left to quantize",
                    (long long)layers);
    return E_OK;
}

/* ---- values ---- */

/* Samples of the training split, drawn by the seed; the caller frees *INDEX. */
static status draw_samples(const quantize_settings *s, const dataset *d, int64_t **index,
                           int64_t *count, error *e)
{
    TRY(dataset_split_index(d, SPLIT_TRAIN, index, count, e));
    if (*count == 0) {
        memory_free(*index);
        fail(e, E_RANGE, "quantize: the dataset has no training samples to calibrate on");
        return fail_hint(e, "split it first: split DATA train=.6 val=.2 test=.2");
    }
    random_stream r = random_new(s->seed, "calibrate", 0);
    random_shuffle(&r, *index, *count);
    *count = *count < s->samples ? *count : s->samples;
    return E_OK;
}

static status attach_quantizers(graph *g, int bits, bool symmetric, const double *low,
                                const double *high, error *e)
{
    for (int v = 0; v < g->value_count; v++) {
        quantizer *q = quantizer_new(bits, PER_TENSOR, 1, e);
        if (!q)
            return E_MEMORY;
        integer_format f = integer_format_for(low[v], high[v], bits, symmetric);
        q->scale[0] = f.scale;
        q->zero_point[0] = f.zero;
        quantizer_free(g->values[v].quantizer);
        g->values[v].quantizer = q;
    }
    return E_OK;
}

static int value_bits(const quantize_settings *s)
{
    return s->value_bits > 0 ? s->value_bits : s->bits;
}

/* Observes every value and gives it the quantizer it has should it become s8. */
static status calibrate(model *m, const quantize_settings *s, const dataset *d,
                        const int64_t *index, int64_t count, const task *watch, error *e)
{
    int bits = value_bits(s);
    double *low = memory_new(2 * (int64_t)m->graph->value_count, sizeof *low, e);
    double *high = low ? low + m->graph->value_count : NULL;
    status result = low ? observe_ranges(m, d, index, count,
                                         s->observer ? s->observer : observer_at(0), bits,
                                         watch, low, high, e)
                        : E_MEMORY;
    if (!result)
        result = attach_quantizers(m->graph, bits, s->symmetric, low, high, e);
    memory_free(low);
    return result;
}

status quantize_observe(model *m, const quantize_settings *s, const dataset *d,
                        const task *watch, error *e)
{
    int64_t *index, count;
    TRY(draw_samples(s, d, &index, &count, e));
    status result = calibrate(m, s, d, index, count, watch, e);
    memory_free(index);
    return result;
}

/* ---- the graph ---- */

static status drop_dropouts(graph *g, error *e)
{
    for (int i = 0; i < g->node_count;) {
        if (g->nodes[i].op == &op_dropout)
            TRY(graph_bypass(g, i, e));
        else
            i++;
    }
    return E_OK;
}

/* Takes out each ReLU that alone reads a chosen layer.  The layer's output takes over the
   range behind the ReLU, whose lowest code is the zero point: its clamp is the ReLU.  With
   symmetric formats it is not: the ReLU stays, a table, and the layer's output has the
   format behind it, so that what is below 0 may saturate and nothing is rounded twice. */
static status fold_relus(const pass *p, error *e)
{
    graph *g = p->graph;
    for (int i = 0; i < g->node_count;) {
        int from = g->nodes[i].inputs[0], producer = g->values[from].producer;
        if (g->nodes[i].op != &op_relu || producer < 0 || from == g->output ||
            !pass_chose(p, &g->nodes[producer]) || graph_reader_count(g, from) != 1) {
            i++;
            continue;
        }
        value *before = &g->values[from], *behind = &g->values[g->nodes[i].output];
        if (p->settings->symmetric) {
            before->quantizer->scale[0] = behind->quantizer->scale[0];
            i++;
            continue;
        }
        quantizer_free(before->quantizer);
        before->quantizer = behind->quantizer;
        behind->quantizer = NULL;
        TRY(graph_bypass(g, i, e));
    }
    return E_OK;
}

static bool reads_codes_alone(const graph *g, const node *n)
{
    for (int k = 0; k < n->input_count; k++)
        if (g->values[n->inputs[k]].type != DTYPE_S8)
            return false;
    return true;
}

/* In order: a chosen layer makes codes; so does any node that reads nothing but codes and
   has an integer kernel. */
static status assign_types(const pass *p, error *e)
{
    graph *g = p->graph;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        value *out = &g->values[n->output];
        if (pass_chose(p, n)) {
            TRY(pass_quantize_layer(p, n, e));
            out->type = DTYPE_S8;
        } else if (!integer_is_layer(n) && n->op->forward_s8 && reads_codes_alone(g, n)) {
            out->type = DTYPE_S8;
            if (!integer_keeps_format(n->op))
                continue;
            quantizer *same = quantizer_copy(g->values[n->inputs[0]].quantizer, e);
            if (!same)
                return E_MEMORY;
            quantizer_free(out->quantizer);
            out->quantizer = same;
        }
    }
    return E_OK;
}

/* Does node N read f32 where value TYPE is s8, or the other way round? */
static bool wants_other(const graph *g, const node *n, int value, dtype type)
{
    if (n->op == &op_quantize || n->op == &op_dequantize ||
        g->values[n->output].type == type)
        return false;
    for (int k = 0; k < n->input_count; k++)
        if (n->inputs[k] == value)
            return true;
    return false;
}

static int first_reader(const graph *g, int value, dtype type)
{
    for (int i = 0; i < g->node_count; i++)
        if (wants_other(g, &g->nodes[i], value, type))
            return i;
    return -1;
}

/* One conversion of VALUE for all readers of the other type, right before the first. */
static status convert_value(graph *g, int value, error *e)
{
    dtype type = g->values[value].type;
    bool to_codes = type == DTYPE_F32, output = value == g->output && !to_codes;
    int at = first_reader(g, value, type), producer = g->values[value].producer;
    if (at < 0 && !output)
        return E_OK;
    char *name =
        memory_format(e, "%s.%s", producer < 0 ? "input" : g->nodes[producer].name,
                      to_codes ? "quantize" : "dequantize");
    if (!name)
        return E_MEMORY;
    int made =
        graph_insert(g, at < 0 ? g->node_count : at, to_codes ? "quantize" : "dequantize",
                     name, NULL, &value, 1, e);
    memory_free(name);
    if (made < 0)
        return e ? e->code : E_MEMORY;
    if (to_codes) {
        g->values[made].type = DTYPE_S8;
        g->values[made].quantizer = quantizer_copy(g->values[value].quantizer, e);
        if (!g->values[made].quantizer)
            return E_MEMORY;
    }
    for (int i = 0; i < g->node_count; i++) {
        node *n = &g->nodes[i];
        if (!wants_other(g, n, value, type))
            continue;
        for (int k = 0; k < n->input_count; k++)
            n->inputs[k] = n->inputs[k] == value ? made : n->inputs[k];
    }
    if (output)
        g->output = made;
    return E_OK;
}

static status place_borders(graph *g, error *e)
{
    int values = g->value_count; /* those that conversions add need none themselves */
    for (int v = 0; v < values; v++)
        TRY(convert_value(g, v, e));
    for (int v = 0; v < g->value_count; v++) {
        if (g->values[v].type == DTYPE_S8)
            continue;
        quantizer_free(g->values[v].quantizer);
        g->values[v].quantizer = NULL;
    }
    return E_OK;
}

status quantize_prepare(graph *g, error *e)
{
    int folded;
    TRY(drop_dropouts(g, e));
    TRY(fold_batch_norm(g, &folded, e));
    return norms_to_layers(g, e);
}

/* Every layer has a bias that can be corrected. */
static status add_biases(graph *g, error *e)
{
    for (int i = 0; i < g->node_count; i++) {
        parameter *weight = integer_is_layer(&g->nodes[i])
                                ? graph_parameter(g, &g->nodes[i], ROLE_WEIGHT)
                                : NULL;
        if (weight && !graph_parameter(g, &g->nodes[i], ROLE_BIAS))
            TRY(fold_add_bias(g, i, tensor_shape(weight->data).dim[0], e));
    }
    return E_OK;
}

/* What is corrected before anything is quantized. */
static status correct_floats(pass *p, model *m, const dataset *d, const int64_t *index,
                             int64_t count, const task *watch, error *e)
{
    const unsigned wanted = p->settings->corrections;
    int pairs;
    TRY(drop_dropouts(p->graph, e));
    if (wanted & CORRECT_NORMS)
        TRY(correct_norms(m, p->settings->bits, d, index, count, watch, e));
    TRY(quantize_prepare(p->graph, e));
    if (wanted & CORRECT_BIAS)
        TRY(add_biases(p->graph, e));
    if (!(wanted & CORRECT_EQUALIZE))
        return E_OK;
    TRY(correct_equalize(p->graph, &pairs, e));
    p->equalized = graph_copy(p->graph, e);
    p->before = p->equalized ? p->equalized : p->before;
    return p->equalized ? E_OK : E_MEMORY;
}

static status run_static_on(pass *p, model *m, const dataset *d, const int64_t *index,
                            int64_t count, const task *watch, error *e)
{
    TRY(correct_floats(p, m, d, index, count, watch, e));
    TRY(choose_layers(p, e));
    if (!p->settings->given)
        TRY(calibrate(m, p->settings, d, index, count, watch, e));
    if (p->settings->grain == PER_MODEL)
        pass_observe_weights(p);
    if (p->settings->corrections & (CORRECT_ROUND | CORRECT_BIAS)) {
        p->inputs = layer_inputs_new(m, d, index, count, e);
        if (!p->inputs)
            return e ? e->code : E_MEMORY;
    }
    TRY(fold_relus(p, e));
    TRY(assign_types(p, e));
    TRY(place_borders(p->graph, e));
    return graph_check_types(p->graph, e);
}

static status run_static(pass *p, model *m, const dataset *d, const task *watch, error *e)
{
    int64_t *index, count;
    TRY(draw_samples(p->settings, d, &index, &count, e));
    status s = run_static_on(p, m, d, index, count, watch, e);
    layer_inputs_free(p->inputs);
    graph_free(p->equalized);
    memory_free(index);
    return s;
}

static status run_dynamic(pass *p, error *e)
{
    const quantize_settings *s = p->settings;
    TRY(quantize_prepare(p->graph, e));
    TRY(choose_layers(p, e));
    for (int i = 0; i < p->graph->node_count; i++) {
        node *n = &p->graph->nodes[i];
        if (!pass_chose(p, n))
            continue;
        TRY(pass_quantize_weight(p, n, NULL, e));
        n->attr.input_bits = value_bits(s);
        n->attr.input_symmetric = s->symmetric;
    }
    return graph_check_types(p->graph, e);
}

static status run_weights(pass *p, error *e)
{
    TRY(choose_layers(p, e));
    if (p->settings->grain == PER_MODEL)
        pass_observe_weights(p);
    for (int i = 0; i < p->graph->node_count; i++)
        if (pass_chose(p, &p->graph->nodes[i]))
            TRY(pass_quantize_weight(p, &p->graph->nodes[i], NULL, e));
    return E_OK;
}

status quantize_model(model *m, const quantize_settings *s, const dataset *d,
                      const task *watch, error *e)
{
    TRY(check_settings(m, s, d, e));
    model *work = model_copy(m, e);
    if (!work)
        return E_MEMORY;
    pass p = {.graph = work->graph, .before = m->graph, .settings = s};
    status result = s->scheme == QUANTIZE_STATIC    ? run_static(&p, work, d, watch, e)
                    : s->scheme == QUANTIZE_DYNAMIC ? run_dynamic(&p, e)
                                                    : run_weights(&p, e);
    memory_free(p.bits);
    if (!result) {
        graph_forget_methods(p.graph);
        work->graph = m->graph;
        m->graph = p.graph;
    }
    model_free(work);
    return result;
}
