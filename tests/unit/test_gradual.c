/* SPDX-License-Identifier: GPL-3.0-or-later
   test_gradual.c -- masks in the course of a training: the curves by their formulas, who
   changes places by sorting by hand, and masks that hold through every optimizer's steps. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "compress/gradual.h"
#include "compress/prune.h"
#include "support_graph.h"
#include "support_phase.h"
#include "train/trainer.h"

enum { SIZE = 16 };

static double at(const char *name, double from, double to, int64_t epoch)
{
    const gradual_row *row = gradual_find(name);
    assert_non_null(row);
    return gradual_amount(row, from, to, 2, 6, epoch);
}

static void near(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 1e-12))
        fail_msg("%.15g, wanted %.15g", got, wanted);
}

/* Epochs 2 to 6: quarters of the way. */
static void curves_are_the_published_ones(void **state)
{
    static const char *const names[] = {"linear", "cubic", "exponential"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        near(at(names[i], 0.2, 0.8, 1), 0.2);
        near(at(names[i], 0.2, 0.8, 2), 0.2);
        near(at(names[i], 0.2, 0.8, 6), 0.8);
        near(at(names[i], 0.2, 0.8, 9), 0.8);
        near(at(names[i], 0.2, 1, 6), 1);
        for (int64_t epoch = 2; epoch < 6; epoch++)
            assert_true(at(names[i], 0.2, 1, epoch) < at(names[i], 0.2, 1, epoch + 1));
        assert_string_equal(gradual_at(i)->name, names[i]);
    }
    near(at("linear", 0.2, 0.8, 3), 0.35);
    near(at("cubic", 0.2, 0.8, 3), 0.8 - 0.6 * 0.421875);
    near(at("cubic", 0, 0.8, 4), 0.8 * (1 - 0.125));
    near(at("exponential", 0.2, 0.8, 4), 0.6); /* density sqrt(0.8 * 0.2) */
    near(at("exponential", 0, 0.9375, 3), 0.5);
    assert_null(gradual_at(3));
    assert_null(gradual_find("sudden"));
}

static void exchange_falls_along_a_cosine(void **state)
{
    (void)state;
    near(gradual_exchange(0.3, 1, 8), 0.3);
    near(gradual_exchange(0.3, 4, 8), 0.15); /* half of six epochs */
    near(gradual_exchange(0.3, 7, 8), 0);
    near(gradual_exchange(0.3, 8, 8), 0);
}

static graph *masked(double amount)
{
    prune_result r;
    error e = {0};
    graph *g = support_unet(SIZE);
    support_fill(g, 3);
    assert_int_equal(prune_weights(g, criterion_find("magnitude"), SCOPE_LAYER,
                                   TARGET_WEIGHTS, amount, 1, &r, &e),
                     E_OK);
    return g;
}

/* Of N keys the K smallest by counting how many are smaller. */
static bool among_smallest(const float *key, const uint8_t *mask, uint8_t of, int64_t n,
                           int64_t place, int64_t k)
{
    int64_t smaller = 0;
    for (int64_t i = 0; i < n; i++)
        smaller +=
            mask[i] == of && (key[i] < key[place] || (key[i] == key[place] && i < place));
    return smaller < k;
}

static void check_exchange(const parameter *p, const parameter *before, const float *g,
                           double share)
{
    int64_t n = tensor_count(p->data), kept = 0, masked_count = 0;
    const uint8_t *was = tensor_data(before->mask), *is = tensor_data(p->mask);
    float *weak = malloc((size_t)n * sizeof *weak),
          *strong = malloc((size_t)n * sizeof *strong);
    assert_true(weak && strong);
    for (int64_t i = 0; i < n; i++) {
        weak[i] = fabsf(tensor_f32(before->data)[i]);
        strong[i] = -fabsf(g[i]);
        kept += was[i];
        masked_count += !was[i];
    }
    int64_t moved = llround(share * (double)kept);
    moved = moved < masked_count ? moved : masked_count;
    for (int64_t i = 0; i < n; i++) {
        bool leaves = was[i] && among_smallest(weak, was, 1, n, i, moved);
        bool comes = !was[i] && among_smallest(strong, was, 0, n, i, moved);
        assert_int_equal(is[i], was[i] ? !leaves : comes);
        assert_true(tensor_f32(p->data)[i] ==
                    (was[i] && !leaves ? tensor_f32(before->data)[i] : 0.0f));
    }
    free(weak);
    free(strong);
}

static void the_weakest_give_their_place(void **state)
{
    static const double shares[] = {0, 0.1, 0.5, 1};
    (void)state;
    for (int s = 0; s < 4; s++) {
        error e = {0};
        graph *g = masked(0.4), *before = graph_copy(g, NULL);
        float **gradient = calloc((size_t)g->parameter_count, sizeof *gradient);
        int64_t moved, nonzero = graph_nonzero(g);
        assert_true(before && gradient);
        for (int i = 0; i < g->parameter_count; i++) {
            random_stream r = random_new(9, "gradient", (uint64_t)i);
            int64_t n = tensor_count(g->parameters[i].data);
            gradient[i] = malloc((size_t)n * sizeof(float));
            assert_non_null(gradient[i]);
            random_fill_uniform(&r, gradient[i], n, -1, 1);
        }
        assert_int_equal(gradual_regrow(g, gradient, shares[s], &moved, &e), E_OK);
        for (int i = 0; i < g->parameter_count; i++) {
            const parameter *p = &g->parameters[i];
            if (p->mask)
                check_exchange(p, &before->parameters[i], gradient[i], shares[s]);
            free(gradient[i]);
        }
        int64_t came = nonzero - graph_nonzero(g); /* what came begins at 0 */
        assert_int_equal(came, moved);
        assert_int_equal(gradual_check(g, &e), E_OK);
        free(gradient);
        graph_free(before);
        graph_free(g);
    }
}

static void what_is_left_goes_back(void **state)
{
    error e = {0};
    (void)state;
    graph *g = masked(0.6), *early = support_unet(SIZE), *other = support_unet(SIZE);
    support_fill(early, 77);
    assert_int_equal(gradual_rewind(g, early, &e), E_OK);
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
        for (int64_t k = 0; k < tensor_count(p->data); k++)
            assert_true(
                tensor_f32(p->data)[k] ==
                (mask && !mask[k] ? 0.0f : tensor_f32(early->parameters[i].data)[k]));
    }
    attributes a = support_convolution(2, 1);
    assert_true(graph_add(other, "conv2d", "more", &a, &other->output, 1, NULL) >= 0);
    assert_int_equal(gradual_rewind(g, other, &e), E_SHAPE);
    graph_free(other);
    graph_free(early);
    graph_free(g);
}

static void a_weight_that_came_back_is_found(void **state)
{
    error e = {0};
    (void)state;
    graph *g = masked(0.5);
    int i = graph_find_parameter(g, "down.0.weight");
    assert_true(i >= 0);
    assert_int_equal(gradual_check(g, &e), E_OK);
    const uint8_t *mask = tensor_data(g->parameters[i].mask);
    int64_t k = 0;
    while (mask[k])
        k++;
    tensor_write_f32(g->parameters[i].data, NULL)[k] = 1e-9f;
    assert_int_equal(gradual_check(g, &e), E_NUMERIC);
    graph_free(g);
}

/* After every step: by every optimizer, with decay and momentum, and masks that move in
   between. */
static void masks_hold_through_every_step(void **state)
{
    (void)state;
    dataset *d = support_phase_data(8, SIZE, 3);
    int64_t index[] = {0, 1, 2, 3};
    for (int o = 0; optimizer_at(o); o++) {
        error e = {0};
        train_state s;
        train_settings t = {.epochs = 1,
                            .batch = 4,
                            .loss = loss_find("masked-mse"),
                            .terms = loss_standard,
                            .optimizer = optimizer_at(o),
                            .schedule = schedule_find("constant"),
                            .seed = 1};
        model *m = support_phase_model("levels=2 channels=4 size=16", 5);
        prune_result r;
        double loss;
        t.rates = t.optimizer->standard;
        t.rates.weight_decay = 0.1;
        t.rates.momentum = 0.9;
        assert_int_equal(train_start(&s, m, &t, &e), E_OK);
        for (int step = 0; step < 12; step++) {
            double amount = gradual_amount(gradual_find("cubic"), 0, 0.8, 1, 9, step);
            if (step <= 9)
                assert_int_equal(prune_weights(s.last->graph, criterion_find("magnitude"),
                                               SCOPE_GLOBAL, TARGET_WEIGHTS, amount, 1,
                                               &r, &e),
                                 E_OK);
            assert_int_equal(r.zeros, llround(amount * (double)r.prunable));
            if (train_step(&s, &t, d, index, 4, &loss, &e) != E_OK)
                fail_msg("%s: %s", t.optimizer->name, e.text);
            assert_int_equal(gradual_check(s.last->graph, &e), E_OK);
        }
        train_clear(&s);
        model_free(m);
    }
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_are_the_published_ones),
        cmocka_unit_test(exchange_falls_along_a_cosine),
        cmocka_unit_test(the_weakest_give_their_place),
        cmocka_unit_test(what_is_left_goes_back),
        cmocka_unit_test(a_weight_that_came_back_is_found),
        cmocka_unit_test(masks_hold_through_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
