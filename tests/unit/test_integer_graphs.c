/* SPDX-License-Identifier: GPL-3.0-or-later
   test_integer_graphs.c -- graphs on codes drawn at random: the plan, by every method and
   at several numbers of threads, gives the bits of a slow reference that runs node by node
   as lathe-integers(7) says; and layers give what a simulation in real numbers rounds to.
   usage: test_integer_graphs [COUNT]; a few hundred without. */
#include "support.h"
#include "support_integer.h"
#include "support_quantized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "engine/plan.h"
#include "graph/operator.h"

enum { METHODS_MOST = 16, THREADS_MOST = 3, COUNT = 300, COUNT_LEVEL = 60 };

static int64_t graphs_count;
static const char *program;

/* What the reference says about every value: codes, or f32 at both ends. */
typedef struct answers {
    const graph *g;
    int64_t batch;
    shape *shapes;
    void **data; /* [value_count] owned */
} answers;

static operation operation_of(const answers *a, const node *n)
{
    operation op = {.node = n, .out = a->shapes[n->output], .integer = true};
    op.out_value = &a->g->values[n->output];
    for (int k = 0; k < n->input_count; k++) {
        op.in[k] = a->shapes[n->inputs[k]];
        op.x[k] = a->data[n->inputs[k]];
        op.in_value[k] = &a->g->values[n->inputs[k]];
    }
    for (int role = 0; role < ROLE_COUNT; role++)
        op.parameters[role] = graph_parameter(a->g, n, (parameter_role)role);
    return op;
}

static void *dequantized(const operation *op)
{
    const quantizer *q = op->in_value[0]->quantizer;
    int64_t n = shape_count(op->out);
    float *y = memory_new(n, sizeof *y, NULL);
    assert_non_null(y);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)((double)q->scale[0] *
                       (((const int8_t *)op->x[0])[i] - q->zero_point[0]));
    return y;
}

static answers answers_of(const graph *g, int64_t batch, const float *input)
{
    answers a = {.g = g, .batch = batch};
    a.shapes = memory_new(g->value_count, sizeof *a.shapes, NULL);
    a.data = memory_new(g->value_count, sizeof *a.data, NULL);
    assert_true(a.shapes && a.data);
    assert_int_equal(graph_shapes(g, batch, g->input_shape, a.shapes, NULL), E_OK);
    size_t bytes = (size_t)shape_count(a.shapes[g->input]) * sizeof(float);
    a.data[g->input] = memory_new_raw((int64_t)bytes, 1, NULL);
    memcpy(a.data[g->input], input, bytes);
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        operation op = operation_of(&a, n);
        a.data[n->output] =
            n->op == &op_dequantize ? dequantized(&op) : support_integer(&op);
        if (n->op == &op_conv2d || n->op == &op_linear)
            support_integer_simulate(&op, a.data[n->output]);
    }
    return a;
}

static void answers_clear(answers *a)
{
    for (int v = 0; v < a->g->value_count; v++)
        memory_free(a->data[v]);
    memory_free(a->data);
    memory_free(a->shapes);
}

/* The names of all methods that any layer of the graph has. */
static int method_names(const graph *g, const char *names[METHODS_MOST])
{
    for (int i = 0; i < g->node_count; i++) {
        const operator_methods *m = g->nodes[i].op->methods;
        const operation op = {.node = &g->nodes[i], .integer = true};
        int count = 0;
        while (m && count < METHODS_MOST && m->name(&op, count + 1)) {
            names[count] = m->name(&op, count + 1);
            count++;
        }
        if (count > 0)
            return count;
    }
    return 0;
}

static void run_plan(const graph *g, const answers *a, int threads, const char *method,
                     uint64_t seed)
{
    error e = {0};
    cpu_set_threads(threads);
    plan *p = plan_new_inference(g, a->batch, g->input_shape, &e);
    if (!p || plan_start(p, &e))
        fail_msg("graph %llu: %s", (unsigned long long)seed, e.text);
    size_t bytes = (size_t)shape_count(a->shapes[g->input]) * sizeof(float);
    /* The second run finds what the first left in memory. */
    for (int run = 0; run < 2; run++) {
        memcpy(plan_input(p), a->data[g->input], bytes);
        assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
        if (memcmp(plan_output(p), a->data[g->output],
                   (size_t)shape_count(a->shapes[g->output]) * sizeof(float)) != 0)
            fail_msg("graph %llu, method %s, %d threads, %s: other bits than the "
                     "reference",
                     (unsigned long long)seed, method, threads,
                     cpu_level_name(cpu_get_level()));
    }
    plan_free(p);
    cpu_set_threads(0);
}

static void check_graph(uint64_t seed)
{
    random_stream r = random_new(seed, "input", 0);
    int64_t batch = 1 + random_below(&r, 3);
    graph *g = support_quantized(seed, batch);
    int64_t n = batch * shape_count(g->input_shape);
    float *x = memory_new(n, sizeof *x, NULL);
    random_fill_uniform(&r, x, n, -2, 2);
    answers a = answers_of(g, batch, x);
    const char *names[METHODS_MOST];
    int methods = method_names(g, names);
    for (int threads = 1; threads <= THREADS_MOST; threads++)
        run_plan(g, &a, threads, "as chosen", seed);
    for (int m = 0; m < methods; m++) {
        for (int i = 0; i < g->node_count; i++)
            assert_int_equal(node_set_method(&g->nodes[i], names[m], NULL), E_OK);
        run_plan(g, &a, 1 + m % THREADS_MOST, names[m], seed);
    }
    answers_clear(&a);
    memory_free(x);
    graph_free(g);
}

static void graphs_equal_the_reference(void **state)
{
    (void)state;
    for (int64_t i = 0; i < graphs_count; i++)
        check_graph((uint64_t)i);
}

/* The same program for each lower instruction set. */
static void lower_levels_too(void **state)
{
    char words[32];
    (void)state;
    snprintf(words, sizeof words, "%lld",
             (long long)(graphs_count == COUNT ? COUNT_LEVEL : graphs_count / 5));
    for (int level = CPU_SCALAR; level < (int)cpu_get_level(); level++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            setenv("LATHE_CPU", cpu_level_name((cpu_level)level), 1);
            execl("/proc/self/exe", program, words, (char *)NULL);
            _exit(127);
        }
        int how = 0;
        assert_int_equal(waitpid(child, &how, 0), child);
        if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
            fail_msg("LATHE_CPU=%s: graphs differ", cpu_level_name((cpu_level)level));
    }
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_equal_the_reference),
        cmocka_unit_test(lower_levels_too),
    };
    program = words[0];
    graphs_count = count > 1 ? strtoll(words[1], NULL, 10) : COUNT;
    /* A child that was started for one level starts no others. */
    size_t all = sizeof tests / sizeof *tests - (getenv("LATHE_CPU") ? 1 : 0);
    return _cmocka_run_group_tests("integer graphs", tests, all, NULL, NULL);
}
