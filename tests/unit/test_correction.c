/* SPDX-License-Identifier: GPL-3.0-or-later
   test_correction.c -- each correction against what it promises: answers that stay, means
   that are met, outputs that are nearer than with nearest rounding. */
#include "support.h"
#include "support_graph.h"
#include "support_phase.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "compress/correction.h"
#include "compress/quantize.h"
#include "compress/verify.h"
#include "engine/plan.h"
#include "graph/coding.h"
#include "graph/operator.h"

#define SIZE 12

static const int64_t INDEX[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* Three convolutions, the second depthwise, with ReLUs; channels of wild ranges. */
static model *wild_model(uint64_t seed)
{
    error e = {0};
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), &e);
    attributes conv = support_convolution(6, 3);
    int v = graph_add(g, "conv2d", "a", &conv, &g->input, 1, &e);
    v = graph_add(g, "relu", "ra", NULL, &v, 1, &e);
    conv.groups = 6;
    v = graph_add(g, "conv2d", "b", &conv, &v, 1, &e);
    v = graph_add(g, "relu", "rb", NULL, &v, 1, &e);
    conv = support_convolution(2, 3);
    v = graph_add(g, "conv2d", "c", &conv, &v, 1, &e);
    if (v < 0)
        fail_msg("%s", e.text);
    support_fill(g, seed);
    for (int i = 0; i < g->parameter_count; i++) {
        parameter *p = &g->parameters[i];
        float *w = tensor_write_f32(p->data, &e);
        int64_t rows = tensor_shape(p->data).dim[0], taps = tensor_count(p->data) / rows;
        for (int64_t k = 0; rows == 6 && k < rows * taps; k++)
            w[k] *= k / taps % 3 == 0 ? 8.0f : k / taps % 3 == 1 ? 0.1f : 1.0f;
    }
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

/* Signal over noise of NAME of M beside REFERENCE. */
static double decibels(const model *reference, const model *m, const dataset *d,
                       const char *name)
{
    error e = {0};
    verification v;
    double found = (double)NAN;
    if (verify_models(reference, m, d, INDEX, 8, NULL, &v, &e))
        fail_msg("%s", e.text);
    for (int i = 0; i < v.count; i++)
        if (strcmp(v.rows[i].name, name) == 0)
            found = verify_decibels(v.rows[i].signal, v.rows[i].noise);
    verify_clear(&v);
    assert_false(isnan(found));
    return found;
}

static double largest(const float *w, int64_t begin, int64_t end, int64_t step)
{
    double most = 0;
    for (int64_t i = begin; i < end; i += step)
        most = fmax(most, fabs((double)w[i]));
    return most;
}

static void test_equalize(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 5);
    model *m = wild_model(1), *like = model_copy(m, &e);
    int pairs;
    assert_int_equal(correct_equalize(like->graph, &pairs, &e), E_OK);
    assert_int_equal(pairs, 2);
    assert_true(decibels(m, like, d, "c") > 100);
    const float *b = tensor_f32(
        like->graph->parameters[graph_find_parameter(like->graph, "b.weight")].data);
    const float *c = tensor_f32(
        like->graph->parameters[graph_find_parameter(like->graph, "c.weight")].data);
    for (int64_t i = 0; i < 6; i++) {
        double second = fmax(largest(c, i, 54, 6), largest(c, 54 + i, 108, 6));
        assert_true(fabs(largest(b, 9 * i, 9 * i + 9, 1) / second - 1) < 0.01);
    }
    /* One scale for a tensor gains by it. */
    quantize_settings s = {.scheme = QUANTIZE_STATIC,
                           .bits = 5,
                           .value_bits = 8,
                           .grain = PER_TENSOR,
                           .samples = 8,
                           .seed = 1};
    model *plain = model_copy(m, &e), *equal = model_copy(m, &e);
    assert_int_equal(quantize_model(plain, &s, d, NULL, &e), E_OK);
    s.corrections = CORRECT_EQUALIZE;
    assert_int_equal(quantize_model(equal, &s, d, NULL, &e), E_OK);
    assert_true(decibels(m, equal, d, "c") > decibels(m, plain, d, "c") + 3);
    model_free(m);
    model_free(like);
    model_free(plain);
    model_free(equal);
    dataset_free(d);
}

/* The predicted change of a 1x1 layer's mean is what running both shows. */
static void test_bias(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 6);
    attributes conv = support_convolution(4, 1);
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), &e);
    int v = support_block(g, "first", g->input, 6);
    conv.groups = 2;
    graph_add(g, "conv2d", "out", &conv, &v, 1, &e);
    support_fill(g, 2);
    model *m = model_new(g, NULL), *coarse = model_copy(m, &e);
    m->input_transform = coarse->input_transform =
        (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    parameter *weight =
        &coarse->graph->parameters[graph_find_parameter(coarse->graph, "out.weight")];
    quantizer *q = quantizer_of_weight(weight, 2, PER_CHANNEL, NULL, &e);
    layer_inputs *inputs = layer_inputs_new(m, d, INDEX, 8, &e);
    tensor *was = tensor_share(weight->data, &e);
    assert_int_equal(parameter_encode(weight, q, DTYPE_S8, &e), E_OK);
    double change[4], mean[4] = {0};
    assert_int_equal(correct_bias(inputs, "out", was, weight->data, change, &e), E_OK);
    quantizer_free(weight->quantizer);
    tensor_free(weight->codes);
    weight->quantizer = NULL;
    weight->codes = NULL;
    for (int k = 0; k < 2; k++) {
        plan *p =
            plan_new_inference((k ? coarse : m)->graph, 8, dataset_input_shape(d), &e);
        dataset_batch(d, &m->input_transform, INDEX, 8, plan_input(p), NULL, NULL, NULL);
        assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
        for (int64_t i = 0; i < 8 * SIZE * SIZE * 4; i++)
            mean[i % 4] += (k ? 1 : -1) * (double)plan_output(p)[i] / (8 * SIZE * SIZE);
        plan_free(p);
    }
    for (int c = 0; c < 4; c++)
        assert_true(fabs(change[c] - mean[c]) < 1e-4 * (1 + fabs(mean[c])) &&
                    fabs(mean[c]) > 1e-3);
    layer_inputs_free(inputs);
    tensor_free(was);
    model_free(m);
    model_free(coarse);
    dataset_free(d);
}

/* Of layer b (depthwise) and c: on the grid, at most one step from the nearest point, and
   outputs nearer to those of the float weights. */
static void check_rounding(const model *m, const dataset *d, const char *name)
{
    error e = {0};
    char words[32];
    snprintf(words, sizeof words, "%s.weight", name);
    model *nearest = model_copy(m, &e), *chosen = model_copy(m, &e);
    parameter *a =
        &nearest->graph->parameters[graph_find_parameter(nearest->graph, words)];
    parameter *b = &chosen->graph->parameters[graph_find_parameter(chosen->graph, words)];
    const float *was =
        tensor_f32(m->graph->parameters[graph_find_parameter(m->graph, words)].data);
    quantizer *q = quantizer_of_weight(a, 3, PER_CHANNEL, NULL, &e);
    layer_inputs *inputs = layer_inputs_new(m, d, INDEX, 8, &e);
    assert_int_equal(correct_round(inputs, name, b, q, &e), E_OK);
    float *near = tensor_write_f32(a->data, &e);
    const float *now = tensor_f32(b->data);
    int64_t rows = tensor_shape(b->data).dim[0], taps = tensor_count(b->data) / rows;
    int flips = 0;
    for (int64_t i = 0; i < rows * taps; i++) {
        float scale = q->scale[i / taps];
        int32_t code = quantize_value((double)was[i], scale, 0, 3);
        near[i] = (float)((double)scale * code);
        double point = (double)now[i] / (double)scale;
        assert_true(fabs(point - rint(point)) < 1e-4 && fabs(point) < 4.1);
        assert_true(fabs(point - (double)was[i] / (double)scale) < 1.0001);
        flips += rint(point) != code;
    }
    assert_true(flips > 0);
    assert_true(decibels(m, chosen, d, name) > decibels(m, nearest, d, name) + 0.5);
    quantizer_free(q);
    layer_inputs_free(inputs);
    model_free(nearest);
    model_free(chosen);
}

static void test_round(void **state)
{
    (void)state;
    dataset *d = support_phase_data(20, SIZE, 7);
    model *m = wild_model(3);
    check_rounding(m, d, "b");
    check_rounding(m, d, "c");
    model_free(m);
    dataset_free(d);
}

/* Statistics that are far off come back: what the norm puts out has its shift as mean. */
static void test_norms(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 8);
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), &e);
    attributes conv = support_convolution(5, 3), norm = support_norm();
    int v = graph_add(g, "conv2d", "a", &conv, &g->input, 1, &e);
    graph_add(g, "batch_norm", "n", &norm, &v, 1, &e);
    support_fill(g, 5);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    assert_int_equal(correct_norms(m, 8, d, INDEX, 8, NULL, &e), E_OK);
    const node *n = &m->graph->nodes[1];
    const float *shift = tensor_f32(graph_parameter(m->graph, n, ROLE_SHIFT)->data);
    const float *scale = tensor_f32(graph_parameter(m->graph, n, ROLE_SCALE)->data);
    plan *p = plan_new_inference(m->graph, 8, dataset_input_shape(d), &e);
    dataset_batch(d, &m->input_transform, INDEX, 8, plan_input(p), NULL, NULL, NULL);
    assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
    double sum[5] = {0}, squares[5] = {0}, pixels = 8 * SIZE * SIZE;
    for (int64_t i = 0; i < 8 * SIZE * SIZE * 5; i++) {
        double y = (double)plan_output(p)[i] - (double)shift[i % 5];
        sum[i % 5] += y / pixels;
        squares[i % 5] += y * y / pixels;
    }
    for (int c = 0; c < 5; c++) {
        assert_true(fabs(sum[c]) < 0.05);
        assert_true(fabs(sqrt(squares[c]) / fabs((double)scale[c]) - 1) < 0.05);
    }
    plan_free(p);
    model_free(m);
    dataset_free(d);
}

/* A norm of single pixels has no variance to speak of where samples are few. */
static void test_norms_of_few(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 8);
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), &e);
    attributes conv = support_convolution(5, 1), norm = support_norm(), none = {0};
    int v = graph_add(g, "global_avg_pool2d", "p", &none, &g->input, 1, &e);
    v = graph_add(g, "conv2d", "a", &conv, &v, 1, &e);
    v = graph_add(g, "batch_norm", "n", &norm, &v, 1, &e);
    assert_true(v >= 0);
    support_fill(g, 5);
    model *m = model_new(g, NULL);
    uint64_t before = graph_hash(m->graph);
    assert_int_equal(correct_norms(m, 8, d, INDEX, 8, NULL, &e), E_RANGE);
    assert_non_null(strstr(e.text, "from 8 numbers"));
    assert_int_equal(graph_hash(m->graph), before);
    assert_int_equal(correct_norms(m, 8, d, INDEX, 16, NULL, &e), E_OK);
    assert_true(graph_hash(m->graph) != before);
    model_free(m);
    dataset_free(d);
}

/* All together, through quantize. */
static void test_together(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 9);
    model *m = wild_model(4), *plain = model_copy(m, &e), *all = model_copy(m, &e);
    quantize_settings s = {.scheme = QUANTIZE_STATIC,
                           .bits = 3,
                           .value_bits = 8,
                           .grain = PER_CHANNEL,
                           .samples = 8,
                           .seed = 1};
    assert_int_equal(quantize_model(plain, &s, d, NULL, &e), E_OK);
    s.corrections = CORRECT_ROUND | CORRECT_BIAS;
    assert_int_equal(quantize_model(all, &s, d, NULL, &e), E_OK);
    assert_true(decibels(m, all, d, "c") > decibels(m, plain, d, "c") + 1);
    s.scheme = QUANTIZE_WEIGHT;
    assert_int_equal(quantize_model(m, &s, d, NULL, &e), E_USAGE);
    for (int i = 0; correction_at(i); i++)
        assert_ptr_equal(correction_find(correction_at(i)->name), correction_at(i));
    assert_null(correction_find("none"));
    model_free(m);
    model_free(plain);
    model_free(all);
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equalize),     cmocka_unit_test(test_bias),
        cmocka_unit_test(test_round),        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_norms_of_few), cmocka_unit_test(test_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
