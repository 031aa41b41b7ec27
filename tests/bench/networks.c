/* SPDX-License-Identifier: GPL-3.0-or-later
   networks.c -- the table of the bench's networks, which are the zoo's, and their
   parameters.  It builds no graph itself. */
#include "tests/bench/networks.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/npy.h"
#include "graph/operator.h"
#include "zoo/architecture.h"

static const network rows[] = {
    {"unet-phase", "unet-phase", "transform=none"}, /* the peers take no logarithm */
    {"unet-sid", "unet-sid", ""},
    {"unet-lighter", "unet-lighter", ""},
    {"vgg", "vgg", ""},
    {"cnn-mnist", "cnn-mnist", ""},
    {"mobilenetv3-small", "mobilenetv3-small", ""},
    {"mobilenetv3-small-224", "mobilenetv3-small", "size=224"},
    {"swae-mlp", "swae-mlp", "blocks=no transform=none"},
    {"swae-gmlp", "swae-gmlp", "blocks=no transform=none"},
    {"swae-conv", "swae-conv", "transform=none"},
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

model *network_build(const network *n, int64_t size, error *e)
{
    const architecture *a = architecture_find(n->architecture);
    char options[64];
    snprintf(options, sizeof options, "%s", n->options);
    if (size > 0)
        snprintf(options, sizeof options, "%s size=%lld", n->options, (long long)size);
    return architecture_outline(a, options, e);
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
