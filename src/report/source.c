/* SPDX-License-Identifier: GPL-3.0-or-later
   source.c -- the notation of sources, and what they are worth today.  It decides about no
   number. */
#include "report/source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "ledger/lookup.h"

static const char *const operations[OPERATIONS] = {
    [OPERATION_NONE] = "",
    [OPERATION_MINUS] = "minus",
    [OPERATION_CHANGE] = "change",
    [OPERATION_OVER] = "over",
};

bool reference_set(reference *r, int64_t run, int64_t row, const char *key)
{
    *r = (reference){.run = run, .row = row};
    size_t length = strlen(key);
    if (length >= sizeof r->key)
        return false;
    memcpy(r->key, key, length + 1);
    return true;
}

/* ---- notation ---- */

static void write_reference(const reference *r, text *out)
{
    char buffer[32];
    if (r->run == 0)
        text_addf(out, "=%s", text_real(buffer, r->published));
    else
        text_addf(out, "%lld/%lld/%s", (long long)r->run, (long long)r->row, r->key);
}

void source_write(const source *s, text *out)
{
    write_reference(&s->of, out);
    if (s->operation != OPERATION_NONE) {
        text_addf(out, " %s ", operations[s->operation]);
        write_reference(&s->than, out);
    }
    text_add(out, " ");
    form_token(s->form, out);
}

/* A positive number that ends at "/", behind which *AT stands then. */
static bool read_part(const char **at, int64_t *value)
{
    char digits[24];
    size_t length = strspn(*at, "0123456789");
    if (length == 0 || length >= sizeof digits || (*at)[length] != '/')
        return false;
    memcpy(digits, *at, length);
    digits[length] = '\0';
    *at += length + 1;
    return text_to_integer(digits, value);
}

static bool read_reference(const char *word, reference *r)
{
    int64_t run = 0, row = 0;
    *r = (reference){0};
    if (*word == '=')
        return text_to_real(word + 1, &r->published);
    return read_part(&word, &run) && run > 0 && read_part(&word, &row) && *word &&
           reference_set(r, run, row, word);
}

/* The next word of *AT into WORD; false where there is none, or it is too long. */
static bool next_word(const char **at, char word[160])
{
    *at += strspn(*at, " ");
    size_t length = strcspn(*at, " ");
    if (length == 0 || length >= 160)
        return false;
    memcpy(word, *at, length);
    word[length] = '\0';
    *at += length;
    return true;
}

bool source_read(const char *words, source *s)
{
    char word[160];
    *s = (source){0};
    if (!next_word(&words, word) || !read_reference(word, &s->of) ||
        !next_word(&words, word))
        return false;
    for (int i = OPERATION_MINUS; i < OPERATIONS; i++) {
        if (strcmp(word, operations[i]) != 0)
            continue;
        s->operation = (operation)i;
        if (!next_word(&words, word) || !read_reference(word, &s->than) ||
            !next_word(&words, word))
            return false;
        break;
    }
    return form_read_token(word, &s->form) && words[strspn(words, " ")] == '\0';
}

/* ---- values ---- */

static status put_reference(ledger *l, const reference *r, table *answer, error *e)
{
    const int64_t before = answer->row_count;
    if (r->run == 0) {
        table_row(answer);
        table_real(answer, "value", r->published);
        return table_ok(answer, e);
    }
    TRY(ledger_find_cell(l, r->run, r->row, r->key, answer, e));
    if (answer->row_count == before)
        return fail(e, E_NAME, "there is no run %lld", (long long)r->run);
    if (table_get(answer, before, 0)->kind == CELL_NONE)
        return fail(e, E_NAME, "run %lld has no '%s'%s", (long long)r->run, r->key,
                    r->row > 0 ? " in that row" : "");
    return E_OK;
}

static double combine(operation how, double a, double b)
{
    switch (how) {
    case OPERATION_MINUS:
        return a - b;
    case OPERATION_CHANGE:
        return a / b - 1;
    case OPERATION_OVER:
        return a / b;
    case OPERATION_NONE:
    case OPERATIONS:
        break;
    }
    return NAN;
}

status source_value(ledger *l, const source *s, table *answer, error *e)
{
    double a, b;
    table *parts;
    if (s->operation == OPERATION_NONE)
        return put_reference(l, &s->of, answer, e);
    if (!(parts = table_new(e)))
        return E_MEMORY;
    status result = put_reference(l, &s->of, parts, e);
    if (result == E_OK)
        result = put_reference(l, &s->than, parts, e);
    if (result == E_OK &&
        (!table_number(parts, 0, "value", &a) || !table_number(parts, 1, "value", &b)))
        result =
            fail(e, E_NUMERIC, "'%s' is no number: it cannot be compared", s->of.key);
    if (result == E_OK) {
        table_row(answer);
        table_real(answer, "value", combine(s->operation, a, b));
        result = table_ok(answer, e);
    }
    table_free(parts);
    return result;
}

status source_words(ledger *l, const source *s, text *out, error *e)
{
    table *answer = table_new(e);
    status result = answer ? source_value(l, s, answer, e) : E_MEMORY;
    if (result == E_OK) {
        form_write(s->form, table_get(answer, 0, 0), out);
        result = text_ok(out, e);
    }
    table_free(answer);
    return result;
}
