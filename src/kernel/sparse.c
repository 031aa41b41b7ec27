/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse.c -- convolutions whose weights are mostly zero: for each output, the list of
   its other weights runs over vectors of pixels.  Input tiles are turned to
   channel-major, sums are turned back.
   It does not decide when that is faster: see sparse_cost.c. */
#include "kernel/sparse.h"

#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/scratch.h"
#include "kernel/sparse_parts.h"

enum {
    TASKS_WANTED = 8,
    TASK_PRODUCTS = 8 * 1024, /* of vectors: less is not worth waking a thread */
    LANES_MOST = 16
};

/* What a thread has for itself. */
typedef struct room {
    int64_t tile; /* whose input is in x; -1: none */
    float *x;     /* [plane][slot][lane] */
    float *sums;  /* [output of a block][kind][vector][lane] */
    int64_t *pixel;
} room;

typedef struct job {
    sparse_shape s;
    const sparse_loops *loops;
    sparse_view view;
    const float *x, *bias, *zeros;
    const finish *tail;
    float *y;
    int64_t parts;            /* in which the outputs of a tile are cut */
    int64_t sums_step, reach; /* reach: floats around sums that shifted loads touch */
    int64_t *shift;
    int32_t *inside;
    room *rooms;
} job;

const sparse_loops *sparse_loops_get(void)
{
    cpu_level level = cpu_get_level();
    if (level >= CPU_AVX512 && sparse_avx512)
        return sparse_avx512;
    if (level >= CPU_AVX2 && sparse_avx2)
        return sparse_avx2;
    return sparse_scalar;
}

static int64_t group_count(const sparse_shape *s)
{
    return (s->images - 1) / s->tile_images + 1;
}

/* Scratch memory, cut for J. */
static size_t layout(job *j, void *block)
{
    const sparse_shape *s = &j->s;
    scratch memory = {.base = block};
    int64_t far =
        -s->columns.least > s->columns.most ? -s->columns.least : s->columns.most;
    j->reach = ((far < 0 ? 0 : far) / s->lanes + 1) * s->lanes;
    j->sums_step = s->vectors * s->lanes;
    j->zeros = scratch_floats(&memory, s->channels);
    j->shift = scratch_take(&memory, s->kinds, sizeof *j->shift);
    j->inside =
        scratch_take(&memory, s->kinds * s->width * s->rows_in, sizeof *j->inside);
    j->rooms = scratch_take(&memory, cpu_threads(), sizeof *j->rooms);
    for (int i = 0; i < cpu_threads(); i++) {
        room r = {.tile = -1};
        r.x = scratch_floats(&memory, s->channels * sparse_channel_floats(s));
        r.sums =
            scratch_floats(&memory, s->lanes * s->kinds * j->sums_step + 2 * j->reach);
        r.pixel = scratch_take(&memory, s->vectors * s->lanes, sizeof *r.pixel);
        if (block)
            j->rooms[i] = r;
    }
    return memory.used;
}

/* The lanes that find their input of each kind inside of the vectors of their row. */
static void fill_masks(const job *j)
{
    const sparse_shape *s = &j->s;
    int32_t *inside = j->inside;
    for (int64_t k = 0; k < s->kinds; k++) {
        j->shift[k] = s->kind[k];
        for (int64_t i = 0; i < s->width * s->rows_in; i++) {
            int64_t column = i % s->width + s->kind[k];
            *inside++ = column >= 0 && column < s->width ? -1 : 0;
        }
    }
}

/* Where COUNT lanes of one row come from, as far as it is inside of the image; ROW and
   COLUMN are of the input. */
static void row_lanes(const job *j, int64_t image, int64_t row, int64_t column,
                      int64_t count, const float **lane)
{
    const sparse_shape *s = &j->s;
    int64_t pixel = (image * s->h + row) * s->w, end = s->w;
    if (image >= s->images || row < 0 || row >= s->h)
        end = 0;
    else if (pixel + end > s->pixels_read) /* the last row of a flattened image */
        end = s->pixels_read - pixel;
    const float *x = j->x + (pixel + column) * s->x_pitch;
    for (int64_t i = 0; i < count; i++, column += s->step_w, x += s->step_w * s->x_pitch)
        lane[i] = column < end ? x : j->zeros;
}

/* Turns one slot of all channels, in one phase; the tile begins at IMAGE and ROW. */
static void turn_slot(const job *j, int64_t image, int64_t row, int64_t slot,
                      int64_t phase_h, int64_t phase_w, float *to)
{
    const sparse_shape *s = &j->s;
    const float *lane[LANES_MOST];
    int64_t in = slot % s->deep, column = 0, count = s->lanes / s->rows_in;
    row += in / s->next * s->apart + slot / s->deep;
    if (s->tile_images > 1)
        image += in % s->next;
    else
        column = in % s->next * s->lanes * s->step_w;
    for (int64_t i = 0; i < s->rows_in; i++)
        row_lanes(j, image, (row + i) * s->step_h + s->rows.phase[phase_h],
                  column + s->columns.phase[phase_w], count, lane + i * count);
    j->loops->turn(lane, s->channels, to, sparse_channel_floats(s));
}

/* The output's pixel in each lane. */
static void number_pixels(const job *j, int64_t image, int64_t first, int64_t *pixel)
{
    const sparse_shape *s = &j->s;
    int64_t row = first, column = 0;
    for (int64_t i = 0; i < s->vectors * s->lanes; i++) {
        int64_t here = (image * s->out_h + row) * s->out_w + column;
        bool there = row < s->out_h && column < s->out_w && here < s->pixels;
        pixel[i] = there ? here : -1;
        if (++column < s->width)
            continue;
        column = 0;
        if (++row < first + s->rows_in || s->tile_images == 1)
            continue;
        row = first;
        image++;
    }
}

static void turn_tile(const job *j, int64_t tile, room *r)
{
    const sparse_shape *s = &j->s;
    int64_t image = tile / s->tiles * s->tile_images;
    int64_t row = tile % s->tiles * s->tile_rows;
    float *to = r->x;
    for (int64_t a = 0; a < s->rows.phases; a++)
        for (int64_t b = 0; b < s->columns.phases; b++)
            for (int64_t slot = 0; slot < s->slots; slot++, to += s->lanes)
                turn_slot(j, image, row + s->rows.least, slot, a, b, to);
    number_pixels(j, image, row, r->pixel);
    r->tile = tile;
}

static const float *moved(const float *p, int64_t by)
{
    return p ? p + by : NULL;
}

static void sum_block(const job *j, int64_t block, const room *r)
{
    const sparse_shape *s = &j->s;
    const sparse_packed *p = j->view.head;
    sparse_sum sum = {.lists = p->lists,
                      .kinds = s->kinds,
                      .x = r->x,
                      .vectors = s->vectors,
                      .sums = r->sums + j->reach,
                      .sums_step = j->sums_step};
    int64_t at = j->view.starts[block];
    sum.counts = j->view.counts + block * p->chunks * p->lists;
    for (int64_t chunk = 0; chunk < p->chunks; chunk++) {
        sum.add = chunk > 0;
        if (p->together == 4) {
            sum.entries = (const sparse_four *)j->view.entries + at;
            j->loops->sum_four(&sum);
        } else {
            sum.entries = (const sparse_entry *)j->view.entries + at;
            j->loops->sum(&sum);
        }
        for (int64_t i = 0; i < p->lists; i++)
            at += sum.counts[i];
        sum.counts += p->lists;
    }
}

static void emit_block(const job *j, int64_t block, const room *r)
{
    const sparse_shape *s = &j->s;
    int64_t output = block * s->lanes, left = s->outputs - output;
    finish tail = *j->tail;
    tail.scale = moved(tail.scale, output);
    tail.shift = moved(tail.shift, output);
    tail.residual = moved(tail.residual, output);
    j->loops->emit(&(sparse_emit){.sums = r->sums + j->reach,
                                  .sums_step = j->sums_step,
                                  .vectors = s->vectors,
                                  .outputs = left < s->lanes ? left : s->lanes,
                                  .kinds = s->kinds,
                                  .shift = j->shift,
                                  .inside = j->inside,
                                  .parts = s->parts,
                                  .pixel = r->pixel,
                                  .bias = moved(j->bias, output),
                                  .tail = &tail,
                                  .y = j->y + output,
                                  .y_pitch = s->y_pitch});
}

static void tile_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    room *r = &j->rooms[thread];
    int64_t tile = task / j->parts, part = task % j->parts;
    int64_t cut = SPARSE_CUTS / j->parts;
    int64_t block = j->view.cuts[part * cut], last = j->view.cuts[(part + 1) * cut];
    if (block < last && r->tile != tile)
        turn_tile(j, tile, r);
    for (; block < last; block++) {
        sum_block(j, block, r);
        emit_block(j, block, r);
    }
}

static bool suits(const convolution *v, const float *weight)
{
    sparse_shape s;
    return weight && v->groups == 1 &&
           sparse_shape_make(&s, v, sparse_loops_get()->lanes);
}

static bool pays(const convolution *v, const float *weight, algorithm_task task)
{
    return task == ALGORITHM_FORWARD && sparse_wins(v, weight);
}

static size_t prepared_bytes(const convolution *v, const float *weight)
{
    sparse_shape s;
    sparse_shape_make(&s, v, sparse_loops_get()->lanes);
    return sparse_pack_bytes(&s, v, weight);
}

static void prepare(const convolution *v, const float *weight, void *prepared)
{
    sparse_shape s;
    sparse_shape_make(&s, v, sparse_loops_get()->lanes);
    sparse_pack(&s, v, weight, prepared);
}

static size_t scratch_bytes(const convolution *v)
{
    job j;
    sparse_shape_make(&j.s, v, sparse_loops_get()->lanes);
    return layout(&j, NULL);
}

static void forward(const convolution *v, const float *x, const void *prepared,
                    const float *bias, const finish *tail, float *y, void *block)
{
    job j = {.loops = sparse_loops_get(), .x = x, .bias = bias, .tail = tail, .y = y};
    const sparse_packed *head = prepared;
    sparse_shape_make(&j.s, v, j.loops->lanes);
    sparse_view_make(&j.view, head, (void *)(uintptr_t)prepared);
    layout(&j, block);
    memset((void *)(uintptr_t)j.zeros, 0, (size_t)j.s.channels * sizeof(float));
    fill_masks(&j);
    int64_t tiles = group_count(&j.s) * j.s.tiles;
    int64_t products = head->entries * head->together * j.s.vectors;
    for (j.parts = 1; j.parts < SPARSE_CUTS && j.parts * tiles < TASKS_WANTED &&
                      products / j.parts > TASK_PRODUCTS;)
        j.parts *= 2;
    parallel_for(tiles * j.parts, tile_task, &j);
}

const char *sparse_describe(const void *prepared)
{
    const sparse_packed *head = prepared;
    return head->together == 4 ? "sparse 4x1" : "sparse";
}

const algorithm algorithm_sparse = {
    .name = "sparse",
    .precision = PRECISION_F32,
    .suits = suits,
    .pays = pays,
    .prepared_bytes = prepared_bytes,
    .prepare = prepare,
    .scratch_bytes = scratch_bytes,
    .forward = forward,
};
