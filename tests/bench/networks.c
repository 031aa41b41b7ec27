/* SPDX-License-Identifier: GPL-3.0-or-later
   networks.c -- the table of the bench's networks, and their parameters.  How the graphs
   are built is in networks_build.c. */
#include "tests/bench/networks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/npy.h"
#include "graph/operator.h"

#define IMAGE(height, width, channels)                                                   \
    {                                                                                    \
        3,                                                                               \
        {                                                                                \
            height, width, channels                                                      \
        }                                                                                \
    }

static const network rows[] = {
    {"unet-phase", IMAGE(200, 200, 1), 17314578, 631680000, build_unet_phase},
    {"unet-sid", IMAGE(128, 128, 4), 7760748, 3028290000, build_sid},
    {"unet-lighter", IMAGE(128, 128, 4), 1513812, 499860000, build_sid_lighter},
    {"vgg", IMAGE(32, 32, 3), 9228362, 605759488, build_vgg},
    {"cnn-mnist", IMAGE(28, 28, 1), 1199882, 0, build_cnn_mnist},
    {"swae-mlp", {1, {125}}, 145549, 144384, build_swae_mlp},
    {"swae-gmlp", {1, {125}}, 1125517, 1120000, build_swae_gmlp},
    {"swae-conv", {4, {5, 5, 5, 1}}, 4743825, 38010000, build_swae_conv},
};

const network *network_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof *rows) ? &rows[i] : NULL;
}

const network *network_find(const char *name)
{
    for (int i = 0; network_at(i); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

/* Published counts of multiply-adds are rounded, to three digits at worst. */
static status check_counts(const network *n, const graph *g, error *e)
{
    int64_t parameters = graph_parameter_count(g);
    int64_t products = graph_multiply_adds(g, g->input_shape, e);
    if (parameters != n->parameters)
        return fail(e, E_NUMERIC, "%s: %lld parameters, wanted %lld", n->name,
                    (long long)parameters, (long long)n->parameters);
    if (n->multiply_adds > 0 && shape_equal(g->input_shape, n->input) &&
        llabs(products - n->multiply_adds) > n->multiply_adds / 200)
        return fail(e, E_NUMERIC, "%s: %lld multiply-adds, wanted %lld", n->name,
                    (long long)products, (long long)n->multiply_adds);
    return products < 0 ? e->code : E_OK;
}

model *network_build(const network *n, shape input, error *e)
{
    graph *g = n->build(input.rank > 0 ? input : n->input, e);
    model *m = g ? model_new(g, e) : NULL;
    if (!m)
        return NULL;
    memory_free(m->architecture);
    m->architecture = memory_text(n->name, e);
    if (!m->architecture || check_counts(n, m->graph, e) != E_OK) {
        model_free(m);
        return NULL;
    }
    return m;
}

/* Where the values of a parameter lie: between LOW and HIGH. */
static void bounds_of(const parameter *p, double *low, double *high)
{
    static const double bounds[ROLE_COUNT][2] = {
        [ROLE_BIAS] = {-0.05, 0.05},          [ROLE_SCALE] = {0.9, 1.1},
        [ROLE_SHIFT] = {-0.05, 0.05},         [ROLE_RUNNING_MEAN] = {-0.05, 0.05},
        [ROLE_RUNNING_VARIANCE] = {0.8, 1.2},
    };
    *low = bounds[p->role][0];
    *high = bounds[p->role][1];
    if (p->role == ROLE_WEIGHT) {
        int64_t outputs = tensor_shape(p->data).dim[0];
        *high = sqrt(6.0 * (double)outputs / (double)tensor_count(p->data));
        *low = -*high;
    }
}

status network_draw(model *m, uint64_t seed, error *e)
{
    for (int i = 0; i < m->graph->parameter_count; i++) {
        parameter *p = &m->graph->parameters[i];
        random_stream r = random_new(seed, "network", (uint64_t)i);
        double low, high;
        float *x = tensor_write_f32(p->data, e);
        if (!x)
            return E_MEMORY;
        bounds_of(p, &low, &high);
        random_fill_uniform(&r, x, tensor_count(p->data), low, high);
    }
    m->seed = seed;
    return E_OK;
}

static bool is_transposed(const graph *g, const parameter *p)
{
    for (int i = 0; i < g->node_count; i++)
        if (graph_parameter(g, &g->nodes[i], ROLE_WEIGHT) == p)
            return strstr(g->nodes[i].op->name, "transpose") != NULL;
    return false;
}

static status load_parameter(const graph *g, npz *z, parameter *p, const char *path,
                             error *e)
{
    char words[128];
    int order[SHAPE_MAX], rank = tensor_shape(p->data).rank;
    tensor_order_from_outside(rank, order);
    for (int i = 0; is_transposed(g, p) && i < rank; i++)
        order[i] = (i + 1) % rank;
    tensor *raw = npz_read(z, p->name, e);
    tensor *outside = raw ? tensor_to_f32(raw, e) : NULL;
    tensor_free(raw);
    if (!outside || tensor_shape(outside).rank != rank) {
        tensor_free(outside);
        return outside
                   ? fail(e, E_SHAPE, "%s: %s has another rank than here", path, p->name)
                   : e->code;
    }
    tensor *t = tensor_permute(outside, order, e);
    tensor_free(outside);
    if (!t)
        return e->code;
    if (!shape_equal(tensor_shape(t), tensor_shape(p->data))) {
        fail(e, E_SHAPE, "%s: %s has another shape than here, %s", path, p->name,
             shape_text(words, tensor_shape(p->data)));
        tensor_free(t);
        return E_SHAPE;
    }
    tensor_free(p->data);
    p->data = t;
    return E_OK;
}

status network_load(model *m, const char *path, error *e)
{
    npz *z = npz_open(path, e);
    status s = z ? E_OK : e->code;
    for (int i = 0; i < m->graph->parameter_count && s == E_OK; i++)
        s = load_parameter(m->graph, z, &m->graph->parameters[i], path, e);
    npz_close(z);
    return s;
}
