/* SPDX-License-Identifier: GPL-3.0-or-later
   winograd_weight.c -- the gradient by the weight of a Winograd convolution: for each
   plane, the sum over tiles of outer products of transformed grad_y and x.  How tiles are
   shared out, and so the order of sums, depends on shapes alone.

   By parts: where the sums of all planes fit the cache of one core, each part of the
   tiles has sums of its own.  By phases: all tiles of a block are transformed, then each
   task adds them to its own planes and outputs. */
#include <string.h>
#include "base/parallel.h"
#include "kernel/winograd_parts.h"

enum {
    SUMS_FLOATS = 300 << 10, /* largest sums that a part has for itself */
    PART_FLOATS = 150 << 10, /* of a block, in the cache of one core beside the sums */
    PHASE_FLOATS = 1 << 20,  /* of a block that all cores share, but no less than: */
    PHASE_TILES = 128,
    PARTS_MOST = 8,
    PART_TILES = 64,
    CHUNK_TILES = 8,
    PRODUCTS_WANTED = 64
};

typedef struct job {
    winograd_pass pass; /* in: x; out: grad_y */
    const float *x, *g;
    float *grad_weight;
    const weight_taker *taker; /* takes what else goes to grad_weight; or NULL */
    float *rows;               /* for it, of each thread: the weights of an output */
    int64_t g_groups;
    int64_t row, sum_plane; /* floats of sums [plane][out_c][row] */
    bool phased;
    int64_t parts, block;       /* tiles of a block */
    float *sums;                /* [parts][planes][sum_plane] */
    float *x_spread, *g_spread; /* of each thread, or by phases: of all */
    size_t apart;               /* from thread to thread */
    int64_t x_plane, g_plane;
    int64_t first, count; /* by phases: the tiles in work */
    int64_t chunks;       /* by phases: of outputs */
} job;

static int64_t divide_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static int64_t minimum(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void read_x(const job *j, int64_t first, int64_t count, float *spread)
{
    const winograd_pass *p = &j->pass;
    winograd_planes to = {spread, j->x_plane, j->block * p->loops->lanes};
    p->form->read_input(&p->in, j->x, (winograd_part){first, count, 0, p->groups}, &to);
}

static void read_g(const job *j, int64_t first, int64_t count, float *spread)
{
    const winograd_pass *p = &j->pass;
    winograd_planes to = {spread, j->g_plane, j->block * p->loops->lanes};
    p->form->read_gradient(&p->out, j->g, (winograd_part){first, count, 0, j->g_groups},
                           &to);
}

/* Adds COUNT transformed tiles to the sums of one plane, for outputs from OUTPUT on,
   which begins a group. */
static void add_tiles(const job *j, int64_t plane, int64_t output, int64_t outputs,
                      int64_t count, const float *x, const float *g, float *sums)
{
    int64_t group = j->block * j->pass.loops->lanes;
    j->pass.loops->outer(
        &(winograd_outer){.tiles = count,
                          .outputs = outputs,
                          .x_groups = j->pass.groups,
                          .x = x + plane * j->x_plane,
                          .g = g + plane * j->g_plane + output * j->block,
                          .x_group = group,
                          .g_group = group,
                          .sum = sums + plane * j->sum_plane + output * j->row});
}

static void part_task(void *context, int64_t part, int thread)
{
    const job *j = context;
    int64_t tiles = j->pass.tiles, planes = j->pass.form->planes;
    float *sums = j->sums + part * planes * j->sum_plane;
    float *x = room_of(j->x_spread, j->apart, thread);
    float *g = room_of(j->g_spread, j->apart, thread);
    int64_t end = tiles * (part + 1) / j->parts;
    memset(sums, 0, (size_t)(planes * j->sum_plane) * sizeof *sums);
    for (int64_t first = tiles * part / j->parts; first < end; first += j->block) {
        int64_t count = minimum(end - first, j->block);
        read_x(j, first, count, x);
        read_g(j, first, count, g);
        for (int64_t plane = 0; plane < planes; plane++)
            add_tiles(j, plane, 0, j->pass.out.channels, count, x, g, sums);
    }
}

/* Even tasks transform tiles of x, odd tasks the same tiles of grad_y. */
static void read_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    int64_t tile = task / 2 * CHUNK_TILES, count = minimum(j->count - tile, CHUNK_TILES);
    int64_t at = tile * j->pass.loops->lanes;
    (void)thread;
    if (task % 2)
        read_g(j, j->first + tile, count, j->g_spread + at);
    else
        read_x(j, j->first + tile, count, j->x_spread + at);
}

static void multiply_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    int64_t plane = task / j->chunks, chunk = task % j->chunks;
    int64_t lanes = j->pass.loops->lanes;
    int64_t begin = j->g_groups * chunk / j->chunks * lanes;
    int64_t end = j->g_groups * (chunk + 1) / j->chunks * lanes;
    int64_t outputs = minimum(end, j->pass.out.channels) - begin;
    (void)thread;
    if (j->first == 0)
        memset(j->sums + plane * j->sum_plane + begin * j->row, 0,
               (size_t)(outputs * j->row) * sizeof *j->sums);
    add_tiles(j, plane, begin, outputs, j->count, j->x_spread, j->g_spread, j->sums);
}

static void phases_run(job *j)
{
    j->chunks = minimum(j->g_groups, divide_up(PRODUCTS_WANTED, j->pass.form->planes));
    for (j->first = 0; j->first < j->pass.tiles; j->first += j->block) {
        j->count = minimum(j->pass.tiles - j->first, j->block);
        parallel_for(2 * divide_up(j->count, CHUNK_TILES), read_task, j);
        parallel_for(j->pass.form->planes * j->chunks, multiply_task, j);
    }
}

/* The gradient of COUNT outputs from FIRST on, to TO. */
static void write_outputs(const job *j, int64_t first, int64_t count, float *to)
{
    j->pass.form->write_weight(
        &(winograd_sums){.sum = j->sums + first * j->row,
                         .parts = j->parts,
                         .part = j->pass.form->planes * j->sum_plane,
                         .plane = j->sum_plane,
                         .row = j->row,
                         .count = count,
                         .channels = j->pass.in.channels,
                         .grad_weight = to});
}

static void write_task(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    int64_t length = 9 * j->pass.in.channels;
    float *row = room_of(j->rows, j->apart, thread);
    if (!j->taker) {
        write_outputs(j, begin, end - begin, j->grad_weight + begin * length);
        return;
    }
    for (int64_t o = begin; o < end; o++) {
        write_outputs(j, o, 1, row);
        j->taker->take(j->taker->context, o * length, length, row);
    }
}

static void cut(job *j)
{
    const winograd_pass *p = &j->pass;
    int64_t sums = p->form->planes * j->sum_plane;
    int64_t tile = p->form->planes * p->loops->lanes * (p->groups + j->g_groups);
    j->phased = sums > SUMS_FLOATS || p->tiles < 2 * PART_TILES;
    j->parts = j->phased ? 1 : minimum(p->tiles / PART_TILES, PARTS_MOST);
    int64_t most = (j->phased ? PHASE_FLOATS : PART_FLOATS) / tile;
    if (j->phased && most < PHASE_TILES)
        most = PHASE_TILES;
    int64_t tiles = divide_up(p->tiles, j->parts);
    most = most < 1 ? 1 : most;
    j->block = divide_up(tiles, divide_up(tiles, most));
}

size_t winograd_weight_run(const convolution *v, int64_t tile, const float *x,
                           const float *grad_y, float *grad_weight,
                           const weight_taker *taker, void *block)
{
    enum { GRAIN = 4 };
    job j = {.pass = winograd_forward_pass(v, tile),
             .x = x,
             .g = grad_y,
             .grad_weight = grad_weight,
             .taker = taker};
    scratch s = {.base = block};
    int64_t lanes = j.pass.loops->lanes, planes = j.pass.form->planes;
    j.g_groups = divide_up(v->out_c, lanes);
    j.row = j.pass.groups * lanes;
    j.sum_plane = (v->out_c * j.pass.groups | 1) * lanes;
    cut(&j);
    j.x_plane = (j.block * j.pass.groups | 1) * lanes;
    j.g_plane = (j.block * j.g_groups | 1) * lanes;
    j.sums = scratch_floats(&s, j.parts * planes * j.sum_plane);
    int64_t channels = v->c > v->out_c ? v->c : v->out_c;
    float *zeros = scratch_floats(&s, channels);
    size_t used = s.used;
    j.x_spread = scratch_floats(&s, planes * j.x_plane);
    j.g_spread = scratch_floats(&s, planes * j.g_plane);
    used = j.phased ? s.used : used;
    j.rows = scratch_floats(&s, 9 * v->c);
    j.apart = scratch_rooms(&s, used);
    if (!block)
        return s.used;
    memset(zeros, 0, (size_t)channels * sizeof *zeros);
    j.pass.in.zeros = j.pass.out.zeros = zeros;
    if (j.phased)
        phases_run(&j);
    else
        parallel_for(j.parts, part_task, &j);
    parallel_range(v->out_c, GRAIN, write_task, &j);
    return s.used;
}
