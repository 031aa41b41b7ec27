/* SPDX-License-Identifier: GPL-3.0-or-later
   section_runs.c -- the directives @techniques, @pipeline and @deployment: tables of what
   was done to models, with what changed and the figures that were drawn meanwhile. */
#include <math.h>
#include <string.h>
#include "report/report_parts.h"

static const char *const no_keys[] = {NULL};

/* What a technique's table tells beside its metric and its bytes. */
static const struct {
    const char *command, *title;
    const char *keys[10];
} techniques[] = {
    {"prune",
     "Pruning",
     {"kind", "criterion", "scope", "amount", "gradual", "retrain", "sparsity",
      "nonzero"}},
    {"quantize",
     "Quantization",
     {"scheme", "granularity", "form", "observer", "correct", "mixed", "bits", "keep"}},
    {"distill", "Distillation", {"temperature", "alpha", "epochs", "parameters"}},
    {"lowrank", "Low rank", {"rank", "energy", "parameters"}},
    {"separate", "Separable convolutions", {"parameters"}},
    {"fuse", "Fusion", {"nodes_before", "nodes", "largest_difference"}},
};

enum { TECHNIQUES = sizeof techniques / sizeof *techniques };

/* ---- what changed ---- */

/* The row of FOUND with the least of COLUMN (SIGN 1) or the most (SIGN -1); -1: none. */
static int64_t find_best(const table *found, const char *column, int sign)
{
    int64_t best = -1;
    double least = INFINITY, value;
    for (int64_t i = 0; i < found->row_count; i++)
        if (table_number(found, i, column, &value) && sign * value < least) {
            least = sign * value;
            best = i;
        }
    return best;
}

static source row_source(const table *found, int64_t row, const char *key)
{
    double run = 0, at = 0;
    table_number(found, row, "run", &run);
    table_number(found, row, "row", &at);
    return report_source((int64_t)run, (int64_t)at, key, OPERATION_NONE, NULL);
}

static bool has(const table *found, int64_t row, const char *key)
{
    return table_get(found, row, table_column(found, key))->kind != CELL_NONE;
}

/* "; the intervals overlap" with that of BASE, where both are known. */
static const char *tell_overlap(const candidates *c, const candidate *base,
                                const table *found, int64_t row)
{
    double low, high;
    if (!base || !table_number(found, row, c->low, &low) ||
        !table_number(found, row, c->high, &high) || !isfinite(base->low))
        return "";
    return low <= base->high && base->low <= high ? "; the intervals of both overlap"
                                                  : "; the intervals of both are apart";
}

/* "file A (B)": the second against BASE, unless that is NULL. */
static status tell_key(builder *b, const candidate *base, const char *key,
                       const table *found, int64_t row, spans *to, error *e)
{
    source s[2] = {row_source(found, row, key), row_source(found, row, key)};
    if (base) {
        s[1].operation = form_is_share(key) ? OPERATION_MINUS : OPERATION_CHANGE;
        s[1].than = candidate_source(base, key).of;
    }
    return report_tell(b, to, base ? " %v (%v)" : " %v", NULL, s, e);
}

/* "WORDS `LINE`: file A (B), metric C (D)." for the row. */
static status tell_row(builder *b, const candidates *c, const candidate *base,
                       const char *words, const table *found, int64_t row, error *e)
{
    document *d = b->document;
    block *to = document_add(d, BLOCK_ITEM);
    document_span(d, &to->words, SPAN_TEXT, words, NULL);
    document_line(d, &to->words, row_source(found, row, "line").of.run,
                  table_get(found, row, table_column(found, "line"))->words);
    document_span(d, &to->words, SPAN_TEXT, ": file", NULL);
    TRY(tell_key(b, base, "bytes", found, row, &to->words, e));
    if (c->metric && has(found, row, c->metric)) {
        document_span(d, &to->words, SPAN_TEXT, ", ", NULL);
        document_span(d, &to->words, SPAN_CODE, c->metric, NULL);
        TRY(tell_key(b, base, c->metric, found, row, &to->words, e));
        document_span(d, &to->words, SPAN_TEXT, tell_overlap(c, base, found, row), NULL);
    }
    document_span(d, &to->words, SPAN_TEXT, ".", NULL);
    return document_ok(d, e);
}

static status put_analysis(builder *b, const candidates *c, const table *found, error *e)
{
    const candidate *base = c->baseline >= 0 ? &c->items[c->baseline] : NULL;
    int64_t small = find_best(found, "bytes", 1);
    int64_t good = c->metric ? find_best(found, c->metric, c->higher ? -1 : 1) : -1;
    if (small >= 0)
        TRY(tell_row(b, c, base,
                     good == small ? "The smallest file and the best, "
                                   : "The smallest file, ",
                     found, small, e));
    if (good >= 0 && good != small && has(found, good, "bytes"))
        TRY(tell_row(b, c, base, "The best, ", found, good, e));
    return document_ok(b->document, e);
}

/* ---- @techniques ---- */

/* Columns: model, the technique's own, the metric and the bytes with their changes. */
static int64_t plan_columns(int technique, const candidates *c, column_plan *plans,
                            const char **keys, int64_t *key_count)
{
    int64_t count = 0;
    const bool base = c->baseline >= 0;
    plans[count++].key = "model";
    for (int i = 0; techniques[technique].keys[i]; i++)
        plans[count++] =
            (column_plan){.key = techniques[technique].keys[i], .varied = true};
    const char *const both[] = {c->metric, "bytes"};
    for (int i = 0; i < 2; i++) {
        if (!both[i])
            continue;
        plans[count++].key = both[i];
        if (base)
            plans[count++] = (column_plan){
                .key = both[i],
                .operation = form_is_share(both[i]) ? OPERATION_MINUS : OPERATION_CHANGE};
    }
    *key_count = 0;
    for (int64_t i = 0; i < count; i++)
        if (plans[i].operation == OPERATION_NONE)
            keys[(*key_count)++] = plans[i].key;
    keys[(*key_count)++] = "split";
    if (c->metric) { /* for what is told of them */
        keys[(*key_count)++] = c->low;
        keys[(*key_count)++] = c->high;
    }
    return count;
}

/* The rows of the technique that were measured on the samples of C, or on none. */
static status find_technique(builder *b, int technique, const candidates *c,
                             const char *const *keys, int64_t key_count, table *found,
                             error *e)
{
    text where = {0};
    table *all = table_new(e);
    text_addf(&where, "command = %s", techniques[technique].command);
    status s = all ? ledger_find(b->request->ledger, &b->request->scope, text_get(&where),
                                 keys, key_count, all, e)
                   : E_MEMORY;
    for (int64_t i = 0; s == E_OK && i < all->row_count; i++) {
        const cell *split = table_get(all, i, table_column(all, "split"));
        if (c->metric && has(all, i, c->metric) && split->kind == CELL_TEXT &&
            !text_equal(split->words, c->split))
            continue;
        table_row(found);
        for (int64_t j = 0; j < all->column_count; j++)
            table_cell(found, all->columns[j], table_get(all, i, j));
    }
    text_clear(&where);
    table_free(all);
    return s == E_OK ? table_ok(found, e) : s;
}

static status put_technique(builder *b, int technique, const candidates *c, table *found,
                            error *e)
{
    column_plan plans[20] = {0};
    const char *keys[20];
    int64_t key_count, count = plan_columns(technique, c, plans, keys, &key_count);
    reference base = {0};
    TRY(find_technique(b, technique, c, keys, key_count, found, e));
    if (found->row_count == 0)
        return E_OK;
    if (c->baseline >= 0)
        base = candidate_source(&c->items[c->baseline], "bytes").of;
    block *heading = document_add(b->document, BLOCK_HEADING);
    heading->level = 3;
    document_span(b->document, &heading->words, SPAN_TEXT, techniques[technique].title,
                  NULL);
    block *to = document_add(b->document, BLOCK_TABLE);
    TRY(report_grid(b, found, plans, count, &base, to, e));
    return put_analysis(b, c, found, e);
}

/* The first run of a technique; 0: none. */
static status first_run(builder *b, int technique, int64_t *run, error *e)
{
    text where = {0};
    double number = 0;
    table *found = table_new(e);
    text_addf(&where, "command = %s", techniques[technique].command);
    status s = found ? ledger_find(b->request->ledger, &b->request->scope,
                                   text_get(&where), NULL, 0, found, e)
                     : E_MEMORY;
    if (s == E_OK)
        table_number(found, 0, "run", &number);
    *run = (int64_t)number;
    text_clear(&where);
    table_free(found);
    return s;
}

/* The least of FIRST that is above RUN; 0: none. */
static int64_t next_after(const int64_t first[TECHNIQUES], int64_t run)
{
    int64_t next = 0;
    for (int i = 0; i < TECHNIQUES; i++)
        if (first[i] > run && (next == 0 || first[i] < next))
            next = first[i];
    return next;
}

status report_techniques(builder *b, const directive *d, error *e)
{
    int64_t first[TECHNIQUES];
    candidates *c;
    TRY(directive_check(d, no_keys, 0, e));
    TRY(report_models(b, &c, e));
    for (int i = 0; i < TECHNIQUES; i++)
        TRY(first_run(b, i, &first[i], e));
    if (c->baseline >= 0 && next_after(first, 0) > 0) {
        block *to = document_add(b->document, BLOCK_PARAGRAPH);
        document_span(b->document, &to->words, SPAN_TEXT,
                      "Changes, in brackets and in columns, are against ", NULL);
        document_span(b->document, &to->words, SPAN_CODE, c->items[c->baseline].model,
                      NULL);
        document_span(b->document, &to->words, SPAN_TEXT, ".", NULL);
    }
    TRY(report_put_figures(b, 0, next_after(first, 0), e));
    for (int i = 0; i < TECHNIQUES; i++) {
        table *found = first[i] > 0 ? table_new(e) : NULL;
        if (first[i] == 0)
            continue;
        status s = found ? put_technique(b, i, c, found, e) : E_MEMORY;
        table_free(found);
        TRY(s);
        TRY(report_put_figures(b, first[i], next_after(first, first[i]), e));
    }
    return E_OK;
}

/* ---- @pipeline ---- */

/* "It has what is required." of the last row of the answer of RUN. */
static status tell_met(builder *b, int64_t run, const char *key, error *e)
{
    const char *const keys[] = {key, "met", "missed"};
    text where = {0};
    table *found = table_new(e);
    text_addf(&where, "run = %lld and (met = yes or met = no)", (long long)run);
    status s = found ? ledger_find(b->request->ledger, &b->request->scope,
                                   text_get(&where), keys, 3, found, e)
                     : E_MEMORY;
    int64_t last = s == E_OK ? found->row_count - 1 : -1;
    const cell *name = table_get(found, last, table_column(found, key));
    const cell *met = table_get(found, last, table_column(found, "met"));
    if (last >= 0 && name->kind == CELL_TEXT && met->kind == CELL_TEXT) {
        document *d = b->document;
        block *to = document_add(d, BLOCK_PARAGRAPH);
        document_span(d, &to->words, SPAN_TEXT, "In the end, ", NULL);
        document_span(d, &to->words, SPAN_CODE, name->words, NULL);
        if (strcmp(met->words, "yes") == 0) {
            document_span(d, &to->words, SPAN_TEXT, " has all that is required.", NULL);
        } else {
            source missed = row_source(found, last, "missed");
            document_span(d, &to->words, SPAN_TEXT,
                          " has not all that is required: ", NULL);
            s = report_value(b, &to->words, &missed, false, e);
            document_span(d, &to->words, SPAN_TEXT, ".", NULL);
        }
    }
    text_clear(&where);
    table_free(found);
    return s;
}

/* The table of one run. */
static status put_pipeline(builder *b, const candidates *c, const table *found, int64_t i,
                           const char *first, error *e)
{
    const char *const keys[] = {first,       "bytes",       "size_change",
                                "median_ms", "time_change", c->metric ? c->metric : "met",
                                "met",       "missed",      NULL};
    double run = 0;
    int64_t rows;
    text where = {0};
    table_number(found, i, "run", &run);
    text_addf(&where, "run = %.0f and (met = yes or met = no)", run);
    status s = report_keys_table(b, text_get(&where), keys, "", &rows, e);
    if (s == E_OK && rows > 0)
        document_line(b->document, &b->document->blocks[b->document->count - 1].words,
                      (int64_t)run,
                      table_get(found, i, table_column(found, "line"))->words);
    text_clear(&where);
    return s == E_OK && rows > 0 && strcmp(first, "stage") == 0
               ? tell_met(b, (int64_t)run, first, e)
               : s;
}

status report_pipeline(builder *b, const directive *d, error *e)
{
    static const char *const rows[][2] = {
        {"command = recipe", "stage"},
        {"command = goal", "candidate"},
        {"command = compare", "model"},
    };
    candidates *c;
    TRY(directive_check(d, no_keys, 0, e));
    TRY(report_models(b, &c, e));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        table *found = table_new(e);
        status s = found ? ledger_find(b->request->ledger, &b->request->scope, rows[i][0],
                                       NULL, 0, found, e)
                         : E_MEMORY;
        for (int64_t k = 0; s == E_OK && k < found->row_count; k++)
            s = put_pipeline(b, c, found, k, rows[i][1], e);
        table_free(found);
        TRY(s);
    }
    return E_OK;
}

/* ---- @deployment ---- */

status report_deployment(builder *b, const directive *d, error *e)
{
    static const char *const times[] = {"model",      "precision", "batch",  "threads",
                                        "median_ms",  "p10_ms",    "p90_ms", "energy_mj",
                                        "peak_bytes", NULL};
    static const char *const files[] = {"name", "file", "bytes", NULL};
    int64_t rows;
    TRY(directive_check(d, no_keys, 0, e));
    TRY(report_keys_table(b, "command = bench", times, "Time of one run", &rows, e));
    return report_keys_table(b, "(command = save or command = export) and file ~ '.'",
                             files, "Files", &rows, e);
}
