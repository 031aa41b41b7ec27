/* SPDX-License-Identifier: GPL-3.0-or-later
   pane_session.c -- the names of the session: models as a tree of versions below those that
   they were made from, datasets, tables.  It changes nothing but where the cursor is. */
#include <stdio.h>
#include <string.h>
#include "ui/screen/parts.h"

enum { BYTES_COLUMNS = 9, STEPS_MOST = 100 };

/* A row: a name, or a step of the name before. */
typedef struct line_of {
    int64_t item, step; /* step -1: the name */
} line_of;

static const char *branch(const name_card *n, bool unicode)
{
    if (n->depth == 0)
        return "";
    if (unicode)
        return n->last ? "\u2514 " : "\u251c ";
    return n->last ? "` " : "+ ";
}

/* The I-th row; false beyond the last. */
static bool find_row(const screen *s, const cards *c, int64_t i, line_of *out)
{
    for (int64_t k = 0; k < c->count; k++) {
        const name_card *n = &c->items[k];
        const bool open = n->model && strcmp(n->name, s->steps) == 0;
        const int64_t steps = !open                               ? 0
                              : n->model->step_count < STEPS_MOST ? n->model->step_count
                                                                  : STEPS_MOST;
        if (!screen_matches(n->name, s->lists[PANE_SESSION].filter))
            continue;
        if (i <= steps) {
            *out = (line_of){k, i - 1};
            return true;
        }
        i -= steps + 1;
    }
    return false;
}

/* The cursor stays with its name when names come and go. */
static void follow(screen *s, const cards *c, int64_t count)
{
    list_view *v = &s->lists[PANE_SESSION];
    line_of at;
    if (find_row(s, c, v->chosen, &at) && strcmp(c->items[at.item].name, s->item) == 0)
        return;
    for (int64_t i = 0; i < count; i++)
        if (find_row(s, c, i, &at) && at.step < 0 &&
            strcmp(c->items[at.item].name, s->item) == 0) {
            v->chosen = i;
            return;
        }
}

static bool is_known(const char *names, const char *name)
{
    const size_t length = strlen(name);
    for (const char *p = names; *p; p += strcspn(p, "\n") + 1)
        if (strncmp(p, name, length) == 0 && p[length] == '\n')
            return true;
    return false;
}

/* A model that has come is what one wants to see. */
static void notice(screen *s, const cards *c)
{
    text now = {0};
    for (int64_t i = 0; i < c->count; i++) {
        const name_card *n = &c->items[i];
        text_addf(&now, "%s\n", n->name);
        if (n->model && !is_known(text_get(&s->known), n->name))
            snprintf(s->item, sizeof s->item, "%s", n->name);
    }
    text_clear(&s->known);
    s->known = now;
}

static void choose(screen *s, const cards *c)
{
    line_of at;
    s->item[0] = '\0';
    if (find_row(s, c, s->lists[PANE_SESSION].chosen, &at)) {
        const name_card *n = &c->items[at.item];
        snprintf(s->item, sizeof s->item, "%s", n->name);
        if (n->model)
            snprintf(s->model, sizeof s->model, "%s", n->name);
    }
    if (cards_find(c, s->model) || c->count == 0)
        return;
    for (int64_t i = c->count - 1; i >= 0; i--) /* what it was of is gone */
        if (c->items[i].model)
            snprintf(s->model, sizeof s->model, "%s", c->items[i].name);
}

static void draw_name(const screen *s, const name_card *n, int row, rectangle r,
                      style look)
{
    char bytes[32], size[40] = "";
    text words = {0};
    const bool marked = *s->marked && strcmp(n->name, s->marked) == 0;
    for (int i = 1; i < n->depth; i++)
        text_add(&words, "  ");
    text_addf(&words, "%s%s%s", marked ? "*" : " ", branch(n, canvas_unicode()), n->name);
    if (n->model && n->model->bytes >= 0)
        snprintf(size, sizeof size, "%s", text_bytes(bytes, (double)n->model->bytes));
    else if (n->words)
        snprintf(size, sizeof size, "%s", n->words);
    const int room = r.columns - (n->model ? BYTES_COLUMNS : text_columns(size));
    canvas_write(row, r.column, r.columns, look, text_get(&words));
    if (text_columns(text_get(&words)) < room)
        canvas_right(row, r.column + room, r.columns - room, look, size);
    text_clear(&words);
}

static void draw_step(const name_card *n, int64_t step, int row, rectangle r, style look)
{
    char words[SCREEN_WORDS];
    snprintf(words, sizeof words, "    %s", n->model->steps[step].command);
    canvas_write(row, r.column, r.columns, look, words);
}

void place_session(screen *s, const cards *c)
{
    const rectangle r = s->layout.panes[PANE_SESSION];
    int64_t count = 0;
    line_of at;
    while (find_row(s, c, count, &at))
        count++;
    notice(s, c);
    follow(s, c, count);
    draw_place(&s->lists[PANE_SESSION], count, r.rows - 1);
    choose(s, c);
}

void draw_session(screen *s, const cards *c, rectangle r)
{
    const list_view *v = &s->lists[PANE_SESSION];
    const int64_t count = v->count;
    line_of at;
    draw_title(s, PANE_SESSION, r, "");
    for (int i = 0; i + 1 < r.rows && find_row(s, c, v->top + i, &at); i++) {
        const bool chosen = v->top + i == v->chosen;
        const style look = !chosen ? at.step < 0 ? STYLE_PLAIN : STYLE_QUIET
                           : s->focus == PANE_SESSION ? STYLE_CHOSEN
                                                      : STYLE_HEAD;
        const name_card *n = &c->items[at.item];
        if (at.step < 0)
            draw_name(s, n, r.row + 1 + i, r, look);
        else
            draw_step(n, at.step, r.row + 1 + i, r, look);
    }
    if (count == 0 && r.rows > 2) {
        const bool all = !*v->filter;
        canvas_write(r.row + 1, r.column, r.columns, STYLE_QUIET,
                     all ? " nothing has a name yet" : " no name holds that");
        if (all && r.rows > 3)
            canvas_write(r.row + 2, r.column, r.columns, STYLE_QUIET,
                         " :tour begins a walk");
    }
}
