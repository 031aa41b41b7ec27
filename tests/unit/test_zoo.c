/* SPDX-License-Identifier: GPL-3.0-or-later
   test_zoo.c -- architectures against the published counts and PyTorch's outputs. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/operator.h"
#include "support_network.h"
#include "support_phase.h"
#include "zoo/architecture.h"

static model *outline(const char *name, const char *options)
{
    error e = {0};
    const architecture *a = architecture_find(name);
    assert_non_null(a);
    model *m = architecture_outline(a, options, &e);
    if (!m)
        fail_msg("%s %s: %s", name, options, e.text);
    return m;
}

/* Every network of the reference: PyTorch's parameter names and shapes, and its outputs. */
static void networks_match_the_reference(void **state)
{
    static const struct {
        const char *name, *options;
    } rows[] = {
        {"unet-phase", ""},        {"unet-sid", "size=32"},
        {"unet-light", "size=32"}, {"unet-lighter", "size=32"},
        {"unet-fire", "size=32"},  {"vgg", ""},
        {"cnn-mnist", ""},         {"cnn-simple", ""},
        {"cnn-enhanced", ""},      {"mobilenetv3-small", ""},
        {"swae-mlp", "blocks=no"}, {"swae-gmlp", "blocks=no"},
        {"swae-mlp", ""},          {"swae-gmlp", ""},
        {"swae-conv", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        model *m = outline(rows[i].name, rows[i].options);
        support_network_check(m->graph, rows[i].name);
        model_free(m);
    }
}

/* Published parameters; multiply-adds are rounded where they were published so, to one in
   UNIT.  Of the last seven: torchvision's counts, He et al.'s table 6 for resnet-20 with
   its two projections, and sums by hand. */
static void networks_have_the_published_counts(void **state)
{
    static const struct {
        const char *name, *options;
        int64_t parameters, multiply_adds, unit;
    } rows[] = {
        {"unet-phase", "", 17314578, 631680000, 10000},
        {"unet-sid", "", 7760748, 3028290000, 10000},
        {"unet-light", "", 4285676, 0, 0},
        {"unet-lighter", "", 1513812, 499860000, 10000},
        {"unet-fire", "", 1343852, 0, 0},
        {"vgg", "", 9228362, 605754368, 1},
        {"cnn-mnist", "", 1199882, 0, 0},
        {"cnn-simple", "", 268746, 0, 0},
        {"cnn-enhanced", "", 2620938, 0, 0},
        {"mobilenetv3-small", "", 1528106, 2170000, 10000},
        {"mobilenetv3-small", "resize=224", 1528106, 55500000, 10000},
        {"mobilenetv3-small", "hidden=256", 1077290, 0, 0},
        {"mobilenetv3-small", "size=224 classes=1000", 2542856, 56510000, 10000},
        {"mobilenet-tiny", "", 41122, 0, 0},
        {"swae-mlp", "", 145549, 144384, 1},
        {"swae-gmlp", "", 1125517, 1120000, 10000},
        {"swae-conv", "", 4743825, 38010000, 10000},
        {"lenet-5", "", 61706, 416520, 1},
        {"resnet-18", "", 11173962, 555422720, 1},
        {"resnet-18", "stem=large size=224 classes=1000", 11689512, 1814073344, 1},
        {"resnet-20", "", 269722 + 512 + 2048 + 2 * (32 + 64), 0, 0},
        {"mobilenetv2", "", 2236682, 0, 0},
        {"mobilenetv2", "size=224 classes=1000", 3504872, 300774272, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        model *m = outline(rows[i].name, rows[i].options);
        int64_t products = graph_multiply_adds(m->graph, m->graph->input_shape, NULL);
        if (graph_parameter_count(m->graph) != rows[i].parameters)
            fail_msg("%s %s: %lld parameters", rows[i].name, rows[i].options,
                     (long long)graph_parameter_count(m->graph));
        if (rows[i].unit > 0 &&
            2 * llabs(products - rows[i].multiply_adds) > rows[i].unit)
            fail_msg("%s %s: %lld multiply-adds", rows[i].name, rows[i].options,
                     (long long)products);
        model_free(m);
    }
}

/* The variants that rows name can be built, and so can each in other widths. */
static void options_scale_every_network(void **state)
{
    static const struct {
        const char *name, *options;
    } rows[] = {
        {"unet-sid", "channels=8 levels=3 size=12 inputs=1 outputs=2"},
        {"unet-light", "levels=1 size=5"},
        {"unet-fire", "channels=9 levels=2 size=6"},
        {"vgg", "channels=5 levels=3 size=20 inputs=1 classes=7"},
        {"cnn-mnist", "channels=4 hidden=9 size=12 inputs=3 classes=3"},
        {"cnn-simple", "channels=3 hidden=5 size=17"},
        {"cnn-enhanced", "channels=2 hidden=8 dropout=0 size=16"},
        {"lenet-5", "activation=relu size=32 inputs=3"},
        {"mobilenetv3-small", "width=0.5 hidden=64 size=20 inputs=1"},
        {"mobilenetv2", "width=1.4 size=40 classes=3"},
        {"mobilenet-tiny", "width=0.25 resize=0 hidden=8"},
        {"resnet-18", "channels=4 blocks=1 size=30"},
        {"resnet-20", "blocks=5 channels=8 classes=100"},
        {"swae-mlp", "latent=4 hidden=20"},
        {"swae-gmlp", "latent=8 width=12 depth=1"},
        {"swae-conv", "latent=4 channels=2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        model *m = outline(rows[i].name, rows[i].options);
        /* The same words, in the order of the architecture's table. */
        assert_int_equal(strlen(m->options), strlen(rows[i].options));
        model_free(m);
    }
    for (int i = 0; architecture_at(i); i++)
        for (int k = 0; architecture_at(i)->variants && architecture_at(i)->variants[k];
             k++)
            model_free(
                outline(architecture_at(i)->name, architecture_at(i)->variants[k]));
}

static void wrong_options_are_refused(void **state)
{
    error e = {0};
    (void)state;
    assert_null(architecture_outline(&arch_vgg, "size=8", &e)); /* halved to nothing */
    assert_int_equal(e.code, E_SHAPE);
    assert_null(architecture_outline(&arch_unet_fire, "size=20", &e));
    assert_int_equal(e.code, E_SHAPE);
    assert_non_null(strstr(e.text, "a multiple of 16"));
    assert_null(architecture_outline(&arch_vgg, "classes", &e));
    assert_int_equal(e.code, E_USAGE);
    assert_null(architecture_outline(&arch_vgg, "classes=0", &e));
    assert_int_equal(e.code, E_RANGE);
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

static bool has_value(const parameter *p, float value)
{
    for (int64_t k = 0; k < tensor_count(p->data); k++)
        if (tensor_f32(p->data)[k] != value)
            return false;
    return true;
}

static void check_normal(const parameter *p, double deviation)
{
    const float *x = tensor_f32(p->data);
    int64_t n = tensor_count(p->data);
    double sum = 0, squares = 0, spread = sqrt((double)n);
    for (int64_t i = 0; i < n; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    if (n < 1000)
        return;
    assert_true(fabs(sum / (double)n) < 5 * deviation / spread);
    assert_true(fabs(squares / (double)n / deviation / deviation - 1) < 8 / spread);
}

static model *drawn(const architecture *a, const char *options)
{
    model *m = outline(a->name, options);
    assert_int_equal(graph_initialize(m->graph, a->first_weights, 3, NULL), E_OK);
    return m;
}

/* Norms are the same under every rule. */
static void check_norms(const graph *g)
{
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        if (p->role != ROLE_WEIGHT && p->role != ROLE_BIAS)
            assert_true(has_value(
                p, p->role == ROLE_SCALE || p->role == ROLE_RUNNING_VARIANCE ? 1 : 0));
    }
}

/* Of a transposed convolution PyTorch counts the outputs: (I, O, k...) is its order. */
static void uniform_values_follow_the_rule(void **state)
{
    (void)state;
    static const struct {
        const architecture *a;
        const char *options;
    } rows[] = {{&arch_unet_phase, "levels=3 channels=8 size=16"},
                {&arch_unet_sid, "channels=16 levels=3 size=16"},
                {&arch_swae_conv, "channels=8"}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        model *m = drawn(rows[k].a, rows[k].options);
        const graph *g = m->graph;
        for (int i = 0; i < g->node_count; i++) {
            const parameter *w = graph_parameter(g, &g->nodes[i], ROLE_WEIGHT);
            if (!w)
                continue;
            shape s = tensor_shape(w->data);
            bool transposed = strstr(g->nodes[i].op->name, "transpose") != NULL;
            int64_t fan = shape_count(s) / (transposed ? s.dim[s.rank - 1] : s.dim[0]);
            check_uniform(w, 1 / sqrt((double)fan));
            check_uniform(graph_parameter(g, &g->nodes[i], ROLE_BIAS),
                          1 / sqrt((double)fan));
        }
        check_norms(g);
        model_free(m);
    }
}

static void normal_values_follow_the_rule(void **state)
{
    (void)state;
    const architecture *rows[] = {&arch_mobilenetv3_small, &arch_mobilenetv2,
                                  &arch_resnet_20};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        model *m = drawn(rows[k], "");
        const graph *g = m->graph;
        bool mobile = rows[k]->first_weights == INITIALIZE_MOBILE;
        for (int i = 0; i < g->node_count; i++) {
            const parameter *w = graph_parameter(g, &g->nodes[i], ROLE_WEIGHT);
            const parameter *bias = graph_parameter(g, &g->nodes[i], ROLE_BIAS);
            bool linear = strcmp(g->nodes[i].op->name, "linear") == 0;
            if (!w)
                continue;
            shape s = tensor_shape(w->data);
            double fan = (double)(s.dim[0] * s.dim[1] * s.dim[2]);
            if (!linear)
                check_normal(w, sqrt(2 / fan));
            else if (mobile)
                check_normal(w, 0.01);
            else
                check_uniform(w, 1 / sqrt((double)s.dim[1]));
            if (bias && (mobile || !linear))
                assert_true(has_value(bias, 0));
        }
        check_norms(g);
        model_free(m);
    }
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
        cmocka_unit_test(networks_match_the_reference),
        cmocka_unit_test(networks_have_the_published_counts),
        cmocka_unit_test(options_scale_every_network),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(widths_and_levels_scale),
        cmocka_unit_test(too_many_levels_are_refused),
        cmocka_unit_test(uniform_values_follow_the_rule),
        cmocka_unit_test(normal_values_follow_the_rule),
        cmocka_unit_test(seeds_draw_other_values),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
