/* SPDX-License-Identifier: GPL-3.0-or-later
   test_prune.c -- masks against sorting by hand, totals that never compound, and the
   counts published for a small classifier. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "graph/coding.h"
#include "support_graph.h"

static const prune_targets ALL = TARGET_WEIGHTS_AND_SCALES;

static prune_result prune(graph *g, const char *criterion, prune_scope scope,
                          prune_targets targets, double amount)
{
    error e = {0};
    prune_result r = {0};
    const criterion_row *row = criterion_find(criterion);
    assert_non_null(row);
    if (prune_weights(g, row, scope, targets, amount, 5, &r, &e))
        fail_msg("%s", e.text);
    return r;
}

static status prune_status(graph *g, prune_scope scope, double amount, error *e)
{
    prune_result r;
    return prune_weights(g, criterion_find("magnitude"), scope, ALL, amount, 5, &r, e);
}

static graph *unet(uint64_t seed)
{
    graph *g = support_unet(16);
    assert_non_null(g);
    support_fill(g, seed);
    return g;
}

/* Weights from a few values only, so that ties decide. */
static void make_ties(graph *g)
{
    for (int i = 0; i < g->parameter_count; i++) {
        float *x = tensor_write_f32(g->parameters[i].data, NULL);
        for (int64_t k = 0; k < tensor_count(g->parameters[i].data); k++)
            x[k] = (float)((k * 7 + i) % 5 - 2) / 4;
    }
}

typedef struct ranked {
    double score;
    int64_t place;
    int parameter;
    int64_t element;
} ranked;

static int by_rank(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

/* All elements that may go, least important first. */
static ranked *rank_all(const graph *g, prune_targets targets, int only, int64_t *count)
{
    int64_t n = 0;
    for (int i = 0; i < g->parameter_count; i++)
        n += tensor_count(g->parameters[i].data);
    ranked *list = memory_new(n, sizeof *list, NULL);
    *count = 0;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        bool target = p->role == ROLE_WEIGHT || (p->role == ROLE_SCALE && targets == ALL);
        for (int64_t k = 0;
             target && (only < 0 || only == i) && k < tensor_count(p->data); k++) {
            list[*count] = (ranked){fabs((double)tensor_f32(p->data)[k]), *count, i, k};
            ++*count;
        }
    }
    qsort(list, (size_t)*count, sizeof *list, by_rank);
    return list;
}

/* The first ZEROS of LIST are masked and 0 in G, the rest are as in BEFORE. */
static void check_masks(const graph *g, const graph *before, const ranked *list,
                        int64_t n, int64_t zeros)
{
    for (int64_t i = 0; i < n; i++) {
        const parameter *p = &g->parameters[list[i].parameter];
        const float *old = tensor_f32(before->parameters[list[i].parameter].data);
        const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
        int64_t k = list[i].element;
        bool kept = !mask || mask[k];
        assert_int_equal(kept, i >= zeros);
        float wanted = kept ? old[k] : 0.0f;
        assert_memory_equal(&tensor_f32(p->data)[k], &wanted, sizeof wanted);
    }
}

static void check_global(bool ties, prune_targets targets, double amount)
{
    graph *g = unet(1);
    if (ties)
        make_ties(g);
    graph *before = graph_copy(g, NULL);
    int64_t n, zeros;
    ranked *list = rank_all(before, targets, -1, &n);
    prune_result r = prune(g, "magnitude", SCOPE_GLOBAL, targets, amount);
    zeros = llround((double)n * amount);
    assert_int_equal(r.prunable, n);
    assert_int_equal(r.zeros, zeros);
    check_masks(g, before, list, n, zeros);
    memory_free(list);
    graph_free(before);
    graph_free(g);
}

static void test_global(void **state)
{
    static const double amounts[] = {0, 0.001, 0.3, 0.5, 0.77, 0.999, 1};
    (void)state;
    for (int i = 0; i < 7; i++)
        for (int ties = 0; ties < 2; ties++) {
            check_global(ties, ALL, amounts[i]);
            check_global(ties, TARGET_WEIGHTS, amounts[i]);
        }
}

static void test_layer(void **state)
{
    (void)state;
    for (int ties = 0; ties < 2; ties++) {
        graph *g = unet(2);
        if (ties)
            make_ties(g);
        graph *before = graph_copy(g, NULL);
        int64_t sum = 0;
        prune_result r = prune(g, "magnitude", SCOPE_LAYER, ALL, 0.6);
        for (int i = 0; i < g->parameter_count; i++) {
            int64_t n, zeros;
            ranked *list = rank_all(before, ALL, i, &n);
            zeros = llround((double)n * 0.6);
            check_masks(g, before, list, n, zeros);
            sum += zeros;
            memory_free(list);
        }
        assert_int_equal(r.zeros, sum);
        graph_free(before);
        graph_free(g);
    }
}

static void test_layer_keeps_one(void **state)
{
    (void)state;
    graph *g = unet(3);
    prune_result r = prune(g, "magnitude", SCOPE_LAYER, ALL, 1);
    assert_int_equal(r.dead_layers, 0);
    for (int i = 0; i < g->parameter_count; i++)
        if (prune_is_target(&g->parameters[i], ALL))
            assert_int_equal(parameter_nonzero(&g->parameters[i]), 1);
    graph_free(g);
}

static void test_dead_layers(void **state)
{
    (void)state;
    graph *g = unet(4);
    int weights = 0, first = -1;
    prune_result r = prune(g, "magnitude", SCOPE_GLOBAL, TARGET_WEIGHTS, 1);
    for (int i = 0; i < g->parameter_count; i++)
        if (g->parameters[i].role == ROLE_WEIGHT) {
            weights++;
            first = first < 0 ? i : first;
        }
    assert_int_equal(r.dead_layers, weights);
    assert_string_equal(r.dead_name, g->parameters[first].name);
    graph_free(g);
}

/* A target is the total: 0.5, then 0.8, gives 0.8, and what was gone stays gone. */
static void test_totals(void **state)
{
    (void)state;
    for (int scope = 0; scope < 2; scope++) {
        graph *g = unet(5);
        prune_result half = prune(g, "magnitude", (prune_scope)scope, ALL, 0.5);
        graph *before = graph_copy(g, NULL);
        /* Training moved the rest: what is small now goes, what is masked stays. */
        for (int i = 0; i < g->parameter_count; i++) {
            float *x = tensor_write_f32(g->parameters[i].data, NULL);
            for (int64_t k = 0; k < tensor_count(g->parameters[i].data); k++)
                x[k] *= (float)(k % 13);
        }
        prune_result more = prune(g, "magnitude", (prune_scope)scope, ALL, 0.8);
        if (scope == SCOPE_GLOBAL)
            assert_int_equal(more.zeros, llround((double)half.prunable * 0.8));
        prune_result same = prune(g, "random", (prune_scope)scope, ALL, 0.8);
        assert_int_equal(same.zeros, more.zeros);
        for (int i = 0; i < g->parameter_count; i++) {
            const tensor *old = before->parameters[i].mask, *now = g->parameters[i].mask;
            for (int64_t k = 0; old && k < tensor_count(old); k++)
                if (!((const uint8_t *)tensor_data(old))[k])
                    assert_int_equal(((const uint8_t *)tensor_data(now))[k], 0);
        }
        error e = {0};
        assert_int_equal(prune_status(g, (prune_scope)scope, 0.7, &e), E_RANGE);
        assert_non_null(strstr(e.text, "0.7"));
        assert_true(e.hint[0] != '\0');
        graph_free(before);
        graph_free(g);
    }
}

static void test_random(void **state)
{
    (void)state;
    graph *a = unet(6), *b = unet(6), *c = unet(6);
    prune_result r;
    prune(a, "random", SCOPE_GLOBAL, ALL, 0.5);
    prune(b, "random", SCOPE_GLOBAL, ALL, 0.5);
    assert_int_equal(
        prune_weights(c, criterion_find("random"), SCOPE_GLOBAL, ALL, 0.5, 6, &r, NULL),
        E_OK);
    assert_true(graph_hash(a) == graph_hash(b));
    assert_true(graph_hash(a) != graph_hash(c));
    graph_free(a);
    graph_free(b);
    graph_free(c);
}

static void test_refusals(void **state)
{
    (void)state;
    error e = {0};
    graph *g = unet(7);
    assert_int_equal(prune_status(g, SCOPE_GLOBAL, -0.1, &e), E_RANGE);
    assert_int_equal(prune_status(g, SCOPE_GLOBAL, 1.1, &e), E_RANGE);
    assert_int_equal(prune_status(g, SCOPE_GLOBAL, (double)NAN, &e), E_RANGE);
    int at = graph_find_parameter(g, "inc.0.weight");
    tensor_write_f32(g->parameters[at].data, NULL)[3] = (float)NAN;
    assert_int_equal(prune_status(g, SCOPE_GLOBAL, 0.5, &e), E_NUMERIC);
    assert_non_null(strstr(e.text, "inc.0.weight"));
    tensor_write_f32(g->parameters[at].data, NULL)[3] = 0.5f;
    quantizer *q = quantizer_of_weight(&g->parameters[at], 8, PER_TENSOR, NULL, &e);
    assert_int_equal(parameter_encode(&g->parameters[at], q, DTYPE_S8, &e), E_OK);
    assert_int_equal(prune_status(g, SCOPE_GLOBAL, 0.5, &e), E_USAGE);
    graph_free(g);
    graph *empty = graph_new(shape_of(1, INT64_C(4)), &e);
    graph_add(empty, "relu", "r", NULL, &empty->input, 1, &e);
    assert_int_equal(prune_status(empty, SCOPE_GLOBAL, 0.5, &e), E_USAGE);
    graph_free(empty);
    assert_null(criterion_find("nothing"));
    assert_null(criterion_at(-1));
}

/* conv 1-32, conv 32-64, pool, linear 9216-128, 128-10: 1,199,882 parameters; per layer
   by magnitude, weights alone.  Non-zeros left as published. */
static void test_published_counts(void **state)
{
    static const double amounts[] = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99};
    static const int64_t left[] = {600058, 480093, 360128, 240164, 120199, 60216, 12230};
    (void)state;
    error e = {0};
    graph *g = graph_new(shape_of(3, INT64_C(28), INT64_C(28), INT64_C(1)), &e);
    attributes conv = support_convolution(32, 3), pool = support_window(2, 2);
    conv.padding[1] = conv.padding[2] = 0;
    int v = graph_add(g, "conv2d", "conv1", &conv, &g->input, 1, &e);
    conv.channels = 64;
    v = graph_add(g, "conv2d", "conv2", &conv, &v, 1, &e);
    v = graph_add(g, "max_pool2d", "pool", &pool, &v, 1, &e);
    v = graph_add(g, "flatten", "flat", NULL, &v, 1, &e);
    attributes linear = {.channels = 128, .bias = true};
    v = graph_add(g, "linear", "fc1", &linear, &v, 1, &e);
    linear.channels = 10;
    v = graph_add(g, "linear", "fc2", &linear, &v, 1, &e);
    if (v < 0)
        fail_msg("%s", e.text);
    support_fill(g, 8);
    assert_int_equal(graph_parameter_count(g), 1199882);
    assert_int_equal(graph_nonzero(g), 1199882);
    for (int i = 0; i < 7; i++) {
        prune(g, "magnitude", SCOPE_LAYER, TARGET_WEIGHTS, amounts[i]);
        assert_int_equal(graph_nonzero(g), left[i]);
    }
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_global),          cmocka_unit_test(test_layer),
        cmocka_unit_test(test_layer_keeps_one), cmocka_unit_test(test_dead_layers),
        cmocka_unit_test(test_totals),          cmocka_unit_test(test_random),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_published_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
