/* SPDX-License-Identifier: GPL-3.0-or-later
   test_verify.c -- signal, noise and saturation of layers, against sums over what plans
   put out. */
#include "support.h"
#include "support_graph.h"
#include "support_phase.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "compress/verify.h"
#include "engine/plan.h"

#define SIZE 12

static model *unet(uint64_t seed)
{
    graph *g = support_unet(SIZE);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

static const verify_row *row_named(const verification *v, const char *name)
{
    for (int i = 0; i < v->count; i++)
        if (strcmp(v->rows[i].name, name) == 0)
            return &v->rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static plan *run(const model *m, const dataset *d, const int64_t *index, int64_t n)
{
    error e = {0};
    plan *p = plan_new_inference(m->graph, n, dataset_input_shape(d), &e);
    if (!p || plan_keep_values(p, &e) || plan_start(p, &e))
        fail_msg("%s", e.text);
    dataset_batch(d, &m->input_transform, index, n, plan_input(p), NULL, NULL, NULL);
    assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
    return p;
}

static void check_output(const verify_row *row, const model *m, const model *q,
                         const dataset *d, const int64_t *index, int64_t n)
{
    plan *a = run(m, d, index, n), *b = run(q, d, index, n);
    int64_t count = shape_count(plan_output_shape(a));
    double signal = 0, noise = 0;
    for (int64_t i = 0; i < count; i++) {
        signal += pow((double)plan_output(a)[i], 2);
        noise += pow((double)plan_output(a)[i] - (double)plan_output(b)[i], 2);
    }
    assert_int_equal(row->elements, count);
    assert_true(fabs(row->signal - signal) < 1e-5 * signal);
    assert_true(fabs(row->noise - noise) < 1e-3 * noise);
    plan_free(a);
    plan_free(b);
}

/* Codes of the layer's value that stand at an end that is no ReLU's zero. */
static int64_t count_saturated(const model *q, const char *name, const dataset *d,
                               const int64_t *index, int64_t n)
{
    plan *p = run(q, d, index, n);
    int value = q->graph->nodes[graph_find_node(q->graph, name)].output;
    const int8_t *codes = plan_value(p, value);
    int32_t zero = q->graph->values[value].quantizer->zero_point[0];
    int64_t saturated = 0;
    for (int64_t i = 0; i < shape_count(plan_value_shape(p, value)); i++)
        saturated += codes[i] == 7 || (codes[i] == -8 && zero != -8);
    plan_free(p);
    return saturated;
}

static void test_rows(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 5);
    model *m = unet(3), *q = model_copy(m, &e);
    quantize_settings s = {.scheme = QUANTIZE_STATIC,
                           .bits = 4,
                           .grain = PER_CHANNEL,
                           .keep_last = 1,
                           .samples = 4,
                           .observer = observer_find("mse"),
                           .seed = 1};
    int64_t index[] = {1, 2, 5, 6, 9, 11, 12};
    verification v;
    assert_int_equal(quantize_model(q, &s, d, NULL, &e), E_OK);
    assert_int_equal(verify_models(m, q, d, index, 7, NULL, &v, &e), E_OK);
    assert_int_equal(v.samples, 7);
    /* The last batch is filled up with its last sample. */
    check_output(row_named(&v, "out"), m, q, d, (int64_t[]){1, 2, 5, 6, 9, 11, 12, 12},
                 8);
    assert_int_equal(row_named(&v, "out")->type, DTYPE_F32);
    assert_int_equal(row_named(&v, "out")->weight_bits, 32);
    assert_true(row_named(&v, "out")->weight_noise == 0);
    const verify_row *down = row_named(&v, "down.0");
    assert_int_equal(down->type, DTYPE_S8);
    assert_int_equal(down->weight_bits, 4);
    assert_int_equal(
        down->saturated,
        count_saturated(q, "down.0", d, (int64_t[]){1, 2, 5, 6, 9, 11, 12, 12}, 8));
    assert_true(down->saturated > 0 && down->weight_noise > 0);
    verify_clear(&v);
    model_free(m);
    model_free(q);
    dataset_free(d);
}

/* A model beside itself has no noise; beside one of another shape there is an error. */
static void test_same(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 6);
    model *m = unet(4);
    int64_t index[] = {0, 3};
    verification v;
    assert_int_equal(verify_models(m, m, d, index, 2, NULL, &v, &e), E_OK);
    assert_int_equal(v.count, m->graph->node_count);
    for (int i = 0; i < v.count; i++)
        assert_true(verify_decibels(v.rows[i].signal, v.rows[i].noise) ==
                    (double)INFINITY);
    verify_clear(&v);
    assert_int_equal(verify_models(m, m, d, index, 0, NULL, &v, &e), E_RANGE);
    verify_clear(&v);
    assert_true(isnan(verify_decibels(0, 0)));
    assert_true(fabs(verify_decibels(1000, 1) - 30) < 1e-12);
    model_free(m);
    dataset_free(d);
}

/* Norms that cannot be folded become layers with the same answers, masks included. */
static void test_norm_layers(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(10, SIZE, 3);
    attributes norm = support_norm(), conv = support_convolution(2, 3);
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), &e);
    int v = support_block(g, "a", g->input, 4);
    v = graph_add(g, "batch_norm", "behind", &norm, &v, 1, &e);
    graph_add(g, "conv2d", "out", &conv, &v, 1, &e);
    support_fill(g, 6);
    model *m = model_new(g, NULL);
    prune_result r;
    int64_t index[] = {0, 1, 2};
    verification seen;
    assert_int_equal(prune_weights(m->graph, criterion_find("magnitude"), SCOPE_GLOBAL,
                                   TARGET_WEIGHTS_AND_SCALES, 0.3, 1, &r, &e),
                     E_OK);
    model *layered = model_copy(m, &e);
    assert_int_equal(norms_to_layers(layered->graph, &e), E_OK);
    assert_int_equal(layered->graph->node_count, m->graph->node_count);
    assert_true(graph_find_node(layered->graph, "behind.layer") >= 0);
    assert_true(graph_find_parameter(layered->graph, "behind.weight") < 0);
    assert_int_equal(verify_models(m, layered, d, index, 3, NULL, &seen, &e), E_OK);
    const verify_row *out = row_named(&seen, "out");
    assert_true(verify_decibels(out->signal, out->noise) > 100);
    verify_clear(&seen);
    model_free(m);
    model_free(layered);
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_norm_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
