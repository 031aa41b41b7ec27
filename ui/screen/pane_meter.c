/* SPDX-License-Identifier: GPL-3.0-or-later
   pane_meter.c -- below the layers: what the model is as a whole, what it is predicted to
   be with the changes that are set, and after these were applied what came out beside
   what was predicted.  It measures and changes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "ui/screen/parts.h"

enum { METER_ROWS = 4, LAYERS_LEAST = 5, WORDS = 40, WHAT = 14, NUMBER = 12 };

/* One quantity: before and after; empty where it is not known, and then HOW to know it. */
typedef struct meter_row {
    const char *what, *how;
    char left[WORDS], right[WORDS];
} meter_row;

static void bytes_words(char out[WORDS], int64_t bytes)
{
    char words[32];
    snprintf(out, WORDS, "%s", bytes >= 0 ? text_bytes(words, (double)bytes) : "");
}

static void number_words(char out[WORDS], double number)
{
    out[0] = '\0';
    if (isfinite(number))
        snprintf(out, WORDS, "%.4g", number);
}

static void fill_rows(meter_row rows[3], const forecast *f)
{
    rows[0] = (meter_row){.what = "bytes", .how = ""};
    rows[1] = (meter_row){.what = "ms", .how = "p times it"};
    rows[2] = (meter_row){.what = f->metric ? f->metric->name : "error",
                          .how = "not sampled: s does"};
}

/* Now, and with what is set. */
static void fill_predicted(meter_row rows[3], const forecast *f)
{
    fill_rows(rows, f);
    bytes_words(rows[0].left, f->bytes_now);
    bytes_words(rows[0].right, f->bytes);
    number_words(rows[1].left, f->ms_now);
    number_words(rows[1].right, f->ms);
    number_words(rows[2].left, f->value_now);
    number_words(rows[2].right, f->value);
}

/* As it was predicted, and as it is. */
static void fill_measured(meter_row rows[3], const forecast *f, const name_card *n,
                          const evidence *v)
{
    const int64_t of = n->model->serial;
    fill_rows(rows, f);
    bytes_words(rows[0].left, f->bytes);
    bytes_words(rows[0].right, n->model->bytes);
    number_words(rows[1].left, f->ms);
    number_words(rows[1].right, evidence_total_ms(v, of));
    number_words(rows[2].left, f->value);
    rows[2].how = "e measures it";
    if (f->metric)
        number_words(rows[2].right, evidence_metric(v, of, f->metric));
}

/* In one row: "2 changed: 34.8 KiB>33.9 KiB, ms: p times it". */
static void write_short(const meter_row rows[3], const char *head, rectangle r)
{
    text words = {0};
    text_add(&words, head);
    for (int i = 0; i < 3; i++) {
        text_add(&words, i > 0 ? ", " : "");
        if (i > 0)
            text_addf(&words, "%s ", rows[i].what);
        if (*rows[i].right)
            text_addf(&words, "%s>%s", rows[i].left, rows[i].right);
        else
            text_addf(&words, "? %.1s", rows[i].how[0] == 'n' ? "s" : rows[i].how);
    }
    canvas_write(r.row + r.rows - 1, r.column, r.columns, STYLE_KEY, text_get(&words));
    text_clear(&words);
}

static void write_rows(const meter_row rows[3], const char *const heads[3],
                       const char *keys, rectangle r)
{
    const int top = r.row + r.rows - METER_ROWS;
    canvas_write(top, r.column, r.columns, STYLE_KEY, heads[0]);
    canvas_right(top, r.column + WHAT, NUMBER, STYLE_KEY, heads[1]);
    canvas_right(top, r.column + WHAT + NUMBER, NUMBER, STYLE_KEY, heads[2]);
    const int at = WHAT + 2 * NUMBER + 2;
    if (r.columns > at)
        canvas_write(top, r.column + at, r.columns - at, STYLE_QUIET, keys);
    for (int i = 0; i < 3; i++) {
        const int row = top + 1 + i;
        canvas_write(row, r.column, r.columns, STYLE_PLAIN, "");
        canvas_write(row, r.column, WHAT, STYLE_PLAIN, rows[i].what);
        canvas_right(row, r.column + WHAT, NUMBER, STYLE_PLAIN, rows[i].left);
        if (*rows[i].right)
            canvas_right(row, r.column + WHAT + NUMBER, NUMBER, STYLE_KEY, rows[i].right);
        else
            canvas_write(row, r.column + WHAT + NUMBER + 2, r.columns - WHAT - NUMBER - 2,
                         STYLE_QUIET, rows[i].how);
    }
}

static void draw_sum(const model_card *m, rectangle r)
{
    char now[32], words[SCREEN_WORDS];
    snprintf(words, sizeof words,
             "%lld parameters, %.4f of them 0, %s, %lld multiply-adds",
             (long long)m->parameters,
             m->parameters > 0 ? 1 - (double)m->nonzero / (double)m->parameters : 0.0,
             text_bytes(now, (double)m->bytes), (long long)m->multiply_adds);
    canvas_write(r.row + r.rows - 1, r.column, r.columns, STYLE_QUIET, words);
}

static bool was_applied(const screen *s, const name_card *n)
{
    const applied *a = &s->applied;
    return *a->model && a->to == n->model->serial && strcmp(a->model, n->name) == 0;
}

int meter_rows(const screen *s, const name_card *n, rectangle r)
{
    const bool any = edits_changed(&s->edits, n) > 0 || was_applied(s, n);
    return any && r.rows >= METER_ROWS + LAYERS_LEAST && r.columns >= 44 ? METER_ROWS : 1;
}

void draw_meter(const screen *s, const name_card *n, rectangle r)
{
    const evidence *v = worker_evidence_held(s->worker);
    const bool whole = meter_rows(s, n, r) == METER_ROWS;
    const int64_t changed = edits_changed(&s->edits, n);
    meter_row rows[3];
    char head[WORDS];
    if (changed > 0) {
        forecast f;
        forecast_make(&f, &s->edits, n, v);
        fill_predicted(rows, &f);
        snprintf(head, sizeof head, "%lld changed%s", (long long)changed,
                 whole ? "" : ": ");
        if (whole)
            write_rows(rows, (const char *const[]){head, "now", "predicted"},
                       "a applies, Esc drops", r);
        else
            write_short(rows, head, r);
    } else if (was_applied(s, n)) {
        fill_measured(rows, &s->applied.forecast, n, v);
        if (whole)
            write_rows(rows, (const char *const[]){"applied", "predicted", "measured"},
                       "Esc hides", r);
        else
            write_short(rows, "predicted>measured: ", r);
    } else
        draw_sum(n->model, r);
}
