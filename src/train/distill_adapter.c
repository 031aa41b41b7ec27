/* SPDX-License-Identifier: GPL-3.0-or-later
   distill_adapter.c -- nodes that bring a student's inner value to the shape of a
   teacher's while it learns, and go afterwards.  They change no answer of the student.
   Source: Romero et al. 2015, arXiv:1412.6550, section 2.2. */
#include "train/distill.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"

static const char adapter_name[] = "distill.adapter", resize_name[] = "distill.resize";

static status shape_of_value(const graph *g, int value, shape in, shape *out, error *e)
{
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    status s = shapes ? graph_shapes(g, 1, in, shapes, e) : E_MEMORY;
    if (s == E_OK)
        *out = shapes[value];
    memory_free(shapes);
    return s;
}

static bool same_pixels(shape a, shape b)
{
    for (int i = 1; i < a.rank - 1; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

/* Uniform in +-1 / sqrt(channels in), as layers of its kind begin. */
static status fill(graph *g, uint64_t seed, error *e)
{
    const node *n = &g->nodes[graph_find_node(g, adapter_name)];
    tensor *weight = graph_parameter(g, n, ROLE_WEIGHT)->data;
    const shape s = tensor_shape(weight);
    random_stream r = random_new(seed, "adapter", 0);
    double bound = 1 / sqrt((double)s.dim[s.rank - 1]);
    float *w = tensor_write_f32(weight, e);
    if (!w)
        return E_MEMORY;
    random_fill_uniform(&r, w, tensor_count(weight), -bound, bound);
    return E_OK;
}

status distill_attach(graph *g, int value, const graph *teacher, int teacher_value,
                      shape in, uint64_t seed, int *adapted, error *e)
{
    static const char *const layers[] = {NULL,     NULL,     "linear",
                                         "linear", "conv2d", "conv3d"};
    char mine[128], teachers[128];
    shape here, there;
    TRY(shape_of_value(g, value, in, &here, e));
    TRY(shape_of_value(teacher, teacher_value, in, &there, e));
    const bool same = same_pixels(here, there);
    if (here.rank != there.rank || here.rank > 5 || (!same && here.rank != 4))
        return fail(e, E_SHAPE,
                    "distill: the student's value is %s, the teacher's %s: no adapter "
                    "leads from one to the other",
                    shape_text(mine, here), shape_text(teachers, there));
    attributes a = {.channels = there.dim[there.rank - 1],
                    .kernel = {1, 1, 1},
                    .stride = {1, 1, 1},
                    .dilation = {1, 1, 1},
                    .groups = 1,
                    .bias = true};
    int at = g->values[value].producer + 1;
    int made = graph_insert(g, at, layers[here.rank], adapter_name, &a, &value, 1, e);
    if (made >= 0 && !same) {
        const attributes size = {.size = {0, there.dim[1], there.dim[2]}};
        made =
            graph_insert(g, at + 1, "resize_bilinear", resize_name, &size, &made, 1, e);
    }
    *adapted = made;
    return made < 0 ? (e ? e->code : E_MEMORY) : fill(g, seed, e);
}

int distill_adapted(const graph *g)
{
    int at = graph_find_node(g, resize_name);
    at = at < 0 ? graph_find_node(g, adapter_name) : at;
    return at < 0 ? -1 : g->nodes[at].output;
}

status distill_detach(graph *g, error *e)
{
    const char *const names[] = {resize_name, adapter_name};
    for (int i = 0; i < 2; i++) {
        int at = graph_find_node(g, names[i]);
        if (at >= 0)
            TRY(graph_bypass(g, at, e));
    }
    return E_OK;
}
