/* SPDX-License-Identifier: GPL-3.0-or-later
   test_zoo.c -- architectures against the published counts and PyTorch's outputs. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "support_network.h"
#include "support_phase.h"
#include "zoo/architecture.h"

static void unet_phase_matches_the_reference(void **state)
{
    (void)state;
    model *m = support_phase_model("", 1);
    support_network_check(m->graph, "unet-phase");
    model_free(m);
}

static void unet_phase_has_the_published_counts(void **state)
{
    (void)state;
    model *m = support_phase_model("", 1);
    assert_int_equal(graph_parameter_count(m->graph), 17314578);
    int64_t products = graph_multiply_adds(m->graph, m->graph->input_shape, NULL);
    assert_true(fabs((double)products - 631.68e6) < 0.005e6);
    assert_string_equal(m->architecture, "unet-phase");
    assert_string_equal(m->options, "");
    assert_int_equal(m->input_transform.kind, TRANSFORM_LOG);
    assert_true(m->input_transform.epsilon == 1e-9);
    model_free(m);
}

/* Weights of a 3x3 convolution from I to O, with its bias and batch norm. */
static int64_t stage_count(int64_t i, int64_t o)
{
    return 9 * i * o + o + 2 * o;
}

static int64_t double_count(int64_t i, int64_t middle, int64_t o)
{
    return stage_count(i, middle) + stage_count(middle, o);
}

static int64_t counted_by_rule(int64_t first, int levels, int64_t inputs, int64_t outputs)
{
    int64_t total = double_count(inputs, first, first) + first * outputs + outputs;
    for (int i = 0; i < levels; i++) {
        int64_t c = first << i, deeper = i + 1 < levels ? 2 * c : c;
        int64_t above = i > 0 ? c / 2 : c;
        total += double_count(c, deeper, deeper) + double_count(2 * c, c, above);
    }
    return total;
}

static void widths_and_levels_scale(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        int64_t first, inputs, outputs;
        int levels;
    } cases[] = {
        {"channels=1 levels=1 size=2 transform=none", 1, 1, 2, 1},
        {"channels=4 levels=2 size=16", 4, 1, 2, 2},
        {"channels=6 levels=3 size=21 inputs=3 outputs=5", 6, 3, 5, 3},
        {"channels=8 levels=5 size=64", 8, 1, 2, 5},
    };
    assert_int_equal(counted_by_rule(8, 7, 1, 2), 17314578);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        model *m = support_phase_model(cases[i].options, 1);
        int64_t in = m->graph->input_shape.dim[0];
        shape *shapes = memory_new(m->graph->value_count, sizeof *shapes, NULL);
        assert_int_equal(graph_parameter_count(m->graph),
                         counted_by_rule(cases[i].first, cases[i].levels, cases[i].inputs,
                                         cases[i].outputs));
        assert_string_equal(m->options, cases[i].options);
        assert_int_equal(graph_shapes(m->graph, 3, m->graph->input_shape, shapes, NULL),
                         E_OK);
        shape out = shapes[m->graph->output];
        assert_true(shape_equal(out, shape_of(4, (int64_t)3, in, in, cases[i].outputs)));
        memory_free(shapes);
        model_free(m);
    }
}

static void too_many_levels_are_refused(void **state)
{
    (void)state;
    error e = {0};
    option_set set;
    assert_int_equal(option_set_init(&set, arch_unet_phase.options, NULL, &e), E_OK);
    assert_int_equal(option_set_put(&set, "size", "100", &e), E_OK);
    assert_null(architecture_build(&arch_unet_phase, &set, 1, &e));
    assert_int_equal(e.code, E_SHAPE);
    assert_non_null(strstr(e.text, "100 pixels halved 7 times"));
    assert_non_null(strstr(e.hint, "levels=6"));
    option_set_clear(&set);
}

/* Uniform in +-1/sqrt(fan in): inside, near the ends, mean 0, variance 1/(3 fan in). */
static void check_uniform(const parameter *p, double bound)
{
    const float *x = tensor_f32(p->data);
    int64_t n = tensor_count(p->data);
    double sum = 0, squares = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
        most = fmax(most, fabs((double)x[i]));
    }
    assert_true(most <= bound);
    if (n < 1000)
        return;
    double spread = sqrt((double)n);
    assert_true(most > 0.98 * bound);
    assert_true(fabs(sum / (double)n) < 4 * bound / spread);
    assert_true(fabs(squares / (double)n - bound * bound / 3) <
                4 * bound * bound / spread);
}

static void initial_values_follow_the_rule(void **state)
{
    (void)state;
    model *m = support_phase_model("levels=3 channels=8 size=16", 3);
    const graph *g = m->graph;
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        const parameter *w = graph_parameter(g, n, ROLE_WEIGHT);
        if (w) {
            int64_t fan = tensor_count(w->data) / tensor_shape(w->data).dim[0];
            check_uniform(w, 1 / sqrt((double)fan));
            check_uniform(graph_parameter(g, n, ROLE_BIAS), 1 / sqrt((double)fan));
        }
    }
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        float want = p->role == ROLE_SCALE || p->role == ROLE_RUNNING_VARIANCE ? 1 : 0;
        if (p->role != ROLE_WEIGHT && p->role != ROLE_BIAS)
            for (int64_t k = 0; k < tensor_count(p->data); k++)
                assert_true(tensor_f32(p->data)[k] == want);
    }
    model_free(m);
}

static void seeds_draw_other_values(void **state)
{
    (void)state;
    model *a = support_phase_model("levels=1 size=8", 3);
    model *b = support_phase_model("levels=1 size=8", 3);
    model *c = support_phase_model("levels=1 size=8", 4);
    assert_true(graph_hash(a->graph) == graph_hash(b->graph));
    assert_true(graph_hash(a->graph) != graph_hash(c->graph));
    assert_int_equal(c->seed, 4);
    model_free(a);
    model_free(b);
    model_free(c);
}

static void names_are_found(void **state)
{
    (void)state;
    for (int i = 0; architecture_at(i); i++)
        assert_ptr_equal(architecture_find(architecture_at(i)->name), architecture_at(i));
    assert_null(architecture_find("unet"));
    assert_null(architecture_at(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unet_phase_has_the_published_counts),
        cmocka_unit_test(unet_phase_matches_the_reference),
        cmocka_unit_test(widths_and_levels_scale),
        cmocka_unit_test(too_many_levels_are_refused),
        cmocka_unit_test(initial_values_follow_the_rule),
        cmocka_unit_test(seeds_draw_other_values),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
