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
    const char *keys[8];
} techniques[] = {
    {"prune", "Pruning", {"kind", "amount", "retrain", "sparsity", "nonzero"}},
    {"quantize", "Quantization", {"scheme", "granularity", "bits", "keep", "qat"}},
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

/* "WORDS `LINE`: file A (B), metric C (D)." for the row. */
static status tell_row(builder *b, const candidates *c, const candidate *base,
                       const char *words, const table *found, int64_t row, error *e)
{
    document *d = b->document;
    block *to = document_add(d, BLOCK_ITEM);
    const char *const keys[] = {"bytes", c->metric ? c->metric : ""};
    const char *const names[] = {"file", keys[1]};
    document_span(d, &to->words, SPAN_TEXT, words, NULL);
    document_span(d, &to->words, SPAN_CODE,
                  table_get(found, row, table_column(found, "line"))->words, NULL);
    const char *between = ": ";
    for (int i = 0; i < 2; i++) {
        if (!*keys[i] || !has(found, row, keys[i]))
            continue;
        source s[2] = {row_source(found, row, keys[i]), row_source(found, row, keys[i])};
        if (base) {
            s[1].operation = form_is_share(keys[i]) ? OPERATION_MINUS : OPERATION_CHANGE;
            s[1].than = candidate_source(base, keys[i]).of;
        }
        document_span(d, &to->words, SPAN_TEXT, between, NULL);
        TRY(report_tell(b, &to->words, base ? "%s %v (%v)" : "%s %v", &names[i], s, e));
        between = ", ";
    }
    document_span(d, &to->words, SPAN_TEXT, ".", NULL);
    return document_ok(d, e);
}

static status put_analysis(builder *b, const candidates *c, const table *found, error *e)
{
    const candidate *base = c->baseline >= 0 ? &c->items[c->baseline] : NULL;
    int64_t small = find_best(found, "bytes", 1);
    int64_t good = c->metric ? find_best(found, c->metric, c->higher ? -1 : 1) : -1;
    if (base) {
        block *to = document_add(b->document, BLOCK_PARAGRAPH);
        document_span(b->document, &to->words, SPAN_TEXT,
                      "In brackets and in the columns of changes: against ", NULL);
        document_span(b->document, &to->words, SPAN_CODE, base->model, NULL);
        document_span(b->document, &to->words, SPAN_TEXT, ".", NULL);
    }
    if (small >= 0)
        TRY(tell_row(b, c, base, "The smallest file, ", found, small, e));
    if (good >= 0 && good != small)
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
    plans[count++].key = "line";
    plans[count++].key = "model";
    for (int i = 0; techniques[technique].keys[i]; i++)
        plans[count++].key = techniques[technique].keys[i];
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
    return count;
}

static status put_technique(builder *b, int technique, const candidates *c, table *found,
                            error *e)
{
    column_plan plans[16] = {0};
    const char *keys[16];
    int64_t key_count, count = plan_columns(technique, c, plans, keys, &key_count);
    text where = {0};
    reference base = {0};
    text_addf(&where, "command = %s", techniques[technique].command);
    status s = ledger_find(b->request->ledger, &b->request->scope, text_get(&where), keys,
                           key_count, found, e);
    text_clear(&where);
    if (s != E_OK || found->row_count == 0)
        return s;
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

status report_pipeline(builder *b, const directive *d, error *e)
{
    static const struct {
        const char *where, *caption, *first;
    } rows[] = {
        {"command = recipe and (met = yes or met = no)",
         "Recipes, stage by stage: have they what is required?", "stage"},
        {"command = goal and (met = yes or met = no)",
         "Searches: candidates, and whether they have what is required", "candidate"},
        {"command = compare and (met = yes or met = no)",
         "Side by side: who has what is required?", "architecture"},
    };
    candidates *c;
    TRY(directive_check(d, no_keys, 0, e));
    TRY(report_models(b, &c, e));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t count;
        const char *const keys[] = {
            "line",        "model",     rows[i].first, "bytes",
            "size_change", "median_ms", "time_change", c->metric ? c->metric : "met",
            "met",         "missed",    NULL};
        TRY(report_keys_table(b, rows[i].where, keys, rows[i].caption, &count, e));
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
