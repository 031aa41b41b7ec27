/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_layers.c -- times the sparse convolution beside every dense one at the layers of
   a VGG for 32x32 images, for weights of several densities (argument 1: batch, argument
   2: repetitions, argument 3: outputs that share their pattern, 1 or 4).
   A measuring program: it checks no results. */
#include <stdio.h>
#include <stdlib.h>
#include "base/cpu.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/task.h"
#include "kernel/sparse.h"

typedef struct layer {
    int64_t size, in, out, kernel;
} layer;

static const layer layers[] = {
    {32, 3, 64, 3},    {32, 64, 128, 3}, {16, 128, 256, 3},
    {16, 256, 256, 3}, {8, 256, 512, 3}, {8, 512, 512, 3},
    {4, 512, 512, 3},  {4, 512, 512, 3}, {1, 512, 10, 1},
};
static const double densities[] = {1, 0.6, 0.3, 0.1, 0.05, 0.01};

enum {
    LAYERS = sizeof layers / sizeof *layers,
    DENSITIES = sizeof densities / sizeof *densities,
    KINDS = DENSITIES + 1 /* the first: dense */
};

typedef struct buffers {
    float *x, *dense, *y, *weight[DENSITIES];
    void *scratch, *prepared[DENSITIES];
} buffers;

static convolution geometry(const layer *l, int64_t batch)
{
    return (convolution){.n = batch,
                         .h = l->size,
                         .w = l->size,
                         .c = l->in,
                         .out_h = l->size,
                         .out_w = l->size,
                         .out_c = l->out,
                         .kernel_h = l->kernel,
                         .kernel_w = l->kernel,
                         .stride_h = 1,
                         .stride_w = 1,
                         .pad_h = l->kernel / 2,
                         .pad_w = l->kernel / 2,
                         .dilation_h = 1,
                         .dilation_w = 1,
                         .groups = 1};
}

static float *numbers(int64_t count, random_stream *r, error *e)
{
    float *x = memory_new_raw(count, sizeof *x, e);
    for (int64_t i = 0; x && i < count; i++)
        x[i] = (float)random_uniform(r) * 2 - 1;
    return x;
}

static void make_sparse(float *weight, int64_t outputs, int64_t each, double density,
                        int64_t together, random_stream *r)
{
    for (int64_t o = 0; o < outputs; o += together)
        for (int64_t i = 0; i < each; i++)
            if (random_uniform(r) >= density)
                for (int64_t k = o; k < o + together && k < outputs; k++)
                    weight[k * each + i] = 0;
}

static status buffers_fill(buffers *b, const convolution *v, int64_t together, error *e)
{
    random_stream r = random_new(1, "weights", 0);
    int64_t each = v->kernel_h * v->kernel_w * v->c;
    size_t bytes = convolution_scratch(v, false),
           sparse = algorithm_sparse.scratch_bytes(v);
    b->x = numbers(v->n * v->h * v->w * v->c, &r, e);
    b->y = numbers(v->n * v->out_h * v->out_w * v->out_c, &r, e);
    b->dense = numbers(v->out_c * each, &r, e);
    b->scratch = memory_new_raw((int64_t)(bytes > sparse ? bytes : sparse) + 1, 1, e);
    if (!b->x || !b->y || !b->dense || !b->scratch)
        return E_MEMORY;
    for (int i = 0; i < DENSITIES; i++) {
        b->weight[i] = numbers(v->out_c * each, &r, e);
        if (!b->weight[i])
            return E_MEMORY;
        make_sparse(b->weight[i], v->out_c, each, densities[i], together, &r);
        b->prepared[i] = memory_new_raw(
            (int64_t)algorithm_sparse.prepared_bytes(v, b->weight[i]), 1, e);
        if (!b->prepared[i])
            return E_MEMORY;
        algorithm_sparse.prepare(v, b->weight[i], b->prepared[i]);
    }
    return E_OK;
}

static void buffers_clear(buffers *b)
{
    memory_free(b->x);
    memory_free(b->y);
    memory_free(b->dense);
    memory_free(b->scratch);
    for (int i = 0; i < DENSITIES; i++) {
        memory_free(b->weight[i]);
        memory_free(b->prepared[i]);
    }
}

static double seconds_of(int kind, const convolution *v, const buffers *b)
{
    static const finish nothing = {0};
    double start = task_clock();
    if (kind == 0)
        convolution_forward(v, b->x, b->dense, NULL, &nothing, b->y, b->scratch);
    else
        algorithm_sparse.forward(v, b->x, b->prepared[kind - 1], NULL, &nothing, b->y,
                                 b->scratch);
    return task_clock() - start;
}

int main(int count, char **words)
{
    error e = {0};
    int64_t batch = count > 1 ? atoll(words[1]) : 1;
    int repetitions = count > 2 ? atoi(words[2]) : 30;
    int64_t together = count > 3 ? atoll(words[3]) : 1;
    double total[KINDS] = {0};
    if (cpu_start(&e) != E_OK || batch < 1 || together < 1) {
        fprintf(stderr, "sparse_layers: %s\n", e.text[0] ? e.text : "number below 1");
        return 1;
    }
    printf("%d threads, %s, batch %lld; ms\n%-16s %8s", cpu_threads(),
           cpu_level_name(cpu_get_level()), (long long)batch, "layer", "gather");
    for (int i = 0; i < DENSITIES; i++)
        printf(" %8g", densities[i]);
    for (int i = 0; i < LAYERS; i++) {
        convolution v = geometry(&layers[i], batch);
        buffers b = {0};
        double best[KINDS];
        if (buffers_fill(&b, &v, together, &e) != E_OK) {
            fprintf(stderr, "sparse_layers: %s\n", e.text);
            buffers_clear(&b);
            return 1;
        }
        for (int r = -1; r < repetitions; r++)
            for (int kind = 0; kind < KINDS; kind++) {
                double s = seconds_of(kind, &v, &b);
                best[kind] = r < 1 || s < best[kind] ? s : best[kind];
            }
        printf("\n%2lldx%-2lld %3lld->%-4lld", (long long)v.h, (long long)v.w,
               (long long)v.c, (long long)v.out_c);
        for (int k = 0; k < KINDS; k++) {
            printf(" %8.4f", best[k] * 1e3);
            total[k] += best[k];
        }
        buffers_clear(&b);
    }
    printf("\n%-14s", "all");
    for (int k = 0; k < KINDS; k++)
        printf(" %8.4f", total[k] * 1e3);
    printf("\n");
    return 0;
}
