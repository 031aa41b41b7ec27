/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_shape.c -- how the pixels of a convolution become lanes and tiles.
   It touches no data. */
#include "kernel/sparse_parts.h"

enum { TILE_VECTORS = 8 }; /* that a loop holds in registers */

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void add_tap(sparse_axis *a, int64_t tap, int64_t place, int64_t stride)
{
    int64_t shift = floor_divide(place, stride), phase = place - shift * stride, i = 0;
    if (a->phases == 0 || shift < a->least)
        a->least = shift;
    if (a->phases == 0 || shift > a->most)
        a->most = shift;
    while (i < a->phases && a->phase[i] != phase)
        i++;
    if (i == a->phases)
        a->phase[a->phases++] = phase;
    a->shift[tap] = shift;
    a->number[tap] = i;
}

/* Taps that no output finds inside of the image are left out. */
static void axis_make(sparse_axis *a, int64_t taps, int64_t stride, int64_t dilation,
                      int64_t pad, int64_t length, int64_t outputs)
{
    *a = (sparse_axis){0};
    for (int64_t k = 0; k < taps; k++) {
        int64_t place = k * dilation - pad;
        a->number[k] = -1;
        if (place < length && place + (outputs - 1) * stride >= 0)
            add_tap(a, k, place, stride);
    }
}

/* Each output reads the pixel at its own place and no other. */
static bool is_pointwise(const sparse_axis *a, int64_t stride, int64_t length,
                         int64_t outputs)
{
    return a->phases == 1 && a->phase[0] == 0 && a->least == 0 && a->most == 0 &&
           length == outputs && (stride == 1 || length == 1);
}

/* All pixels are one image with rows of LANES. */
static void flatten(sparse_shape *s)
{
    s->out_w = s->w = s->lanes;
    s->out_h = s->h = (s->pixels - 1) / s->lanes + 1;
    s->images = s->step_h = s->step_w = 1;
}

static void find_kinds(sparse_shape *s, int64_t taps)
{
    s->kinds = 0;
    for (int64_t k = 0; k < taps; k++) {
        int64_t i = 0;
        if (s->columns.number[k] < 0)
            continue;
        while (i < s->kinds && s->kind[i] != s->columns.shift[k])
            i++;
        if (i == s->kinds)
            s->kind[s->kinds++] = s->columns.shift[k];
    }
}

/* Columns that are read: those of outputs, and what lies to their right. */
static int64_t columns_read(const sparse_shape *s)
{
    int64_t there = (s->w - 1) / s->step_w + 1, reached = s->out_w + s->columns.most;
    reached = there < reached ? there : reached;
    return reached > s->out_w ? reached : s->out_w;
}

static void place_lanes(sparse_shape *s)
{
    int64_t span = columns_read(s);
    s->width = s->lanes;
    while (s->width / 2 >= span)
        s->width /= 2;
    s->rows_in = s->lanes / s->width;
    s->parts = (span - 1) / s->lanes + 1;
    s->width *= s->parts;
}

static int64_t rounded_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

static void order_slots(sparse_shape *s)
{
    int64_t rows = s->rows.most - s->rows.least + 1; /* that one vector reads */
    s->apart = 1;
    if (s->tile_images > 1 || s->vectors == 1) {
        s->next = s->tile_images;
        s->slots = s->deep = rows * s->next;
    } else if (s->rows_in > 1) {
        s->next = 1;
        s->apart = s->rows_in;
        s->deep = s->vectors + (rows - 1) / s->apart;
        s->slots = s->deep * (rows < s->apart ? rows : s->apart);
    } else {
        s->next = s->parts;
        s->slots = s->deep = s->vectors + (rows - 1) * s->next;
    }
}

static void cut_tiles(sparse_shape *s)
{
    int64_t vectors = rounded_up(s->out_h, s->rows_in) / s->rows_in * s->parts;
    s->tiles = vectors / TILE_VECTORS;
    s->tiles = s->tiles < 1 ? 1 : s->tiles > s->out_h ? s->out_h : s->tiles;
    s->tile_rows = rounded_up((s->out_h - 1) / s->tiles + 1, s->rows_in);
    s->tiles = (s->out_h - 1) / s->tile_rows + 1;
    s->vectors = s->tile_rows / s->rows_in * s->parts;
    s->tile_images = 1;
    if (vectors == 1) {
        s->tile_images = s->images < TILE_VECTORS ? s->images : TILE_VECTORS;
        s->vectors = s->tile_images;
    }
    order_slots(s);
}

bool sparse_shape_make(sparse_shape *s, const convolution *v, int64_t lanes)
{
    *s = (sparse_shape){.images = v->n,
                        .h = v->h,
                        .w = v->w,
                        .channels = v->c,
                        .out_h = v->out_h,
                        .out_w = v->out_w,
                        .outputs = v->out_c,
                        .step_h = v->stride_h,
                        .step_w = v->stride_w,
                        .pixels = v->n * v->out_h * v->out_w,
                        .pixels_read = v->n * v->h * v->w,
                        .x_pitch = v->x_pitch ? v->x_pitch : v->c,
                        .y_pitch = v->y_pitch ? v->y_pitch : v->out_c,
                        .lanes = lanes};
    axis_make(&s->rows, v->kernel_h, v->stride_h, v->dilation_h, v->pad_h, v->h,
              v->out_h);
    axis_make(&s->columns, v->kernel_w, v->stride_w, v->dilation_w, v->pad_w, v->w,
              v->out_w);
    s->planes = s->rows.phases * s->columns.phases;
    if (s->planes == 0 || s->pixels < 1)
        return false;
    find_kinds(s, v->kernel_w);
    if (is_pointwise(&s->rows, v->stride_h, v->h, v->out_h) &&
        is_pointwise(&s->columns, v->stride_w, v->w, v->out_w))
        flatten(s);
    place_lanes(s);
    cut_tiles(s);
    return s->planes * s->slots <= SPARSE_PLACES &&
           s->channels * sparse_channel_floats(s) <= UINT32_MAX;
}
