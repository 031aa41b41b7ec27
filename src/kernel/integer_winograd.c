/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_winograd.c -- convolution of codes, 3x3 and stride 1, by Winograd's algorithm
   F(4x4, 3x3), without rounding: a quarter of the products, of 16 bits instead of 8.

     Y = A' [ sum over c of (G g G') * (B' d B) ] A

   B is of integers.  G is not; each of its rows is taken times its denominator (4, 6, 6,
   24, 24, 1), and A' times 24 over that, so that all are integers and the outcome is
   576 Y = 64 * 9 Y.  Sums are modulo 2^32, where 9 has an inverse and the division by 64
   leaves Y modulo 2^26: all of it where no sum of products of an output is 2^25 or more,
   which its weights tell.
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
    SUB_TILES = 16,           /* whose products stay near */
    BLOCK_BYTES = 320 * 1024, /* of transformed codes of one thread */
    TASKS_WANTED = 16,
    CODE_MOST = 128,
    SUM_END = 1 << 25
};

/* What is prepared, by output; and the weights, [panel][plane][pair][vector][16][2]. */
typedef struct view {
    float *multiplier;
    int32_t *shift;
    int16_t *u;
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
    int64_t x_plane;
    int64_t *at_hand; /* [thread]: the block in x, or -1 */
    int16_t *x;       /* [thread][plane][tile][channel] */
    int32_t *sums;    /* [thread][plane][SUB_TILES][PANEL] */
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

/* ---- the row of the table ---- */

static int64_t tiles_of(const integer_conv *c)
{
    return c->batch * divide_up(c->out_height, CODES_TILE) *
           divide_up(c->out_width, CODES_TILE);
}

/* Of each output: are its weights' zero points 0, and can no sum reach SUM_END? */
static bool weights_fit(const integer_conv *c)
{
    int64_t each = 9 * c->channels;
    for (int64_t o = 0; o < c->out_channels; o++) {
        int64_t sum = 0;
        if (c->weight_zero[c->weight_channels == 1 ? 0 : o] != 0)
            return false;
        for (int64_t i = 0; i < each; i++)
            sum += c->weight[o * each + i] < 0 ? -c->weight[o * each + i]
                                               : c->weight[o * each + i];
        if (sum * CODE_MOST >= SUM_END)
            return false;
    }
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
           weights_fit(c);
}

/* Clock cycles of one core for each pair of an input and an output channel, beside the
   direct sum: of each tile its products and its share of being transformed there and back,
   and weights that come from far. */
static bool pays(const integer_conv *c)
{
    const double product = 0.5625, read = 3, write = 15, fetch = 5, direct = 1.125;
    double pixels = (double)(c->batch * c->out_height * c->out_width);
    double tile = product + read / (double)c->out_channels + write / (double)c->channels;
    return cpu_get_level() < CPU_AMX &&
           tile * (double)(divide_up(tiles_of(c), 4) * 4) + fetch <
               direct * pixels / PIXELS;
}

/* ---- weights ---- */

static view view_of(const integer_conv *c, void *prepared)
{
    scratch s = {.base = prepared};
    view v;
    v.multiplier = scratch_floats(&s, c->out_channels);
    v.shift = scratch_take(&s, c->out_channels, sizeof *v.shift);
    v.u = scratch_take(&s, CODES_PLANES * c->channels * c->out_channels, sizeof *v.u);
    v.bytes = s.used;
    return v;
}

static size_t prepared_bytes(const integer_conv *c)
{
    return view_of(c, NULL).bytes;
}

/* to = G g, each row times its denominator, of three numbers STEP apart. */
static void weight_points(const int32_t *g, int64_t step, int32_t *to, int64_t to_step)
{
    int32_t even = g[0] + g[2 * step], far = g[0] + 4 * g[2 * step];
    to[0] = g[0];
    to[to_step] = even + g[step];
    to[2 * to_step] = even - g[step];
    to[3 * to_step] = far + 2 * g[step];
    to[4 * to_step] = far - 2 * g[step];
    to[5 * to_step] = g[2 * step];
}

static int64_t panel_vectors(const integer_conv *c, int64_t panel)
{
    return smaller(PANEL, c->out_channels - panel * PANEL) / CODES_LANES;
}

/* From panel to panel, and from plane to plane of one. */
static int64_t panel_start(const integer_conv *c, int64_t panel)
{
    return panel * CODES_PLANES * c->channels * PANEL;
}

static int64_t u_plane(const integer_conv *c, int64_t panel)
{
    return c->channels * panel_vectors(c, panel) * CODES_LANES;
}

typedef struct packing {
    const integer_conv *c;
    view view;
} packing;

static void pack_channel(const packing *p, int64_t o, int64_t channel)
{
    const integer_conv *c = p->c;
    int32_t g[9], half[3 * CODES_SIDE], all[CODES_PLANES];
    const int64_t panel = o / PANEL, plane = u_plane(c, panel);
    const int64_t vectors = panel_vectors(c, panel);
    const int64_t lane =
        o % PANEL / CODES_LANES * CODES_LANES * 2 + o % CODES_LANES * 2 + channel % 2;
    int16_t *to = p->view.u + panel_start(c, panel) +
                  channel / 2 * vectors * CODES_LANES * 2 + lane;
    for (int tap = 0; tap < 9; tap++)
        g[tap] = c->weight[(o * 9 + tap) * c->channels + channel];
    for (int j = 0; j < 3; j++)
        weight_points(g + j, 3, half + j, 3);
    for (int i = 0; i < CODES_SIDE; i++)
        weight_points(half + 3 * i, 1, all + CODES_SIDE * i, 1);
    for (int i = 0; i < CODES_PLANES; i++)
        to[i * plane] = (int16_t)all[i];
}

static void pack_output(void *context, int64_t o, int thread)
{
    const packing *p = context;
    const integer_conv *c = p->c;
    int64_t which = c->weight_channels == 1 ? 0 : o, sum = 0;
    (void)thread;
    for (int64_t channel = 0; channel < c->channels; channel++)
        pack_channel(p, o, channel);
    for (int64_t i = 0; i < 9 * c->channels; i++)
        sum += c->weight[o * 9 * c->channels + i];
    p->view.multiplier[o] = integer_multiplier(
        (double)c->in.scale * (double)c->weight_scale[which] / (double)c->out.scale);
    p->view.shift[o] = (int32_t)((uint32_t)(c->bias ? c->bias[o] : 0) -
                                 (uint32_t)c->in.zero * (uint32_t)sum);
}

static void prepare(const integer_conv *c, void *prepared)
{
    packing p = {c, view_of(c, prepared)};
    parallel_for(c->out_channels, pack_output, &p);
}

/* ---- running ---- */

static void cut(job *j)
{
    const integer_conv *c = j->c;
    int64_t bytes = CODES_PLANES * c->channels * (int64_t)sizeof *j->x;
    int64_t most = BLOCK_BYTES / bytes / SUB_TILES * SUB_TILES;
    j->rows = divide_up(c->out_height, CODES_TILE);
    j->columns = divide_up(c->out_width, CODES_TILE);
    j->tiles = tiles_of(c);
    j->panels = divide_up(c->out_channels, PANEL);
    j->blocks = divide_up(j->tiles, most < SUB_TILES ? SUB_TILES : most);
    if (j->blocks < TASKS_WANTED && j->panels == 1) /* nothing else to share out */
        j->blocks = smaller(TASKS_WANTED, divide_up(j->tiles, SUB_TILES));
    j->block = divide_up(divide_up(j->tiles, j->blocks), 4) * 4;
    j->blocks = divide_up(j->tiles, j->block);
    j->parts = smaller(j->panels, divide_up(TASKS_WANTED, j->blocks));
    /* An odd number of lines from plane to plane. */
    j->x_plane = (j->block * c->channels / CODES_CHANNELS | 1) * CODES_CHANNELS;
}

static size_t job_make(job *j, const integer_conv *c, void *block)
{
    scratch s = {.base = block};
    int64_t threads = cpu_threads();
    *j = (job){.c = c, .loops = integer_winograd_vnni};
    j->x_pitch = c->x_pitch ? c->x_pitch : c->channels;
    j->y_pitch = c->y_pitch ? c->y_pitch : c->out_channels;
    cut(j);
    j->at_hand = scratch_take(&s, threads, sizeof *j->at_hand);
    j->outside = scratch_take(&s, c->channels, 1);
    j->x = scratch_take(&s, threads * CODES_PLANES * j->x_plane, sizeof *j->x);
    j->sums =
        scratch_take(&s, threads * CODES_PLANES * SUB_TILES * PANEL, sizeof *j->sums);
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
        j->loops->read(pixel, c->channels, to + t * c->channels, j->x_plane);
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

static void finish_tile(const job *j, int64_t tile, int64_t panel, const int32_t *sums)
{
    _Alignas(64) int32_t all[PIXELS * PANEL];
    _Alignas(64) int8_t codes[PIXELS * PANEL];
    const int64_t vectors = panel_vectors(j->c, panel), lanes = vectors * CODES_LANES;
    j->loops->write(sums, SUB_TILES * lanes, (int)vectors, j->view.shift + panel * PANEL,
                    all);
    integer_loops_get()->round_tile(
        &(integer_rounding){.rows = PIXELS,
                            .lanes = lanes,
                            .sum = all,
                            .multiplier = j->view.multiplier + panel * PANEL,
                            .out = j->c->out,
                            .map = j->c->map,
                            .codes = codes});
    put_tile(j, tile, panel * PANEL, lanes, codes);
}

static void panel_task(const job *j, int64_t panel, int64_t first, int64_t count,
                       const int16_t *x, int32_t *sums)
{
    const integer_conv *c = j->c;
    const int64_t vectors = panel_vectors(c, panel), lanes = vectors * CODES_LANES;
    for (int64_t t = 0; t < count; t += SUB_TILES) {
        codes_product p = {.tiles = smaller(SUB_TILES, count - t),
                           .channels = c->channels,
                           .vectors = (int)vectors,
                           .x = x + t * c->channels,
                           .x_plane = j->x_plane,
                           .u = j->view.u + panel_start(c, panel),
                           .u_plane = u_plane(c, panel),
                           .sum = sums,
                           .sum_plane = SUB_TILES * lanes};
        j->loops->multiply(&p);
        for (int64_t i = 0; i < p.tiles; i++)
            finish_tile(j, first + t + i, panel, sums + i * lanes);
    }
}

static void task(void *context, int64_t task, int thread)
{
    const job *j = context;
    int64_t block = task / j->parts, part = task % j->parts;
    int64_t first = block * j->block, count = smaller(j->block, j->tiles - first);
    int16_t *x = j->x + thread * CODES_PLANES * j->x_plane;
    int32_t *sums = j->sums + thread * CODES_PLANES * SUB_TILES * PANEL;
    if (j->at_hand[thread] != block)
        read_block(j, first, count, x);
    j->at_hand[thread] = block;
    for (int64_t panel = j->panels * part / j->parts;
         panel < j->panels * (part + 1) / j->parts; panel++)
        panel_task(j, panel, first, count, x, sums);
}

static void run(const integer_conv *c, const void *prepared, void *block)
{
    job j;
    job_make(&j, c, block);
    j.view = view_of(c, (void *)(uintptr_t)prepared); /* only read */
    for (int64_t i = 0; i < cpu_threads(); i++)
        j.at_hand[i] = -1;
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
