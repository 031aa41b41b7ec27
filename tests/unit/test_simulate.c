/* SPDX-License-Identifier: GPL-3.0-or-later
   test_simulate.c -- training towards integers: what was simulated is what is deployed, to
   the last bit; gradients by hand; masks, and trainings that go on. */
#include "support.h"
#include "support_graph.h"
#include "support_phase.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "compress/prune.h"
#include "compress/simulate.h"
#include "format/model_file.h"
#include "graph/operator.h"

#define SIZE 12

static train_settings settings_of(int64_t epochs, int64_t from, int bits)
{
    train_settings t = {.epochs = epochs, .batch = 5, .seed = 3};
    t.loss = loss_find("masked-mse");
    t.terms = loss_standard;
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.rates.learning_rate = 0.003;
    t.schedule = schedule_find("constant");
    t.quantization = (train_quantization){
        .from = from, .bits = bits, .samples = 8, .grain = PER_CHANNEL};
    strcpy(t.quantization.observer, "mse");
    return t;
}

/* A norm behind a ReLU, a depthwise-separable layer, an addition and dropout. */
static model *network(uint64_t seed)
{
    error e = {0};
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), &e);
    attributes conv = support_convolution(6, 3), norm = support_norm();
    attributes drop = {.probability = 0.5};
    int a = graph_add(g, "conv2d", "a", &conv, &g->input, 1, &e);
    a = graph_add(g, "relu", "r", NULL, &a, 1, &e);
    a = graph_add(g, "batch_norm", "n", &norm, &a, 1, &e);
    conv.groups = 6;
    int v = graph_add(g, "conv2d", "depth", &conv, &a, 1, &e);
    v = graph_add(g, "batch_norm", "depth_norm", &norm, &v, 1, &e);
    v = graph_add(g, "hard_swish", "swish", NULL, &v, 1, &e);
    conv = support_convolution(6, 1);
    v = graph_add(g, "conv2d", "point", &conv, &v, 1, &e);
    v = graph_add(g, "add", "sum", NULL, (int[]){a, v}, 2, &e);
    v = graph_add(g, "dropout", "drop", &drop, &v, 1, &e);
    conv = support_convolution(2, 3);
    v = graph_add(g, "conv2d", "out", &conv, &v, 1, &e);
    if (v < 0)
        fail_msg("%s", e.text);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

/* Trains M as T says; the caller frees what is kept. */
static model *train(const model *m, train_settings *t, const dataset *d, double *loss)
{
    error e = {0};
    train_state s;
    simulation *made = simulation_new(t, &e);
    t->simulation = simulation_of(made);
    if (train_start(&s, m, t, &e))
        fail_msg("%s", e.text);
    while (!s.finished)
        if (train_epoch(&s, t, d, NULL, &e))
            fail_msg("%s", e.text);
    model *kept = model_copy(train_result(&s), &e);
    *loss = s.best_loss;
    train_clear(&s);
    simulation_free(made);
    t->simulation = NULL;
    return kept;
}

/* The model that is kept runs in integers, and its file has the loss that was validated. */
static void test_kept(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(30, SIZE, 5);
    for (int bits = 4; bits <= 8; bits += 4) {
        model *m = network(2);
        train_settings t = settings_of(3, 2, bits);
        double loss, again;
        int64_t bytes;
        model *kept = train(m, &t, d, &loss);
        assert_true(quantize_is_done(kept->graph));
        assert_true(graph_find_node(kept->graph, "n.layer") >= 0);
        assert_int_equal(kept->graph->parameters[0].quantizer->bits, bits);
        model *back = model_roundtrip(kept, &bytes, &e);
        assert_int_equal(train_loss(back, d, SPLIT_VAL, &t, &again, &e), E_OK);
        assert_true(loss == again);
        model_free(m);
        model_free(kept);
        model_free(back);
    }
    dataset_free(d);
}

typedef struct bench {
    simulation *made;
    const train_simulation *hooks;
    model *trained;
    plan *plan;
} bench;

/* M entered, with a batch of N that ran forward. */
static bench bench_of(const model *m, const dataset *d, int64_t n, int bits)
{
    error e = {0};
    int64_t index[] = {0, 1, 2, 3, 4, 5};
    train_settings t = settings_of(1, 1, bits);
    bench b = {.made = simulation_new(&t, &e), .trained = model_copy(m, &e)};
    b.hooks = simulation_of(b.made);
    if (b.hooks->enter(b.hooks->self, b.trained, &e) ||
        b.hooks->begin(b.hooks->self, b.trained, d, NULL, &e))
        fail_msg("%s", e.text);
    b.plan =
        plan_new_training(b.hooks->trained(b.hooks->self), n, dataset_input_shape(d), &e);
    if (!b.plan || b.hooks->attach(b.hooks->self, b.plan, &e) || plan_start(b.plan, &e))
        fail_msg("%s", e.text);
    dataset_batch(d, &m->input_transform, index, n, plan_input(b.plan), NULL, NULL, NULL);
    if (b.hooks->forward(b.hooks->self, b.trained->graph, b.plan, 1, 1, &e))
        fail_msg("%s", e.text);
    return b;
}

static void bench_clear(bench *b)
{
    plan_free(b->plan);
    model_free(b->trained);
    simulation_free(b->made);
}

/* A step's forward is the deployed model's answer, bit for bit. */
static void test_bits(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 6);
    for (uint64_t seed = 1; seed <= 6; seed++) {
        int64_t index[] = {0, 1, 2}, bytes;
        model *m = network(seed);
        bench b = bench_of(m, d, 3, seed % 2 ? 8 : 5);
        const model *deployed;
        assert_int_equal(
            b.hooks->deployed(b.hooks->self, b.trained->graph, &deployed, &e), E_OK);
        model *back = model_roundtrip(deployed, &bytes, &e);
        plan *p = plan_new_inference(back->graph, 3, dataset_input_shape(d), &e);
        dataset_batch(d, &m->input_transform, index, 3, plan_input(p), NULL, NULL, NULL);
        assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
        int64_t n = shape_count(plan_output_shape(p));
        assert_memory_equal(plan_output(p), plan_output(b.plan),
                            (size_t)n * sizeof(float));
        plan_free(p);
        model_free(back);
        model_free(m);
        bench_clear(&b);
    }
    dataset_free(d);
}

/* One 1x1 layer: the gradient of each weight is the sum of decoded inputs times gradients
   where the code of the output is not at an end. */
static void test_gradient(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 7);
    attributes conv = support_convolution(2, 1);
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), &e);
    graph_add(g, "conv2d", "only", &conv, &g->input, 1, &e);
    support_fill(g, 4);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    bench b = bench_of(m, d, 2, 3);
    const model *deployed;
    b.hooks->deployed(b.hooks->self, b.trained->graph, &deployed, &e);
    const graph *q = deployed->graph;
    const quantizer *in =
        q->values[q->nodes[graph_find_node(q, "input.quantize")].output].quantizer;
    const quantizer *out =
        q->values[q->nodes[graph_find_node(q, "only")].output].quantizer;
    int64_t pixels = 2 * SIZE * SIZE, cut = 0, index[] = {0, 1};
    float *x = memory_new(pixels, sizeof *x, &e);
    dataset_batch(d, &m->input_transform, index, 2, x, NULL, NULL, NULL);
    random_stream r = random_new(1, "gradient", 0);
    float *gradient = plan_output_gradient(b.plan);
    random_fill_uniform(&r, gradient, 2 * pixels, -1, 1);
    double wanted[2] = {0}, bias[2] = {0};
    for (int64_t i = 0; i < 2 * pixels; i++) {
        double code = rint((double)plan_output(b.plan)[i] / (double)out->scale[0]) +
                      out->zero_point[0];
        int32_t qx = quantize_value((double)x[i / 2], in->scale[0], in->zero_point[0], 3);
        bool at_end = code <= -4 || code >= 3;
        cut += at_end;
        if (at_end)
            continue;
        wanted[i % 2] +=
            (double)gradient[i] * (double)in->scale[0] * (qx - in->zero_point[0]);
        bias[i % 2] += (double)gradient[i];
    }
    assert_true(cut > 0 && cut < 2 * pixels);
    assert_int_equal(plan_backward(b.plan, &e), E_OK);
    for (int c = 0; c < 2; c++) {
        assert_true(fabs((double)plan_gradient(b.plan, 0)[c] - wanted[c]) <
                    1e-4 * (1 + fabs(wanted[c])));
        assert_true(fabs((double)plan_gradient(b.plan, 1)[c] - bias[c]) <
                    1e-4 * (1 + fabs(bias[c])));
    }
    memory_free(x);
    bench_clear(&b);
    model_free(m);
    dataset_free(d);
}

/* At few bits, training towards them beats quantizing what was trained as long; what is
   masked stays zero. */
static void test_wins(void **state)
{
    (void)state;
    error e = {0};
    prune_result r;
    dataset *d = support_phase_data(40, SIZE, 8);
    model *m = network(3);
    assert_int_equal(prune_weights(m->graph, criterion_find("magnitude"), SCOPE_LAYER,
                                   TARGET_WEIGHTS, 0.4, 1, &r, &e),
                     E_OK);
    train_settings t = settings_of(8, 5, 3), plain = settings_of(8, 9, 3);
    double towards, as_float, after;
    model *kept = train(m, &t, d, &towards), *dense = train(m, &plain, d, &as_float);
    quantize_settings s = {.scheme = QUANTIZE_STATIC,
                           .bits = 3,
                           .grain = PER_CHANNEL,
                           .samples = 8,
                           .observer = observer_find("mse"),
                           .seed = 3};
    assert_int_equal(quantize_model(dense, &s, d, NULL, &e), E_OK);
    assert_int_equal(train_loss(dense, d, SPLIT_VAL, &t, &after, &e), E_OK);
    assert_true(towards < 0.9 * after);
    for (int i = 0; i < kept->graph->parameter_count; i++) {
        const parameter *p = &kept->graph->parameters[i];
        const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
        for (int64_t k = 0; mask && k < tensor_count(p->data); k++)
            assert_true(mask[k] || tensor_f32(p->data)[k] == 0.0f);
    }
    model_free(m);
    model_free(kept);
    model_free(dense);
    dataset_free(d);
}

static float scale_of(const model *m, const char *name)
{
    const graph *g = m->graph;
    return g->values[g->nodes[graph_find_node(g, name)].output].quantizer->scale[0];
}

/* Ranges that are trained: an end moves against the sign of the gradient of what stands at
   it, and the formats of the deployed model follow. */
static void test_learned(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 6);
    model *m = network(5), *trained = model_copy(m, &e);
    train_settings t = settings_of(1, 1, 4);
    int64_t index[] = {0, 1, 2};
    t.quantization.learned = 1;
    simulation *made = simulation_new(&t, &e);
    const train_simulation *hooks = simulation_of(made);
    if (hooks->enter(hooks->self, trained, &e) ||
        hooks->begin(hooks->self, trained, d, NULL, &e))
        fail_msg("%s", e.text);
    plan *p =
        plan_new_training(hooks->trained(hooks->self), 3, dataset_input_shape(d), &e);
    if (hooks->attach(hooks->self, p, &e) || plan_start(p, &e))
        fail_msg("%s", e.text);
    const model *deployed;
    float before = scale_of(trained, "out");
    for (int way = -1; way <= 1; way += 2) {
        float first = scale_of(trained, "out");
        dataset_batch(d, &m->input_transform, index, 3, plan_input(p), NULL, NULL, NULL);
        if (hooks->forward(hooks->self, trained->graph, p, 1, 1, &e))
            fail_msg("%s", e.text);
        /* The loss falls (rises) as outputs go away from 0, also those at the ends. */
        for (int64_t i = 0; i < shape_count(plan_output_shape(p)); i++)
            plan_output_gradient(p)[i] = (float)(plan_output(p)[i] > 0 ? way : -way);
        assert_int_equal(plan_backward(p, &e), E_OK);
        assert_int_equal(hooks->deployed(hooks->self, trained->graph, &deployed, &e),
                         E_OK);
        assert_true(way < 0 ? scale_of(trained, "out") > first
                            : scale_of(trained, "out") < first);
        assert_true(scale_of(trained, "out") == scale_of(deployed, "out"));
    }
    assert_true(fabsf(scale_of(trained, "out") / before - 1) < 0.02f);
    plan_free(p);
    simulation_free(made);
    model_free(trained);
    model_free(m);
    dataset_free(d);
}

/* dL/dS as published (equation 3 and section 2.2 of Esser et al. 2020), from the trained
   weights alone. */
static double scale_gradient(const parameter *p, const quantizer *q, int64_t c,
                             const float *gradient)
{
    const int64_t taps = tensor_count(p->data) / q->channels;
    const double high = (double)(1 << (q->bits - 1)) - 1, low = -high - 1;
    double sum = 0;
    for (int64_t i = c * taps; i < (c + 1) * taps; i++) {
        double v = (double)tensor_f32(p->data)[i] / (double)q->scale[c];
        double inside = rint(v) - v;
        sum += (double)gradient[i] * (v > high ? high : v < low ? low : inside);
    }
    return sum / sqrt((double)taps * high);
}

/* Scales of weights go against the published gradient, deployed with the next batch. */
static void test_scales(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(20, SIZE, 6);
    model *trained = network(5);
    train_settings t = settings_of(1, 1, 4);
    t.quantization.learned = 2;
    t.quantization.bits = 3;
    t.rates.learning_rate = 1e-3;
    simulation *made = simulation_new(&t, &e);
    const train_simulation *hooks = simulation_of(made);
    if (hooks->enter(hooks->self, trained, &e) ||
        hooks->begin(hooks->self, trained, d, NULL, &e))
        fail_msg("%s", e.text);
    int at = graph_find_parameter(trained->graph, "out.weight");
    assert_true(at >= 0);
    parameter *p = &trained->graph->parameters[at];
    assert_non_null(p->quantizer);
    assert_null(p->codes);
    p->quantizer->scale[0] *= 0.3f; /* some weights are beyond the codes now */
    const model *deployed;
    assert_int_equal(hooks->deployed(hooks->self, trained->graph, &deployed, &e), E_OK);
    int64_t n = tensor_count(p->data), channels = p->quantizer->channels, beyond = 0;
    float *gradient = memory_new(n, sizeof *gradient, NULL);
    float *wanted = memory_new(n, sizeof *wanted, NULL);
    random_stream r = random_new(3, "gradient", 0);
    random_fill_uniform(&r, wanted, n, -5, 5);
    memcpy(gradient, wanted, (size_t)n * sizeof *gradient);
    quantizer *before = quantizer_copy(p->quantizer, NULL);
    hooks->gradient(hooks->self, trained->graph, at, 0.5, gradient);
    for (int64_t i = 0; i < n; i++) {
        double v =
            (double)tensor_f32(p->data)[i] / (double)before->scale[i / (n / channels)];
        assert_true(gradient[i] == (v > 3 || v < -4 ? 0 : wanted[i]));
        beyond += v > 3 || v < -4;
    }
    assert_true(beyond > 0 && beyond < n);
    assert_int_equal(hooks->deployed(hooks->self, trained->graph, &deployed, &e), E_OK);
    const parameter *coded =
        &deployed->graph->parameters[graph_find_parameter(deployed->graph, "out.weight")];
    for (int64_t c = 0; c < channels; c++) {
        double scale = (double)before->scale[c];
        double step = 1e-3 * 0.5 * scale_gradient(p, before, c, wanted);
        step = fmax(fmin(step, scale / 10), -scale / 10);
        assert_true(fabs((double)p->quantizer->scale[c] - (scale - step)) < 1e-6 * scale);
        assert_true(p->quantizer->scale[c] != before->scale[c]);
        assert_true(coded->quantizer->scale[c] == p->quantizer->scale[c]);
    }
    quantizer_free(before);
    memory_free(gradient);
    memory_free(wanted);
    simulation_free(made);
    model_free(trained);
    dataset_free(d);
}

/* Two epochs, a checkpoint, and a third give the bits of three at a stretch. */
static void check_resume(int64_t learned)
{
    error e = {0};
    dataset *d = support_phase_data(30, SIZE, 9);
    model *m = network(4);
    train_settings t = settings_of(4, 2, 6), read;
    double loss;
    t.quantization.learned = learned;
    model *whole = train(m, &t, d, &loss);
    train_state s, back;
    char *command, *path = file_temporary(".safetensors", &e);
    simulation *made = simulation_new(&t, &e);
    t.simulation = simulation_of(made);
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(train_epoch(&s, &t, d, NULL, &e), E_OK);
    if (checkpoint_write(&s, &t, "train", path, &e) ||
        checkpoint_read(path, &back, &read, &command, &e))
        fail_msg("%s", e.text);
    assert_memory_equal(&read.quantization, &t.quantization, sizeof read.quantization);
    simulation *second = simulation_new(&read, &e);
    read.simulation = simulation_of(second);
    assert_int_equal(train_epoch(&back, &read, d, NULL, &e), E_OK);
    assert_true(graph_hash(train_result(&back)->graph) == graph_hash(whole->graph));
    train_clear(&s);
    train_clear(&back);
    simulation_free(made);
    simulation_free(second);
    unlink(path);
    memory_free(path);
    memory_free(command);
    model_free(m);
    model_free(whole);
    dataset_free(d);
}

static void test_resume(void **state)
{
    (void)state;
    for (int64_t learned = 0; learned <= 3; learned++)
        check_resume(learned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),     cmocka_unit_test(test_bits),
        cmocka_unit_test(test_gradient), cmocka_unit_test(test_wins),
        cmocka_unit_test(test_resume),   cmocka_unit_test(test_learned),
        cmocka_unit_test(test_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
