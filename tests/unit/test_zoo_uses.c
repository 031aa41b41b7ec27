/* SPDX-License-Identifier: GPL-3.0-or-later
   test_zoo_uses.c -- every architecture, small, through what models are there for: a step
   of training, files, pruning and quantization.  Counts and outputs are test_zoo.c's. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compress/channel.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "engine/plan.h"
#include "format/model_file.h"
#include "graph/check.h"
#include "support_random_graph.h"
#include "zoo/architecture.h"

enum { SAMPLES = 4 };

/* Every row of the table; WORST: the largest error of 8 bits, against the output's norm. */
static const struct use {
    const char *name, *options;
    double worst;
} uses[] = {
    {"unet-phase", "levels=2 channels=4 size=16 transform=none", 0.1},
    {"unet-sid", "channels=8 levels=2 size=16", 0.1},
    {"unet-light", "channels=8 levels=2 size=16", 0.1},
    {"unet-lighter", "channels=8 levels=2 size=16", 0.1},
    {"unet-fire", "channels=8 levels=2 size=16", 0.1},
    {"vgg", "channels=4", 0.1},
    {"cnn-mnist", "channels=4 hidden=16", 0.1},
    {"cnn-simple", "channels=4 hidden=16", 0.1},
    {"cnn-enhanced", "channels=4 hidden=16", 0.1},
    {"mobilenetv3-small", "width=0.3 hidden=32", 0.1},
    {"mobilenet-tiny", "width=0.5 resize=48 hidden=16", 0.1},
    {"swae-mlp", "hidden=32", 0.1},
    {"swae-gmlp", "width=32", 0.1},
    {"swae-conv", "channels=4", 0.1},
    {"lenet-5", "", 0.1},
    {"resnet-18", "channels=8", 0.1},
    {"resnet-20", "channels=8", 0.1},
    {"mobilenetv2", "width=0.25", 0.5}, /* narrow sums without a function, 17 deep */
};

enum { USES = sizeof uses / sizeof *uses };

static void every_row_is_used(void **state)
{
    (void)state;
    for (int i = 0; architecture_at(i); i++) {
        bool found = false;
        for (int k = 0; k < USES; k++)
            found = found || strcmp(uses[k].name, architecture_at(i)->name) == 0;
        if (!found)
            fail_msg("%s is not used here", architecture_at(i)->name);
    }
}

static model *make(const struct use *u)
{
    error e = {0};
    const architecture *a = architecture_find(u->name);
    model *m = architecture_outline(a, u->options, &e);
    if (!m || graph_initialize(m->graph, a->first_weights, 5, &e) != E_OK)
        fail_msg("%s: %s", u->name, e.text);
    return m;
}

static tensor *samples(const model *m)
{
    shape in = m->graph->input_shape, s = {.rank = in.rank + 1, .dim = {SAMPLES}};
    memcpy(s.dim + 1, in.dim, (size_t)in.rank * sizeof *in.dim);
    tensor *t = tensor_new(DTYPE_F32, s, NULL);
    assert_non_null(t);
    random_stream r = random_new(6, "samples", 0);
    random_fill_uniform(&r, tensor_write_f32(t, NULL), tensor_count(t), -1, 1);
    return t;
}

/* ---- training ---- */

/* Half the mean squared distance from a wave, and its gradient. */
static double wave_loss(const float *y, int64_t n, float *gradient)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)y[i] - sin(0.7 * (double)i);
        sum += 0.5 * d * d / (double)n;
        if (gradient)
            gradient[i] = (float)(d / (double)n);
    }
    return sum;
}

static double forward_loss(plan *p, const tensor *x, float *gradient)
{
    memcpy(plan_input(p), tensor_data(x), tensor_bytes(x));
    assert_int_equal(plan_forward(p, 7, 1, NULL), E_OK);
    return wave_loss(plan_output(p), shape_count(plan_output_shape(p)), gradient);
}

/* The gradient's square: what a step along it gains, to first order. */
static double gradient_square(const graph *g, const plan *p)
{
    double sum = 0;
    for (int i = 0; i < g->parameter_count; i++) {
        const float *d = plan_gradient(p, i);
        for (int64_t k = 0; d && k < tensor_count(g->parameters[i].data); k++)
            sum += (double)d[k] * (double)d[k];
    }
    return sum;
}

static void step_along(graph *g, const plan *p, double rate)
{
    for (int i = 0; i < g->parameter_count; i++) {
        const float *d = plan_gradient(p, i);
        float *w = d ? tensor_write_f32(g->parameters[i].data, NULL) : NULL;
        for (int64_t k = 0; w && k < tensor_count(g->parameters[i].data); k++)
            w[k] -= (float)(rate * (double)d[k]);
    }
}

/* A short step against the gradient gains rate x gradient^2: dropout draws the same at
   the same step, and norms take the same batch. */
static void steps_gain_what_the_gradient_says(void **state)
{
    (void)state;
    for (int i = 0; i < USES; i++) {
        model *m = make(&uses[i]);
        tensor *x = samples(m);
        plan *p = plan_new_training(m->graph, SAMPLES, m->graph->input_shape, NULL);
        assert_non_null(p);
        assert_int_equal(plan_start(p, NULL), E_OK);
        double before = forward_loss(p, x, plan_output_gradient(p));
        assert_int_equal(plan_backward(p, NULL), E_OK);
        double square = gradient_square(m->graph, p), wanted = 2e-3 * before;
        step_along(m->graph, p, wanted / square);
        double gain = before - forward_loss(p, x, NULL);
        if (!(fabs(gain / wanted - 1) < 0.1))
            fail_msg("%s: a step gains %g, wanted %g of %g", uses[i].name, gain, wanted,
                     before);
        plan_free(p);
        tensor_free(x);
        model_free(m);
    }
}

/* ---- files, pruning, quantization ---- */

static void check_file(const model *m)
{
    error e = {0};
    int64_t bytes;
    model *back = model_roundtrip(m, &bytes, &e);
    if (!back)
        fail_msg("%s: %s", m->architecture, e.text);
    assert_true(graph_hash(back->graph) == graph_hash(m->graph));
    assert_string_equal(back->architecture, m->architecture);
    assert_string_equal(back->options, m->options);
    model_free(back);
}

static float *outputs(const model *m, const tensor *x, int64_t *count)
{
    plan *p = plan_new_inference(m->graph, SAMPLES, m->graph->input_shape, NULL);
    assert_non_null(p);
    memcpy(plan_input(p), tensor_data(x), tensor_bytes(x));
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    *count = shape_count(plan_output_shape(p));
    float *y = memory_new(*count, sizeof *y, NULL);
    assert_non_null(y);
    memcpy(y, plan_output(p), (size_t)*count * sizeof *y);
    plan_free(p);
    return y;
}

static void files_and_pruned_files_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < USES; i++) {
        model *m = make(&uses[i]);
        prune_result result;
        check_file(m);
        int64_t before = graph_nonzero(m->graph);
        assert_int_equal(prune_weights(m->graph, criterion_find("magnitude"),
                                       SCOPE_GLOBAL, TARGET_WEIGHTS, 0.5, 1, &result,
                                       NULL),
                         E_OK);
        assert_true(graph_nonzero(m->graph) < 0.6 * (double)before);
        check_file(m);
        model_free(m);
    }
}

/* ---- channels ---- */

/* What the whole network says with these channels zero in every value, by the reference. */
static void check_cut(const model *whole, const model *cut, const channel_plan *p,
                      const tensor *x)
{
    int64_t count, all = p->units.first[p->units.value_count];
    uint8_t *kept = memory_new(all, 1, NULL);
    assert_non_null(kept);
    for (int64_t i = 0; i < all; i++)
        kept[i] = p->units.unit[i] < 0 || !p->goes[p->units.unit[i]];
    double *wanted = support_reference_run(whole->graph, tensor_f32(x), 1, kept);
    float *y = outputs(cut, x, &count);
    double largest = 0;
    for (int64_t i = 0; i < count / SAMPLES; i++)
        largest = fmax(largest, fabs(wanted[i]));
    for (int64_t i = 0; i < count / SAMPLES; i++)
        if (!(fabs((double)y[i] - wanted[i]) <= 1e-5 * largest))
            fail_msg("%s: output %d is %.8g, masked it is %.8g of %g",
                     whole->architecture, (int)i, (double)y[i], wanted[i], largest);
    memory_free(y);
    memory_free(kept);
    free(wanted);
}

/* Half of all channels that may go, go: through skips, sums, gates and gated halves. */
static void half_of_the_channels_go(void **state)
{
    static const channel_settings half = {
        .scope = SCOPE_LAYER, .amount = 0.5, .most = 1, .round = 1};
    (void)state;
    for (int i = 0; i < USES; i++) {
        error e = {0};
        channel_plan p;
        double difference;
        channel_settings s = half;
        model *m = make(&uses[i]), *cut = model_copy(m, NULL);
        tensor *x = samples(m);
        s.criterion = channel_criterion_find("l1");
        if (channel_plan_make(cut, &s, NULL, &p, &e) != E_OK ||
            channel_plan_apply(cut, &p, 1, &difference, &e) != E_OK)
            fail_msg("%s: %s", uses[i].name, e.text);
        for (int k = 0; k < p.group_count; k++) {
            bool stays = p.groups[k].latent || p.groups[k].units == 1;
            assert_int_equal(p.groups[k].going, stays ? 0 : (p.groups[k].units + 1) / 2);
        }
        check_cut(m, cut, &p, x);
        if (!(difference <= 1e-5))
            fail_msg("%s: %g", uses[i].name, difference);
        assert_true(graph_parameter_count(cut->graph) <
                    0.6 * (double)graph_parameter_count(m->graph));
        assert_string_equal(cut->architecture, m->architecture);
        check_file(cut);
        channel_plan_clear(&p);
        tensor_free(x);
        model_free(cut);
        model_free(m);
    }
}

/* Statistics of norms as training leaves them. */
static void settle(model *m, const tensor *x)
{
    plan *p = plan_new_training(m->graph, SAMPLES, m->graph->input_shape, NULL);
    assert_non_null(p);
    for (uint64_t step = 0; step < 20; step++) {
        memcpy(plan_input(p), tensor_data(x), tensor_bytes(x));
        assert_int_equal(plan_forward(p, 7, step, NULL), E_OK);
    }
    plan_free(p);
}

static dataset *dataset_of(const tensor *x)
{
    dataset *d = dataset_new(NULL);
    assert_non_null(d);
    d->source = memory_text("test", NULL);
    d->origin = memory_text("test", NULL);
    d->count = SAMPLES;
    d->input = tensor_share(x, NULL);
    d->split = memory_new(SAMPLES, sizeof *d->split, NULL);
    assert_non_null(d->split);
    memset(d->split, SPLIT_TRAIN, SAMPLES);
    assert_int_equal(dataset_check(d, NULL), E_OK);
    return d;
}

static void quantized_networks_stay_near(void **state)
{
    static const quantize_settings eight = {.scheme = QUANTIZE_STATIC,
                                            .bits = 8,
                                            .grain = PER_CHANNEL,
                                            .samples = SAMPLES,
                                            .seed = 1};
    (void)state;
    for (int i = 0; i < USES; i++) {
        error e = {0};
        int64_t count;
        model *m = make(&uses[i]);
        tensor *x = samples(m);
        dataset *d = dataset_of(x);
        settle(m, x);
        float *plain = outputs(m, x, &count);
        if (quantize_model(m, &eight, d, NULL, &e) != E_OK)
            fail_msg("%s: %s", uses[i].name, e.text);
        assert_int_equal(graph_check_types(m->graph, NULL), E_OK);
        check_file(m);
        float *coded = outputs(m, x, &count);
        double away = 0, norm = 0;
        for (int64_t k = 0; k < count; k++) {
            away += pow((double)coded[k] - (double)plain[k], 2);
            norm += pow((double)plain[k], 2);
        }
        if (!(sqrt(away / norm) < uses[i].worst))
            fail_msg("%s: %g away", uses[i].name, sqrt(away / norm));
        memory_free(plain);
        memory_free(coded);
        dataset_free(d);
        tensor_free(x);
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_used),
        cmocka_unit_test(steps_gain_what_the_gradient_says),
        cmocka_unit_test(files_and_pruned_files_come_back),
        cmocka_unit_test(half_of_the_channels_go),
        cmocka_unit_test(quantized_networks_stay_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
