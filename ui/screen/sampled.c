/* SPDX-License-Identifier: GPL-3.0-or-later
   sampled.c -- points of sensitivity, kept, found and joined by lines.  It measures
   nothing. */
#include "ui/screen/sampled.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"

void sampled_clear(sampled_list *l)
{
    for (int64_t i = 0; i < l->count; i++)
        memory_free(l->items[i].points);
    memory_free(l->items);
    *l = (sampled_list){0};
}

static sampled *find(const sampled_list *l, uint64_t weights, sensitivity_kind kind)
{
    for (int64_t i = 0; i < l->count; i++)
        if (l->items[i].weights == weights && l->items[i].kind == kind)
            return &l->items[i];
    return NULL;
}

const sampled *sampled_find(const sampled_list *l, uint64_t weights,
                            sensitivity_kind kind)
{
    return find(l, weights, kind);
}

const sampled *sampled_shown(const sampled_list *l, uint64_t weights, int64_t turn)
{
    const sampled *all[SENSITIVITY_KINDS];
    int64_t count = 0;
    for (int64_t i = 0; i < l->count && count < SENSITIVITY_KINDS; i++) {
        const sampled *s = &l->items[i];
        if (s->weights != weights || s->count == 0)
            continue;
        int64_t at = count++; /* the latest first */
        for (; at > 0 && all[at - 1]->latest < s->latest; at--)
            all[at] = all[at - 1];
        all[at] = s;
    }
    return count > 0 ? all[(turn % count + count) % count] : NULL;
}

sampled *sampled_of(sampled_list *l, uint64_t weights, sensitivity_kind kind)
{
    sampled *s = find(l, weights, kind);
    if (!s && memory_grow((void **)&l->items, &l->capacity, l->count + 1,
                          sizeof *l->items, NULL) == E_OK) {
        s = &l->items[l->count++];
        *s = (sampled){.weights = weights, .kind = kind, .own = NAN};
    }
    if (s)
        s->latest = ++l->clock;
    return s;
}

void sampled_expect(sampled *s, double level)
{
    const bool prunes = s->kind == SENSITIVITY_PRUNE;
    int at = 0;
    while (at < s->level_count &&
           (prunes ? s->levels[at] < level : s->levels[at] > level))
        at++;
    if (s->level_count == SAMPLED_LEVELS ||
        (at < s->level_count && s->levels[at] == level))
        return;
    memmove(s->levels + at + 1, s->levels + at,
            (size_t)(s->level_count - at) * sizeof *s->levels);
    s->levels[at] = level;
    s->level_count++;
}

static sampled_point *point_at(const sampled *s, int layer, double level)
{
    for (int64_t i = 0; i < s->count; i++)
        if (s->points[i].layer == layer && s->points[i].level == level)
            return &s->points[i];
    return NULL;
}

const sampled_point *sampled_at(const sampled *s, int layer, double level)
{
    return point_at(s, layer, level);
}

void sampled_put(sampled *s, const metric_row *metric, double own, sampled_point p)
{
    if (s->metric != metric)
        s->count = 0;
    s->metric = metric;
    s->own = own;
    sampled_expect(s, p.level);
    sampled_point *before = point_at(s, p.layer, p.level);
    if (before)
        *before = p;
    else if (memory_grow((void **)&s->points, &s->capacity, s->count + 1,
                         sizeof *s->points, NULL) == E_OK)
        s->points[s->count++] = p;
}

bool sampled_is_share(const sampled *s)
{
    return s->metric && s->metric->unit && strcmp(s->metric->unit, "1") == 0;
}

double sampled_part(const sampled *s, double change)
{
    return 100 * (sampled_is_share(s) ? change : change / fabs(s->own));
}

double sampled_worse(const sampled *s, double change)
{
    return s->metric && s->metric->higher_is_better ? -change : change;
}

bool sampled_change(const sampled *s, int layer, double now, double then, double *change)
{
    /* Levels are told by how far they go: shares of zeros upwards, bits downwards. */
    const double way = s->kind == SENSITIVITY_PRUNE ? 1 : -1;
    double near = way * now, far = INFINITY, at_near = 0, at_far = 0;
    const double goal = way * then;
    *change = 0;
    if (goal <= near)
        return true;
    for (int64_t i = 0; i < s->count; i++) {
        const sampled_point *p = &s->points[i];
        const double at = way * p->level;
        if (p->layer != layer)
            continue;
        if (at > near && at <= goal) {
            near = at;
            at_near = p->change;
        } else if (at >= goal && at < far) {
            far = at;
            at_far = p->change;
        }
    }
    if (near == goal) {
        *change = at_near;
        return true;
    }
    if (!isfinite(far))
        return false;
    *change = at_near + (at_far - at_near) * (goal - near) / (far - near);
    return true;
}
