/* SPDX-License-Identifier: GPL-3.0-or-later
   inquiry.c -- answers what pictures ask, by the same code that commands run.  It draws
   nothing and changes no name. */
#include "ui/screen/inquiry.h"

#include <stdio.h>
#include <string.h>
#include "measure/metric.h"

bool inquiry_equal(const inquiry *a, const inquiry *b)
{
    return a->kind == b->kind && a->model_serial == b->model_serial &&
           a->data_serial == b->data_serial && a->turn == b->turn && a->done == b->done &&
           strcmp(a->model, b->model) == 0 && strcmp(a->data, b->data) == 0;
}

specimen *inquiry_specimen(interpreter *i, const inquiry *w)
{
    return specimen_make(interpreter_session(i), w->model, w->data, w->turn);
}

/* The column that is compared with bytes. */
static void find_y(const table *t, char y[CARD_WORDS])
{
    for (int64_t k = 0; k < t->column_count; k++)
        if (metric_find(t->columns[k]) || text_equal(t->columns[k], "median_ms"))
            snprintf(y, CARD_WORDS, "%s", t->columns[k]);
}

void inquiry_front(interpreter *i, const inquiry *w, front_answer *out)
{
    char line[200];
    text notes = {0};
    *out = (front_answer){.of = *w, .rows = table_new(NULL)};
    out->recorded = strcmp(interpreter_database(i), "none") != 0;
    snprintf(line, sizeof line, "pareto x=bytes%s all=yes where=\"session = %s\"",
             w->turn % 2 ? " y=median_ms" : "", interpreter_session_word(i));
    error nothing = {0}; /* there is no such run yet */
    if (out->rows &&
        interpreter_capture(i, line, NULL, out->rows, &notes, &nothing) == E_OK) {
        find_y(out->rows, out->y);
    } else {
        table_free(out->rows);
        out->rows = NULL;
    }
    text_clear(&notes);
}
