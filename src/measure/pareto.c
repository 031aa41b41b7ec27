/* SPDX-License-Identifier: GPL-3.0-or-later
   pareto.c -- the front of points in the plane, and the directions of columns.  It reads
   no table. */
#include "measure/pareto.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/text.h"
#include "measure/metric.h"

typedef struct column_direction {
    const char *column;
    direction better;
} column_direction;

/* Columns that are no metrics. */
static const column_direction known[] = {
    {"arena_bytes", DIRECTION_LOWER},    {"bits", DIRECTION_LOWER},
    {"bytes", DIRECTION_LOWER},          {"energy_mj", DIRECTION_LOWER},
    {"epochs", DIRECTION_LOWER},         {"loss", DIRECTION_LOWER},
    {"median_ms", DIRECTION_LOWER},      {"multiply_adds", DIRECTION_LOWER},
    {"nonzero", DIRECTION_LOWER},        {"p10_ms", DIRECTION_LOWER},
    {"p90_ms", DIRECTION_LOWER},         {"parameters", DIRECTION_LOWER},
    {"peak_bytes", DIRECTION_LOWER},     {"ratio", DIRECTION_HIGHER},
    {"resident_bytes", DIRECTION_LOWER}, {"samples_per_second", DIRECTION_HIGHER},
    {"seconds", DIRECTION_LOWER},        {"sparsity", DIRECTION_HIGHER},
    {"amount", DIRECTION_HIGHER},        {"train_loss", DIRECTION_LOWER},
    {"val_loss", DIRECTION_LOWER},
};

direction pareto_direction(const char *column)
{
    const metric_row *metric = metric_find(column);
    if (metric)
        return metric->higher_is_better ? DIRECTION_HIGHER : DIRECTION_LOWER;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].column, column) == 0)
            return known[i].better;
    if (text_ends(column, "_bytes") || text_ends(column, "_ms") ||
        text_ends(column, "_seconds"))
        return DIRECTION_LOWER;
    return DIRECTION_UNKNOWN;
}

status pareto_choose(const char *column, const char *words, direction *better, error *e)
{
    *better = strcmp(words, "lower") == 0    ? DIRECTION_LOWER
              : strcmp(words, "higher") == 0 ? DIRECTION_HIGHER
                                             : pareto_direction(column);
    if (*better != DIRECTION_UNKNOWN)
        return E_OK;
    fail(e, E_USAGE, "whether lower or higher is better in '%s' is not known", column);
    return fail_hint(e, "say it for x and y: better=lower,higher");
}

/* Both coordinates turned so that lower is better. */
typedef struct point {
    double x, y;
    int64_t at;
} point;

static int compare(const void *a, const void *b)
{
    const point *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

status pareto_front(const double *x, const double *y, int64_t n, direction x_better,
                    direction y_better, bool *front, error *e)
{
    point *points = memory_new(n, sizeof *points, e);
    if (!points)
        return E_MEMORY;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        front[i] = false;
        if (isfinite(x[i]) && isfinite(y[i]))
            points[count++] = (point){x_better == DIRECTION_HIGHER ? -x[i] : x[i],
                                      y_better == DIRECTION_HIGHER ? -y[i] : y[i], i};
    }
    qsort(points, (size_t)count, sizeof *points, compare);
    double best = INFINITY; /* y of all points that are better in x */
    for (int64_t i = 0; i < count; i++) {
        bool again =
            i > 0 && points[i].x == points[i - 1].x && points[i].y == points[i - 1].y;
        front[points[i].at] = again ? front[points[i - 1].at] : points[i].y < best;
        best = fmin(best, points[i].y);
    }
    memory_free(points);
    return E_OK;
}
