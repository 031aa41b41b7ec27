/* SPDX-License-Identifier: GPL-3.0-or-later
   test_metric.c -- metrics of pictures, labels and reproduced inputs against scikit-image's
   values and plain sums in double precision, and their intervals against theory. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/random.h"
#include "measure/bootstrap.h"
#include "measure/evaluate.h"
#include "measure/latency.h"
#include "support_reference.h"
#include "support_source.h"

static double value_of(const char *name, const metric_sample *s)
{
    double sums[METRIC_SUMS] = {0};
    metric_find(name)->add(s, sums);
    return metric_find(name)->finish(sums);
}

/* ---- pictures ---- */

/* The picture in CHANNELS channels; channel 0 is the one that is given. */
static float *in_channels(const double *x, int64_t n, int64_t channels)
{
    float *y = malloc((size_t)(n * channels) * sizeof *y);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < channels; c++)
            y[i * channels + c] = (float)x[c == 0 ? i : n - 1 - i];
    return y;
}

static void pictures_match_the_reference(void **state)
{
    (void)state;
    int64_t n;
    double *a = support_reference("train.npz", "image/a", &n);
    double *b = support_reference("train.npz", "image/b", &n);
    assert_int_equal(n, 40 * 33);
    for (int64_t channels = 1; channels <= 3; channels++) {
        /* Turned by half a turn, a picture is as similar as before. */
        float *t = in_channels(a, n, channels), *y = in_channels(b, n, channels);
        const metric_sample s = {y, t, NULL,
                                 shape_of(3, (int64_t)40, (int64_t)33, channels), 1};
        /* tests/reference/train.json, by scikit-image in double precision */
        assert_true(fabs(value_of("ssim", &s) - 0.8419647205940831) < 1e-5);
        assert_true(fabs(value_of("psnr", &s) - 26.522873280589657) < 1e-4);
        assert_true(fabs(value_of("mse", &s) - 0.0022269613101780932) < 1e-8);
        const metric_sample same = {t, t, NULL, s.shape, 1};
        assert_true(fabs(value_of("ssim", &same) - 1) < 1e-12);
        assert_true(isnan(value_of("psnr", &same)));
        free(t), free(y);
    }
    free(a), free(b);
}

/* The definition, window by window. */
static double plain_ssim(const float *y, const float *t, int height, int width,
                         double range)
{
    double total = 0, w[11][11], sum = 0;
    for (int i = 0; i < 11; i++)
        for (int k = 0; k < 11; k++)
            sum += w[i][k] = exp(-((i - 5) * (i - 5) + (k - 5) * (k - 5)) / 4.5);
    for (int row = 0; row + 11 <= height; row++)
        for (int column = 0; column + 11 <= width; column++) {
            double my = 0, mt = 0, vy = 0, vt = 0, both = 0;
            for (int i = 0; i < 121; i++) {
                int at = (row + i / 11) * width + column + i % 11;
                my += w[i / 11][i % 11] / sum * (double)y[at];
                mt += w[i / 11][i % 11] / sum * (double)t[at];
            }
            for (int i = 0; i < 121; i++) {
                int at = (row + i / 11) * width + column + i % 11;
                double dy = (double)y[at] - my, dt = (double)t[at] - mt;
                vy += w[i / 11][i % 11] / sum * dy * dy;
                vt += w[i / 11][i % 11] / sum * dt * dt;
                both += w[i / 11][i % 11] / sum * dy * dt;
            }
            double c1 = pow(0.01 * range, 2), c2 = pow(0.03 * range, 2);
            total += (2 * my * mt + c1) * (2 * both + c2) /
                     ((my * my + mt * mt + c1) * (vy + vt + c2));
        }
    return total / ((height - 10) * (width - 10));
}

static void similarity_is_that_of_the_definition(void **state)
{
    (void)state;
    /* Narrower and wider than what is worked on at a time, and exactly one window. */
    const int sizes[][2] = {{11, 11}, {14, 74}, {12, 75}, {13, 150}};
    random_stream r = random_new(4, "ssim", 0);
    for (int k = 0; k < 4; k++) {
        int height = sizes[k][0], width = sizes[k][1], n = height * width;
        float *y = malloc((size_t)n * sizeof *y), *t = malloc((size_t)n * sizeof *t);
        for (int i = 0; i < n; i++) {
            t[i] = (float)(100 + 50 * sin(i * 0.1) + random_normal(&r));
            y[i] = t[i] + (float)(10 * random_normal(&r));
        }
        const metric_sample s = {
            y, t, NULL, shape_of(3, (int64_t)height, (int64_t)width, (int64_t)1), 255};
        double wanted = plain_ssim(y, t, height, width, 255);
        assert_true(fabs(value_of("ssim", &s) - wanted) < 1e-9);
        free(y), free(t);
    }
}

static void psnr_has_the_range_of_the_sample(void **state)
{
    (void)state;
    const float t[4] = {-3, 1, 2, 5}, y[4] = {-3, 2, 2, 5};
    metric_sample s = {y, t, NULL, shape_of(1, (int64_t)4), 0};
    assert_true(fabs(value_of("psnr", &s) - 10 * log10(64 / 0.25)) < 1e-12);
    s.range = 1;
    assert_true(fabs(value_of("psnr", &s) - 10 * log10(1 / 0.25)) < 1e-12);
}

/* ---- labels ---- */

static void labels_are_counted(void **state)
{
    (void)state;
    const struct {
        float label;
        bool first, fifth;
    } cases[] = {{0, false, false}, {1, true, true},  {2, false, true}, {3, false, true},
                 {4, false, true},  {5, false, true}, {6, false, false}};
    /* 2 and 3 are alike: the earlier one counts as larger.  5 is fifth, 6 is NaN. */
    const float y[7] = {-9, 7, 3, 3, 2, 1, NAN};
    for (int i = 0; i < 7; i++) {
        const metric_sample s = {y, &cases[i].label, NULL, shape_of(1, (int64_t)7), 0};
        assert_true(value_of("accuracy", &s) == (cases[i].first ? 1 : 0));
        assert_true(value_of("top5", &s) == (cases[i].fifth ? 1 : 0));
    }
    const float z[3] = {1, 2, 3}, label = 2;
    const metric_sample s = {z, &label, NULL, shape_of(1, (int64_t)3), 0};
    double wanted = log(exp(1) + exp(2) + exp(3)) - 3;
    assert_true(fabs(value_of("cross_entropy", &s) - wanted) < 1e-12);
}

/* A network that gives its input (SLOPE 1), or scales what is negative in it. */
static model *scaling_model(shape in, double slope, bool flat)
{
    error e = {0};
    graph *g = graph_new(in, &e);
    attributes a = {.slope = slope};
    int value = graph_add(g, "leaky_relu", "act", &a, &g->input, 1, &e);
    if (flat)
        value = graph_add(g, "flatten", "flat", &(attributes){0}, &value, 1, &e);
    if (value < 0)
        fail_msg("%s", e.text);
    return model_new(g, &e);
}

enum { CLASSES = 7, PICTURES = 500 };

static dataset *labelled_data(void)
{
    dataset *d = support_plain_data(
        PICTURES, shape_of(3, (int64_t)1, (int64_t)1, (int64_t)CLASSES));
    float *x = tensor_write_f32(d->input, NULL);
    d->target = tensor_new(DTYPE_F32, shape_of(2, (int64_t)PICTURES, (int64_t)1), NULL);
    float *label = tensor_write_f32(d->target, NULL);
    d->class_count = CLASSES;
    random_stream r = random_new(6, "labels", 0);
    for (int i = 0; i < PICTURES; i++) {
        label[i] = (float)random_below(&r, CLASSES);
        for (int c = 0; c < CLASSES; c++)
            x[i * CLASSES + c] =
                (float)random_normal(&r) + (c == (int)label[i] ? 1.5f : 0);
    }
    return d;
}

static void confusion_agrees_with_accuracy(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = labelled_data();
    model *m = scaling_model(dataset_input_shape(d), 1, true);
    const float *x = tensor_f32(d->input), *label = tensor_f32(d->target);
    int64_t wanted[CLASSES * CLASSES] = {0}, *counts, classes, hits = 0;
    for (int i = 0; i < PICTURES; i++) {
        int most = 0;
        for (int c = 1; c < CLASSES; c++)
            most = x[i * CLASSES + c] > x[i * CLASSES + most] ? c : most;
        wanted[(int)label[i] * CLASSES + most]++;
        hits += most == (int)label[i];
    }
    assert_int_equal(evaluate_confusion(m, d, SPLIT_TEST, 8, NULL, &counts, &classes, &e),
                     E_OK);
    assert_int_equal(classes, CLASSES);
    assert_memory_equal(counts, wanted, sizeof wanted);
    memory_free(counts);
    evaluation v;
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 8, NULL, NULL, &v, NULL, &e), E_OK);
    assert_true(fabs(evaluation_get(&v, "accuracy") - (double)hits / PICTURES) < 1e-12);
    assert_true(evaluation_get(&v, "top5") > evaluation_get(&v, "accuracy"));
    assert_true(isnan(evaluation_get(&v, "mse")));
    /* More classes than the network has outputs. */
    d->class_count = CLASSES + 1;
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 8, NULL, NULL, &v, NULL, &e), E_SHAPE);
    d->class_count = 0;
    assert_int_equal(evaluate_confusion(m, d, SPLIT_TEST, 8, NULL, &counts, &classes, &e),
                     E_USAGE);
    assert_null(counts);
    model_free(m);
    dataset_free(d);
}

/* ---- intervals ---- */

static int64_t column_named(const evaluation *v, const char *name)
{
    for (int i = 0; i < v->count; i++)
        if (strcmp(v->row[i]->name, name) == 0)
            return i;
    fail_msg("there is no %s", name);
    return -1;
}

/* The accuracy of n samples has the standard deviation sqrt(p (1 - p) / n): theirs is the
   interval, and with groups of four equal samples it is twice as wide. */
static void intervals_are_as_wide_as_theory_says(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = labelled_data();
    model *m = scaling_model(dataset_input_shape(d), 1, true);
    const certainty how = {0.95, 3};
    evaluation v, again, grouped;
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 8, &how, NULL, &v, NULL, &e), E_OK);
    int64_t k = column_named(&v, "accuracy");
    double p = v.value[k], wide = 2 * 1.96 * sqrt(p * (1 - p) / PICTURES);
    assert_true(v.low[k] < p && p < v.high[k]);
    assert_true(fabs((v.high[k] - v.low[k]) / wide - 1) < 0.12);
    cpu_set_threads(1);
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 50, &how, NULL, &again, NULL, &e), E_OK);
    cpu_set_threads(0);
    assert_true(again.low[k] == v.low[k] && again.high[k] == v.high[k]);
    float *x = tensor_write_f32(d->input, NULL),
          *label = tensor_write_f32(d->target, NULL);
    d->group = memory_new(PICTURES, sizeof *d->group, NULL);
    for (int i = 0; i < PICTURES; i++) {
        d->group[i] = 100 - i / 4;
        label[i] = label[i / 4 * 4];
        memcpy(x + (int64_t)i * CLASSES, x + (int64_t)(i / 4 * 4) * CLASSES,
               CLASSES * sizeof *x);
    }
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 8, &how, NULL, &grouped, NULL, &e), E_OK);
    p = grouped.value[k], wide = 4 * 1.96 * sqrt(p * (1 - p) / PICTURES);
    assert_true(fabs((grouped.high[k] - grouped.low[k]) / wide - 1) < 0.12);
    table *rows = table_new(NULL);
    double low;
    table_row(rows);
    evaluation_put(&grouped, rows);
    assert_true(table_number(rows, 0, "accuracy_low", &low) && low == grouped.low[k]);
    assert_true(table_number(rows, 0, "accuracy_high", &low) && low == grouped.high[k]);
    table_free(rows);
    model_free(m);
    dataset_free(d);
}

static double mean_of(const double sums[METRIC_SUMS])
{
    return sums[0] / sums[1];
}

static void one_unit_has_no_interval(void **state)
{
    (void)state;
    double sums[2 * METRIC_SUMS] = {3, 1}, low, high;
    double (*const finish[])(const double[METRIC_SUMS]) = {mean_of};
    bootstrap b = {sums, 1, 1, finish, 0.9, 1};
    assert_int_equal(bootstrap_intervals(&b, &low, &high, NULL), E_OK);
    assert_true(isnan(low) && isnan(high));
    b.units = 2; /* the second one does not have the metric */
    assert_int_equal(bootstrap_intervals(&b, &low, &high, NULL), E_OK);
    assert_true(isnan(low) && isnan(high));
    sums[METRIC_SUMS] = 5, sums[METRIC_SUMS + 1] = 1;
    assert_int_equal(bootstrap_intervals(&b, &low, &high, NULL), E_OK);
    assert_true(low == 3 && high == 5);
}

/* ---- reproduced inputs ---- */

enum { BLOCKS = 60, CELLS = 27 };

static dataset *block_data(void)
{
    dataset *d = support_plain_data(
        BLOCKS, shape_of(4, (int64_t)3, (int64_t)3, (int64_t)3, (int64_t)1));
    float *x = tensor_write_f32(d->input, NULL);
    random_stream r = random_new(8, "blocks", 0);
    for (int i = 0; i < BLOCKS * CELLS; i++)
        x[i] = (float)(0.1 + 0.8 * random_uniform(&r));
    d->target = tensor_share(d->input, NULL);
    return d;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Checks the metrics PREFIX... of V against Y and T, block after block. */
static void check_reproduction(const evaluation *v, const char *prefix, const double *y,
                               const double *t)
{
    static double relative[BLOCKS * CELLS];
    const int n = BLOCKS * CELLS;
    double squares = 0, absolute = 0, decibel = 0, means[2] = {0}, moments[3] = {0};
    for (int b = 0; b < BLOCKS; b++) {
        double own = 0, least = INFINITY, most = -INFINITY;
        for (int i = b * CELLS; i < (b + 1) * CELLS; i++) {
            own += (y[i] - t[i]) * (y[i] - t[i]);
            least = fmin(least, t[i]), most = fmax(most, t[i]);
        }
        squares += own / n;
        decibel += 10 * log10((most - least) * (most - least) / (own / CELLS)) / BLOCKS;
    }
    for (int i = 0; i < n; i++) {
        absolute += fabs(y[i] - t[i]) / n;
        relative[i] = fabs((y[i] - t[i]) / t[i]);
        means[0] += y[i] / n, means[1] += t[i] / n;
    }
    double relatives = 0;
    for (int i = 0; i < n; i++) {
        moments[0] += (y[i] - means[0]) * (y[i] - means[0]);
        moments[1] += (t[i] - means[1]) * (t[i] - means[1]);
        moments[2] += (y[i] - means[0]) * (t[i] - means[1]);
        relatives += relative[i] / n;
    }
    qsort(relative, (size_t)n, sizeof *relative, by_size);
    const struct {
        const char *name;
        double wanted;
    } rows[] = {{"mse", squares},
                {"mae", absolute},
                {"psnr", decibel},
                {"correlation", moments[2] / sqrt(moments[0] * moments[1])},
                {"relative_error", relatives},
                {"relative_error_p95", latency_quantile(relative, n, 0.95)},
                {"relative_error_p99", latency_quantile(relative, n, 0.99)}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", prefix, rows[k].name);
        int64_t at = column_named(v, name);
        if (!(fabs(v->value[at] - rows[k].wanted) < 2e-5 * fabs(rows[k].wanted)))
            fail_msg("%s is %.9g, wanted %.9g", name, v->value[at], rows[k].wanted);
        assert_true(v->low[at] <= v->value[at] && v->value[at] <= v->high[at]);
        assert_true(v->low[at] < v->high[at]);
    }
}

static void reproduced_blocks_are_measured_twice(void **state)
{
    (void)state;
    static double y[BLOCKS * CELLS], t[BLOCKS * CELLS], py[BLOCKS * CELLS],
        pt[BLOCKS * CELLS];
    error e = {0};
    dataset *d = block_data();
    model *m = scaling_model(dataset_input_shape(d), 0.9, false);
    m->input_transform = (transform){.kind = TRANSFORM_BLOCK_LOG, .epsilon = 1e-3};
    for (int b = 0; b < BLOCKS; b++) {
        const float *x = tensor_f32(d->input) + b * CELLS;
        double least = (double)x[0];
        for (int i = 0; i < CELLS; i++)
            least = fmin(least, (double)x[i]);
        for (int i = 0; i < CELLS; i++) {
            int at = b * CELLS + i;
            pt[at] = (double)x[i];
            t[at] = log((double)x[i] - least + 1e-3);
            y[at] = t[at] > 0 ? t[at] : 0.9 * t[at];
            py[at] = exp(y[at]) + least - 1e-3;
        }
    }
    const certainty how = {0.9, 3};
    evaluation v;
    if (evaluate(m, d, SPLIT_TEST, 8, &how, NULL, &v, NULL, &e))
        fail_msg("%s", e.text);
    check_reproduction(&v, "", y, t);
    check_reproduction(&v, "physical_", py, pt);
    /* Without a transform there is but one meaning. */
    m->input_transform.kind = TRANSFORM_NONE;
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 8, NULL, NULL, &v, NULL, &e), E_OK);
    assert_true(evaluation_get(&v, "mse") == 0);
    assert_true(isnan(evaluation_get(&v, "physical_mse")));
    model_free(m);
    dataset_free(d);
}

static void directions_are_part_of_the_rows(void **state)
{
    (void)state;
    const char *const higher[] = {
        "accuracy",    "top5",          "psnr",          "ssim",
        "correlation", "physical_psnr", "physical_ssim", "physical_correlation"};
    int count = 0;
    for (int i = 0; metric_at(i); i++)
        count += metric_at(i)->higher_is_better;
    assert_int_equal(count, 8);
    for (int i = 0; i < 8; i++) {
        const metric_row *row = metric_find(higher[i]);
        assert_true(row->higher_is_better);
        assert_true(metric_better(row, 2, 1) && !metric_better(row, 1, 2));
    }
    assert_true(metric_better(metric_find("mse"), 1, 2));
    assert_false(metric_better(metric_find("mse"), NAN, 2));
    assert_false(metric_better(metric_find("psnr"), NAN, 2));
}

/* ---- the choice of an epoch ---- */

/* A metric that is better the higher it is, of the epoch that is asked for: each time less
   than before, while the loss falls. */
static int asked;

static status falling(const char *name, const model *m, const dataset *d, int64_t batch,
                      const task *watch, double *value, error *e)
{
    (void)m, (void)d, (void)batch, (void)watch, (void)e;
    assert_string_equal(name, "psnr");
    *value = 100 - asked++;
    return E_OK;
}

static train_state train_with(train_monitor monitor, int64_t patience)
{
    error e = {0};
    train_settings t = {.epochs = 6, .batch = 20, .seed = 1, .terms = loss_standard};
    dataset *d = block_data();
    train_state s;
    graph *g = graph_new(dataset_input_shape(d), &e);
    attributes a = {.kernel = {1, 1, 1},
                    .stride = {1, 1, 1},
                    .dilation = {1, 1, 1},
                    .groups = 1,
                    .channels = 1,
                    .bias = true};
    assert_true(graph_add(g, "conv3d", "scale", &a, &g->input, 1, &e) >= 0);
    model *m = model_new(g, &e);
    for (int i = 0; i < d->count; i++)
        d->split[i] = i % 3 ? SPLIT_TRAIN : SPLIT_VAL;
    t.loss = loss_find("mse");
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.rates.learning_rate = 0.01;
    t.schedule = schedule_find("constant");
    t.patience = patience;
    t.monitor = monitor;
    if (train_start(&s, m, &t, &e))
        fail_msg("%s", e.text);
    while (!s.finished)
        if (train_epoch(&s, &t, d, NULL, &e))
            fail_msg("%s", e.text);
    if (monitor.measure && monitor.measure != falling) {
        evaluation v; /* the score kept is that of the model kept */
        assert_int_equal(
            evaluate(train_result(&s), d, SPLIT_VAL, 20, NULL, NULL, &v, NULL, &e), E_OK);
        assert_true(fabs(evaluation_get(&v, monitor.name) - s.best_score) < 1e-9);
    }
    for (int64_t i = 0; i < s.last->epoch_count; i++) { /* the curve keeps them all */
        const epoch_row *row = &s.last->epochs[i];
        assert_string_equal(row->metric, monitor.name ? monitor.name : "");
        assert_true(monitor.name ? isfinite(row->score) : isnan(row->score));
        assert_true(!monitor.name || !row->best || row->score == s.best_score);
        assert_true(monitor.measure != falling || row->score == 100 - (double)i);
    }
    model_free(m);
    dataset_free(d);
    return s;
}

static void epochs_are_chosen_in_the_metric_s_direction(void **state)
{
    (void)state;
    train_state by_loss = train_with((train_monitor){0}, 0);
    assert_int_equal(by_loss.best_epoch, 6);
    assert_true(by_loss.best_score == by_loss.best_loss);
    train_state by_psnr = train_with(evaluate_monitor(metric_find("psnr")), 0);
    assert_int_equal(by_psnr.best_epoch, 6);
    assert_true(by_psnr.best_score != by_psnr.best_loss);
    train_state by_error = train_with(evaluate_monitor(metric_find("mae")), 0);
    assert_int_equal(by_error.best_epoch, 6);
    /* What the data do not have is told before an epoch is spent on it. */
    error e = {0};
    dataset *d = labelled_data(), *blocks = block_data();
    model *m = scaling_model(dataset_input_shape(d), 1, true);
    assert_int_equal(evaluate_check("accuracy", m, d, &e), E_OK);
    assert_int_equal(evaluate_check("psnr", m, d, &e), E_USAGE);
    assert_int_equal(evaluate_check("accuracy", by_psnr.last, blocks, &e), E_USAGE);
    assert_int_equal(evaluate_check("psnr", by_psnr.last, blocks, &e), E_OK);
    model_free(m);
    dataset_free(d);
    dataset_free(blocks);
    /* Falling, and the higher the better: the first is best, and patience ends. */
    train_state by_fall = train_with((train_monitor){"psnr", true, falling}, 2);
    assert_int_equal(by_fall.best_epoch, 1);
    assert_int_equal(by_fall.epoch, 3);
    train_clear(&by_loss), train_clear(&by_psnr);
    train_clear(&by_error), train_clear(&by_fall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_match_the_reference),
        cmocka_unit_test(similarity_is_that_of_the_definition),
        cmocka_unit_test(psnr_has_the_range_of_the_sample),
        cmocka_unit_test(labels_are_counted),
        cmocka_unit_test(confusion_agrees_with_accuracy),
        cmocka_unit_test(intervals_are_as_wide_as_theory_says),
        cmocka_unit_test(one_unit_has_no_interval),
        cmocka_unit_test(reproduced_blocks_are_measured_twice),
        cmocka_unit_test(directions_are_part_of_the_rows),
        cmocka_unit_test(epochs_are_chosen_in_the_metric_s_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
