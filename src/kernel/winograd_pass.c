/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_pass.c -- one pass of Winograd sums from images to images.  What a tile
   becomes does not depend on how tiles are shared out, which depends on shapes alone.

   Fused: each task takes a block of tiles through all three steps (transform, multiply,
   transform back) in the cache of one core; it reads all weights.
   In parts: where tiles are few, a task does so for some of the outputs alone, and reads
   their weights alone.  What the tasks of a block have in common each thread does once for
   itself, which takes less time than to fetch it from the cache of another core.
   By phases: where weights are large and tiles many, each step is done for many tiles
   before the next, so that weights are read once for all of them. */
#include "kernel/winograd_parts.h"

#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"

enum {
    FUSED_FLOATS = 165 << 10, /* of a block, in the cache of one core */
    PARTS_EACH = 4,           /* of a block, for each thread */
    BLOCKS_WANTED = 8,
    PHASE_FLOATS = 8 << 20 /* of a block that all cores share */
};

typedef struct job {
    const winograd_pass *pass;
    const void *x;
    const float *u;
    const finish *tail;
    void *y;
    bool accumulate, phased;
    winograd_grid in;      /* with zeros */
    float *scale, *shift;  /* [panels][WINOGRAD_PANEL * lanes] */
    int64_t block, blocks; /* tiles of a block */
    int64_t parts;         /* of the panels */
    int64_t *at_hand;      /* of each thread: the block whose transform it has, or -1 */
    int64_t spread_plane, sums_plane;
    float *spread, *sums; /* of each thread, or by phases: of all panels */
    float *lines;         /* of each thread: weights that are made of others */
    int64_t sums_floats;
    size_t apart;         /* from thread to thread */
    int64_t first, count; /* by phases: the tiles in work */
    int64_t chunks;       /* by phases: tasks beside each other */
} job;

static int64_t divide_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static int64_t minimum(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- the three steps ---- */

static void step_read(const job *j, winograd_part part, float *spread)
{
    const winograd_pass *p = j->pass;
    winograd_planes to = {spread, j->spread_plane, j->block * p->loops->lanes};
    p->form->read_input(&j->in, j->x, part, &to);
}

/* PLANES planes from PLANE on, of PANEL; panel AFTER is the next. */
static void step_multiply(const job *j, int64_t panel, int64_t after, int64_t plane,
                          int64_t planes, int64_t tiles, const float *spread, float *sums)
{
    const winograd_pass *p = j->pass;
    const int vectors = winograd_panel_vectors(p, panel);
    const int64_t u_plane = winograd_weight_plane(p, vectors);
    const int64_t after_plane =
        winograd_weight_plane(p, winograd_panel_vectors(p, after));
    const float *u = j->u + winograd_weight_panel(p, panel) + plane * u_plane;
    p->loops->product(&(winograd_product){
        .planes = planes,
        .tiles = tiles,
        .channels = p->in.channels,
        .vectors = vectors,
        .x = spread + plane * j->spread_plane,
        .x_plane = j->spread_plane,
        .x_group = j->block * p->loops->lanes,
        .u = u,
        .u_plane = u_plane,
        .next = u + u_plane,
        .after = j->u + winograd_weight_panel(p, after) + plane * after_plane,
        .next_plane = u_plane,
        .next_step = p->loops->lanes,
        .y = sums + plane * j->sums_plane,
        .y_plane = j->sums_plane});
}

/* All planes of PANEL, where some are made on the way. */
static void step_multiply_thin(const job *j, int64_t panel, int64_t after, int64_t tiles,
                               const float *spread, float *sums, float *lines)
{
    const winograd_pass *p = j->pass;
    winograd_thin_multiply(
        p, &(winograd_panel){.u = j->u + winograd_weight_panel(p, panel),
                             .after = j->u + winograd_weight_panel(p, after),
                             .tiles = tiles,
                             .vectors = winograd_panel_vectors(p, panel),
                             .spread = spread,
                             .spread_plane = j->spread_plane,
                             .spread_group = j->block * p->loops->lanes,
                             .sums = sums,
                             .sums_plane = j->sums_plane,
                             .lines = lines});
}

static void step_write(const job *j, int64_t panel, int64_t first, int64_t count,
                       const float *sums)
{
    const winograd_pass *p = j->pass;
    int64_t output = panel * WINOGRAD_PANEL * p->loops->lanes;
    winograd_target t = {
        .scale = j->scale + output,
        .shift = j->shift + output,
        .rectify = j->tail->rectify,
        .slope = j->tail->slope,
        .residual = j->tail->residual ? j->tail->residual + output : NULL,
        .residual_pitch = j->tail->residual_pitch,
        .y = precision_write_at(j->y, p->out.kept, output),
        .outputs = minimum(p->out.channels - output, WINOGRAD_PANEL * p->loops->lanes),
        .vectors = winograd_panel_vectors(p, panel),
        .accumulate = j->accumulate};
    p->form->write_output(&p->out, &t, first, count, sums, j->sums_plane);
}

/* ---- fused ---- */

static void fused_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const winograd_pass *p = j->pass;
    int64_t block = task / j->parts, part = task % j->parts;
    float *spread = room_of(j->spread, j->apart, thread);
    float *sums = room_of(j->sums, j->apart, thread);
    int64_t *at_hand = room_of(j->at_hand, j->apart, thread);
    int64_t first = p->tiles * block / j->blocks;
    int64_t count = p->tiles * (block + 1) / j->blocks - first;
    int64_t last_panel = p->panels * (part + 1) / j->parts;
    if (*at_hand != block)
        step_read(j, (winograd_part){first, count, 0, p->groups}, spread);
    *at_hand = block;
    for (int64_t panel = p->panels * part / j->parts; panel < last_panel; panel++) {
        int64_t after = panel + 1 < last_panel ? panel + 1 : panel;
        if (p->thin)
            step_multiply_thin(j, panel, after, count, spread, sums,
                               room_of(j->lines, j->apart, thread));
        else
            step_multiply(j, panel, after, 0, p->form->planes, count, spread, sums);
        step_write(j, panel, first, count, sums);
    }
}

/* ---- by phases ---- */

enum { CHUNK_TILES = 8, CHUNK_GROUPS = 4, PRODUCTS_WANTED = 64 };

static void read_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const winograd_pass *p = j->pass;
    (void)thread;
    int64_t tile = task / j->chunks * CHUNK_TILES,
            group = task % j->chunks * CHUNK_GROUPS;
    winograd_part part = {j->first + tile, minimum(j->count - tile, CHUNK_TILES), group,
                          minimum(p->groups - group, CHUNK_GROUPS)};
    step_read(j, part, j->spread + tile * p->loops->lanes);
}

static void multiply_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    int64_t plane = task / j->chunks, chunk = task % j->chunks, panels = j->pass->panels;
    int64_t last = panels * (chunk + 1) / j->chunks;
    (void)thread;
    for (int64_t panel = panels * chunk / j->chunks; panel < last; panel++)
        step_multiply(j, panel, panel + 1 < last ? panel + 1 : panel, plane, 1, j->count,
                      j->spread, j->sums + panel * j->sums_floats);
}

static void write_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const winograd_pass *p = j->pass;
    (void)thread;
    int64_t panel = task % p->panels, tile = task / p->panels * CHUNK_TILES;
    step_write(j, panel, j->first + tile, minimum(j->count - tile, CHUNK_TILES),
               j->sums + panel * j->sums_floats +
                   tile * winograd_panel_vectors(p, panel) * p->loops->lanes);
}

static void phases_run(job *j)
{
    const winograd_pass *p = j->pass;
    for (int64_t block = 0; block < j->blocks; block++) {
        j->first = p->tiles * block / j->blocks;
        j->count = p->tiles * (block + 1) / j->blocks - j->first;
        j->chunks = divide_up(p->groups, CHUNK_GROUPS);
        parallel_for(divide_up(j->count, CHUNK_TILES) * j->chunks, read_task, j);
        j->chunks = minimum(p->panels, divide_up(PRODUCTS_WANTED, p->form->planes));
        parallel_for(p->form->planes * j->chunks, multiply_task, j);
        parallel_for(divide_up(j->count, CHUNK_TILES) * p->panels, write_task, j);
    }
}

/* ---- both ---- */

/* Blocks of whole products; where tiles are few, as many blocks as there can be. */
static void cut_fused(job *j)
{
    const winograd_pass *p = j->pass;
    int64_t least = p->loops->tiles;
    int64_t most = FUSED_FLOATS / winograd_tile_floats(p, p->groups + WINOGRAD_PANEL) /
                   least * least;
    j->phased = most < least;
    if (p->tiles < BLOCKS_WANTED * most)
        most = least;
    /* Even numbers are shared out evenly more often. */
    j->blocks = j->phased ? 1 : divide_up(divide_up(p->tiles, most), 2) * 2;
}

static void cut(job *j)
{
    const winograd_pass *p = j->pass;
    int64_t outputs = p->panels * WINOGRAD_PANEL;
    int64_t room = winograd_parts_room(p);
    j->parts = 1;
    if (room > 0) {
        j->parts = minimum(p->panels, PARTS_EACH * cpu_threads());
        j->blocks = divide_up(p->tiles, room);
    } else {
        cut_fused(j);
    }
    if (j->phased)
        j->blocks = divide_up(
            p->tiles, PHASE_FLOATS / winograd_tile_floats(p, p->groups + outputs) + 1);
    j->block = divide_up(p->tiles, j->blocks);
}

/* Products of taps write sums of as many tiles as they can. */
static int64_t sums_tiles(const job *j)
{
    const winograd_pass *p = j->pass;
    bool taps = p->thin && p->form->tile == 2;
    return taps && j->block < p->loops->taps_tiles ? p->loops->taps_tiles : j->block;
}

size_t winograd_run(const winograd_pass *p, const float *x, const float *u,
                    const float *bias, const finish *tail, float *y, bool accumulate,
                    void *block)
{
    job j = {.pass = p, .x = x, .u = u, .tail = tail, .y = y, .accumulate = accumulate};
    scratch s = {.base = block};
    int64_t lanes = p->loops->lanes;
    cut(&j);
    j.spread_plane = winograd_plane_floats(p, j.block * p->groups);
    j.sums_plane = winograd_plane_floats(p, sums_tiles(&j) * WINOGRAD_PANEL);
    j.sums_floats = p->form->planes * j.sums_plane;
    j.scale = scratch_floats(&s, p->panels * WINOGRAD_PANEL * lanes);
    j.shift = scratch_floats(&s, p->panels * WINOGRAD_PANEL * lanes);
    float *zeros = scratch_floats(&s, p->in.channels);
    size_t used = s.used;
    j.spread = scratch_floats(&s, p->form->planes * j.spread_plane);
    j.sums = scratch_floats(&s, j.sums_floats * (j.phased ? p->panels : 1));
    j.lines = scratch_floats(
        &s, p->thin && p->form->tile == 4 ? p->form->tile * winograd_lines_plane(p) : 0);
    j.at_hand = scratch_take(&s, 1, sizeof *j.at_hand);
    j.apart = j.phased ? 0 : scratch_rooms(&s, used);
    if (!block)
        return s.used;
    for (int i = 0; i < cpu_threads(); i++)
        *(int64_t *)room_of(j.at_hand, j.apart, i) = -1;
    finish_spread(tail, bias, p->out.channels, 1, p->panels * WINOGRAD_PANEL * lanes,
                  j.scale, j.shift);
    memset(zeros, 0, (size_t)p->in.channels * sizeof *zeros);
    j.in = p->in;
    j.in.zeros = zeros;
    if (j.phased)
        phases_run(&j);
    else
        parallel_for(j.blocks * j.parts, fused_task, &j);
    return s.used;
}
