/* SPDX-License-Identifier: GPL-3.0-or-later
   test_fuse.c -- fused graphs answer what the graphs they came from answer: random graphs
   by the hundreds, and the folds one by one, with what they leave. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/random.h"
#include "compress/fuse.h"
#include "engine/plan.h"
#include "graph/operator.h"
#include "support_graph.h"

/* A graph in the making: every value with its shape. */
typedef struct growing {
    graph *g;
    random_stream draw;
    shape shapes[64];
    int last, number;
} growing;

static int64_t below(growing *w, int64_t n)
{
    return (int64_t)random_between(&w->draw, 0, (double)n - 1e-9);
}

static int64_t channels_of(const growing *w, int value)
{
    return w->shapes[value].dim[w->shapes[value].rank - 1];
}

/* Adds a node where it fits; what does not fit is left out. */
static void grow(growing *w, const char *op, const attributes *a, const int *inputs,
                 int count)
{
    char name[32];
    snprintf(name, sizeof name, "n%d", w->number++);
    int out = graph_add(w->g, op, name, a, inputs, count, NULL);
    if (out < 0)
        return;
    assert_int_equal(graph_shapes(w->g, 1, w->g->input_shape, w->shapes, NULL), E_OK);
    w->last = out;
}

static void grow_convolution(growing *w, bool transposed)
{
    const int64_t kernel = 1 + 2 * below(w, 2), in = channels_of(w, w->last);
    attributes a = support_convolution(1 + below(w, 6), kernel);
    a.padding[1] = a.padding[2] = below(w, 2) * (kernel / 2);
    a.stride[1] = a.stride[2] = 1 + below(w, 2);
    a.bias = below(w, 2);
    if (below(w, 3) == 0) {
        a.groups = in;
        a.channels = in * (1 + below(w, 2));
    }
    grow(w, transposed ? "conv_transpose2d" : "conv2d", &a, &w->last, 1);
}

static void grow_pair(growing *w)
{
    for (int v = w->g->value_count - 1; v >= 0; v--) {
        const int both[2] = {v, w->last};
        if (v == w->last || w->shapes[v].rank != w->shapes[w->last].rank)
            continue;
        if (shape_equal(w->shapes[v], w->shapes[w->last]))
            grow(w, below(w, 2) ? "add" : "concat", NULL, both, 2);
        else
            continue;
        return;
    }
}

static void grow_any(growing *w)
{
    static const char *const plain[] = {"relu", "leaky_relu", "sigmoid", "hard_swish"};
    attributes norm = support_norm(), pool = support_window(1 + below(w, 2), 1);
    attributes a = {.slope = 0.1, .probability = 0.5, .channels = 3, .factor = 1};
    a.bias = below(w, 2);
    switch (below(w, 12)) {
    case 0:
    case 1:
    case 2:
        grow_convolution(w, false);
        break;
    case 3:
        grow_convolution(w, true);
        break;
    case 4:
    case 5:
    case 6:
        grow(w, "batch_norm", &norm, &w->last, 1);
        break;
    case 7:
        grow(w, plain[below(w, 4)], &a, &w->last, 1);
        break;
    case 8:
        grow(w, below(w, 2) ? "max_pool2d" : "avg_pool2d", &pool, &w->last, 1);
        break;
    case 9:
        grow_pair(w);
        break;
    case 10:
        grow(w, below(w, 2) ? "dropout" : "resize_bilinear", &a, &w->last, 1);
        break;
    default: /* a branch that nobody may come back to */
        w->last = (int)below(w, w->g->value_count);
    }
}

static void grow_head(growing *w)
{
    attributes wide = {.channels = 7, .bias = true}, narrow = {.channels = 2};
    attributes norm = support_norm();
    if (w->shapes[w->last].rank != 4)
        return;
    grow(w, "flatten", NULL, &w->last, 1);
    if (below(w, 2))
        grow(w, "dropout", &(attributes){.probability = 0.5}, &w->last, 1);
    grow(w, "linear", &wide, &w->last, 1);
    if (below(w, 2))
        grow(w, "batch_norm", &norm, &w->last, 1);
    grow(w, "linear", &narrow, &w->last, 1);
}

static graph *random_graph(uint64_t seed)
{
    growing w = {.draw = random_new(seed, "graph", 0)};
    const int64_t size = 4 + below(&w, 5);
    w.g = graph_new(shape_of(3, size, size + 1, 1 + below(&w, 4)), NULL);
    assert_int_equal(graph_shapes(w.g, 1, w.g->input_shape, w.shapes, NULL), E_OK);
    const int64_t nodes = 3 + below(&w, 12);
    for (int64_t i = 0; i < nodes; i++)
        grow_any(&w);
    if (below(&w, 2))
        grow_head(&w);
    if (w.g->node_count == 0)
        grow(&w, "relu", NULL, &w.g->input, 1);
    support_fill(w.g, seed);
    return w.g;
}

/* Zeroes and masks a third of P, and some of its channels as a whole. */
static void mask_some(parameter *p, uint64_t seed)
{
    random_stream r = random_new(seed, "mask", 0);
    p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), NULL);
    uint8_t *mask = tensor_write(p->mask, NULL);
    for (int64_t i = 0; i < tensor_count(p->data); i++)
        mask[i] = random_between(&r, 0, 3) > 1;
}

/* All weights of one layer are 0. */
static void kill_a_layer(graph *g, uint64_t seed)
{
    random_stream r = random_new(seed, "kill", 0);
    int layers = 0, chosen = -1;
    for (int i = 0; i < g->parameter_count; i++)
        if (g->parameters[i].role == ROLE_WEIGHT && random_between(&r, 0, ++layers) < 1)
            chosen = i;
    if (chosen < 0)
        return;
    tensor *data = g->parameters[chosen].data;
    memset(tensor_write_f32(data, NULL), 0, tensor_bytes(data));
}

static double *answers(const graph *g, uint64_t seed, int64_t *count)
{
    plan *p = plan_new_inference(g, 2, g->input_shape, NULL);
    assert_non_null(p);
    float *x = plan_input(p);
    assert_non_null(x);
    random_stream r = random_new(seed, "input", 0);
    for (int64_t i = 0; i < 2 * shape_count(g->input_shape); i++)
        x[i] = (float)random_between(&r, -1, 1);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    *count = shape_count(plan_output_shape(p));
    double *y = memory_new(*count, sizeof *y, NULL);
    for (int64_t i = 0; i < *count; i++)
        y[i] = (double)plan_output(p)[i];
    plan_free(p);
    return y;
}

/* Both graphs answer the same, within 1e-5 of the largest, or of 0.1: what is inside is
   near 1 and rounded so, however small the answer. */
static void check_same(const graph *a, const graph *b, uint64_t seed)
{
    int64_t n, m;
    double *x = answers(a, seed, &n), *y = answers(b, seed, &m);
    double largest = 0.1, difference = 0;
    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs(x[i]));
        difference = fmax(difference, fabs(x[i] - y[i]));
    }
    if (!(difference <= 1e-5 * largest))
        fail_msg("graph %d: answers differ by %g of %g", (int)seed, difference, largest);
    memory_free(x);
    memory_free(y);
}

static void check_masks(const graph *g)
{
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        for (int64_t k = 0; p->mask && k < tensor_count(p->data); k++)
            if (!((const uint8_t *)tensor_data(p->mask))[k])
                assert_true(tensor_f32(p->data)[k] == 0);
    }
}

static void random_graphs_answer_the_same(void **state)
{
    (void)state;
    fuse_counts all = {0};
    for (uint64_t seed = 1; seed <= 4000; seed++) {
        graph *g = random_graph(seed);
        for (int i = 0; seed % 3 == 0 && i < g->parameter_count; i++)
            if (g->parameters[i].role == ROLE_WEIGHT ||
                g->parameters[i].role == ROLE_SCALE)
                mask_some(&g->parameters[i], seed + (uint64_t)i);
        assert_int_equal(graph_apply_masks(g, NULL), E_OK);
        if (seed % 4 == 0)
            kill_a_layer(g, seed);
        graph *fused = graph_copy(g, NULL);
        fuse_counts n, none;
        error e = {0};
        if (fuse_graph(fused, &n, &e))
            fail_msg("graph %d: %s", (int)seed, e.text);
        assert_int_equal(g->node_count - fused->node_count,
                         n.folded + n.joined + n.identities + n.dead + n.constants);
        check_same(g, fused, seed);
        check_masks(fused);
        assert_int_equal(fuse_graph(fused, &none, NULL), E_OK);
        assert_int_equal(none.folded + none.joined + none.identities + none.dead, 0);
        all.folded += n.folded;
        all.joined += n.joined;
        all.identities += n.identities;
        all.dead += n.dead;
        all.constants += n.constants;
        graph_free(fused);
        graph_free(g);
    }
    /* The graphs were such that every pass had work. */
    assert_true(all.folded > 2000 && all.joined > 100 && all.identities > 500 &&
                all.dead > 500 && all.constants > 0);
}

/* input, norm, pool, flatten, linear */
static graph *norm_first(const char *pool, bool negative)
{
    graph *g = graph_new(shape_of(3, INT64_C(4), INT64_C(4), INT64_C(3)), NULL);
    attributes norm = support_norm(), window = support_window(2, 2),
               head = {.channels = 5};
    int v = graph_add(g, "batch_norm", "norm", &norm, &g->input, 1, NULL);
    v = graph_add(g, pool, "pool", &window, &v, 1, NULL);
    v = graph_add(g, "flatten", "flatten", NULL, &v, 1, NULL);
    graph_add(g, "linear", "head", &head, &v, 1, NULL);
    support_fill(g, 3);
    if (negative)
        tensor_write_f32(g->parameters[graph_find_parameter(g, "norm.weight")].data,
                         NULL)[1] = -1;
    return g;
}

static void norms_go_through_pools_and_flatten(void **state)
{
    (void)state;
    static const struct {
        const char *pool;
        bool negative;
        int folded;
    } rows[] = {
        {"max_pool2d", false, 1}, {"max_pool2d", true, 0}, {"avg_pool2d", true, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        graph *g = norm_first(rows[i].pool, rows[i].negative);
        graph *fused = graph_copy(g, NULL);
        fuse_counts n;
        assert_int_equal(fuse_graph(fused, &n, NULL), E_OK);
        assert_int_equal(n.folded, rows[i].folded);
        check_same(g, fused, i);
        graph_free(g);
        graph_free(fused);
    }
}

/* A norm with an offset stays before padding: its zeros are not those of the norm. */
static void padding_keeps_a_norm(void **state)
{
    (void)state;
    for (int padded = 0; padded < 2; padded++) {
        graph *g = graph_new(shape_of(3, INT64_C(5), INT64_C(5), INT64_C(2)), NULL);
        attributes norm = support_norm(), conv = support_convolution(3, 3);
        conv.padding[1] = conv.padding[2] = padded;
        int v = graph_add(g, "batch_norm", "norm", &norm, &g->input, 1, NULL);
        graph_add(g, "conv2d", "conv", &conv, &v, 1, NULL);
        support_fill(g, 4);
        graph *fused = graph_copy(g, NULL);
        fuse_counts n;
        assert_int_equal(fuse_graph(fused, &n, NULL), E_OK);
        assert_int_equal(n.folded, !padded);
        check_same(g, fused, 1);
        graph_free(g);
        graph_free(fused);
    }
}

/* conv "main"; a branch whose last layer is dead: add it, or gate by its sigmoid. */
static graph *dead_branch(bool gate, bool bias)
{
    graph *g = graph_new(shape_of(3, INT64_C(6), INT64_C(6), INT64_C(2)), NULL);
    attributes wide = support_convolution(4, 3), one = support_convolution(4, 1);
    wide.bias = one.bias = true;
    int stem = graph_add(g, "conv2d", "stem", &wide, &g->input, 1, NULL);
    int v = graph_add(g, "conv2d", "main", &wide, &stem, 1, NULL);
    int b = gate ? graph_add(g, "global_avg_pool2d", "mean", NULL, &stem, 1, NULL)
                 : graph_add(g, "relu", "bend", NULL, &stem, 1, NULL);
    b = graph_add(g, "conv2d", "dead", &one, &b, 1, NULL);
    b = graph_add(g, gate ? "hard_sigmoid" : "relu", "act", NULL, &b, 1, NULL);
    v = graph_add(g, gate ? "multiply" : "add", "both", NULL, (int[]){b, v}, 2, NULL);
    graph_add(g, "relu", "last", NULL, &v, 1, NULL);
    support_fill(g, 8);
    for (int i = 0; i < 2; i++) {
        static const char *const names[] = {"dead.weight", "dead.bias"};
        tensor *t = g->parameters[graph_find_parameter(g, names[i])].data;
        if (i == 0 || !bias)
            memset(tensor_write_f32(t, NULL), 0, tensor_bytes(t));
    }
    return g;
}

static void dead_branches_become_numbers(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        graph *g = dead_branch(i & 1, i & 2), *fused = graph_copy(g, NULL);
        fuse_counts n;
        assert_int_equal(fuse_graph(fused, &n, NULL), E_OK);
        assert_int_equal(n.constants, 1);
        assert_int_equal(fused->node_count, 3); /* stem, main, last */
        check_same(g, fused, (uint64_t)i);
        graph_free(g);
        graph_free(fused);
    }
}

static void a_graph_keeps_its_last_node(void **state)
{
    (void)state;
    graph *g = graph_new(shape_of(1, INT64_C(3)), NULL);
    fuse_counts n;
    attributes half = {.probability = 0.5};
    graph_add(g, "dropout", "drop", &half, &g->input, 1, NULL);
    assert_int_equal(fuse_graph(g, &n, NULL), E_OK);
    assert_int_equal(g->node_count, 1);
    graph_free(g);
}

static void modules_are_those_before_flatten(void **state)
{
    (void)state;
    graph *g = norm_first("max_pool2d", false), *u = support_unet(8);
    assert_int_equal(fuse_modules(g), 2);
    assert_int_equal(fuse_modules(u), u->node_count);
    graph_free(g);
    graph_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_answer_the_same),
        cmocka_unit_test(norms_go_through_pools_and_flatten),
        cmocka_unit_test(padding_keeps_a_norm),
        cmocka_unit_test(dead_branches_become_numbers),
        cmocka_unit_test(a_graph_keeps_its_last_node),
        cmocka_unit_test(modules_are_those_before_flatten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
