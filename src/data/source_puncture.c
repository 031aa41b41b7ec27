/* SPDX-License-Identifier: GPL-3.0-or-later
   source_puncture.c -- the source `puncture`: blocks of the conformal factor of black
   holes at rest, a group a snapshot.  The physics is puncture.h's. */
#include "data/source.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/parallel.h"
#include "data/puncture.h"

enum { CROP = 1, INNER = 5 }; /* the layer around a block, and what is within */

typedef struct snapshot {
    punctures holes;
    puncture_block *blocks;
    int64_t count, first; /* of the samples, that of block 0 */
} snapshot;

typedef struct puncture_making {
    const option_set *options;
    uint64_t seed;
    snapshot *snapshots;
    int64_t snapshot_count, count;
    int64_t piece; /* the first snapshot of those being filled */
    int64_t side;  /* points of a block that are kept, a dimension */
    double least, noise;
    float *input, *target; /* TARGET NULL where the input is without noise */
} puncture_making;

/* Snapshots between two looks at whether somebody wants an end. */
enum { PIECE = 64 };

static status check_watch(const task *watch, int64_t i, error *e)
{
    return i % PIECE == 0 && task_cancelled(watch)
               ? fail(e, E_STOPPED, "puncture: stopped")
               : E_OK;
}

static status draw_snapshots(puncture_making *m, const task *watch, error *e)
{
    const option_value *holes = option_get(m->options, "holes");
    const int low = (int)holes->reals[0], high = (int)holes->reals[1];
    if (holes->reals[0] != low || holes->reals[1] != high || low < 1 ||
        high > PUNCTURES_MOST)
        return fail(e, E_RANGE,
                    "puncture: holes=%s, whole numbers from 1 to %d were "
                    "wanted",
                    holes->words, PUNCTURES_MOST);
    const double radius = option_real(m->options, "radius");
    const double half = option_real(m->options, "box") / 2;
    if (radius > half)
        return fail(e, E_RANGE, "puncture: holes within radius=%g leave the box=%g",
                    radius, 2 * half);
    for (int64_t i = 0; i < m->snapshot_count; i++) {
        snapshot *s = &m->snapshots[i];
        random_stream random = random_new(m->seed, "puncture", (uint64_t)i);
        TRY(check_watch(watch, i, e));
        punctures_draw(&s->holes, low, high, radius, &random);
        TRY(puncture_blocks(&s->holes, half, (int)option_integer(m->options, "base"),
                            (int)option_integer(m->options, "levels"), &s->blocks,
                            &s->count, e));
        s->first = m->count;
        m->count += s->count;
    }
    return E_OK;
}

static void fill_snapshot(void *context, int64_t tile, int thread)
{
    const puncture_making *m = context;
    const int64_t i = m->piece + tile;
    const snapshot *s = &m->snapshots[i];
    float chi[BLOCK_POINTS];
    random_stream random = random_new(m->seed, "puncture noise", (uint64_t)i);
    const int64_t points = m->side * m->side * m->side;
    const int64_t edge = m->side == INNER ? CROP : 0;
    (void)thread;
    for (int64_t b = 0; b < s->count; b++) {
        float *input = m->input + (s->first + b) * points;
        puncture_block_chi(&s->holes, &s->blocks[b], m->least, chi);
        for (int64_t at = 0; at < points; at++) {
            const int64_t x = at % m->side, y = at / m->side % m->side,
                          z = at / m->side / m->side;
            input[at] = chi[((z + edge) * BLOCK_SIDE + y + edge) * BLOCK_SIDE + x + edge];
        }
        if (!m->target)
            continue;
        memcpy(m->target + (s->first + b) * points, input,
               (size_t)points * sizeof *input);
        for (int64_t at = 0; at < points; at++)
            input[at] = (float)fmax(
                (double)input[at] * (1 + m->noise * random_normal(&random)), m->least);
    }
}

static status make_facts(const puncture_making *m, dataset *d, const task *watch,
                         error *e)
{
    d->group = memory_new(d->count, sizeof *d->group, e);
    d->facts = table_new(e);
    if (!d->group || !d->facts)
        return E_MEMORY;
    for (int64_t i = 0; i < m->snapshot_count; i++) {
        TRY(check_watch(watch, i, e));
        for (int64_t b = 0; b < m->snapshots[i].count; b++) {
            const puncture_block *block = &m->snapshots[i].blocks[b];
            d->group[m->snapshots[i].first + b] = i;
            table_row(d->facts);
            table_integer(d->facts, "group", i);
            table_integer(d->facts, "holes", m->snapshots[i].holes.count);
            table_integer(d->facts, "level", block->level);
            table_real(d->facts, "x", block->centre[0]);
            table_real(d->facts, "y", block->centre[1]);
            table_real(d->facts, "z", block->centre[2]);
            table_real(d->facts, "spacing", block->spacing);
        }
    }
    return table_ok(d->facts, e);
}

static status make_all(puncture_making *m, const task *watch, dataset **out, error *e)
{
    m->snapshots = memory_new(m->snapshot_count, sizeof *m->snapshots, e);
    if (!m->snapshots)
        return E_MEMORY;
    TRY(draw_snapshots(m, watch, e));
    const shape s = shape_of(5, m->count, m->side, m->side, m->side, INT64_C(1));
    TRY(source_check_size("puncture", DTYPE_F32, s, e));
    dataset *d = *out =
        source_dataset(&source_puncture, m->options, m->count, "chi", "chi", e);
    if (!d)
        return E_MEMORY;
    d->input = tensor_new(DTYPE_F32, s, e);
    if (!d->input)
        return E_MEMORY;
    d->target = m->noise > 0 ? tensor_new(DTYPE_F32, s, e) : NULL;
    if (m->noise > 0 && !d->target)
        return E_MEMORY;
    m->input = tensor_write_f32(d->input, e);
    m->target = d->target ? tensor_write_f32(d->target, e) : NULL;
    for (m->piece = 0; m->piece < m->snapshot_count; m->piece += PIECE) {
        const int64_t left = m->snapshot_count - m->piece;
        TRY(check_watch(watch, m->piece, e));
        parallel_for(left < PIECE ? left : PIECE, fill_snapshot, m);
    }
    if (!d->target && !(d->target = tensor_share(d->input, e)))
        return E_MEMORY;
    TRY(make_facts(m, d, watch, e));
    return dataset_split_standard(d, m->seed, e);
}

static dataset *make_punctures(const option_set *set, uint64_t seed, const task *watch,
                               error *e)
{
    dataset *d = NULL;
    puncture_making m = {
        .options = set,
        .seed = seed,
        .snapshot_count = option_integer(set, "n"),
        .side = option_flag(set, "crop") ? INNER : BLOCK_SIDE,
        .least = option_real(set, "floor"),
        .noise = option_real(set, "noise"),
    };
    const status result = make_all(&m, watch, &d, e);
    for (int64_t i = 0; m.snapshots && i < m.snapshot_count; i++)
        memory_free(m.snapshots[i].blocks);
    memory_free(m.snapshots);
    return source_finish(d, result, e);
}

static const option options[] = {
    {"n", OPTION_INTEGER, "1..100000", "20", "snapshots",
     "each of other holes, and a group of some hundred blocks"},
    {"holes", OPTION_SPAN, "1..4", "1:4", NULL, "how many, drawn from LOW:HIGH"},
    {"radius", OPTION_REAL, "0.1..1000", "6", "masses", "of the ball they lie in"},
    {"box", OPTION_REAL, "1..10000", "32", "masses", "side of the grid's cube"},
    {"base", OPTION_INTEGER, "1..16", "4", "blocks",
     "a dimension, at the coarsest level"},
    {"levels", OPTION_INTEGER, "0..12", "5", NULL,
     "how often a block near a hole is cut into eight"},
    {"crop", OPTION_FLAG, NULL, "yes", NULL,
     "5^3 points of the 7^3: without the layer that belongs to the neighbours"},
    {"floor", OPTION_REAL, "0..1", "0.0001", NULL, "chi is at least that"},
    {"noise", OPTION_REAL, "0..1", "0", NULL,
     "relative deviation of the input; the target stays the exact chi"},
    {0},
};

const data_source source_puncture = {
    .name = "puncture",
    .summary = "blocks of the conformal factor of one to four black holes",
    .options = options,
    .example = "data d puncture n=20 holes=1:4 seed=1",
    .read = make_punctures,
};
