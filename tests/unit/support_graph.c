/* SPDX-License-Identifier: GPL-3.0-or-later
   support_graph.c -- small graphs with filled parameters, for tests. */
#include "support_graph.h"

#include <math.h>
#include <stdio.h>
#include "base/random.h"

attributes support_convolution(int64_t channels, int64_t kernel)
{
    attributes a = {.channels = channels, .groups = 1, .bias = true};
    for (int i = 1; i < 3; i++) {
        a.kernel[i] = kernel;
        a.stride[i] = a.dilation[i] = 1;
        a.padding[i] = kernel / 2;
    }
    return a;
}

attributes support_window(int64_t kernel, int64_t stride)
{
    attributes a = {0};
    a.kernel[1] = a.kernel[2] = kernel;
    a.stride[1] = a.stride[2] = stride;
    return a;
}

attributes support_norm(void)
{
    return (attributes){.epsilon = 1e-5, .momentum = 0.2};
}

int support_block(graph *g, const char *name, int input, int64_t channels)
{
    char words[64];
    attributes conv = support_convolution(channels, 3), norm = support_norm();
    snprintf(words, sizeof words, "%s.0", name);
    int v = graph_add(g, "conv2d", words, &conv, &input, 1, NULL);
    snprintf(words, sizeof words, "%s.1", name);
    v = graph_add(g, "batch_norm", words, &norm, &v, 1, NULL);
    snprintf(words, sizeof words, "%s.2", name);
    return graph_add(g, "relu", words, NULL, &v, 1, NULL);
}

graph *support_unet(int64_t size)
{
    graph *g = graph_new(shape_of(3, size, size, (int64_t)1), NULL);
    attributes pool = support_window(2, 2), twice = {.factor = 2, .align_corners = true};
    attributes head = support_convolution(2, 1), joined = {.axis = 1};
    int skip = support_block(g, "inc", g->input, 4);
    int v = graph_add(g, "max_pool2d", "pool", &pool, &skip, 1, NULL);
    v = support_block(g, "down", v, 6);
    v = graph_add(g, "resize_bilinear", "up", &twice, &v, 1, NULL);
    v = graph_add(g, "pad_or_crop", "pad", NULL, (int[]){v, skip}, 2, NULL);
    v = graph_add(g, "concat", "join", &joined, (int[]){skip, v}, 2, NULL);
    v = support_block(g, "outc", v, 5);
    graph_add(g, "conv2d", "out", &head, &v, 1, NULL);
    return g;
}

void support_fill(graph *g, uint64_t seed)
{
    for (int i = 0; i < g->parameter_count; i++) {
        parameter *p = &g->parameters[i];
        random_stream r = random_new(seed, "fill", (uint64_t)i);
        int64_t n = tensor_count(p->data);
        shape s = tensor_shape(p->data);
        double bound = 1.0 / sqrt((double)n / (double)s.dim[0]);
        float *x = tensor_write_f32(p->data, NULL);
        for (int64_t k = 0; k < n; k++) {
            double u = random_between(&r, -1.0, 1.0);
            if (p->role == ROLE_SCALE || p->role == ROLE_RUNNING_VARIANCE)
                x[k] = (float)(1.0 + 0.3 * u);
            else
                x[k] = (float)(p->role == ROLE_WEIGHT ? bound * u : 0.2 * u);
        }
    }
}
