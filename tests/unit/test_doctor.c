/* SPDX-License-Identifier: GPL-3.0-or-later
   test_doctor.c -- one fault at a time is put into a healthy network: its check names the
   place and the number, and no other check says anything that it did not say before. */
#include "support.h"
#include "support_graph.h"
#include "support_phase.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "compress/doctor.h"
#include "compress/quantize.h"

enum { SIZE = 12, SAMPLES = 6 };

static const int64_t samples[SAMPLES] = {0, 1, 2, 5, 6, 9};

static dataset *data;

static int make_data(void **state)
{
    (void)state;
    data = support_phase_data(20, SIZE, 5);
    return data ? 0 : -1;
}

static int free_data(void **state)
{
    (void)state;
    dataset_free(data);
    return 0;
}

/* Every channel of every norm is alive: its shift keeps some of it above 0. */
static model *healthy(void)
{
    graph *g = support_unet(SIZE);
    support_fill(g, 3);
    for (int i = 0; i < g->parameter_count; i++)
        if (g->parameters[i].role == ROLE_SHIFT) {
            float *x = tensor_write_f32(g->parameters[i].data, NULL);
            for (int64_t k = 0; k < tensor_count(g->parameters[i].data); k++)
                x[k] = 0.3f;
        }
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

static model *in_integers(void)
{
    error e = {0};
    model *m = healthy();
    quantize_settings s = {.scheme = QUANTIZE_STATIC,
                           .bits = 8,
                           .grain = PER_CHANNEL,
                           .samples = 8,
                           .observer = observer_find("min-max"),
                           .seed = 1};
    if (quantize_model(m, &s, data, NULL, &e) != E_OK)
        fail_msg("%s", e.text);
    return m;
}

static table *examine(const model *m, bool run)
{
    error e = {0};
    table *t = table_new(NULL);
    assert_non_null(t);
    if (doctor_examine(m, run ? data : NULL, samples, SAMPLES, NULL, t, &e) != E_OK)
        fail_msg("%s", e.text);
    return t;
}

static const char *words_of(const table *t, int64_t row, const char *column)
{
    return table_get(t, row, table_column(t, column))->words;
}

/* Exactly one finding of CHECK, at LAYER, of VALUE; none of others. */
static void expect_one(const model *m, bool run, const char *check, const char *layer,
                       double value)
{
    table *t = examine(m, run);
    double found = NAN;
    if (t->row_count != 1 || strcmp(words_of(t, 0, "check"), check) != 0 ||
        strcmp(words_of(t, 0, "layer"), layer) != 0)
        fail_msg("%s at %s: %lld findings, the first %s at %s", check, layer,
                 (long long)t->row_count, t->row_count ? words_of(t, 0, "check") : "",
                 t->row_count ? words_of(t, 0, "layer") : "");
    assert_true(table_number(t, 0, "value", &found));
    assert_true(fabs(found - value) < 1e-9);
    assert_non_null(words_of(t, 0, "advice"));
    table_free(t);
}

static parameter *parameter_of(model *m, const char *name)
{
    int i = graph_find_parameter(m->graph, name);
    if (i < 0)
        fail_msg("no %s", name);
    return &m->graph->parameters[i];
}

static void set_number(model *m, const char *name, int64_t at, float x)
{
    tensor_write_f32(parameter_of(m, name)->data, NULL)[at] = x;
}

/* ---- healthy ---- */

static void nothing_is_found_in_health(void **state)
{
    (void)state;
    model *m = healthy();
    table *t = examine(m, true);
    if (t->row_count > 0)
        fail_msg("%s at %s: %s", words_of(t, 0, "check"), words_of(t, 0, "layer"),
                 words_of(t, 0, "what"));
    table_free(t);
    model_free(m);
}

/* ---- weights ---- */

static void faults_of_weights(void **state)
{
    (void)state;
    static const struct {
        const char *check, *name;
        float x;
        int64_t from, count;
        double value;
    } rows[] = {
        {"not_finite", "down.0.weight", NAN, 7, 1, 1},
        {"not_finite", "out.bias", -INFINITY, 0, 2, 2},
        {"subnormal", "outc.0.weight", 1e-41f, 3, 5, 5},
        {"collapsed", "down.0.weight", 0, 0, 6 * 3 * 3 * 4, 0},
        {"dead_weights", "down.0.weight", 0, 2 * 36, 36, 1}, /* channel 2 of 6 */
        {"wild_variance", "inc.1.running_var", -1, 1, 1, 1},
        {"wild_variance", "inc.1.running_var", 1e9f, 2, 1, 1},
        {"wild_variance", "inc.1.running_var", 1e-9f, 0, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        model *m = healthy();
        for (int64_t k = 0; k < rows[i].count; k++)
            set_number(m, rows[i].name, rows[i].from + k, rows[i].x);
        expect_one(m, false, rows[i].check, rows[i].name, rows[i].value);
        model_free(m);
    }
}

/* Half of the weights of down.0 are masked, every second one; REVIVED of them come back. */
static model *masked(const char *command, int64_t revived)
{
    model *m = healthy();
    parameter *p = parameter_of(m, "down.0.weight");
    p->mask = tensor_new(DTYPE_U8, tensor_shape(p->data), NULL);
    uint8_t *mask = tensor_write(p->mask, NULL);
    float *x = tensor_write_f32(p->data, NULL);
    for (int64_t i = 0; i < tensor_count(p->data); i++) {
        mask[i] = i % 2 == 0;
        x[i] = mask[i] || i / 2 < revived ? x[i] : 0;
    }
    if (command)
        assert_int_equal(model_add_step(m, command, "", NULL), E_OK);
    return m;
}

static void masks_and_targets(void **state)
{
    (void)state;
    model *m = masked(NULL, 3);
    expect_one(m, false, "revived", "down.0.weight", 3);
    model_free(m);
    m = masked("prune m amount=0.9", 0);
    expect_one(m, false, "target_missed", "", 0.5);
    model_free(m);
    static const char *const fine[] = {"prune m amount=0.5", "prune m amount=0.9 dry=yes",
                                       "prune m amount=0.9 kind=channel", "prune m"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        m = masked(fine[i], 0);
        table *t = examine(m, false);
        assert_int_equal(t->row_count, 0);
        table_free(t);
        model_free(m);
    }
}

/* ---- what flows ---- */

/* Channel 1 of the norm inc.1 has no variance left: SHIFT is all that comes out. */
static model *flat_channel(float shift)
{
    model *m = healthy();
    set_number(m, "inc.1.weight", 1, 0);
    set_number(m, "inc.1.bias", 1, shift);
    return m;
}

static void channels_that_do_nothing(void **state)
{
    (void)state;
    model *m = flat_channel(0.5f);
    expect_one(m, true, "constant_channels", "inc.1", 1);
    model_free(m);
    m = flat_channel(0); /* named where it begins, not behind the ReLU */
    expect_one(m, true, "dead_channels", "inc.1", 1);
    model_free(m);
    m = healthy();
    set_number(m, "down.1.bias", 4, -1e4f); /* nothing of it passes the ReLU */
    expect_one(m, true, "dead_channels", "down.2", 1);
    model_free(m);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    model *m = healthy();
    set_number(m, "out.bias", 1, INFINITY);
    table *t = examine(m, true);
    bool found = false;
    for (int64_t i = 0; i < t->row_count; i++)
        found = found || (strcmp(words_of(t, i, "check"), "values_not_finite") == 0 &&
                          strcmp(words_of(t, i, "layer"), "out") == 0 &&
                          table_get(t, i, table_column(t, "value"))->real ==
                              SAMPLES * SIZE * SIZE);
    assert_true(found);
    table_free(t);
    model_free(m);
}

/* ---- integers ---- */

static int64_t count_check(const model *m, const char *check, const char *layer)
{
    table *t = examine(m, true);
    int64_t count = 0;
    for (int64_t i = 0; i < t->row_count; i++)
        count += strcmp(words_of(t, i, "check"), check) == 0 &&
                 strcmp(words_of(t, i, "layer"), layer) == 0;
    table_free(t);
    return count;
}

static void ranges_of_integers(void **state)
{
    (void)state;
    static const struct {
        const char *check;
        float factor;
    } rows[] = {{"saturated", 0.1f}, {"unused_range", 20}, {"unobserved", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        model *m = in_integers();
        const int value = m->graph->nodes[graph_find_node(m->graph, "outc.0")].output;
        assert_int_equal(m->graph->values[value].type, DTYPE_S8);
        assert_int_equal(count_check(m, rows[i].check, "outc.0"), 0);
        m->graph->values[value].quantizer->scale[0] *= rows[i].factor;
        table *t = table_new(NULL);
        error e = {0};
        if (doctor_examine(m, rows[i].factor > 0 ? data : NULL, samples, SAMPLES, NULL, t,
                           &e) != E_OK)
            fail_msg("%s: %s", rows[i].check, e.text);
        int64_t count = 0;
        for (int64_t k = 0; k < t->row_count; k++)
            count += strcmp(words_of(t, k, "check"), rows[i].check) == 0 &&
                     strcmp(words_of(t, k, "layer"), "outc.0") == 0;
        assert_int_equal(count, 1);
        table_free(t);
        model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_in_health),
        cmocka_unit_test(faults_of_weights),
        cmocka_unit_test(masks_and_targets),
        cmocka_unit_test(channels_that_do_nothing),
        cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(ranges_of_integers),
    };
    return cmocka_run_group_tests(tests, make_data, free_data);
}
