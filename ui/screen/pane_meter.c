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
    char key; /* that does it */
    char left[WORDS], right[WORDS], change[WORDS];
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
    rows[0] = (meter_row){.what = "bytes", .how = "", .key = '?'};
    rows[1] = (meter_row){.what = "ms", .how = "p times it", .key = 'p'};
    rows[2] = (meter_row){.what = f->metric ? f->metric->name : "error",
                          .how = "not sampled: s does",
                          .key = 's'};
}

/* How much more, in percent; where that is known. */
static void change_words(char out[WORDS], double before, double after)
{
    const double percent = 100 * (after / before - 1);
    out[0] = '\0';
    if (isfinite(percent) && fabs(percent) < 0.005)
        snprintf(out, WORDS, "0.00%%");
    else if (isfinite(percent))
        snprintf(out, WORDS, fabs(percent) < 9.95 ? "%+.2f%%" : "%+.0f%%", percent);
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
    change_words(rows[0].change, (double)f->bytes_now, (double)f->bytes);
    change_words(rows[1].change, f->ms_now, f->ms);
    change_words(rows[2].change, f->value_now, f->value);
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
    rows[2].key = 'e';
    const double is = f->metric ? evidence_metric(v, of, f->metric) : (double)NAN;
    number_words(rows[2].right, is);
    change_words(rows[0].change, (double)f->bytes, (double)n->model->bytes);
    change_words(rows[1].change, f->ms, evidence_total_ms(v, of));
    change_words(rows[2].change, f->value, is);
}

/* In one row: "predicted 33.9 KiB -2.64%, ms p, error s": keys for what is not known. */
static void write_short(const meter_row rows[3], const char *head, rectangle r)
{
    text words = {0};
    text_addf(&words, "%s %s %s", head, rows[0].right, rows[0].change);
    for (int i = 1; i < 3; i++) {
        text_addf(&words, ", %s ", i == 1 ? "ms" : "error");
        if (*rows[i].right)
            text_add(&words, *rows[i].change ? rows[i].change : rows[i].right);
        else
            text_addf(&words, "%c", rows[i].key);
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
        if (!*rows[i].right) {
            canvas_write(row, r.column + WHAT + NUMBER + 2, r.columns - WHAT - NUMBER - 2,
                         STYLE_QUIET, rows[i].how);
            continue;
        }
        canvas_right(row, r.column + WHAT + NUMBER, NUMBER, STYLE_KEY, rows[i].right);
        canvas_write(row, r.column + at, r.columns - at, STYLE_QUIET, rows[i].change);
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
        snprintf(head, sizeof head, "%lld changed", (long long)changed);
        if (whole)
            write_rows(rows, (const char *const[]){head, "now", "predicted"},
                       "a apply, Esc", r);
        else
            write_short(rows, "predicted", r);
    } else if (was_applied(s, n)) {
        fill_measured(rows, &s->applied.forecast, n, v);
        if (whole)
            write_rows(rows, (const char *const[]){"applied", "predicted", "measured"},
                       "Esc", r);
        else
            write_short(rows, "measured", r);
    } else
        draw_sum(n->model, r);
}
