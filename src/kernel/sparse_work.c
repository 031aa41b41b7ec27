/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_work.c -- runs a sparse convolution: its tiles, their input turned to
   channel-major, and which thread computes what.  Each thread turns for itself what it
   needs.  It knows nothing of numbers and codes. */
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

size_t sparse_work_layout(sparse_work *w, void *block)
{
    const sparse_shape *s = &w->shape;
    scratch memory = {.base = block};
    int64_t left = -s->columns.least, far = s->columns.most;
    far = left > far ? left : far;
    w->reach = ((far < 0 ? 0 : far) / s->lanes + 1) * s->lanes;
    w->sums_step = s->vectors * s->lanes;
    w->shift = scratch_take(&memory, s->kinds, sizeof *w->shift);
    w->inside =
        scratch_take(&memory, s->kinds * s->width * s->rows_in, sizeof *w->inside);
    int64_t sums = s->lanes * s->kinds * w->sums_step + 2 * w->reach;
    size_t used = memory.used;
    sparse_room first = {.tile = -1};
    first.x = scratch_floats(&memory, s->channels * sparse_channel_floats(s));
    first.sums = scratch_floats(&memory, sums);
    first.pixel = scratch_take(&memory, s->vectors * s->lanes, sizeof *first.pixel);
    w->room = scratch_take(&memory, 1, sizeof *w->room);
    w->apart = scratch_rooms(&memory, used);
    for (int i = 0; block && i < cpu_threads(); i++) {
        sparse_room *r = room_of(w->room, w->apart, i);
        *r = first;
        r->x = room_of(first.x, w->apart, i);
        r->sums = room_of(first.sums, w->apart, i);
        r->pixel = room_of(first.pixel, w->apart, i);
    }
    return memory.used;
}

/* The lanes that find their input of each kind inside of the vectors of their row. */
static void fill_masks(const sparse_work *w)
{
    const sparse_shape *s = &w->shape;
    int32_t *inside = w->inside;
    for (int64_t k = 0; k < s->kinds; k++) {
        w->shift[k] = s->kind[k];
        for (int64_t i = 0; i < s->width * s->rows_in; i++) {
            int64_t column = i % s->width + s->kind[k];
            *inside++ = column >= 0 && column < s->width ? -1 : 0;
        }
    }
}

/* Where COUNT lanes of one row come from, as far as it is inside of the image; ROW and
   COLUMN are of the input. */
static void row_lanes(const sparse_work *w, int64_t image, int64_t row, int64_t column,
                      int64_t count, const char **lane)
{
    const sparse_shape *s = &w->shape;
    int64_t pixel = (image * s->h + row) * s->w, end = s->w;
    if (image >= s->images || row < 0 || row >= s->h)
        end = 0;
    else if (pixel + end > s->pixels_read) /* the last row of a flattened image */
        end = s->pixels_read - pixel;
    for (int64_t i = 0; i < count; i++, column += s->step_w)
        lane[i] = column < end ? w->x + (pixel + column) * w->pitch : w->outside;
}

/* Turns one slot of all channels, in one phase; the tile begins at IMAGE and ROW. */
static void turn_slot(const sparse_work *w, int64_t image, int64_t row, int64_t slot,
                      int64_t phase_h, int64_t phase_w, float *to)
{
    const sparse_shape *s = &w->shape;
    const char *lane[LANES_MOST];
    int64_t in = slot % s->deep, column = 0, count = s->lanes / s->rows_in;
    row += in / s->next * s->apart + slot / s->deep;
    if (s->tile_images > 1)
        image += in % s->next;
    else
        column = in % s->next * s->lanes * s->step_w;
    for (int64_t i = 0; i < s->rows_in; i++)
        row_lanes(w, image, (row + i) * s->step_h + s->rows.phase[phase_h],
                  column + s->columns.phase[phase_w], count, lane + i * count);
    w->turn(lane, w->channels, to, sparse_channel_floats(s));
}

/* The output's pixel in each lane. */
static void number_pixels(const sparse_work *w, int64_t image, int64_t first,
                          int64_t *pixel)
{
    const sparse_shape *s = &w->shape;
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

static void turn_tile(const sparse_work *w, int64_t tile, sparse_room *r)
{
    const sparse_shape *s = &w->shape;
    int64_t image = tile / s->tiles * s->tile_images;
    int64_t row = tile % s->tiles * s->tile_rows;
    float *to = r->x;
    for (int64_t a = 0; a < s->rows.phases; a++)
        for (int64_t b = 0; b < s->columns.phases; b++)
            for (int64_t slot = 0; slot < s->slots; slot++, to += s->lanes)
                turn_slot(w, image, row + s->rows.least, slot, a, b, to);
    number_pixels(w, image, row, r->pixel);
    r->tile = tile;
}

static void tile_task(void *context, int64_t task, int thread)
{
    const sparse_work *w = context;
    sparse_room *r = room_of(w->room, w->apart, thread);
    int64_t tile = task / w->parts, part = task % w->parts;
    int64_t cut = SPARSE_CUTS / w->parts;
    int64_t block = w->view.cuts[part * cut], last = w->view.cuts[(part + 1) * cut];
    if (block < last && r->tile != tile)
        turn_tile(w, tile, r);
    for (; block < last; block++)
        w->finish(w, block, r);
}

void sparse_work_run(sparse_work *w)
{
    const sparse_shape *s = &w->shape;
    const sparse_packed *head = w->view.head;
    int64_t tiles = ((s->images - 1) / s->tile_images + 1) * s->tiles;
    int64_t products = head->entries * head->together * s->vectors;
    fill_masks(w);
    for (w->parts = 1; w->parts < SPARSE_CUTS && w->parts * tiles < TASKS_WANTED &&
                       products / w->parts > TASK_PRODUCTS;)
        w->parts *= 2;
    parallel_for(tiles * w->parts, tile_task, w);
}
