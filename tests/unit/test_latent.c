/* SPDX-License-Identifier: GPL-3.0-or-later
   test_latent.c -- losses of latent values against PyTorch's, plans that keep a value
   inside and take its gradient, and trainings of autoencoders. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "engine/plan.h"
#include "graph/cut.h"
#include "measure/codec.h"
#include "support_graph.h"
#include "support_reference.h"
#include "train/trainer_parts.h"

static float *floats(const char *name, int64_t wanted)
{
    int64_t n;
    double *x = support_reference("ops.npz", name, &n);
    float *y = malloc((size_t)n * sizeof *y);
    assert_int_equal(n, wanted);
    for (int64_t i = 0; i < n; i++)
        y[i] = (float)x[i];
    free(x);
    return y;
}

static void distances_match_the_reference(void **state)
{
    (void)state;
    enum { N = 6, FEATURES = 4, DIRECTIONS = 50 };
    float *z = floats("sliced_wasserstein_61/x", N * FEATURES);
    float *directions = floats("sw_directions", DIRECTIONS * FEATURES);
    float *prior = floats("sw_prior", N * FEATURES);
    float *out = floats("sliced_wasserstein_61/out", 1);
    float *up = floats("sliced_wasserstein_61/up", 1), gradient[N * FEATURES];
    float *wanted = floats("sliced_wasserstein_61/grad_x", N * FEATURES);
    void *room = malloc(sliced_room(N, FEATURES, DIRECTIONS));
    double value = sliced_wasserstein(z, N, FEATURES, directions, DIRECTIONS, prior,
                                      (double)up[0], room, gradient);
    assert_true(fabs(value - (double)out[0]) < 1e-6 * (double)out[0]);
    for (int i = 0; i < N * FEATURES; i++)
        assert_true(fabsf(gradient[i] - wanted[i]) < 1e-6f);
    free(z), free(directions), free(prior), free(out), free(up), free(wanted), free(room);
}

/* What is drawn from the prior is near it, and the nearer the more there is; what is
   moved by 1 is 1 / features further away. */
static void a_normal_sample_is_near_the_prior(void **state)
{
    (void)state;
    enum { MOST = 2000, FEATURES = 4 };
    const regularizer_row *row = regularizer_find("sliced-wasserstein");
    static float z[MOST * FEATURES];
    void *room = malloc(row->room(MOST, FEATURES));
    random_stream r = random_new(1, "latent", 0);
    for (int i = 0; i < MOST * FEATURES; i++)
        z[i] = (float)random_normal(&r);
    double far = row->value(z, 50, FEATURES, random_new(2, "d", 0), 1, room, NULL);
    double near = row->value(z, MOST, FEATURES, random_new(2, "d", 0), 1, room, NULL);
    assert_true(near < 0.01 && far > 2 * near && far < 0.3);
    for (int i = 0; i < MOST; i++)
        z[i * FEATURES] += 1;
    double moved = row->value(z, MOST, FEATURES, random_new(2, "d", 0), 1, room, NULL);
    assert_true(fabs(moved - near - 0.25) < 0.06);
    cpu_set_threads(1);
    double alone = row->value(z, MOST, FEATURES, random_new(2, "d", 0), 1, room, NULL);
    cpu_set_threads(0);
    assert_memory_equal(&alone, &moved, sizeof alone);
    free(room);
}

enum { WIDE = 6, NARROW = 2, BATCH = 5 };

/* linear, ReLU, linear: two numbers; ReLU, linear: back.  A convolution or linear layer
   would take the ReLU behind it in, and the ReLU would run in place. */
static graph *autoencoder(int *latent)
{
    error e = {0};
    graph *g = graph_new(shape_of(1, (int64_t)WIDE), &e);
    attributes to = {.channels = NARROW, .bias = true},
               back = {.channels = WIDE, .bias = true};
    int x = graph_add(g, "linear", "in", &back, &g->input, 1, &e);
    x = graph_add(g, "relu", "in.act", &(attributes){0}, &x, 1, &e);
    *latent = graph_add(g, "linear", "to", &to, &x, 1, &e);
    x = graph_add(g, "relu", "act", &(attributes){0}, latent, 1, &e);
    if (graph_add(g, "linear", "back", &back, &x, 1, &e) < 0)
        fail_msg("%s", e.text);
    support_fill(g, 3);
    return g;
}

static void fill(float *x, int64_t n, uint64_t seed)
{
    random_stream r = random_new(seed, "latent test", 0);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)random_normal(&r);
}

/* sum(output * A) + sum(latent * B) */
static double weighted(plan *p, int latent, const float *input, const float *a,
                       const float *b)
{
    double sum = 0;
    memcpy(plan_input(p), input, BATCH * WIDE * sizeof *input);
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    for (int i = 0; i < BATCH * WIDE; i++)
        sum += (double)plan_output(p)[i] * (double)a[i];
    const float *z = plan_value(p, latent);
    for (int i = 0; i < BATCH * NARROW; i++)
        sum += (double)z[i] * (double)b[i];
    return sum;
}

static void a_value_inside_takes_a_gradient(void **state)
{
    (void)state;
    int latent;
    error e = {0};
    graph *g = autoencoder(&latent);
    float x[BATCH * WIDE], a[BATCH * WIDE], b[BATCH * NARROW];
    fill(x, BATCH * WIDE, 1), fill(a, BATCH * WIDE, 2), fill(b, BATCH * NARROW, 3);
    plan *p = plan_new_training(g, BATCH, shape_of(1, (int64_t)WIDE), &e);
    assert_int_equal(plan_want_value(p, g->output, &e), E_RANGE);
    assert_int_equal(plan_want_value(p, latent, &e), E_OK);
    weighted(p, latent, x, a, b);
    memcpy(plan_output_gradient(p), a, sizeof a);
    memcpy(plan_value_gradient(p), b, sizeof b);
    assert_int_equal(plan_backward(p, &e), E_OK);
    int checked = 0;
    for (int q = 0; q < g->parameter_count; q++)
        for (int64_t i = 0; i < tensor_count(g->parameters[q].data); i++, checked++) {
            float *w = tensor_write_f32(g->parameters[q].data, NULL) + i, kept = *w;
            float got = plan_gradient(p, q)[i];
            *w = kept + 1e-3f;
            double above = weighted(p, latent, x, a, b), high = (double)*w;
            *w = kept - 1e-3f;
            double below = weighted(p, latent, x, a, b), low = (double)*w;
            *w = kept;
            assert_true(fabs((above - below) / (high - low) - (double)got) < 4e-3);
        }
    assert_int_equal(checked, 42 + 14 + 18);
    /* In evaluation the same values, though a ReLU stands behind. */
    plan *alone = plan_new_inference(g, BATCH, shape_of(1, (int64_t)WIDE), &e);
    assert_int_equal(plan_want_value(alone, latent, &e), E_OK);
    double again = weighted(alone, latent, x, a, b);
    assert_true(fabs(again - weighted(p, latent, x, a, b)) < 1e-5);
    assert_null(plan_value_gradient(alone));
    plan_free(alone);
    plan_free(p);
    graph_free(g);
}

/* ---- cutting ---- */

static void run_graph(const graph *g, const float *x, float *y)
{
    error e = {0};
    plan *p = plan_new_inference(g, BATCH, g->input_shape, &e);
    int64_t in = BATCH * shape_count(g->input_shape);
    memcpy(plan_input(p), x, (size_t)in * sizeof *x);
    assert_int_equal(plan_forward(p, 0, 0, &e), E_OK);
    memcpy(y, plan_output(p), (size_t)shape_count(plan_output_shape(p)) * sizeof *y);
    plan_free(p);
}

static void both_halves_are_the_whole(void **state)
{
    (void)state;
    int latent;
    error e = {0};
    graph *g = autoencoder(&latent), *before, *after;
    float x[BATCH * WIDE], whole[BATCH * WIDE], z[BATCH * NARROW], y[BATCH * WIDE];
    fill(x, BATCH * WIDE, 4);
    assert_int_equal(graph_cut(g, latent, &before, &after, &e), E_OK);
    assert_int_equal(before->node_count, 3);
    assert_int_equal(after->node_count, 2);
    run_graph(g, x, whole);
    run_graph(before, x, z);
    run_graph(after, z, y);
    for (int i = 0; i < BATCH * WIDE; i++)
        assert_true(fabsf(y[i] - whole[i]) < 1e-5f);
    graph_free(before), graph_free(after);
    assert_int_equal(graph_cut(g, g->input, &before, &after, &e), E_RANGE);
    assert_int_equal(graph_cut(g, g->output, &before, &after, &e), E_RANGE);
    /* A skip past the cut. */
    int ends[2] = {g->output, g->nodes[1].output};
    assert_true(graph_add(g, "add", "skip", &(attributes){0}, ends, 2, &e) >= 0);
    assert_int_equal(graph_cut(g, latent, &before, &after, &e), E_USAGE);
    assert_non_null(strstr(e.text, "skip"));
    assert_null(before);
    graph_free(g);
}

static void ratios_count_all_that_is_kept(void **state)
{
    (void)state;
    int latent;
    error e = {0};
    codec c;
    model *m = model_new(autoencoder(&latent), &e);
    assert_int_equal(codec_measure(m, latent, 64, 1, NULL, &c, &e), E_OK);
    assert_int_equal(c.latent, NARROW);
    assert_int_equal(c.side, 0);
    assert_true(c.ratio == 3 && c.compress > 0 && c.decompress > 0);
    m->input_transform = (transform){.kind = TRANSFORM_BLOCK_LOG, .epsilon = 1e-4};
    assert_int_equal(codec_measure(m, latent, 64, 1, NULL, &c, &e), E_OK);
    assert_int_equal(c.side, 1);
    assert_true(c.ratio == 2);
    model_free(m);
}

/* ---- training ---- */

enum { SAMPLES = 128 };

static dataset *rows_to_reproduce(void)
{
    dataset *d = dataset_new(NULL);
    d->count = SAMPLES;
    d->input = tensor_new(DTYPE_F32, shape_of(2, (int64_t)SAMPLES, (int64_t)WIDE), NULL);
    fill(tensor_write_f32(d->input, NULL), SAMPLES * WIDE, 9);
    d->target = tensor_share(d->input, NULL);
    d->split = memory_new(SAMPLES, sizeof *d->split, NULL);
    for (int i = 0; i < SAMPLES; i++)
        d->split[i] = i % 4 ? SPLIT_TRAIN : SPLIT_VAL;
    return d;
}

static train_settings settings_of(double lambda, int64_t latent)
{
    train_settings t = {.epochs = 30, .batch = 32, .seed = 5, .terms = loss_standard};
    t.loss = loss_find("mse");
    t.regularizer = lambda > 0 ? regularizer_find("sliced-wasserstein") : NULL;
    t.lambda = lambda;
    t.latent = latent;
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.rates.learning_rate = 1e-2;
    t.schedule = schedule_find("constant");
    return t;
}

/* Distance of the latent values of validation samples from the prior. */
static double distance_of(const model *m, const dataset *d, int64_t latent)
{
    double with, without;
    train_settings t = settings_of(1, latent), plain = settings_of(0, latent);
    error e = {0};
    if (train_loss(m, d, SPLIT_VAL, &t, &with, &e) ||
        train_loss(m, d, SPLIT_VAL, &plain, &without, &e))
        fail_msg("%s", e.text);
    return with - without;
}

static model *train_it(const train_settings *t, const dataset *d, uint64_t *hash)
{
    int latent;
    error e = {0};
    train_state s;
    model *m = model_new(autoencoder(&latent), &e), *trained;
    if (train_start(&s, m, t, &e))
        fail_msg("%s", e.text);
    while (!s.finished)
        if (train_epoch(&s, t, d, NULL, &e))
            fail_msg("%s", e.text);
    *hash = graph_hash(s.last->graph);
    trained = model_copy(s.last, &e);
    /* The step's time is all booked. */
    assert_true(s.times.load > 0 && s.times.forward > 0 && s.times.backward > 0 &&
                s.times.update > 0);
    train_clear(&s);
    model_free(m);
    return trained;
}

static void training_brings_latent_values_to_the_prior(void **state)
{
    (void)state;
    int latent;
    uint64_t hash, again, of_plain;
    graph_free(autoencoder(&latent));
    dataset *d = rows_to_reproduce();
    train_settings plain = settings_of(0, 0), bound = settings_of(1, latent);
    model *a = train_it(&plain, d, &of_plain), *b = train_it(&bound, d, &hash);
    double of_a = distance_of(a, d, latent), of_b = distance_of(b, d, latent);
    assert_true(of_b < 0.3 && of_a > 2.5 * of_b);
    cpu_set_threads(1);
    model *c = train_it(&bound, d, &again);
    cpu_set_threads(0);
    assert_true(hash == again && hash != of_plain);
    bound.latent = -1;
    train_state s;
    error e = {0};
    assert_int_equal(train_start(&s, a, &bound, &e), E_RANGE);
    model_free(a), model_free(b), model_free(c);
    dataset_free(d);
}

/* Gradients of several batches make the step of one that holds them all: without batch
   norm, up to rounding; clipped alike. */
static void accumulated_batches_are_one(void **state)
{
    (void)state;
    int latent;
    error e = {0};
    dataset *d = rows_to_reproduce();
    model *m = model_new(autoencoder(&latent), &e);
    int64_t index[50];
    for (int i = 0; i < 50; i++)
        index[i] = 2 * i;
    for (int clipped = 0; clipped < 2; clipped++) {
        train_settings t = settings_of(0, 0);
        train_state whole, parts;
        double one, sum;
        t.clip = clipped ? 0.01 : 0;
        t.optimizer = optimizer_find("sgd");
        t.rates.learning_rate = 0.5;
        t.batch = 50;
        assert_int_equal(train_start(&whole, m, &t, &e), E_OK);
        assert_int_equal(train_step(&whole, &t, d, index, 50, &one, &e), E_OK);
        t.batch = 16; /* 16, 16 and 18: none is left alone */
        t.accumulate = 4;
        assert_int_equal(train_start(&parts, m, &t, &e), E_OK);
        assert_int_equal(train_step(&parts, &t, d, index, 50, &sum, &e), E_OK);
        assert_int_equal(parts.step, 1);
        assert_true(fabs(one - sum) < 1e-6);
        double moved = 0;
        for (int q = 0; q < m->graph->parameter_count; q++) {
            const float *x = tensor_f32(whole.last->graph->parameters[q].data);
            const float *y = tensor_f32(parts.last->graph->parameters[q].data);
            const float *before = tensor_f32(m->graph->parameters[q].data);
            for (int64_t i = 0; i < tensor_count(m->graph->parameters[q].data); i++) {
                assert_true(fabsf(x[i] - y[i]) < 1e-6f);
                moved += pow((double)x[i] - (double)before[i], 2);
            }
        }
        assert_true(clipped ? fabs(sqrt(moved) - 0.005) < 1e-6 : moved > 1e-3);
        train_clear(&whole);
        train_clear(&parts);
    }
    model_free(m);
    dataset_free(d);
}

/* The steps of an epoch, and with them the schedule, are those of the large batch. */
static void accumulated_steps_are_counted(void **state)
{
    (void)state;
    uint64_t hash;
    dataset *d = rows_to_reproduce();
    train_settings t = settings_of(0, 0);
    t.epochs = 1;
    t.batch = 8;
    t.accumulate = 5; /* 96 samples in 40, 40, 16 */
    t.schedule = schedule_find("cosine");
    model *m = train_it(&t, d, &hash);
    double wanted = train_rate(&t, 96, 2);
    assert_true(fabs(m->epochs[0].learning_rate - wanted) < 1e-12);
    assert_true(fabs(wanted - 1e-2 * (1 + cos(acos(-1) * 2 / 3)) / 2) < 1e-9);
    model_free(m);
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_match_the_reference),
        cmocka_unit_test(a_normal_sample_is_near_the_prior),
        cmocka_unit_test(a_value_inside_takes_a_gradient),
        cmocka_unit_test(both_halves_are_the_whole),
        cmocka_unit_test(ratios_count_all_that_is_kept),
        cmocka_unit_test(training_brings_latent_values_to_the_prior),
        cmocka_unit_test(accumulated_batches_are_one),
        cmocka_unit_test(accumulated_steps_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
