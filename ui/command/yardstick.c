/* SPDX-License-Identifier: GPL-3.0-or-later
   yardstick.c -- a model measured beside the one it came from.  It estimates nothing and
   changes no name. */
#include "ui/command/yardstick.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "measure/latency.h"

enum { TRIES = 3 };
/* A slow run of this many fast ones: something else was at work. */
static const double disturbed = 2;

status yardstick_time(const yardstick *y, const model *m, double seconds, quantities *q,
                      error *e)
{
    const model *both[2] = {y->base, m};
    const int count = m == y->base ? 1 : 2;
    const latency_settings s = {.batch = y->batch, .seconds = seconds, .seed = y->seed};
    double least = INFINITY;
    for (int i = 0; i < TRIES && least > disturbed; i++) {
        latency times[2] = {{0}};
        status code = latency_measure(both, count, &s, y->task, times, e);
        double spread = 0;
        for (int k = 0; k < count; k++)
            spread = fmax(spread, times[k].p90_ms / times[k].p10_ms);
        if (code == E_OK && (i == 0 || spread < least)) {
            least = spread;
            q->base_time = times[0].median_ms;
            q->time = times[count - 1].median_ms;
        }
        latency_clear(&times[0]);
        latency_clear(&times[1]);
        TRY(code);
    }
    return E_OK;
}

status yardstick_measure(const yardstick *y, const model *m, quantities *out, error *e)
{
    artefact a;
    *out = (quantities){0};
    TRY(artefact_make(m, &a, e));
    status s = evaluate(a.model, y->on.data, y->on.split, 0, NULL, y->task, &out->metrics,
                        NULL, e);
    out->size = (double)a.bytes;
    artefact_clear(&a);
    TRY(s);
    const int64_t products = graph_multiply_adds(m->graph, m->graph->input_shape, e);
    if (products < 0)
        return e->code;
    out->multiply_adds = (double)products;
    out->parameters = (double)graph_parameter_count(m->graph);
    return yardstick_time(y, m, y->seconds, out, e);
}

status yardstick_begin(yardstick *y, error *e)
{
    return yardstick_measure(y, y->base, &y->zero, e);
}

static void put_metric(const yardstick *y, const quantities *q, const metric_row *row,
                       table *t)
{
    char name[80];
    const double is = evaluation_get(&q->metrics, row->name),
                 was = evaluation_get(&y->zero.metrics, row->name);
    if (table_column(t, row->name) >= 0 &&
        table_get(t, t->row_count - 1, table_column(t, row->name))->kind != CELL_NONE)
        return;
    rows_put_real(t, row->name, is);
    if (row->unit && strcmp(row->unit, "1") == 0) {
        snprintf(name, sizeof name, "%s_points", row->name);
        rows_put_real(t, name, 100 * (is - was));
    } else {
        snprintf(name, sizeof name, "%s_change", row->name);
        rows_put_real(t, name, is / was - 1);
    }
}

void yardstick_put(const yardstick *y, const quantities *q, const requirement *required,
                   int count, table *t)
{
    table_integer(t, "parameters", (int64_t)q->parameters);
    table_integer(t, "bytes", (int64_t)q->size);
    rows_put_real(t, "size_change", q->size / y->zero.size - 1);
    rows_put_real(t, "median_ms", q->time);
    rows_put_real(t, "time_change", q->time / q->base_time - 1);
    if (q->metrics.count > 0)
        put_metric(y, q, q->metrics.row[0], t);
    for (int i = 0; i < count; i++)
        if (required[i].metric)
            put_metric(y, q, required[i].metric, t);
}

int yardstick_missed(const yardstick *y, const quantities *q, const requirement *required,
                     int count, text *words)
{
    int missed = 0;
    for (int i = 0; i < count; i++)
        missed += !requirement_tell(&required[i], &y->zero, q, words);
    return missed;
}
