/* SPDX-License-Identifier: GPL-3.0-or-later
   gradual.c -- masks in the course of a training.  It ranks nothing across parameters and
   trains nothing. */
#include "compress/gradual.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/sort.h"

#define PI 3.14159265358979323846

static double linear_amount(double from, double to, double t)
{
    return from + (to - from) * t;
}

static double cubic_amount(double from, double to, double t)
{
    return to + (from - to) * pow(1 - t, 3);
}

/* The density falls by the same factor in equal times; where it is to become 0 that would
   be at once, and it goes as if to one in a million. */
static double exponential_amount(double from, double to, double t)
{
    const double least = 1e-6;
    double begin = fmax(1 - from, least), end = fmax(1 - to, least);
    return t >= 1 ? to : 1 - pow(begin, 1 - t) * pow(end, t);
}

static const gradual_row rows[] = {
    {"linear", "as much before each epoch", NULL, linear_amount},
    {"cubic", "much at first, little at the end",
     "Zhu, Gupta 2017, arXiv:1710.01878, equation 1", cubic_amount},
    {"exponential", "the same share of what is left before each epoch", NULL,
     exponential_amount},
};

const gradual_row *gradual_at(int i)
{
    return i >= 0 && i < (int)(sizeof rows / sizeof *rows) ? &rows[i] : NULL;
}

const gradual_row *gradual_find(const char *name)
{
    for (int i = 0; gradual_at(i); i++)
        if (strcmp(gradual_at(i)->name, name) == 0)
            return gradual_at(i);
    return NULL;
}

double gradual_amount(const gradual_row *row, double from, double to, int64_t first,
                      int64_t last, int64_t epoch)
{
    if (epoch >= last)
        return to;
    if (epoch <= first)
        return from;
    return row->amount(from, to, (double)(epoch - first) / (double)(last - first));
}

double gradual_exchange(double share, int64_t epoch, int64_t epochs)
{
    double t = (double)(epoch - 1) / (0.75 * (double)epochs);
    return t < 1 ? share / 2 * (1 + cos(PI * t)) : 0;
}

/* The places of PARAMETER whose mask is KEPT, with the keys that SIGN times the magnitude
   of X makes; smallest first.  Returns how many. */
static int64_t rank_places(const parameter *p, uint8_t kept, const float *x, float sign,
                           sort_item *items, sort_item *scratch)
{
    const uint8_t *mask = tensor_data(p->mask);
    int64_t count = 0;
    for (int64_t i = 0; i < tensor_count(p->data); i++)
        if (mask[i] == kept)
            items[count++] = (sort_item){.key = sign * fabsf(x[i]), .place = (int32_t)i};
    sort_items(items, scratch, count);
    return count;
}

/* Exchanges in one parameter; ROOM has place for three times its elements. */
static status regrow_parameter(parameter *p, const float *gradient, double share,
                               sort_item *room, int64_t *moved, error *e)
{
    const int64_t n = tensor_count(p->data);
    sort_item *weak = room, *fresh = room + n, *scratch = room + 2 * n;
    int64_t kept = rank_places(p, 1, tensor_f32(p->data), 1, weak, scratch);
    int64_t masked = rank_places(p, 0, gradient, -1, fresh, scratch);
    int64_t count = llround(share * (double)kept);
    count = count < masked ? count : masked;
    if (count == 0)
        return E_OK;
    uint8_t *mask = tensor_write(p->mask, e);
    float *w = mask ? tensor_write_f32(p->data, e) : NULL;
    if (!w)
        return E_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        mask[weak[i].place] = 0;
        w[weak[i].place] = 0.0f;
        mask[fresh[i].place] = 1;
    }
    *moved += count;
    return E_OK;
}

status gradual_regrow(graph *g, float *const *gradient, double share, int64_t *moved,
                      error *e)
{
    *moved = 0;
    for (int i = 0; i < g->parameter_count; i++) {
        parameter *p = &g->parameters[i];
        const int64_t n = tensor_count(p->data);
        if (!p->mask || !gradient[i])
            continue;
        if (n > INT32_MAX)
            return fail(e, E_RANGE, "regrow: %s has %lld elements, wanted fewer", p->name,
                        (long long)n);
        sort_item *room = memory_new_raw(3 * n, sizeof *room, e);
        status s =
            room ? regrow_parameter(p, gradient[i], share, room, moved, e) : E_MEMORY;
        memory_free(room);
        TRY(s);
    }
    return E_OK;
}

static status check_same(const graph *g, const graph *early, error *e)
{
    bool same = g->parameter_count == early->parameter_count;
    for (int i = 0; same && i < g->parameter_count; i++) {
        const parameter *a = &g->parameters[i], *b = &early->parameters[i];
        same = strcmp(a->name, b->name) == 0 && !b->quantizer &&
               shape_equal(tensor_shape(a->data), tensor_shape(b->data));
    }
    if (same)
        return E_OK;
    fail(e, E_SHAPE, "rewind: the earlier model has other parameters");
    return fail_hint(e, "take a copy of the same model, made before or during training");
}

status gradual_rewind(graph *g, const graph *early, error *e)
{
    TRY(check_same(g, early, e));
    for (int i = 0; i < g->parameter_count; i++) {
        tensor *data = tensor_share(early->parameters[i].data, e);
        if (!data)
            return E_MEMORY;
        tensor_free(g->parameters[i].data);
        g->parameters[i].data = data;
    }
    return graph_apply_masks(g, e);
}

status gradual_check(const graph *g, error *e)
{
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
        const float *x = tensor_f32(p->data);
        for (int64_t k = 0; mask && k < tensor_count(p->data); k++)
            if (!mask[k] && x[k] != 0.0f)
                return fail(e, E_NUMERIC,
                            "prune: element %lld of %s is masked and %g, wanted 0",
                            (long long)k, p->name, (double)x[k]);
    }
    return E_OK;
}
