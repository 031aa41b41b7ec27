/* SPDX-License-Identifier: GPL-3.0-or-later
   test_channel.c -- graphs that have lost channels against the whole graph, run by the
   reference in double, with these channels set to zero in every value: small graphs drawn
   from all operators.  An argument is how many: test_channel 5000. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compress/channel.h"
#include "compress/prune.h"
#include "engine/plan.h"
#include "graph/check.h"
#include "graph/model.h"
#include "graph/operator.h"
#include "support_graph.h"
#include "support_random_graph.h"

enum { BATCH = 2, GRAPHS = 250, SHAPES_MOST = 256 };

static const double tolerance = 1e-5;
static int64_t graphs = GRAPHS;

/* ---- what goes ---- */

/* Units in random order, as long as every value keeps a channel. */
static void draw_units(const graph *g, const channel_units *u, uint8_t *goes,
                       random_stream *r)
{
    int64_t *left = calloc((size_t)g->value_count, sizeof *left);
    int64_t *order = calloc((size_t)u->count + 1, sizeof *order);
    const double share = random_uniform(r);
    assert_true(left && order);
    for (int v = 0; v < g->value_count; v++)
        left[v] = u->first[v + 1] - u->first[v];
    for (int64_t k = 0; k < u->count; k++)
        order[k] = k;
    random_shuffle(r, order, u->count);
    for (int64_t k = 0; k < u->count; k++) {
        bool fits = random_uniform(r) < share;
        for (int pass = 0; pass < 2 && fits; pass++)
            for (int v = 0; v < g->value_count; v++) {
                int64_t here = 0;
                for (int64_t i = u->first[v]; i < u->first[v + 1]; i++)
                    here += u->unit[i] == order[k];
                fits = fits && left[v] > here;
                left[v] -= pass == 1 ? here : 0;
            }
        goes[order[k]] = fits;
    }
    free(left);
    free(order);
}

static uint8_t *kept_of(const channel_units *u, const uint8_t *goes)
{
    int64_t total = u->first[u->value_count];
    uint8_t *kept = malloc((size_t)total + 1);
    assert_non_null(kept);
    for (int64_t i = 0; i < total; i++)
        kept[i] = u->unit[i] < 0 || !goes[u->unit[i]];
    return kept;
}

/* ---- comparing ---- */

static void check_answer(const graph *cut, const float *x, const double *wanted,
                         uint64_t seed)
{
    error e = {0};
    plan *p = plan_new_inference(cut, BATCH, cut->input_shape, &e);
    if (!p)
        fail_msg("graph %d: %s", (int)seed, e.text);
    int64_t count = shape_count(plan_output_shape(p));
    memcpy(plan_input(p), x, (size_t)(BATCH * shape_count(cut->input_shape)) * sizeof *x);
    assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
    double largest = 1;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(wanted[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs((double)plan_output(p)[i] - wanted[i]) <= tolerance * largest))
            fail_msg("graph %d: output %d is %.9g, masked it is %.9g", (int)seed, (int)i,
                     (double)plan_output(p)[i], wanted[i]);
    plan_free(p);
}

/* In double, where rounding cannot hide or feign a difference. */
static void check_exactly(const graph *cut, const float *x, const double *wanted,
                          uint64_t seed)
{
    shape shapes[SHAPES_MOST];
    assert_true(cut->value_count <= SHAPES_MOST);
    assert_int_equal(graph_shapes(cut, BATCH, cut->input_shape, shapes, NULL), E_OK);
    int64_t count = shape_count(shapes[cut->output]);
    double *exact = support_reference_run(cut, x, BATCH, NULL), largest = 1;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(wanted[i]));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(exact[i] - wanted[i]) <= 1e-9 * largest))
            fail_msg("graph %d: output %d is %.17g in double, masked it is %.17g",
                     (int)seed, (int)i, exact[i], wanted[i]);
    free(exact);
}

/* Masks go with their parameters. */
static void check_masks(const graph *g)
{
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        if (!p->mask)
            continue;
        assert_true(shape_equal(tensor_shape(p->mask), tensor_shape(p->data)));
        const uint8_t *mask = tensor_data(p->mask);
        for (int64_t k = 0; k < tensor_count(p->mask); k++)
            assert_true(mask[k] || tensor_f32(p->data)[k] == 0.0f);
    }
}

static int64_t removed_channels(const channel_units *u, const uint8_t *goes)
{
    int64_t gone = 0;
    for (int64_t i = 0; i < u->first[u->value_count]; i++)
        gone += u->unit[i] >= 0 && goes[u->unit[i]];
    return gone;
}

static void check_cut(const graph *g, const channel_units *u, const uint8_t *goes,
                      random_stream *r, uint64_t seed)
{
    error e = {0};
    int64_t inputs = BATCH * shape_count(g->input_shape);
    graph *cut = graph_without_channels(g, u, goes, &e);
    if (!cut)
        fail_msg("graph %d: %s", (int)seed, e.text);
    graph *unread = graph_with_channels_unread(g, u, goes, &e);
    assert_non_null(unread);
    float *x = malloc((size_t)inputs * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < inputs; i++)
        x[i] = (float)random_normal(r);
    uint8_t *kept = kept_of(u, goes);
    double *wanted = support_reference_run(g, x, BATCH, kept);
    check_exactly(cut, x, wanted, seed);
    check_answer(cut, x, wanted, seed);
    check_answer(unread, x, wanted, seed);
    check_masks(cut);
    if ((graph_parameter_count(cut) < graph_parameter_count(g)) !=
        (removed_channels(u, goes) > 0))
        fail_msg("graph %d: channels without parameters", (int)seed);
    free(kept);
    free(wanted);
    free(x);
    graph_free(unread);
    graph_free(cut);
}

/* Where there are weights at all. */
static void draw_masks(graph *g, uint64_t seed)
{
    prune_result result;
    error e = {0};
    status s = prune_weights(g, criterion_find("random"), SCOPE_GLOBAL, TARGET_WEIGHTS,
                             0.3, seed, &result, &e);
    assert_true(s == E_OK || s == E_USAGE);
}

static void random_units_go(void **state)
{
    int64_t gone = 0;
    (void)state;
    for (int64_t i = 0; i < graphs; i++) {
        error e = {0};
        uint64_t seed = (uint64_t)i;
        random_stream r = random_new(seed, "units", 0);
        graph *g = support_random_graph(seed);
        channel_units u;
        if (i % 4 == 0)
            draw_masks(g, seed);
        assert_int_equal(channel_units_find(g, &u, &e), E_OK);
        uint8_t *goes = calloc((size_t)u.count + 1, 1);
        assert_non_null(goes);
        draw_units(g, &u, goes, &r);
        check_cut(g, &u, goes, &r, seed);
        gone += removed_channels(&u, goes);
        free(goes);
        channel_units_clear(&u);
        graph_free(g);
    }
    assert_true(gone > 10 * graphs); /* or this test compares graphs with themselves */
}

/* The same where a plan says what goes; what it says is kept to. */
static void planned_units_go(void **state)
{
    static const int64_t rounds[] = {1, 1, 2, 4, 8};
    int64_t planned = 0;
    (void)state;
    for (int64_t i = 0; i < graphs; i++) {
        error e = {0};
        uint64_t seed = (uint64_t)(i + 1000000);
        random_stream r = random_new(seed, "units", 0);
        model m = {.graph = support_random_graph(seed)};
        channel_plan p;
        channel_settings s = {.criterion = channel_criterion_find("random"),
                              .joining = (channel_joining)random_below(&r, 3),
                              .scope = random_below(&r, 2) ? SCOPE_LAYER : SCOPE_GLOBAL,
                              .amount = random_uniform(&r),
                              .most = 1,
                              .round = rounds[random_below(&r, 5)],
                              .seed = seed};
        status done = channel_plan_make(&m, &s, NULL, &p, &e);
        if (done == E_OK) {
            check_cut(m.graph, &p.units, p.goes, &r, seed);
            channel_plan_clear(&p);
            planned++;
        } else if (done != E_USAGE) {
            fail_msg("graph %d: %s", (int)seed, e.text);
        }
        graph_free(m.graph);
    }
    assert_true(2 * planned > graphs);
}

/* ---- what belongs together ---- */

static void check_units(const graph *g, int v, const int64_t *wanted, int64_t count)
{
    error e = {0};
    channel_units u;
    assert_int_equal(channel_units_find(g, &u, &e), E_OK);
    assert_int_equal(u.first[v + 1] - u.first[v], count);
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < count; k++) {
            const int64_t *unit = u.unit + u.first[v];
            assert_int_equal(unit[i] < 0, wanted[i] < 0);
            if (wanted[i] >= 0)
                assert_int_equal(unit[i] == unit[k], wanted[i] == wanted[k]);
        }
    channel_units_clear(&u);
}

static int layer(graph *g, int v, int64_t channels, int64_t groups)
{
    attributes a = support_convolution(channels, 3);
    a.groups = groups;
    return graph_add(g, "conv2d", "c", &a, &v, 1, NULL);
}

static void rules_say_what_belongs_together(void **state)
{
    graph *g = graph_new(shape_of(3, INT64_C(4), INT64_C(4), INT64_C(2)), NULL);
    (void)state;
    int v = layer(g, g->input, 6, 1);
    int grouped = layer(g, v, 4, 2); /* three inputs and two outputs to a group */
    int deep = layer(g, grouped, 8, 4);
    int half = graph_add(g, "slice", "s", &(attributes){.first = 2, .channels = 4}, &deep,
                         1, NULL);
    int sum = graph_add(g, "add", "a", NULL, (int[]){half, grouped}, 2, NULL);
    int last = layer(g, sum, 3, 1);
    assert_true(last >= 0);
    check_units(g, g->input, (int64_t[]){-1, -1}, 2);
    check_units(g, v, (int64_t[]){0, 1, 2, 0, 1, 2}, 6);
    /* By groups 0 2 and 1 3; by the depthwise layer 0 1, 2 3, 4 5, 6 7 behind it; by the
       sum 2 3 4 5 of these beside 0 1 2 3: all in one. */
    check_units(g, deep, (int64_t[]){0, 0, 0, 0, 0, 0, 0, 0}, 8);
    check_units(g, last, (int64_t[]){-1, -1, -1}, 3);
    graph_free(g);
}

static void norms_over_channels_keep_them(void **state)
{
    attributes norm = support_norm();
    graph *g = graph_new(shape_of(3, INT64_C(4), INT64_C(4), INT64_C(2)), NULL);
    (void)state;
    int v = layer(g, g->input, 6, 1);
    norm.groups = 3;
    int groups = graph_add(g, "group_norm", "g", &norm, &v, 1, NULL);
    int w = layer(g, groups, 4, 1);
    int rows = graph_add(g, "layer_norm", "l", &norm, &w, 1, NULL);
    assert_true(layer(g, rows, 3, 1) >= 0);
    check_units(g, v, (int64_t[]){0, 0, 1, 1, 2, 2}, 6);
    check_units(g, w, (int64_t[]){-1, -1, -1, -1}, 4);
    graph_free(g);
}

static void the_last_channel_stays(void **state)
{
    error e = {0};
    channel_units u;
    graph *g = graph_new(shape_of(3, INT64_C(4), INT64_C(4), INT64_C(2)), NULL);
    uint8_t goes[3] = {1, 1, 1};
    (void)state;
    assert_true(layer(g, layer(g, g->input, 3, 1), 3, 1) >= 0);
    support_fill(g, 1);
    assert_int_equal(channel_units_find(g, &u, &e), E_OK);
    assert_int_equal(u.count, 3);
    assert_null(graph_without_channels(g, &u, goes, &e));
    assert_int_equal(e.code, E_RANGE);
    channel_units_clear(&u);
    graph_free(g);
}

/* Every operator that stands in the table was drawn, but those of codes. */
static void all_operators_are_drawn(void **state)
{
    bool drawn[64] = {false};
    (void)state;
    for (int64_t i = 0; i < graphs; i++) {
        graph *g = support_random_graph((uint64_t)i);
        for (int k = 0; k < g->node_count; k++)
            for (int o = 0; operator_at(o); o++)
                drawn[o] |= operator_at(o) == g->nodes[k].op;
        graph_free(g);
    }
    for (int o = 0; operator_at(o); o++)
        if (!drawn[o] && operator_at(o) != &op_quantize &&
            operator_at(o) != &op_dequantize)
            fail_msg("%s was never drawn", operator_at(o)->name);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_say_what_belongs_together),
        cmocka_unit_test(norms_over_channels_keep_them),
        cmocka_unit_test(the_last_channel_stays),
        cmocka_unit_test(all_operators_are_drawn),
        cmocka_unit_test(random_units_go),
        cmocka_unit_test(planned_units_go),
    };
    if (argc > 1)
        graphs = strtoll(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
