/* SPDX-License-Identifier: GPL-3.0-or-later
   regularizer.c -- losses of latent values.  It knows neither models nor batches, and
   allocates nothing. */
#include "train/regularizer.h"

#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "base/sort.h"

/* A batch seen along directions; room is laid out by lay_out. */
typedef struct slicing {
    const float *latent, *directions, *prior;
    int64_t n, features, count;
    double weight;
    double *sums;                /* [count] */
    sort_item *items, *scratch;  /* [count x n] each */
    float *drawn, *drawn_sorted; /* [count x n] each: of the prior */
    float *slopes;               /* [count x n] */
    float *gradient;
} slicing;

size_t sliced_room(int64_t n, int64_t features, int64_t count)
{
    (void)features;
    size_t cells = (size_t)count * (size_t)n;
    return (size_t)count * sizeof(double) +
           cells * (2 * sizeof(sort_item) + 3 * sizeof(float));
}

static void lay_out(slicing *s, void *room)
{
    size_t cells = (size_t)s->count * (size_t)s->n;
    s->sums = room;
    s->items = (sort_item *)(s->sums + s->count);
    s->scratch = s->items + cells;
    s->drawn = (float *)(s->scratch + cells);
    s->drawn_sorted = s->drawn + cells;
    s->slopes = s->drawn_sorted + cells;
}

static float project(const float *x, const float *direction, int64_t features)
{
    double sum = 0;
    for (int64_t k = 0; k < features; k++)
        sum += (double)x[k] * (double)direction[k];
    return (float)sum;
}

/* One direction: the nearest of the prior to each sample is the one of its rank. */
static void look_along(void *context, int64_t number, int thread)
{
    (void)thread;
    const slicing *s = context;
    const float *direction = s->directions + number * s->features;
    sort_item *items = s->items + number * s->n;
    float *drawn = s->drawn + number * s->n, *slopes = s->slopes + number * s->n;
    for (int64_t i = 0; i < s->n; i++) {
        items[i] = (sort_item){
            project(s->latent + i * s->features, direction, s->features), (int32_t)i};
        drawn[i] = project(s->prior + i * s->features, direction, s->features);
    }
    sort_items(items, s->scratch + number * s->n, s->n);
    sort_floats(drawn, s->drawn_sorted + number * s->n, s->n);
    double sum = 0;
    for (int64_t i = 0; i < s->n; i++) {
        float apart = items[i].key - drawn[i];
        sum += (double)apart * (double)apart;
        slopes[items[i].place] = apart;
    }
    s->sums[number] = sum;
}

/* Of one sample: sum over directions of 2 (z . direction - its partner) direction. */
static void gather_slopes(void *context, int64_t i, int thread)
{
    (void)thread;
    const slicing *s = context;
    const double share = 2 * s->weight / ((double)s->n * (double)s->count);
    for (int64_t k = 0; k < s->features; k++) {
        double sum = 0;
        for (int64_t j = 0; j < s->count; j++)
            sum += (double)s->slopes[j * s->n + i] *
                   (double)s->directions[j * s->features + k];
        s->gradient[i * s->features + k] = (float)(share * sum);
    }
}

double sliced_wasserstein(const float *latent, int64_t n, int64_t features,
                          const float *directions, int64_t count, const float *prior,
                          double weight, void *room, float *gradient)
{
    slicing s = {.latent = latent,
                 .directions = directions,
                 .prior = prior,
                 .n = n,
                 .features = features,
                 .count = count,
                 .weight = weight,
                 .gradient = gradient};
    lay_out(&s, room);
    parallel_for(count, look_along, &s);
    double sum = 0;
    for (int64_t j = 0; j < count; j++)
        sum += s.sums[j];
    if (gradient)
        parallel_for(n, gather_slopes, &s);
    return sum / ((double)n * (double)count);
}

static size_t drawn_room(int64_t n, int64_t features)
{
    size_t drawn = (size_t)(SLICED_DIRECTIONS + n) * (size_t)features * sizeof(float);
    return sliced_room(n, features, SLICED_DIRECTIONS) + drawn;
}

/* Uniform on the sphere: a normal vector, its length divided out. */
static void draw_direction(random_stream *draw, float *direction, int64_t features)
{
    double squares = 0;
    while (squares == 0)
        for (int64_t k = 0; k < features; k++) {
            direction[k] = (float)random_normal(draw);
            squares += (double)direction[k] * (double)direction[k];
        }
    for (int64_t k = 0; k < features; k++)
        direction[k] = (float)((double)direction[k] / sqrt(squares));
}

static double drawn_wasserstein(const float *latent, int64_t n, int64_t features,
                                random_stream draw, double weight, void *room,
                                float *gradient)
{
    char *end = (char *)room + sliced_room(n, features, SLICED_DIRECTIONS);
    float *directions = (float *)end, *prior = directions + SLICED_DIRECTIONS * features;
    for (int64_t j = 0; j < SLICED_DIRECTIONS; j++)
        draw_direction(&draw, directions + j * features, features);
    for (int64_t i = 0; i < n * features; i++)
        prior[i] = (float)random_normal(&draw);
    return sliced_wasserstein(latent, n, features, directions, SLICED_DIRECTIONS, prior,
                              weight, room, gradient);
}

static const regularizer_row rows[] = {
    {"sliced-wasserstein",
     "distance of the latent values from a normal distribution, along 50 directions",
     "Kolouri et al. 2018, arXiv:1804.01947, eq. 13", drawn_room, drawn_wasserstein},
};

const regularizer_row *regularizer_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof rows[0]) ? &rows[i] : NULL;
}

const regularizer_row *regularizer_find(const char *name)
{
    for (int i = 0; regularizer_at(i); i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}
