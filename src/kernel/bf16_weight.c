/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_weight.c -- the gradient of a convolution by its weight with operands rounded to
   bf16: sums over pixels, 32 at a time, of grad_y, turned so that the pixels of an output
   are neighbours, times what the pixels gathered, two pixels in a word.
   Where outputs are few, neighbouring pixels count as one with the outputs of all, so that
   tiles are full; what such an output sums of another pixel's taps is dropped.
   Each task owns some outputs (a block), some channels of x (a chunk) and a fixed share of
   the tiles (a part); the sums of parts are added in their order.
   How operands are turned and paired is in bf16_weight_operands.c. */
#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/bf16_weight_parts.h"
#include "kernel/loops.h"
#include "kernel/weight.h"

enum {
    TASKS_WANTED = 16,
    CHUNK_MOST = 64, /* channels */
    BLOCK_MOST = 8,  /* times 16 outputs */
    WORDS_MOST = 96 * 1024,
    BATCH_MOST = 8 /* tiles */
};

/* Where the numbers of a tile of sums belong, output by output. */
struct bf16_weight_target {
    int64_t to;      /* floats from the weight's start, in the first chunk */
    int64_t channel; /* of the chunk, that it begins with */
    int64_t count;
};

static int64_t tile_floats(const bf16_weight_job *j)
{
    return j->block * j->n_tiles * BF16_TILE;
}

/* Turned grad_y of a tile: of all outputs, or of one block where nobody else needs it. */
static int64_t turned_numbers(const bf16_weight_job *j)
{
    return (j->chunks > 1 ? j->blocks : 1) * j->block * BF16_LANES * j->g_step;
}

static int64_t block_tiles(const bf16_weight_job *j, int64_t block)
{
    return smaller(j->block, divided_up(j->outputs, BF16_LANES) - block * j->block);
}

static void turn_task(void *context, int64_t tile, int thread)
{
    const bf16_weight_job *j = context;
    (void)thread;
    bf16_weight_turn(j, tile, 0, j->outputs, j->turned + tile * turned_numbers(j));
}

/* Products. */

/* Numbers for each block of 32 pixels that a batch has. */
static int64_t places_of(const bf16_weight_job *j)
{
    return j->batch * j->g_step / BF16_DEPTH;
}

/* Where the blocks of 32 pixels of COUNT tiles from TILE on begin, in turned grad_y and in
   words, and their pairs.  Returns how many there are. */
static int64_t find_blocks(const bf16_weight_job *j, int64_t tile, int64_t count,
                           int64_t *g)
{
    int64_t *words = g + places_of(j), *pairs = words + places_of(j);
    const bf16_layout *l = &j->layout;
    int64_t row = l->gathered ? BF16_LANES : 2 * l->step, blocks = 0;
    for (int64_t t = 0; t < count; t++)
        for (int64_t i = 0; i < bf16_flow_count(l, tile + t); i++) {
            bf16_flow flow = bf16_flow_at(l, tile + t, i);
            for (int64_t p = 0; p < flow.count; p += BF16_DEPTH) {
                g[blocks] = t * turned_numbers(j) + i * j->line + p;
                pairs[blocks] = (smaller(flow.count - p, BF16_DEPTH) + 1) / 2;
                words[blocks++] = t * j->words_count + flow.x + p / 2 * row;
            }
        }
    return blocks;
}

/* TILES times 16 outputs of G times all that words hold. */
static void multiply_blocks(const bf16_weight_job *j, bf16_multiply *t, const bf16 *g,
                            int64_t tiles, const uint32_t *words, float *sums)
{
    t->x_step = j->g_step;
    t->w_row = j->layout.gathered ? BF16_LANES : 2 * j->layout.step;
    for (int64_t n = 0; n < j->n_tiles; n += 2) {
        t->vectors = j->n_tiles - n > 1 ? 2 : 1;
        t->w[0] = words + j->offset[n];
        t->w[1] = t->vectors > 1 ? words + j->offset[n + 1] : NULL;
        for (int64_t o = 0; o < tiles; o += 2) {
            float *sum = sums + (o * j->n_tiles + n) * BF16_TILE;
            t->rows = smaller(tiles - o, 2) * BF16_LANES;
            t->x = g + o * BF16_LANES * j->g_step;
            for (int r = 0; r * BF16_LANES < t->rows; r++) {
                t->sum[r][0] = sum + r * j->n_tiles * BF16_TILE;
                t->sum[r][1] = t->sum[r][0] + BF16_TILE;
            }
            j->loops->multiply(t);
        }
    }
}

/* The sum of number K of a run that begins in tile N, of output O. */
static float *sum_of(float *sums, int64_t n, int64_t k, int64_t o)
{
    return sums + (n + k / BF16_LANES) * BF16_TILE + o * BF16_LANES + k % BF16_LANES;
}

/* Adds the sums of merged pixels to those of the first, whose taps lie as many channels
   before theirs. */
static void unmerge(const bf16_weight_job *j, float *sums)
{
    const bf16_layout *l = &j->layout;
    int64_t per_run = divided_up(l->run_length, BF16_LANES);
    for (int64_t s = 1; s < l->merge; s++)
        for (int64_t n = 0; n < j->n_tiles; n += per_run)
            for (int64_t o = 0; o < j->m->outputs; o++)
                for (int64_t k = 0; k < j->run_length; k++)
                    *sum_of(sums, n, k, o) +=
                        *sum_of(sums, n, k + s * l->pitch, s * j->m->outputs + o);
}

/* How many whole tiles from N on, of a chunk of THERE channels, lie side by side in the
   gradient. */
static int64_t side_by_side(const bf16_weight_job *j, int64_t n, int64_t there)
{
    const bf16_weight_target *t = &j->targets[n];
    int64_t count = 0;
    while (n + count < j->n_tiles && t[count].count == BF16_LANES &&
           t[count].channel + BF16_LANES <= there &&
           t[count].to == t->to + count * BF16_LANES)
        count++;
    return count;
}

/* Sums [n tile][16][16] of the outputs from FIRST on to their places, output by output. */
static void scatter(const bf16_weight_job *j, int64_t chunk, int64_t first, float *sums)
{
    const mapping *m = j->m;
    int64_t there = chunk_channels(j, chunk);
    bool past = weight_goes_past(m->outputs * m->weight_output);
    unmerge(j, sums);
    for (int64_t o = 0; o < BF16_LANES && first + o < m->outputs; o++) {
        float *to = j->grad_weight + (first + o) * m->weight_output + chunk * j->chunk;
        for (int64_t n = 0; n < j->n_tiles; n++) {
            const bf16_weight_target *t = &j->targets[n];
            const float *from = sums + n * BF16_TILE + o * BF16_LANES;
            int64_t whole = past ? side_by_side(j, n, there) : 0;
            if (whole > 0) {
                loops_get()->copy_past(whole, BF16_LANES, from, BF16_TILE, to + t->to);
                n += whole - 1;
                continue;
            }
            int64_t count = smaller(t->count, there - t->channel);
            if (count == BF16_LANES)
                memcpy(to + t->to, from, BF16_LANES * sizeof *to);
            else if (count > 0)
                memcpy(to + t->to, from, (size_t)count * sizeof *to);
        }
    }
    if (past)
        loops_get()->finish_past();
}

static void part_task(void *context, int64_t task, int thread)
{
    const bf16_weight_job *j = context;
    const bf16_layout *l = &j->layout;
    int64_t block = task % j->blocks, chunk = task / j->blocks % j->chunks;
    int64_t part = task / j->blocks / j->chunks, tiles = block_tiles(j, block);
    int64_t output = block * j->block * BF16_LANES;
    int64_t last = smaller(output + tiles * BF16_LANES, j->outputs);
    int64_t first = l->count * part / j->parts;
    int64_t end = l->count * (part + 1) / j->parts;
    float *sums = j->parts > 1 ? j->sums + task * tile_floats(j)
                               : room_of(j->sums, j->apart, thread);
    uint32_t *words = room_of(j->words, j->apart, thread);
    int64_t *places = room_of(j->places, j->apart, thread);
    bf16_multiply t = {.x_offset = places,
                       .w_offset = places + places_of(j),
                       .pairs = places + 2 * places_of(j)};
    j->loops->enter();
    for (int64_t tile = first, count; tile < end; tile += count) {
        count = smaller(j->batch, end - tile);
        bf16 *g = j->chunks > 1 ? j->turned + tile * turned_numbers(j)
                                : room_of(j->turned, j->apart, thread);
        for (int64_t i = 0; i < count; i++) {
            if (j->chunks == 1)
                bf16_weight_turn(j, tile + i, output, last, g + i * turned_numbers(j));
            bf16_weight_pair(j, chunk, tile + i, thread, words + i * j->words_count);
        }
        t.blocks = find_blocks(j, tile, count, places);
        t.add = tile > first;
        multiply_blocks(j, &t, j->chunks > 1 ? g + output * j->g_step : g, tiles, words,
                        sums);
    }
    j->loops->leave();
    for (int64_t o = 0; j->parts == 1 && o < tiles; o++)
        scatter(j, chunk, output + o * BF16_LANES, sums + o * j->n_tiles * BF16_TILE);
}

/* 16 outputs of one chunk: the parts are added to the first. */
static void join_task(void *context, int64_t task, int thread)
{
    const bf16_weight_job *j = context;
    int64_t o = task % j->block, owner = task / j->block, block = owner % j->blocks;
    int64_t floats = j->n_tiles * BF16_TILE;
    int64_t part_floats = j->blocks * j->chunks * tile_floats(j);
    float *sums = j->sums + owner * tile_floats(j) + o * floats;
    (void)thread;
    if (o >= block_tiles(j, block))
        return;
    for (int64_t part = 1; part < j->parts; part++)
        loops_get()->blend(floats, 1, sums + part * part_floats, 1, sums);
    scatter(j, owner / j->blocks, (block * j->block + o) * BF16_LANES, sums);
}

/* Making. */

static void gathered_targets(const bf16_weight_job *j)
{
    const mapping *m = j->m;
    int64_t vectors = divided_up(j->chunk, BF16_LANES);
    for (int64_t n = 0; n < j->n_tiles; n++) {
        int64_t tap = n / vectors, channel = n % vectors * BF16_LANES;
        j->offset[n] = n * (j->line / 2) * BF16_LANES;
        j->targets[n] = (bf16_weight_target){
            .to = m->rows.weight[tap / m->columns.count] +
                  m->columns.weight[tap % m->columns.count] + channel,
            .channel = channel,
            .count = smaller(BF16_LANES, j->chunk - channel)};
    }
}

/* A chunk is a multiple of 16 channels or all of them: either way what a tile of sums
   holds are neighbours in the weight. */
static void rows_targets(const bf16_weight_job *j)
{
    const mapping *m = j->m;
    const bf16_layout *l = &j->layout;
    int64_t per_run = divided_up(l->run_length, BF16_LANES);
    for (int64_t n = 0; n < j->n_tiles; n++) {
        int64_t per_row = l->runs / m->rows.count, k = n % per_run * BF16_LANES;
        int64_t a = n / per_run / per_row, b = n / per_run % per_row;
        j->offset[n] = (m->rows.place[a] - m->rows.place[0]) * l->row +
                       (m->columns.place[b] - m->columns.place[0]) * l->pitch + k;
        j->targets[n] = (bf16_weight_target){.count = 0};
        if (k >= j->run_length) /* read by merged pixels alone */
            continue;
        j->targets[n] = (bf16_weight_target){
            .to = m->rows.weight[a] + m->columns.weight[b + k / j->chunk] + k % j->chunk,
            .channel = j->chunks > 1 ? k % j->chunk : 0,
            .count = smaller(BF16_LANES, j->run_length - k)};
        if (j->chunks == 1) /* all that follow it, whatever the tap */
            j->targets[n].channel = j->chunk - j->targets[n].count;
    }
}

/* Pixels whose outputs, and taps, are neighbours may count as one. */
static int64_t merge_of(const bf16_weight_job *j)
{
    const mapping *m = j->m;
    const axis *columns = &m->columns;
    bool neighbours =
        columns->count &&
        columns->place[columns->count - 1] - columns->place[0] + 1 == columns->count;
    return neighbours && j->chunks == 1 && m->step_h == 1 && m->step_w == 1 &&
                   m->y_pixel == m->outputs
               ? bf16_merge(m, BF16_LANES, true)
               : 1;
}

static void make_tiles(bf16_weight_job *j)
{
    const mapping *m = j->m;
    bf16_layout *l = &j->layout;
    int64_t merge = merge_of(j), tiles = divided_up(TASKS_WANTED, j->chunks * j->blocks);
    bf16_layout_make(l, m, j->chunk, merge, tiles);
    j->outputs = merge * m->outputs;
    j->run_length = l->run_length - (merge - 1) * m->step_w * l->pitch;
    if (l->gathered) {
        /* Tiles of the same pixels for every chunk. */
        int64_t total = m->images * m->out_h * m->out_w;
        l->pixels = BF16_WEIGHT_PIXELS;
        l->count = divided_up(total, l->pixels);
        j->n_tiles = m->rows.count * m->columns.count * divided_up(j->chunk, BF16_LANES);
        j->line = divided_up(smaller(total, l->pixels), BF16_DEPTH) * BF16_DEPTH;
        j->words_count = j->n_tiles * j->line / 2 * BF16_LANES;
    } else {
        bool one = m->step_h == 1;
        j->n_tiles = l->runs * divided_up(l->run_length, BF16_LANES);
        j->line = one ? (l->height - 1) * l->line + l->line_pixels : l->line_pixels;
        j->line = divided_up(j->line, BF16_DEPTH) * BF16_DEPTH;
        /* Lines of the cache, for every thread. */
        j->words_count = divided_up(l->numbers - l->step, BF16_LANES) * BF16_LANES;
    }
    j->g_step = j->line * (l->gathered || m->step_h == 1 ? 1 : l->height);
}

/* What each thread has of its own. */
static void take_rooms(bf16_weight_job *j, scratch *s)
{
    size_t used = s->used;
    if (j->parts == 1)
        j->sums = scratch_floats(s, tile_floats(j));
    if (j->chunks == 1)
        j->turned = scratch_take(s, j->batch * turned_numbers(j), sizeof *j->turned);
    j->copies =
        scratch_take(s, j->layout.gathered ? 0 : j->layout.numbers, sizeof *j->copies);
    j->words = scratch_take(s, j->batch * j->words_count, sizeof *j->words);
    j->places = scratch_take(s, 3 * places_of(j), sizeof *j->places);
    j->apart = scratch_rooms(s, used);
}

static void job_make(bf16_weight_job *j, scratch *s)
{
    const mapping *m = j->m;
    j->loops = bf16_loops_get();
    j->chunk = smaller(m->channels, CHUNK_MOST);
    j->chunks = divided_up(m->channels, j->chunk);
    j->block = smaller(divided_up(m->outputs, BF16_LANES), BLOCK_MOST);
    j->blocks = divided_up(divided_up(m->outputs, BF16_LANES), j->block);
    make_tiles(j);
    int64_t owners = j->chunks * j->blocks;
    j->parts = smaller(divided_up(TASKS_WANTED, owners), j->layout.count);
    j->batch = smaller(j->words_count ? WORDS_MOST / j->words_count : 1, BATCH_MOST);
    j->batch =
        j->batch < 1 ? 1 : smaller(j->batch, divided_up(j->layout.count, j->parts));
    j->offset = scratch_take(s, j->n_tiles, sizeof *j->offset);
    j->targets = scratch_take(s, j->n_tiles, sizeof *j->targets);
    if (j->parts > 1)
        j->sums = scratch_floats(s, j->parts * owners * tile_floats(j));
    if (j->chunks > 1)
        j->turned =
            scratch_take(s, j->layout.count * turned_numbers(j), sizeof *j->turned);
    take_rooms(j, s);
}

static void job_run(bf16_weight_job *j)
{
    const mapping *m = j->m;
    int64_t size = m->outputs * m->weight_output, owners = j->chunks * j->blocks;
    /* Taps that never meet the image are in no tile. */
    if (m->rows.count * m->columns.count * m->channels < m->weight_output)
        parallel_clear(j->grad_weight, size);
    if (j->layout.gathered)
        gathered_targets(j);
    else
        rows_targets(j);
    if (j->chunks > 1)
        parallel_for(j->layout.count, turn_task, j);
    parallel_for(j->parts * owners, part_task, j);
    if (j->parts > 1)
        parallel_for(owners * j->block, join_task, j);
}

size_t bf16_weight_scratch(const convolution *v)
{
    mapping m;
    scratch s = {0};
    mapping_forward(&m, v);
    job_make(&(bf16_weight_job){.m = &m}, &s);
    return s.used;
}

void bf16_grad_weight(const convolution *v, const float *x, const float *grad_y,
                      float *grad_weight, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    for (int64_t group = 0; group < v->groups; group++) {
        bf16_weight_job j = {.m = &m,
                             .x = precision_at(x, m.source_kept, group * m.channels),
                             .grad_y = precision_at(grad_y, m.y_kept, group * m.outputs),
                             .grad_weight =
                                 grad_weight + group * m.outputs * m.weight_output};
        job_make(&j, &(scratch){.base = block});
        job_run(&j);
    }
}
