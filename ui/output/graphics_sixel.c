/* SPDX-License-Identifier: GPL-3.0-or-later
   graphics_sixel.c -- pixels as sixels: columns of six pixels of one colour, in a palette
   that is made for the image by cutting its colours at their medians.
   Source of the cuts: P. Heckbert, "Color image quantization for frame buffer display",
   SIGGRAPH (1982). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "ui/output/graphics.h"

enum { COLOURS = 256, BAND = 6, BINS = 1 << 15 };

/* Colours of five bits a channel. */
typedef struct bin {
    int64_t count, sum[3];
    int colour; /* of the palette */
} bin;

/* Bins FIRST to FIRST + COUNT - 1 of the order. */
typedef struct box {
    int first, count;
    int axis;     /* along which it is longest, */
    double score; /* and how much there is to gain by a cut: length x pixels */
} box;

typedef struct palette {
    bin *bins;
    int *order; /* the bins that have pixels */
    int used;
    box boxes[COLOURS];
    int count;
    uint8_t colours[COLOURS][3];
    int axis; /* of the sort at work */
} palette;

static int bin_of(const uint8_t *c)
{
    return (c[0] >> 3) << 10 | (c[1] >> 3) << 5 | c[2] >> 3;
}

static double mean_of(const bin *b, int axis)
{
    return (double)b->sum[axis] / (double)b->count;
}

static int compare(const void *a, const void *b, void *context)
{
    const palette *p = context;
    const int i = *(const int *)a, j = *(const int *)b;
    const double x = mean_of(&p->bins[i], p->axis), y = mean_of(&p->bins[j], p->axis);
    return x < y ? -1 : x > y ? 1 : i - j;
}

static void measure(const palette *p, box *b)
{
    double pixels = 0;
    b->score = 0;
    for (int i = 0; i < b->count; i++)
        pixels += (double)p->bins[p->order[b->first + i]].count;
    for (int axis = 0; axis < 3; axis++) {
        double low = 255, high = 0;
        for (int i = 0; i < b->count; i++) {
            const double x = mean_of(&p->bins[p->order[b->first + i]], axis);
            low = x < low ? x : low;
            high = x > high ? x : high;
        }
        if (b->count > 1 && (high - low) * pixels >= b->score) {
            b->score = (high - low) * pixels;
            b->axis = axis;
        }
    }
}

/* Cuts B where half of its pixels lie on each side. */
static void cut(palette *p, box *b)
{
    int64_t all = 0, below = 0;
    p->axis = b->axis;
    qsort_r(p->order + b->first, (size_t)b->count, sizeof *p->order, compare, p);
    for (int i = 0; i < b->count; i++)
        all += p->bins[p->order[b->first + i]].count;
    int at = 0;
    do
        below += p->bins[p->order[b->first + at++]].count;
    while (2 * below < all && at < b->count - 1);
    box *other = &p->boxes[p->count++];
    *other = (box){.first = b->first + at, .count = b->count - at};
    b->count = at;
    measure(p, b);
    measure(p, other);
}

static void choose_colours(palette *p)
{
    p->boxes[0] = (box){.count = p->used};
    p->count = 1;
    measure(p, &p->boxes[0]);
    while (p->count < COLOURS) {
        box *most = &p->boxes[0];
        for (int i = 1; i < p->count; i++)
            if (p->boxes[i].score > most->score)
                most = &p->boxes[i];
        if (most->count < 2)
            break;
        cut(p, most);
    }
    for (int k = 0; k < p->count; k++) {
        int64_t count = 0, sum[3] = {0};
        for (int i = 0; i < p->boxes[k].count; i++) {
            bin *b = &p->bins[p->order[p->boxes[k].first + i]];
            b->colour = k;
            count += b->count;
            for (int axis = 0; axis < 3; axis++)
                sum[axis] += b->sum[axis];
        }
        for (int axis = 0; axis < 3 && count > 0; axis++)
            p->colours[k][axis] = (uint8_t)((sum[axis] + count / 2) / count);
    }
}

static status make_palette(palette *p, const uint8_t *pixels, int64_t count, error *e)
{
    p->bins = memory_new(BINS, sizeof *p->bins, e);
    p->order = p->bins ? memory_new(BINS, sizeof *p->order, e) : NULL;
    if (!p->order)
        return E_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        bin *b = &p->bins[bin_of(pixels + 3 * i)];
        if (b->count++ == 0)
            p->order[p->used++] = (int)(b - p->bins);
        for (int axis = 0; axis < 3; axis++)
            b->sum[axis] += pixels[3 * i + axis];
    }
    choose_colours(p);
    return E_OK;
}

/* ---- writing ---- */

static void add_run(int sign, int64_t count, text *out)
{
    const char byte = (char)sign;
    if (count > 3) {
        text_addf(out, "!%lld%c", (long long)count, sign);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        text_add_bytes(out, &byte, 1);
}

/* The pixels of colour K among the HEIGHT rows of a band, whose palette entries are
   INDEX. */
static void add_colour(const uint8_t *index, int64_t width, int64_t height, int k,
                       text *out)
{
    int64_t run = 0;
    int before = 0;
    text_addf(out, "#%d", k);
    for (int64_t x = 0; x < width; x++) {
        int bits = 0;
        for (int64_t y = 0; y < height; y++)
            bits |= (index[y * width + x] == k) << y;
        if (run > 0 && bits != before) {
            add_run('?' + before, run, out);
            run = 0;
        }
        before = bits;
        run++;
    }
    if (before) /* nothing follows that would have to be passed over */
        add_run('?' + before, run, out);
}

static void add_band(const palette *p, const uint8_t *pixels, int64_t width,
                     int64_t height, uint8_t *index, text *out)
{
    bool has[COLOURS] = {false}, first = true;
    for (int64_t i = 0; i < width * height; i++) {
        index[i] = (uint8_t)p->bins[bin_of(pixels + 3 * i)].colour;
        has[index[i]] = true;
    }
    for (int k = 0; k < p->count; k++) {
        if (!has[k])
            continue;
        text_add(out, first ? "" : "$");
        add_colour(index, width, height, k, out);
        first = false;
    }
}

status graphics_sixel(const tensor *t, text *out, error *e)
{
    const int64_t height = tensor_shape(t).dim[0], width = tensor_shape(t).dim[1];
    const uint8_t *pixels = tensor_data(t);
    palette p = {0};
    uint8_t *index = memory_new(BAND * width, 1, e);
    status result = index ? make_palette(&p, pixels, height * width, e) : E_MEMORY;
    if (result == E_OK) {
        text_addf(out, "\033P0;1;0q\"1;1;%lld;%lld", (long long)width, (long long)height);
        for (int k = 0; k < p.count; k++) /* in hundredths */
            text_addf(out, "#%d;2;%d;%d;%d", k, (p.colours[k][0] * 100 + 127) / 255,
                      (p.colours[k][1] * 100 + 127) / 255,
                      (p.colours[k][2] * 100 + 127) / 255);
        for (int64_t y = 0; y < height; y += BAND) {
            const int64_t rest = height - y < BAND ? height - y : BAND;
            text_add(out, y > 0 ? "-" : "");
            add_band(&p, pixels + y * width * 3, width, rest, index, out);
        }
        text_add(out, "\033\\\n");
        result = text_ok(out, e);
    }
    memory_free(index);
    memory_free(p.bins);
    memory_free(p.order);
    return result;
}
