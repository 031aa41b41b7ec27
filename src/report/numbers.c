/* SPDX-License-Identifier: GPL-3.0-or-later
   numbers.c -- looked-up numbers into a document, in forms that suit them. */
#include <math.h>
#include <string.h>
#include "report/report_parts.h"

source report_source(int64_t run, int64_t row, const char *key, operation how,
                     const source *than)
{
    source s = {.operation = how};
    reference_set(&s.of, run, row, key);
    if (than)
        s.than = than->of;
    return s;
}

status report_suit(builder *b, source *s, const form *wanted, bool exact, error *e)
{
    table *answer = table_new(e);
    status result = answer ? source_value(b->request->ledger, s, answer, e) : E_MEMORY;
    if (result == E_OK && exact && wanted)
        s->form = *wanted;
    else if (result == E_OK) {
        const cell *value = table_get(answer, 0, 0);
        double number = NAN;
        table_number(answer, 0, "value", &number);
        s->form = value->kind == CELL_TEXT
                      ? (form){.kind = FORM_WORDS}
                      : form_choose(s->of.key, s->operation, &number, 1,
                                    value->kind == CELL_INTEGER, wanted);
    }
    table_free(answer);
    return result;
}

status report_look(builder *b, const char *key, const char *where, source *s, error *e)
{
    int64_t run = 0, row = 0;
    *s = (source){0};
    TRY(ledger_find_last(b->request->ledger, &b->request->scope, where, key, &run, &row,
                         e));
    if (run == 0)
        return fail(e, E_NAME, "no run has '%s'%s%.300s", key,
                    where && *where ? " where " : "", where ? where : "");
    if (!reference_set(&s->of, run, row, key))
        return fail(e, E_NAME, "'%.60s...' is too long for a key", key);
    return report_suit(b, s, NULL, false, e);
}

status report_value(builder *b, spans *to, const source *s, bool unit, error *e)
{
    table *answer = table_new(e);
    status result = answer ? source_value(b->request->ledger, s, answer, e) : E_MEMORY;
    if (result == E_OK)
        document_value(b->document, to, s, table_get(answer, 0, 0), unit);
    table_free(answer);
    return result;
}

status report_tell(builder *b, spans *to, const char *pattern, const char *const *words,
                   const source *sources, error *e)
{
    document *d = b->document;
    text plain = {0};
    for (const char *p = pattern; *p; p++) {
        if (*p != '%' || (p[1] != 's' && p[1] != 'v')) {
            text_add_bytes(&plain, p, 1);
            continue;
        }
        document_span(d, to, SPAN_TEXT, text_get(&plain), NULL);
        text_clear(&plain);
        if (*++p == 's') {
            document_span(d, to, SPAN_CODE, *words++, NULL);
            continue;
        }
        source s = *sources++;
        if (s.form.kind == FORM_WORDS)
            TRY(report_suit(b, &s, NULL, false, e));
        TRY(report_value(b, to, &s, true, e));
    }
    document_span(d, to, SPAN_TEXT, text_get(&plain), NULL);
    status result = text_ok(&plain, e);
    text_clear(&plain);
    return result;
}
