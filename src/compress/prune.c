/* SPDX-License-Identifier: GPL-3.0-or-later
   prune.c -- masks to a total sparsity: the least important elements go, exactly as many
   as were asked for.  It removes no channel and retrains nothing. */
#include "compress/prune_parts.h"

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

/* Parameters whose blocks compete with each other. */
typedef struct pool {
    graph *graph;
    const int *members; /* parameters of the graph */
    int member_count;
    const prune_pattern *pattern;
    int64_t blocks;
    int64_t going;    /* elements that are still to be masked */
    uint32_t *keys;   /* [blocks] rank of each: lowest goes first */
    uint8_t *weights; /* [blocks] its elements that are not masked yet */
} pool;

/* Scores as unsigned numbers in the same order. */
typedef struct ranking {
    const prune_pattern *pattern;
    const parameter *parameter;
    const float *score;
    const uint8_t *mask;
    uint32_t *keys;
    uint8_t *weights;
} ranking;

static uint32_t key_of(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? ~bits : bits | UINT32_C(1) << 31;
}

static void rank_range(void *context, int64_t begin, int64_t end, int thread)
{
    const ranking *r = context;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        block b = block_at(r->pattern, r->parameter, i);
        double squares = 0;
        int left = 0;
        for (int64_t k = 0; k < b.count; k++) {
            int64_t at = b.first + k * b.step;
            if (r->mask && !r->mask[at])
                continue;
            squares += (double)r->score[at] * (double)r->score[at];
            left++;
        }
        r->weights[i] = (uint8_t)left;
        r->keys[i] = b.count == 1 ? key_of(r->score[b.first])
                                  : key_of((float)sqrt(squares / (double)b.count));
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

/* Room for the scores of the largest of the parameters. */
static float *score_room(const graph *g, const int *members, int count, error *e)
{
    int64_t largest = 0;
    for (int i = 0; i < count; i++) {
        int64_t n = tensor_count(g->parameters[members[i]].data);
        largest = n > largest ? n : largest;
    }
    return memory_new_raw(largest, sizeof(float), e);
}

static status rank_blocks(pool *l, const criterion_row *criterion, uint64_t seed,
                          error *e)
{
    int64_t at = 0;
    float *score = score_room(l->graph, l->members, l->member_count, e);
    status s = score ? E_OK : E_MEMORY;
    for (int i = 0; i < l->member_count && !s; i++) {
        const parameter *p = &l->graph->parameters[l->members[i]];
        int64_t n = block_count(l->pattern, p);
        criterion->score(p, seed, l->members[i], score);
        s = check_scores(p, score, e);
        ranking r = {.pattern = l->pattern,
                     .parameter = p,
                     .score = score,
                     .mask = p->mask ? tensor_data(p->mask) : NULL,
                     .keys = l->keys + at,
                     .weights = l->weights + at};
        parallel_range(n, GRAIN, rank_range, &r);
        at += n;
    }
    memory_free(score);
    return s;
}

/* The key at which the zeros end: all below it go, and of those equal to it as many as
   have *TIES elements.  Two passes over 16 bits each. */
static status find_threshold(const pool *l, uint32_t *threshold, int64_t *ties, error *e)
{
    int64_t *histogram = memory_new(2 << 16, sizeof *histogram, e);
    if (!histogram)
        return E_MEMORY;
    int64_t *low = histogram + (1 << 16), left = l->going;
    uint32_t high = 0, rest = 0;
    for (int64_t i = 0; i < l->blocks; i++)
        histogram[l->keys[i] >> 16] += l->weights[i];
    while (left >= histogram[high] && high < 0xffff)
        left -= histogram[high++];
    for (int64_t i = 0; i < l->blocks; i++)
        if (l->keys[i] >> 16 == high)
            low[l->keys[i] & 0xffff] += l->weights[i];
    while (left >= low[rest] && rest < 0xffff)
        left -= low[rest++];
    *threshold = high << 16 | rest;
    *ties = left;
    memory_free(histogram);
    return E_OK;
}

/* Does a block go?  Of those at the threshold the first, as long as they fit. */
static bool block_goes(uint32_t key, uint8_t weight, uint32_t threshold, int64_t *ties)
{
    if (weight == 0 || key > threshold)
        return false;
    if (key < threshold)
        return true;
    bool fits = *ties >= weight;
    *ties = fits ? *ties - weight : 0;
    return fits;
}

/* Masks what goes of one parameter. */
static status mask_parameter(const pool *l, parameter *p, int64_t at, uint32_t threshold,
                             int64_t *ties, error *e)
{
    uint8_t *mask = NULL;
    float *data = NULL;
    for (int64_t i = 0; i < block_count(l->pattern, p); i++) {
        if (!block_goes(l->keys[at + i], l->weights[at + i], threshold, ties))
            continue;
        if (!mask) {
            mask = parameter_mask(p, e);
            data = mask ? tensor_write_f32(p->data, e) : NULL;
            if (!data)
                return E_MEMORY;
        }
        block b = block_at(l->pattern, p, i);
        for (int64_t k = 0; k < b.count; k++) {
            mask[b.first + k * b.step] = 0;
            data[b.first + k * b.step] = 0.0f;
        }
    }
    return E_OK;
}

static status prune_pool(pool *l, const criterion_row *criterion, uint64_t seed, error *e)
{
    uint32_t threshold = 0;
    int64_t ties = 0, at = 0;
    l->keys = memory_new_raw(l->blocks, sizeof *l->keys, e);
    l->weights = l->keys ? memory_new_raw(l->blocks, sizeof *l->weights, e) : NULL;
    status s = l->weights ? rank_blocks(l, criterion, seed, e) : E_MEMORY;
    if (!s)
        s = find_threshold(l, &threshold, &ties, e);
    for (int i = 0; i < l->member_count && !s; i++) {
        parameter *p = &l->graph->parameters[l->members[i]];
        s = mask_parameter(l, p, at, threshold, &ties, e);
        at += block_count(l->pattern, p);
    }
    memory_free(l->keys);
    memory_free(l->weights);
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

/* Fills in how many blocks there are and how many elements are to go. */
static status size_pool(pool *l, double amount, bool keep_one, const char *who, error *e)
{
    int64_t masked = 0, count = 0;
    l->blocks = 0;
    for (int i = 0; i < l->member_count; i++) {
        const parameter *p = &l->graph->parameters[l->members[i]];
        count += tensor_count(p->data);
        masked += masked_count(p);
        l->blocks += block_count(l->pattern, p);
    }
    int64_t zeros = llround((double)count * amount);
    if (keep_one && zeros == count && masked < count)
        zeros--;
    l->going = zeros - masked;
    if (l->going >= 0)
        return E_OK;
    fail(
        e, E_RANGE,
        "prune: %s has %lld of %lld elements masked (%.6g), more than the %.6g asked for",
        who, (long long)masked, (long long)count, (double)masked / (double)count, amount);
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

/* Every layer is asked before any is touched.  AMOUNTS, where they are given, are of the
   parameters of G. */
static status prune_layers(graph *g, const int *members, int count,
                           const criterion_row *criterion, const prune_pattern *pattern,
                           double amount, const double *amounts, uint64_t seed, error *e)
{
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++) {
            const parameter *p = &g->parameters[members[i]];
            pool l = {.graph = g,
                      .members = members + i,
                      .member_count = 1,
                      .pattern = pattern};
            const double share = amounts ? amounts[members[i]] : amount;
            if (isnan(share))
                continue;
            TRY(size_pool(&l, share, true, p->name, e));
            if (pass == 1)
                TRY(prune_pool(&l, criterion, seed, e));
        }
    return E_OK;
}

/* Every score is checked before any weight goes. */
static status prune_groups(graph *g, const int *members, int count,
                           const criterion_row *criterion, const prune_pattern *pattern,
                           uint64_t seed, error *e)
{
    float *score = score_room(g, members, count, e);
    status s = score ? E_OK : E_MEMORY;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count && !s; i++) {
            parameter *p = &g->parameters[members[i]];
            criterion->score(p, seed, members[i], score);
            s = pass == 0 ? check_scores(p, score, e)
                          : keep_largest(pattern, p, score, e);
        }
    memory_free(score);
    return s;
}

static status prune(graph *g, const criterion_row *criterion, prune_scope scope,
                    prune_targets targets, const prune_pattern *pattern, double amount,
                    uint64_t seed, prune_result *result, error *e)
{
    int *members = NULL, count = 0;
    if (!(amount >= 0.0 && amount <= 1.0))
        return fail(e, E_RANGE, "prune: an amount of %g, wanted 0 to 1", amount);
    status s = find_members(g, targets, &members, &count, e);
    if (!s && pattern->keep > 0) {
        s = prune_groups(g, members, count, criterion, pattern, seed, e);
    } else if (!s && scope == SCOPE_LAYER) {
        s = prune_layers(g, members, count, criterion, pattern, amount, NULL, seed, e);
    } else if (!s) {
        pool l = {
            .graph = g, .members = members, .member_count = count, .pattern = pattern};
        s = size_pool(&l, amount, false, "the model", e);
        if (!s)
            s = prune_pool(&l, criterion, seed, e);
    }
    if (!s) {
        fill_result(g, members, count, result);
        graph_forget_methods(g); /* what was fastest for other zeros */
    }
    memory_free(members);
    return s;
}

status prune_weights(graph *g, const criterion_row *criterion, prune_scope scope,
                     prune_targets targets, double amount, uint64_t seed,
                     prune_result *result, error *e)
{
    static const prune_pattern single = {1, 1, 0};
    return prune(g, criterion, scope, targets, &single, amount, seed, result, e);
}

status prune_by_pattern(graph *g, const criterion_row *criterion, prune_scope scope,
                        const prune_pattern *pattern, double amount, uint64_t seed,
                        prune_result *result, error *e)
{
    return prune(g, criterion, scope, TARGET_WEIGHTS, pattern, amount, seed, result, e);
}

status prune_parameters(graph *g, const criterion_row *criterion, prune_targets targets,
                        const double *amounts, uint64_t seed, prune_result *result,
                        error *e)
{
    static const prune_pattern single = {1, 1, 0};
    int *members = NULL, count = 0;
    for (int i = 0; i < g->parameter_count; i++)
        if (amounts[i] < 0 || amounts[i] > 1)
            return fail(e, E_RANGE, "prune: an amount of %g, wanted 0 to 1", amounts[i]);
    status s = find_members(g, targets, &members, &count, e);
    if (!s)
        s = prune_layers(g, members, count, criterion, &single, 0, amounts, seed, e);
    if (!s) {
        fill_result(g, members, count, result);
        graph_forget_methods(g);
    }
    memory_free(members);
    return s;
}
