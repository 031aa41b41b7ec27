/* SPDX-License-Identifier: GPL-3.0-or-later
   test_operator_values.c -- the operators against PyTorch's values, forward and backward:
   tests/reference/ops.json lists the cases, ops.npz holds them in double precision. */
#include "support.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "data/npy.h"
#include "support_reference.h"
#include "support_trial.h"

/* The weight of a transposed convolution, which PyTorch has as (I, O, k...). */
static bool is_transposed(const char *of, const char *name)
{
    return strncmp(of, "conv_transpose", 14) == 0 && strstr(name, "weight");
}

/* An entry of the archive in lathe's layout; NULL where there is none. */
static tensor *entry(npz *z, const char *of, const char *name)
{
    char whole[128];
    int order[SHAPE_MAX];
    snprintf(whole, sizeof whole, "%s/%s", of, name);
    tensor *outside = npz_read(z, whole, NULL);
    if (!outside)
        return NULL;
    const int rank = tensor_shape(outside).rank;
    tensor_order_from_outside(rank, order);
    for (int i = 0; is_transposed(of, name) && i < rank; i++)
        order[i] = (i + 1) % rank;
    tensor *t = tensor_permute(outside, order, NULL);
    tensor_free(outside);
    assert_non_null(t);
    assert_true(tensor_dtype(t) == DTYPE_F64);
    return t;
}

static void put(float *to, const tensor *from, double factor)
{
    const double *x = tensor_data(from);
    for (int64_t i = 0; i < tensor_count(from); i++)
        to[i] = (float)(x[i] * factor);
}

static void put_entry(npz *z, const char *of, const char *name, float *to, double factor)
{
    tensor *t = entry(z, of, name);
    assert_non_null(t);
    put(to, t, factor);
    tensor_free(t);
}

static void expect(npz *z, const char *of, const char *name, const float *got,
                   double factor)
{
    char what[160];
    tensor *t = entry(z, of, name);
    assert_non_null(t);
    int64_t n = tensor_count(t);
    double *wanted = malloc((size_t)n * sizeof *wanted);
    assert_non_null(wanted);
    for (int64_t i = 0; i < n; i++)
        wanted[i] = ((const double *)tensor_data(t))[i] / factor;
    snprintf(what, sizeof what, "%s/%s", of, name);
    trial_compare(what, got, wanted, n);
    free(wanted);
    tensor_free(t);
}

static int64_t number(const json_t *row, const char *key, int64_t otherwise)
{
    const json_t *found = json_object_get(row, key);
    return found ? json_integer_value(found) : otherwise;
}

static attributes attributes_of(const json_t *row, npz *z, const char *name)
{
    attributes a = {.groups = number(row, "groups", 1),
                    .factor = number(row, "factor", 0),
                    .align_corners = json_is_true(json_object_get(row, "align_corners")),
                    .slope = json_real_value(json_object_get(row, "slope")),
                    .epsilon = json_real_value(json_object_get(row, "eps")),
                    .momentum = json_real_value(json_object_get(row, "momentum"))};
    tensor *weight = entry(z, name, "weight");
    const json_t *size = json_object_get(row, "size");
    for (int i = 0; i < 3; i++) {
        a.kernel[i] = number(row, "kernel", 0);
        a.stride[i] = number(row, "stride", 1);
        a.padding[i] = number(row, "padding", 0);
        a.dilation[i] = number(row, "dilation", 1);
        a.output_padding[i] = number(row, "output_padding", 0);
        if (size && i > 0)
            a.size[i] = json_integer_value(json_array_get(size, (size_t)i - 1));
        const int rank = weight ? tensor_shape(weight).rank : 0;
        if (rank == 5 || (rank == 4 && i > 0))
            a.kernel[i] = tensor_shape(weight).dim[i + rank - 4];
    }
    if (weight) {
        tensor *bias = entry(z, name, "bias");
        a.channels = tensor_shape(weight).dim[0];
        a.bias = bias != NULL;
        tensor_free(bias);
    }
    tensor_free(weight);
    return a;
}

/* Weight and bias of the case, under the roles they have here. */
static const struct {
    parameter_role role;
    const char *name, *gradient;
} roles[] = {{ROLE_WEIGHT, "weight", "grad_weight"},
             {ROLE_BIAS, "bias", "grad_bias"},
             {ROLE_SCALE, "weight", "grad_weight"},
             {ROLE_SHIFT, "bias", "grad_bias"}};

static void put_parameters(trial *t, npz *z, const char *name)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (t->parameters[roles[i].role].data)
            put_entry(z, name, roles[i].name,
                      tensor_write_f32(t->parameters[roles[i].role].data, NULL), 1);
    static const char *const running[2] = {"running_mean", "running_var"};
    for (int i = 0; i < 2; i++) {
        int role = i ? ROLE_RUNNING_VARIANCE : ROLE_RUNNING_MEAN;
        if (!t->parameters[role].data)
            continue;
        put_entry(z, "bn", running[i], tensor_write_f32(t->parameters[role].data, NULL),
                  1);
        put_entry(z, "bn", running[i], t->running[role], 1);
    }
}

/* FACTOR is what the case multiplies its input by before it applies the operator. */
static void check_case(npz *z, const json_t *row, const char *op, double factor)
{
    static const char *const names[2] = {"x", "y"};
    static const char *const gradients[2] = {"grad_x", "grad_y"};
    const char *name = json_string_value(json_object_get(row, "case"));
    attributes a = attributes_of(row, z, name);
    tensor *x[2] = {entry(z, name, "x"), entry(z, name, "y")};
    shape in[2] = {tensor_shape(x[0]), x[1] ? tensor_shape(x[1]) : (shape){0}};
    bool evaluation = json_is_false(json_object_get(row, "training"));
    trial t;
    trial_init(&t, op, &a, in, x[1] ? 2 : 1);
    for (int i = 0; i < t.node.input_count; i++)
        put_entry(z, name, names[i], t.x[i], factor);
    put_parameters(&t, z, name);
    put_entry(z, name, "up", t.up, 1);
    t.training = !evaluation;
    trial_forward(&t);
    expect(z, name, "out", t.y, 1);
    if (!evaluation) {
        trial_backward(&t, false);
        for (int i = 0; i < t.node.input_count; i++)
            expect(z, name, gradients[i], t.grad_x[i], factor);
        for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
            if (t.parameters[roles[i].role].data)
                expect(z, name, roles[i].gradient, t.grad_parameters[roles[i].role], 1);
    }
    tensor_free(x[0]);
    tensor_free(x[1]);
    trial_clear(&t);
}

static void test_values(void **state)
{
    error e = {0};
    char path[512];
    int done = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/reference/ops.npz", TEST_SOURCE_DIR);
    npz *z = npz_open(path, &e);
    if (!z)
        fail_msg("%s", e.text);
    snprintf(path, sizeof path, "%s/reference/ops.json", TEST_SOURCE_DIR);
    json_t *cases = json_load_file(path, 0, NULL);
    assert_non_null(cases);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i);
        const char *op = json_string_value(json_object_get(row, "op"));
        const json_t *note = json_object_get(row, "note");
        bool thrice = note && strcmp(json_string_value(note), "input times 3") == 0;
        if (strcmp(op, "multiply_broadcast") == 0)
            op = "multiply";
        if (!operator_find(op))
            continue;
        check_case(z, row, op, thrice ? 3 : 1);
        done++;
    }
    assert_int_equal(done, 52);
    json_decref(cases);
    npz_close(z);
}

static void test_running_statistics(void **state)
{
    (void)state;
    int64_t n, channels;
    double *x = support_reference("ops.npz", "bn/x", &n);
    double *before[2] = {support_reference("ops.npz", "bn/running_mean", &channels),
                         support_reference("ops.npz", "bn/running_var", &channels)};
    double *after[2] = {support_reference("ops.npz", "bn/running_mean_after", &channels),
                        support_reference("ops.npz", "bn/running_var_after", &channels)};
    attributes a = {.epsilon = 1e-5, .momentum = 0.2};
    shape in = shape_of(2, n / channels, channels);
    trial t;
    random_stream r = random_new(24, "running", 0);
    trial_init(&t, "batch_norm", &a, &in, 1);
    trial_fill(&t, &r, false);
    int64_t pixels = 16; /* of each of 3 samples, outside's order */
    for (int64_t i = 0; i < n; i++)
        t.x[0][(i / (pixels * channels) * pixels + i % pixels) * channels +
               i / pixels % channels] = (float)x[i];
    for (int64_t c = 0; c < channels; c++) {
        t.running[ROLE_RUNNING_MEAN][c] = (float)before[0][c];
        t.running[ROLE_RUNNING_VARIANCE][c] = (float)before[1][c];
    }
    t.training = true;
    trial_forward(&t);
    trial_compare("running mean", t.running[ROLE_RUNNING_MEAN], after[0], channels);
    trial_compare("running variance", t.running[ROLE_RUNNING_VARIANCE], after[1],
                  channels);
    trial_clear(&t);
    free(x);
    for (int i = 0; i < 2; i++) {
        free(before[i]);
        free(after[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_running_statistics)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
