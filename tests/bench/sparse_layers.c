/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_layers.c -- times the sparse convolution beside the fastest dense one at the
   layers of a VGG for 32x32 images, for weights of several densities (argument 1: batch,
   argument 2: repetitions, argument 3: outputs that share their pattern, 1 or 4); a + where the rule chooses the
   sparse one.
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
static const double densities[] = {1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.01};

enum {
    LAYERS = sizeof layers / sizeof *layers,
    DENSITIES = sizeof densities / sizeof *densities,
    KINDS_MOST = DENSITIES + 8 /* dense algorithms: first and last */
};

/* One way to compute the layer. */
typedef struct kind {
    const algorithm *how;
    void *prepared;
    bool chosen;
    double best;
} kind;

typedef struct trial {
    convolution v;
    float *x, *y;
    void *scratch;
    kind kinds[KINDS_MOST];
    int count;
} trial;

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
    if (x)
        random_fill_uniform(r, x, count, -1, 1);
    return x;
}

static status add_kind(trial *t, const algorithm *how, const float *weight, error *e)
{
    kind *k = &t->kinds[t->count];
    k->how = how;
    k->prepared = memory_new_raw((int64_t)how->prepared_bytes(&t->v, weight) + 1, 1, e);
    if (!k->prepared)
        return E_MEMORY;
    how->prepare(&t->v, weight, k->prepared);
    k->chosen = how == &algorithm_sparse && sparse_wins(&t->v, weight);
    t->count++;
    return E_OK;
}

/* The densities come first, then every dense algorithm that suits. */
static status trial_fill(trial *t, int64_t together, error *e)
{
    random_stream r = random_new(1, "weights", 0);
    const convolution *v = &t->v;
    int64_t each = v->kernel_h * v->kernel_w * v->c;
    float *dense = numbers(v->out_c * each, &r, e);
    float *weight = numbers(v->out_c * each, &r, e);
    t->x = numbers(v->n * v->h * v->w * v->c, &r, e);
    t->y = numbers(v->n * v->out_h * v->out_w * v->out_c, &r, e);
    status s = dense && weight && t->x && t->y ? E_OK : E_MEMORY;
    size_t bytes = 0;
    for (int i = 0; i < DENSITIES && !s; i++) {
        for (int64_t o = 0; o < v->out_c; o += together)
            for (int64_t k = 0; k < each; k++) {
                bool kept = random_uniform(&r) < densities[i];
                for (int64_t p = o; p < o + together && p < v->out_c; p++)
                    weight[p * each + k] = kept ? dense[p * each + k] : 0;
            }
        s = add_kind(t, &algorithm_sparse, weight, e);
    }
    for (int i = 0; algorithm_at(i) && t->count < KINDS_MOST && !s; i++)
        if (algorithm_at(i) != &algorithm_sparse &&
            algorithm_at(i)->precision == PRECISION_F32 &&
            algorithm_at(i)->suits(v, dense))
            s = add_kind(t, algorithm_at(i), dense, e);
    for (int i = 0; i < t->count; i++) {
        size_t own = t->kinds[i].how->scratch_bytes(v);
        bytes = own > bytes ? own : bytes;
    }
    t->scratch = s ? NULL : memory_new_raw((int64_t)bytes + 1, 1, e);
    memory_free(dense);
    memory_free(weight);
    return t->scratch ? E_OK : E_MEMORY;
}

static void trial_clear(trial *t)
{
    memory_free(t->x);
    memory_free(t->y);
    memory_free(t->scratch);
    for (int i = 0; i < t->count; i++)
        memory_free(t->kinds[i].prepared);
}

static void trial_run(trial *t, int repetitions)
{
    static const finish nothing = {0};
    for (int r = -1; r < repetitions; r++)
        for (int i = 0; i < t->count; i++) {
            kind *k = &t->kinds[i];
            double start = task_clock();
            k->how->forward(&t->v, t->x, k->prepared, NULL, &nothing, t->y, t->scratch);
            double s = task_clock() - start;
            k->best = r < 1 || s < k->best ? s : k->best;
        }
}

static const kind *fastest_dense(const trial *t)
{
    const kind *best = &t->kinds[DENSITIES];
    for (int i = DENSITIES; i < t->count; i++)
        if (t->kinds[i].best < best->best)
            best = &t->kinds[i];
    return best;
}

static void print_sum(const char *name, double dense, const double *sums)
{
    printf("%-15s %8.4f %10s", name, dense * 1e3, "");
    for (int i = 0; i < DENSITIES; i++)
        printf(" %8.4f", sums[i] * 1e3);
    printf("\n%-15s %8s %10s", "", "", "/ dense");
    for (int i = 0; i < DENSITIES; i++)
        printf(" %8.3f", sums[i] / dense);
    printf("\n");
}

int main(int count, char **words)
{
    error e = {0};
    int64_t batch = count > 1 ? atoll(words[1]) : 1;
    int repetitions = count > 2 ? atoi(words[2]) : 30;
    int64_t together = count > 3 ? atoll(words[3]) : 1;
    double dense = 0, sparse[DENSITIES] = {0}, better[DENSITIES] = {0};
    if (cpu_start(&e) != E_OK || batch < 1 || together < 1) {
        fprintf(stderr, "sparse_layers: %s\n", e.text[0] ? e.text : "number below 1");
        return 1;
    }
    printf("%d threads, %s, batch %lld; ms\n%-15s %8s %10s", cpu_threads(),
           cpu_level_name(cpu_get_level()), (long long)batch, "layer", "dense", "");
    for (int i = 0; i < DENSITIES; i++)
        printf(" %8g", densities[i]);
    printf("\n");
    for (int i = 0; i < LAYERS; i++) {
        trial t = {.v = geometry(&layers[i], batch)};
        if (trial_fill(&t, together, &e) != E_OK) {
            fprintf(stderr, "sparse_layers: %s\n", e.text);
            trial_clear(&t);
            return 1;
        }
        trial_run(&t, repetitions);
        const kind *best = fastest_dense(&t);
        printf("%2lldx%-2lld %3lld->%-4lld %8.4f %10s", (long long)t.v.h,
               (long long)t.v.w, (long long)t.v.c, (long long)t.v.out_c, best->best * 1e3,
               best->how->name);
        dense += best->best;
        for (int k = 0; k < DENSITIES; k++) {
            double s = t.kinds[k].best;
            printf(" %7.4f%c", s * 1e3, t.kinds[k].chosen ? '+' : ' ');
            sparse[k] += s;
            better[k] += s < best->best ? s : best->best;
        }
        printf("\n");
        trial_clear(&t);
    }
    print_sum("all", dense, sparse);
    print_sum("the better one", dense, better);
    return 0;
}
