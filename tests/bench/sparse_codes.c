/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_codes.c -- times the sparse convolution on codes beside the dense methods at the
   layers of a VGG for 32x32 images, for weights of several densities (argument 1: batch,
   argument 2: repetitions, argument 3: inputs that share their pattern, 1 or 4); a +
   where the rule chooses the sparse one.
   A measuring program: it checks no results. */
#include <stdio.h>
#include <stdlib.h>
#include "base/cpu.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/task.h"
#include "kernel/integer_method.h"

static const int64_t layers[][3] = {
    {32, 3, 64},   {32, 64, 128}, {16, 128, 256}, {16, 256, 256},
    {8, 256, 512}, {8, 512, 512}, {4, 512, 512},  {4, 512, 512},
};
static const double densities[] = {0.3, 0.1, 0.05, 0.02, 0.01, 0.005};

enum {
    LAYERS = sizeof layers / sizeof *layers,
    DENSITIES = sizeof densities / sizeof *densities,
    KINDS_MOST = DENSITIES + 4 /* dense methods: first and last */
};

typedef struct kind {
    const integer_method *how;
    void *prepared;
    bool chosen;
    double best;
} kind;

typedef struct trial {
    integer_conv c;
    int8_t *x, *y, *dense, *weight;
    void *scratch;
    kind kinds[KINDS_MOST];
    int count;
} trial;

static const float weight_scale = 0.01f;
static const int32_t weight_zero = 0;

static integer_conv geometry(const int64_t *layer, int64_t batch)
{
    return (integer_conv){.batch = batch,
                          .height = layer[0],
                          .width = layer[0],
                          .channels = layer[1],
                          .out_height = layer[0],
                          .out_width = layer[0],
                          .out_channels = layer[2],
                          .groups = 1,
                          .kernel = {3, 3},
                          .stride = {1, 1},
                          .padding = {1, 1},
                          .dilation = {1, 1},
                          .in = {0.02f, -3, -128, 127},
                          .out = {0.5f, 4, -128, 127},
                          .weight_scale = &weight_scale,
                          .weight_zero = &weight_zero,
                          .weight_channels = 1};
}

static int8_t *codes(int64_t count, random_stream *r, error *e)
{
    int8_t *x = memory_new_raw(count, 1, e);
    for (int64_t i = 0; x && i < count; i++)
        x[i] = (int8_t)(random_bits(r) & 255);
    return x;
}

static status add_kind(trial *t, const integer_method *how, const int8_t *weight,
                       error *e)
{
    kind *k = &t->kinds[t->count];
    t->c.weight = weight;
    k->how = how;
    k->chosen = integer_method_choose(&t->c) == how;
    k->prepared = memory_new_raw((int64_t)how->prepared_bytes(&t->c) + 1, 1, e);
    if (!k->prepared)
        return E_MEMORY;
    how->prepare(&t->c, k->prepared);
    t->count++;
    return E_OK;
}

static void thin_out(trial *t, double density, int64_t together, random_stream *r)
{
    int64_t n = t->c.out_channels * 9 * t->c.channels;
    bool kept = false;
    for (int64_t i = 0; i < n; i++) {
        if (i % t->c.channels % together == 0)
            kept = random_uniform(r) < density;
        t->weight[i] = kept ? (int8_t)(t->dense[i] | 1) : 0;
    }
}

static status trial_fill(trial *t, int64_t together, error *e)
{
    random_stream r = random_new(1, "weights", 0);
    const integer_conv *c = &t->c;
    int64_t weights = c->out_channels * 9 * c->channels;
    t->x = codes(c->batch * c->height * c->width * c->channels, &r, e);
    t->y = codes(c->batch * c->height * c->width * c->out_channels, &r, e);
    t->dense = codes(weights, &r, e);
    t->weight = codes(weights, &r, e);
    status s = t->x && t->y && t->dense && t->weight ? E_OK : E_MEMORY;
    for (int i = 0; i < DENSITIES && !s; i++) {
        thin_out(t, densities[i], together, &r);
        s = add_kind(t, &integer_method_sparse, t->weight, e);
    }
    for (int i = 0; integer_method_at(i) && t->count < KINDS_MOST && !s; i++)
        if (integer_method_at(i) != &integer_method_sparse &&
            integer_method_at(i)->suits(&t->c))
            s = add_kind(t, integer_method_at(i), t->dense, e);
    size_t bytes = 0;
    for (int i = 0; i < t->count; i++) {
        size_t own = t->kinds[i].how->scratch_bytes(&t->c);
        bytes = own > bytes ? own : bytes;
    }
    t->c.x = t->x;
    t->c.y = t->y;
    t->scratch = s ? NULL : memory_new_raw((int64_t)bytes + 1, 1, e);
    return t->scratch ? E_OK : E_MEMORY;
}

static void trial_clear(trial *t)
{
    memory_free(t->x);
    memory_free(t->y);
    memory_free(t->dense);
    memory_free(t->weight);
    memory_free(t->scratch);
    for (int i = 0; i < t->count; i++)
        memory_free(t->kinds[i].prepared);
}

static const kind *trial_run(trial *t, int repetitions)
{
    for (int r = -1; r < repetitions; r++)
        for (int i = 0; i < t->count; i++) {
            kind *k = &t->kinds[i];
            double start = task_clock();
            k->how->run(&t->c, k->prepared, t->scratch);
            double s = task_clock() - start;
            k->best = r < 1 || s < k->best ? s : k->best;
        }
    const kind *best = &t->kinds[DENSITIES];
    for (int i = DENSITIES; i < t->count; i++)
        if (t->kinds[i].best < best->best)
            best = &t->kinds[i];
    return best;
}

int main(int count, char **words)
{
    error e = {0};
    int64_t batch = count > 1 ? atoll(words[1]) : 1;
    int repetitions = count > 2 ? atoi(words[2]) : 30;
    int64_t together = count > 3 ? atoll(words[3]) : 1;
    double dense = 0, sparse[DENSITIES] = {0};
    if (cpu_start(&e) != E_OK || batch < 1 || together < 1) {
        fprintf(stderr, "sparse_codes: %s\n", e.text[0] ? e.text : "number below 1");
        return 1;
    }
    printf("%d threads, %s, batch %lld; ms\n%-15s %8s %6s", cpu_threads(),
           cpu_level_name(cpu_get_level()), (long long)batch, "layer", "dense", "");
    for (int i = 0; i < DENSITIES; i++)
        printf(" %8g", densities[i]);
    printf("\n");
    for (int i = 0; i < LAYERS; i++) {
        trial t = {.c = geometry(layers[i], batch)};
        if (trial_fill(&t, together, &e) != E_OK) {
            fprintf(stderr, "sparse_codes: %s\n", e.text);
            trial_clear(&t);
            return 1;
        }
        const kind *best = trial_run(&t, repetitions);
        printf("%2lldx%-2lld %3lld->%-4lld %8.4f %6s", (long long)layers[i][0],
               (long long)layers[i][0], (long long)layers[i][1], (long long)layers[i][2],
               best->best * 1e3, best->how->name);
        dense += best->best;
        for (int k = 0; k < DENSITIES; k++) {
            printf(" %7.4f%c", t.kinds[k].best * 1e3, t.kinds[k].chosen ? '+' : ' ');
            sparse[k] += t.kinds[k].best;
        }
        printf("\n");
        trial_clear(&t);
    }
    printf("%-15s %8.4f %6s", "all", dense * 1e3, "");
    for (int i = 0; i < DENSITIES; i++)
        printf(" %8.4f", sparse[i] * 1e3);
    printf("\n");
    return 0;
}
