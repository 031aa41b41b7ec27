/* SPDX-License-Identifier: GPL-3.0-or-later
   test_quantize_forms.c -- the dynamic scheme and symmetric activations on whole models: near
   the float model, the same bits after a file, and what neither can do. */
#include "support.h"
#include "support_graph.h"
#include "support_integer.h"
#include "support_phase.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "compress/quantize.h"
#include "engine/plan.h"
#include "format/model_file.h"
#include "graph/op_integer.h"
#include "graph/operator.h"

enum { SIZE = 16, SAMPLES = 6 };

static model *make_model(uint64_t seed)
{
    graph *g = support_unet(SIZE);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

static plan *run_plan(const model *m, const dataset *d)
{
    error e = {0};
    int64_t index[SAMPLES];
    for (int64_t i = 0; i < SAMPLES; i++)
        index[i] = i;
    plan *p = plan_new_inference(m->graph, SAMPLES, dataset_input_shape(d), &e);
    if (!p || plan_keep_values(p, &e) || plan_start(p, &e))
        fail_msg("%s", e.text);
    dataset_batch(d, &m->input_transform, index, SAMPLES, plan_input(p), NULL, NULL,
                  NULL);
    assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
    return p;
}

/* Root of the mean squared difference over that of A. */
static double difference(const model *a, const model *b, const dataset *d)
{
    plan *p = run_plan(a, d), *q = run_plan(b, d);
    double apart = 0, size = 0;
    for (int64_t i = 0; i < shape_count(plan_output_shape(p)); i++) {
        apart += pow((double)plan_output(p)[i] - (double)plan_output(q)[i], 2);
        size += pow((double)plan_output(p)[i], 2);
    }
    plan_free(p);
    plan_free(q);
    return sqrt(apart / size);
}

static model *quantized(const model *m, quantize_settings s, const dataset *d)
{
    error e = {0};
    model *q = model_copy(m, &e);
    s.bits = s.bits ? s.bits : 8;
    s.samples = 10;
    if (quantize_model(q, &s, d, NULL, &e))
        fail_msg("%s", e.text);
    return q;
}

static void check_file(const model *m, const dataset *d)
{
    error e = {0};
    int64_t bytes;
    model *back = model_roundtrip(m, &bytes, &e);
    assert_non_null(back);
    assert_true(graph_hash(m->graph) == graph_hash(back->graph));
    assert_true(difference(m, back, d) == 0);
    model_free(back);
}

static void dynamic_models_are_near(void **state)
{
    (void)state;
    dataset *d = support_phase_data(20, SIZE, 5);
    model *m = make_model(3);
    double last = 0;
    for (int bits = 8; bits >= 4; bits -= 2) {
        quantize_settings s = {.scheme = QUANTIZE_DYNAMIC, .grain = PER_CHANNEL};
        s.bits = bits;
        model *q = quantized(m, s, NULL); /* no data: there is nothing to observe */
        for (int i = 0; i < q->graph->node_count; i++)
            assert_int_equal(integer_is_dynamic(&q->graph->nodes[i]),
                             q->graph->nodes[i].op == &op_conv2d);
        double off = difference(m, q, d);
        assert_true(off > last && off < ldexp(0.02, 8 - bits));
        last = off;
        check_file(q, d);
        model_free(q);
    }
    model_free(m);
    dataset_free(d);
}

/* A range of each sample's own is no worse than one for all that was observed before, and
   half the codes are lost where they are symmetric and inputs are not. */
static void forms_are_ordered(void **state)
{
    (void)state;
    dataset *d = support_phase_data(20, SIZE, 6);
    model *m = make_model(4);
    quantize_settings s = {.scheme = QUANTIZE_STATIC, .grain = PER_CHANNEL, .bits = 6};
    double off[4];
    for (int i = 0; i < 4; i++) {
        s.scheme = i < 2 ? QUANTIZE_DYNAMIC : QUANTIZE_STATIC;
        s.symmetric = i % 2 == 1;
        model *q = quantized(m, s, d);
        off[i] = difference(m, q, d);
        model_free(q);
    }
    assert_true(off[0] < off[1] && off[2] < off[3]);
    assert_true(off[0] < off[2] && off[1] < off[3]);
    model_free(m);
    dataset_free(d);
}

/* Codes of node N as the reference has them. */
static void check_node(const plan *p, const graph *g, const node *n)
{
    operation op = support_integer_operation(p, g, n);
    int8_t *wanted = support_integer(&op);
    assert_memory_equal(plan_value(p, n->output), wanted, (size_t)shape_count(op.out));
    memory_free(wanted);
}

static void symmetric_codes_are_exact(void **state)
{
    (void)state;
    dataset *d = support_phase_data(20, SIZE, 7);
    model *m = make_model(5);
    quantize_settings s = {.grain = PER_CHANNEL, .symmetric = true};
    model *q = quantized(m, s, d);
    const graph *g = q->graph;
    plan *p = run_plan(q, d);
    int relus = 0;
    for (int i = 0; i < g->node_count; i++) {
        const value *out = &g->values[g->nodes[i].output];
        if (out->type == DTYPE_S8 && g->nodes[i].op != &op_quantize)
            check_node(p, g, &g->nodes[i]);
        assert_true(out->type != DTYPE_S8 || out->quantizer->zero_point[0] == 0);
        if (g->nodes[i].op != &op_relu)
            continue;
        /* What is behind has the scale of what is in front: nothing is rounded twice. */
        assert_true(out->quantizer->scale[0] ==
                    g->values[g->nodes[i].inputs[0]].quantizer->scale[0]);
        relus++;
    }
    assert_true(relus > 0);
    assert_true(difference(m, q, d) < 0.05);
    check_file(q, d);
    plan_free(p);
    model_free(m);
    model_free(q);
    dataset_free(d);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    error e = {0};
    model *m = make_model(6);
    uint64_t before = graph_hash(m->graph);
    quantize_settings s = {.scheme = QUANTIZE_DYNAMIC, .grain = PER_MODEL, .bits = 8};
    assert_int_equal(quantize_model(m, &s, NULL, NULL, &e), E_USAGE);
    s.grain = PER_CHANNEL;
    s.bits = 9;
    assert_int_equal(quantize_model(m, &s, NULL, NULL, &e), E_RANGE);
    s.bits = 8;
    s.value_bits = 9;
    assert_int_equal(quantize_model(m, &s, NULL, NULL, &e), E_RANGE);
    assert_true(graph_hash(m->graph) == before);
    s.value_bits = 4;
    assert_int_equal(quantize_model(m, &s, NULL, NULL, &e), E_OK);
    assert_int_equal(quantize_model(m, &s, NULL, NULL, &e), E_USAGE); /* twice */
    plan *p = plan_new_training(m->graph, 2, m->graph->input_shape, &e);
    assert_int_equal(plan_start(p, &e), E_USAGE);
    plan_free(p);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dynamic_models_are_near),
        cmocka_unit_test(forms_are_ordered),
        cmocka_unit_test(symmetric_codes_are_exact),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
