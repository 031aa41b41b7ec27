/* SPDX-License-Identifier: GPL-3.0-or-later
   test_decompose.c -- layers replaced by two: the same answers at full rank, the error that
   was said at lower rank, ranks that reach what was asked for, and what is refused. */
#include "support.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "compress/decompose.h"
#include "compress/svd.h"
#include "engine/plan.h"
#include "support_graph.h"

/* A = Q1 diag(5, 3, 1) Q2 of rotations has these singular values. */
static void singular_values_are_known(void **state)
{
    (void)state;
    const double c = 0.6, s = 0.8, values[3] = {5, 3, 1};
    const double left[3][3] = {{c, -s, 0}, {s, c, 0}, {0, 0, 1}},
                 right[3][4] = {{1, 0, 0, 0}, {0, c, s, 0}, {0, -s, c, 0}};
    double a[12] = {0}, u[9], d[3], v[12];
    for (int i = 0; i < 12; i++)
        for (int k = 0; k < 3; k++)
            a[i] += left[i / 4][k] * values[k] * right[k][i % 4];
    assert_int_equal(svd_of(a, 3, 4, u, d, v, NULL), E_OK);
    for (int k = 0; k < 3; k++)
        assert_true(fabs(d[k] - values[k]) < 1e-12);
    for (int i = 0; i < 12; i++) {
        double sum = 0;
        for (int k = 0; k < 3; k++)
            sum += u[i / 4 * 3 + k] * d[k] * v[k * 4 + i % 4];
        assert_true(fabs(sum - a[i]) < 1e-12);
    }
    error e = {0};
    a[5] = NAN;
    assert_int_equal(svd_of(a, 3, 4, u, d, v, &e), E_NUMERIC);
}

static float *answers(const graph *g, int64_t *count)
{
    plan *p = plan_new_inference(g, 2, g->input_shape, NULL);
    assert_non_null(p);
    float *x = plan_input(p);
    random_stream r = random_new(7, "input", 0);
    random_fill_uniform(&r, x, 2 * shape_count(g->input_shape), -1, 1);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    *count = shape_count(plan_output_shape(p));
    float *y = memory_new(*count, sizeof *y, NULL);
    memcpy(y, plan_output(p), (size_t)*count * sizeof *y);
    plan_free(p);
    return y;
}

static void check_same(const graph *a, const graph *b, double tolerance)
{
    int64_t n, m;
    float *x = answers(a, &n), *y = answers(b, &m);
    double difference = 0, largest = 0;
    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++) {
        difference = fmax(difference, fabs((double)x[i] - (double)y[i]));
        largest = fmax(largest, fabs((double)x[i]));
    }
    if (!(difference <= tolerance * largest))
        fail_msg("answers differ by %g of %g", difference, largest);
    memory_free(x);
    memory_free(y);
}

/* One layer of random geometry. */
static graph *random_layer(uint64_t seed)
{
    static const char *const operators[] = {"conv2d", "conv_transpose2d", "conv3d",
                                            "conv_transpose3d", "linear"};
    random_stream r = random_new(seed, "layer", 0);
    const char *op = operators[seed % 5];
    const bool flat = strcmp(op, "linear") == 0, deep = strstr(op, "3d") != NULL;
    const int64_t in = 1 + (int64_t)random_between(&r, 0, 6),
                  size = 5 + (int64_t)random_between(&r, 0, 3);
    attributes a = {.channels = 1 + (int64_t)random_between(&r, 0, 7),
                    .groups = 1,
                    .bias = seed % 2 == 0};
    for (int i = deep ? 0 : 1; i < 3; i++) {
        a.kernel[i] = 1 + (int64_t)random_between(&r, 0, 3);
        a.stride[i] = 1 + (int64_t)random_between(&r, 0, 2);
        a.dilation[i] = 1 + (int64_t)random_between(&r, 0, 2);
        a.padding[i] = (int64_t)random_between(&r, 0, 2);
    }
    graph *g = graph_new(flat   ? shape_of(1, in)
                         : deep ? shape_of(4, size, size, size, in)
                                : shape_of(3, size, size + 1, in),
                         NULL);
    if (graph_add(g, op, "layer", &a, &g->input, 1, NULL) < 0) {
        graph_free(g);
        return NULL;
    }
    support_fill(g, seed);
    return g;
}

static void full_rank_is_exact(void **state)
{
    (void)state;
    int done[3] = {0};
    for (uint64_t seed = 1; seed < 200; seed++)
        for (int kind = 0; kind < 3; kind++) {
            graph *g = random_layer(seed);
            graph *two = g ? graph_copy(g, NULL) : NULL;
            decompose_settings s = {
                .kind = (decomposition)kind, .rank = 1000, .always = true};
            decompose_result r;
            if (two && decompose_graph(two, &s, false, NULL, NULL, &r, NULL) == E_OK) {
                assert_int_equal(two->node_count, 2);
                assert_int_equal(r.replaced, 1);
                check_same(g, two, 1e-5);
                done[kind]++;
            }
            graph_free(g);
            graph_free(two);
        }
    assert_true(done[0] > 120 && done[1] > 10 && done[2] > 20);
}

/* The weight that the two linear layers of G make together, [o][i]. */
static double product_at(const graph *g, int64_t o, int64_t i)
{
    const parameter *first = graph_parameter(g, &g->nodes[0], ROLE_WEIGHT),
                    *second = graph_parameter(g, &g->nodes[1], ROLE_WEIGHT);
    const int64_t rank = tensor_shape(first->data).dim[0],
                  in = tensor_shape(first->data).dim[1];
    double sum = 0;
    for (int64_t k = 0; k < rank; k++)
        sum += (double)tensor_f32(second->data)[o * rank + k] *
               (double)tensor_f32(first->data)[k * in + i];
    return sum;
}

static void the_error_is_the_one_said(void **state)
{
    (void)state;
    enum { IN = 11, OUT = 9, RANK = 3 };
    graph *g = graph_new(shape_of(1, (int64_t)IN), NULL);
    attributes a = {.channels = OUT, .bias = true};
    graph_add(g, "linear", "layer", &a, &g->input, 1, NULL);
    support_fill(g, 2);
    graph *two = graph_copy(g, NULL);
    decompose_settings s = {.kind = DECOMPOSE_CHANNEL, .rank = RANK};
    decompose_result r;
    table *rows = table_new(NULL);
    assert_int_equal(decompose_graph(two, &s, false, NULL, rows, &r, NULL), E_OK);
    const float *w = tensor_f32(g->parameters[0].data);
    double lost = 0, all = 0, energy;
    for (int64_t k = 0; k < IN * OUT; k++) {
        lost += pow((double)w[k] - product_at(two, k / IN, k % IN), 2);
        all += (double)w[k] * (double)w[k];
    }
    assert_true(fabs(r.largest_error - sqrt(lost / all)) < 1e-6);
    assert_true(table_number(rows, 0, "energy", &energy));
    assert_true(fabs(energy - (1 - lost / all)) < 1e-6);
    table_free(rows);
    graph_free(g);
    graph_free(two);
}

static graph *network(void)
{
    graph *g = graph_new(shape_of(3, INT64_C(8), INT64_C(8), INT64_C(3)), NULL);
    int v = support_block(g, "one", g->input, 12);
    v = support_block(g, "two", v, 16);
    support_block(g, "three", v, 8);
    support_fill(g, 4);
    return g;
}

static void targets_are_reached(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        graph *g = network();
        const double before = (double)graph_parameter_count(g);
        decompose_settings s = {.kind = (decomposition)kind, .target = 0.6};
        decompose_result r;
        assert_int_equal(decompose_graph(g, &s, false, NULL, NULL, &r, NULL), E_OK);
        const double share = (double)graph_parameter_count(g) / before;
        assert_true(share <= 0.6 && share > 0.25);
        graph_free(g);
    }
    for (double energy = 0.5; energy < 1; energy += 0.2) {
        graph *g = network();
        decompose_settings s = {.energy = energy};
        decompose_result r;
        table *rows = table_new(NULL);
        assert_int_equal(decompose_graph(g, &s, true, NULL, rows, &r, NULL), E_OK);
        for (int64_t i = 0; i < rows->row_count; i++) {
            double kept;
            assert_true(table_number(rows, i, "energy", &kept));
            assert_true(kept >= energy - 1e-12);
        }
        assert_int_equal(rows->row_count, 3);
        assert_int_equal(g->node_count, 9); /* dry: nothing changed */
        table_free(rows);
        graph_free(g);
    }
}

static void names_choose_layers(void **state)
{
    (void)state;
    static const struct {
        const char *layers, *skip;
        int chosen;
        status result;
    } rows[] = {
        {"two.*", NULL, 1, E_OK},      {"t*", NULL, 2, E_OK},
        {NULL, "first", 2, E_OK},      {NULL, "last2", 1, E_OK},
        {"t*", "three.0", 1, E_OK},    {"nothing", NULL, 0, E_NAME},
        {NULL, "nothing*", 0, E_NAME}, {"two.0", "two.0", 0, E_USAGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        graph *g = network();
        decompose_settings s = {.rank = 2,
                                .layers = &rows[i].layers,
                                .layer_count = rows[i].layers != NULL,
                                .skip = &rows[i].skip,
                                .skip_count = rows[i].skip != NULL};
        decompose_result r;
        error e = {0};
        assert_int_equal(decompose_graph(g, &s, false, NULL, NULL, &r, &e),
                         rows[i].result);
        if (rows[i].result == E_OK)
            assert_int_equal(r.replaced, rows[i].chosen);
        graph_free(g);
    }
}

static void masks_and_small_targets_are_refused(void **state)
{
    (void)state;
    graph *g = network();
    decompose_settings s = {.target = 0.01};
    decompose_result r;
    error e = {0};
    assert_int_equal(decompose_graph(g, &s, false, NULL, NULL, &r, &e), E_RANGE);
    parameter *weight = graph_parameter(g, &g->nodes[3], ROLE_WEIGHT);
    weight->mask = tensor_new(DTYPE_U8, tensor_shape(weight->data), NULL);
    s = (decompose_settings){.rank = 1};
    assert_int_equal(decompose_graph(g, &s, false, NULL, NULL, &r, &e), E_OK);
    assert_int_equal(r.masked, 1);
    assert_int_equal(r.replaced, 2);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(singular_values_are_known),
        cmocka_unit_test(full_rank_is_exact),
        cmocka_unit_test(the_error_is_the_one_said),
        cmocka_unit_test(targets_are_reached),
        cmocka_unit_test(names_choose_layers),
        cmocka_unit_test(masks_and_small_targets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
