/* SPDX-License-Identifier: GPL-3.0-or-later
   pane_log.c -- what commands have answered, the latest at the bottom unless one goes back.
   It changes nothing but where it stands. */
#include <string.h>
#include "ui/screen/parts.h"

static style look_of(const log_line *l)
{
    if (l->head)
        return STYLE_HEAD;
    if (text_starts(l->words, "> "))
        return STYLE_KEY;
    if (text_starts(l->words, "error: "))
        return STYLE_BAD;
    return STYLE_PLAIN;
}

/* WORDS without their first COLUMNS. */
static const char *from_column(const char *words, int columns)
{
    while (columns-- > 0 && *words) {
        words++;
        while (((unsigned char)*words & 0xc0) == 0x80)
            words++;
    }
    return words;
}

/* The cursor is the last line that is seen: at the end it follows what comes. */
void draw_log(screen *s, rectangle r)
{
    list_view *v = &s->lists[PANE_LOG];
    const int64_t rows = r.rows - 1;
    const bool at_end = !s->held && (v->count == 0 || v->chosen >= v->count - 1);
    int64_t count = 0, seen = 0;
    draw_title(s, PANE_LOG, r, "");
    for (int64_t i = 0; i < s->log.count; i++)
        count += screen_matches(log_at(&s->log, i)->words, v->filter);
    v->count = count;
    v->room = rows;
    if (at_end || v->chosen > count - 1)
        v->chosen = count - 1;
    if (v->chosen < rows - 1)
        v->chosen = count < rows ? count - 1 : rows - 1;
    s->held = s->held && v->chosen < count - 1;
    v->top = v->chosen - rows + 1 > 0 ? v->chosen - rows + 1 : 0;
    for (int64_t i = 0; i < s->log.count && seen <= v->chosen; i++) {
        const log_line *l = log_at(&s->log, i);
        if (!screen_matches(l->words, v->filter))
            continue;
        if (seen >= v->top)
            canvas_write(r.row + 1 + (int)(seen - v->top), r.column, r.columns,
                         look_of(l), from_column(l->words, s->left));
        seen++;
    }
}
