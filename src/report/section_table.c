/* SPDX-License-Identifier: GPL-3.0-or-later
   section_table.c -- the directive @table: rows of answers that an expression chooses, in
   columns that the template names. */
#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "report/report_parts.h"

enum { COLUMNS_MAX = 30 };

/* The columns that the template names, and their words. */
typedef struct choice {
    char *words; /* cut into what the plans lend */
    column_plan plans[2 * COLUMNS_MAX];
    const char *keys[COLUMNS_MAX + 2]; /* with those of sort= and each= */
    int64_t count, key_count;
} choice;

/* "KEY[:FORM][=TITLE]" */
static status read_column(char *words, column_plan *plan, error *e)
{
    char *title = strchr(words, '=');
    if (title) {
        *title++ = '\0';
        plan->title = title;
    }
    char *form = strchr(words, ':');
    if (form) {
        *form++ = '\0';
        plan->wanted = true;
        if (!form_read(form, &plan->form, &plan->exact)) {
            fail(e, E_USAGE, "'%.40s' is no form", form);
            return fail_hint(e, "'.3', 'e2', '%%', '%%1', 'KiB', 'MiB', 'GiB', "
                                "'integer', 'words'");
        }
    }
    plan->key = words;
    return E_OK;
}

static status read_columns(choice *c, const char *words, error *e)
{
    c->words = memory_text(words, e);
    if (!c->words)
        return E_MEMORY;
    for (char *at = c->words; at && *at;) {
        char *comma = strchr(at, ',');
        if (comma)
            *comma++ = '\0';
        if (c->count == COLUMNS_MAX)
            return fail(e, E_RANGE, "more than %d columns", COLUMNS_MAX);
        TRY(read_column(at, &c->plans[c->count], e));
        c->keys[c->key_count++] = c->plans[c->count++].key;
        at = comma;
    }
    return c->count > 0 ? E_OK : fail(e, E_USAGE, "columns= names none");
}

/* Behind each column that can change one that says by how much. */
static void add_changes(choice *c)
{
    column_plan plans[2 * COLUMNS_MAX];
    int64_t count = 0;
    for (int64_t i = 0; i < c->count; i++) {
        const char *key = c->plans[i].key;
        plans[count++] = c->plans[i];
        if (strcmp(key, "run") == 0 || strcmp(key, "seed") == 0)
            continue;
        plans[count++] = (column_plan){
            .key = key,
            .operation = form_is_share(key) ? OPERATION_MINUS : OPERATION_CHANGE};
    }
    memcpy(c->plans, plans, (size_t)count * sizeof *plans);
    c->count = count;
}

/* ---- rows ---- */

/* Is row A to stand before row B?  Empty cells are last. */
static bool before(const table *t, int64_t column, int64_t a, int64_t b, bool descending)
{
    const cell *x = table_get(t, a, column), *y = table_get(t, b, column);
    if (x->kind == CELL_NONE || y->kind == CELL_NONE)
        return y->kind == CELL_NONE && x->kind != CELL_NONE;
    double p = x->kind == CELL_INTEGER ? (double)x->integer : x->real;
    double q = y->kind == CELL_INTEGER ? (double)y->integer : y->real;
    int order = x->kind == CELL_TEXT && y->kind == CELL_TEXT ? strcmp(x->words, y->words)
                : x->kind == CELL_TEXT || y->kind == CELL_TEXT
                    ? (y->kind == CELL_TEXT) - (x->kind == CELL_TEXT)
                    : (p > q) - (p < q);
    return descending ? order > 0 : order < 0;
}

/* Does a later row have the same in COLUMN? */
static bool is_told_later(const table *t, int64_t column, int64_t row)
{
    text is = {0};
    bool found = false;
    form_write((form){0}, table_get(t, row, column), &is);
    for (int64_t i = row + 1; !found && i < t->row_count; i++) {
        text other = {0};
        form_write((form){0}, table_get(t, i, column), &other);
        found = text_equal(text_get(&is), text_get(&other));
        text_clear(&other);
    }
    text_clear(&is);
    return found;
}

/* Appends to TO the rows of FROM as sort= and each= want them. */
static status arrange(const directive *d, const table *from, table *to, error *e)
{
    const char *sort = directive_get(d, "sort"), *each = directive_get(d, "each");
    bool descending = text_equal(directive_get(d, "descending"), "yes");
    int64_t count = 0, *order = memory_new(from->row_count, sizeof *order, e);
    if (!order)
        return E_MEMORY;
    for (int64_t i = 0; i < from->row_count; i++) {
        if (each && is_told_later(from, table_column(from, each), i))
            continue;
        int64_t k = count++;
        for (; sort && k > 0 &&
               before(from, table_column(from, sort), i, order[k - 1], descending);
             k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    for (int64_t i = 0; i < count; i++) {
        table_row(to);
        for (int64_t j = 0; j < from->column_count; j++)
            table_cell(to, from->columns[j], table_get(from, order[i], j));
    }
    memory_free(order);
    return table_ok(to, e);
}

static status find_rows(builder *b, const directive *d, const choice *c, table *out,
                        error *e)
{
    enum { ROWS_MAX = 2000 };
    table *found = table_new(e);
    status s =
        found ? ledger_find(b->request->ledger, &b->request->scope,
                            directive_get(d, "where"), c->keys, c->key_count, found, e)
              : E_MEMORY;
    if (s == E_OK && found->row_count == 0)
        s = fail(e, E_NAME, "@table: no run is there where %s",
                 directive_get(d, "where") ? directive_get(d, "where") : "anything");
    if (s == E_OK && found->row_count > ROWS_MAX) {
        fail(e, E_RANGE, "@table: %lld rows, at most %d are shown",
             (long long)found->row_count, ROWS_MAX);
        s = fail_hint(e, "where= chooses among them");
    }
    if (s == E_OK)
        s = arrange(d, found, out, e);
    table_free(found);
    return s;
}

static status put_table(builder *b, const directive *d, choice *c, const table *found,
                        error *e)
{
    spans caption = {0};
    reference than = {0};
    const char *against = directive_get(d, "against"),
               *words = directive_get(d, "caption");
    if (against) {
        TRY(ledger_find_last(b->request->ledger, &b->request->scope, against, c->keys[0],
                             &than.run, &than.row, e));
        if (than.run == 0)
            return fail(e, E_NAME, "@table: no run is there where %.300s", against);
        add_changes(c);
    }
    status s = words ? report_prose(b, words, &caption, e) : E_OK;
    if (s != E_OK) {
        memory_free(caption.items);
        return s;
    }
    block *to = document_add(b->document, BLOCK_TABLE);
    to->words = caption;
    return report_grid(b, found, c->plans, c->count, against ? &than : NULL, to, e);
}

status report_table(builder *b, const directive *d, error *e)
{
    static const char *const known[] = {"where",      "columns", "against", "sort",
                                        "descending", "each",    "caption", NULL};
    choice c = {0};
    TRY(directive_check(d, known, 0, e));
    if (!directive_get(d, "columns"))
        return fail(e, E_USAGE, "@table wants columns=");
    status s = read_columns(&c, directive_get(d, "columns"), e);
    const char *const more[] = {directive_get(d, "sort"), directive_get(d, "each")};
    for (int i = 0; i < 2; i++)
        if (more[i])
            c.keys[c.key_count++] = more[i];
    table *found = s == E_OK ? table_new(e) : NULL;
    if (s == E_OK)
        s = found ? find_rows(b, d, &c, found, e) : E_MEMORY;
    if (s == E_OK)
        s = put_table(b, d, &c, found, e);
    table_free(found);
    memory_free(c.words);
    return s;
}
