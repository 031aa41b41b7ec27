/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_thin.c -- the products of a panel whose planes are made on the way.  Where
   tiles are few, to fetch weights takes longer than to multiply, and to make some of
   others is faster.

   Of F(4x4, 3x3) three lines of planes are kept, half of the weights: planes go column by
   column, and channels in chunks.  Of F(2x2, 3x3) the nine taps are kept, and all planes
   read them, a chunk of channels at a time.  What is kept of a chunk is read in one
   stream and is near while it is needed; all products fetch the next chunk meanwhile, an
   even share each. */
#include "kernel/winograd_parts.h"

static int64_t minimum(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A chunk of channels in one column: what is kept of it, and of the one behind it. */
typedef struct chunk {
    int64_t column, first, channels;
    const float *kept, *next;
} chunk;

static void multiply_chunk(const winograd_pass *p, const winograd_panel *t,
                           const chunk *c)
{
    const int64_t side = winograd_side(p), lanes = p->loops->lanes;
    const int64_t line = c->channels * t->vectors * lanes;
    const int64_t step = (WINOGRAD_KEPT_LINES * lanes - 1) / side + 1;
    const int64_t share = c->channels * t->vectors * step;
    const float *x =
        t->spread + c->column * t->spread_plane + c->first / lanes * t->spread_group;
    float *y = t->sums + c->column * t->sums_plane;
    winograd_product product = {.planes = 1,
                                .tiles = t->tiles,
                                .channels = c->channels,
                                .vectors = t->vectors,
                                .add = c->first > 0,
                                .x = x,
                                .x_plane = side * t->spread_plane,
                                .x_group = t->spread_group,
                                .u = c->kept,
                                .after = c->next,
                                .next_plane = share,
                                .next_step = step,
                                .y = y,
                                .y_plane = side * t->sums_plane};
    p->loops->product(&product);
    product.x = x + (side - 1) * product.x_plane;
    product.y = y + (side - 1) * product.y_plane;
    product.u = c->kept + (WINOGRAD_KEPT_LINES - 1) * line;
    product.after = c->next + share;
    p->loops->product(&product);
    product.planes = side - 2;
    product.x = x + product.x_plane;
    product.y = y + product.y_plane;
    product.u = t->lines;
    product.u_plane = winograd_lines_plane(p);
    product.next = c->next + 2 * share;
    product.after = product.next + (product.planes - 1) * share;
    p->loops->make_lines(&(winograd_lines){c->kept, c->kept + line, c->kept + 2 * line,
                                           line, t->lines, product.u_plane});
    p->loops->product(&product);
}

static void multiply_by_taps(const winograd_pass *p, const winograd_panel *t)
{
    enum { CHANNELS = 32 }; /* whose taps are in the nearest cache through all planes */
    const int64_t in = p->in.channels, row = WINOGRAD_TAPS * t->vectors * p->loops->lanes;
    for (int64_t first = 0; first < in; first += CHANNELS) {
        bool last = first + CHANNELS >= in;
        const float *taps = t->u + first * row;
        p->loops->product_of_taps(
            &(winograd_taps){.tiles = t->tiles,
                             .channels = minimum(in - first, CHANNELS),
                             .vectors = t->vectors,
                             .add = first > 0,
                             .last = last,
                             .x = t->spread + first / p->loops->lanes * t->spread_group,
                             .x_plane = t->spread_plane,
                             .x_group = t->spread_group,
                             .taps = taps,
                             .next = last ? t->after : taps + CHANNELS * row,
                             .y = t->sums,
                             .y_plane = t->sums_plane});
    }
}

static void multiply_by_lines(const winograd_pass *p, const winograd_panel *panel)
{
    const int64_t in = p->in.channels, most = winograd_lines_channels(p);
    const int64_t side = winograd_side(p);
    chunk c = {.kept = panel->u};
    for (c.column = 0; c.column < side; c.column++)
        for (c.first = 0; c.first < in; c.first += most, c.kept = c.next) {
            c.channels = minimum(in - c.first, most);
            c.next = c.kept +
                     WINOGRAD_KEPT_LINES * c.channels * panel->vectors * p->loops->lanes;
            if (c.column + 1 == side && c.first + most >= in)
                c.next = panel->after;
            multiply_chunk(p, panel, &c);
        }
}

void winograd_thin_multiply(const winograd_pass *p, const winograd_panel *panel)
{
    if (p->form->tile == 2)
        multiply_by_taps(p, panel);
    else
        multiply_by_lines(p, panel);
}
