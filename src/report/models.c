/* SPDX-License-Identifier: GPL-3.0-or-later
   models.c -- the models of a session as far as they were measured, side by side, from the
   answers of `eval`, `compare` and `bench`.  It writes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "measure/metric.h"
#include "measure/pareto.h"
#include "report/report_parts.h"

source candidate_source(const candidate *c, const char *key)
{
    if (strcmp(key, "median_ms") == 0)
        return report_source(c->time_run, c->time_row, key, OPERATION_NONE, NULL);
    return report_source(c->run, c->row, key, OPERATION_NONE, NULL);
}

void candidates_free(candidates *c)
{
    if (!c)
        return;
    table_free(c->rows);
    memory_free(c->items);
    memory_free(c);
}

static double number(const table *t, int64_t row, const char *column)
{
    double value;
    return table_number(t, row, column, &value) ? value : NAN;
}

static const char *words(const table *t, int64_t row, const char *column)
{
    const cell *c = table_get(t, row, table_column(t, column));
    return c->kind == CELL_TEXT ? c->words : NULL;
}

/* The first metric of the table of metrics that any answer has. */
static status choose_metric(builder *b, candidates *c, error *e)
{
    table *keys = table_new(e);
    status s = keys ? ledger_find_keys(b->request->ledger, &b->request->scope, keys, e)
                    : E_MEMORY;
    for (int i = 0; s == E_OK && !c->metric && metric_at(i); i++)
        for (int64_t k = 0; k < keys->row_count; k++)
            if (text_equal(words(keys, k, "key"), metric_at(i)->name)) {
                c->metric = metric_at(i)->name;
                c->higher = metric_at(i)->higher_is_better;
            }
    table_free(keys);
    return s;
}

static status find_rows(builder *b, candidates *c, const char *where, error *e)
{
    const char *const keys[] = {"model",   "split",   "class", "bytes",
                                "nonzero", c->metric, c->low,  c->high};
    table_free(c->rows);
    c->rows = table_new(e);
    return c->rows ? ledger_find(b->request->ledger, &b->request->scope, where, keys,
                                 sizeof keys / sizeof *keys, c->rows, e)
                   : E_MEMORY;
}

/* Rows of classes are parts of a model's. */
static bool is_whole(const candidates *c, int64_t row)
{
    return words(c->rows, row, "model") && !words(c->rows, row, "class") &&
           isfinite(number(c->rows, row, c->metric));
}

static const char *last_split(const candidates *c)
{
    for (int64_t i = c->rows->row_count - 1; i >= 0; i--)
        if (is_whole(c, i))
            return words(c->rows, i, "split");
    return NULL;
}

/* The model of this name, of as many bytes and elements; NULL where it is new. */
static candidate *find_same(const candidates *c, const candidate *k)
{
    for (int64_t i = 0; i < c->count; i++) {
        candidate *other = &c->items[i];
        bool same = (other->bytes == k->bytes || isnan(k->bytes)) &&
                    (other->nonzero == k->nonzero || isnan(k->nonzero));
        if (same && strcmp(other->model, k->model) == 0)
            return other;
    }
    return NULL;
}

static status add_row(candidates *c, int64_t row, error *e)
{
    const candidate k = {.model = words(c->rows, row, "model"),
                         .run = (int64_t)number(c->rows, row, "run"),
                         .row = (int64_t)number(c->rows, row, "row"),
                         .score = number(c->rows, row, c->metric),
                         .low = number(c->rows, row, c->low),
                         .high = number(c->rows, row, c->high),
                         .bytes = number(c->rows, row, "bytes"),
                         .nonzero = number(c->rows, row, "nonzero"),
                         .time = NAN};
    candidate *same = find_same(c, &k);
    if (same) {
        *same = k;
        return E_OK;
    }
    TRY(memory_grow((void **)&c->items, &c->capacity, c->count + 1, sizeof *c->items, e));
    c->items[c->count++] = k;
    return E_OK;
}

/* The latest time of each model; an older state of the same name has none. */
static status add_times(builder *b, candidates *c, error *e)
{
    static const char *const keys[] = {"model", "median_ms"};
    table *times = table_new(e);
    status s = times ? ledger_find(b->request->ledger, &b->request->scope,
                                   "(command = bench or command = compare)"
                                   " and median_ms > 0",
                                   keys, 2, times, e)
                     : E_MEMORY;
    for (int64_t i = 0; s == E_OK && i < times->row_count; i++)
        for (int64_t k = c->count - 1; k >= 0; k--) {
            if (!text_equal(words(times, i, "model"), c->items[k].model))
                continue;
            c->items[k].time = number(times, i, "median_ms");
            c->items[k].time_run = (int64_t)number(times, i, "run");
            c->items[k].time_row = (int64_t)number(times, i, "row");
            break;
        }
    table_free(times);
    return s;
}

static status find_front(candidates *c, error *e)
{
    double *x = memory_new(2 * c->count, sizeof *x, e);
    bool *front = memory_new(c->count, sizeof *front, e);
    status s = x && front ? E_OK : E_MEMORY;
    for (int64_t i = 0; s == E_OK && i < c->count; i++) {
        x[i] = c->items[i].bytes;
        x[c->count + i] = c->items[i].score;
    }
    if (s == E_OK)
        s = pareto_front(x, x + c->count, c->count, DIRECTION_LOWER,
                         c->higher ? DIRECTION_HIGHER : DIRECTION_LOWER, front, e);
    for (int64_t i = 0; s == E_OK && i < c->count; i++)
        c->items[i].front = front[i];
    memory_free(x);
    memory_free(front);
    return s;
}

static status choose_baseline(builder *b, candidates *c, error *e)
{
    const char *wanted = b->request->baseline;
    c->baseline = -1;
    for (int64_t i = 0; i < c->count && c->baseline < 0; i++)
        if (!wanted || strcmp(c->items[i].model, wanted) == 0)
            c->baseline = i;
    if (wanted && c->baseline < 0)
        return fail(e, E_NAME, "baseline: no run measured '%.100s'", wanted);
    return E_OK;
}

static status gather(builder *b, candidates *c, error *e)
{
    c->baseline = -1;
    TRY(choose_metric(b, c, e));
    if (!c->metric)
        return E_OK;
    snprintf(c->low, sizeof c->low, "%s_low", c->metric);
    snprintf(c->high, sizeof c->high, "%s_high", c->metric);
    TRY(find_rows(b, c, "command = eval or command = compare", e));
    c->split = last_split(c);
    if (!c->split) {
        TRY(find_rows(b, c, NULL, e));
        c->split = last_split(c);
    }
    for (int64_t i = 0; c->split && i < c->rows->row_count; i++)
        if (is_whole(c, i) && text_equal(words(c->rows, i, "split"), c->split))
            TRY(add_row(c, i, e));
    TRY(add_times(b, c, e));
    TRY(find_front(c, e));
    return choose_baseline(b, c, e);
}

status report_models(builder *b, candidates **out, error *e)
{
    *out = b->models;
    if (*out)
        return E_OK;
    candidates *c = memory_new(1, sizeof *c, e);
    if (!c)
        return E_MEMORY;
    status s = gather(b, c, e);
    if (s == E_OK)
        *out = b->models = c;
    else
        candidates_free(c);
    return s;
}
