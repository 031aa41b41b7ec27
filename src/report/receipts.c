/* SPDX-License-Identifier: GPL-3.0-or-later
   receipts.c -- what stands behind the numbers: the machine they were measured on, the
   command lines as a script, and the runs that the report names. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/memory.h"
#include "report/report_parts.h"

static const char *const no_keys[] = {NULL};

/* The runs that no other one ran; E_NAME where there is none. */
static status find_lines(builder *b, table *lines, error *e)
{
    TRY(ledger_find_lines(b->request->ledger, &b->request->scope, lines, e));
    if (lines->row_count > 0)
        return E_OK;
    fail(e, E_NAME, "no run of this session is in %s", ledger_path(b->request->ledger));
    return fail_hint(e, "session=ID or where=\"...\" takes those of others");
}

/* ---- @environment ---- */

/* Is the value of COLUMN in ROW told before? */
static bool is_told(const table *t, int64_t row, int64_t column)
{
    text is = {0};
    bool told = false;
    form_write((form){0}, table_get(t, row, column), &is);
    for (int64_t i = 0; i < row && !told; i++) {
        text other = {0};
        form_write((form){0}, table_get(t, i, column), &other);
        told = text_equal(text_get(&is), text_get(&other));
        text_clear(&other);
    }
    text_clear(&is);
    return told;
}

/* One row a key: its values, each once, each with the first run that has it. */
static void put_key(builder *b, const table *lines, const char *key, const char *title,
                    block *to)
{
    const int64_t column = table_column(lines, key), run = table_column(lines, "run");
    bool first = true;
    document_row(b->document, &to->grid);
    document_span(b->document, document_cell(b->document, &to->grid, 0), SPAN_TEXT, title,
                  NULL);
    spans *cell = document_cell(b->document, &to->grid, 1);
    for (int64_t i = 0; i < lines->row_count; i++) {
        if (table_get(lines, i, column)->kind == CELL_NONE || is_told(lines, i, column))
            continue;
        source s = report_source(table_get(lines, i, run)->integer, 0, key,
                                 OPERATION_NONE, NULL);
        document_span(b->document, cell, SPAN_TEXT, first ? "" : ", ", NULL);
        document_value(b->document, cell, &s, table_get(lines, i, column), false);
        first = false;
    }
}

status report_environment(builder *b, const directive *d, error *e)
{
    static const char *const keys[][2] = {
        {"machine", "processor"}, {"cpu", "kernels"}, {"threads", "threads"},
        {"lathe", "lathe"},       {"seed", "seeds"},
    };
    TRY(directive_check(d, no_keys, 0, e));
    table *lines = table_new(e);
    status s = lines ? find_lines(b, lines, e) : E_MEMORY;
    if (s == E_OK) {
        block *to = document_add(b->document, BLOCK_TABLE);
        document_column(b->document, &to->grid, "what", COLUMN_WORDS);
        document_column(b->document, &to->grid, "of these runs", COLUMN_NOTE);
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            put_key(b, lines, keys[i][0], keys[i][1], to);
        s = document_ok(b->document, e);
    }
    table_free(lines);
    return s;
}

/* ---- @replay ---- */

/* The seed of a line that does not name it is that of the session, which is set where it
   is another than *SEED. */
static void add_seed(const table *lines, int64_t i, int64_t run, int64_t *seed, text *out)
{
    double own = 0, number = 0;
    table_number(lines, i, "own", &own);
    if (own > 0 || !table_number(lines, i, "seed", &number) || (int64_t)number == *seed)
        return;
    *seed = (int64_t)number;
    text_addf(out, "set seed=%lld  # seed of run %lld\n", (long long)*seed,
              (long long)run);
}

status report_replay(builder *b, const directive *d, error *e)
{
    text script = {0};
    int64_t seed = -1;
    TRY(directive_check(d, no_keys, 0, e));
    table *lines = table_new(e);
    status s = lines ? find_lines(b, lines, e) : E_MEMORY;
    for (int64_t i = 0; s == E_OK && i < lines->row_count; i++) {
        const cell *line = table_get(lines, i, table_column(lines, "line"));
        const int64_t run = table_get(lines, i, table_column(lines, "run"))->integer;
        add_seed(lines, i, run, &seed, &script);
        if (line->kind == CELL_TEXT)
            text_addf(&script, "%s  # run %lld\n", line->words, (long long)run);
    }
    if (s == E_OK)
        s = text_ok(&script, e);
    if (s == E_OK) {
        block *to = document_add(b->document, BLOCK_CODE);
        to->code = document_keep(b->document, text_get(&script), true);
        s = document_ok(b->document, e);
    }
    text_clear(&script);
    table_free(lines);
    return s;
}

/* ---- @receipts ---- */

status report_receipts(builder *b, const directive *d, error *e)
{
    TRY(directive_check(d, no_keys, 0, e));
    if (b->receipts >= 0)
        return fail(e, E_USAGE, "a second @receipts");
    b->receipts = b->document->count;
    block *to = document_add(b->document, BLOCK_TABLE);
    to->receipts = true;
    document_column(b->document, &to->grid, "run", COLUMN_WORDS);
    document_column(b->document, &to->grid, "command", COLUMN_NOTE);
    document_column(b->document, &to->grid, "started", COLUMN_WORDS);
    document_column(b->document, &to->grid, "time, s", COLUMN_MEASURED);
    return document_ok(b->document, e);
}

typedef struct run_list {
    int64_t *items;
    int64_t count, capacity;
} run_list;

static status add_run(run_list *runs, int64_t run, error *e)
{
    if (run <= 0)
        return E_OK;
    TRY(memory_grow((void **)&runs->items, &runs->capacity, runs->count + 1,
                    sizeof *runs->items, e));
    runs->items[runs->count++] = run;
    return E_OK;
}

static status add_spans(run_list *runs, const spans *words, error *e)
{
    for (int64_t i = 0; i < words->count; i++) {
        const span *s = &words->items[i];
        int64_t run = 0;
        if (s->kind == SPAN_RUN && text_to_integer(s->words, &run))
            TRY(add_run(runs, run, e));
        if (s->kind != SPAN_VALUE && s->kind != SPAN_LINE)
            continue;
        TRY(add_run(runs, s->source.of.run, e));
        TRY(add_run(runs, s->source.than.run, e));
    }
    return E_OK;
}

static int compare_runs(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The runs that D names, each once, in order. */
static status list_runs(const document *d, run_list *runs, error *e)
{
    for (int64_t i = 0; i < d->count; i++) {
        const block *b = &d->blocks[i];
        TRY(add_run(runs, b->run, e));
        TRY(add_spans(runs, &b->words, e));
        for (int64_t k = 0; k < b->grid.cell_count; k++)
            TRY(add_spans(runs, &b->grid.cells[k], e));
    }
    int64_t kept = 0;
    if (runs->count > 0)
        qsort(runs->items, (size_t)runs->count, sizeof *runs->items, compare_runs);
    for (int64_t i = 0; i < runs->count; i++)
        if (kept == 0 || runs->items[kept - 1] != runs->items[i])
            runs->items[kept++] = runs->items[i];
    runs->count = kept;
    return E_OK;
}

static status put_receipt(builder *b, block *to, int64_t run, error *e)
{
    static const char *const keys[] = {"line", "started", "seconds"};
    document_row(b->document, &to->grid);
    document_run(b->document, document_cell(b->document, &to->grid, 0), run);
    for (int64_t i = 0; i < 3; i++) {
        spans *into = document_cell(b->document, &to->grid, i + 1);
        source s = report_source(run, 0, keys[i], OPERATION_NONE, NULL);
        table *answer = table_new(e);
        status found =
            answer ? source_value(b->request->ledger, &s, answer, e) : E_MEMORY;
        const cell *value = found == E_OK ? table_get(answer, 0, 0) : NULL;
        if (value && i == 0 && value->kind == CELL_TEXT)
            document_line(b->document, into, run, value->words);
        else if (value) {
            double seconds = 0;
            table_number(answer, 0, "value", &seconds);
            if (i == 2)
                s.form = form_choose(keys[i], OPERATION_NONE, &seconds, 1, false,
                                     &(form){.kind = FORM_FIXED});
            s.form.decimals = s.form.decimals > 3 ? 3 : s.form.decimals;
            document_value(b->document, into, &s, value, false);
        }
        table_free(answer);
        if (found != E_OK && found != E_NAME)
            return found;
    }
    return document_ok(b->document, e);
}

/* "2026-01-31" of SECONDS since 1970. */
static void put_date(document *d, int64_t seconds)
{
    char day[24];
    time_t when = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&when, &parts) && strftime(day, sizeof day, "%Y-%m-%d", &parts) > 0)
        d->date = document_keep(d, day, false);
}

/* The day of the latest run that is named. */
static status find_date(builder *b, const run_list *runs, error *e)
{
    if (b->request->date >= 0) {
        put_date(b->document, b->request->date);
        return E_OK;
    }
    if (runs->count == 0)
        return E_OK;
    table *answer = table_new(e);
    status s = answer ? ledger_find_cell(b->request->ledger, runs->items[runs->count - 1],
                                         0, "started", answer, e)
                      : E_MEMORY;
    const cell *started = s == E_OK ? table_get(answer, 0, 0) : NULL;
    if (started && started->kind == CELL_TEXT && strlen(started->words) > 10) {
        char *day = memory_format(e, "%.10s", started->words);
        if (day)
            b->document->date = document_keep(b->document, day, false);
        memory_free(day);
    }
    table_free(answer);
    return s;
}

status receipts_fill(builder *b, int64_t *count, error *e)
{
    run_list runs = {0};
    status s = list_runs(b->document, &runs, e);
    *count = runs.count;
    if (s == E_OK && b->receipts < 0 && runs.count > 0) {
        block *heading = document_add(b->document, BLOCK_HEADING);
        heading->level = 2;
        document_span(b->document, &heading->words, SPAN_TEXT, "Receipts", NULL);
        s = report_receipts(b, &(directive){.name = "receipts"}, e);
    }
    for (int64_t i = 0; s == E_OK && i < runs.count; i++)
        s = put_receipt(b, &b->document->blocks[b->receipts], runs.items[i], e);
    if (s == E_OK)
        s = find_date(b, &runs, e);
    memory_free(runs.items);
    return s;
}
