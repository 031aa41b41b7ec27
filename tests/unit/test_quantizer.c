/* SPDX-License-Identifier: GPL-3.0-or-later
   test_quantizer.c -- the linear quantizer itself: scales, zero points and codes against
   published and PyTorch's values. */
#include "support.h"
#include "support_graph.h"
#include "support_phase.h"
#include "support_reference.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/random.h"
#include "compress/quantize.h"

/* 5 x 5 numbers, their 2-bit codes, scale 1/3, zero point -1, error 0.0079511. */
static void test_two_bits(void **state)
{
    static const double x[25] = {
        0.0523, 0.6364,  -0.0968, -0.0020, 0.1940, 0.7500,  0.5507, 0.6188,  -0.1734,
        0.4677, -0.0669, 0.3836,  0.4297,  0.6267, -0.0695, 0.1536, -0.0038, 0.6075,
        0.6817, 0.0601,  0.6446,  -0.2500, 0.5376, -0.2226, 0.2333};
    static const int codes[25] = {-1, 1,  -1, -1, 0, 1, 1,  1, -2, 0, -1, 0, 0,
                                  1,  -1, -1, -1, 1, 1, -1, 1, -2, 1, -2, 0};
    (void)state;
    float scale;
    int32_t zero;
    double error_sum = 0;
    quantizer_from_range(-0.25, 0.75, 2, &scale, &zero);
    assert_true(scale == (float)(1.0 / 3));
    assert_int_equal(zero, -1);
    for (int i = 0; i < 25; i++) {
        int32_t q = quantize_value(x[i], scale, zero, 2);
        assert_int_equal(q, codes[i]);
        error_sum += pow((double)scale * (q - zero) - x[i], 2);
    }
    assert_true(fabs(error_sum / 25 - 0.0079511) < 5e-8);
}

static void test_reference_codes(void **state)
{
    static const struct {
        int bits, zero;
        double scale, mse;
    } rows[] = {{2, -1, 0.3333333333333333, 0.007951083155555556},
                {3, -2, 0.14285714285714285, 0.0021042622938775516},
                {4, -4, 0.06666666666666667, 0.00034948315555555584},
                {8, -64, 0.00392156862745098, 1.333982160707406e-06}};
    (void)state;
    int64_t n, count;
    double *x = support_reference("train.npz", "linear_quantizer/x", &n);
    for (int i = 0; i < 4; i++) {
        char entry[40];
        float scale;
        int32_t zero;
        double mse = 0;
        snprintf(entry, sizeof entry, "linear_quantizer/%d", rows[i].bits);
        double *codes = support_reference("train.npz", entry, &count);
        quantizer_from_range(-0.25, 0.75, rows[i].bits, &scale, &zero);
        assert_true(scale == (float)rows[i].scale);
        assert_int_equal(zero, rows[i].zero);
        for (int64_t k = 0; k < n; k++) {
            int32_t q = quantize_value(x[k], scale, zero, rows[i].bits);
            assert_int_equal(q, (int)codes[k]);
            mse += pow((double)scale * (q - zero) - x[k], 2) / (double)n;
        }
        assert_true(fabs(mse - rows[i].mse) < 1e-6 * rows[i].mse + 1e-9);
        free(codes);
    }
    free(x);
}

static void test_ranges(void **state)
{
    (void)state;
    float scale;
    int32_t zero;
    quantizer_from_range(0, 0, 8, &scale, &zero);
    assert_true(scale == 1.0f && zero == -128);
    quantizer_from_range(2, 6, 8, &scale, &zero); /* widened to hold 0 */
    assert_true(scale == (float)(6.0 / 255) && zero == -128);
    quantizer_from_range(-6, -2, 8, &scale, &zero);
    assert_true(scale == (float)(6.0 / 255) && zero == 127);
    quantizer_from_range(-1e-42, 1e-42, 8, &scale, &zero);
    assert_true(scale == 1.0f && zero == -128);
    assert_int_equal(quantize_value(0.0, 0.1f, 7, 8), 7);
    assert_int_equal(quantize_value(1e30, 0.1f, 7, 8), 127);
    assert_int_equal(quantize_value(-1e30, 0.1f, 7, 8), -128);
    assert_int_equal(quantize_value(0.5, 1.0f, 0, 8), 0); /* half to even */
    assert_int_equal(quantize_value(1.5, 1.0f, 0, 8), 2);
}

/* ---- models ---- */

/* The squared error of X quantized with a range, number by number. */
static double real_error(const double *x, int64_t n, int bits, double low, double high)
{
    float scale;
    int32_t zero;
    double sum = 0;
    quantizer_from_range(low, high, bits, &scale, &zero);
    for (int64_t i = 0; i < n; i++) {
        double back = (double)scale * (quantize_value(x[i], scale, zero, bits) - zero);
        sum += (back - x[i]) * (back - x[i]);
    }
    return sum;
}

/* The mse observer never loses to min-max by more than its model of rounding is off, and
   wins where a few outliers stretch the range. */
static void test_observers(void **state)
{
    enum { N = 20000 };
    static double x[N];
    static histogram h;
    (void)state;
    assert_null(observer_find("min-max")->narrow);
    for (int outliers = 0; outliers <= 1; outliers++)
        for (int bits = 4; bits <= 8; bits += 4) {
            random_stream r = random_new(3, "observe", (uint64_t)(outliers * 8 + bits));
            h = (histogram){.low = 0, .high = 0};
            for (int64_t i = 0; i < N; i++) {
                x[i] = fmax(random_normal(&r), -0.5) * (outliers && i < 5 ? 12 : 1);
                h.low = fmin(h.low, x[i]);
                h.high = fmax(h.high, x[i]);
            }
            for (int64_t i = 0; i < N; i++) {
                int bin = (int)((x[i] - h.low) / (h.high - h.low) * HISTOGRAM_BINS);
                h.count[bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1]++;
            }
            double low = h.low, high = h.high;
            observer_find("mse")->narrow(&h, bits, &low, &high);
            assert_true(low >= h.low && high <= h.high && high > 0);
            double mse = real_error(x, N, bits, low, high);
            double full = real_error(x, N, bits, h.low, h.high);
            assert_true(mse <= (outliers ? 0.75 : 1.02) * full);
        }
}

static int compare_reals(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* X [n] as a histogram over its own range. */
static void fill_histogram(const double *x, int64_t n, histogram *h)
{
    *h = (histogram){.low = x[0], .high = x[0]};
    for (int64_t i = 0; i < n; i++) {
        h->low = fmin(h->low, x[i]);
        h->high = fmax(h->high, x[i]);
    }
    for (int64_t i = 0; i < n; i++) {
        int bin = (int)((x[i] - h->low) / (h->high - h->low) * HISTOGRAM_BINS);
        h->count[bin < HISTOGRAM_BINS ? bin : HISTOGRAM_BINS - 1]++;
    }
}

/* A lopsided bell with outliers on one side: the percentile is that of the sorted numbers
   within a bin; either end for itself is at least as good as both alike; entropy cuts the
   outliers off, and nothing of numbers spread evenly. */
static void test_narrowing(void **state)
{
    enum { N = 40000 };
    static double x[N];
    static histogram h;
    (void)state;
    random_stream r = random_new(5, "observe", 1);
    for (int64_t i = 0; i < N; i++)
        x[i] = random_normal(&r) * (i < 12 ? 30 : 1) + 1;
    fill_histogram(x, N, &h);
    double low = h.low, high = h.high, width = (h.high - h.low) / HISTOGRAM_BINS;
    observer_find("percentile")->narrow(&h, 8, &low, &high);
    double like_low = h.low, like_high = h.high, own_low = h.low, own_high = h.high;
    observer_find("mse")->narrow(&h, 4, &like_low, &like_high);
    observer_find("histogram")->narrow(&h, 4, &own_low, &own_high);
    double alike = real_error(x, N, 4, like_low, like_high);
    assert_true(real_error(x, N, 4, own_low, own_high) <= 1.01 * alike);
    double told_low = h.low, told_high = h.high;
    observer_find("entropy")->narrow(&h, 8, &told_low, &told_high);
    assert_true(told_high < 0.5 * h.high && told_high > 2 && told_low < 0);
    qsort(x, N, sizeof *x, compare_reals);
    assert_true(fabs(low - x[4]) <= fmax(width, x[5] - x[3]));
    assert_true(fabs(high - x[N - 5]) <= fmax(width, x[N - 4] - x[N - 6]));
    for (int64_t i = 0; i < N; i++)
        x[i] = (double)i / N;
    fill_histogram(x, N, &h);
    told_low = h.low;
    told_high = h.high;
    observer_find("entropy")->narrow(&h, 8, &told_low, &told_high);
    assert_true(told_high > 0.98 * h.high);
}

/* Each channel of WEIGHT is kept by its codes in G within 3 % of its largest number. */
static void check_channels(const parameter *weight, const graph *g)
{
    const parameter *codes = &g->parameters[graph_find_parameter(g, weight->name)];
    const float *x = tensor_f32(weight->data), *y = tensor_f32(codes->data);
    int64_t channels = tensor_shape(weight->data).dim[0];
    int64_t taps = tensor_count(weight->data) / channels;
    assert_non_null(codes->quantizer);
    for (int64_t c = 0; c < channels; c++) {
        float most = 0, wrong = 0;
        for (int64_t i = c * taps; i < (c + 1) * taps; i++) {
            most = fmaxf(most, fabsf(x[i]));
            wrong = fmaxf(wrong, fabsf(x[i] - y[i]));
        }
        assert_true(wrong <= 0.03f * most);
    }
}

/* A scale that many channels share is that of the weights before batch norm was folded:
   what the norm does to a channel, be it tiny, large or negative, costs no precision. */
static void test_wild_norms(void **state)
{
    (void)state;
    dataset *d = support_phase_data(20, 18, 11);
    for (int grain = PER_MODEL; grain <= PER_TENSOR; grain++) {
        graph *g = support_unet(18);
        support_fill(g, 9);
        model *m = model_new(g, NULL);
        for (int i = 0; i < m->graph->parameter_count; i++) {
            parameter *p = &m->graph->parameters[i];
            float *gamma = p->role == ROLE_SCALE ? tensor_write_f32(p->data, NULL) : NULL;
            for (int64_t c = 0; gamma && c < tensor_count(p->data); c++)
                gamma[c] *= c % 3 == 0 ? -2.0f : c % 3 == 1 ? 0.02f : 1.0f;
        }
        model *q = model_copy(m, NULL);
        quantize_settings s = {.scheme = QUANTIZE_STATIC,
                               .bits = 8,
                               .grain = (granularity)grain,
                               .samples = 4,
                               .seed = 1};
        assert_int_equal(quantize_model(q, &s, d, NULL, NULL), E_OK);
        int folded;
        assert_int_equal(fold_batch_norm(m->graph, &folded, NULL), E_OK);
        for (int i = 0; i < m->graph->parameter_count; i++)
            if (m->graph->parameters[i].role == ROLE_WEIGHT)
                check_channels(&m->graph->parameters[i], q->graph);
        model_free(m);
        model_free(q);
    }
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_bits),  cmocka_unit_test(test_reference_codes),
        cmocka_unit_test(test_ranges),    cmocka_unit_test(test_observers),
        cmocka_unit_test(test_narrowing), cmocka_unit_test(test_wild_norms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
