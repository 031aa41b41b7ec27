/* SPDX-License-Identifier: GPL-3.0-or-later
   test_plan_again.c -- plans that run again: from another memory, and with parameters that
   have changed. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
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

static void check_answer(plan *p, const float *wanted, size_t bytes)
{
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    assert_memory_equal(plan_output(p), wanted, bytes);
}

/* The same bits, and the caller's memory as it was; then from the plan's own again. */
static void an_input_is_read_where_it_lies(void **state)
{
    enum { DRAWN = 60, BATCH = 3 };
    (void)state;
    for (int seed = 0; seed < DRAWN; seed++) {
        graph *g = support_random_graph((uint64_t)seed);
        plan *p = plan_new_inference(g, BATCH, g->input_shape, NULL);
        assert_non_null(p);
        int64_t inputs = BATCH * shape_count(g->input_shape);
        size_t in = (size_t)inputs * sizeof(float);
        size_t out = (size_t)shape_count(plan_output_shape(p)) * sizeof(float);
        float *x = malloc(in), *kept = malloc(in), *y = malloc(out);
        fill_input(x, inputs);
        memcpy(kept, x, in);
        memcpy(plan_input(p), x, in);
        assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
        memcpy(y, plan_output(p), out);
        assert_int_equal(plan_read_input(p, x, NULL), E_OK);
        memset(plan_input(p), 0xff, in);
        check_answer(p, y, out);
        check_answer(p, y, out);
        assert_memory_equal(x, kept, in);
        assert_int_equal(plan_read_input(p, NULL, NULL), E_OK);
        memcpy(plan_input(p), kept, in);
        memset(x, 0xff, in);
        check_answer(p, y, out);
        free(x);
        free(kept);
        free(y);
        plan_free(p);
        graph_free(g);
    }
}

static void run_again(plan *p, float *y, int64_t n)
{
    fill_input(plan_input(p), SIZE * SIZE);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    memcpy(y, plan_output(p), (size_t)n * sizeof *y);
}

/* N outputs of a plan that is made now; the caller frees. */
static float *run_fresh(const graph *g, int64_t n)
{
    plan *p = plan_new_inference(g, 1, g->input_shape, NULL);
    assert_non_null(p);
    float *y = malloc((size_t)n * sizeof *y);
    run_again(p, y, n);
    plan_free(p);
    return y;
}

/* What a plan keeps of parameters is made again where they were written, replaced or
   exchanged since: it gives the bits of a plan that is made then. */
static void parameters_may_change_between_runs(void **state)
{
    (void)state;
    graph *g = support_unet(SIZE), *other = support_unet(SIZE);
    support_fill(g, 1);
    support_fill(other, 2);
    plan *p = plan_new_inference(g, 1, g->input_shape, NULL);
    assert_non_null(plan_input(p));
    int64_t n = shape_count(plan_output_shape(p));
    float *before = malloc((size_t)n * sizeof *before);
    float *now = malloc((size_t)n * sizeof *now);
    run_again(p, before, n);
    for (int i = 0; i < 3 * g->parameter_count; i++) {
        parameter *q = &g->parameters[i / 3], *with = &other->parameters[i / 3];
        if (i % 3 == 2)
            tensor_write_f32(with->data, NULL)[0] += 0.25f; /* has its own from now on */
        run_again(p, now, n);
        assert_memory_equal(now, before, (size_t)n * sizeof *now);
        if (i % 3 == 0) {
            tensor_write_f32(q->data, NULL)[0] += 0.5f;
        } else if (i % 3 == 1) {
            tensor *shared = tensor_share(with->data, NULL);
            tensor_free(q->data);
            q->data = shared;
        } else {
            tensor_swap(&q->data, &with->data);
        }
        run_again(p, now, n);
        float *fresh = run_fresh(g, n);
        assert_memory_equal(now, fresh, (size_t)n * sizeof *now);
        memcpy(before, now, (size_t)n * sizeof *now);
        free(fresh);
    }
    free(before);
    free(now);
    plan_free(p);
    graph_free(g);
    graph_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_input_is_read_where_it_lies),
        cmocka_unit_test(parameters_may_change_between_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
