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

static prune_pattern pattern_of(const char *words)
{
    error e = {0};
    prune_pattern p;
    if (prune_pattern_read(&p, words, &e))
        fail_msg("%s", e.text);
    return p;
}

static prune_result prune_pattern_to(graph *g, const char *words, prune_scope scope,
                                     double amount)
{
    error e = {0};
    prune_result r = {0};
    prune_pattern p = pattern_of(words);
    if (prune_by_pattern(g, criterion_find("magnitude"), scope, &p, amount, 5, &r, &e))
        fail_msg("%s", e.text);
    return r;
}

static bool is_kept(const parameter *p, int64_t i)
{
    const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
    return !mask || mask[i];
}

/* Of each M neighbouring channels min(N, channels there) are kept, none of them smaller
   than one that went; kept ones are as they were. */
static void check_groups(const parameter *p, const parameter *old, int64_t n, int64_t m)
{
    shape s = tensor_shape(p->data);
    int64_t channels = s.dim[s.rank - 1], count = tensor_count(p->data);
    const float *before = tensor_f32(old->data), *now = tensor_f32(p->data);
    for (int64_t row = 0; row < count; row += channels)
        for (int64_t c = 0; c < channels; c += m) {
            int64_t there = channels - c < m ? channels - c : m, kept = 0;
            float least = INFINITY, most = 0;
            for (int64_t i = row + c; i < row + c + there; i++) {
                if (is_kept(p, i)) {
                    kept++;
                    least = fminf(least, fabsf(before[i]));
                    assert_memory_equal(&now[i], &before[i], sizeof *now);
                } else {
                    most = fmaxf(most, fabsf(before[i]));
                    assert_true(now[i] == 0);
                }
            }
            assert_int_equal(kept, there < n ? there : n);
            assert_true(least >= most);
        }
}

static void test_groups(void **state)
{
    static const char *const words[] = {"2:4", "1:4", "3:5", "1:64"};
    static const int64_t sizes[][2] = {{2, 4}, {1, 4}, {3, 5}, {1, 64}};
    (void)state;
    for (int i = 0; i < 8; i++) {
        graph *g = unet(9);
        if (i % 2)
            make_ties(g);
        graph *before = graph_copy(g, NULL);
        prune_result r = prune_pattern_to(g, words[i / 2], SCOPE_GLOBAL, 0);
        int64_t weights = 0;
        for (int k = 0; k < g->parameter_count; k++)
            if (g->parameters[k].role == ROLE_WEIGHT) {
                check_groups(&g->parameters[k], &before->parameters[k], sizes[i / 2][0],
                             sizes[i / 2][1]);
                weights += tensor_count(g->parameters[k].data);
            } else {
                assert_null(g->parameters[k].mask);
            }
        assert_int_equal(r.prunable, weights);
        prune_result same = prune_pattern_to(g, words[i / 2], SCOPE_GLOBAL, 0);
        assert_int_equal(same.zeros, r.zeros);
        graph_free(before);
        graph_free(g);
    }
}

/* Root mean square of the magnitudes of the block that element I begins, in BEFORE;
   whether it is kept, which must be true of all its elements or of none. */
static double block_norm(const parameter *p, const parameter *before, int64_t i,
                         int64_t step, int64_t count, bool *kept)
{
    double squares = 0;
    *kept = is_kept(p, i);
    for (int64_t k = 0; k < count; k++) {
        double x = (double)tensor_f32(before->data)[i + k * step];
        assert_int_equal(is_kept(p, i + k * step), *kept);
        squares += x * x;
    }
    return sqrt(squares / (double)count);
}

/* The smallest norm of kept blocks and the largest of others, joined to *LEAST, *MOST. */
static void check_blocks(const parameter *p, const parameter *before, bool of_outputs,
                         double *least, double *most)
{
    shape s = tensor_shape(p->data);
    int64_t count = tensor_count(p->data), row = count / s.dim[0];
    int64_t channels = s.dim[s.rank - 1];
    for (int64_t i = 0; i < count; i++) {
        int64_t place = of_outputs ? i / row : i % channels;
        int64_t left = (of_outputs ? s.dim[0] : channels) - place;
        bool kept;
        if (place % 4)
            continue;
        double norm =
            block_norm(p, before, i, of_outputs ? row : 1, left < 4 ? left : 4, &kept);
        if (kept)
            *least = fmin(*least, norm);
        else
            *most = fmax(*most, norm);
    }
}

static void test_blocks(void **state)
{
    static const double amounts[] = {0, 0.3, 0.5, 0.9, 1};
    (void)state;
    for (int i = 0; i < 20; i++) {
        bool of_outputs = i % 2, by_layer = i / 2 % 2;
        double amount = amounts[i / 4], least = INFINITY, most = 0;
        graph *g = unet(10), *before = graph_copy(g, NULL);
        prune_result r = prune_pattern_to(g, of_outputs ? "4x1" : "1x4",
                                          by_layer ? SCOPE_LAYER : SCOPE_GLOBAL, amount);
        int64_t layers = 0;
        for (int k = 0; k < g->parameter_count; k++) {
            if (g->parameters[k].role != ROLE_WEIGHT)
                continue;
            layers++;
            if (by_layer) {
                least = INFINITY;
                most = 0;
            }
            check_blocks(&g->parameters[k], &before->parameters[k], of_outputs, &least,
                         &most);
            assert_true(least >= most * (1 - 1e-6));
        }
        int64_t wanted = llround((double)r.prunable * amount), slack = 4;
        if (by_layer)
            slack *= layers;
        assert_in_range(r.zeros, wanted < slack ? 0 : wanted - slack, wanted + layers);
        graph_free(before);
        graph_free(g);
    }
}

/* Totals, not compounds, also after single weights went. */
static void test_blocks_after_weights(void **state)
{
    (void)state;
    graph *g = unet(11);
    prune(g, "magnitude", SCOPE_GLOBAL, TARGET_WEIGHTS, 0.5);
    graph *before = graph_copy(g, NULL);
    prune_result r = prune_pattern_to(g, "4x1", SCOPE_GLOBAL, 0.7);
    int64_t wanted = llround((double)r.prunable * 0.7);
    assert_in_range(r.zeros, wanted - 4, wanted);
    for (int i = 0; i < g->parameter_count; i++)
        for (int64_t k = 0; k < tensor_count(g->parameters[i].data); k++)
            if (!is_kept(&before->parameters[i], k))
                assert_false(is_kept(&g->parameters[i], k));
    graph_free(before);
    graph_free(g);
}

static void test_pattern_words(void **state)
{
    static const char *const wrong[] = {"",    "4",   "x4",  "4x",  "0x4",   "2:4:1",
                                        "4:4", "4:2", "4x4", "2;4", "1x100", "Weight"};
    (void)state;
    prune_pattern p = pattern_of("2:4");
    assert_int_equal(p.inputs, 4);
    assert_int_equal(p.keep, 2);
    assert_true(prune_pattern_amount(&p) == 0.5);
    p = pattern_of("4x1");
    assert_int_equal(p.outputs, 4);
    assert_int_equal(p.inputs, 1);
    for (int i = 0; i < (int)(sizeof wrong / sizeof *wrong); i++) {
        error e = {0};
        if (prune_pattern_read(&p, wrong[i], &e) == E_OK)
            fail_msg("'%s' was read as a pattern", wrong[i]);
        assert_non_null(strstr(e.text, "prune"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_global),
        cmocka_unit_test(test_layer),
        cmocka_unit_test(test_layer_keeps_one),
        cmocka_unit_test(test_dead_layers),
        cmocka_unit_test(test_totals),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_published_counts),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_blocks_after_weights),
        cmocka_unit_test(test_pattern_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
