/* SPDX-License-Identifier: GPL-3.0-or-later
   markup.c -- one walk over the spans of prose for all formats.  It knows none of them. */
#include "report/markup.h"

static void between(const markup *m, const char *const marks[2], const char *words,
                    text *out)
{
    text_add(out, marks[0]);
    m->words(words, out);
    text_add(out, marks[1]);
}

static void add_link(const markup *m, const span *s, text *out)
{
    text_add(out, m->link[0]);
    if (m->words_first)
        m->words(s->words, out);
    else
        m->address(s->link, out);
    text_add(out, m->link[1]);
    if (m->words_first)
        m->address(s->link, out);
    else
        m->words(s->words, out);
    text_add(out, m->link[2]);
}

void markup_span(const markup *m, const span *s, bool cell, text *out)
{
    switch (s->kind) {
    case SPAN_TEXT:
        m->words(s->words, out);
        break;
    case SPAN_UNIT:
        text_add(out, m->unit);
        m->words(s->words, out);
        break;
    case SPAN_STRONG:
        between(m, m->strong, s->words, out);
        break;
    case SPAN_EMPHASIS:
        between(m, m->emphasis, s->words, out);
        break;
    case SPAN_CODE:
        m->code(s->words, cell, out);
        break;
    case SPAN_LINK:
        add_link(m, s, out);
        break;
    case SPAN_RUN:
        text_addf(out, "%s%s%s%s%s", m->run[0], s->words, m->run[1], s->words, m->run[2]);
        break;
    case SPAN_VALUE:
    case SPAN_LINE:
        m->value(s, out);
        break;
    }
}

void markup_spans(const markup *m, const spans *words, bool cell, text *out)
{
    for (int64_t i = 0; i < words->count; i++)
        markup_span(m, &words->items[i], cell, out);
}
