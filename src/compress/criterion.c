/* SPDX-License-Identifier: GPL-3.0-or-later
   criterion.c -- the table of importance criteria for pruning.
   A criterion scores; it never touches masks or weights. */
#include "compress/prune.h"

#include <math.h>
#include <string.h>
#include "base/parallel.h"
#include "base/random.h"

#define GRAIN 65536

typedef struct scoring {
    const float *data;
    float *score;
} scoring;

static void magnitude_range(void *context, int64_t begin, int64_t end, int thread)
{
    const scoring *s = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        s->score[i] = fabsf(s->data[i]);
}

static void magnitude_score(const parameter *p, uint64_t seed, int index, float *score)
{
    scoring s = {tensor_f32(p->data), score};
    (void)seed;
    (void)index;
    parallel_range(tensor_count(p->data), GRAIN, magnitude_range, &s);
}

static void random_score(const parameter *p, uint64_t seed, int index, float *score)
{
    random_stream r = random_new(seed, "prune", (uint64_t)index);
    random_fill_uniform(&r, score, tensor_count(p->data), 0.0, 1.0);
}

static const criterion_row rows[] = {
    {"magnitude", "absolute value of the weight (L1)",
     "Han et al. 2015, arXiv:1506.02626, section 3", magnitude_score},
    {"random", "drawn by the seed: a control", NULL, random_score},
};

const criterion_row *criterion_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof *rows) ? &rows[i] : NULL;
}

const criterion_row *criterion_find(const char *name)
{
    for (int i = 0; criterion_at(i); i++)
        if (strcmp(criterion_at(i)->name, name) == 0)
            return criterion_at(i);
    return NULL;
}
