/* SPDX-License-Identifier: GPL-3.0-or-later
   test_integer_unroll.c -- conv3d and transposed convolutions on codes: against the slow
   reference bit for bit, and within whole graphs that are folded and quantized. */
#include "support.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "compress/quantize.h"
#include "engine/plan.h"
#include "graph/check.h"
#include "support_codes.h"
#include "support_drawing.h"
#include "support_graph.h"

static void check_drawn(const char *op, uint64_t number)
{
    bench b = {.random = random_new(30, op, number)};
    drawn d = {.inputs = 1};
    int8_t map[256];
    support_drawing(op)->draw(&b.random, &d);
    bench_begin(&b, op, 8, 1, d.in);
    b.node.attr = d.a;
    shape weight = d.in[0];
    const int rank = weight.rank;
    int64_t taps = weight.dim[rank - 1] /= d.a.groups;
    weight.dim[0] = d.a.channels;
    for (int i = 1; i < rank - 1; i++)
        taps *= weight.dim[i] = d.a.kernel[i + 4 - rank];
    bench_give_weights(&b, 8, weight, number & 1, number & 2, d.a.bias);
    bench_fit_output(&b, taps);
    bench_check(&b);
    for (int i = 0; i < 256; i++)
        map[i] = (int8_t)(random_below(&b.random, 256) - 128);
    b.map = map;
    bench_check(&b);
    bench_end(&b);
}

static void codes_follow_the_reference(void **state)
{
    static const char *const ops[] = {"conv3d", "conv_transpose2d", "conv_transpose3d"};
    (void)state;
    for (int i = 0; i < 3; i++)
        for (uint64_t n = 0; n < 40; n++)
            check_drawn(ops[i], n);
}

/* ---- whole graphs ---- */

enum { SIZE = 12, SAMPLES = 12 };

/* Down by a pool, up by a transposed convolution with batch norm, joined; OVERLAP: a
   kernel of 3 that overlaps. */
static model *image_model(bool overlap)
{
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(2)), NULL);
    attributes pool = support_window(2, 2), norm = support_norm();
    attributes up = support_convolution(5, overlap ? 3 : 2),
               head = support_convolution(3, 1);
    up.stride[1] = up.stride[2] = 2;
    up.padding[1] = up.padding[2] = overlap;
    up.output_padding[1] = up.output_padding[2] = overlap;
    int skip = support_block(g, "a", g->input, 5);
    int v = graph_add(g, "max_pool2d", "pool", &pool, &skip, 1, NULL);
    v = support_block(g, "b", v, 8);
    v = graph_add(g, "conv_transpose2d", "up", &up, &v, 1, NULL);
    v = graph_add(g, "batch_norm", "up.norm", &norm, &v, 1, NULL);
    v = graph_add(g, "relu", "up.relu", NULL, &v, 1, NULL);
    v = graph_add(g, "concat", "join", NULL, (int[]){v, skip}, 2, NULL);
    assert_true(graph_add(g, "conv2d", "out", &head, &v, 1, NULL) >= 0);
    support_fill(g, 31);
    return model_new(g, NULL);
}

static dataset *images(void)
{
    dataset *d = dataset_new(NULL);
    d->count = SAMPLES;
    d->input = tensor_new(
        DTYPE_F32,
        shape_of(4, (int64_t)SAMPLES, (int64_t)SIZE, (int64_t)SIZE, INT64_C(2)), NULL);
    d->split = memory_new(SAMPLES, 1, NULL);
    random_stream r = random_new(32, "images", 0);
    random_fill_uniform(&r, tensor_write_f32(d->input, NULL), tensor_count(d->input), -1,
                        1);
    memset(d->split, SPLIT_TRAIN, SAMPLES);
    return d;
}

/* What M answers to all of D; the caller frees. */
static float *answers(const graph *g, const dataset *d, int64_t *count)
{
    plan *p = plan_new_inference(g, SAMPLES, g->input_shape, NULL);
    assert_non_null(p);
    memcpy(plan_input(p), tensor_data(d->input), tensor_bytes(d->input));
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    *count = shape_count(plan_output_shape(p));
    float *y = memory_new(*count, sizeof *y, NULL);
    memcpy(y, plan_output(p), (size_t)*count * sizeof *y);
    plan_free(p);
    return y;
}

static double distance(const graph *a, const graph *b, const dataset *d)
{
    int64_t n, same;
    double difference = 0, size = 0;
    float *x = answers(a, d, &n), *y = answers(b, d, &same);
    assert_int_equal(n, same);
    for (int64_t i = 0; i < n; i++) {
        difference += pow((double)x[i] - (double)y[i], 2);
        size += pow((double)x[i], 2);
    }
    memory_free(x);
    memory_free(y);
    return sqrt(difference / size);
}

static void batch_norm_is_folded(void **state)
{
    (void)state;
    dataset *d = images();
    for (int overlap = 0; overlap < 2; overlap++) {
        model *m = image_model(overlap);
        graph *g = graph_copy(m->graph, NULL);
        int folded;
        assert_int_equal(fold_batch_norm(g, &folded, NULL), E_OK);
        assert_int_equal(folded, 3);
        assert_true(graph_find_node(g, "up.norm") < 0);
        assert_true(distance(m->graph, g, d) < 1e-5);
        graph_free(g);
        model_free(m);
    }
    dataset_free(d);
}

static void graphs_run_in_integers_alone(void **state)
{
    (void)state;
    dataset *d = images();
    for (int overlap = 0; overlap < 2; overlap++) {
        model *m = image_model(overlap), *q = model_copy(m, NULL);
        quantize_settings s = {.scheme = QUANTIZE_STATIC,
                               .bits = 8,
                               .grain = PER_CHANNEL,
                               .samples = SAMPLES,
                               .seed = 1};
        error e = {0};
        if (quantize_model(q, &s, d, NULL, &e) != E_OK)
            fail_msg("%s", e.text);
        const graph *g = q->graph;
        assert_int_equal(graph_check_types(g, NULL), E_OK);
        for (int i = 0; i < g->node_count; i++)
            if (i + 1 < g->node_count)
                assert_int_equal(g->values[g->nodes[i].output].type, DTYPE_S8);
        assert_true(distance(m->graph, g, d) < 0.03);
        model_free(q);
        model_free(m);
    }
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codes_follow_the_reference),
                                       cmocka_unit_test(batch_norm_is_folded),
                                       cmocka_unit_test(graphs_run_in_integers_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
