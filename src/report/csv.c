/* SPDX-License-Identifier: GPL-3.0-or-later
   csv.c -- reads comma-separated words.  It gives them no meaning. */
#include "report/csv.h"

#include <string.h>
#include "base/memory.h"
#include "base/text.h"

enum { COLUMNS_MAX = 64 };

typedef struct reader {
    const char *at, *end;
    int64_t line; /* of AT, from 1 */
    char *names[COLUMNS_MAX];
    int64_t count; /* of names */
} reader;

/* The field at AT; *LAST says that its row ends with it. */
static status read_field(reader *r, text *field, bool *last, error *e)
{
    const int64_t begin = r->line;
    bool quoted = r->at < r->end && *r->at == '"', inside = quoted;
    r->at += quoted;
    while (r->at < r->end) {
        char c = *r->at;
        if (inside && c == '"' && r->at + 1 < r->end && r->at[1] == '"')
            r->at++;
        else if (inside && c == '"') {
            inside = false;
            r->at++;
            continue;
        }
        if (!inside && (c == ',' || c == '\n'))
            break;
        if (c != '\r' || inside)
            text_add_bytes(field, &c, 1);
        r->line += c == '\n';
        r->at++;
    }
    if (inside)
        return fail(e, E_FORMAT, "line %lld: a quote has no end", (long long)begin);
    *last = r->at >= r->end || *r->at == '\n';
    r->line += r->at < r->end && *r->at == '\n';
    r->at += r->at < r->end;
    return text_ok(field, e);
}

/* One row: names where there are none yet, else cells of OUT. */
static status read_row(reader *r, table *out, error *e)
{
    const int64_t line = r->line;
    const bool heading = r->count == 0;
    int64_t count = 0;
    if (!heading) {
        table_row(out);
        table_integer(out, "#line", line);
    }
    for (bool last = false; !last; count++) {
        text field = {0};
        status s = read_field(r, &field, &last, e);
        if (s == E_OK && count == (heading ? COLUMNS_MAX : r->count))
            s = fail(e, E_FORMAT, "line %lld: more than %lld columns", (long long)line,
                     (long long)count);
        if (s == E_OK && heading) {
            r->names[count] = memory_text(text_get(&field), e);
            s = r->names[count] ? E_OK : E_MEMORY;
        } else if (s == E_OK) {
            table_text(out, r->names[count], text_get(&field));
        }
        text_clear(&field);
        if (s != E_OK)
            return s;
        r->count += heading;
    }
    if (count < r->count)
        return fail(e, E_FORMAT, "line %lld: %lld columns, want %lld", (long long)line,
                    (long long)count, (long long)r->count);
    return E_OK;
}

static void skip_line(reader *r)
{
    const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
    r->at = end ? end + 1 : r->end;
    r->line++;
}

status csv_read(const char *words, size_t length, table *out, error *e)
{
    reader r = {.at = words, .end = words + length, .line = 1};
    status s = E_OK;
    while (r.at < r.end && s == E_OK) {
        if (*r.at == '#' || *r.at == '\n' || (*r.at == '\r' && r.at[1] == '\n'))
            skip_line(&r);
        else
            s = read_row(&r, out, e);
    }
    for (int64_t i = 0; i < r.count; i++)
        memory_free(r.names[i]);
    return s == E_OK ? table_ok(out, e) : s;
}
