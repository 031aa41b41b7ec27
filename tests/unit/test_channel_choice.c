/* SPDX-License-Identifier: GPL-3.0-or-later
   test_channel_choice.c -- which channels go: criteria by weights whose order is known,
   gradients against finite differences, bounds, rounding and what is left alone.  That
   cutting is exact is test_channel.c's. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compress/channel.h"
#include "compress/quantize.h"
#include "engine/plan.h"
#include "support_graph.h"
#include "support_phase.h"
#include "support_random_graph.h"

enum { SIZE = 16 };

static char nameless[] = "none"; /* an architecture that is not in the table */
static const channel_settings standard = {.scope = SCOPE_LAYER, .most = 1, .round = 1};

static channel_settings by(const char *criterion, double amount)
{
    channel_settings s = standard;
    s.criterion = channel_criterion_find(criterion);
    s.amount = amount;
    assert_non_null(s.criterion);
    return s;
}

static channel_plan plan_of(graph *g, const channel_settings *s)
{
    error e = {0};
    channel_plan p;
    model m = {.graph = g, .architecture = nameless};
    if (channel_plan_make(&m, s, NULL, &p, &e) != E_OK)
        fail_msg("%s", e.text);
    return p;
}

static status plan_status(graph *g, const channel_settings *s)
{
    error e = {0};
    channel_plan p;
    model m = {.graph = g, .architecture = nameless};
    status done = channel_plan_make(&m, s, NULL, &p, &e);
    if (done == E_OK)
        channel_plan_clear(&p);
    return done;
}

/* The units that go by S are those of WANTED, a word of 0 and 1. */
static void check_goes(graph *g, const channel_settings *s, const char *wanted)
{
    char got[64] = {0};
    channel_plan p = plan_of(g, s);
    assert_int_equal(p.units.count, strlen(wanted));
    for (int64_t k = 0; k < p.units.count; k++)
        got[k] = p.goes[k] ? '1' : '0';
    assert_string_equal(got, wanted);
    channel_plan_clear(&p);
}

/* 1x1, without bias; returns its output. */
static int layer(graph *g, const char *name, int v, int64_t channels, int64_t groups)
{
    attributes a = support_convolution(channels, 1);
    a.groups = groups;
    a.bias = false;
    v = graph_add(g, "conv2d", name, &a, &v, 1, NULL);
    assert_true(v >= 0);
    return v;
}

static int norm(graph *g, const char *name, int v)
{
    attributes a = support_norm();
    v = graph_add(g, "batch_norm", name, &a, &v, 1, NULL);
    assert_true(v >= 0);
    return v;
}

static void set(graph *g, const char *name, const float *x, int64_t n)
{
    int at = graph_find_parameter(g, name);
    assert_true(at >= 0);
    assert_int_equal(tensor_count(g->parameters[at].data), n);
    memcpy(tensor_write_f32(g->parameters[at].data, NULL), x, (size_t)n * sizeof *x);
}

static graph *begin(void)
{
    graph *g = graph_new(shape_of(3, INT64_C(4), INT64_C(4), INT64_C(3)), NULL);
    assert_non_null(g);
    return g;
}

/* ---- criteria ---- */

/* Sums of the rows: 3, 2.5, 3.2, 8; norms 1.73, 2.5, 1.96, 5.1; distances to the others
   6.8, 7.0, 5.8, 11.4. */
static void each_criterion_has_its_own_least(void **state)
{
    static const float rows[] = {1, 1, 1, 2.5f, 0, 0, 1.6f, 0.8f, 0.8f, 4, 3, -1};
    static const float scales[] = {0.9f, 0.8f, 0.7f, -0.1f};
    static const struct {
        const char *criterion, *goes;
    } wanted[] = {
        {"l1", "0100"}, {"l2", "1000"}, {"median", "0010"}, {"bn-scale", "0001"}};
    (void)state;
    graph *g = begin();
    layer(g, "out", norm(g, "n", layer(g, "c", g->input, 4, 1)), 2, 1);
    support_fill(g, 1);
    set(g, "c.weight", rows, 12);
    set(g, "n.weight", scales, 4);
    for (int i = 0; i < 4; i++)
        for (int scope = 0; scope < 2; scope++) {
            channel_settings s = by(wanted[i].criterion, 0.25);
            s.scope = scope ? SCOPE_LAYER : SCOPE_GLOBAL;
            check_goes(g, &s, wanted[i].goes);
        }
    graph_free(g);
}

/* Two layers that are added, and a third. */
static graph *coupled(void)
{
    static const float a[] = {0.1f, 0.6f, 0.4f}, b[] = {0.9f, 0.5f, 0.65f},
                       c[] = {0.52f, 2, 2};
    graph *g = begin();
    int x = norm(g, "na", layer(g, "a", g->input, 3, 1));
    int y = norm(g, "nb", layer(g, "b", g->input, 3, 1));
    int sum = graph_add(g, "add", "sum", NULL, (int[]){x, y}, 2, NULL);
    layer(g, "out", norm(g, "nc", layer(g, "c", sum, 3, 1)), 2, 1);
    support_fill(g, 1);
    set(g, "na.weight", a, 3);
    set(g, "nb.weight", b, 3);
    set(g, "nc.weight", c, 3);
    return g;
}

static void coupled_importances_are_joined(void **state)
{
    (void)state;
    graph *g = coupled();
    channel_settings s = by("bn-scale", 1.0 / 3);
    check_goes(g, &s, "100100"); /* sums 1, 1.1, 1.05 */
    s.joining = JOIN_MAX;
    check_goes(g, &s, "010100"); /* 0.9, 0.6, 0.65 */
    s.amount = 1.0 / 6;
    s.scope = SCOPE_GLOBAL;
    s.joining = JOIN_SUM;
    check_goes(g, &s, "000100"); /* 1 against 0.52 */
    s.joining = JOIN_MEAN;
    check_goes(g, &s, "100000"); /* 0.5 against 0.52 */
    graph_free(g);
}

/* Importances of layers whose weights are of another size. */
static void layers_are_compared_by_their_means(void **state)
{
    static const float large[] = {10, 0, 0, 0, 12, 0, 0, 0, 14};
    static const float small[] = {1, 0, 0, 0, 1.2f, 0, 0, 0, 0.9f};
    (void)state;
    graph *g = begin();
    layer(g, "out", layer(g, "b", layer(g, "a", g->input, 3, 1), 3, 1), 2, 1);
    support_fill(g, 1);
    set(g, "a.weight", large, 9);
    set(g, "b.weight", small, 9);
    channel_settings s = by("l1", 1.0 / 6);
    s.scope = SCOPE_GLOBAL;
    check_goes(g, &s, "100000"); /* 10/12 against 0.9/1.033 */
    graph_free(g);
}

/* ---- criteria that look at data ---- */

/* conv, ReLU, conv, batch norm, ReLU, head: one layer without a norm, one with. */
static graph *working(bool head)
{
    graph *g = graph_new(shape_of(3, (int64_t)SIZE, (int64_t)SIZE, INT64_C(1)), NULL);
    attributes a = support_convolution(4, 3), b = support_convolution(2, 1);
    int v = graph_add(g, "conv2d", "a", &a, &g->input, 1, NULL);
    v = graph_add(g, "relu", "f", NULL, &v, 1, NULL);
    v = support_block(g, "b", v, 3);
    if (head)
        v = graph_add(g, "conv2d", "out", &b, &v, 1, NULL);
    assert_true(v >= 0);
    support_fill(g, 3);
    return g;
}

static void load(const dataset *d, const model *m, plan *p, float *target, float *valid)
{
    int64_t index[16];
    for (int64_t i = 0; i < d->count; i++)
        index[i] = i;
    assert_int_equal(dataset_batch(d, &m->input_transform, index, d->count, plan_input(p),
                                   target, valid, NULL),
                     E_OK);
}

/* The loss where channel C of the parameters WEIGHT and BIAS counts FACTOR times. */
static double loss_with(const dataset *d, const char *weight, const char *bias, int64_t c,
                        double factor)
{
    const char *names[] = {weight, bias};
    model m = {.graph = working(true), .architecture = nameless};
    for (int i = 0; i < 2; i++) {
        parameter *p = &m.graph->parameters[graph_find_parameter(m.graph, names[i])];
        int64_t length = tensor_count(p->data) / tensor_shape(p->data).dim[0];
        float *x = tensor_write_f32(p->data, NULL);
        for (int64_t k = c * length; k < (c + 1) * length; k++)
            x[k] = (float)((double)x[k] * factor);
    }
    plan *p = plan_new_training(m.graph, d->count, m.graph->input_shape, NULL);
    assert_non_null(p);
    int64_t n = shape_count(plan_output_shape(p));
    float *target = malloc((size_t)n * sizeof *target);
    float *valid = malloc((size_t)n * sizeof *valid);
    assert_true(target && valid);
    load(d, &m, p, target, valid);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    double loss = loss_find("masked-mse")
                      ->value(&loss_standard, plan_output(p), target, valid, n, 2, NULL);
    free(target);
    free(valid);
    plan_free(p);
    graph_free(m.graph);
    return loss;
}

static dataset *training_data(void)
{
    dataset *d = support_phase_data(4, SIZE, 3);
    assert_non_null(d);
    assert_int_equal(d->count, 4);
    memset(d->split, SPLIT_TRAIN, (size_t)d->count * sizeof *d->split);
    return d;
}

static channel_settings looking(const char *criterion, const dataset *d)
{
    channel_settings s = by(criterion, 0);
    s.data = d;
    s.loss = loss_find("masked-mse");
    s.terms = loss_standard;
    s.samples = s.batch = d->count;
    return s;
}

/* (dL/da)^2 where a scales all that makes the channel: filter and bias, or scale and shift
   of the norm behind it. */
static void taylor_is_the_square_of_a_derivative(void **state)
{
    static const struct {
        const char *weight, *bias;
        int64_t channels, unit;
    } layers[] = {{"a.weight", "a.bias", 4, 0}, {"b.1.weight", "b.1.bias", 3, 4}};
    const double h = 1e-2;
    (void)state;
    dataset *d = training_data();
    graph *g = working(true);
    channel_settings s = looking("taylor", d);
    channel_plan p = plan_of(g, &s);
    assert_int_equal(p.units.count, 7);
    for (int i = 0; i < 2; i++)
        for (int64_t c = 0; c < layers[i].channels; c++) {
            const char *weight = layers[i].weight, *bias = layers[i].bias;
            double slope = (loss_with(d, weight, bias, c, 1 + h) -
                            loss_with(d, weight, bias, c, 1 - h)) /
                           (2 * h);
            double got = sqrt(p.score[layers[i].unit + c]);
            if (!(fabs(got - fabs(slope)) <= 2e-3 * fabs(slope) + 1e-5))
                fail_msg("%s, channel %d: %g, wanted %g", weight, (int)c, got,
                         fabs(slope));
        }
    channel_plan_clear(&p);
    graph_free(g);
    dataset_free(d);
}

/* Mean |x| behind the ReLU, by the reference, over the mean of its layer. */
static void activations_are_means_of_what_is_read(void **state)
{
    (void)state;
    dataset *d = training_data();
    graph *g = working(true), *front = working(false);
    model m = {.graph = front, .architecture = nameless};
    channel_settings s = looking("activation", d);
    channel_plan p = plan_of(g, &s);
    plan *run = plan_new_inference(front, d->count, front->input_shape, NULL);
    assert_non_null(run);
    load(d, &m, run, NULL, NULL);
    double *y = support_reference_run(front, plan_input(run), d->count, NULL);
    double mean[3] = {0}, all = 0;
    for (int64_t i = 0; i < d->count * SIZE * SIZE * 3; i++) {
        mean[i % 3] += fabs(y[i]);
        all += fabs(y[i]) / 3;
    }
    for (int c = 0; c < 3; c++)
        if (!(fabs(p.score[4 + c] - mean[c] / all) < 1e-4))
            fail_msg("channel %d: %g, wanted %g", c, p.score[4 + c], mean[c] / all);
    free(y);
    plan_free(run);
    channel_plan_clear(&p);
    graph_free(front);
    graph_free(g);
    dataset_free(d);
}

/* ---- how many ---- */

/* What is left of the groups, in order. */
static void check_left(graph *g, const channel_settings *s, const int64_t *wanted,
                       int count)
{
    channel_plan p = plan_of(g, s);
    assert_int_equal(p.group_count, count);
    for (int i = 0; i < count; i++)
        assert_int_equal(p.groups[i].units - p.groups[i].going, wanted[i]);
    channel_plan_clear(&p);
}

/* Layers of 24, 20, 7 and, in four groups, 32 channels. */
static graph *wide(void)
{
    graph *g = begin();
    int v = layer(g, "a", g->input, 24, 1);
    v = layer(g, "c.one", layer(g, "b", v, 20, 1), 7, 1);
    v = layer(g, "d", layer(g, "c.two", v, 32, 1), 32, 4);
    layer(g, "out", v, 2, 1);
    support_fill(g, 1);
    return g;
}

static void widths_are_rounded(void **state)
{
    (void)state;
    graph *g = wide();
    channel_settings s = by("l1", 0.5);
    /* Of the last two, eight units of four channels each. */
    check_left(g, &s, (int64_t[]){12, 10, 3, 4, 4}, 5);
    s.round = 8;
    check_left(g, &s, (int64_t[]){16, 8, 7, 4, 4}, 5);
    s.amount = 0.9;
    check_left(g, &s, (int64_t[]){8, 8, 7, 2, 2}, 5);
    s.round = 64;
    check_left(g, &s, (int64_t[]){24, 20, 7, 8, 8}, 5);
    graph_free(g);
}

static void shares_have_bounds(void **state)
{
    (void)state;
    graph *g = wide();
    channel_settings s = by("random", 1);
    check_left(g, &s, (int64_t[]){1, 1, 1, 1, 1}, 5);
    s.most = 0.75;
    check_left(g, &s, (int64_t[]){6, 5, 2, 2, 2}, 5);
    s.scope = SCOPE_GLOBAL;
    check_left(g, &s, (int64_t[]){6, 5, 2, 2, 2}, 5);
    s.amount = 0;
    s.least = 0.25;
    check_left(g, &s, (int64_t[]){18, 15, 5, 6, 6}, 5);
    s.scope = SCOPE_LAYER;
    check_left(g, &s, (int64_t[]){18, 15, 5, 6, 6}, 5);
    graph_free(g);
}

static void global_shares_sum_up(void **state)
{
    (void)state;
    graph *g = wide();
    for (int i = 0; i <= 10; i++) {
        channel_settings s = by("l2", 0.05 * i);
        s.scope = SCOPE_GLOBAL;
        channel_plan p = plan_of(g, &s);
        int64_t gone = 0, units = 24 + 20 + 7 + 8 + 8;
        for (int64_t k = 0; k < p.units.count; k++)
            gone += p.goes[k];
        assert_int_equal(gone, llround(0.05 * i * (double)units));
        /* None that stays matters less than one that goes. */
        double lost = 0, kept = INFINITY;
        for (int64_t k = 0; k < p.units.count; k++)
            if (p.goes[k])
                lost = fmax(lost, p.score[k]);
            else
                kept = fmin(kept, p.score[k]);
        assert_true(gone == 0 || lost <= kept);
        channel_plan_clear(&p);
    }
    graph_free(g);
}

static void some_are_left_alone(void **state)
{
    char first[] = "first", last[] = "last2", of_c[] = "c.*", of_x[] = "x*";
    char *words[] = {first, last}, *pattern[] = {of_c}, *nobody[] = {of_x};
    (void)state;
    graph *g = wide();
    channel_settings s = by("l1", 0.5);
    s.skip = words;
    s.skip_count = 2;
    check_left(g, &s, (int64_t[]){24, 10, 3, 8, 8}, 5);
    s.skip = pattern;
    s.skip_count = 1;
    check_left(g, &s, (int64_t[]){12, 10, 7, 8, 4}, 5);
    s.skip = nobody;
    assert_int_equal(plan_status(g, &s), E_NAME);
    graph_free(g);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    graph *g = wide();
    channel_settings s = by("bn-scale", 0.5);
    assert_int_equal(plan_status(g, &s), E_USAGE); /* there are no norms */
    s = by("taylor", 0.5);
    assert_int_equal(plan_status(g, &s), E_USAGE); /* nor data */
    s = by("l1", 1.5);
    assert_int_equal(plan_status(g, &s), E_RANGE);
    s = by("l1", 0.5);
    s.least = 0.6;
    s.most = 0.4;
    assert_int_equal(plan_status(g, &s), E_RANGE);
    s = by("l1", 0.5);
    tensor_write_f32(g->parameters[0].data, NULL)[5] = NAN;
    assert_int_equal(plan_status(g, &s), E_NUMERIC);
    graph_free(g);
    g = begin();
    layer(g, "out", g->input, 2, 1);
    assert_int_equal(plan_status(g, &s), E_USAGE); /* all of it is input and output */
    graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_criterion_has_its_own_least),
        cmocka_unit_test(coupled_importances_are_joined),
        cmocka_unit_test(layers_are_compared_by_their_means),
        cmocka_unit_test(taylor_is_the_square_of_a_derivative),
        cmocka_unit_test(activations_are_means_of_what_is_read),
        cmocka_unit_test(widths_are_rounded),
        cmocka_unit_test(shares_have_bounds),
        cmocka_unit_test(global_shares_sum_up),
        cmocka_unit_test(some_are_left_alone),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
