/* SPDX-License-Identifier: GPL-3.0-or-later
   split.c -- which samples train, choose and test.  It moves no data. */
#include "data/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"

enum { SPLITS = 3 };
static const split_kind kinds[SPLITS] = {SPLIT_TRAIN, SPLIT_VAL, SPLIT_TEST};

static const struct {
    const char *name;
    split_kind kind;
} names[] = {
    {"train", SPLIT_TRAIN}, {"val", SPLIT_VAL}, {"test", SPLIT_TEST}, {"all", SPLIT_ALL}};

const char *split_name(split_kind split)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].kind == split)
            return names[i].name;
    return "none";
}

split_kind split_find(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_equal(names[i].name, name))
            return names[i].kind;
    return SPLIT_NONE;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The distinct group numbers, ascending; or, without groups, the sample numbers. */
static int64_t *list_units(const dataset *d, bool by_group, int64_t *count, error *e)
{
    int64_t *units = memory_new(d->count, sizeof *units, e);
    if (!units)
        return NULL;
    for (int64_t i = 0; i < d->count; i++)
        units[i] = by_group ? d->group[i] : i;
    qsort(units, (size_t)d->count, sizeof *units, compare);
    *count = 0;
    for (int64_t i = 0; i < d->count; i++)
        if (i == 0 || units[i] != units[i - 1])
            units[(*count)++] = units[i];
    return units;
}

/* How many of N units each split gets.  Where the fractions make up the whole, training
   gets what rounding leaves. */
static status share(const double fraction[SPLITS], int64_t n, bool groups,
                    int64_t part[SPLITS], error *e)
{
    double whole = 0;
    int64_t asked = 0;
    for (int s = 0; s < SPLITS; s++) {
        if (!(fraction[s] >= 0 && fraction[s] <= 1))
            return fail(e, E_RANGE, "split: %s=%g, a fraction from 0 to 1 was wanted",
                        split_name(kinds[s]), fraction[s]);
        whole += fraction[s];
        asked += fraction[s] > 0;
    }
    if (asked == 0 || whole > 1 + 1e-9)
        return fail(e, E_RANGE,
                    "split: the fractions add up to %g, more than 0 and at most "
                    "1 was wanted",
                    whole);
    if (n < asked)
        return fail(e, E_RANGE, "split: %lld %s cannot fill %lld splits", (long long)n,
                    groups ? "groups" : "samples", (long long)asked);
    for (int s = 0; s < SPLITS; s++) {
        part[s] = llround(fraction[s] * (double)n);
        if (part[s] == 0 && fraction[s] > 0)
            part[s] = 1;
    }
    if (fraction[0] > 0 && whole > 1 - 1e-9)
        part[0] = n - part[1] - part[2];
    /* Where rounding gave away too many, the largest gives back. */
    while (part[0] + part[1] + part[2] > n) {
        const int larger = part[2] > part[1] ? 2 : 1;
        part[part[0] > part[larger] ? 0 : larger]--;
    }
    while (fraction[0] > 0 && part[0] < 1) {
        part[part[2] > part[1] ? 2 : 1]--;
        part[0]++;
    }
    return E_OK;
}

static split_kind kind_of(int64_t place, const int64_t part[SPLITS])
{
    for (int s = 0; s < SPLITS; s++) {
        if (place < part[s])
            return kinds[s];
        place -= part[s];
    }
    return SPLIT_NONE;
}

status dataset_split(dataset *d, double train, double val, double test, bool by_group,
                     uint64_t seed, error *e)
{
    const double fraction[SPLITS] = {train, val, test};
    const bool groups = by_group && d->group;
    int64_t n = 0, part[SPLITS];
    int64_t *units = list_units(d, groups, &n, e);
    int64_t *place = units ? memory_new(n, sizeof *place, e) : NULL;
    uint8_t *of_unit = place ? memory_new(n, sizeof *of_unit, e) : NULL;
    status result = of_unit ? share(fraction, n, groups, part, e) : E_MEMORY;
    if (result == E_OK) {
        random_stream random = random_new(seed, "split", 0);
        for (int64_t i = 0; i < n; i++)
            place[i] = i;
        random_shuffle(&random, place, n);
        for (int64_t i = 0; i < n; i++)
            of_unit[place[i]] = (uint8_t)kind_of(i, part);
        for (int64_t i = 0; i < d->count; i++) {
            const int64_t unit = groups ? d->group[i] : i;
            const int64_t *found =
                bsearch(&unit, units, (size_t)n, sizeof *units, compare);
            d->split[i] = of_unit[found - units];
        }
    }
    memory_free(units);
    memory_free(place);
    memory_free(of_unit);
    return result;
}

status dataset_split_standard(dataset *d, uint64_t seed, error *e)
{
    error why = {0};
    status result = dataset_split(d, 0.6, 0.2, 0.2, true, seed, &why);
    if (result == E_RANGE)
        result = dataset_split(d, 1, 0, 0, true, seed, &why);
    if (result != E_OK && e)
        *e = why;
    return result;
}

status dataset_split_rest(dataset *d, double val, uint64_t seed, error *e)
{
    int64_t rest = 0;
    int64_t *place = memory_new(d->count, sizeof *place, e);
    if (!place)
        return E_MEMORY;
    for (int64_t i = 0; i < d->count; i++)
        if (d->split[i] != SPLIT_TEST)
            place[rest++] = i;
    int64_t chosen = llround(val * (double)rest);
    chosen = val > 0 && chosen == 0 && rest > 1 ? 1 : chosen;
    random_stream random = random_new(seed, "split", 0);
    random_shuffle(&random, place, rest);
    for (int64_t i = 0; i < rest; i++)
        d->split[place[i]] = i < chosen ? SPLIT_VAL : SPLIT_TRAIN;
    memory_free(place);
    return E_OK;
}

int64_t dataset_split_count(const dataset *d, split_kind split)
{
    int64_t count = 0;
    for (int64_t i = 0; i < d->count; i++)
        count += split == SPLIT_ALL || d->split[i] == split;
    return count;
}

status dataset_split_index(const dataset *d, split_kind split, int64_t **index,
                           int64_t *count, error *e)
{
    *count = dataset_split_count(d, split);
    *index = memory_new(*count, sizeof **index, e);
    if (!*index)
        return E_MEMORY;
    int64_t *next = *index;
    for (int64_t i = 0; i < d->count; i++)
        if (split == SPLIT_ALL || d->split[i] == split)
            *next++ = i;
    return E_OK;
}
