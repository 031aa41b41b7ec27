/* SPDX-License-Identifier: GPL-3.0-or-later
   plan_memory.c -- one arena for everything a plan needs, reused by lifetime. */
#include "engine/plan_parts.h"

#include <limits.h>
#include <stdlib.h>
#include "base/memory.h"
#include "base/text.h"

#define ALIGNMENT 64

void *plan_piece(const plan *p, int piece)
{
    return piece == NO_PIECE || !p->arena ? NULL : p->arena + p->pieces[piece].offset;
}

static size_t number_bytes(const plan *p, int value)
{
    dtype type = p->graph->values[value].type;
    return type == DTYPE_F32 ? precision_bytes(p->kept[value]) : dtype_size(type);
}

/* VALUE's first element where PIECE holds it, or the concat's output that it is part of. */
static void *place_in(const plan *p, int value, int piece)
{
    char *place = plan_piece(p, piece);
    if (!place || p->host[value] < 0)
        return place;
    return place + (size_t)p->host_channel[value] * number_bytes(p, value);
}

void *plan_place(const plan *p, int value)
{
    return place_in(p, value, p->value_piece[value]);
}

void *plan_gradient_place(const plan *p, int value)
{
    return place_in(p, value, p->gradient_piece[value]);
}

size_t plan_value_bytes(const plan *p, int value)
{
    return (size_t)shape_count(p->shapes[value]) * number_bytes(p, value);
}

static int add_piece(plan *p, size_t bytes, int first, int last, error *e)
{
    if (memory_grow((void **)&p->pieces, &p->piece_capacity, p->piece_count + 1,
                    sizeof *p->pieces, e))
        return NO_PIECE;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    p->pieces[p->piece_count] = (piece){.bytes = bytes, .first = first, .last = last};
    return p->piece_count++;
}

static int backward_time(const plan *p, int step)
{
    return 2 * p->step_count - 1 - step;
}

static int last_time(const plan *p)
{
    return p->training ? 2 * p->step_count : p->step_count;
}

static void extend(plan *p, int piece, int time)
{
    if (p->pieces[piece].last < time)
        p->pieces[piece].last = time;
}

static bool reads(const graph *g, const step *s, int value)
{
    const node *n = &g->nodes[s->node];
    for (int k = 0; k < n->input_count; k++)
        if (n->inputs[k] == value)
            return true;
    return false;
}

/* When step I runs: with the one that it is inside of. */
static int time_of(const plan *p, int i)
{
    return p->steps[i].inside < 0 ? i : p->steps[i].inside;
}

/* Does a step behind INDEX read a value that lies within WHOLE, a concat's output? */
static bool parts_are_read(const plan *p, int whole, int index)
{
    for (int v = 0; v < p->graph->value_count; v++)
        for (int i = 0; p->host[v] == whole && i < p->step_count; i++)
            if (time_of(p, i) > index && reads(p->graph, &p->steps[i], v))
                return true;
    return false;
}

/* May the step write over its first input?  Only where nobody else needs that any more. */
static bool runs_in_place(const plan *p, int index)
{
    const graph *g = p->graph;
    const step *s = &p->steps[index];
    const node *n = &g->nodes[s->node];
    int x = n->inputs[0];
    if (!n->op->in_place || p->keep_values || p->host[x] >= 0 ||
        p->host[s->output] >= 0 || x == g->input || plan_keeps(p, x) ||
        graph_reader_count(g, x) != 1 ||
        plan_value_bytes(p, x) != plan_value_bytes(p, s->output) ||
        parts_are_read(p, x, index))
        return false;
    if (!p->training)
        return true;
    const node *producer = &g->nodes[g->values[x].producer];
    return !n->op->needs_x && !producer->op->needs_y;
}

/* The piece of the value that step I writes: its own, that of the input it overwrites, or
   that of the concat it is a part of, which the first part takes. */
static int take_piece(plan *p, int i, error *e)
{
    const step *s = &p->steps[i];
    if (runs_in_place(p, i))
        return p->value_piece[p->graph->nodes[s->node].inputs[0]];
    int host = p->host[s->output], whole = host < 0 ? s->output : host;
    if (p->value_piece[whole] == NO_PIECE)
        p->value_piece[whole] = add_piece(p, plan_value_bytes(p, whole), i, i, e);
    return p->value_piece[whole];
}

/* Is input K of S made inside of it, so that it has no place? */
static bool made_inside(const step *s, int k)
{
    return k == 0 && s->op.first;
}

static status place_values(plan *p, error *e)
{
    const graph *g = p->graph;
    int end = last_time(p);
    p->value_piece[g->input] =
        add_piece(p, plan_value_bytes(p, g->input), 0, p->keep_values ? end : 0, e);
    if (p->value_piece[g->input] == NO_PIECE)
        return E_MEMORY;
    for (int i = 0; i < p->step_count; i++) {
        step *s = &p->steps[i];
        const node *n = &g->nodes[s->node];
        int *y = &p->value_piece[s->output];
        for (int k = 0; k < n->input_count; k++)
            if (!made_inside(s, k))
                extend(p, p->value_piece[n->inputs[k]],
                       p->training && n->op->needs_x ? backward_time(p, i)
                                                     : time_of(p, i));
        if (s->inside >= 0)
            continue;
        *y = take_piece(p, i, e);
        if (*y == NO_PIECE)
            return E_MEMORY;
        extend(p, *y, i);
        if (p->training && n->op->needs_y)
            extend(p, *y, backward_time(p, i));
        if (plan_keeps(p, s->output) || p->keep_values)
            extend(p, *y, end);
    }
    return E_OK;
}

static status place_saved(plan *p, error *e)
{
    for (int i = 0; p->training && i < p->step_count; i++) {
        step *s = &p->steps[i];
        const operator_row *row = s->op.node->op;
        size_t saved = row->saved_bytes ? row->saved_bytes(&s->op) : 0;
        if (!saved)
            continue;
        s->saved = add_piece(p, saved, i, backward_time(p, i), e);
        if (s->saved == NO_PIECE)
            return E_MEMORY;
    }
    return E_OK;
}

/* A step's own, while it runs; in training, where it runs forward and backward, all share
   one. */
static status place_scratch(plan *p, error *e)
{
    size_t most = 0;
    for (int i = 0; i < p->step_count; i++) {
        step *s = &p->steps[i];
        const operator_row *row = s->op.node->op;
        size_t own = row->scratch_bytes && s->inside < 0 ? row->scratch_bytes(&s->op) : 0;
        most = own > most ? own : most;
        if (!own || p->training)
            continue;
        s->scratch = add_piece(p, own, i, i, e);
        if (s->scratch == NO_PIECE)
            return E_MEMORY;
    }
    if (!most || !p->training)
        return E_OK;
    int shared = add_piece(p, most, 0, last_time(p), e);
    for (int i = 0; i < p->step_count; i++)
        p->steps[i].scratch = shared;
    return shared == NO_PIECE ? E_MEMORY : E_OK;
}

/* Does the gradient of the value lead to anything that is trained? */
static void mark_wanted(const plan *p, bool *wanted)
{
    const graph *g = p->graph;
    wanted[g->input] = p->want_input_gradient;
    for (int i = 0; i < p->step_count; i++) {
        const node *n = &g->nodes[p->steps[i].node];
        bool any = false;
        for (int k = 0; k < n->input_count; k++)
            any = any || wanted[n->inputs[k]];
        for (int role = 0; role < ROLE_COUNT; role++) {
            const parameter *q = graph_parameter(g, n, (parameter_role)role);
            any = any || (q && parameter_is_trained(q));
        }
        wanted[p->steps[i].output] = any;
    }
}

/* A gradient lives from the backward of the value's last reader to that of its producer;
   the output's from before the first backward step.  False where nobody reads it. */
static bool gradient_life(const plan *p, int value, int *first, int *last)
{
    *first = INT_MAX;
    *last = last_time(p);
    for (int i = 0; i < p->step_count; i++) {
        if (reads(p->graph, &p->steps[i], value) && backward_time(p, i) < *first)
            *first = backward_time(p, i);
        if (p->steps[i].output == value)
            *last = backward_time(p, i);
    }
    if (plan_keeps(p, value))
        *first = p->step_count - 1;
    return *first != INT_MAX;
}

static status place_wanted(plan *p, const bool *wanted, error *e)
{
    int first, last, count = p->graph->value_count;
    for (int v = 0; v < count; v++) {
        if (!wanted[v] || p->host[v] >= 0 || !gradient_life(p, v, &first, &last))
            continue;
        p->gradient_piece[v] = add_piece(p, plan_value_bytes(p, v), first, last, e);
        if (p->gradient_piece[v] == NO_PIECE)
            return E_MEMORY;
    }
    for (int v = 0; v < count; v++) {
        if (!wanted[v] || p->host[v] < 0 || !gradient_life(p, v, &first, &last))
            continue;
        p->gradient_piece[v] = p->gradient_piece[p->host[v]];
        if (p->gradient_piece[v] != NO_PIECE)
            extend(p, p->gradient_piece[v], last);
    }
    return E_OK;
}

static status place_gradients(plan *p, error *e)
{
    bool *wanted = memory_new(p->graph->value_count, sizeof *wanted, e);
    if (!wanted)
        return E_MEMORY;
    mark_wanted(p, wanted);
    status code = place_wanted(p, wanted, e);
    memory_free(wanted);
    return code;
}

/* What is handed over lives while its step runs backward; a bias, which the operator
   behind it may write, through all of it. */
static status place_passing(plan *p, error *e)
{
    int count = p->graph->parameter_count;
    p->parameter_piece = memory_new(count, sizeof(int), e);
    if (!p->parameter_piece)
        return E_MEMORY;
    for (int q = 0; q < count; q++)
        p->parameter_piece[q] = NO_PIECE;
    for (int i = 0; i < p->step_count; i++)
        for (int role = 0; role < ROLE_COUNT; role++) {
            int q = p->steps[i].op.node->parameters[role], time = backward_time(p, i);
            if (q < 0 || !parameter_is_trained(&p->graph->parameters[q]))
                continue;
            size_t bytes =
                (size_t)tensor_count(p->graph->parameters[q].data) * sizeof(float);
            p->parameter_piece[q] =
                add_piece(p, bytes, role == ROLE_BIAS ? p->step_count : time, time, e);
            if (p->parameter_piece[q] == NO_PIECE)
                return E_MEMORY;
        }
    return E_OK;
}

static int larger_first(const void *a, const void *b)
{
    const piece *x = *(piece *const *)a, *y = *(piece *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

static bool overlap(const piece *a, const piece *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Would PIECE at OFFSET share bytes with one that is placed, at a time when both live? */
static bool meets(const piece *piece_to_place, size_t offset, const piece *placed)
{
    return overlap(placed, piece_to_place) && offset < placed->offset + placed->bytes &&
           placed->offset < offset + piece_to_place->bytes;
}

/* Does PIECE fit at OFFSET among the first COUNT of ORDER, already placed? */
static bool fits_at(const piece *piece_to_place, size_t offset, piece *const *order,
                    int count)
{
    for (int i = 0; i < count; i++)
        if (meets(piece_to_place, offset, order[i]))
            return false;
    return true;
}

/* The lowest offset at which PIECE lies in the middle of a larger one of another time, if
   there is one: halves of images are then halves of the memory that they take turns in,
   and lines stay with the threads that write these. */
static bool fit_middle(const piece *piece_to_place, piece *const *order, int count,
                       size_t *offset)
{
    bool found = false;
    *offset = 0;
    for (int i = 0; i < count; i++) {
        const piece *o = order[i];
        size_t at =
            o->offset + (o->bytes - piece_to_place->bytes) / 2 / ALIGNMENT * ALIGNMENT;
        if (!overlap(o, piece_to_place) && (!found || at < *offset) &&
            fits_at(piece_to_place, at, order, count)) {
            *offset = at;
            found = true;
        }
    }
    return found;
}

/* Lowest offset at which PIECE fits among the first COUNT of ORDER, already placed. */
static size_t fit(const piece *piece_to_place, piece *const *order, int count)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < count; i++) {
            if (meets(piece_to_place, offset, order[i])) {
                offset = order[i]->offset + order[i]->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

static void measure_live(plan *p)
{
    p->largest_live = 0;
    for (int time = 0; time <= last_time(p); time++) {
        size_t live = 0;
        for (int i = 0; i < p->piece_count; i++)
            if (p->pieces[i].first <= time && time <= p->pieces[i].last)
                live += p->pieces[i].bytes;
        if (live > p->largest_live)
            p->largest_live = live;
    }
}

/* Greedy by size: Pisarchyk and Lee 2020, arXiv:2001.03288, section 5.2.  Returns the
   bytes of all. */
static size_t place_pieces(piece *const *order, int count, bool middle)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        size_t offset;
        if (!middle || !fit_middle(order[i], order, i, &offset))
            offset = fit(order[i], order, i);
        order[i]->offset = offset;
        bytes = offset + order[i]->bytes > bytes ? offset + order[i]->bytes : bytes;
    }
    return bytes;
}

static status place_arena(plan *p, error *e)
{
    piece **order = memory_new(p->piece_count, sizeof(piece *), e);
    if (!order)
        return E_MEMORY;
    for (int i = 0; i < p->piece_count; i++)
        order[i] = &p->pieces[i];
    qsort(order, (size_t)p->piece_count, sizeof *order, larger_first);
    size_t least = place_pieces(order, p->piece_count, false);
    p->arena_bytes = place_pieces(order, p->piece_count, true);
    if (p->arena_bytes > least + least / 16) /* not at any price */
        p->arena_bytes = place_pieces(order, p->piece_count, false);
    memory_free(order);
    measure_live(p);
    p->arena = memory_new_raw((int64_t)p->arena_bytes, 1, e);
    if (p->arena)
        return E_OK;
    char words[32];
    text_bytes(words, (double)p->arena_bytes);
    return fail_prefix(e, "a batch of %lld needs %s", (long long)p->batch, words);
}

status plan_make_memory(plan *p, error *e)
{
    int values = p->graph->value_count;
    p->value_piece = memory_new(values, sizeof(int), e);
    p->gradient_piece = memory_new(values, sizeof(int), e);
    if (!p->value_piece || !p->gradient_piece)
        return E_MEMORY;
    for (int v = 0; v < values; v++)
        p->value_piece[v] = p->gradient_piece[v] = NO_PIECE;
    TRY(place_values(p, e));
    TRY(place_saved(p, e));
    TRY(place_scratch(p, e));
    if (p->training)
        TRY(place_gradients(p, e));
    if (p->passing)
        TRY(place_passing(p, e));
    return place_arena(p, e);
}

static void bind_backward(plan *p, step *s, bool *written)
{
    operation *op = &s->op;
    op->grad_y = plan_gradient_place(p, s->output);
    for (int k = 0; k < op->node->input_count; k++) {
        int v = op->node->inputs[k];
        op->grad_x[k] = plan_gradient_place(p, v);
        op->accumulate[k] = written[v];
        written[v] = true;
    }
    for (int role = 0; role < ROLE_COUNT; role++) {
        int q = op->node->parameters[role];
        op->grad_parameters[role] = q < 0 ? NULL : p->gradients[q];
    }
}

/* A bias whose layer is followed by an operator that sums its gradient anyway is spared a
   pass over all pixels. */
static void bind_bias(plan *p, step *s)
{
    const graph *g = p->graph;
    int x = s->op.node->inputs[0];
    if (!s->op.node->op->sums_gradient || !s->op.grad_x[0] || plan_keeps(p, x) ||
        p->shape_gradient || graph_reader_count(g, x) != 1)
        return;
    for (int i = 0; i < p->step_count; i++) {
        operation *from = &p->steps[i].op;
        if (p->steps[i].output != x || !from->node->op->bias_is_added)
            continue;
        s->op.grad_x_sum = from->grad_parameters[ROLE_BIAS];
        from->grad_parameters[ROLE_BIAS] = NULL;
    }
}

static status bind_gradients(plan *p, error *e)
{
    for (int q = 0; p->passing && q < p->graph->parameter_count; q++)
        p->gradients[q] = plan_piece(p, p->parameter_piece[q]);
    bool *written = memory_new(p->graph->value_count, sizeof *written, e);
    if (!written)
        return E_MEMORY;
    if (p->wanted >= 0)
        written[p->wanted] = true; /* by the caller */
    for (int i = p->step_count - 1; i >= 0; i--)
        bind_backward(p, &p->steps[i], written);
    for (int i = 0; i < p->step_count; i++)
        bind_bias(p, &p->steps[i]);
    memory_free(written);
    return E_OK;
}

status plan_bind(plan *p, error *e)
{
    for (int i = 0; i < p->step_count; i++) {
        step *s = &p->steps[i];
        operation *op = &s->op;
        for (int k = 0; k < op->node->input_count; k++)
            op->x[k] = plan_place(p, op->node->inputs[k]);
        op->y = plan_place(p, s->output);
        op->saved = plan_piece(p, s->saved);
        op->scratch = plan_piece(p, s->scratch);
    }
    return p->training ? bind_gradients(p, e) : E_OK;
}
