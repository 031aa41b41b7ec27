/* SPDX-License-Identifier: GPL-3.0-or-later
   test_quantize.c -- folding against the
   float graph, and whole quantized graphs against a slow reference of each node. */
#include "support.h"
#include "support_graph.h"
#include "support_integer.h"
#include "support_phase.h"

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "engine/plan.h"
#include "graph/check.h"

#define SIZE 16

static const quantize_settings STATIC8 = {
    .scheme = QUANTIZE_STATIC, .bits = 8, .grain = PER_CHANNEL, .samples = 4, .seed = 1};

/* ---- scalars ---- */

static model *unet_model(uint64_t seed)
{
    graph *g = support_unet(SIZE);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

/* conv, norm, relu, conv, add to the first, leaky relu, average pool, dropout, flatten,
   linear, sigmoid, linear: what the U-Net has not. */
static model *classifier_model(uint64_t seed)
{
    error e = {0};
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), &e);
    attributes conv = support_convolution(6, 3), pool = support_window(2, 2);
    attributes slope = {.slope = 0.1}, drop = {.probability = 0.5};
    attributes linear = {.channels = 12, .bias = true};
    int first = support_block(g, "a", g->input, 6);
    int v = graph_add(g, "conv2d", "b", &conv, &first, 1, &e);
    v = graph_add(g, "add", "sum", NULL, (int[]){first, v}, 2, &e);
    v = graph_add(g, "leaky_relu", "leaky", &slope, &v, 1, &e);
    v = graph_add(g, "avg_pool2d", "pool", &pool, &v, 1, &e);
    v = graph_add(g, "dropout", "drop", &drop, &v, 1, &e);
    v = graph_add(g, "flatten", "flat", NULL, &v, 1, &e);
    v = graph_add(g, "linear", "fc1", &linear, &v, 1, &e);
    v = graph_add(g, "sigmoid", "bend", NULL, &v, 1, &e);
    linear.channels = 3;
    v = graph_add(g, "linear", "fc2", &linear, &v, 1, &e);
    if (v < 0)
        fail_msg("%s", e.text);
    support_fill(g, seed);
    return model_new(g, NULL);
}

static void quantize(model *m, const quantize_settings *s, const dataset *d)
{
    error e = {0};
    if (quantize_model(m, s, d, NULL, &e))
        fail_msg("%s", e.text);
    if (graph_check_types(m->graph, &e))
        fail_msg("%s", e.text);
}

/* Output of M for the first N samples of D; the caller frees. */
static float *run_model(const model *m, const dataset *d, int64_t n, int64_t *count)
{
    error e = {0};
    int64_t index[64];
    for (int64_t i = 0; i < n; i++)
        index[i] = i;
    plan *p = plan_new_inference(m->graph, n, dataset_input_shape(d), &e);
    if (!p || plan_start(p, &e))
        fail_msg("%s", e.text);
    dataset_batch(d, &m->input_transform, index, n, plan_input(p), NULL, NULL, NULL);
    if (plan_forward(p, 0, 0, &e))
        fail_msg("%s", e.text);
    *count = shape_count(plan_output_shape(p));
    float *y = memory_new(*count, sizeof *y, &e);
    memcpy(y, plan_output(p), (size_t)*count * sizeof *y);
    plan_free(p);
    return y;
}

/* Root of the mean squared difference of two models over that of the first. */
static double relative_error(const model *a, const model *b, const dataset *d)
{
    int64_t n, same;
    float *x = run_model(a, d, 8, &n), *y = run_model(b, d, 8, &same);
    double difference = 0, size = 0;
    assert_int_equal(n, same);
    for (int64_t i = 0; i < n; i++) {
        difference += pow((double)x[i] - (double)y[i], 2);
        size += pow((double)x[i], 2);
    }
    memory_free(x);
    memory_free(y);
    return sqrt(difference / size);
}

static const node *node_named(const graph *g, const char *name)
{
    int at = graph_find_node(g, name);
    if (at < 0)
        fail_msg("there is no node %s", name);
    return &g->nodes[at];
}

static bool runs_in_integers(const graph *g, const char *name)
{
    return g->values[node_named(g, name)->output].type == DTYPE_S8;
}

/* ---- folding ---- */

static void test_fold(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(10, SIZE, 3);
    model *m = unet_model(1), *folded = model_copy(m, &e);
    int count;
    prune_result r;
    assert_int_equal(prune_weights(folded->graph, criterion_find("magnitude"),
                                   SCOPE_LAYER, TARGET_WEIGHTS_AND_SCALES, 0.3, 1, &r,
                                   &e),
                     E_OK);
    model *pruned = model_copy(folded, &e);
    assert_int_equal(fold_batch_norm(folded->graph, &count, &e), E_OK);
    assert_int_equal(count, 3);
    assert_true(graph_find_node(folded->graph, "inc.1") < 0);
    assert_true(relative_error(pruned, folded, d) < 1e-5);
    /* A masked scale takes its channel's weights with it; masked weights are 0. */
    const parameter *gamma =
        graph_parameter(pruned->graph, node_named(pruned->graph, "inc.1"), ROLE_SCALE);
    const parameter *weight =
        graph_parameter(folded->graph, node_named(folded->graph, "inc.0"), ROLE_WEIGHT);
    const uint8_t *mask = tensor_data(weight->mask), *kept = tensor_data(gamma->mask);
    for (int64_t i = 0; i < tensor_count(weight->data); i++) {
        assert_true(mask[i] || tensor_f32(weight->data)[i] == 0.0f);
        assert_true(kept[i / 9] || !mask[i]);
    }
    assert_int_equal(fold_batch_norm(folded->graph, &count, &e), E_OK);
    assert_int_equal(count, 0);
    model_free(m);
    model_free(pruned);
    model_free(folded);
    dataset_free(d);
}

/* A norm that others stand before, or whose input others read, stays; a conv without bias
   gets one. */
static void test_fold_limits(void **state)
{
    (void)state;
    error e = {0};
    graph *g = graph_new(shape_of(3, INT64_C(6), INT64_C(6), INT64_C(2)), &e);
    attributes conv = support_convolution(2, 3), norm = support_norm();
    conv.bias = false;
    int a = graph_add(g, "conv2d", "a", &conv, &g->input, 1, &e);
    int b = graph_add(g, "batch_norm", "n1", &norm, &a, 1, &e);
    int c = graph_add(g, "conv2d", "b", &conv, &b, 1, &e);
    int n = graph_add(g, "batch_norm", "n2", &norm, &c, 1, &e);
    int s = graph_add(g, "add", "s", NULL, (int[]){c, n}, 2, &e);
    s = graph_add(g, "relu", "r", NULL, &s, 1, &e);
    graph_add(g, "batch_norm", "n3", &norm, &s, 1, &e);
    support_fill(g, 2);
    int count;
    assert_int_equal(fold_batch_norm(g, &count, &e), E_OK);
    assert_int_equal(count, 1);
    assert_true(graph_find_node(g, "n1") < 0);
    assert_true(graph_find_node(g, "n2") >= 0);
    assert_true(graph_find_node(g, "n3") >= 0);
    assert_true(graph_find_parameter(g, "a.bias") >= 0);
    assert_true(graph_find_parameter(g, "b.bias") < 0);
    assert_true(node_named(g, "a")->attr.bias);
    shape shapes[16];
    assert_int_equal(graph_shapes(g, 1, g->input_shape, shapes, &e), E_OK);
    graph_free(g);
}

/* ---- observing ---- */

static void test_observe(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(10, SIZE, 4);
    model *m = unet_model(2);
    int64_t index[] = {1, 3, 4, 6, 9}, value = node_named(m->graph, "join")->output;
    double low[64], high[64], least = 1e30, most = -1e30;
    assert_int_equal(
        observe_ranges(m, d, index, 5, observer_find("min-max"), 8, NULL, low, high, &e),
        E_OK);
    plan *p = plan_new_inference(m->graph, 1, dataset_input_shape(d), &e);
    plan_keep_values(p, &e);
    assert_int_equal(plan_start(p, &e), E_OK);
    for (int i = 0; i < 5; i++) {
        dataset_batch(d, &m->input_transform, &index[i], 1, plan_input(p), NULL, NULL,
                      NULL);
        plan_forward(p, 0, 0, &e);
        const float *x = plan_value(p, (int)value);
        for (int64_t k = 0; k < shape_count(plan_value_shape(p, (int)value)); k++) {
            least = fmin(least, (double)x[k]);
            most = fmax(most, (double)x[k]);
        }
    }
    plan_free(p);
    assert_true(fabs(low[value] - least) < 1e-5 && fabs(high[value] - most) < 1e-5);
    assert_true(low[m->graph->input] < high[m->graph->input]);
    /* The moving average of batches of four: 0.9 of the first and 0.1 of the second, which
       is filled up with the last sample. */
    double first_low[64], first_high[64], last_low[64], last_high[64];
    const observer_row *widest = observer_find("min-max");
    observe_ranges(m, d, index, 4, widest, 8, NULL, first_low, first_high, &e);
    observe_ranges(m, d, index + 4, 1, widest, 8, NULL, last_low, last_high, &e);
    assert_int_equal(observe_ranges(m, d, index, 5, observer_find("moving-average"), 8,
                                    NULL, low, high, &e),
                     E_OK);
    for (int v = 0; v < m->graph->value_count; v++) {
        double wanted = 0.9 * first_high[v] + 0.1 * last_high[v];
        assert_true(fabs(high[v] - wanted) <= 1e-5 * (1 + fabs(wanted)));
        wanted = 0.9 * first_low[v] + 0.1 * last_low[v];
        assert_true(fabs(low[v] - wanted) <= 1e-5 * (1 + fabs(wanted)));
    }
    tensor_write_f32(d->input, &e)[SIZE * SIZE + 5] = (float)NAN;
    assert_int_equal(
        observe_ranges(m, d, index, 5, observer_find("min-max"), 8, NULL, low, high, &e),
        E_NUMERIC);
    assert_int_equal(
        observe_ranges(m, d, index, 0, observer_find("min-max"), 8, NULL, low, high, &e),
        E_RANGE);
    model_free(m);
    dataset_free(d);
}

/* ---- whole graphs, node by node ---- */

static void check_border(const operation *op, const void *got)
{
    bool coding = op->out_value->type == DTYPE_S8;
    const quantizer *q = coding ? op->out_value->quantizer : op->in_value[0]->quantizer;
    double scale = (double)q->scale[0], low = -ldexp(1, q->bits - 1);
    for (int64_t i = 0; i < shape_count(op->out); i++) {
        if (coding) {
            double r = rint((double)((const float *)op->x[0])[i] / scale);
            r = fmin(fmax(r + q->zero_point[0], low), -low - 1);
            assert_int_equal(((const int8_t *)got)[i], (int)r);
        } else {
            int32_t code = ((const int8_t *)op->x[0])[i] - q->zero_point[0];
            assert_true(((const float *)got)[i] == (float)(scale * code));
        }
    }
}

/* Every node that runs in integers gives what the reference gives from the same codes. */
static int check_graph(const model *m, const dataset *d)
{
    error e = {0};
    const graph *g = m->graph;
    int64_t index[2] = {0, 7};
    int checked = 0;
    plan *p = plan_new_inference(g, 2, dataset_input_shape(d), &e);
    if (!p || plan_keep_values(p, &e) || plan_start(p, &e))
        fail_msg("%s", e.text);
    dataset_batch(d, &m->input_transform, index, 2, plan_input(p), NULL, NULL, NULL);
    assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
    for (int i = 0; i < g->node_count; i++) {
        operation op = support_integer_operation(p, g, &g->nodes[i]);
        const void *got = plan_value(p, g->nodes[i].output);
        bool border = g->nodes[i].op == &op_quantize || g->nodes[i].op == &op_dequantize;
        if (border)
            check_border(&op, got);
        if (border || op.out_value->type != DTYPE_S8 || g->nodes[i].op == &op_sigmoid ||
            g->nodes[i].op == &op_leaky_relu)
            continue;
        int8_t *wanted = support_integer(&op);
        assert_memory_equal(got, wanted, (size_t)shape_count(op.out));
        memory_free(wanted);
        checked++;
    }
    plan_free(p);
    return checked;
}

/* data = scale * (q - zero_point) exactly, codes in range, masked weights exactly 0. */
static void check_parameters(const graph *g, int bits)
{
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        const quantizer *q = p->quantizer;
        assert_int_equal(q != NULL, p->codes != NULL);
        if (!q)
            continue;
        int64_t n = tensor_count(p->data), taps = n / tensor_shape(p->data).dim[0];
        bool small = tensor_dtype(p->codes) == DTYPE_S8;
        for (int64_t k = 0; k < n; k++) {
            int64_t c = q->channels == 1 ? 0 : k / taps;
            int32_t code = small ? ((const int8_t *)tensor_data(p->codes))[k]
                                 : ((const int32_t *)tensor_data(p->codes))[k];
            double real = (double)q->scale[c] * (code - q->zero_point[c]);
            assert_true(tensor_f32(p->data)[k] == (float)real);
            assert_true(!small || (code >= -(1 << (bits - 1)) && code < 1 << (bits - 1)));
            if (p->mask && !((const uint8_t *)tensor_data(p->mask))[k])
                assert_int_equal(code, q->zero_point[c]);
        }
    }
}

static void test_unet(void **state)
{
    (void)state;
    dataset *d = support_phase_data(20, SIZE, 5);
    for (int grain = PER_MODEL; grain <= PER_CHANNEL; grain++)
        for (int bits = 3; bits <= 8; bits += 5) {
            model *m = unet_model(3), *q = model_copy(m, NULL);
            quantize_settings s = STATIC8;
            s.bits = bits;
            s.grain = (granularity)grain;
            s.samples = 100; /* all there are */
            quantize(q, &s, d);
            check_parameters(q->graph, bits);
            /* inc, down, outc, out; pool, up, pad, join: ReLUs and norms are gone. */
            assert_int_equal(check_graph(q, d), 8);
            assert_int_equal(q->graph->node_count, 8 + 2);
            if (bits == 8)
                assert_true(relative_error(m, q, d) < (grain == PER_MODEL ? 0.08 : 0.04));
            model_free(m);
            model_free(q);
        }
    dataset_free(d);
}

static void test_classifier(void **state)
{
    (void)state;
    dataset *d = support_phase_data(20, SIZE, 6);
    model *m = classifier_model(4), *q = model_copy(m, NULL);
    quantize(q, &STATIC8, d);
    check_parameters(q->graph, 8);
    /* a.0, b, sum, pool, flat, fc1, fc2; leaky and bend run in integers too. */
    assert_int_equal(check_graph(q, d), 7);
    assert_true(runs_in_integers(q->graph, "leaky"));
    assert_true(runs_in_integers(q->graph, "bend"));
    assert_true(graph_find_node(q->graph, "drop") < 0);
    assert_true(graph_find_node(q->graph, "a.2") < 0);
    assert_true(relative_error(m, q, d) < 0.1);
    model_free(m);
    model_free(q);
    dataset_free(d);
}

/* The first and the last layers stay f32; conversions stand at the borders, one for all
   readers. */
static void test_keep(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 7);
    model *m = unet_model(5), *q = model_copy(m, NULL);
    quantize_settings s = STATIC8;
    s.grain = PER_TENSOR;
    s.keep_first = 1;
    s.keep_last = 1;
    quantize(q, &s, d);
    const graph *g = q->graph;
    assert_false(runs_in_integers(g, "inc.0"));
    assert_true(runs_in_integers(g, "down.0"));
    assert_true(runs_in_integers(g, "up"));
    assert_false(runs_in_integers(g, "join")); /* the skip is f32 */
    assert_true(runs_in_integers(g, "outc.0"));
    assert_false(runs_in_integers(g, "out"));
    assert_true(graph_find_node(g, "inc.2") >= 0); /* its layer is not quantized */
    assert_true(graph_find_node(g, "down.2") < 0);
    assert_null(graph_parameter(g, node_named(g, "inc.0"), ROLE_WEIGHT)->quantizer);
    assert_null(graph_parameter(g, node_named(g, "out"), ROLE_BIAS)->codes);
    assert_non_null(graph_parameter(g, node_named(g, "down.0"), ROLE_BIAS)->codes);
    for (int v = 0; v < g->value_count; v++)
        assert_int_equal(g->values[v].quantizer != NULL, g->values[v].type == DTYPE_S8);
    check_graph(q, d);
    assert_true(relative_error(m, q, d) < 0.03);
    model *all = model_copy(m, NULL);
    s.keep_first = 3;
    assert_int_equal(quantize_model(all, &s, d, NULL, &e), E_RANGE);
    assert_true(graph_hash(all->graph) == graph_hash(m->graph));
    model_free(all);
    model_free(m);
    model_free(q);
    dataset_free(d);
}

static void test_masks(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 8);
    for (int grain = PER_MODEL; grain <= PER_CHANNEL; grain++) {
        model *m = unet_model(6);
        prune_result r;
        quantize_settings s = STATIC8;
        s.grain = (granularity)grain;
        prune_weights(m->graph, criterion_find("magnitude"), SCOPE_GLOBAL, TARGET_WEIGHTS,
                      0.7, 1, &r, &e);
        int64_t before = graph_nonzero(m->graph);
        quantize(m, &s, d);
        check_parameters(m->graph, 8);
        for (int i = 0; i < m->graph->parameter_count; i++)
            if (m->graph->parameters[i].role == ROLE_WEIGHT)
                assert_non_null(m->graph->parameters[i].mask);
        assert_true(graph_nonzero(m->graph) <= before);
        check_graph(m, d);
        model_free(m);
    }
    dataset_free(d);
}

static void test_weights_alone(void **state)
{
    (void)state;
    dataset *d = support_phase_data(10, SIZE, 9);
    for (int grain = PER_MODEL; grain <= PER_CHANNEL; grain++) {
        model *m = unet_model(7), *q = model_copy(m, NULL);
        quantize_settings s = {.scheme = QUANTIZE_WEIGHT,
                               .bits = 8,
                               .keep_last = 1,
                               .grain = (granularity)grain};
        quantize(q, &s, NULL);
        check_parameters(q->graph, 8);
        assert_int_equal(q->graph->node_count, m->graph->node_count);
        assert_null(graph_parameter(q->graph, node_named(q->graph, "out"), ROLE_WEIGHT)
                        ->quantizer);
        assert_null(graph_parameter(q->graph, node_named(q->graph, "inc.0"), ROLE_BIAS)
                        ->quantizer);
        assert_true(relative_error(m, q, d) < 0.1);
        model_free(m);
        model_free(q);
    }
    dataset_free(d);
}

/* A channel whose weights are nearly nothing still has its bias. */
static void test_tiny_weights(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 10);
    model *m = unet_model(8);
    int at = graph_find_parameter(m->graph, "out.weight");
    float *w = tensor_write_f32(m->graph->parameters[at].data, &e);
    for (int64_t i = 0; i < tensor_count(m->graph->parameters[at].data) / 2; i++)
        w[i] = i ? 1e-13f : 0.0f;
    at = graph_find_parameter(m->graph, "out.bias");
    tensor_write_f32(m->graph->parameters[at].data, &e)[0] = 0.625f;
    model *q = model_copy(m, &e);
    quantize(q, &STATIC8, d);
    int64_t n;
    float *y = run_model(q, d, 2, &n);
    for (int64_t i = 0; i < n; i += 2)
        assert_true(fabs((double)y[i] - 0.625) < 0.01);
    memory_free(y);
    model_free(m);
    model_free(q);
    dataset_free(d);
}

/* A layer whose ReLU was never open on the calibration data stays shut. */
static void test_dead_relu(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 11);
    model *m = unet_model(9);
    int at = graph_find_parameter(m->graph, "outc.1.bias");
    float *shift = tensor_write_f32(m->graph->parameters[at].data, &e);
    for (int c = 0; c < 5; c++)
        shift[c] = -1e4f;
    at = graph_find_parameter(m->graph, "out.bias");
    const float *bias = tensor_f32(m->graph->parameters[at].data);
    model *q = model_copy(m, &e);
    quantize(q, &STATIC8, d);
    int64_t n;
    float *y = run_model(q, d, 2, &n);
    for (int64_t i = 0; i < n; i++)
        assert_true(fabs((double)y[i] - (double)bias[i % 2]) < 0.01);
    memory_free(y);
    model_free(m);
    model_free(q);
    dataset_free(d);
}

static void test_same_bits(void **state)
{
    (void)state;
    dataset *d = support_phase_data(30, SIZE, 12);
    uint64_t hash[3];
    for (int i = 0; i < 3; i++) {
        model *m = unet_model(10);
        quantize_settings s = STATIC8;
        s.seed = i == 2 ? 9 : 1;
        cpu_set_threads(1 + i % 2);
        quantize(m, &s, d);
        hash[i] = graph_hash(m->graph);
        cpu_set_threads(0);
        model_free(m);
    }
    assert_true(hash[0] == hash[1]);
    assert_true(hash[0] != hash[2]); /* other samples were drawn */
    dataset_free(d);
}

static void test_refusals(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(10, SIZE, 13);
    model *m = unet_model(11);
    uint64_t hash = graph_hash(m->graph);
    quantize_settings s = STATIC8;
    s.bits = 9;
    assert_int_equal(quantize_model(m, &s, d, NULL, &e), E_RANGE);
    s = STATIC8;
    s.keep_last = -1;
    assert_int_equal(quantize_model(m, &s, d, NULL, &e), E_RANGE);
    assert_int_equal(quantize_model(m, &STATIC8, NULL, NULL, &e), E_USAGE);
    memset(d->split, SPLIT_TEST, 10);
    assert_int_equal(quantize_model(m, &STATIC8, d, NULL, &e), E_RANGE);
    memset(d->split, SPLIT_TRAIN, 10);
    tensor *input = d->input; /* of two channels, where the model wants one */
    d->input = tensor_new(
        DTYPE_F32, shape_of(4, INT64_C(10), INT64_C(8), INT64_C(8), INT64_C(2)), &e);
    assert_int_equal(quantize_model(m, &STATIC8, d, NULL, &e), E_SHAPE);
    tensor_free(d->input);
    d->input = input;
    volatile sig_atomic_t stop = 1;
    task watch = {.cancel = &stop};
    assert_int_equal(quantize_model(m, &STATIC8, d, &watch, &e), E_STOPPED);
    int at = graph_find_parameter(m->graph, "down.0.weight");
    tensor *kept = tensor_share(m->graph->parameters[at].data, &e);
    tensor_write_f32(m->graph->parameters[at].data, &e)[0] = INFINITY;
    assert_int_equal(quantize_model(m, &STATIC8, d, NULL, &e), E_NUMERIC);
    tensor_free(m->graph->parameters[at].data);
    m->graph->parameters[at].data = kept;
    assert_true(graph_hash(m->graph) == hash);
    assert_false(quantize_is_done(m->graph));
    quantize(m, &STATIC8, d);
    assert_true(quantize_is_done(m->graph));
    assert_int_equal(quantize_model(m, &STATIC8, d, NULL, &e), E_USAGE);
    assert_true(e.hint[0] != '\0');
    model_free(m);
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold),         cmocka_unit_test(test_fold_limits),
        cmocka_unit_test(test_observe),      cmocka_unit_test(test_unet),
        cmocka_unit_test(test_classifier),   cmocka_unit_test(test_keep),
        cmocka_unit_test(test_masks),        cmocka_unit_test(test_weights_alone),
        cmocka_unit_test(test_tiny_weights), cmocka_unit_test(test_dead_relu),
        cmocka_unit_test(test_same_bits),    cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
