/* SPDX-License-Identifier: GPL-3.0-or-later
   channel.c -- which channels go: units ranked by their importance, within each group or
   all together, and the plan carried out.  It trains nothing. */
#include "compress/channel_parts.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "graph/operator.h"
#include "measure/answers.h"
#include "zoo/architecture.h"

/* Beyond this share of the largest output a cut counts as wrong and is refused. */
#define CUT_TOLERANCE 1e-4

/* ---- importance ---- */

/* Joins the scores of one layer to those of its units. */
static void join_scores(const channel_plan *p, int value_at, channel_joining how,
                        const double *score, int64_t *joined)
{
    const channel_units *u = &p->units;
    for (int64_t i = u->first[value_at]; i < u->first[value_at + 1]; i++) {
        const int64_t unit = u->unit[i];
        if (unit < 0)
            continue;
        double *sum = &p->score[unit], x = score[i - u->first[value_at]];
        *sum = how == JOIN_MAX ? (joined[unit] > 0 ? fmax(*sum, x) : x) : *sum + x;
        joined[unit]++;
    }
}

static status score_layers(const graph *g, const channel_settings *s,
                           const channel_evidence *v, channel_plan *p, int64_t *joined,
                           double *score, error *e)
{
    const channel_units *u = &p->units;
    for (int i = 0; i < g->node_count; i++) {
        int out = g->nodes[i].output;
        if (!channel_weight(g, i) || !s->criterion->score(v, i, score))
            continue;
        for (int64_t c = 0; c < u->first[out + 1] - u->first[out]; c++)
            if (!isfinite(score[c]))
                return fail(e, E_NUMERIC, "prune: %s has a channel of no finite %s",
                            g->nodes[i].name, s->criterion->name);
        join_scores(p, out, s->joining, score, joined);
    }
    return E_OK;
}

static int64_t widest(const channel_units *u)
{
    int64_t most = 0;
    for (int v = 0; v < u->value_count; v++)
        most =
            u->first[v + 1] - u->first[v] > most ? u->first[v + 1] - u->first[v] : most;
    return most;
}

/* Means of units, and groups that the criterion is silent about. */
static void finish_scores(channel_plan *p, const channel_settings *s,
                          const int64_t *joined, double *mean)
{
    for (int64_t k = 0; k < p->units.count; k++) {
        if (p->group_of[k] < 0)
            continue;
        channel_group *group = &p->groups[p->group_of[k]];
        if (joined[k] == 0)
            group->unscored = true;
        else if (s->joining == JOIN_MEAN)
            p->score[k] /= (double)joined[k];
        mean[p->group_of[k]] += p->score[k] / (double)group->units;
    }
    for (int64_t k = 0; k < p->units.count && !s->criterion->comparable; k++)
        if (p->group_of[k] >= 0 && mean[p->group_of[k]] > 0)
            p->score[k] /= mean[p->group_of[k]];
}

static status score_units(const model *m, const channel_settings *s, const task *watch,
                          channel_plan *p, error *e)
{
    channel_evidence v;
    status done = channel_evidence_gather(m, s, watch, &v, e);
    const int64_t count = p->units.count;
    int64_t *joined = memory_new(count, sizeof *joined, e);
    double *score = memory_new(widest(&p->units) + p->group_count, sizeof *score, e);
    p->score = memory_new(count, sizeof *p->score, e);
    if (done == E_OK && (!joined || !score || !p->score))
        done = E_MEMORY;
    if (done == E_OK)
        done = score_layers(m->graph, s, &v, p, joined, score, e);
    if (done == E_OK)
        finish_scores(p, s, joined,
                      memset(score, 0, (size_t)p->group_count * sizeof *score));
    channel_evidence_clear(&v);
    memory_free(joined);
    memory_free(score);
    return done;
}

/* ---- what is left alone ---- */

/* "first", "last3": the number behind WORD, 1 where there is none; 0: another word. */
static int64_t count_behind(const char *text, const char *word)
{
    size_t length = strlen(word);
    int64_t n = 1;
    if (strncmp(text, word, length) != 0)
        return 0;
    return text[length] == '\0' || text_to_integer(text + length, &n) ? n : 0;
}

static bool group_matches(const graph *g, const channel_plan *p, int group,
                          const char *pattern)
{
    for (int64_t k = 0; k < p->units.count; k++) {
        if (p->group_of[k] != group)
            continue;
        for (int64_t i = p->member[k]; i < p->member[k + 1]; i++) {
            int producer = g->values[p->value_of[p->place[i]]].producer;
            if (producer >= 0 && channel_weight(g, producer) &&
                fnmatch(pattern, g->nodes[producer].name, 0) == 0)
                return true;
        }
        return false; /* units of a group have the same layers */
    }
    return false;
}

/* How many numbers a sample is brought to is what an autoencoder is for. */
static void skip_latent(const model *m, channel_plan *p)
{
    int latent = architecture_latent(m);
    for (int64_t i = latent < 0 ? 0 : p->units.first[latent];
         latent >= 0 && i < p->units.first[latent + 1]; i++) {
        int64_t unit = p->units.unit[i];
        if (unit < 0 || p->group_of[unit] < 0)
            continue;
        channel_group *group = &p->groups[p->group_of[unit]];
        group->latent = group->skipped = true;
    }
}

static status skip_groups(const graph *g, const channel_settings *s, channel_plan *p,
                          error *e)
{
    for (int64_t i = 0; i < s->skip_count; i++) {
        const char *word = s->skip[i];
        int64_t first = count_behind(word, "first"), last = count_behind(word, "last");
        bool found = first > 0 || last > 0;
        for (int k = 0; k < p->group_count; k++) {
            bool hit = k < first || k >= p->group_count - last ||
                       (first == 0 && last == 0 && group_matches(g, p, k, word));
            p->groups[k].skipped |= hit;
            found |= hit;
        }
        if (found)
            continue;
        fail(e, E_NAME, "prune: no layer that may lose channels is called '%.80s'", word);
        return fail_hint(e, "skip=first,last leaves those at the ends; a pattern like "
                            "'features.3.*' those of that name");
    }
    return E_OK;
}

/* ---- how many go ---- */

typedef struct ranked {
    double score;
    int64_t unit;
} ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

static bool may_go(const channel_plan *p, int64_t unit)
{
    if (p->group_of[unit] < 0)
        return false;
    const channel_group *g = &p->groups[p->group_of[unit]];
    return !g->skipped && !g->unscored;
}

/* Bounds of what goes of a group: its own, and that one unit stays. */
static int64_t most_of(const channel_group *g, const channel_settings *s)
{
    int64_t most = (int64_t)floor(s->most * (double)g->units + 1e-9);
    return most < g->units ? most : g->units - 1;
}

static int64_t least_of(const channel_group *g, const channel_settings *s)
{
    int64_t least = (int64_t)ceil(s->least * (double)g->units - 1e-9);
    return least < most_of(g, s) ? least : most_of(g, s);
}

static void share_by_layer(channel_plan *p, const channel_settings *s)
{
    for (int i = 0; i < p->group_count; i++) {
        channel_group *g = &p->groups[i];
        int64_t going = llround((double)g->units * s->amount);
        if (g->skipped || g->unscored)
            continue;
        going = going < most_of(g, s) ? going : most_of(g, s);
        g->going = going > least_of(g, s) ? going : least_of(g, s);
    }
}

/* The least important of all go, within the bounds of their groups. */
static void share_globally(channel_plan *p, const channel_settings *s,
                           const ranked *order, int64_t count, int64_t *rank)
{
    int64_t left = llround((double)count * s->amount);
    for (int i = 0; i < p->group_count; i++) {
        channel_group *g = &p->groups[i];
        g->going = g->skipped || g->unscored ? 0 : least_of(g, s);
        left -= g->going;
    }
    for (int64_t i = 0; i < count && left > 0; i++) {
        channel_group *g = &p->groups[p->group_of[order[i].unit]];
        int64_t *seen = &rank[g - p->groups];
        if (++*seen <= g->going || g->going >= most_of(g, s))
            continue;
        g->going++;
        left--;
    }
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

/* What stays becomes the nearest number (half-way: the larger) that makes all widths
   multiples of ROUND. */
static void round_group(channel_group *g, int64_t round)
{
    int64_t step = round / common_divisor(round, g->narrowest);
    int64_t stays = g->units - g->going, rounded = (stays + step / 2) / step * step;
    if (g->going == 0 || step <= 1)
        return;
    rounded = rounded > step ? rounded : step;
    while (rounded > g->units && rounded > step)
        rounded -= step;
    g->going = rounded > g->units ? 0 : g->units - rounded;
}

/* ---- which go ---- */

/* Takes UNIT out of LEFT [values], unless a value would lose its last channel. */
static bool take_unit(const channel_plan *p, int64_t unit, int64_t *left)
{
    bool fits = true;
    for (int64_t i = p->member[unit]; i < p->member[unit + 1]; i++)
        fits &= --left[p->value_of[p->place[i]]] > 0;
    for (int64_t i = p->member[unit]; !fits && i < p->member[unit + 1]; i++)
        left[p->value_of[p->place[i]]]++;
    return fits;
}

static void take_units(channel_plan *p, const ranked *order, int64_t count, int64_t *left,
                       int64_t *taken)
{
    for (int v = 0; v < p->units.value_count; v++)
        left[v] = p->units.first[v + 1] - p->units.first[v];
    for (int64_t i = 0; i < count; i++) {
        int group = p->group_of[order[i].unit];
        if (taken[group] >= p->groups[group].going || !take_unit(p, order[i].unit, left))
            continue;
        p->goes[order[i].unit] = 1;
        taken[group]++;
    }
    for (int i = 0; i < p->group_count; i++)
        p->groups[i].going = taken[i];
}

static status choose(channel_plan *p, const channel_settings *s, error *e)
{
    int64_t count = 0;
    int64_t *room =
        memory_new((int64_t)p->units.value_count + 2 * p->group_count, sizeof *room, e);
    ranked *order = room ? memory_new(p->units.count, sizeof *order, e) : NULL;
    p->goes = order ? memory_new(p->units.count, 1, e) : NULL;
    if (!p->goes) {
        memory_free(room);
        memory_free(order);
        return E_MEMORY;
    }
    for (int64_t k = 0; k < p->units.count; k++)
        if (may_go(p, k))
            order[count++] = (ranked){p->score[k], k};
    qsort(order, (size_t)count, sizeof *order, by_score);
    if (s->scope == SCOPE_LAYER)
        share_by_layer(p, s);
    else
        share_globally(p, s, order, count, room);
    for (int i = 0; i < p->group_count; i++)
        round_group(&p->groups[i], s->round);
    take_units(p, order, count, room + p->group_count,
               room + p->group_count + p->units.value_count);
    memory_free(order);
    memory_free(room);
    return E_OK;
}

static status check_settings(const graph *g, const channel_settings *s, error *e)
{
    if (!(s->amount >= 0 && s->amount <= 1))
        return fail(e, E_RANGE, "prune: an amount of %g, wanted 0 to 1", s->amount);
    if (!(s->least >= 0 && s->least <= s->most && s->most <= 1))
        return fail(e, E_RANGE, "prune: least=%g and most=%g, wanted 0 to 1 in order",
                    s->least, s->most);
    for (int i = 0; i < g->parameter_count; i++)
        if (g->parameters[i].quantizer) {
            fail(e, E_USAGE, "prune: %s is quantized, wanted f32 weights",
                 g->parameters[i].name);
            return fail_hint(e, "prune first, then quantize");
        }
    return E_OK;
}

static status check_choice(const channel_plan *p, const channel_settings *s, error *e)
{
    bool unscored = false;
    for (int i = 0; i < p->group_count; i++) {
        if (!p->groups[i].skipped && !p->groups[i].unscored)
            return E_OK;
        unscored |= p->groups[i].unscored;
    }
    fail(e, E_USAGE, "prune: the model has no channels that may go");
    if (unscored)
        return fail_hint(e, "criterion=%s has nothing to say of its layers",
                         s->criterion->name);
    return p->group_count > 0 ? fail_hint(e, "skip leaves nothing else") : E_USAGE;
}

status channel_plan_make(const model *m, const channel_settings *s, const task *watch,
                         channel_plan *p, error *e)
{
    *p = (channel_plan){0};
    TRY(check_settings(m->graph, s, e));
    status done = channel_groups_find(m->graph, p, e);
    if (done == E_OK)
        done = score_units(m, s, watch, p, e);
    if (done == E_OK)
        done = skip_groups(m->graph, s, p, e);
    if (done == E_OK)
        skip_latent(m, p);
    if (done == E_OK)
        done = check_choice(p, s, e);
    if (done == E_OK)
        done = choose(p, s, e);
    if (done != E_OK)
        channel_plan_clear(p);
    return done;
}

void channel_plan_clear(channel_plan *p)
{
    channel_units_clear(&p->units);
    memory_free(p->member);
    memory_free(p->place);
    memory_free(p->value_of);
    memory_free(p->group_of);
    memory_free(p->score);
    memory_free(p->goes);
    memory_free(p->groups);
    *p = (channel_plan){0};
}

/* ---- carrying it out ---- */

static status compare(const graph *cut, const graph *unread, uint64_t seed,
                      double *difference, error *e)
{
    double apart, largest;
    TRY(answers_differ(unread, cut, seed, &apart, &largest, e));
    *difference = apart / fmax(largest, 1e-30);
    if (*difference <= CUT_TOLERANCE)
        return E_OK;
    return fail(e, E_NUMERIC,
                "prune: without its channels the model differs by %.3g from itself with "
                "them unread, wanted at most %g: nothing was cut",
                *difference, CUT_TOLERANCE);
}

status channel_plan_apply(model *m, const channel_plan *p, uint64_t seed,
                          double *difference, error *e)
{
    graph *cut = graph_without_channels(m->graph, &p->units, p->goes, e);
    graph *unread =
        cut ? graph_with_channels_unread(m->graph, &p->units, p->goes, e) : NULL;
    status s = unread ? compare(cut, unread, seed, difference, e) : e->code;
    graph_free(unread);
    if (s != E_OK) {
        graph_free(cut);
        return s;
    }
    graph_free(m->graph);
    m->graph = cut;
    return E_OK;
}
