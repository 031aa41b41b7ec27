/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_depthwise.c -- the convolution on codes where each channel has a kernel of its
   own: channels are lanes and nothing is gathered.  It allocates nothing. */
#include <string.h>

#include "base/parallel.h"
#include "kernel/integer_loops.h"
#include "kernel/integer_method.h"
#include "kernel/scratch.h"

/* Products of a piece of work that is worth handing over. */
#define WORTH 65536

typedef struct depth_work {
    const integer_loops *loops;
    const integer_conv *c;
    int64_t x_pitch, y_pitch;
    int32_t *weight; /* [kernel][channels] q_w - Z_w, of which the low half counts */
    int32_t *bias;
    float *multiplier;
} depth_work;

static depth_work work_of(const integer_conv *c, scratch *s)
{
    depth_work w = {.loops = integer_loops_get(), .c = c};
    w.x_pitch = c->x_pitch ? c->x_pitch : c->channels;
    w.y_pitch = c->y_pitch ? c->y_pitch : c->out_channels;
    w.weight =
        scratch_take(s, c->kernel[0] * c->kernel[1] * c->channels, sizeof *w.weight);
    w.bias = scratch_take(s, c->channels, sizeof *w.bias);
    w.multiplier = scratch_floats(s, c->channels);
    return w;
}

static bool suits(const integer_conv *c)
{
    return c->groups == c->channels && c->groups == c->out_channels && c->groups > 1;
}

static size_t prepared_bytes(const integer_conv *c)
{
    scratch s = {0};
    work_of(c, &s);
    return s.used;
}

static void prepare(const integer_conv *c, void *prepared)
{
    scratch s = {.base = prepared};
    depth_work w = work_of(c, &s);
    const int64_t taps = c->kernel[0] * c->kernel[1];
    for (int64_t o = 0; o < c->channels; o++) {
        int64_t which = c->weight_channels == 1 ? 0 : o;
        for (int64_t t = 0; t < taps; t++)
            w.weight[t * c->channels + o] =
                (c->weight[o * taps + t] - c->weight_zero[which]) & 0xffff;
        w.bias[o] = c->bias && !c->to_sums ? c->bias[o] : 0;
        w.multiplier[o] = integer_multiplier(
            (double)c->in.scale * (double)c->weight_scale[which] / (double)c->out.scale);
    }
}

static size_t scratch_bytes(const integer_conv *c)
{
    (void)c;
    return 0;
}

/* The taps of a window that lie inside the image along an axis, and where the first is. */
typedef struct extent {
    int64_t first, count, at;
} extent;

static extent extent_at(const integer_conv *c, int axis, int64_t out)
{
    const int64_t size = axis ? c->width : c->height, step = c->dilation[axis];
    int64_t begin = out * c->stride[axis] - c->padding[axis];
    int64_t first = begin < 0 ? (-begin + step - 1) / step : 0, end = c->kernel[axis];
    while (end > first && begin + (end - 1) * step >= size)
        end--;
    return (extent){first, end > first ? end - first : 0, begin + first * step};
}

static void map_pixels(const depth_work *w, int8_t *y, int64_t pixels)
{
    const integer_conv *c = w->c;
    for (int64_t p = 0; p < pixels; p++, y += w->y_pitch)
        w->loops->map(c->channels, y, c->map, y);
}

/* Neighbours whose windows are whole are one call. */
static void run_line(const depth_work *w, int64_t line)
{
    const integer_conv *c = w->c;
    const int64_t image = line / c->out_height;
    extent rows = extent_at(c, 0, line % c->out_height);
    integer_depth d = {.channels = c->channels,
                       .rows = rows.count,
                       .x_step = c->stride[1] * w->x_pitch,
                       .x_row = c->dilation[0] * c->width * w->x_pitch,
                       .x_column = c->dilation[1] * w->x_pitch,
                       .zero = c->in.zero,
                       .weight_row = c->kernel[1] * c->channels,
                       .bias = w->bias,
                       .multiplier = w->multiplier,
                       .out = c->out,
                       .y_step = w->y_pitch};
    const int8_t *x = c->x + (image * c->height + rows.at) * c->width * w->x_pitch;
    for (int64_t ox = 0; ox < c->out_width; ox += d.pixels) {
        extent columns = extent_at(c, 1, ox);
        d.pixels = 1;
        while (columns.count == c->kernel[1] && ox + d.pixels < c->out_width &&
               extent_at(c, 1, ox + d.pixels).count == c->kernel[1])
            d.pixels++;
        d.columns = columns.count;
        d.x = rows.count && columns.count ? x + columns.at * w->x_pitch : c->x;
        d.weight = w->weight + (rows.first * c->kernel[1] + columns.first) * c->channels;
        const int64_t at = (line * c->out_width + ox) * w->y_pitch;
        d.y = c->to_sums ? NULL : c->y + at;
        d.sums = c->to_sums ? c->sums + at : NULL;
        w->loops->depthwise(&d);
    }
    if (c->map)
        map_pixels(w, c->y + line * c->out_width * w->y_pitch, c->out_width);
}

static void run_lines(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    for (int64_t line = begin; line < end; line++)
        run_line(context, line);
}

static void run(const integer_conv *c, const void *prepared, void *memory)
{
    scratch s = {.base = (void *)prepared}; /* only read */
    depth_work w = work_of(c, &s);
    int64_t products = c->out_width * c->channels * c->kernel[0] * c->kernel[1];
    (void)memory;
    parallel_evenly(c->batch * c->out_height, WORTH / products + 1, run_lines, &w);
}

const integer_method integer_method_depthwise = {.name = "depthwise",
                                                 .suits = suits,
                                                 .prepared_bytes = prepared_bytes,
                                                 .prepare = prepare,
                                                 .scratch_bytes = scratch_bytes,
                                                 .run = run};
