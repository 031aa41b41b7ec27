/* SPDX-License-Identifier: GPL-3.0-or-later
   test_sensitivity.c -- what one layer costs, against evaluations of models compressed by
   hand; samples, the cache, and what stays after a stop. */
#include "support.h"
#include "support_graph.h"
#include "support_phase.h"
#include "support_source.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "compress/prune.h"
#include "compress/sensitivity.h"
#include "measure/evaluate.h"

#define SIZE 12
#define MOST 64

typedef struct taken {
    sensitivity_row rows[MOST];
    int count, stop_at;
    volatile sig_atomic_t cancel;
} taken;

static void take(void *context, const sensitivity_row *row)
{
    taken *t = context;
    assert_true(t->count < MOST);
    t->rows[t->count++] = *row;
    if (t->count == t->stop_at)
        t->cancel = 1;
}

static model *unet(uint64_t seed)
{
    graph *g = support_unet(SIZE);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

/* The mean over samples of the metric of M. */
static double mean_of(const model *m, const dataset *d, const int64_t *index, int64_t n)
{
    error e = {0};
    double value[128], sum = 0;
    const metric_row *row = metric_find("mse");
    assert_int_equal(evaluate_samples(m, d, index, n, 4, NULL, &row, value, &e), E_OK);
    for (int64_t i = 0; i < n; i++)
        sum += value[i];
    return sum / (double)n;
}

static status measure(const model *m, const dataset *d, const sensitivity_settings *s,
                      taken *t, error *e)
{
    int64_t index[128];
    const metric_row *metric;
    task watch = {.cancel = &t->cancel};
    for (int64_t i = 0; i < d->count; i++)
        index[i] = i;
    t->count = 0;
    t->cancel = 0;
    return sensitivity_measure(m, d, index, d->count, s, &watch, take, t, &metric, e);
}

static void test_prune(void **state)
{
    (void)state;
    error e = {0};
    int64_t index[128];
    dataset *d = support_phase_data(100, SIZE, 5);
    model *m = unet(1);
    const double levels[] = {0.5, 0.9};
    sensitivity_settings s = {.kind = SENSITIVITY_PRUNE,
                              .levels = levels,
                              .level_count = 2,
                              .metric = metric_find("mse"),
                              .most = 100};
    taken t = {0};
    for (int64_t i = 0; i < 100; i++)
        index[i] = i;
    assert_int_equal(measure(m, d, &s, &t, &e), E_OK);
    int layers = quantize_layers(m->graph);
    assert_int_equal(t.count, 2 * layers);
    double own = mean_of(m, d, index, 100);
    for (int i = 0; i < t.count; i++) {
        const sensitivity_row *r = &t.rows[i];
        prune_result result;
        model *pruned = model_copy(m, &e);
        graph *g = pruned->graph;
        assert_int_equal(r->layer, i / 2);
        assert_string_equal(r->name, quantize_layer_at(g, i / 2)->name);
        graph alone = {.parameters =
                           graph_parameter(g, quantize_layer_at(g, i / 2), ROLE_WEIGHT),
                       .parameter_count = 1};
        prune_weights(&alone, criterion_find("magnitude"), SCOPE_GLOBAL, TARGET_WEIGHTS,
                      levels[i % 2], 1, &result, &e);
        double other = mean_of(pruned, d, index, 100);
        assert_int_equal(r->samples, 100); /* no tolerance: all of them */
        assert_true(fabs(r->value - other) < 1e-9 * (1 + fabs(other)));
        assert_true(fabs(r->change - (other - own)) < 1e-9 * (1 + fabs(other)));
        assert_true(r->low < r->change && r->change < r->high && !r->cached);
        model_free(pruned);
    }
    model_free(m);
    dataset_free(d);
}

/* Fewer bits cost more; a wide interval is content with fewer samples; the second time
   nothing is measured, and after a stop what was measured is there. */
static void test_bits(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(100, SIZE, 6);
    model *m = unet(2);
    const double levels[] = {8, 2};
    sensitivity_settings s = {
        .kind = SENSITIVITY_BITS,
        .levels = levels,
        .level_count = 2,
        .metric = metric_find("mse"),
        .tolerance = 0,
        .most = 100,
        .quantize = {.grain = PER_CHANNEL, .samples = 4, .seed = 1}};
    taken t = {.stop_at = 3}, again = {0}, few = {0};
    assert_int_equal(measure(m, d, &s, &t, &e), E_STOPPED);
    assert_int_equal(t.count, 3);
    assert_int_equal(measure(m, d, &s, &again, &e), E_OK);
    double fine = 0, coarse = 0;
    for (int i = 0; i < again.count; i++) {
        assert_int_equal(again.rows[i].cached, i < 3);
        if (i < 3)
            assert_true(again.rows[i].change == t.rows[i].change);
        *(i % 2 ? &coarse : &fine) += fabs(again.rows[i].change);
    }
    assert_true(coarse > 5 * fine);
    assert_int_equal(measure(m, d, &s, &again, &e), E_OK);
    for (int i = 0; i < again.count; i++)
        assert_true(again.rows[i].cached);
    s.tolerance = 1e6;
    assert_int_equal(measure(m, d, &s, &few, &e), E_OK);
    assert_true(few.rows[0].samples < 100 && !few.rows[0].cached);
    model_free(m);
    dataset_free(d);
}

int main(void)
{
    char *folder = source_folder();
    setenv("XDG_CACHE_HOME", folder, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prune),
        cmocka_unit_test(test_bits),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    source_folder_remove(folder);
    return failed;
}
