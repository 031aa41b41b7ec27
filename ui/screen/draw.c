/* SPDX-License-Identifier: GPL-3.0-or-later
   draw.c -- the whole of the screen: head, panes, status, command line, page of keys.
   It changes nothing but where lists stand. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "ui/screen/line.h"
#include "ui/screen/parts.h"

enum { OFFERS_ROWS = 6, KEYS_COLUMNS = 18 };

void draw_place(list_view *v, int64_t count, int64_t room)
{
    v->count = count;
    v->room = room > 0 ? room : 1;
    if (v->chosen >= count)
        v->chosen = count - 1;
    if (v->chosen < 0)
        v->chosen = 0;
    if (v->top > count - v->room)
        v->top = count - v->room;
    if (v->chosen < v->top)
        v->top = v->chosen;
    if (v->chosen >= v->top + v->room)
        v->top = v->chosen - v->room + 1;
    if (v->top < 0)
        v->top = 0;
}

bool screen_matches(const char *words, const char *filter)
{
    const size_t length = strlen(filter);
    for (const char *p = words; length > 0 && *p; p++)
        if (strncasecmp(p, filter, length) == 0)
            return true;
    return length == 0;
}

void draw_title(const screen *s, pane p, rectangle r, const char *words)
{
    char name[32];
    const bool focus = s->focus == p;
    const char *filter = s->lists[p].filter;
    snprintf(name, sizeof name, " %d %s ", (int)p + 1, layout_pane_name(p));
    canvas_line(r.row, r.column, r.columns);
    int at = canvas_write(r.row, r.column, (int)strlen(name),
                          focus ? STYLE_FOCUS : STYLE_HEAD, name);
    if (*words && r.columns - at > 5) {
        char shown[SCREEN_WORDS + 4];
        snprintf(shown, sizeof shown, " %s ", words);
        const int width = text_columns(shown), room = r.columns - at - 1;
        at += canvas_write(r.row, r.column + at, width < room ? width : room, STYLE_PLAIN,
                           shown);
    }
    if (*filter && r.columns - at > 4) {
        char shown[SCREEN_WORDS + 4];
        snprintf(shown, sizeof shown, " /%s ", filter);
        const int width = text_columns(shown), room = r.columns - at - 1;
        canvas_write(r.row, r.column + at + 1, width < room ? width : room, STYLE_KEY,
                     shown);
    }
}

void draw_words(rectangle r, style look, const char *words)
{
    for (int row = 0; row < r.rows && *words && r.columns > 0; row++) {
        char line[SCREEN_WORDS];
        const size_t length = text_fitting(words, r.columns);
        snprintf(line, sizeof line, "%.*s", (int)length, words);
        canvas_write(r.row + row, r.column, r.columns, look, line);
        words += length + (words[length] == ' ');
    }
}

/* ---- head, status, command line ---- */

static void draw_head(const screen *s, const cards *c)
{
    text words = {0};
    int counts[OBJECT_TABLE + 1] = {0};
    const bool wide = canvas_columns() >= 60;
    const char *keys = s->layout.single && !wide ? "? keys  Tab panes"
                       : !wide                   ? "? keys  : command"
                                                 : "? keys   : command   q leave";
    for (int64_t i = 0; c && i < c->count; i++)
        counts[c->items[i].kind]++;
    text_addf(&words, "  %d model%s", counts[OBJECT_MODEL],
              counts[OBJECT_MODEL] == 1 ? "" : "s");
    if (wide)
        text_addf(&words, ", %d dataset%s", counts[OBJECT_DATASET],
                  counts[OBJECT_DATASET] == 1 ? "" : "s");
    if (wide && counts[OBJECT_TABLE] > 0)
        text_addf(&words, ", %d table%s", counts[OBJECT_TABLE],
                  counts[OBJECT_TABLE] == 1 ? "" : "s");
    canvas_write(0, 0, canvas_columns(), STYLE_PLAIN, "");
    const int at = canvas_write(0, 0, 7, STYLE_FOCUS, " lathe ");
    canvas_write(0, at, text_columns(text_get(&words)), STYLE_PLAIN, text_get(&words));
    const int width = text_columns(keys);
    canvas_write(0, canvas_columns() - width, width, STYLE_QUIET, keys);
    text_clear(&words);
}

static void work_words(const screen *s, int columns, text *out)
{
    const worker_view *v = &s->work;
    char queue[48] = "", seconds[32];
    const double now = task_clock();
    if (v->waiting > 0)
        snprintf(queue, sizeof queue, "  +%lld wait", (long long)v->waiting);
    const int room = columns - (int)strlen(queue);
    if (v->stopping)
        text_addf(out, "stopping: %s", v->line);
    else if (v->told)
        progress_line(&v->line_view, &v->last, now, room, out);
    if (out->length == 0)
        text_addf(out, "%s  %s", v->line, text_seconds(seconds, now - v->began));
    text_add(out, queue);
}

static void draw_status(const screen *s, const cards *c)
{
    const worker_view *v = &s->work;
    const int row = s->layout.status, columns = canvas_columns();
    text words = {0};
    style look = STYLE_QUIET;
    if (s->asks_to_leave) {
        text_add(&words, "a job runs: stop it and leave? [y/n]");
        look = STYLE_WARNING;
    } else if (*v->question) {
        text_addf(&words, "%s [y/n]", v->question);
        look = STYLE_WARNING;
    } else if (*s->note) {
        text_add(&words, s->note);
        look = s->note_is_bad ? STYLE_BAD : STYLE_GOOD;
    } else if (v->busy) {
        work_words(s, columns, &words);
        look = STYLE_KEY;
    } else if (c && c->undo) {
        text_addf(&words, "u undoes: %s", c->undo);
    } else {
        text_add(&words, "ready");
    }
    canvas_write(row, 0, columns, look, text_get(&words));
    text_clear(&words);
}

/* What may complete the line, above it. */
static void draw_offers(const screen *s)
{
    const char *words = text_get(&s->offers);
    int rows = 0;
    for (const char *p = words; *p; p++)
        rows += *p == '\n';
    rows = rows > OFFERS_ROWS ? OFFERS_ROWS : rows;
    for (int i = 0; i < rows; i++) {
        char line[SCREEN_WORDS * 2];
        const size_t length = strcspn(words, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, words);
        canvas_write(s->layout.status - rows + i + 1, 0, canvas_columns(), STYLE_KEY,
                     line);
        words += length + 1;
    }
}

/* ---- the page of keys ---- */

void draw_keys(screen *s)
{
    char title[64];
    const int columns = canvas_columns(), rows = s->layout.status - 2;
    int count = 0, row = 0;
    for (int i = 0; keys_at(i); i++)
        count += (keys_at(i)->places & 1u << s->focus) != 0;
    draw_place(&s->keys, count, rows);
    /* Nothing is chosen there: the cursor only moves the page. */
    s->keys.top = s->keys.chosen < count - rows ? s->keys.chosen : count - rows;
    s->keys.top = s->keys.top < 0 ? 0 : s->keys.top;
    snprintf(title, sizeof title, "keys in the pane %s%s", layout_pane_name(s->focus),
             count > rows ? ": Down goes on" : "");
    canvas_write(1, 0, columns, STYLE_HEAD, title);
    for (int i = 0; keys_at(i); i++) {
        const key_row *k = keys_at(i);
        text names = {0};
        if (!(k->places & 1u << s->focus))
            continue;
        const int line = row++ - (int)s->keys.top;
        keys_names(k, &names);
        if (line >= 0 && line < rows) {
            canvas_write(2 + line, 0, KEYS_COLUMNS - 1, STYLE_KEY, text_get(&names));
            canvas_write(2 + line, KEYS_COLUMNS, columns - KEYS_COLUMNS, STYLE_PLAIN,
                         k->words);
        }
        text_clear(&names);
    }
}

/* ---- all ---- */

static void draw_panes(screen *s, const cards *c)
{
    const rectangle *r = s->layout.panes;
    if (r[PANE_SESSION].rows > 0)
        draw_session(s, c, r[PANE_SESSION]);
    if (r[PANE_LAYERS].rows > 0 && s->comparing)
        draw_pair(s, c, r[PANE_LAYERS]);
    else if (r[PANE_LAYERS].rows > 0)
        draw_layers(s, c, r[PANE_LAYERS]);
    if (r[PANE_PICTURE].rows > 0)
        draw_picture(s, c, r[PANE_PICTURE]);
    if (r[PANE_LOG].rows > 0)
        draw_log(s, r[PANE_LOG]);
    if (s->layout.divider >= 0)
        canvas_line_down(1, s->layout.divider, s->layout.status - 1);
}

static void draw_small(void)
{
    char words[64];
    snprintf(words, sizeof words, "too small: %dx%d", canvas_columns(), canvas_rows());
    canvas_write(0, 0, canvas_columns(), STYLE_WARNING, words);
    snprintf(words, sizeof words, "want %dx%d", LAYOUT_COLUMNS_LEAST, LAYOUT_ROWS_LEAST);
    canvas_write(1, 0, canvas_columns(), STYLE_PLAIN, words);
}

void draw_screen(screen *s)
{
    int cursor = -1;
    s->layout = layout_make(canvas_rows(), canvas_columns(), s->focus, s->alone);
    worker_look(s->worker, &s->work);
    canvas_begin();
    if (s->layout.small) {
        draw_small();
        canvas_end(-1, 0);
        return;
    }
    const cards *c = worker_borrow(s->worker);
    place_session(s, c);
    edits_follow(&s->edits, c);
    applied_follow(&s->applied, c, !s->work.busy && s->work.waiting == 0, s->work.done);
    if (*s->edits.told) {
        screen_note(s, true, "%s", s->edits.told);
        s->edits.told[0] = '\0';
    }
    draw_head(s, c);
    if (s->help)
        draw_keys(s);
    else
        draw_panes(s, c);
    draw_status(s, c);
    worker_give_back(s->worker);
    if (line_is_open()) {
        draw_offers(s);
        cursor = line_draw(s->layout.command);
    }
    canvas_end(cursor >= 0 ? s->layout.command : -1, cursor);
}
