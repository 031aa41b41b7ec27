/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_weight.c -- the gradient of a convolution by its weight with operands rounded to
   bf16: sums over pixels, 32 at a time, of grad_y, turned so that the pixels of an output
   are neighbours, times what the pixels gathered, two pixels in a word.
   Where outputs are few, neighbouring pixels count as one with the outputs of all, so that
   tiles are full; what such an output sums of another pixel's taps is dropped.
   Each task owns some outputs (a block), some channels of x (a chunk) and a fixed share of
   the tiles (a part); the sums of parts are added in their order. */
#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/bf16.h"
#include "kernel/loops.h"

enum {
    TASKS_WANTED = 16,
    GATHERED_PIXELS = 256, /* of a tile */
    CHUNK_MOST = 64,       /* channels */
    BLOCK_MOST = 8,        /* times 16 outputs */
    WORDS_MOST = 96 * 1024,
    BATCH_MOST = 8 /* tiles */
};

/* Where the numbers of a tile of sums belong, output by output. */
typedef struct target {
    int64_t to;      /* floats from the weight's start, in the first chunk */
    int64_t channel; /* of the chunk, that it begins with */
    int64_t count;
} target;

typedef struct job {
    const mapping *m;
    const bf16_loops *loops;
    const void *x, *grad_y;
    float *grad_weight;
    bf16_layout layout;    /* of one chunk, channels up to `chunk` */
    int64_t outputs;       /* of a merged pixel */
    int64_t run_length;    /* k of a run that a pixel by itself reads */
    int64_t chunk, chunks; /* channels */
    int64_t block, blocks; /* times 16 outputs */
    int64_t n_tiles, parts;
    int64_t batch;   /* tiles that one multiply goes through */
    float *sums;     /* [part][chunk][block], or [thread] where there is one part:
                        [16 outputs][n tile][16][16] */
    int64_t *offset; /* [n tile] words from the tile's start */
    target *targets; /* [n tile] */
    int64_t line;    /* pixels of a line of turned grad_y: blocks of 32 */
    int64_t g_step;  /* pixels of all lines of a tile */
    bf16 *turned;    /* [tile, or thread and batch where there is one chunk]
                        [output][g_step] */
    bf16 *copies;    /* [thread][layout.numbers] */
    uint32_t *words; /* [thread][batch][words_count]: pairs of pixels */
    int64_t *places; /* [thread][2][batch * g_step / 32]: of blocks */
    int64_t words_count;
} job;

static const float nothing[BF16_LANES];

static int64_t divided_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t tile_floats(const job *j)
{
    return j->block * j->n_tiles * BF16_TILE;
}

/* Turned grad_y of a tile: of all outputs, or of one block where nobody else needs it. */
static int64_t turned_numbers(const job *j)
{
    return (j->chunks > 1 ? j->blocks : 1) * j->block * BF16_LANES * j->g_step;
}

static int64_t block_tiles(const job *j, int64_t block)
{
    return smaller(j->block, divided_up(j->outputs, BF16_LANES) - block * j->block);
}

static int64_t chunk_channels(const job *j, int64_t chunk)
{
    return smaller(j->chunk, j->m->channels - chunk * j->chunk);
}

/* grad_y, turned. */

/* The place in grad_y that a walk along a flow has reached. */
typedef struct walk {
    int64_t row;            /* number of the line's first pixel in grad_y */
    int64_t line, at, left; /* left: pixels of the flow */
} walk;

static int64_t row_of(const job *j, int64_t line)
{
    return line / j->m->out_h * j->m->y_image + line % j->m->out_h * j->m->y_row;
}

static void walk_pixels(const job *j, walk *w, int64_t count)
{
    w->left -= count;
    w->at += count;
    if (w->at == j->layout.line) {
        w->at = 0;
        w->row = row_of(j, ++w->line);
    }
}

/* FROM: the next 32 pixels; NULL where they stick out.  Are all of them there? */
static bool walk_on(const job *j, walk *w, const void *from[BF16_DEPTH])
{
    const bf16_layout *l = &j->layout;
    const int64_t pixel = l->merge * j->m->y_pixel;
    if (w->at + BF16_DEPTH <= l->line_pixels && w->left >= BF16_DEPTH) {
        const char *first = precision_at(j->grad_y, j->m->y_kept, w->row + w->at * pixel);
        const int64_t step = pixel * (int64_t)precision_bytes(j->m->y_kept);
        for (int k = 0; k < BF16_DEPTH; k++)
            from[k] = first + k * step;
        walk_pixels(j, w, BF16_DEPTH);
        return true;
    }
    for (int k = 0; k < BF16_DEPTH; k++) {
        bool there = w->left > 0 && w->at < l->line_pixels;
        from[k] =
            there ? precision_at(j->grad_y, j->m->y_kept, w->row + w->at * pixel) : NULL;
        walk_pixels(j, w, 1);
    }
    return false;
}

/* Outputs FIRST to LAST - 1. */
static void turn_tile(const job *j, int64_t tile, int64_t first, int64_t last, bf16 *to)
{
    const bf16_layout *l = &j->layout;
    const precision kept = j->m->y_kept;
    for (int64_t i = 0; i < bf16_flow_count(l, tile); i++, to += j->line) {
        bf16_flow flow = bf16_flow_at(l, tile, i);
        walk w = {.line = flow.line + flow.first / l->line,
                  .at = flow.first % l->line,
                  .left = flow.count};
        w.row = row_of(j, w.line);
        for (int64_t p = 0; p < flow.count; p += BF16_DEPTH) {
            const void *from[BF16_DEPTH], *row[BF16_DEPTH];
            const bool all = walk_on(j, &w, from);
            for (int64_t o = first; o < last; o += BF16_LANES) {
                for (int k = 0; k < BF16_DEPTH; k++)
                    row[k] = all || from[k] ? precision_at(from[k], kept, o) : nothing;
                j->loops->turn(row, kept, smaller(last - o, BF16_LANES),
                               to + (o - first) * j->g_step + p, j->g_step);
            }
        }
    }
}

static void turn_task(void *context, int64_t tile, int thread)
{
    const job *j = context;
    (void)thread;
    turn_tile(j, tile, 0, j->outputs, j->turned + tile * turned_numbers(j));
}

/* x in pairs. */

/* Words of the copied tile: each number beside the same one of the next pixel. */
static void pair_rows(const job *j, int64_t chunk, int64_t tile, bf16 *copy,
                      uint32_t *words)
{
    const bf16_layout *l = &j->layout;
    bf16_layout_load(l, j->loops, chunk_channels(j, chunk),
                     precision_at(j->x, j->m->source_kept, chunk * j->chunk), tile, copy);
    j->loops->interleave(l->numbers - l->step, copy, copy + l->step, words);
}

/* A pixel of the output: the image that it reads, and where its first tap would be. */
typedef struct spot {
    const void *image;
    int64_t y, x;
} spot;

static void find_spots(const job *j, const bf16_flow *flow, spot *to)
{
    const mapping *m = j->m;
    int64_t pixels = m->out_h * m->out_w;
    for (int64_t i = 0; i < flow->count; i++) {
        int64_t p = flow->first + i;
        int64_t image = p / pixels * m->h * m->w * m->pitch;
        to[i] = (spot){.image = precision_at(j->x, m->source_kept, image),
                       .y = p % pixels / m->out_w * m->step_h,
                       .x = p % m->out_w * m->step_w};
    }
}

/* Words [16 channels][pair of pixels][channel] of tap (A, B). */
static void pair_tap(const job *j, int64_t chunk, int64_t a, int64_t b, const spot *spots,
                     int64_t count, uint32_t *words)
{
    const mapping *m = j->m;
    int64_t channels = chunk_channels(j, chunk), stride = j->line / 2 * BF16_LANES;
    const precision kept = m->source_kept;
    for (int64_t k = 0; k < count; k += BF16_DEPTH, words += BF16_TILE) {
        const void *from[BF16_DEPTH], *row[BF16_DEPTH];
        for (int64_t i = 0; i < BF16_DEPTH; i++) {
            const spot *s = &spots[k + i];
            int64_t y = k + i < count ? s->y + m->rows.place[a] : -1;
            int64_t x = k + i < count ? s->x + m->columns.place[b] : -1;
            bool inside = y >= 0 && y < m->h && x >= 0 && x < m->w;
            int64_t at = (y * m->w + x) * m->pitch + chunk * j->chunk;
            from[i] = inside ? precision_at(s->image, kept, at) : NULL;
        }
        for (int64_t c = 0; c < j->chunk; c += BF16_LANES) {
            int64_t n = channels > c ? smaller(channels - c, BF16_LANES) : 0;
            for (int64_t i = 0; i < BF16_DEPTH; i++)
                row[i] = from[i] && n ? precision_at(from[i], kept, c) : nothing;
            j->loops->zip(row, kept, n, words + c / BF16_LANES * stride);
        }
    }
}

/* Words [tap][16 channels][pair of pixels][channel], gathered. */
static void pair_gathered(const job *j, int64_t chunk, int64_t tile, uint32_t *words)
{
    const mapping *m = j->m;
    spot spots[GATHERED_PIXELS];
    bf16_flow flow = bf16_flow_at(&j->layout, tile, 0);
    int64_t step = divided_up(j->chunk, BF16_LANES) * (j->line / 2) * BF16_LANES;
    find_spots(j, &flow, spots);
    for (int64_t a = 0; a < m->rows.count; a++)
        for (int64_t b = 0; b < m->columns.count; b++, words += step)
            pair_tap(j, chunk, a, b, spots, flow.count, words);
}

/* Products. */

/* Where the blocks of 32 pixels of COUNT tiles from TILE on begin, in turned grad_y and in
   words.  Returns how many there are. */
static int64_t find_blocks(const job *j, int64_t tile, int64_t count, int64_t *g,
                           int64_t *words)
{
    const bf16_layout *l = &j->layout;
    int64_t row = l->gathered ? BF16_LANES : 2 * l->step, blocks = 0;
    for (int64_t t = 0; t < count; t++)
        for (int64_t i = 0; i < bf16_flow_count(l, tile + t); i++) {
            bf16_flow flow = bf16_flow_at(l, tile + t, i);
            for (int64_t p = 0; p < flow.count; p += BF16_DEPTH) {
                g[blocks] = t * turned_numbers(j) + i * j->line + p;
                words[blocks++] = t * j->words_count + flow.x + p / 2 * row;
            }
        }
    return blocks;
}

/* TILES times 16 outputs of G times all that words hold. */
static void multiply_blocks(const job *j, bf16_multiply *t, const bf16 *g, int64_t tiles,
                            const uint32_t *words, float *sums)
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
static void unmerge(const job *j, float *sums)
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

/* Sums [n tile][16][16] of the outputs from FIRST on to their places, output by output. */
static void scatter(const job *j, int64_t chunk, int64_t first, float *sums)
{
    const mapping *m = j->m;
    int64_t there = chunk_channels(j, chunk);
    unmerge(j, sums);
    for (int64_t o = 0; o < BF16_LANES && first + o < m->outputs; o++) {
        float *to = j->grad_weight + (first + o) * m->weight_output + chunk * j->chunk;
        for (int64_t n = 0; n < j->n_tiles; n++) {
            const target *t = &j->targets[n];
            const float *from = sums + n * BF16_TILE + o * BF16_LANES;
            int64_t count = smaller(t->count, there - t->channel);
            if (count == BF16_LANES)
                memcpy(to + t->to, from, BF16_LANES * sizeof *to);
            else if (count > 0)
                memcpy(to + t->to, from, (size_t)count * sizeof *to);
        }
    }
}

static void part_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const bf16_layout *l = &j->layout;
    int64_t block = task % j->blocks, chunk = task / j->blocks % j->chunks;
    int64_t part = task / j->blocks / j->chunks, tiles = block_tiles(j, block);
    int64_t output = block * j->block * BF16_LANES;
    int64_t last = smaller(output + tiles * BF16_LANES, j->outputs);
    int64_t first = l->count * part / j->parts;
    int64_t end = l->count * (part + 1) / j->parts;
    float *sums = j->sums + (j->parts > 1 ? task : thread) * tile_floats(j);
    uint32_t *words = j->words + thread * j->batch * j->words_count;
    int64_t *places = j->places + thread * 2 * j->batch * j->g_step / BF16_DEPTH;
    bf16_multiply t = {.x_offset = places,
                       .w_offset = places + j->batch * j->g_step / BF16_DEPTH};
    j->loops->enter();
    for (int64_t tile = first, count; tile < end; tile += count) {
        count = smaller(j->batch, end - tile);
        bf16 *g =
            j->turned + (j->chunks > 1 ? tile : thread * j->batch) * turned_numbers(j);
        for (int64_t i = 0; i < count; i++) {
            if (j->chunks == 1)
                turn_tile(j, tile + i, output, last, g + i * turned_numbers(j));
            if (l->gathered)
                pair_gathered(j, chunk, tile + i, words + i * j->words_count);
            else
                pair_rows(j, chunk, tile + i, j->copies + thread * l->numbers,
                          words + i * j->words_count);
        }
        t.blocks = find_blocks(j, tile, count, places,
                               places + j->batch * j->g_step / BF16_DEPTH);
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
    const job *j = context;
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

static void gathered_targets(const job *j)
{
    const mapping *m = j->m;
    int64_t vectors = divided_up(j->chunk, BF16_LANES);
    for (int64_t n = 0; n < j->n_tiles; n++) {
        int64_t tap = n / vectors, channel = n % vectors * BF16_LANES;
        j->offset[n] = n * (j->line / 2) * BF16_LANES;
        j->targets[n] =
            (target){.to = m->rows.weight[tap / m->columns.count] +
                           m->columns.weight[tap % m->columns.count] + channel,
                     .channel = channel,
                     .count = smaller(BF16_LANES, j->chunk - channel)};
    }
}

/* A chunk is a multiple of 16 channels or all of them: either way what a tile of sums
   holds are neighbours in the weight. */
static void rows_targets(const job *j)
{
    const mapping *m = j->m;
    const bf16_layout *l = &j->layout;
    int64_t per_run = divided_up(l->run_length, BF16_LANES);
    for (int64_t n = 0; n < j->n_tiles; n++) {
        int64_t per_row = l->runs / m->rows.count, k = n % per_run * BF16_LANES;
        int64_t a = n / per_run / per_row, b = n / per_run % per_row;
        j->offset[n] = (m->rows.place[a] - m->rows.place[0]) * l->row +
                       (m->columns.place[b] - m->columns.place[0]) * l->pitch + k;
        j->targets[n] = (target){.count = 0};
        if (k >= j->run_length) /* read by merged pixels alone */
            continue;
        j->targets[n] = (target){.to = m->rows.weight[a] +
                                       m->columns.weight[b + k / j->chunk] + k % j->chunk,
                                 .channel = j->chunks > 1 ? k % j->chunk : 0,
                                 .count = smaller(BF16_LANES, j->run_length - k)};
        if (j->chunks == 1) /* all that follow it, whatever the tap */
            j->targets[n].channel = j->chunk - j->targets[n].count;
    }
}

/* Pixels whose outputs, and taps, are neighbours may count as one. */
static int64_t merge_of(const job *j)
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

static void make_tiles(job *j)
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
        l->pixels = GATHERED_PIXELS;
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

static void job_make(job *j, scratch *s)
{
    const mapping *m = j->m;
    j->loops = bf16_loops_get();
    j->chunk = smaller(m->channels, CHUNK_MOST);
    j->chunks = divided_up(m->channels, j->chunk);
    j->block = smaller(divided_up(m->outputs, BF16_LANES), BLOCK_MOST);
    j->blocks = divided_up(divided_up(m->outputs, BF16_LANES), j->block);
    make_tiles(j);
    int64_t owners = j->chunks * j->blocks, threads = cpu_threads();
    j->parts = smaller(divided_up(TASKS_WANTED, owners), j->layout.count);
    j->batch = smaller(j->words_count ? WORDS_MOST / j->words_count : 1, BATCH_MOST);
    j->batch =
        j->batch < 1 ? 1 : smaller(j->batch, divided_up(j->layout.count, j->parts));
    j->sums =
        scratch_floats(s, (j->parts > 1 ? j->parts * owners : threads) * tile_floats(j));
    j->offset = scratch_take(s, j->n_tiles, sizeof *j->offset);
    j->targets = scratch_take(s, j->n_tiles, sizeof *j->targets);
    j->turned = scratch_take(
        s, (j->chunks > 1 ? j->layout.count : threads * j->batch) * turned_numbers(j),
        sizeof *j->turned);
    j->copies = scratch_take(s, j->layout.gathered ? 0 : threads * j->layout.numbers,
                             sizeof *j->copies);
    j->words = scratch_take(s, threads * j->batch * j->words_count, sizeof *j->words);
    j->places = scratch_take(s, threads * 2 * j->batch * j->g_step / BF16_DEPTH,
                             sizeof *j->places);
}

static void job_run(job *j)
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
    job_make(&(job){.m = &m}, &s);
    return s.used;
}

void bf16_grad_weight(const convolution *v, const float *x, const float *grad_y,
                      float *grad_weight, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    for (int64_t group = 0; group < v->groups; group++) {
        job j = {.m = &m,
                 .x = precision_at(x, m.source_kept, group * m.channels),
                 .grad_y = precision_at(grad_y, m.y_kept, group * m.outputs),
                 .grad_weight = grad_weight + group * m.outputs * m.weight_output};
        job_make(&j, &(scratch){.base = block});
        job_run(&j);
    }
}
