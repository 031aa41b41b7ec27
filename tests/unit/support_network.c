/* SPDX-License-Identifier: GPL-3.0-or-later
   support_network.c -- whole networks against PyTorch's outputs, which are kept in
   tests/reference/nets.json.  It builds no graph. */
#include "support_network.h"

#include "support.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/plan.h"
#include "graph/operator.h"

/* The network NAME of nets.json; *WHOLE is to be freed by json_decref. */
static const json_t *reference_network(const char *name, json_t **whole)
{
    char path[512];
    size_t i;
    const json_t *one;
    snprintf(path, sizeof path, "%s/reference/nets.json", TEST_SOURCE_DIR);
    *whole = json_load_file(path, 0, NULL);
    assert_non_null(*whole);
    json_array_foreach(json_object_get(*whole, "networks"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "network")), name) == 0)
            return one;
    }
    fail_msg("nets.json has no %s", name);
    return NULL;
}

static shape shape_from(const json_t *dims)
{
    shape s = {.rank = (int)json_array_size(dims)};
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = json_integer_value(json_array_get(dims, (size_t)i));
    return s;
}

shape support_network_input(const char *name)
{
    json_t *whole;
    const json_t *net = reference_network(name, &whole);
    shape outside = shape_from(json_object_get(net, "input_shape")), s = {0};
    int order[SHAPE_MAX];
    tensor_order_from_outside(outside.rank, order);
    s.rank = outside.rank - 1;
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = outside.dim[order[i + 1]];
    json_decref(whole);
    return s;
}

/* The parameter rule of nets.json: entry K, flat index I in the outside's order. */
static double uniform_of(uint32_t i, uint32_t k)
{
    uint32_t h = 2654435761u * i + 40503u * k + 12345u;
    h ^= h >> 16;
    h *= 2246822519u;
    h ^= h >> 13;
    return (double)h / 4294967296.0;
}

static double value_by_rule(parameter_role role, int64_t i, int k, double fan)
{
    double x = (double)i;
    switch (role) {
    case ROLE_WEIGHT:
        return (2 * uniform_of((uint32_t)i, (uint32_t)k) - 1) * sqrt(6 / fan);
    case ROLE_SCALE:
        return 1 + 0.1 * sin(x + k);
    case ROLE_RUNNING_MEAN:
        return 0.05 * sin(2 * x + k);
    case ROLE_RUNNING_VARIANCE:
        return 1 + 0.2 * sin(x + 2 * k);
    default:
        return 0.05 * sin(x + k);
    }
}

/* The values of entry K, made in the outside's shape and brought to lathe's. */
static void fill_parameter(parameter *p, bool transposed, shape outside, int k)
{
    int order[SHAPE_MAX];
    tensor *t = tensor_new(DTYPE_F32, outside, NULL);
    float *x = tensor_write_f32(t, NULL);
    int64_t n = tensor_count(t);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)value_by_rule(p->role, i, k, (double)n / (double)outside.dim[0]);
    tensor_order_from_outside(outside.rank, order);
    for (int i = 0; transposed && i < outside.rank; i++)
        order[i] = (i + 1) % outside.rank; /* (I, O, k...) there */
    tensor *turned = tensor_permute(t, order, NULL);
    assert_non_null(turned);
    if (!shape_equal(tensor_shape(turned), tensor_shape(p->data)))
        fail_msg("%s has another shape", p->name);
    tensor_free(p->data);
    p->data = turned;
    tensor_free(t);
}

static bool is_transposed(const graph *g, int parameter)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i].parameters[ROLE_WEIGHT] == parameter)
            return strstr(g->nodes[i].op->name, "transpose") != NULL;
    return false;
}

static void fill_parameters(graph *g, const json_t *state)
{
    assert_int_equal(g->parameter_count, json_array_size(state));
    for (int k = 0; k < g->parameter_count; k++) {
        const json_t *row = json_array_get(state, (size_t)k);
        const char *name = json_string_value(json_array_get(row, 0));
        int at = graph_find_parameter(g, name);
        if (at < 0)
            fail_msg("no parameter %s", name);
        fill_parameter(&g->parameters[at], is_transposed(g, at),
                       shape_from(json_array_get(row, 1)), k);
    }
}

/* Where flat index I of the outside's (N,C,...) lies in S, (N,...,C). */
static int64_t place_of(int64_t i, shape s)
{
    int64_t channels = s.dim[s.rank - 1];
    int64_t pixels = shape_count(s) / s.dim[0] / channels;
    int64_t sample = i / (channels * pixels), c = i / pixels % channels;
    return (sample * pixels + i % pixels) * channels + c;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* Y against 16 values, norm and mean. */
static void check_output(const float *y, shape s, const json_t *net)
{
    const int64_t n = shape_count(s);
    const json_t *at = json_object_get(net, "at"),
                 *values = json_object_get(net, "values");
    double norm = number(net, "output_norm"), scale = norm / sqrt((double)n);
    double squares = 0, sum = 0;
    assert_int_equal(n, shape_count(shape_from(json_object_get(net, "output_shape"))));
    for (int64_t i = 0; i < n; i++) {
        squares += (double)y[i] * (double)y[i];
        sum += (double)y[i];
    }
    assert_true(fabs(sqrt(squares) - norm) < 1e-4 * norm);
    assert_true(fabs(sum / (double)n - number(net, "output_mean")) < 1e-4 * scale);
    for (size_t k = 0; k < json_array_size(at); k++) {
        int64_t flat = json_integer_value(json_array_get(at, k));
        double got = (double)y[place_of(flat, s)];
        double wanted = json_number_value(json_array_get(values, k));
        if (!(fabs(got - wanted) < 1e-4 * scale))
            fail_msg("output %d is %g, wanted %g", (int)flat, got, wanted);
    }
}

void support_network_check(graph *g, const char *name)
{
    json_t *whole;
    const json_t *net = reference_network(name, &whole);
    shape in = g->input_shape, batch = {.rank = in.rank + 1, .dim = {2}};
    for (int i = 0; i < in.rank; i++)
        batch.dim[i + 1] = in.dim[i];
    fill_parameters(g, json_object_get(net, "state"));
    plan *p = plan_new_inference(g, 2, in, NULL);
    assert_non_null(p);
    float *x = plan_input(p);
    assert_non_null(x);
    for (int64_t i = 0; i < shape_count(batch); i++)
        x[place_of(i, batch)] =
            (float)sin(0.01 * (double)i + 0.3 * sin(0.37 * (double)i));
    assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
    check_output(plan_output(p), plan_output_shape(p), net);
    plan_free(p);
    json_decref(whole);
}
