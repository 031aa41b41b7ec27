/* SPDX-License-Identifier: GPL-3.0-or-later
   conv_layers.c -- times forward, gradient by input and gradient by weight of every
   convolution of the phase U-Net, for a batch of 8 at 200x200 (or argument 1: batch,
   argument 2: repetitions, argument 3: precision, f32 or bf16).  A measuring program: it
   checks no results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cpu.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/task.h"
#include "kernel/algorithm.h"

typedef struct layer {
    int64_t size, in, out, kernel;
} layer;

static const layer layers[] = {
    {200, 1, 8, 3},    {200, 8, 8, 3},    {100, 8, 16, 3},  {100, 16, 16, 3},
    {50, 16, 32, 3},   {50, 32, 32, 3},   {25, 32, 64, 3},  {25, 64, 64, 3},
    {12, 64, 128, 3},  {12, 128, 128, 3}, {6, 128, 256, 3}, {6, 256, 256, 3},
    {3, 256, 512, 3},  {3, 512, 512, 3},  {1, 512, 512, 3}, {1, 512, 512, 3},
    {3, 1024, 512, 3}, {3, 512, 256, 3},  {6, 512, 256, 3}, {6, 256, 128, 3},
    {12, 256, 128, 3}, {12, 128, 64, 3},  {25, 128, 64, 3}, {25, 64, 32, 3},
    {50, 64, 32, 3},   {50, 32, 16, 3},   {100, 32, 16, 3}, {100, 16, 8, 3},
    {200, 16, 8, 3},   {200, 8, 8, 3},    {200, 8, 2, 1},
};

enum { LAYERS = sizeof layers / sizeof *layers, KINDS = 3 };

typedef struct buffers {
    float *x, *w, *y, *gx, *gw;
    void *scratch;
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

static float *numbers(int64_t count, error *e)
{
    float *x = memory_new_raw(count, sizeof *x, e);
    for (int64_t i = 0; x && i < count; i++)
        x[i] = (float)(i * INT64_C(2654435761) >> 7 & 1023) / 512 - 1;
    return x;
}

static precision chosen = PRECISION_F32;

static const algorithm *algorithm_of(int kind, const convolution *v)
{
    return algorithm_guess(v, NULL, chosen,
                           kind == ALGORITHM_FORWARD ? ALGORITHM_FORWARD_ONCE
                                                     : (algorithm_task)kind);
}

static status buffers_fill(buffers *b, const convolution *v, error *e)
{
    size_t bytes = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        const algorithm *a = algorithm_of(kind, v);
        size_t own = kind == ALGORITHM_FORWARD ? algorithm_once_scratch(a, v, NULL)
                                               : a->gradient_scratch(v);
        bytes = own > bytes ? own : bytes;
    }
    b->x = numbers(v->n * v->h * v->w * v->c, e);
    b->gx = numbers(v->n * v->h * v->w * v->c, e);
    b->y = numbers(v->n * v->out_h * v->out_w * v->out_c, e);
    b->w = numbers(v->out_c * v->kernel_h * v->kernel_w * v->c, e);
    b->gw = numbers(v->out_c * v->kernel_h * v->kernel_w * v->c, e);
    b->scratch = memory_new_raw((int64_t)bytes + 1, 1, e);
    return b->x && b->gx && b->y && b->w && b->gw && b->scratch ? E_OK : E_MEMORY;
}

static void buffers_clear(buffers *b)
{
    memory_free(b->x);
    memory_free(b->gx);
    memory_free(b->y);
    memory_free(b->w);
    memory_free(b->gw);
    memory_free(b->scratch);
}

static double seconds_of(int kind, const convolution *v, const buffers *b)
{
    static const finish nothing = {0};
    const algorithm *a = algorithm_of(kind, v);
    double start = task_clock();
    if (kind == ALGORITHM_FORWARD)
        algorithm_forward_once(a, v, b->x, b->w, NULL, &nothing, b->y, b->scratch);
    else if (kind == ALGORITHM_GRAD_INPUT)
        a->grad_input(v, b->y, b->w, b->gx, false, b->scratch);
    else
        a->grad_weight(v, b->x, b->y, b->gw, b->scratch);
    return task_clock() - start;
}

/* The fastest of REPETITIONS runs of each kind, interleaved: what the machine can do when
   nobody disturbs it. */
static void measure(const convolution *v, const buffers *b, int repetitions,
                    double best[KINDS])
{
    for (int i = -1; i < repetitions; i++)
        for (int kind = 0; kind < KINDS; kind++) {
            double s = seconds_of(kind, v, b);
            if (i < 1 || s < best[kind])
                best[kind] = s;
        }
}

int main(int count, char **words)
{
    error e = {0};
    int64_t batch = count > 1 ? atoll(words[1]) : 8;
    int repetitions = count > 2 ? atoi(words[2]) : 9;
    chosen = count > 3 && !strcmp(words[3], "bf16") ? PRECISION_BF16 : PRECISION_F32;
    double total[KINDS] = {0}, work = 0;
    if (cpu_start(&e) != E_OK || batch < 1) {
        fprintf(stderr, "conv_layers: %s\n", batch < 1 ? "batch below 1" : e.text);
        return 1;
    }
    printf("%d threads, %s, batch %lld, %s\n", cpu_threads(),
           cpu_level_name(cpu_get_level()), (long long)batch,
           chosen == PRECISION_BF16 ? "bf16" : "f32");
    printf("%-22s %9s %9s %9s   %7s %7s %7s\n", "layer", "forward", "by input",
           "by weight", "GFLOP/s", "", "");
    for (int i = 0; i < LAYERS; i++) {
        convolution v = geometry(&layers[i], batch);
        buffers b = {0};
        double best[KINDS];
        if (buffers_fill(&b, &v, &e) != E_OK) {
            fprintf(stderr, "conv_layers: %s\n", e.text);
            buffers_clear(&b);
            return 1;
        }
        measure(&v, &b, repetitions, best);
        buffers_clear(&b);
        double flop = 2.0 * (double)(v.n * v.out_h * v.out_w * v.out_c * v.kernel_h *
                                     v.kernel_w * v.c);
        printf(
            "%3lldx%-3lld %4lld -> %-4lld %lldx%lld %6.3f ms %6.3f ms %6.3f ms   %7.1f "
            "%7.1f %7.1f\n",
            (long long)v.h, (long long)v.w, (long long)v.c, (long long)v.out_c,
            (long long)v.kernel_h, (long long)v.kernel_w, best[0] * 1e3, best[1] * 1e3,
            best[2] * 1e3, flop / best[0] * 1e-9, flop / best[1] * 1e-9,
            flop / best[2] * 1e-9);
        work += flop;
        for (int k = 0; k < KINDS; k++)
            total[k] += best[k];
    }
    printf("%-22s %6.3f ms %6.3f ms %6.3f ms   %7.1f %7.1f %7.1f\n", "all",
           total[0] * 1e3, total[1] * 1e3, total[2] * 1e3, work / total[0] * 1e-9,
           work / total[1] * 1e-9, work / total[2] * 1e-9);
    return 0;
}
