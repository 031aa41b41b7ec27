/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_winograd.c -- convolution of codes, 3x3 and stride 1, by Winograd's algorithm
   F(4x4, 3x3), without rounding: a quarter of the products, of 16 bits instead of 8.

     Y = A' [ sum over c of (G g G') * (B' d B) ] A

   B is of integers.  G is not; each of its rows is taken times its denominator (4, 6, 6,
   24, 24, 1), and A' times 24 over that, so that all are integers and the outcome is
   576 Y = 64 * 9 Y.  Sums are modulo 2^32, where 9 has an inverse and the division by 64
   leaves Y modulo 2^26: all of it where no sum of products of an output is 2^25 or more.
   The weights tell how many pieces channels are cut into for that, whose Y are added.
   Source: Lavin, Gray 2016, Fast algorithms for convolutional neural networks (F(4x4,
   3x3)); the integers follow from them. */
#include "kernel/integer_winograd.h"

#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/integer_loops.h"
#include "kernel/integer_method.h"
#include "kernel/scratch.h"

enum {
    PANEL = 2 * CODES_LANES, /* outputs */
    PIXELS = CODES_TILE * CODES_TILE,
    BLOCK_BYTES = 660 * 1024, /* of transformed codes, and their sums, of one thread */
    BLOCK_LEAST = 24,         /* tiles that are worth the kernels' way to the planes */
    TASKS_WANTED = 16,
    CODE_MOST = 128,
    SUM_END = 1 << 25
};

/* What is prepared, by output; and the kernels, [panel][pair of channels][vector][tap]
   [output][2]. */
typedef struct view {
    int64_t *pieces; /* of the channels */
    float *multiplier;
    int32_t *shift;
    int8_t *g;
    size_t bytes;
} view;

typedef struct job {
    const integer_conv *c;
    view view;
    const integer_winograd_loops *loops;
    int64_t x_pitch, y_pitch;
    int64_t rows, columns, tiles; /* of an image; of all */
    int64_t panels, parts;        /* parts: of the panels */
    int64_t block, blocks;        /* tiles of a block */
    int64_t chunk, x_plane, x_chunk, u_plane, sum_plane;
    /* Of each thread: */
    int64_t *at_hand; /* the block in x, or -1 */
    int16_t *x;       /* [chunk][plane][tile][channel] */
    int16_t *u;       /* [plane of a row][pair of a chunk][vector][output][2] */
    int32_t *sums;    /* [plane][tile][PANEL] of a piece */
    int32_t *totals;  /* [tile][pixel][PANEL] of those before, where there may be some */
    size_t apart;     /* from thread to thread */
    int8_t *outside;  /* [channels] */
} job;

static int64_t divide_up(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- the row of the table ---- */

static int64_t tiles_of(const integer_conv *c)
{
    return c->batch * divide_up(c->out_height, CODES_TILE) *
           divide_up(c->out_width, CODES_TILE);
}

/* Channels whose kernels are multiplied together: where they go to planes, these stay in
   the nearest cache. */
static int64_t chunk_of(const integer_conv *c)
{
    enum { PLANES = 64, FOUR = 128 };
    return smaller(tiles_of(c) <= 4 ? FOUR : PLANES, c->channels);
}

static int64_t chunks_of(const integer_conv *c)
{
    return divide_up(c->channels, chunk_of(c));
}

/* The chunk that piece I of PIECES begins with. */
static int64_t piece_first(const integer_conv *c, int64_t pieces, int64_t i)
{
    return chunks_of(c) * i / pieces;
}

/* Can no sum of output O over the chunks from FIRST to END reach SUM_END? */
static bool piece_fits(const integer_conv *c, int64_t o, int64_t first, int64_t end)
{
    const int64_t chunk = chunk_of(c);
    int64_t sum = 0;
    for (int64_t tap = 0; tap < CODES_TAPS; tap++) {
        const int8_t *weight = c->weight + (o * CODES_TAPS + tap) * c->channels;
        for (int64_t i = first * chunk; i < smaller(end * chunk, c->channels); i++)
            sum += weight[i] < 0 ? -weight[i] : weight[i];
    }
    return sum * CODE_MOST < SUM_END;
}

static bool pieces_fit(const integer_conv *c, int64_t pieces)
{
    bool fit = true;
    for (int64_t o = 0; o < c->out_channels && fit; o++)
        for (int64_t i = 0; i < pieces && fit; i++)
            fit = piece_fits(c, o, piece_first(c, pieces, i),
                             piece_first(c, pieces, i + 1));
    return fit;
}

/* The least number that fits: a chunk always does. */
static int64_t pieces_of(const integer_conv *c)
{
    int64_t pieces = 1;
    while (!pieces_fit(c, pieces))
        pieces++;
    return pieces;
}

static bool may_be_cut(const integer_conv *c)
{
    return c->channels * CODES_TAPS * CODE_MOST * CODE_MOST >= SUM_END;
}

static bool zeros_are_zero(const integer_conv *c)
{
    for (int64_t o = 0; o < c->weight_channels; o++)
        if (c->weight_zero[o] != 0)
            return false;
    return true;
}

static bool suits(const integer_conv *c)
{
    bool small = true;
    for (int axis = 0; axis < 2; axis++)
        small = small && c->kernel[axis] == 3 && c->stride[axis] == 1 &&
                c->dilation[axis] == 1;
    return cpu_get_level() >= CPU_VNNI && integer_winograd_vnni && small &&
           c->groups == 1 && c->channels % CODES_CHANNELS == 0 &&
           c->out_channels % CODES_LANES == 0 && !c->to_sums && c->weight &&
           zeros_are_zero(c);
}

static int64_t block_tiles(const integer_conv *c)
{
    int64_t bytes = CODES_PLANES * (c->channels * (int64_t)sizeof(int16_t) +
                                    PANEL * (int64_t)sizeof(int32_t));
    return larger(BLOCK_BYTES / bytes / 4, 1) * 4;
}

/* Clock cycles of one core for each pair of an input and an output channel, beside the
   direct sum: of each tile its products and its share of being transformed there and back,
   and of each block the kernel's way to the planes, which four tiles have in their
   products. */
static bool pays(const integer_conv *c)
{
    const double product = 0.6, four = 3.3, read = 3, write = 10, kernel = 1.5;
    const double direct = 1.125;
    if (cpu_get_level() >= CPU_AMX)
        return false;
    double pixels = (double)(c->batch * c->out_height * c->out_width);
    int64_t tiles = divide_up(tiles_of(c), 4) * 4;
    double tile = read / (double)c->out_channels +
                  write * (double)pieces_of(c) / (double)c->channels;
    double all = tiles <= 4 ? four
                            : product * (double)tiles +
                                  kernel * (double)divide_up(tiles, block_tiles(c));
    return tile * (double)tiles + all < direct * pixels / PIXELS;
}

/* ---- weights ---- */

static view view_of(const integer_conv *c, void *prepared)
{
    scratch s = {.base = prepared};
    view v;
    v.pieces = scratch_take(&s, 1, sizeof *v.pieces);
    v.multiplier = scratch_floats(&s, c->out_channels);
    v.shift = scratch_take(&s, c->out_channels, sizeof *v.shift);
    v.g = scratch_take(&s, CODES_TAPS * c->channels * c->out_channels, 1);
    v.bytes = s.used;
    return v;
}

static size_t prepared_bytes(const integer_conv *c)
{
    return view_of(c, NULL).bytes;
}

static int64_t panel_vectors(const integer_conv *c, int64_t panel)
{
    return smaller(PANEL, c->out_channels - panel * PANEL) / CODES_LANES;
}

static const int8_t *panel_kernels(const job *j, int64_t panel)
{
    return j->view.g + panel * PANEL * CODES_TAPS * j->c->channels;
}

typedef struct packing {
    const integer_conv *c;
    view view;
} packing;

static void pack_channel(const packing *p, int64_t o, int64_t channel)
{
    const integer_conv *c = p->c;
    const int64_t panel = o / PANEL, vectors = panel_vectors(c, panel);
    int64_t vector = channel / 2 * vectors + o % PANEL / CODES_LANES;
    int8_t *to = p->view.g + panel * PANEL * CODES_TAPS * c->channels +
                 vector * CODES_TAPS * CODES_CHANNELS + o % CODES_LANES * 2 + channel % 2;
    for (int tap = 0; tap < CODES_TAPS; tap++)
        to[tap * CODES_CHANNELS] =
            c->weight[(o * CODES_TAPS + tap) * c->channels + channel];
}

static void pack_output(void *context, int64_t o, int thread)
{
    const packing *p = context;
    const integer_conv *c = p->c;
    int64_t which = c->weight_channels == 1 ? 0 : o, sum = 0;
    (void)thread;
    for (int64_t channel = 0; channel < c->channels; channel++)
        pack_channel(p, o, channel);
    for (int64_t i = 0; i < CODES_TAPS * c->channels; i++)
        sum += c->weight[o * CODES_TAPS * c->channels + i];
    p->view.multiplier[o] = integer_multiplier(
        (double)c->in.scale * (double)c->weight_scale[which] / (double)c->out.scale);
    p->view.shift[o] = (int32_t)((uint32_t)(c->bias ? c->bias[o] : 0) -
                                 (uint32_t)c->in.zero * (uint32_t)sum);
}

static void prepare(const integer_conv *c, void *prepared)
{
    packing p = {c, view_of(c, prepared)};
    *p.view.pieces = pieces_of(c);
    parallel_for(c->out_channels, pack_output, &p);
}

/* ---- running ---- */

static int64_t odd_lines(int64_t numbers, int64_t line)
{
    return (divide_up(numbers, line) | 1) * line;
}

static void cut(job *j)
{
    const integer_conv *c = j->c;
    j->rows = divide_up(c->out_height, CODES_TILE);
    j->columns = divide_up(c->out_width, CODES_TILE);
    j->tiles = tiles_of(c);
    j->panels = divide_up(c->out_channels, PANEL);
    const int64_t fours = divide_up(j->tiles, 4);
    j->blocks = divide_up(j->tiles, block_tiles(c));
    /* Else every thread would transform all tiles for itself. */
    if (j->blocks == 1 && j->tiles >= 2 * BLOCK_LEAST)
        j->blocks = 2;
    if (j->blocks < TASKS_WANTED && j->panels == 1) /* nothing else to share out */
        j->blocks = larger(j->blocks, smaller(TASKS_WANTED, divide_up(j->tiles, 16)));
    /* Even numbers of blocks, as even as they can be: halves of all, too. */
    j->blocks = smaller(j->blocks + (j->blocks > 1 ? j->blocks % 2 : 0), fours);
    j->block = divide_up(fours, j->blocks) * 4;
    j->parts = smaller(j->panels, divide_up(TASKS_WANTED, j->blocks));
    /* An odd number of lines of the cache from plane to plane. */
    j->chunk = chunk_of(c);
    j->x_plane = odd_lines(j->block * j->chunk, 32);
    j->x_chunk = CODES_PLANES * j->x_plane;
    j->u_plane = odd_lines(j->chunk * PANEL, 32);
    j->sum_plane = odd_lines(j->block * PANEL, 16);
}

static size_t job_make(job *j, const integer_conv *c, void *block)
{
    scratch s = {.base = block};
    *j = (job){.c = c, .loops = integer_winograd_vnni};
    j->x_pitch = c->x_pitch ? c->x_pitch : c->channels;
    j->y_pitch = c->y_pitch ? c->y_pitch : c->out_channels;
    cut(j);
    j->outside = scratch_take(&s, c->channels, 1);
    size_t used = s.used;
    j->x = scratch_take(&s, chunks_of(c) * j->x_chunk, sizeof *j->x);
    j->u = scratch_take(&s, j->block > 4 ? CODES_SIDE * j->u_plane : 0, sizeof *j->u);
    j->sums = scratch_take(&s, CODES_PLANES * j->sum_plane, sizeof *j->sums);
    j->totals = scratch_take(&s, may_be_cut(c) ? j->block * PIXELS * PANEL : 0,
                             sizeof *j->totals);
    j->at_hand = scratch_take(&s, 1, sizeof *j->at_hand);
    j->apart = scratch_rooms(&s, used);
    return s.used;
}

static size_t scratch_bytes(const integer_conv *c)
{
    job j;
    return job_make(&j, c, NULL);
}

/* The image of a tile, and its first output. */
typedef struct place {
    int64_t image, y, x;
} place;

static place place_of(const job *j, int64_t tile)
{
    int64_t at = tile % (j->rows * j->columns);
    return (place){tile / (j->rows * j->columns), at / j->columns * CODES_TILE,
                   at % j->columns * CODES_TILE};
}

static void read_block(const job *j, int64_t first, int64_t count, int16_t *to)
{
    const integer_conv *c = j->c;
    for (int64_t t = 0; t < count; t++) {
        const int8_t *pixel[CODES_PLANES];
        place p = place_of(j, first + t);
        for (int64_t i = 0; i < CODES_PLANES; i++) {
            int64_t y = p.y + i / CODES_SIDE - c->padding[0];
            int64_t x = p.x + i % CODES_SIDE - c->padding[1];
            bool inside = y >= 0 && y < c->height && x >= 0 && x < c->width;
            pixel[i] =
                inside ? c->x + ((p.image * c->height + y) * c->width + x) * j->x_pitch
                       : j->outside;
        }
        for (int64_t i = 0; i < chunks_of(c); i++)
            j->loops->read(pixel, i * j->chunk, smaller((i + 1) * j->chunk, c->channels),
                           to + i * j->x_chunk + t * j->chunk, j->x_plane);
    }
}

/* CODES [pixel][lanes] of a tile and the outputs from OUTPUT on, as far as they are
   inside of the image. */
static void put_tile(const job *j, int64_t tile, int64_t output, int64_t lanes,
                     const int8_t *codes)
{
    const integer_conv *c = j->c;
    place p = place_of(j, tile);
    int64_t rows = smaller(CODES_TILE, c->out_height - p.y);
    int64_t columns = smaller(CODES_TILE, c->out_width - p.x);
    for (int64_t i = 0; i < rows; i++) {
        int64_t pixel = (p.image * c->out_height + p.y + i) * c->out_width + p.x;
        int8_t *y = c->y + pixel * j->y_pitch + output;
        for (int64_t k = 0; k < columns; k++, y += j->y_pitch)
            if (lanes == PANEL)
                memcpy(y, codes + (i * CODES_TILE + k) * PANEL, PANEL);
            else
                memcpy(y, codes + (i * CODES_TILE + k) * lanes, (size_t)lanes);
    }
}

/* Tiles FIRST.. (COUNT) of a panel, whose SUMS are of the last piece of the channels. */
static void finish_tiles(const job *j, int64_t first, int64_t count, int64_t panel,
                         const int32_t *sums, const int32_t *totals)
{
    const int64_t vectors = panel_vectors(j->c, panel), lanes = vectors * CODES_LANES;
    const bool whole = *j->view.pieces == 1;
    for (int64_t i = 0; i < count; i++) {
        _Alignas(64) int32_t all[PIXELS * PANEL];
        _Alignas(64) int8_t codes[PIXELS * PANEL];
        j->loops->write(sums + i * lanes, j->sum_plane, (int)vectors,
                        whole ? j->view.shift + panel * PANEL
                              : totals + i * PIXELS * PANEL,
                        whole ? 0 : lanes, all);
        integer_loops_get()->round_tile(
            &(integer_rounding){.rows = PIXELS,
                                .lanes = lanes,
                                .sum = all,
                                .multiplier = j->view.multiplier + panel * PANEL,
                                .out = j->c->out,
                                .map = j->c->map,
                                .codes = codes});
        put_tile(j, first + i, panel * PANEL, lanes, codes);
    }
}

/* SUMS of piece PIECE of the channels to the totals of COUNT tiles. */
static void add_tiles(const job *j, int64_t count, int64_t panel, int64_t piece,
                      const int32_t *sums, int32_t *totals)
{
    const int64_t vectors = panel_vectors(j->c, panel), lanes = vectors * CODES_LANES;
    for (int64_t i = 0; i < count; i++, sums += lanes, totals += PIXELS * PANEL)
        j->loops->write(sums, j->sum_plane, (int)vectors,
                        piece ? totals : j->view.shift + panel * PANEL, piece ? lanes : 0,
                        totals);
}

/* The chunks of the channels from FIRST to END, one by one: row by row their kernels go
   to the planes, and are multiplied with all tiles of the block while they are in the
   nearest cache. */
static void multiply_panel(const job *j, int64_t panel, int64_t first, int64_t end,
                           codes_product p, int16_t *u)
{
    const int64_t vectors = panel_vectors(j->c, panel);
    const int8_t *g = panel_kernels(j, panel);
    const int16_t *x = p.x;
    p.vectors = (int)vectors;
    for (int64_t i = first; i < end; i++) {
        const int8_t *kernels =
            g + i * j->chunk / 2 * vectors * CODES_TAPS * CODES_CHANNELS;
        p.channels = smaller(j->chunk, j->c->channels - i * j->chunk);
        p.x = x + i * j->x_chunk;
        p.add = i > first;
        if (p.tiles <= 4) {
            j->loops->multiply_four(&p, kernels);
            continue;
        }
        for (p.row = 0; p.row < CODES_SIDE; p.row++) {
            j->loops->spread(kernels, p.channels / 2 * vectors, p.row, u, j->u_plane);
            j->loops->multiply(&p);
        }
    }
}

static int64_t block_first(const job *j, int64_t block)
{
    return smaller(divide_up(j->tiles, 4) * block / j->blocks * 4, j->tiles);
}

static void task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const int64_t pieces = *j->view.pieces;
    int64_t block = task / j->parts, part = task % j->parts;
    int64_t first = block_first(j, block), count = block_first(j, block + 1) - first;
    int16_t *x = room_of(j->x, j->apart, thread);
    int16_t *u = room_of(j->u, j->apart, thread);
    int32_t *sums = room_of(j->sums, j->apart, thread);
    int32_t *totals = room_of(j->totals, j->apart, thread);
    int64_t *at_hand = room_of(j->at_hand, j->apart, thread);
    const codes_product p = {.tiles = count,
                             .x = x,
                             .x_tile = j->chunk,
                             .x_plane = j->x_plane,
                             .u = u,
                             .u_plane = j->u_plane,
                             .sum = sums,
                             .sum_plane = j->sum_plane};
    if (*at_hand != block)
        read_block(j, first, count, x);
    *at_hand = block;
    for (int64_t panel = j->panels * part / j->parts;
         panel < j->panels * (part + 1) / j->parts; panel++) {
        for (int64_t i = 0; i < pieces; i++) {
            multiply_panel(j, panel, piece_first(j->c, pieces, i),
                           piece_first(j->c, pieces, i + 1), p, u);
            if (i < pieces - 1)
                add_tiles(j, count, panel, i, sums, totals);
        }
        finish_tiles(j, first, count, panel, sums, totals);
    }
}

static void run(const integer_conv *c, const void *prepared, void *block)
{
    job j;
    job_make(&j, c, block);
    j.view = view_of(c, (void *)(uintptr_t)prepared); /* only read */
    for (int i = 0; i < cpu_threads(); i++)
        *(int64_t *)room_of(j.at_hand, j.apart, i) = -1;
    memset(j.outside, (int8_t)c->in.zero, (size_t)c->channels);
    parallel_for(j.blocks * j.parts, task, &j);
}

const integer_method integer_method_winograd = {
    .name = "winograd",
    .suits = suits,
    .pays = pays,
    .prepared_bytes = prepared_bytes,
    .prepare = prepare,
    .scratch_bytes = scratch_bytes,
    .run = run,
};
