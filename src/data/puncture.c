/* SPDX-License-Identifier: GPL-3.0-or-later
   puncture.c -- Brill-Lindquist data in closed form on blocks of an octree.  It draws from
   the stream that it is given, and makes no datasets. */
#include "data/puncture.h"

#include <math.h>
#include "base/memory.h"

enum { TRIES = 1000, CELLS = 5 };

static double distance(const double a[3], const double b[3])
{
    return hypot(hypot(a[0] - b[0], a[1] - b[1]), a[2] - b[2]);
}

/* A place in the ball that is far enough from those before; the last try counts. */
static void draw_place(punctures *p, int i, double radius, random_stream *random)
{
    for (int try = 0; try < TRIES; try++) {
        static const double origin[3] = {0};
        double nearest = INFINITY;
        for (int k = 0; k < 3; k++)
            p->place[i][k] = random_between(random, -radius, radius);
        for (int j = 0; j < i; j++)
            nearest = fmin(nearest, distance(p->place[i], p->place[j]));
        if (distance(p->place[i], origin) <= radius && nearest >= radius / 5)
            return;
    }
}

void punctures_draw(punctures *p, int low, int high, double radius, random_stream *random)
{
    double sum = 0;
    *p = (punctures){.count = low + (int)random_below(random, high - low + 1)};
    for (int i = 0; i < p->count; i++) {
        sum += p->mass[i] = random_between(random, 0.25, 1);
        draw_place(p, i, radius, random);
    }
    for (int i = 0; i < p->count; i++)
        p->mass[i] /= sum;
}

double punctures_chi(const punctures *p, double x, double y, double z)
{
    const double at[3] = {x, y, z};
    double psi = 1;
    for (int i = 0; i < p->count; i++)
        psi += p->mass[i] / (2 * distance(at, p->place[i]));
    return 1 / (psi * psi * psi * psi);
}

typedef struct block_list {
    puncture_block *blocks;
    int64_t count, capacity;
} block_list;

static status add(block_list *l, const puncture_block *b, error *e)
{
    TRY(memory_grow((void **)&l->blocks, &l->capacity, l->count + 1, sizeof *b, e));
    l->blocks[l->count++] = *b;
    return E_OK;
}

/* B, or what it is cut into: at most LEVELS deep, eight a level. */
static status cut(block_list *l, const punctures *p, const puncture_block *b, int levels,
                  error *e)
{
    const double side = CELLS * b->spacing;
    double nearest = INFINITY;
    for (int i = 0; i < p->count; i++)
        nearest = fmin(nearest, distance(b->centre, p->place[i]));
    if (b->level == levels || nearest >= side)
        return add(l, b, e);
    for (int eighth = 0; eighth < 8; eighth++) {
        puncture_block part = {.level = b->level + 1, .spacing = b->spacing / 2};
        for (int k = 0; k < 3; k++)
            part.centre[k] = b->centre[k] + (eighth >> k & 1 ? side : -side) / 4;
        TRY(cut(l, p, &part, levels, e));
    }
    return E_OK;
}

status puncture_blocks(const punctures *p, double half, int base, int levels,
                       puncture_block **blocks, int64_t *count, error *e)
{
    block_list l = {0};
    const double side = 2 * half / base;
    status result = E_OK;
    for (int i = 0; i < base * base * base && result == E_OK; i++) {
        const int index[3] = {i % base, i / base % base, i / base / base};
        puncture_block b = {.spacing = side / CELLS};
        for (int k = 0; k < 3; k++)
            b.centre[k] = ((double)index[k] + 0.5) * side - half;
        result = cut(&l, p, &b, levels, e);
    }
    if (result != E_OK) {
        memory_free(l.blocks);
        return result;
    }
    *blocks = l.blocks;
    *count = l.count;
    return E_OK;
}

void puncture_block_chi(const punctures *p, const puncture_block *b, double least,
                        float chi[BLOCK_POINTS])
{
    for (int i = 0; i < BLOCK_POINTS; i++) {
        const int index[3] = {i % BLOCK_SIDE, i / BLOCK_SIDE % BLOCK_SIDE,
                              i / BLOCK_SIDE / BLOCK_SIDE};
        double at[3];
        for (int k = 0; k < 3; k++)
            at[k] = b->centre[k] + (index[k] - BLOCK_SIDE / 2) * b->spacing;
        chi[i] = (float)fmax(punctures_chi(p, at[0], at[1], at[2]), least);
    }
}
