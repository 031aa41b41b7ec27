/* SPDX-License-Identifier: GPL-3.0-or-later
   codebook.c -- the few numbers that stand for all weights of a layer, found by k-means.
   Which weight has which is graph/coding's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "compress/quantize.h"
#include "kernel/integer.h"

#define ROUNDS 100

/* Weights in ascending order, and the sums of the first i of them. */
typedef struct sorted {
    float *x;
    double *sums; /* [n + 1] */
    int64_t n;
} sorted;

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The weights that are not masked. */
static status sort_weights(const parameter *p, sorted *s, error *e)
{
    const float *x = tensor_f32(p->data);
    const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
    int64_t count = tensor_count(p->data);
    *s = (sorted){.x = memory_new(count, sizeof *s->x, e)};
    s->sums = s->x ? memory_new(count + 1, sizeof *s->sums, e) : NULL;
    if (!s->sums) {
        memory_free(s->x);
        return E_MEMORY;
    }
    for (int64_t i = 0; i < count; i++)
        if (!mask || mask[i])
            s->x[s->n++] = x[i];
    qsort(s->x, (size_t)s->n, sizeof *s->x, compare_floats);
    for (int64_t i = 0; i < s->n; i++)
        s->sums[i + 1] = s->sums[i] + (double)s->x[i];
    return E_OK;
}

/* The first weight above LIMIT. */
static int64_t first_above(const sorted *s, double limit)
{
    int64_t low = 0, high = s->n;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if ((double)s->x[middle] <= limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Each entry to the mean of the weights next to it, but for entry FIXED (-1: none); those
   with none stay.  How far the farthest went. */
static double move_entries(const sorted *s, float *book, int entries, int fixed)
{
    double moved = 0;
    int64_t begin = 0;
    for (int i = 0; i < entries; i++) {
        int64_t end = i + 1 < entries
                          ? first_above(s, ((double)book[i] + (double)book[i + 1]) / 2)
                          : s->n;
        double was = (double)book[i];
        if (end > begin && i != fixed)
            book[i] = (float)((s->sums[end] - s->sums[begin]) / (double)(end - begin));
        moved = fmax(moved, fabs((double)book[i] - was));
        begin = end > begin ? end : begin;
    }
    return moved;
}

/* Begins evenly from the least to the largest weight, which finds large weights better
   than weights drawn by chance.  Source: Han et al. 2016, arXiv:1510.00149, section 3.2. */
static int begin_evenly(const sorted *s, float *book, int entries, bool masked)
{
    double low = s->n > 0 ? (double)s->x[0] : 0,
           high = s->n > 0 ? (double)s->x[s->n - 1] : 0;
    int zero = 0;
    for (int i = 0; i < entries; i++) {
        book[i] = (float)(low + (high - low) * i / (entries - 1));
        if (fabsf(book[i]) < fabsf(book[zero]))
            zero = i;
    }
    if (!masked)
        return -1;
    /* All on one side of 0: its end is 0. */
    book[zero] = 0.0f;
    return zero;
}

quantizer *quantizer_of_clusters(const parameter *p, int bits, error *e)
{
    const int entries = 1 << bits;
    sorted s;
    quantizer *q = quantizer_new(bits, PER_TENSOR, 1, e);
    if (!q || quantizer_add_codebook(q, e) || sort_weights(p, &s, e)) {
        quantizer_free(q);
        return NULL;
    }
    q->scale[0] = 1.0f;
    int fixed = begin_evenly(&s, q->codebook, entries, p->mask != NULL);
    for (int round = 0; round < ROUNDS; round++)
        if (move_entries(&s, q->codebook, entries, fixed) == 0)
            break;
    if (fixed >= 0)
        q->zero_point[0] = fixed + integer_low(bits);
    memory_free(s.x);
    memory_free(s.sums);
    return q;
}
