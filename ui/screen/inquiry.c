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

/* The word of COLUMN in row I, "" where it has none. */
static const char *word_of(const table *t, int64_t i, const char *column)
{
    const int64_t k = table_column(t, column);
    const char *words = k >= 0 ? table_get(t, i, k)->words : NULL;
    return words ? words : "";
}

/* Data and split of the latest run: numbers of others cannot stand beside them. */
static void find_samples(const table *t, front_answer *out)
{
    double latest = -1, run;
    for (int64_t i = 0; i < t->row_count; i++) {
        if (!table_number(t, i, "run", &run) || run < latest || !*word_of(t, i, "data"))
            continue;
        latest = run;
        snprintf(out->data, sizeof out->data, "%s", word_of(t, i, "data"));
        snprintf(out->split, sizeof out->split, "%s", word_of(t, i, "split"));
    }
}

/* `pareto` of this session's runs, of the samples of OUT where it names some; NULL where
   there are none. */
static table *ask_pareto(interpreter *i, const inquiry *w, const front_answer *out)
{
    text line = {0}, notes = {0};
    table *rows = table_new(NULL);
    error nothing = {0}; /* there is no such run yet */
    text_addf(&line, "pareto x=bytes%s all=yes where=\"session = %s",
              w->turn % 2 ? " y=median_ms" : "", interpreter_session_word(i));
    if (*out->data)
        text_addf(&line, " and data = '%s' and split = '%s'", out->data, out->split);
    text_add(&line, "\"");
    const status done =
        rows ? interpreter_capture(i, text_get(&line), NULL, rows, &notes, &nothing)
             : E_MEMORY;
    text_clear(&line);
    text_clear(&notes);
    if (done == E_OK)
        return rows;
    table_free(rows);
    return NULL;
}

void inquiry_front(interpreter *i, const inquiry *w, front_answer *out)
{
    *out = (front_answer){.of = *w};
    out->recorded = strcmp(interpreter_database(i), "none") != 0;
    table *all = ask_pareto(i, w, out);
    if (!all)
        return;
    find_samples(all, out);
    out->rows = *out->data ? ask_pareto(i, w, out) : all;
    if (out->rows != all)
        table_free(all);
    if (out->rows)
        find_y(out->rows, out->y);
}
