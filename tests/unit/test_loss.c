/* SPDX-License-Identifier: GPL-3.0-or-later
   test_loss.c -- losses and their gradients against PyTorch's values, finite differences
   and plain sums. */
#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/random.h"
#include "support_reference.h"
#include "train/loss.h"

/* (N,C,H,W) doubles as (N,H,W,C) floats; the caller frees. */
static float *channels_last(const double *x, int64_t n, int64_t c, int64_t pixels)
{
    float *y = malloc((size_t)(n * c * pixels) * sizeof *y);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < c; k++)
            for (int64_t p = 0; p < pixels; p++)
                y[(i * pixels + p) * c + k] = (float)x[(i * c + k) * pixels + p];
    return y;
}

static double *entry(const char *prefix, const char *name, int64_t wanted)
{
    char whole[80];
    int64_t n;
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    double *x = support_reference("ops.npz", whole, &n);
    assert_int_equal(n, wanted);
    return x;
}

/* Value and gradient of one reference case of images (2,2,4,4). */
static void check_images(const char *loss, const char *prefix, bool masked)
{
    double *x = entry(prefix, "/x", 64), *t = entry("", "target", 64);
    double *m = entry("", "mask", 32), *out = entry(prefix, "/out", 1);
    double *up = entry(prefix, "/up", 1), *grad = entry(prefix, "/grad_x", 64);
    float *y = channels_last(x, 2, 2, 16), *target = channels_last(t, 2, 2, 16);
    float *wanted = channels_last(grad, 2, 2, 16), valid[64], gradient[64];
    for (int i = 0; i < 64; i++)
        valid[i] = 1 - (float)m[i / 2];
    double value = loss_find(loss)->value(&loss_standard, y, target,
                                          masked ? valid : NULL, 64, 2, gradient);
    assert_true(fabs(value - out[0]) < 1e-6 * fabs(out[0]));
    for (int i = 0; i < 64; i++)
        assert_true(fabs((double)gradient[i] * up[0] - (double)wanted[i]) < 1e-7);
    free(x), free(t), free(m), free(out), free(up), free(grad);
    free(y), free(target), free(wanted);
}

static void images_match_the_reference(void **state)
{
    (void)state;
    check_images("masked-mse", "masked_mse_57", true);
    check_images("l1", "l1_58", false);
    check_images("l1", "l1_58", true); /* masks are ignored */
    check_images("huber", "huber_59", false);
}

/* Value and gradient of LOSS where OUTPUT [4 x 5] are its outputs. */
static void check_labels(const char *loss, const loss_settings *terms, const char *prefix)
{
    double *x = entry(prefix, "/x", 20), *labels = entry("", "labels", 4);
    double *out = entry(prefix, "/out", 1), *up = entry(prefix, "/up", 1);
    double *grad = entry(prefix, "/grad_x", 20);
    float y[20], target[4], gradient[20];
    for (int i = 0; i < 20; i++)
        y[i] = (float)x[i];
    for (int i = 0; i < 4; i++)
        target[i] = (float)labels[i];
    const loss_row *row = loss_find(loss);
    double value = row->value(terms, y, target, NULL, 20, 5, gradient);
    assert_true(row->labels);
    assert_true(fabs(value - out[0]) < 1e-6 * out[0]);
    for (int i = 0; i < 20; i++)
        assert_true(fabs((double)gradient[i] * up[0] - grad[i]) < 1e-7);
    free(x), free(labels), free(out), free(up), free(grad);
}

static void labels_match_the_reference(void **state)
{
    (void)state;
    const loss_settings smooth = {.smoothing = 0.1};
    check_labels("cross-entropy", &loss_standard, "cross_entropy_55");
    check_labels("cross-entropy", &smooth, "cross_entropy_56");
    check_labels("masked-cross-entropy", &smooth, "cross_entropy_56");
}

/* The likelihood of log-softmax outputs is the cross-entropy of what went in. */
static void likelihood_is_cross_entropy_of_logarithms(void **state)
{
    (void)state;
    const float y[6] = {0.3f, -1.2f, 2.0f, 1.1f, 0.4f, -0.7f}, label[2] = {2, 0};
    float logs[6], gradient[6];
    for (int row = 0; row < 2; row++) {
        double sum = 0;
        for (int c = 0; c < 3; c++)
            sum += exp((double)y[3 * row + c]);
        for (int c = 0; c < 3; c++)
            logs[3 * row + c] = (float)((double)y[3 * row + c] - log(sum));
    }
    double wanted =
        loss_find("cross-entropy")->value(&loss_standard, y, label, NULL, 6, 3, NULL);
    double value =
        loss_find("nll")->value(&loss_standard, logs, label, NULL, 6, 3, gradient);
    assert_true(fabs(value - wanted) < 1e-6);
    const float slopes[6] = {0, 0, -0.5f, -0.5f, 0, 0};
    assert_memory_equal(gradient, slopes, sizeof slopes);
}

/* What is masked adds nothing, whatever it is, and the mean is over all. */
static void masked_rows_do_not_count(void **state)
{
    (void)state;
    const char *const names[] = {"masked-cross-entropy", "masked-nll"};
    const float y[6] = {0.3f, -1.2f, 2.0f, NAN, INFINITY, -0.7f}, label[2] = {2, -5};
    const float valid[2] = {1, 0};
    for (int k = 0; k < 2; k++) {
        const loss_row *row = loss_find(names[k]);
        float one[3], both[6];
        double alone = row->value(&loss_standard, y, label, NULL, 3, 3, one);
        double half = row->value(&loss_standard, y, label, valid, 6, 3, both);
        assert_true(fabs(half - alone / 2) < 1e-12);
        for (int c = 0; c < 3; c++)
            assert_true(fabsf(both[c] - one[c] / 2) < 1e-7f && both[3 + c] == 0);
    }
}

static void cross_entropy_survives_extremes(void **state)
{
    (void)state;
    const loss_row *row = loss_find("cross-entropy");
    float y[3] = {3e38f, -3e38f, 0}, label = 0, gradient[3];
    assert_true(fabs(row->value(&loss_standard, y, &label, NULL, 3, 3, gradient)) <
                1e-12);
    for (int i = 0; i < 3; i++)
        assert_true(fabsf(gradient[i]) < 1e-12f);
    const float wrong[] = {3, -1, 0.5f, NAN, INFINITY};
    for (int i = 0; i < 5; i++)
        assert_true(isnan(row->value(&loss_standard, y, &wrong[i], NULL, 3, 3, NULL)));
    assert_true(isnan(row->value(&loss_standard, y, &label, NULL, 0, 3, NULL)));
}

/* Large enough for many tiles, and no multiple of any. */
enum { CHANNELS = 5, ROWS = 20011, COUNT = CHANNELS * ROWS };

typedef struct case_data {
    float *output, *target, *valid, *gradient;
} case_data;

static case_data make_case(bool labels)
{
    case_data c = {malloc(COUNT * sizeof(float)), malloc(COUNT * sizeof(float)),
                   malloc(COUNT * sizeof(float)), malloc(COUNT * sizeof(float))};
    random_stream r = random_new(3, "loss", 0);
    for (int i = 0; i < COUNT; i++) {
        c.output[i] = (float)random_between(&r, -2, 2);
        c.target[i] = (float)random_between(&r, -2, 2);
        c.valid[i] = random_uniform(&r) < 0.7 ? 1 : 0;
        if (labels)
            c.target[i] = (float)random_below(&r, CHANNELS);
    }
    return c;
}

static void free_case(case_data *c)
{
    free(c->output), free(c->target), free(c->valid), free(c->gradient);
}

/* Not the standard ones, so that all terms show. */
static const loss_settings bent = {.delta = 0.8, .smoothing = 0.1};

static double value_of(const loss_row *row, const case_data *c, float *gradient)
{
    return row->value(&bent, c->output, c->target, c->valid, COUNT, CHANNELS, gradient);
}

/* The mean changes by the gradient when one output moves; one row alone is looked at, so
   that the difference is not lost in a mean over a hundred thousand. */
static void gradients_are_derivatives(void **state)
{
    (void)state;
    for (int k = 0; loss_at(k); k++) {
        const loss_row *row = loss_at(k);
        case_data c = make_case(row->labels);
        value_of(row, &c, c.gradient);
        for (int i = 7; i < COUNT; i += 4999) {
            int at = i / CHANNELS;
            const float *t = row->labels ? &c.target[at] : &c.target[at * CHANNELS];
            const float *v = &c.valid[row->labels ? at : at * CHANNELS];
            float kept = c.output[i], step = 1e-3f;
            c.output[i] = kept + step;
            double above = row->value(&bent, &c.output[at * CHANNELS], t, v, CHANNELS,
                                      CHANNELS, NULL);
            c.output[i] = kept - step;
            double below = row->value(&bent, &c.output[at * CHANNELS], t, v, CHANNELS,
                                      CHANNELS, NULL);
            double width = (double)(kept + step) - (double)(kept - step);
            c.output[i] = kept;
            double slope = (above - below) / width / ROWS;
            assert_true(fabs(slope - (double)c.gradient[i]) < 2e-4 / ROWS);
        }
        free_case(&c);
    }
}

static void values_are_plain_means(void **state)
{
    (void)state;
    case_data c = make_case(false);
    double squares = 0, masked = 0, absolute = 0, masked_absolute = 0, huber = 0;
    for (int i = 0; i < COUNT; i++) {
        double d = (double)c.output[i] - (double)c.target[i];
        masked_absolute += fabs(d) * (double)c.valid[i] / COUNT;
        double bowl = fabs(d) <= 0.8 ? d * d / 2 : 0.8 * (fabs(d) - 0.4);
        huber += bowl * (double)c.valid[i] / COUNT;
        squares += d * d / COUNT;
        masked += d * d * (double)c.valid[i] / COUNT;
        absolute += fabs(d) / COUNT;
    }
    assert_true(fabs(value_of(loss_find("mse"), &c, NULL) - squares) < 1e-6);
    assert_true(fabs(value_of(loss_find("masked-mse"), &c, NULL) - masked) < 1e-6);
    assert_true(fabs(value_of(loss_find("l1"), &c, NULL) - absolute) < 1e-6);
    assert_true(fabs(value_of(loss_find("masked-l1"), &c, NULL) - masked_absolute) <
                1e-6);
    assert_true(fabs(value_of(loss_find("masked-huber"), &c, NULL) - huber) < 1e-6);
    /* Where all is valid the masked loss is the plain one. */
    double all =
        loss_find("masked-mse")
            ->value(&bent, c.output, c.target, NULL, COUNT, CHANNELS, c.gradient);
    assert_true(fabs(all - squares) < 1e-6);
    free_case(&c);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int k = 0; loss_at(k); k++) {
        case_data c = make_case(loss_at(k)->labels);
        cpu_set_threads(1);
        double one = value_of(loss_at(k), &c, NULL);
        for (int threads = 2; threads <= 5; threads++) {
            cpu_set_threads(threads);
            double many = value_of(loss_at(k), &c, NULL);
            assert_memory_equal(&one, &many, sizeof one);
        }
        /* With or without a gradient: the same value. */
        double with = value_of(loss_at(k), &c, c.gradient);
        assert_memory_equal(&one, &with, sizeof one);
        cpu_set_threads(0);
        free_case(&c);
    }
}

static void names_are_found(void **state)
{
    (void)state;
    for (int k = 0; loss_at(k); k++)
        assert_ptr_equal(loss_find(loss_at(k)->name), loss_at(k));
    assert_null(loss_find("hinge"));
    assert_null(loss_at(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_match_the_reference),
        cmocka_unit_test(labels_match_the_reference),
        cmocka_unit_test(likelihood_is_cross_entropy_of_logarithms),
        cmocka_unit_test(masked_rows_do_not_count),
        cmocka_unit_test(cross_entropy_survives_extremes),
        cmocka_unit_test(gradients_are_derivatives),
        cmocka_unit_test(values_are_plain_means),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(names_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
