/* SPDX-License-Identifier: GPL-3.0-or-later
   test_plan.c -- plans: fusing changes nothing, gradients are derivatives, memory is
   reused, threads do not change a bit. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/random.h"
#include "engine/plan.h"
#include "graph/operator.h"
#include "support_graph.h"
#include "support_random_graph.h"

#define SIZE 18

static void fill_input(float *x, int64_t n)
{
    random_stream r = random_new(7, "input", 0);
    random_fill_uniform(&r, x, n, -1.0, 1.0);
}

static float *run_inference(const graph *g, int64_t batch, bool keep, int64_t *count)
{
    plan *p = plan_new_inference(g, batch, g->input_shape, NULL);
    assert_non_null(p);
    if (keep)
        assert_int_equal(plan_keep_values(p, NULL), E_OK);
    float *x = plan_input(p);
    assert_non_null(x);
    fill_input(x, batch * SIZE * SIZE);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    *count = shape_count(plan_output_shape(p));
    float *y = malloc((size_t)*count * sizeof *y);
    memcpy(y, plan_output(p), (size_t)*count * sizeof *y);
    plan_free(p);
    return y;
}

/* Graphs drawn from all operators against the reference; the last ones of this list have a
   concat that is written over while its parts are still wanted. */
static void any_graph_runs_as_the_reference_says(void **state)
{
    static const uint64_t more[] = {407, 958, 1001732, 1002811, 1003703};
    enum { DRAWN = 200, BATCH = 2, MORE = sizeof more / sizeof *more };
    (void)state;
    for (int i = 0; i < DRAWN + MORE; i++) {
        uint64_t seed = i < DRAWN ? (uint64_t)i : more[i - DRAWN];
        graph *g = support_random_graph(seed);
        plan *p = plan_new_inference(g, BATCH, g->input_shape, NULL);
        assert_non_null(p);
        int64_t inputs = BATCH * shape_count(g->input_shape);
        float *x = malloc((size_t)inputs * sizeof *x);
        assert_non_null(x);
        fill_input(x, inputs);
        memcpy(plan_input(p), x, (size_t)inputs * sizeof *x);
        assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
        double *wanted = support_reference_run(g, x, BATCH, NULL);
        for (int64_t k = 0; k < shape_count(plan_output_shape(p)); k++)
            if (!(fabs(wanted[k] - (double)plan_output(p)[k]) <=
                  1e-5 * fmax(1, fabs(wanted[k]))))
                fail_msg("graph %d: output %d is %g, wanted %g", (int)seed, (int)k,
                         (double)plan_output(p)[k], wanted[k]);
        free(x);
        free(wanted);
        plan_free(p);
        graph_free(g);
    }
}

static void fused_equals_unfused(void **state)
{
    (void)state;
    graph *g = support_unet(SIZE);
    support_fill(g, 1);
    int64_t n, m;
    float *fused = run_inference(g, 2, false, &n), *plain = run_inference(g, 2, true, &m);
    assert_int_equal(n, m);
    assert_int_equal(n, 2 * SIZE * SIZE * 2);
    for (int64_t i = 0; i < n; i++)
        assert_true(fabsf(fused[i] - plain[i]) <= 1e-5f * (1.0f + fabsf(plain[i])));
    free(fused);
    free(plain);
    graph_free(g);
}

/* What was written straight into a concat is read again behind a norm of the whole, which
   must not write over it. */
static void parts_of_a_concat_are_kept_for_later(void **state)
{
    (void)state;
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, (int64_t)1), NULL);
    attributes conv = support_convolution(3, 3), norm = support_norm();
    int part = graph_add(g, "conv2d", "part", &conv, &g->input, 1, NULL);
    int other = graph_add(g, "conv2d", "other", &conv, &g->input, 1, NULL);
    int whole = graph_add(g, "concat", "whole", NULL, (int[]){part, other}, 2, NULL);
    int normed = graph_add(g, "batch_norm", "norm", &norm, &whole, 1, NULL);
    int late = graph_add(g, "conv2d", "late", &conv, &part, 1, NULL);
    int both = graph_add(g, "conv2d", "both", &conv, &normed, 1, NULL);
    graph_add(g, "add", "sum", NULL, (int[]){late, both}, 2, NULL);
    support_fill(g, 5);
    int64_t n, m;
    float *fused = run_inference(g, 2, false, &n), *plain = run_inference(g, 2, true, &m);
    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++)
        assert_true(fabsf(fused[i] - plain[i]) <= 1e-5f * (1.0f + fabsf(plain[i])));
    free(fused);
    free(plain);
    graph_free(g);
}

static void batches_are_independent(void **state)
{
    (void)state;
    graph *g = support_unet(SIZE);
    support_fill(g, 2);
    int64_t n, one;
    float *three = run_inference(g, 3, false, &n),
          *single = run_inference(g, 1, false, &one);
    for (int64_t i = 0; i < one; i++)
        assert_true(fabsf(three[i] - single[i]) <= 1e-5f * (1.0f + fabsf(single[i])));
    free(three);
    free(single);
    graph_free(g);
}

typedef struct training {
    graph *g;
    plan *p;
    float *input, *upstream;
    int64_t input_count, output_count;
} training;

static void training_begin(training *t, int64_t batch)
{
    t->g = support_unet(SIZE);
    support_fill(t->g, 3);
    t->p = plan_new_training(t->g, batch, t->g->input_shape, NULL);
    assert_non_null(t->p);
    assert_int_equal(plan_want_input_gradient(t->p, NULL), E_OK);
    assert_non_null(plan_input(t->p));
    t->input_count = batch * SIZE * SIZE;
    t->output_count = shape_count(plan_output_shape(t->p));
    t->input = malloc((size_t)t->input_count * sizeof(float));
    t->upstream = malloc((size_t)t->output_count * sizeof(float));
    fill_input(t->input, t->input_count);
    random_stream r = random_new(8, "upstream", 0);
    random_fill_uniform(&r, t->upstream, t->output_count, -1.0, 1.0);
}

static double training_loss(training *t)
{
    memcpy(plan_input(t->p), t->input, (size_t)t->input_count * sizeof(float));
    assert_int_equal(plan_forward(t->p, 0, 0, NULL), E_OK);
    double sum = 0.0;
    for (int64_t i = 0; i < t->output_count; i++)
        sum += (double)plan_output(t->p)[i] * (double)t->upstream[i];
    return sum;
}

static void training_gradients(training *t)
{
    training_loss(t);
    memcpy(plan_output_gradient(t->p), t->upstream,
           (size_t)t->output_count * sizeof(float));
    assert_int_equal(plan_backward(t->p, NULL), E_OK);
}

static void training_end(training *t)
{
    plan_free(t->p);
    graph_free(t->g);
    free(t->input);
    free(t->upstream);
}

/* Along its own direction d = g / |g| a gradient g has the slope |g|. */
static void check_slope(training *t, float *x, const float *gradient, int64_t n)
{
    float *g = malloc((size_t)n * sizeof *g), *start = malloc((size_t)n * sizeof *start);
    double norm = 0.0;
    for (int64_t i = 0; i < n; i++)
        norm += (double)gradient[i] * (double)gradient[i];
    norm = sqrt(norm);
    memcpy(g, gradient, (size_t)n * sizeof *g);
    memcpy(start, x, (size_t)n * sizeof *start);
    double slope[2], h = 2e-3;
    for (int side = 0; side < 2; side++) {
        for (int64_t i = 0; i < n; i++)
            x[i] = (float)((double)start[i] + (side ? h : -h) * (double)g[i] / norm);
        slope[side] = training_loss(t);
    }
    memcpy(x, start, (size_t)n * sizeof *start);
    double measured = (slope[1] - slope[0]) / (2 * h);
    assert_true(fabs(measured - norm) <= 2e-2 * norm + 2e-3);
    free(g);
    free(start);
}

static void gradients_are_derivatives(void **state)
{
    (void)state;
    training t;
    training_begin(&t, 3);
    for (int i = 0; i < t.g->parameter_count; i++) {
        parameter *p = &t.g->parameters[i];
        if (!parameter_is_trained(p)) {
            assert_null(plan_gradient(t.p, i));
            continue;
        }
        /* A bias in front of a batch norm has no effect, so no direction to check. */
        if (p->role == ROLE_BIAS && strcmp(p->name, "out.bias"))
            continue;
        training_gradients(&t);
        check_slope(&t, tensor_write_f32(p->data, NULL), plan_gradient(t.p, i),
                    tensor_count(p->data));
    }
    training_gradients(&t);
    check_slope(&t, t.input, plan_input_gradient(t.p), t.input_count);
    training_end(&t);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    training one, two;
    training_begin(&one, 4);
    training_begin(&two, 4);
    cpu_set_threads(1);
    training_gradients(&one);
    cpu_set_threads(2);
    training_gradients(&two);
    cpu_set_threads(0);
    assert_memory_equal(plan_output(one.p), plan_output(two.p),
                        (size_t)one.output_count * sizeof(float));
    for (int i = 0; i < one.g->parameter_count; i++) {
        const parameter *p = &one.g->parameters[i];
        assert_true(tensor_equal(p->data, two.g->parameters[i].data));
        if (plan_gradient(one.p, i))
            assert_memory_equal(plan_gradient(one.p, i), plan_gradient(two.p, i),
                                tensor_bytes(p->data));
    }
    training_end(&one);
    training_end(&two);
}

/* Gradients as they are handed over, beside those that a second plan keeps. */
typedef struct handed {
    const training *kept;
    int count;
} handed;

static status compare_gradient(void *context, int parameter, float *gradient, error *e)
{
    handed *h = context;
    const tensor *data = h->kept->g->parameters[parameter].data;
    assert_memory_equal(gradient, plan_gradient(h->kept->p, parameter),
                        tensor_bytes(data));
    memset(gradient, 0x7f, tensor_bytes(data)); /* it is the taker's to write */
    h->count++;
    return h->count == 5 ? fail(e, E_STOPPED, "enough") : E_OK;
}

static void gradients_are_handed_over(void **state)
{
    (void)state;
    training kept, passing;
    training_begin(&kept, 2);
    training_gradients(&kept);
    training_begin(&passing, 2);
    plan_free(passing.p);
    passing.p = plan_new_training(passing.g, 2, passing.g->input_shape, NULL);
    assert_int_equal(plan_pass_gradients(passing.p, NULL), E_OK);
    int trained = 0;
    for (int i = 0; i < kept.g->parameter_count; i++)
        trained += parameter_is_trained(&kept.g->parameters[i]);
    for (int round = 0; round < 2; round++) {
        handed h = {&kept, round * 5};
        plan_taker taker = {.take = compare_gradient, .context = &h};
        training_loss(&passing);
        memcpy(plan_output_gradient(passing.p), passing.upstream,
               (size_t)passing.output_count * sizeof(float));
        assert_int_equal(plan_backward_passing(passing.p, &taker, NULL),
                         round ? E_OK : E_STOPPED);
        assert_int_equal(h.count, round ? 5 + trained : 5);
    }
    assert_int_equal(plan_backward(passing.p, NULL), E_USAGE);
    assert_int_equal(
        plan_backward_passing(kept.p, &(plan_taker){.take = compare_gradient}, NULL),
        E_USAGE);
    assert_int_equal(plan_pass_gradients(kept.p, NULL), E_USAGE);
    assert_true(plan_arena_bytes(passing.p) > plan_arena_bytes(kept.p));
    training_end(&kept);
    training_end(&passing);
}

static void running_statistics_follow_the_batch(void **state)
{
    (void)state;
    training t;
    training_begin(&t, 3);
    graph *before = graph_copy(t.g, NULL);
    uint64_t hash = graph_hash(before);
    training_loss(&t);
    int mean = graph_find_parameter(t.g, "inc.1.running_mean");
    assert_true(mean >= 0);
    assert_false(tensor_equal(t.g->parameters[mean].data, before->parameters[mean].data));
    /* The copy made before shares storage, and yet did not change. */
    assert_true(graph_hash(before) == hash);
    graph_free(before);
    training_end(&t);
}

static void memory_is_reused(void **state)
{
    (void)state;
    graph *g = support_unet(64);
    support_fill(g, 4);
    plan *p = plan_new_inference(g, 4, g->input_shape, NULL);
    assert_int_equal(plan_start(p, NULL), E_OK);
    shape *shapes = malloc((size_t)g->value_count * sizeof *shapes);
    assert_int_equal(graph_shapes(g, 4, g->input_shape, shapes, NULL), E_OK);
    size_t all = 0;
    for (int i = 0; i < g->value_count; i++)
        all += (size_t)shape_count(shapes[i]) * sizeof(float);
    assert_true(plan_arena_bytes(p) < all);
    assert_true(plan_largest_live(p) <= plan_arena_bytes(p));
    assert_true((double)plan_arena_bytes(p) <= 1.3 * (double)plan_largest_live(p));
    free(shapes);
    plan_free(p);
    graph_free(g);
}

static void plan_tells_its_steps(void **state)
{
    (void)state;
    graph *g = support_unet(SIZE);
    support_fill(g, 5);
    plan *p = plan_new_inference(g, 2, g->input_shape, NULL);
    plan_time_steps(p, true);
    fill_input(plan_input(p), 2 * SIZE * SIZE);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    table *t = plan_describe(p, NULL);
    assert_non_null(t);
    double sum = 0.0, value = 0.0;
    for (int64_t i = 0; i < t->row_count; i++) {
        assert_true(table_number(t, i, "multiply_adds", &value));
        sum += value;
        assert_true(table_number(t, i, "median_ms", &value));
    }
    assert_true(t->row_count < g->node_count); /* something was fused */
    assert_true((int64_t)sum == 2 * graph_multiply_adds(g, g->input_shape, NULL));
    table_free(t);
    plan_free(p);
    graph_free(g);
}

/* The kernel of the first step of a plan of G, whose first node is tuned to METHOD. */
static void check_kernel(graph *g, const char *method, const char *wanted)
{
    assert_int_equal(node_set_method(&g->nodes[0], method, NULL), E_OK);
    plan *p = plan_new_inference(g, 1, g->input_shape, NULL);
    assert_int_equal(plan_start(p, NULL), E_OK);
    table *t = plan_describe(p, NULL);
    const char *words = table_get(t, 0, table_column(t, "kernel"))->words;
    if (!strstr(words, wanted))
        fail_msg("%s: '%s', wanted '%s'", method, words, wanted);
    table_free(t);
    plan_free(p);
}

static void tuned_methods_are_obeyed_where_they_suit(void **state)
{
    (void)state;
    graph *g = graph_new(shape_of(3, (int64_t)16, (int64_t)16, (int64_t)32), NULL);
    attributes a = {.kernel = {1, 3, 3},
                    .stride = {1, 1, 1},
                    .padding = {0, 1, 1},
                    .dilation = {1, 1, 1},
                    .groups = 1,
                    .channels = 32};
    assert_true(graph_add(g, "conv2d", "c", &a, &g->input, 1, NULL) >= 0);
    support_fill(g, 6);
    const convolution v = {1,
                           16,
                           16,
                           32,
                           16,
                           16,
                           32,
                           3,
                           3,
                           1,
                           1,
                           1,
                           1,
                           1,
                           1,
                           1,
                           0,
                           0,
                           PRECISION_F32,
                           PRECISION_F32};
    const char *rule = algorithm_guess(&v, tensor_f32(g->parameters[0].data),
                                       PRECISION_F32, ALGORITHM_FORWARD)
                           ->name;
    check_kernel(g, "gather", "f32 gather");
    check_kernel(g, "winograd-2x2", "f32 winograd-2x2");
    check_kernel(g, "matrix", rule); /* no 1x1 kernel */
    check_kernel(g, "bf16", rule);   /* not what f32 was asked for */
    check_kernel(g, "from-a-later-time", rule);
    check_kernel(g, NULL, rule);
    graph_free(g);
}

static void bad_plans_are_refused(void **state)
{
    (void)state;
    graph *g = support_unet(SIZE);
    error e = {0};
    assert_null(plan_new_inference(g, 0, g->input_shape, &e));
    assert_int_equal(e.code, E_RANGE);
    assert_null(
        plan_new_inference(g, 1, shape_of(3, (int64_t)1, (int64_t)1, (int64_t)1), &e));
    assert_int_equal(e.code, E_SHAPE);
    /* More channels than the first weight was made for. */
    assert_null(plan_new_inference(
        g, 1, shape_of(3, (int64_t)SIZE, (int64_t)SIZE, (int64_t)2), &e));
    assert_int_equal(e.code, E_SHAPE);
    plan *p = plan_new_inference(g, 1, g->input_shape, &e);
    assert_int_equal(plan_backward(p, &e), E_USAGE);
    plan_free(p);
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_graph_runs_as_the_reference_says),
        cmocka_unit_test(fused_equals_unfused),
        cmocka_unit_test(parts_of_a_concat_are_kept_for_later),
        cmocka_unit_test(batches_are_independent),
        cmocka_unit_test(gradients_are_derivatives),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(gradients_are_handed_over),
        cmocka_unit_test(running_statistics_follow_the_batch),
        cmocka_unit_test(memory_is_reused),
        cmocka_unit_test(plan_tells_its_steps),
        cmocka_unit_test(tuned_methods_are_obeyed_where_they_suit),
        cmocka_unit_test(bad_plans_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
