/* SPDX-License-Identifier: GPL-3.0-or-later
   test_mixed.c -- bits by measured loss: what is said to hold holds when it is measured
   again, and budgets order the choices. */
#include "support.h"
#include "support_graph.h"
#include "support_phase.h"
#include "support_source.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "compress/mixed.h"
#include "measure/evaluate.h"
#include "train/trainer.h"

#define SIZE 12

/* A U-Net that was trained a little: what rounding does to it is a loss. */
static model *unet(const dataset *d, uint64_t seed)
{
    error e = {0};
    train_state state;
    train_settings t = {.epochs = 10, .batch = 5, .seed = seed};
    t.loss = loss_find("mse");
    t.terms = loss_standard;
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.rates.learning_rate = 0.01;
    t.schedule = schedule_find("constant");
    graph *g = support_unet(SIZE);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    assert_int_equal(train_start(&state, m, &t, &e), E_OK);
    while (!state.finished)
        assert_int_equal(train_epoch(&state, &t, d, NULL, &e), E_OK);
    model_free(m);
    m = model_copy(train_result(&state), &e);
    train_clear(&state);
    return m;
}

static double value_of(const model *m, const dataset *d)
{
    error e = {0};
    int64_t *index, n;
    double value[64], sum = 0;
    const metric_row *row = metric_find("mse");
    assert_int_equal(dataset_split_index(d, SPLIT_VAL, &index, &n, &e), E_OK);
    assert_int_equal(evaluate_samples(m, d, index, n, 4, NULL, &row, value, &e), E_OK);
    for (int64_t i = 0; i < n; i++)
        sum += value[i] / (double)n;
    memory_free(index);
    return sum;
}

/* The choice for BUDGET, checked: *WIDE and *NARROW layers of it. */
static void choose(const model *m, const dataset *d, double budget, int *wide,
                   int *narrow)
{
    error e = {0};
    mixed_settings s = {.quantize = {.scheme = QUANTIZE_STATIC,
                                     .bits = 8,
                                     .value_bits = 8,
                                     .grain = PER_CHANNEL,
                                     .samples = 4,
                                     .seed = 1},
                        .budget = budget,
                        .metric = metric_find("mse"),
                        .samples = 64};
    mixed_choice c;
    if (mixed_choose(m, d, &s, NULL, &c, &e))
        fail_msg("%s", e.text);
    *wide = *narrow = 0;
    for (int i = 0; i < c.layers; i++) {
        *wide += c.bits[i] == QUANTIZE_WIDE;
        *narrow += c.bits[i] == MIXED_NARROW;
    }
    assert_int_equal(c.wide, *wide);
    assert_int_equal(c.narrow, *narrow);
    model *made = model_copy(m, &e);
    s.quantize.layer_bits = c.bits;
    assert_int_equal(quantize_model(made, &s.quantize, d, NULL, &e), E_OK);
    double own = value_of(m, d), value = value_of(made, d);
    assert_true(fabs(c.own - own) < 1e-6 * own && fabs(c.value - value) < 1e-6 * own);
    assert_int_equal(c.met, value / own - 1 <= budget);
    for (int i = 0; i < c.layers; i++) {
        const node *n = quantize_layer_at(m->graph, i);
        int at = graph_find_parameter(made->graph,
                                      graph_parameter(m->graph, n, ROLE_WEIGHT)->name);
        const quantizer *q = made->graph->parameters[at].quantizer;
        int wanted = c.bits[i] == 0 ? 8 : c.bits[i];
        assert_int_equal(q ? q->bits : QUANTIZE_WIDE, wanted);
    }
    model_free(made);
    mixed_clear(&c);
}

static void test_budgets(void **state)
{
    (void)state;
    dataset *d = support_phase_data(100, SIZE, 5);
    model *m = unet(d, 3);
    int wide[3], narrow[3], layers = quantize_layers(m->graph);
    choose(m, d, 10, &wide[0], &narrow[0]);
    choose(m, d, 0.01, &wide[1], &narrow[1]);
    choose(m, d, -1, &wide[2], &narrow[2]);
    assert_int_equal(narrow[0], layers);
    assert_true(narrow[1] < layers && narrow[2] == 0);
    assert_true(wide[0] == 0 && wide[1] <= wide[2]);
    model_free(m);
    dataset_free(d);
}

static void test_loss(void **state)
{
    (void)state;
    assert_true(fabs(mixed_loss(metric_find("accuracy"), 0.9, 0.88) - 0.02) < 1e-12);
    assert_true(fabs(mixed_loss(metric_find("mse"), 0.2, 0.21) - 0.05) < 1e-12);
    assert_true(mixed_loss(metric_find("mse"), 0.2, 0.19) < 0);
}

int main(void)
{
    char *folder = source_folder();
    setenv("XDG_CACHE_HOME", folder, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_loss),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    source_folder_remove(folder);
    return failed;
}
