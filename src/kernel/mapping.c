/* SPDX-License-Identifier: GPL-3.0-or-later
   mapping.c -- which source pixels an output pixel gathers, and bringing them together.
   No products here: see convolution.c and convolution_weight.c. */
#include "kernel/mapping.h"

#include <string.h>

/* A tap that falls outside of the image for every output is left out. */
static void axis_add(axis *a, int64_t place, int64_t weight, int64_t length, int64_t last)
{
    if (place >= length || place + last < 0)
        return;
    a->place[a->count] = place;
    a->weight[a->count] = weight;
    a->count++;
}

static void axis_forward(axis *a, int64_t kernel, int64_t dilation, int64_t pad,
                         int64_t weight_step, int64_t length, int64_t last)
{
    a->count = 0;
    for (int64_t k = 0; k < kernel; k++)
        axis_add(a, k * dilation - pad, k * weight_step, length, last);
}

void mapping_forward(mapping *m, const convolution *v)
{
    int64_t channels = v->c / v->groups;
    m->images = v->n;
    m->h = v->h;
    m->w = v->w;
    m->channels = channels;
    m->pitch = v->x_pitch ? v->x_pitch : v->c;
    m->out_h = v->out_h;
    m->out_w = v->out_w;
    m->outputs = v->out_c / v->groups;
    m->y_pixel = v->y_pitch ? v->y_pitch : v->out_c;
    m->y_row = v->out_w * m->y_pixel;
    m->y_image = v->out_h * m->y_row;
    m->step_h = v->stride_h;
    m->step_w = v->stride_w;
    axis_forward(&m->rows, v->kernel_h, v->dilation_h, v->pad_h, v->kernel_w * channels,
                 v->h, (v->out_h - 1) * v->stride_h);
    axis_forward(&m->columns, v->kernel_w, v->dilation_w, v->pad_w, channels, v->w,
                 (v->out_w - 1) * v->stride_w);
    m->source_kept = v->x_kept;
    m->y_kept = v->y_kept;
    m->weight_channel = 1;
    m->weight_output = v->kernel_h * v->kernel_w * channels;
}

/* Input place p is reached from output (p + pad - k dilation) / stride, where that is
   whole; p = phase + i stride.  Larger k come from smaller places. */
static void axis_backward(axis *a, int64_t kernel, int64_t stride, int64_t dilation,
                          int64_t pad, int64_t phase, int64_t weight_step, int64_t length,
                          int64_t last)
{
    a->count = 0;
    for (int64_t k = kernel - 1; k >= 0; k--) {
        int64_t at = phase + pad - k * dilation;
        if (at % stride == 0)
            axis_add(a, at / stride, k * weight_step, length, last);
    }
}

bool mapping_backward(mapping *m, const convolution *v, int64_t phase_h, int64_t phase_w)
{
    int64_t channels = v->c / v->groups;
    if (phase_h >= v->h || phase_w >= v->w)
        return false;
    m->images = v->n;
    m->h = v->out_h;
    m->w = v->out_w;
    m->channels = v->out_c / v->groups;
    m->pitch = v->out_c;
    m->out_h = (v->h - phase_h - 1) / v->stride_h + 1;
    m->out_w = (v->w - phase_w - 1) / v->stride_w + 1;
    m->outputs = channels;
    m->y_pixel = v->stride_w * v->c;
    m->y_row = v->stride_h * v->w * v->c;
    m->y_image = v->h * v->w * v->c;
    m->step_h = 1;
    m->step_w = 1;
    axis_backward(&m->rows, v->kernel_h, v->stride_h, v->dilation_h, v->pad_h, phase_h,
                  v->kernel_w * channels, v->out_h, m->out_h - 1);
    axis_backward(&m->columns, v->kernel_w, v->stride_w, v->dilation_w, v->pad_w, phase_w,
                  channels, v->out_w, m->out_w - 1);
    m->source_kept = v->y_kept;
    m->y_kept = v->x_kept;
    m->weight_channel = v->kernel_h * v->kernel_w * channels;
    m->weight_output = 1;
    return true;
}

void mapping_gather(const mapping *m, const float *source, int64_t first, int64_t last,
                    float *g, int64_t step)
{
    int64_t image_pixels = m->out_h * m->out_w;
    size_t bytes = (size_t)m->channels * sizeof *g;
    for (int64_t p = first; p < last; p++, g += step) {
        const float *image = source + p / image_pixels * m->h * m->w * m->pitch;
        int64_t i = p % image_pixels / m->out_w * m->step_h;
        int64_t j = p % m->out_w * m->step_w;
        float *to = g;
        for (int64_t a = 0; a < m->rows.count; a++)
            for (int64_t b = 0; b < m->columns.count; b++, to += m->channels) {
                int64_t y = i + m->rows.place[a], x = j + m->columns.place[b];
                if (y < 0 || y >= m->h || x < 0 || x >= m->w)
                    memset(to, 0, bytes);
                else
                    memcpy(to, image + (y * m->w + x) * m->pitch, bytes);
            }
    }
}

static int64_t first_place(const axis *a)
{
    return a->count ? a->place[0] : 0;
}

static int64_t span(const axis *a)
{
    return a->count ? a->place[a->count - 1] - a->place[0] + 1 : 1;
}

static bool is_dense(const axis *a)
{
    return span(a) == a->count;
}

/* As many rows as a part of the second-level cache holds, but several tiles for each
   thread that might be there. */
static int64_t tile_height(const mapping *m, int64_t tile_w)
{
    enum { TILE_FLOATS = 24 * 1024, TILES_WANTED = 32 };
    int64_t height = TILE_FLOATS / (m->step_h * tile_w * m->channels);
    int64_t most = m->images * m->out_h / TILES_WANTED;
    height = height > most ? most : height;
    return height < 1 ? 1 : height > m->out_h ? m->out_h : height;
}

void tiling_prepare(tiling *t, const mapping *m, bool in_place, int64_t slack, scratch *s)
{
    int64_t tile_w = (m->out_w - 1) * m->step_w + span(&m->columns);
    int64_t left = first_place(&m->columns), top = first_place(&m->rows);
    bool inside = left >= 0 && top >= 0 && left + tile_w <= m->w &&
                  top + (m->out_h - 1) * m->step_h + span(&m->rows) <= m->h;
    t->m = m;
    t->in_place = in_place && inside;
    t->height = tile_height(m, tile_w);
    t->tiles = (m->out_h - 1) / t->height + 1;
    t->pitch = t->in_place ? m->pitch : m->channels;
    t->row = t->in_place ? m->w * m->pitch : tile_w * m->channels;
    t->room = ((t->height - 1) * m->step_h + span(&m->rows)) * t->row + slack;
    bool merged = is_dense(&m->columns) && t->pitch == m->channels;
    t->runs = m->rows.count * (merged && m->columns.count ? 1 : m->columns.count);
    t->run_length = m->channels * (merged ? m->columns.count : 1);
    t->offset = scratch_take(s, t->runs, sizeof *t->offset);
    if (!t->offset)
        return;
    int64_t per_row = t->runs / (m->rows.count ? m->rows.count : 1);
    for (int64_t r = 0; r < t->runs; r++)
        t->offset[r] = (m->rows.place[r / per_row] - top) * t->row +
                       (m->columns.place[r % per_row] - left) * t->pitch;
}

/* One row of the tile: source columns left.. of an image row, zeros where there are
   none. */
static void copy_row(const mapping *m, const float *from, int64_t left, int64_t count,
                     float *to)
{
    int64_t before = left < 0 ? -left : 0;
    before = before > count ? count : before;
    int64_t after = left + count > m->w ? left + count - m->w : 0;
    after = after > count - before ? count - before : after;
    int64_t inside = count - before - after;
    memset(to, 0, (size_t)(before * m->channels) * sizeof *to);
    to += before * m->channels;
    from += (left + before) * m->pitch;
    if (m->pitch == m->channels)
        memcpy(to, from, (size_t)(inside * m->channels) * sizeof *to);
    else
        for (int64_t x = 0; x < inside; x++)
            memcpy(to + x * m->channels, from + x * m->pitch,
                   (size_t)m->channels * sizeof *to);
    memset(to + inside * m->channels, 0, (size_t)(after * m->channels) * sizeof *to);
}

const float *tiling_load(const tiling *t, const float *source, int64_t image,
                         int64_t begin, int64_t end, float *room)
{
    const mapping *m = t->m;
    int64_t left = first_place(&m->columns);
    int64_t top = begin * m->step_h + first_place(&m->rows);
    const float *from = source + image * m->h * m->w * m->pitch;
    if (t->in_place)
        return from + top * t->row + left * t->pitch;
    int64_t rows = (end - begin - 1) * m->step_h + span(&m->rows);
    for (int64_t r = 0; r < rows; r++) {
        int64_t y = top + r;
        float *to = room + r * t->row;
        if (y < 0 || y >= m->h)
            memset(to, 0, (size_t)t->row * sizeof *to);
        else
            copy_row(m, from + y * m->w * m->pitch, left, t->row / m->channels, to);
    }
    return room;
}
