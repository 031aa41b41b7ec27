/* SPDX-License-Identifier: GPL-3.0-or-later
   test_plan_first.c -- depthwise convolutions that run inside the 1x1 convolution behind
   them: the same bits as one after the other, in less memory, and only where nobody else
   reads what they write. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/random.h"
#include "engine/plan.h"
#include "graph/operator.h"
#include "support_graph.h"

typedef struct pair {
    int64_t height, width, channels, outputs, kernel, stride, padding, dilation;
    const char *between; /* an operator behind the depthwise convolution */
} pair;

static attributes depthwise(const pair *q)
{
    attributes a = support_convolution(q->channels, q->kernel);
    a.groups = q->channels;
    for (int i = 1; i < 3; i++) {
        a.stride[i] = q->stride;
        a.padding[i] = q->padding;
        a.dilation[i] = q->dilation;
    }
    return a;
}

/* Two halves joined, depthwise, norm, activation, 1x1, and a sum at the end.  LEAKS: what
   the depthwise convolution leaves is read twice. */
static graph *separable(const pair *q, bool leaks)
{
    graph *g = graph_new(shape_of(3, q->height, q->width, INT64_C(2)), NULL);
    attributes half = support_convolution(q->channels / 2, 1), apart = depthwise(q);
    attributes rest = support_convolution(q->channels - q->channels / 2, 1);
    attributes norm = support_norm(), joined = {.axis = 1}, leaky = {.slope = 0.2};
    attributes point = support_convolution(leaks ? q->channels : q->outputs, 1);
    int a = graph_add(g, "conv2d", "a", &half, (int[]){g->input}, 1, NULL);
    int b = graph_add(g, "conv2d", "b", &rest, (int[]){g->input}, 1, NULL);
    int v = graph_add(g, "concat", "join", &joined, (int[]){a, b}, 2, NULL);
    v = graph_add(g, "conv2d", "depthwise", &apart, &v, 1, NULL);
    v = graph_add(g, "batch_norm", "norm", &norm, &v, 1, NULL);
    v = graph_add(g, q->between, "act", &leaky, &v, 1, NULL);
    int made = v;
    v = graph_add(g, "conv2d", "point", &point, &v, 1, NULL);
    v = graph_add(g, "relu", "relu", NULL, &v, 1, NULL);
    if (leaks)
        graph_add(g, "add", "sum", NULL, (int[]){v, made}, 2, NULL);
    support_fill(g, 11);
    return g;
}

typedef struct answer {
    float *y;
    int64_t count, rows; /* rows: steps of the plan */
    size_t arena;
} answer;

static answer run(const graph *g, bool apart)
{
    enum { BATCH = 2 };
    plan *p = plan_new_inference(g, BATCH, g->input_shape, NULL);
    assert_non_null(p);
    if (apart)
        assert_int_equal(plan_keep_apart(p, NULL), E_OK);
    random_stream r = random_new(3, "input", 0);
    for (int again = 0; again < 2; again++) {
        random_fill_uniform(&r, plan_input(p), BATCH * shape_count(g->input_shape), -1,
                            1);
        assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    }
    answer a = {.count = shape_count(plan_output_shape(p)), .arena = plan_arena_bytes(p)};
    a.y = malloc((size_t)a.count * sizeof *a.y);
    assert_non_null(a.y);
    memcpy(a.y, plan_output(p), (size_t)a.count * sizeof *a.y);
    table *t = plan_describe(p, NULL);
    assert_non_null(t);
    a.rows = t->row_count;
    table_free(t);
    plan_free(p);
    return a;
}

static void check_pair(const pair *q)
{
    graph *g = separable(q, false);
    answer apart = run(g, true), one;
    for (int threads = 1; threads <= 3; threads++) {
        cpu_set_threads(threads);
        one = run(g, false);
        assert_true(one.count == apart.count);
        assert_memory_equal(one.y, apart.y, (size_t)one.count * sizeof(float));
        assert_true(one.rows == apart.rows - 1);
        free(one.y);
    }
    cpu_set_threads(0);
    free(apart.y);
    graph_free(g);
}

static void inside_is_the_same_to_the_bit(void **state)
{
    static const pair pairs[] = {
        {33, 40, 32, 48, 3, 1, 1, 1, "leaky_relu"},
        {16, 17, 20, 8, 3, 1, 1, 1, "relu"},        /* lanes left over */
        {19, 24, 40, 33, 5, 1, 2, 1, "hard_swish"}, /* a wider kernel */
        {18, 21, 16, 16, 3, 1, 0, 1, "relu"},       /* no padding */
        {9, 16, 48, 24, 5, 1, 4, 1, "relu"},        /* padding beyond the half */
        {17, 33, 24, 40, 3, 2, 1, 1, "relu"},       /* by two pixels */
        {20, 20, 24, 16, 3, 1, 2, 2, "relu"},       /* dilated */
        {16, 16, 4, 24, 3, 1, 1, 1, "relu"},        /* few channels */
        {16, 20, 18, 7, 7, 1, 3, 1, "relu"},        /* a kernel of another size */
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        check_pair(&pairs[i]);
}

static void what_is_inside_needs_no_place(void **state)
{
    static const pair q = {32, 32, 64, 4, 3, 1, 1, 1, "relu"};
    (void)state;
    graph *g = separable(&q, false);
    cpu_set_threads(2); /* each has room of its own */
    answer apart = run(g, true), one = run(g, false);
    cpu_set_threads(0);
    /* Of batches of two: beside the joined halves, only the few outputs are left. */
    size_t wide = 2 * 32 * 32 * 64 * sizeof(float);
    assert_true(apart.arena >= 2 * wide);
    assert_true(one.arena < 2 * wide);
    free(apart.y);
    free(one.y);
    graph_free(g);
}

static void what_others_read_stays_outside(void **state)
{
    static const pair q = {20, 20, 32, 32, 3, 1, 1, 1, "relu"};
    (void)state;
    graph *g = separable(&q, true);
    answer apart = run(g, true), one = run(g, false);
    assert_true(one.rows == apart.rows);
    assert_memory_equal(one.y, apart.y, (size_t)one.count * sizeof(float));
    free(apart.y);
    free(one.y);
    graph_free(g);
}

static void apart_is_asked_for_in_time(void **state)
{
    static const pair q = {16, 16, 32, 32, 3, 1, 1, 1, "relu"};
    (void)state;
    graph *g = separable(&q, false);
    plan *p = plan_new_inference(g, 1, g->input_shape, NULL);
    assert_non_null(p);
    assert_int_equal(plan_start(p, NULL), E_OK);
    error e = {0};
    assert_int_equal(plan_keep_apart(p, &e), E_USAGE);
    plan_free(p);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inside_is_the_same_to_the_bit),
        cmocka_unit_test(what_is_inside_needs_no_place),
        cmocka_unit_test(what_others_read_stays_outside),
        cmocka_unit_test(apart_is_asked_for_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
