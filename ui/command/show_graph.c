/* SPDX-License-Identifier: GPL-3.0-or-later
   show_graph.c -- `show m graph=yes`: the graph drawn line by line.  In the first column
   each value flows to the node below; a value that others read too runs on a rail beside
   it until its last reader.  It changes nothing and prints nothing. */
#include <string.h>

#include "base/memory.h"
#include "graph/operator.h"
#include "ui/command/rows.h"
#include "ui/command/show.h"
#include "ui/interpreter.h"

enum { RAILS_MAX = 32 };

/* What a rail does on a line. */
typedef enum mark { MARK_NONE, MARK_PASS, MARK_BEGIN, MARK_READ, MARK_END } mark;

typedef struct drawing {
    const graph *g;
    const int *last;      /* of each value: the last node that reads it, -1: none */
    int rails[RAILS_MAX]; /* the value on each, -1: free */
    int count;            /* rails that were ever used */
    bool unicode;
} drawing;

static const char *sign_of(mark m, bool crossed, bool unicode)
{
    static const char *const signs[2][5] = {
        {" ", "|", ".", "+", "'"},
        {" ", "│", "╮", "┤", "╯"},
    };
    if (crossed && m == MARK_PASS)
        return unicode ? "┼" : "+";
    if (crossed && m == MARK_READ)
        return unicode ? "┼" : "+";
    if (crossed && m == MARK_BEGIN)
        return unicode ? "┬" : ".";
    if (crossed && m == MARK_END)
        return unicode ? "┴" : "'";
    if (crossed)
        return unicode ? "─" : "-";
    return signs[unicode][m];
}

/* HEAD, then the rails; a line runs from the head to the last that the node touches. */
static void add_line(text *out, const drawing *d, const char *head, const mark *marks)
{
    int reach = -1;
    for (int i = 0; i < d->count; i++)
        if (marks[i] > MARK_PASS)
            reach = i;
    text_add(out, head);
    for (int i = 0; i < d->count; i++) {
        text_add(out, i > reach ? " " : d->unicode ? "─" : "-");
        text_add(out, sign_of(marks[i], i < reach, d->unicode));
    }
}

static void marks_of_passing(const drawing *d, mark *marks)
{
    for (int i = 0; i < d->count; i++)
        marks[i] = d->rails[i] >= 0 ? MARK_PASS : MARK_NONE;
}

static bool reads(const node *n, int value)
{
    for (int k = 0; k < n->input_count; k++)
        if (n->inputs[k] == value)
            return true;
    return false;
}

/* Takes VALUE on a rail that nothing touches on this line. */
static status begin_rail(drawing *d, int value, mark *marks, error *e)
{
    int i = 0;
    while (i < d->count && (d->rails[i] >= 0 || marks[i] != MARK_NONE))
        i++;
    if (i == RAILS_MAX)
        return fail(e, E_RANGE, "show: more than %d values skip nodes at once",
                    RAILS_MAX);
    if (i == d->count)
        d->count++;
    d->rails[i] = value;
    marks[i] = MARK_BEGIN;
    return E_OK;
}

/* The line of node AT (-1: the input), whose output is VALUE. */
static status draw_node(drawing *d, int at, int value, text *out, error *e)
{
    const graph *g = d->g;
    mark marks[RAILS_MAX] = {MARK_NONE};
    const int above = at > 0 ? g->nodes[at - 1].output : g->input;
    marks_of_passing(d, marks);
    for (int i = 0; at >= 0 && i < d->count; i++) {
        if (d->rails[i] < 0 || d->rails[i] == above ||
            !reads(&g->nodes[at], d->rails[i]))
            continue;
        marks[i] = d->last[d->rails[i]] == at ? MARK_END : MARK_READ;
        if (marks[i] == MARK_END)
            d->rails[i] = -1;
    }
    bool flows = at + 1 < g->node_count && reads(&g->nodes[at + 1], value);
    if (d->last[value] > at + 1 || (d->last[value] > at && !flows))
        TRY(begin_rail(d, value, marks, e));
    add_line(out, d, d->unicode ? "●" : "*", marks);
    return E_OK;
}

static void put_line(table *t, const char *name, text *line, const char *layer,
                     const char *op, const shape *output)
{
    char words[128];
    table_row(t);
    table_text(t, "model", name);
    table_text(t, "graph", text_get(line));
    t->failed = t->failed || line->failed;
    table_text(t, "layer", layer);
    table_text(t, "operator", op);
    if (output) {
        shape s = *output; /* without the batch */
        memmove(s.dim, s.dim + 1, (size_t)--s.rank * sizeof *s.dim);
        table_text(t, "output", rows_shape(words, s));
    }
    text_clear(line);
}

/* Nothing flows from the node above to node AT: a line without a node says so. */
static void put_gap(table *t, const char *name, const drawing *d)
{
    mark marks[RAILS_MAX] = {MARK_NONE};
    text line = {0};
    marks_of_passing(d, marks);
    add_line(&line, d, " ", marks);
    put_line(t, name, &line, NULL, NULL, NULL);
}

static status put_graph(table *t, const char *name, drawing *d, const shape *shapes,
                        error *e)
{
    const graph *g = d->g;
    text line = {0};
    TRY(draw_node(d, -1, g->input, &line, e));
    put_line(t, name, &line, "input", NULL, &shapes[g->input]);
    for (int i = 0; i < g->node_count; i++) {
        const node *n = &g->nodes[i];
        int above = i > 0 ? g->nodes[i - 1].output : g->input;
        if (!reads(n, above))
            put_gap(t, name, d);
        TRY(draw_node(d, i, n->output, &line, e));
        put_line(t, name, &line, n->name, n->op->name, &shapes[n->output]);
    }
    return E_OK;
}

status show_graph(call *c, const char *name, const model *m, error *e)
{
    const graph *g = m->graph;
    const settings *set = c->interpreter ? interpreter_settings(c->interpreter) : NULL;
    drawing d = {.g = g, .unicode = c->output_file || !set || set->unicode};
    shape *shapes = memory_new(g->value_count, sizeof *shapes, e);
    int *last = memory_new(g->value_count, sizeof *last, e);
    status s = shapes && last ? graph_shapes(g, 1, g->input_shape, shapes, e) : E_MEMORY;
    for (int i = 0; s == E_OK && i < g->value_count; i++)
        last[i] = -1;
    for (int i = 0; s == E_OK && i < g->node_count; i++)
        for (int k = 0; k < g->nodes[i].input_count; k++)
            last[g->nodes[i].inputs[k]] = i;
    d.last = last;
    if (s == E_OK)
        s = put_graph(c->rows, name, &d, shapes, e);
    memory_free(shapes);
    memory_free(last);
    return s;
}
