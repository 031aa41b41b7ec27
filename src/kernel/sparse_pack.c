/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_pack.c -- weights that are not zero, packed in lists with the places of their
   inputs.  It multiplies nothing. */
#include <string.h>

#include "base/parallel.h"
#include "kernel/scratch.h"
#include "kernel/sparse_parts.h"

enum {
    CHUNK_FLOATS = 7 * 1024, /* of input, to stay in the first-level cache */
    LIST_LEAST = 24,         /* entries of a list, on average, worth cutting for: */
    LIST_ONE = 48            /* so many plus so many over vectors */
};

/* Four outputs together cost this much of four entries: they load their input once. */
static const double TOGETHER = 0.7;

typedef struct job {
    const sparse_shape *s;
    const sparse_weights *w;
    sparse_view view;
    int64_t lists; /* of a block */
} job;

static int64_t divided_up(int64_t a, int64_t b)
{
    return (a - 1) / b + 1;
}

/* Which part of the weights a list holds. */
typedef struct list {
    int64_t output, outputs; /* first, and 1 to 4 of them */
    int64_t first, last;     /* channels */
    int64_t kind;
} list;

/* The word of one output, tap and channel; 0 where it has no weight. */
static uint32_t word_at(const sparse_weights *w, int64_t output, int64_t tap,
                        int64_t channel)
{
    const convolution *v = w->v;
    int64_t place = output * v->kernel_h * v->kernel_w + tap;
    uint32_t word = 0;
    if (!w->codes) {
        const float *number = w->numbers + place * v->c + channel;
        if (*number != 0)
            memcpy(&word, number, sizeof word);
        return word;
    }
    const int8_t *code = w->codes + place * w->code_channels + 4 * channel;
    int32_t zero = w->zero[w->zeros == 1 ? 0 : output];
    for (int i = 0; i < 4 && 4 * channel + i < w->code_channels; i++)
        word |= (uint32_t)(uint8_t)(code[i] - zero) << 8 * i;
    return word;
}

/* Calls TAKE for all inputs of a list at which some output has a weight, in the order of
   their places, in vectors behind the list's first channel: WORDS [outputs] of them. */
static int64_t walk(const sparse_shape *s, const sparse_weights *w, const list *l,
                    void *to,
                    void (*take)(void *to, int64_t i, int64_t place,
                                 const uint32_t *words))
{
    const convolution *v = w->v;
    int64_t found = 0;
    for (int64_t c = l->first; c < l->last; c++)
        for (int64_t a = 0; a < v->kernel_h; a++)
            for (int64_t b = 0; b < v->kernel_w; b++) {
                int64_t row = s->rows.number[a], column = s->columns.number[b];
                if (row < 0 || column < 0 || s->columns.shift[b] != s->kind[l->kind])
                    continue;
                uint32_t words[4] = {0};
                bool any = false;
                for (int64_t o = 0; o < l->outputs; o++) {
                    words[o] = word_at(w, l->output + o, a * v->kernel_w + b, c);
                    any = any || words[o] != 0;
                }
                if (any && take)
                    take(to, found,
                         ((c - l->first) * s->planes + row * s->columns.phases + column) *
                                 s->slots +
                             sparse_slot(s, s->rows.shift[a] - s->rows.least),
                         words);
                found += any;
            }
    return found;
}

static list list_at(const job *j, int64_t block, int64_t i)
{
    const sparse_shape *s = j->s;
    const sparse_packed *p = j->view.head;
    int64_t row = i % p->lists / s->kinds, chunk = i / p->lists;
    list l = {.output = block * s->lanes + row * p->together, .kind = i % s->kinds};
    l.first = chunk * p->channels;
    l.last = l.first + p->channels < s->channels ? l.first + p->channels : s->channels;
    l.outputs = s->outputs - l.output;
    l.outputs = l.outputs > p->together ? p->together : l.outputs < 0 ? 0 : l.outputs;
    return l;
}

/* The entries that all weights make, TOGETHER outputs at a time. */
static int64_t count_entries(const sparse_shape *s, const sparse_weights *w,
                             int64_t together)
{
    int64_t sum = 0;
    for (int64_t o = 0; o < s->outputs; o += together)
        for (int64_t kind = 0; kind < s->kinds; kind++) {
            list l = {.output = o, .last = s->channels, .kind = kind};
            l.outputs = s->outputs - o < together ? s->outputs - o : together;
            sum += walk(s, w, &l, NULL, NULL);
        }
    return sum;
}

sparse_packed sparse_pack_head(const sparse_shape *s, const sparse_weights *w)
{
    int64_t one = count_entries(s, w, 1), four = w->codes ? one : count_entries(s, w, 4);
    sparse_packed p = {.together = 1, .entries = one};
    if ((double)four * 4 * TOGETHER < (double)one) {
        p.together = 4;
        p.entries = four;
    }
    p.blocks = divided_up(s->outputs, s->lanes);
    p.lists = s->lanes / p.together * s->kinds;
    int64_t fit = CHUNK_FLOATS / sparse_channel_floats(s);
    int64_t least = LIST_LEAST + LIST_ONE / s->vectors;
    int64_t most = p.entries / (p.blocks * p.lists * least);
    p.chunks = divided_up(s->channels, fit < 1 ? 1 : fit);
    p.chunks = p.chunks > most ? most : p.chunks;
    p.channels = divided_up(s->channels, p.chunks < 1 ? 1 : p.chunks);
    int64_t reached = SPARSE_PLACES / (s->planes * s->slots);
    p.channels = p.channels > reached ? reached : p.channels;
    p.chunks = divided_up(s->channels, p.channels);
    return p;
}

size_t sparse_view_make(sparse_view *view, const sparse_packed *head, void *base)
{
    scratch s = {.base = base};
    int64_t fours = head->together == 4 ? head->entries : 0;
    view->head = scratch_take(&s, 1, sizeof *view->head);
    view->cuts = scratch_take(&s, SPARSE_CUTS + 1, sizeof *view->cuts);
    view->starts = scratch_take(&s, head->blocks + 1, sizeof *view->starts);
    view->counts =
        scratch_take(&s, head->blocks * head->chunks * head->lists, sizeof *view->counts);
    view->fours = scratch_take(&s, fours, sizeof *view->fours);
    view->words = scratch_take(&s, head->entries - fours, sizeof *view->words);
    view->places = scratch_take(&s, head->entries - fours, sizeof *view->places);
    return s.used;
}

static void count_block(void *context, int64_t block, int thread)
{
    const job *j = context;
    uint32_t *counts = j->view.counts + block * j->lists;
    (void)thread;
    j->view.starts[block + 1] = 0;
    for (int64_t i = 0; i < j->lists; i++) {
        list l = list_at(j, block, i);
        counts[i] = (uint32_t)walk(j->s, j->w, &l, NULL, NULL);
        j->view.starts[block + 1] += counts[i];
    }
}

/* Where the entries of a list go: number AT of all. */
typedef struct target {
    const sparse_view *view;
    int64_t at, lanes;
} target;

static void take_one(void *to, int64_t i, int64_t place, const uint32_t *words)
{
    const target *t = to;
    t->view->words[t->at + i] = words[0];
    t->view->places[t->at + i] = (uint16_t)place;
}

static void take_four(void *to, int64_t i, int64_t place, const uint32_t *words)
{
    const target *t = to;
    sparse_four *four = &t->view->fours[t->at + i];
    four->place = (uint32_t)(place * t->lanes);
    memcpy(four->weight, words, sizeof four->weight);
}

static void fill_block(void *context, int64_t block, int thread)
{
    const job *j = context;
    target to = {&j->view, j->view.starts[block], j->s->lanes};
    (void)thread;
    for (int64_t i = 0; i < j->lists; i++) {
        list l = list_at(j, block, i);
        to.at +=
            walk(j->s, j->w, &l, &to, j->view.head->together == 4 ? take_four : take_one);
    }
}

/* Blocks cost their entries, and something for themselves. */
static void cut_blocks(const sparse_view *view)
{
    int64_t blocks = view->head->blocks, block = 0;
    int64_t own = view->head->entries / (4 * blocks) + 1;
    int64_t all = view->head->entries + own * blocks;
    for (int64_t i = 0; i <= SPARSE_CUTS; i++) {
        while (block < blocks &&
               (view->starts[block] + own * block) * SPARSE_CUTS < all * i)
            block++;
        view->cuts[i] = i == SPARSE_CUTS ? blocks : block;
    }
}

void sparse_pack(const sparse_shape *s, const sparse_weights *w, void *prepared)
{
    job j = {.s = s, .w = w};
    sparse_packed head = sparse_pack_head(s, w);
    sparse_view_make(&j.view, &head, prepared);
    *j.view.head = head;
    j.lists = head.chunks * head.lists;
    j.view.starts[0] = 0;
    parallel_for(head.blocks, count_block, &j);
    for (int64_t b = 0; b < head.blocks; b++)
        j.view.starts[b + 1] += j.view.starts[b];
    parallel_for(head.blocks, fill_block, &j);
    cut_blocks(&j.view);
}
