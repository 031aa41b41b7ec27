/* SPDX-License-Identifier: GPL-3.0-or-later
   actions.c -- what the keys do: they move, mark, set layers, or hand an ordinary command
   to the worker.  Nothing here touches a model. */
#include "ui/screen/actions.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "ui/interpreter.h"
#include "ui/screen/line.h"
#include "ui/screen/parts.h"

enum { STEP_OF_LOG = 8, ROWS_OF_WHEEL = 3 };

void screen_note(screen *s, bool bad, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(s->note, sizeof s->note, format, list);
    va_end(list);
    s->note_is_bad = bad;
}

void screen_submit(screen *s, const char *line)
{
    error e = {0};
    if (worker_submit(s->worker, line, &e) != E_OK)
        screen_note(s, true, "%s", e.text);
    /* Its answer is what one wants to see. */
    list_view *v = &s->lists[PANE_LOG];
    v->chosen = v->count;
    s->held = false;
    s->left = 0;
}

/* ---- everywhere ---- */

void action_command(screen *s, int code)
{
    (void)code;
    line_open(s, LINE_COMMAND);
}

void action_help(screen *s, int code)
{
    (void)code;
    s->help = true;
    s->keys = (list_view){0};
}

void action_next_pane(screen *s, int code)
{
    const int step = code == KEY_OF_TAB ? 1 : PANE_COUNT - 1;
    s->focus = (pane)((s->focus + step) % PANE_COUNT);
}

void action_pane(screen *s, int code)
{
    s->focus = (pane)(code - '1');
}

void action_alone(screen *s, int code)
{
    (void)code;
    s->alone = !s->alone;
}

/* How far CODE goes in a list. */
static int64_t rows_of(const list_view *v, int code)
{
    switch (code) {
    case KEY_OF_UP:
    case 'k':
        return -1;
    case KEY_OF_DOWN:
    case 'j':
        return 1;
    case KEY_OF_PAGE_UP:
        return -v->room;
    case KEY_OF_PAGE_DOWN:
        return v->room;
    case KEY_OF_HOME:
    case 'g':
        return -v->count;
    default:
        return v->count;
    }
}

/* Pictures go with the cursor again, unless something happens. */
static void see_cursor(screen *s)
{
    if (!s->work.busy)
        s->seen = s->work.events;
}

void action_move(screen *s, int code)
{
    list_view *v = s->help ? &s->keys : &s->lists[s->focus];
    const int64_t last = v->count > 0 ? v->count - 1 : 0;
    v->chosen += rows_of(v, code);
    v->chosen = v->chosen < 0 ? 0 : v->chosen > last ? last : v->chosen;
    if (s->focus == PANE_SESSION && !s->help)
        s->item[0] = '\0';
    if (s->focus != PANE_PICTURE && s->focus != PANE_LOG)
        see_cursor(s);
}

void action_filter(screen *s, int code)
{
    (void)code;
    line_open(s, LINE_FILTER);
}

/* One thing at a time, the nearest first. */
void action_escape(screen *s, int code)
{
    (void)code;
    if (s->edits.changed > 0 && text_equal(s->edits.model, s->model))
        edits_clear(&s->edits);
    else if (*s->applied.model)
        s->applied.model[0] = '\0';
    else if (s->comparing)
        s->comparing = false;
    else if (*s->lists[s->focus].filter)
        s->lists[s->focus].filter[0] = '\0';
    else if (s->picture != PICTURE_AUTO) {
        s->picture = PICTURE_AUTO;
        s->turn = 0;
    } else
        s->marked[0] = '\0';
}

void action_undo(screen *s, int code)
{
    screen_submit(s, code == 'u' ? "undo" : "redo");
}

void action_stop(screen *s, int code)
{
    (void)code;
    const int64_t dropped = worker_stop(s->worker);
    if (dropped > 0)
        screen_note(s, true, "%lld command%s that waited will not run",
                    (long long)dropped, dropped == 1 ? "" : "s");
}

void action_redraw(screen *s, int code)
{
    (void)s;
    (void)code;
    canvas_redraw();
}

void action_quit(screen *s, int code)
{
    (void)code;
    s->asks_to_leave = s->work.busy;
    s->leaves = !s->work.busy;
}

/* ---- models ---- */

void action_open(screen *s, int code)
{
    (void)code;
    if (strcmp(s->item, s->model) == 0)
        s->focus = PANE_LAYERS;
    else
        screen_note(s, true, "%s has no layers", s->item);
}

void action_steps(screen *s, int code)
{
    (void)code;
    const bool shown = strcmp(s->steps, s->model) == 0;
    snprintf(s->steps, sizeof s->steps, "%s", shown ? "" : s->model);
}

void action_mark(screen *s, int code)
{
    (void)code;
    const bool marked = strcmp(s->marked, s->model) == 0;
    snprintf(s->marked, sizeof s->marked, "%s", marked ? "" : s->model);
    if (*s->marked)
        screen_note(s, false, "%s is marked: choose another, and c compares them",
                    s->marked);
}

void action_compare(screen *s, int code)
{
    (void)code;
    s->comparing = !s->comparing && *s->marked && strcmp(s->marked, s->model) != 0;
    if (s->comparing)
        s->focus = PANE_LAYERS;
    else if (!*s->marked)
        screen_note(s, true, "mark one model with m, then choose another");
}

/* ---- layers ---- */

/* Sets the layer under the cursor by STEP. */
static void set_layer(screen *s,
                      status (*step)(edits *, const name_card *, int64_t, int, error *),
                      int steps)
{
    error note = {0};
    if (s->comparing)
        return;
    const cards *c = worker_borrow(s->worker);
    const name_card *n = cards_find(c, s->model);
    const int64_t i =
        n && n->model ? screen_layer(s, n->model, s->lists[PANE_LAYERS].chosen) : -1;
    edits_follow(&s->edits, c);
    see_cursor(s);
    if (i >= 0 && step(&s->edits, n, i, steps, &note) != E_OK)
        screen_note(s, true, "%.250s", note.text);
    worker_give_back(s->worker);
}

void action_amount(screen *s, int code)
{
    set_layer(s, edits_step_amount, code == '+' || code == KEY_OF_RIGHT ? 1 : -1);
}

void action_bits(screen *s, int code)
{
    set_layer(s, edits_step_bits, code == 'b' ? -1 : 1);
}

void action_apply(screen *s, int code)
{
    (void)code;
    text line = {0};
    const cards *c = worker_borrow(s->worker);
    const name_card *n = cards_find(c, s->model);
    edits_follow(&s->edits, c);
    if (edits_changed(&s->edits, n) > 0) {
        edits_command(&s->edits, n, &line);
        s->applied = (applied){.from = n->model->serial, .block = s->work.done};
        snprintf(s->applied.model, sizeof s->applied.model, "%s", n->name);
        forecast_make(&s->applied.forecast, &s->edits, n,
                      worker_evidence_held(s->worker));
    }
    worker_give_back(s->worker);
    if (line.length > 0) {
        screen_submit(s, text_get(&line));
        edits_clear(&s->edits); /* the line is in the log, and in the history of u */
    } else
        screen_note(s, true,
                    "nothing is changed: + and - prune a layer, b gives it bits");
    text_clear(&line);
}

/* So many runs that small networks have medians that hold, and large ones an end: about
   2e9 multiply-adds in all. */
static long long rounds_of(const model_card *m)
{
    const double rounds = m->multiply_adds > 0 ? 2e9 / (double)m->multiply_adds : 0;
    return llround(fmin(fmax(rounds, 20), 500));
}

/* The layers as they are, and where amounts are set with these, too. */
void action_plan(screen *s, int code)
{
    text line = {0};
    (void)code;
    const cards *c = worker_borrow(s->worker);
    const name_card *n = cards_find(c, s->model);
    if (n && n->model) {
        const evidence *v = worker_evidence_held(s->worker);
        const bool set = edits_sets_amounts(&s->edits, n);
        const long long rounds = rounds_of(n->model);
        if (!set || !isfinite(evidence_total_ms(v, n->serial)))
            text_addf(&line, "plan %s rounds=%lld", n->name, rounds);
        if (set) {
            text_addf(&line, "%splan %s rounds=%lld", line.length > 0 ? "; " : "",
                      n->name, rounds);
            edits_amounts(&s->edits, &line);
        }
    }
    worker_give_back(s->worker);
    if (line.length > 0)
        screen_submit(s, text_get(&line));
    text_clear(&line);
}

/* On the samples that layers are sampled on. */
void action_measure(screen *s, int code)
{
    char line[SCREEN_WORDS] = "";
    (void)code;
    const cards *c = worker_borrow(s->worker);
    const name_card *n = cards_find(c, s->model);
    const name_card *d = n && n->model ? cards_data(c, n) : NULL;
    if (d)
        snprintf(line, sizeof line, "eval %.60s %.60s split=val confidence=0", n->name,
                 d->name);
    worker_give_back(s->worker);
    if (*line)
        screen_submit(s, line);
    else
        screen_note(s, true, "the error is measured on data: there are none");
}

/* ---- pictures ---- */

void action_picture(screen *s, int code)
{
    const int last = PICTURE_COUNT - 1;
    const int now = (int)s->shown, next = code == 'v' ? now + 1 : now - 1;
    s->picture = (picture)(next < 1 ? last : next > last ? 1 : next);
    s->turn = 0;
    if (s->layout.single)
        s->focus = PANE_PICTURE;
}

/* Another sample of it; of a picture that was chosen another kind, another measure. */
void action_turn(screen *s, int code)
{
    const bool chosen = s->picture == PICTURE_HEAT || s->picture == PICTURE_FRONT;
    if (!chosen) {
        if (s->picture != PICTURE_SAMPLE)
            s->turn = code == 'n' ? -1 : 1; /* the first of them comes first */
        s->picture = PICTURE_SAMPLE;
        if (s->layout.single)
            s->focus = PANE_PICTURE;
    }
    s->turn += code == 'n' ? 1 : -1;
}

/* The levels that are measured, so that what lies between them can be told. */
static const char amounts[] = "0.25,0.5,0.75,0.9,0.95", widths[] = "8,6,4,3,2";

/* Where bits are changed they are what is asked for, else amounts. */
void action_sample(screen *s, int code)
{
    char line[2 * SCREEN_WORDS] = "";
    (void)code;
    const cards *c = worker_borrow(s->worker);
    const name_card *n = cards_find(c, s->model);
    const name_card *d = n && n->model ? cards_data(c, n) : NULL;
    const bool bits = d && edits_sets_bits(&s->edits, n);
    const bool both = bits && edits_sets_amounts(&s->edits, n);
    if (d && (both || !bits))
        snprintf(line, sizeof line, "sensitivity %.60s %.60s kind=prune levels=%s",
                 n->name, d->name, amounts);
    const size_t length = strlen(line);
    if (bits)
        snprintf(line + length, sizeof line - length,
                 "%ssensitivity %.60s %.60s kind=weight levels=%s", both ? "; " : "",
                 n->name, d->name, widths);
    worker_give_back(s->worker);
    if (*line) {
        screen_submit(s, line);
        s->picture = PICTURE_AUTO;
        s->turn = 0;
    } else
        screen_note(s, true, "what layers cost is measured on data: there are none");
}

/* ---- log ---- */

void action_side(screen *s, int code)
{
    const bool left = code == KEY_OF_LEFT || code == 'h';
    s->left += left ? -STEP_OF_LOG : STEP_OF_LOG;
    s->left = s->left < 0 ? 0 : s->left;
}

/* ---- the mouse ---- */

/* The first row of a list in its pane: below the title, and what stands above the layers. */
static int head_of(pane p)
{
    return p == PANE_LAYERS ? 2 : 1;
}

static bool find_pane(const layout *l, const pointer *p, pane *found)
{
    for (int i = 0; i < PANE_COUNT && !l->small; i++) {
        const rectangle *r = &l->panes[i];
        *found = (pane)i;
        if (p->row >= r->row && p->row < r->row + r->rows && p->column >= r->column &&
            p->column < r->column + r->columns)
            return true;
    }
    return false;
}

/* The list goes ROWS on, and takes the cursor along where it would go out of sight. */
static void scroll_list(list_view *v, pane p, int64_t rows)
{
    const int64_t most = v->count > v->room ? v->count - v->room : 0;
    if (p == PANE_LOG) { /* its cursor is its last line */
        v->chosen += rows;
        v->chosen = v->chosen >= v->count ? v->count - 1 : v->chosen;
        v->chosen = v->chosen < 0 ? 0 : v->chosen;
        return;
    }
    v->top += rows;
    v->top = v->top < 0 ? 0 : v->top > most ? most : v->top;
    if (v->chosen < v->top)
        v->chosen = v->top;
    if (v->chosen >= v->top + v->room)
        v->chosen = v->top + v->room - 1;
}

static void point_at(screen *s, pane at, const pointer *p)
{
    list_view *v = &s->lists[at];
    const int64_t before = v->chosen,
                  row = v->top + p->row - s->layout.panes[at].row - head_of(at);
    if (p->wheel) {
        scroll_list(v, at, p->wheel * (int64_t)ROWS_OF_WHEEL);
    } else {
        s->focus = at;
        if (at != PANE_LOG && row >= v->top && row < v->top + v->room && row < v->count)
            v->chosen = row;
    }
    if (at == PANE_SESSION && v->chosen != before)
        s->item[0] = '\0';
}

void action_pointer(screen *s, const pointer *p)
{
    pane at;
    if (s->asks_to_leave || *s->work.question)
        return;
    s->note[0] = '\0';
    if (s->help && p->wheel)
        action_move(s, p->wheel < 0 ? KEY_OF_UP : KEY_OF_DOWN);
    else if (!s->help && find_pane(&s->layout, p, &at))
        point_at(s, at, p);
}

/* ---- one key ---- */

static bool is_yes(int code)
{
    return code == 'y' || code == 'Y';
}

void action_key(screen *s, int code)
{
    const key_row *row = keys_find(code, s->focus);
    s->note[0] = '\0';
    if (s->asks_to_leave) {
        s->asks_to_leave = false;
        s->leaves = is_yes(code);
    } else if (*s->work.question && code != KEY_OF_CONTROL('c')) {
        worker_answer(s->worker, is_yes(code));
    } else if (s->help && (!row || row->act != action_move)) {
        s->help = false;
    } else {
        if (row)
            row->act(s, code);
        else if (code != KEY_OF_OTHER)
            screen_note(s, true, "? shows the keys");
    }
}
