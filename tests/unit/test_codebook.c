/* SPDX-License-Identifier: GPL-3.0-or-later
   test_codebook.c -- weights that are stored alone: codebooks against what k-means must
   fulfil, groups, zero points and more than 8 bits against the formula; sizes of files and
   the way back from them. */
#include "support.h"
#include "support_graph.h"
#include "support_phase.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "compress/prune.h"
#include "compress/quantize.h"
#include "format/model_file.h"
#include "train/trainer.h"

#define SIZE 12

static model *unet(uint64_t seed, double pruned)
{
    error e = {0};
    prune_result r;
    graph *g = support_unet(SIZE);
    support_fill(g, seed);
    if (pruned > 0)
        assert_int_equal(prune_weights(g, criterion_find("magnitude"), SCOPE_LAYER,
                                       TARGET_WEIGHTS, pruned, 1, &r, &e),
                         E_OK);
    return model_new(g, NULL);
}

/* M with its weights alone quantized as S says, from its file; *BYTES of that. */
static model *stored(const model *m, quantize_settings s, int64_t *bytes)
{
    error e = {0};
    model *q = model_copy(m, &e);
    s.scheme = QUANTIZE_WEIGHT;
    if (quantize_model(q, &s, NULL, NULL, &e))
        fail_msg("%s", e.text);
    model *back = model_roundtrip(q, bytes, &e);
    if (!back)
        fail_msg("%s", e.text);
    assert_true(graph_hash(back->graph) == graph_hash(q->graph));
    model_free(q);
    return back;
}

/* Every number is the entry next to the weight, every entry the mean of its weights, and 0
   where something is masked. */
static void check_clusters(const parameter *was, const parameter *is, int bits)
{
    const float *x = tensor_f32(was->data), *y = tensor_f32(is->data);
    const float *book = is->quantizer->codebook;
    const int8_t *codes = tensor_data(is->codes);
    const uint8_t *mask = is->mask ? tensor_data(is->mask) : NULL;
    int entries = 1 << bits;
    double sum[256] = {0}, count[256] = {0};
    for (int64_t i = 0; i < tensor_count(was->data); i++) {
        int at = codes[i] + entries / 2;
        assert_true(at >= 0 && at < entries && y[i] == book[at]);
        for (int k = 0; k < entries; k++)
            assert_true(fabs((double)x[i] - (double)book[at]) <=
                        fabs((double)x[i] - (double)book[k]));
        if (mask && !mask[i]) {
            assert_true(y[i] == 0.0f);
            continue;
        }
        sum[at] += (double)x[i];
        count[at]++;
    }
    for (int k = 0; k < entries; k++) {
        assert_true(k == 0 || book[k] >= book[k - 1]);
        if (count[k] > 0 && book[k] != 0.0f)
            assert_true(fabs(sum[k] / count[k] - (double)book[k]) < 1e-5);
    }
}

static void test_clusters(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 8; bits += 3)
        for (int pruned = 0; pruned < 2; pruned++) {
            int64_t bytes;
            model *m = unet(1, pruned * 0.6);
            quantize_settings s = {.bits = bits, .codebook = true};
            model *back = stored(m, s, &bytes);
            for (int i = 0; i < m->graph->parameter_count; i++)
                if (m->graph->parameters[i].role == ROLE_WEIGHT)
                    check_clusters(&m->graph->parameters[i], &back->graph->parameters[i],
                                   bits);
            model_free(m);
            model_free(back);
        }
}

/* Bytes of a layer of COUNT weights: its codes side by side, its codebook, one scale. */
static void test_sizes(void **state)
{
    (void)state;
    error e = {0};
    int64_t bytes[3], header = 0;
    attributes linear = {.channels = 256};
    graph *g = graph_new(shape_of(1, INT64_C(512)), &e);
    graph_add(g, "linear", "only", &linear, &g->input, 1, &e);
    support_fill(g, 2);
    model *m = model_new(g, NULL);
    for (int i = 0; i < 3; i++) {
        quantize_settings s = {.bits = 2 << i, .codebook = true};
        model_free(stored(m, s, &bytes[i]));
        int64_t data = 512 * 256 * s.bits / 8 + 4 * (INT64_C(1) << s.bits) + 4;
        assert_true(bytes[i] > data && bytes[i] < data + 1500);
        header = i == 0 ? bytes[i] - data : header;
        assert_true(llabs(bytes[i] - data - header) < 64);
    }
    model_free(m);
}

/* scale (q - zero) with the scale of each group of each channel, within half a step. */
static void test_groups(void **state)
{
    (void)state;
    int64_t bytes;
    model *m = unet(3, 0.5);
    quantize_settings s = {.bits = 4, .grain = PER_GROUP, .group = 5};
    model *back = stored(m, s, &bytes);
    for (int i = 0; i < m->graph->parameter_count; i++) {
        const parameter *was = &m->graph->parameters[i];
        const parameter *is = &back->graph->parameters[i];
        if (was->role != ROLE_WEIGHT)
            continue;
        int64_t rows = tensor_shape(was->data).dim[0],
                taps = tensor_count(was->data) / rows, groups = (taps + 4) / 5;
        assert_int_equal(is->quantizer->channels, rows * groups);
        for (int64_t k = 0; k < rows * taps; k++) {
            int64_t at = k / taps * groups + k % taps / 5, first = k - k % taps % 5;
            double most = 0, scale = (double)is->quantizer->scale[at];
            int64_t end =
                first + 5 < k / taps * taps + taps ? first + 5 : k / taps * taps + taps;
            for (int64_t j = first; j < end; j++)
                most = fmax(most, fabs((double)tensor_f32(was->data)[j]));
            assert_true(most == 0 || fabs(scale - most / 7) < 1e-6 * scale);
            int8_t code = ((const int8_t *)tensor_data(is->codes))[k];
            assert_true(tensor_f32(is->data)[k] == (float)(scale * code));
            assert_true(fabs((double)tensor_f32(was->data)[k] - scale * code) <=
                        scale * 0.5001);
        }
    }
    model_free(m);
    model_free(back);
}

static double squares_apart(const model *a, const model *b)
{
    double sum = 0;
    for (int i = 0; i < a->graph->parameter_count; i++) {
        const tensor *x = a->graph->parameters[i].data;
        for (int64_t k = 0; k < tensor_count(x); k++)
            sum += pow((double)tensor_f32(x)[k] -
                           (double)tensor_f32(b->graph->parameters[i].data)[k],
                       2);
    }
    return sum;
}

/* Each bit more is a quarter of the error, through the file; affine scales gain where all
   weights are on one side. */
static void test_wide(void **state)
{
    (void)state;
    double before = 0;
    model *m = unet(4, 0);
    for (int bits = 7; bits <= 16; bits++) {
        int64_t bytes;
        quantize_settings s = {.bits = bits, .grain = PER_TENSOR};
        model *back = stored(m, s, &bytes);
        double apart = squares_apart(m, back);
        if (bits > 7 && bits < 14)
            assert_true(apart < 0.4 * before && apart > 0.12 * before);
        assert_true(bits < 15 || apart < 1e-6);
        before = apart;
        model_free(back);
    }
    for (int i = 0; i < m->graph->parameter_count; i++) {
        parameter *p = &m->graph->parameters[i];
        float *w = p->role == ROLE_WEIGHT ? tensor_write_f32(p->data, NULL) : NULL;
        for (int64_t k = 0; w && k < tensor_count(p->data); k++)
            w[k] = fabsf(w[k]);
    }
    int64_t bytes;
    quantize_settings s = {.bits = 5, .grain = PER_CHANNEL};
    model *symmetric = stored(m, s, &bytes);
    s.affine = true;
    model *affine = stored(m, s, &bytes);
    assert_true(squares_apart(m, affine) < 0.4 * squares_apart(m, symmetric));
    model_free(m);
    model_free(symmetric);
    model_free(affine);
}

/* Training moves the entries, and not who has which; masks hold, the loss falls, and the
   file has what was trained. */
static void test_training(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_phase_data(30, SIZE, 6);
    model *m = unet(6, 0.4);
    train_settings t = {.epochs = 4, .batch = 5, .seed = 3};
    train_state s;
    quantize_settings q = {.scheme = QUANTIZE_WEIGHT, .bits = 3, .codebook = true};
    double before, after;
    int64_t bytes;
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    t.loss = loss_find("mse");
    t.terms = loss_standard;
    t.optimizer = optimizer_find("adam");
    t.rates = t.optimizer->standard;
    t.rates.learning_rate = 0.01;
    t.schedule = schedule_find("constant");
    assert_int_equal(quantize_model(m, &q, NULL, NULL, &e), E_OK);
    assert_int_equal(train_loss(m, d, SPLIT_VAL, &t, &before, &e), E_OK);
    assert_int_equal(train_start(&s, m, &t, &e), E_OK);
    while (!s.finished)
        if (train_epoch(&s, &t, d, NULL, &e))
            fail_msg("%s", e.text);
    model *back = model_roundtrip(train_result(&s), &bytes, &e);
    assert_int_equal(train_loss(back, d, SPLIT_VAL, &t, &after, &e), E_OK);
    assert_true(after == s.best_loss && after < 0.8 * before);
    for (int i = 0; i < m->graph->parameter_count; i++) {
        const parameter *was = &m->graph->parameters[i];
        const parameter *is = &back->graph->parameters[i];
        if (!was->codes)
            continue;
        assert_true(tensor_equal(was->codes, is->codes));
        assert_false(tensor_equal(was->data, is->data));
        for (int64_t k = 0; k < tensor_count(is->data); k++) {
            int code = ((const int8_t *)tensor_data(is->codes))[k];
            float entry = is->quantizer->codebook[code + 4];
            assert_true(tensor_f32(is->data)[k] == entry);
            if (!((const uint8_t *)tensor_data(is->mask))[k])
                assert_true(entry == 0.0f);
        }
    }
    train_clear(&s);
    model_free(m);
    model_free(back);
    dataset_free(d);
}

/* What no integer kernel can run is refused, not run otherwise. */
static void test_refusals(void **state)
{
    (void)state;
    dataset *d = support_phase_data(20, SIZE, 5);
    const quantize_settings wrong[] = {
        {.bits = 4, .codebook = true, .samples = 4},
        {.bits = 4, .grain = PER_GROUP, .group = 8, .samples = 4},
        {.bits = 4, .grain = PER_CHANNEL, .affine = true, .samples = 4},
        {.bits = 9, .grain = PER_CHANNEL, .samples = 4},
        {.scheme = QUANTIZE_WEIGHT, .bits = 9, .codebook = true},
        {.scheme = QUANTIZE_WEIGHT, .bits = 17},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        error e = {0};
        model *m = unet(5, 0);
        uint64_t hash = graph_hash(m->graph);
        status s = quantize_model(m, &wrong[i], d, NULL, &e);
        assert_int_equal(s, i < 3 ? E_USAGE : E_RANGE);
        assert_true(graph_hash(m->graph) == hash && e.hint[0]);
        model_free(m);
    }
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_groups),   cmocka_unit_test(test_wide),
        cmocka_unit_test(test_training), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
