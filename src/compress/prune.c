/* SPDX-License-Identifier: GPL-3.0-or-later
   prune.c -- masks to a total sparsity: the least important elements go, exactly as many
   as were asked for.  It removes no channel and retrains nothing. */
#include "compress/prune.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"

#define GRAIN 65536

bool prune_is_target(const parameter *p, prune_targets targets)
{
    return p->role == ROLE_WEIGHT ||
           (p->role == ROLE_SCALE && targets == TARGET_WEIGHTS_AND_SCALES);
}

/* Parameters whose elements compete with each other. */
typedef struct pool {
    graph *graph;
    const int *members; /* parameters of the graph */
    int member_count;
    int64_t count, zeros; /* elements; how many are to be zero */
    uint32_t *keys;       /* [count] rank of each element: lowest goes first */
} pool;

/* Scores as unsigned numbers in the same order; masked elements come before all. */
typedef struct ranking {
    const float *score;
    const uint8_t *mask;
    uint32_t *keys;
} ranking;

static void rank_range(void *context, int64_t begin, int64_t end, int thread)
{
    const ranking *r = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        uint32_t bits;
        memcpy(&bits, &r->score[i], sizeof bits);
        bits = bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
        r->keys[i] = r->mask && !r->mask[i] ? 0 : bits;
    }
}

static status check_scores(const parameter *p, const float *score, error *e)
{
    int64_t n = tensor_count(p->data);
    for (int64_t i = 0; i < n; i++)
        if (isnan(score[i]))
            return fail(e, E_NUMERIC, "prune: %s holds a value that is not a number",
                        p->name);
    return E_OK;
}

static status rank_elements(pool *l, const criterion_row *criterion, uint64_t seed,
                            error *e)
{
    int64_t largest = 0, at = 0;
    for (int i = 0; i < l->member_count; i++) {
        int64_t n = tensor_count(l->graph->parameters[l->members[i]].data);
        largest = n > largest ? n : largest;
    }
    float *score = memory_new_raw(largest, sizeof *score, e);
    status s = score ? E_OK : E_MEMORY;
    for (int i = 0; i < l->member_count && !s; i++) {
        const parameter *p = &l->graph->parameters[l->members[i]];
        int64_t n = tensor_count(p->data);
        criterion->score(p, seed, l->members[i], score);
        s = check_scores(p, score, e);
        ranking r = {score, p->mask ? tensor_data(p->mask) : NULL, l->keys + at};
        parallel_range(n, GRAIN, rank_range, &r);
        at += n;
    }
    memory_free(score);
    return s;
}

/* The key at which the zeros end: all below it go, and *TIES of those equal to it.
   Two passes over 16 bits each. */
static status find_threshold(const pool *l, uint32_t *threshold, int64_t *ties, error *e)
{
    int64_t *histogram = memory_new(2 << 16, sizeof *histogram, e);
    if (!histogram)
        return E_MEMORY;
    int64_t *low = histogram + (1 << 16), left = l->zeros;
    uint32_t high = 0, rest = 0;
    for (int64_t i = 0; i < l->count; i++)
        histogram[l->keys[i] >> 16]++;
    while (left >= histogram[high] && high < 0xffff)
        left -= histogram[high++];
    for (int64_t i = 0; i < l->count; i++)
        if (l->keys[i] >> 16 == high)
            low[l->keys[i] & 0xffff]++;
    while (left >= low[rest] && rest < 0xffff)
        left -= low[rest++];
    *threshold = high << 16 | rest;
    *ties = left;
    memory_free(histogram);
    return E_OK;
}

static tensor *full_mask(shape s, error *e)
{
    tensor *mask = tensor_new(DTYPE_U8, s, e);
    uint8_t *data = mask ? tensor_write(mask, e) : NULL;
    if (!data) {
        tensor_free(mask);
        return NULL;
    }
    memset(data, 1, (size_t)shape_count(s));
    return mask;
}

/* Masks what lies below THRESHOLD, and the first *TIES of what is equal to it. */
static status mask_parameter(parameter *p, const uint32_t *keys, uint32_t threshold,
                             int64_t *ties, error *e)
{
    int64_t n = tensor_count(p->data), going = 0;
    for (int64_t i = 0; i < n; i++)
        going += keys[i] < threshold || (keys[i] == threshold && *ties > 0);
    if (going == 0)
        return E_OK;
    if (!p->mask)
        p->mask = full_mask(tensor_shape(p->data), e);
    uint8_t *mask = p->mask ? tensor_write(p->mask, e) : NULL;
    float *data = mask ? tensor_write_f32(p->data, e) : NULL;
    if (!data)
        return E_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        bool goes = keys[i] < threshold || (keys[i] == threshold && (*ties)-- > 0);
        if (!goes)
            continue;
        mask[i] = 0;
        data[i] = 0.0f;
    }
    *ties = *ties > 0 ? *ties : 0;
    return E_OK;
}

static status prune_pool(pool *l, const criterion_row *criterion, uint64_t seed, error *e)
{
    uint32_t threshold = 0;
    int64_t ties = 0, at = 0;
    l->keys = memory_new_raw(l->count, sizeof *l->keys, e);
    status s = l->keys ? rank_elements(l, criterion, seed, e) : E_MEMORY;
    if (!s)
        s = find_threshold(l, &threshold, &ties, e);
    for (int i = 0; i < l->member_count && !s; i++) {
        parameter *p = &l->graph->parameters[l->members[i]];
        s = mask_parameter(p, l->keys + at, threshold, &ties, e);
        at += tensor_count(p->data);
    }
    memory_free(l->keys);
    return s;
}

static int64_t masked_count(const parameter *p)
{
    const uint8_t *mask = p->mask ? tensor_data(p->mask) : NULL;
    int64_t n = tensor_count(p->data), zeros = 0;
    for (int64_t i = 0; mask && i < n; i++)
        zeros += mask[i] == 0;
    return zeros;
}

/* Fills in how many elements there are and how many are to go. */
static status size_pool(pool *l, double amount, bool keep_one, const char *who, error *e)
{
    int64_t masked = 0;
    l->count = 0;
    for (int i = 0; i < l->member_count; i++) {
        const parameter *p = &l->graph->parameters[l->members[i]];
        l->count += tensor_count(p->data);
        masked += masked_count(p);
    }
    l->zeros = llround((double)l->count * amount);
    if (keep_one && l->zeros == l->count && masked < l->count)
        l->zeros--;
    if (masked <= l->zeros)
        return E_OK;
    fail(
        e, E_RANGE,
        "prune: %s has %lld of %lld elements masked (%.6g), more than the %.6g asked for",
        who, (long long)masked, (long long)l->count, (double)masked / (double)l->count,
        amount);
    return fail_hint(e, "an amount is the total sparsity: ask for at least as much as "
                        "there is, or go back with undo");
}

/* The parameters that may be pruned, in order; the caller frees *MEMBERS. */
static status find_members(const graph *g, prune_targets targets, int **members,
                           int *count, error *e)
{
    *count = 0;
    *members = memory_new(g->parameter_count, sizeof **members, e);
    if (!*members)
        return E_MEMORY;
    for (int i = 0; i < g->parameter_count; i++) {
        const parameter *p = &g->parameters[i];
        if (!prune_is_target(p, targets))
            continue;
        if (p->quantizer) {
            fail(e, E_USAGE, "prune: %s is quantized, wanted f32 weights", p->name);
            return fail_hint(e, "prune first, then quantize");
        }
        (*members)[(*count)++] = i;
    }
    if (*count == 0)
        return fail(e, E_USAGE, "prune: the model has no weights that may be pruned");
    return E_OK;
}

static void fill_result(const graph *g, const int *members, int count, prune_result *r)
{
    *r = (prune_result){0};
    for (int i = 0; i < count; i++) {
        const parameter *p = &g->parameters[members[i]];
        r->prunable += tensor_count(p->data);
        r->zeros += masked_count(p);
        if (parameter_nonzero(p) > 0)
            continue;
        if (r->dead_layers++ == 0)
            snprintf(r->dead_name, sizeof r->dead_name, "%s", p->name);
    }
}

/* Every layer is asked before any is touched. */
static status prune_layers(graph *g, const int *members, int count,
                           const criterion_row *criterion, double amount, uint64_t seed,
                           error *e)
{
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++) {
            const parameter *p = &g->parameters[members[i]];
            pool l = {.graph = g, .members = members + i, .member_count = 1};
            TRY(size_pool(&l, amount, true, p->name, e));
            if (pass == 1)
                TRY(prune_pool(&l, criterion, seed, e));
        }
    return E_OK;
}

status prune_weights(graph *g, const criterion_row *criterion, prune_scope scope,
                     prune_targets targets, double amount, uint64_t seed,
                     prune_result *result, error *e)
{
    int *members = NULL, count = 0;
    if (!(amount >= 0.0 && amount <= 1.0))
        return fail(e, E_RANGE, "prune: an amount of %g, wanted 0 to 1", amount);
    status s = find_members(g, targets, &members, &count, e);
    if (!s && scope == SCOPE_LAYER) {
        s = prune_layers(g, members, count, criterion, amount, seed, e);
    } else if (!s) {
        pool l = {.graph = g, .members = members, .member_count = count};
        s = size_pool(&l, amount, false, "the model", e);
        if (!s)
            s = prune_pool(&l, criterion, seed, e);
    }
    if (!s)
        fill_result(g, members, count, result);
    memory_free(members);
    return s;
}
