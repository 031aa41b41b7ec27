/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_image.c -- pools, joining and moving of images of codes, line by line through
   the loops of kernel/integer_loops.  Resampling is in integer_resize.c. */
#include "kernel/integer_image.h"

#include <string.h>
#include "base/parallel.h"
#include "kernel/integer_loops.h"

/* Codes of a piece of work that is worth handing over. */
#define WORTH 16384

static int64_t lines_of(int64_t line_codes)
{
    return line_codes < WORTH ? WORTH / (line_codes > 0 ? line_codes : 1) : 1;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- pools ---- */

typedef struct pool_work {
    const integer_loops *loops;
    const pooling *pool;
    const int8_t *x;
    int8_t *y;
    integer_format in, out;
    float multiplier;
} pool_work;

/* The part of a window that lies inside the image, along one axis. */
typedef struct extent {
    int64_t begin, end;
} extent;

static extent extent_at(int64_t out, int64_t stride, int64_t kernel, int64_t padding,
                        int64_t size)
{
    int64_t begin = out * stride - padding, end = begin + kernel;
    return (extent){begin > 0 ? begin : 0, smaller(end, size)};
}

static extent columns_at(const pooling *p, int64_t ox)
{
    return extent_at(ox, p->stride_w, p->kernel_w, p->pad_w, p->w);
}

static bool is_whole(const pooling *p, extent columns)
{
    return columns.end - columns.begin == p->kernel_w;
}

/* Neighbours whose windows are whole are one call. */
static void max_line(const pool_work *w, int64_t line)
{
    const pooling *p = w->pool;
    extent rows = extent_at(line % p->out_h, p->stride_h, p->kernel_h, p->pad_h, p->h);
    const int8_t *x = w->x + (line / p->out_h * p->h + rows.begin) * p->w * p->c;
    integer_window window = {.channels = p->c,
                             .rows = rows.end - rows.begin,
                             .x_step = p->stride_w * p->c,
                             .x_row = p->w * p->c,
                             .x_column = p->c};
    for (int64_t ox = 0; ox < p->out_w; ox += window.pixels) {
        extent columns = columns_at(p, ox);
        window.pixels = 1;
        while (is_whole(p, columns) && ox + window.pixels < p->out_w &&
               is_whole(p, columns_at(p, ox + window.pixels)))
            window.pixels++;
        window.columns = columns.end - columns.begin;
        window.x = x + columns.begin * p->c;
        window.y = w->y + (line * p->out_w + ox) * p->c;
        w->loops->window_max(&window);
    }
}

static void max_lines(void *context, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    for (int64_t line = begin; line < end; line++)
        max_line(context, line);
}

void integer_max_pool(const pooling *p, const int8_t *x, int8_t *y)
{
    pool_work w = {.loops = integer_loops_get(), .pool = p, .x = x, .y = y};
    int64_t codes = p->out_w * p->c * p->kernel_h * p->kernel_w;
    parallel_evenly(p->n * p->out_h, lines_of(codes), max_lines, &w);
}

enum { CHUNK = 256 };

/* Sums of COUNT codes fit 32 bits here: windows have at most POOL_WINDOW_MAX pixels. */
static void avg_pixel(const pool_work *w, const int8_t *x, extent rows, extent columns,
                      int8_t *y)
{
    const pooling *p = w->pool;
    int64_t count = (rows.end - rows.begin) * (columns.end - columns.begin);
    for (int64_t c = 0; c < p->c; c += CHUNK) {
        int32_t sum[CHUNK] = {0};
        int64_t n = smaller(p->c - c, CHUNK);
        for (int64_t iy = rows.begin; iy < rows.end; iy++)
            for (int64_t ix = columns.begin; ix < columns.end; ix++)
                w->loops->add_codes(n, x + (iy * p->w + ix) * p->c + c, sum);
        w->loops->round(n, sum, (int32_t)count * w->in.zero, w->multiplier, w->out,
                        y + c);
    }
}

static void avg_lines(void *context, int64_t begin, int64_t end, int thread)
{
    const pool_work *w = context;
    const pooling *p = w->pool;
    (void)thread;
    for (int64_t line = begin; line < end; line++) {
        extent rows =
            extent_at(line % p->out_h, p->stride_h, p->kernel_h, p->pad_h, p->h);
        const int8_t *x = w->x + line / p->out_h * p->h * p->w * p->c;
        for (int64_t ox = 0; ox < p->out_w; ox++)
            avg_pixel(w, x, rows, columns_at(p, ox),
                      w->y + (line * p->out_w + ox) * p->c);
    }
}

static float mean_multiplier(integer_format in, integer_format out, int64_t count)
{
    return integer_multiplier((double)in.scale / ((double)out.scale * (double)count));
}

void integer_avg_pool(const pooling *p, integer_format in, integer_format out,
                      const int8_t *x, int8_t *y)
{
    pool_work w = {integer_loops_get(), p, x, y, in, out, 0};
    w.multiplier = mean_multiplier(in, out, p->kernel_h * p->kernel_w);
    int64_t codes = p->out_w * p->c * p->kernel_h * p->kernel_w;
    parallel_evenly(p->n * p->out_h, lines_of(codes), avg_lines, &w);
}

/* Pixels whose codes add up within 32 bits. */
#define PIXELS_MOST (INT64_C(1) << 23)

typedef struct mean_work {
    const integer_loops *loops;
    int64_t pixels, channels, chunks;
    integer_format in, out;
    float multiplier;
    const int8_t *x;
    int8_t *y;
} mean_work;

static void mean_chunk(void *context, int64_t tile, int thread)
{
    const mean_work *w = context;
    int64_t image = tile / w->chunks, c = tile % w->chunks * CHUNK;
    int64_t n = smaller(w->channels - c, CHUNK), total[CHUNK] = {0};
    const int8_t *x = w->x + image * w->pixels * w->channels + c;
    (void)thread;
    for (int64_t from = 0; from < w->pixels; from += PIXELS_MOST) {
        int32_t sum[CHUNK] = {0};
        for (int64_t p = from; p < smaller(from + PIXELS_MOST, w->pixels); p++)
            w->loops->add_codes(n, x + p * w->channels, sum);
        for (int64_t i = 0; i < n; i++)
            total[i] += sum[i];
    }
    for (int64_t i = 0; i < n; i++) {
        float sum = (float)(total[i] - w->pixels * w->in.zero);
        w->y[image * w->channels + c + i] =
            (int8_t)integer_round(sum * w->multiplier, w->out);
    }
}

void integer_global_pool(int64_t n, int64_t pixels, int64_t c, integer_format in,
                         integer_format out, const int8_t *x, int8_t *y)
{
    mean_work w = {.loops = integer_loops_get(),
                   .pixels = pixels,
                   .channels = c,
                   .chunks = (c + CHUNK - 1) / CHUNK,
                   .in = in,
                   .out = out,
                   .multiplier = mean_multiplier(in, out, pixels),
                   .x = x,
                   .y = y};
    parallel_for(n * w.chunks, mean_chunk, &w);
}

/* ---- moving and joining ---- */

typedef struct pad_work {
    const padding *p;
    int8_t zero;
    const int8_t *x;
    int8_t *y;
} pad_work;

static void pad_lines(void *context, int64_t begin, int64_t end, int thread)
{
    const pad_work *w = context;
    const padding *p = w->p;
    int64_t above = pad_before(p->h, p->out_h), before = pad_before(p->w, p->out_w);
    int64_t from = before > 0 ? before : 0; /* the columns of y that come from x */
    int64_t to = smaller(before + p->w, p->out_w);
    (void)thread;
    for (int64_t line = begin; line < end; line++) {
        int64_t iy = line % p->out_h - above;
        int8_t *y = w->y + line * p->out_w * p->c;
        if (iy < 0 || iy >= p->h) {
            memset(y, w->zero, (size_t)(p->out_w * p->c));
            continue;
        }
        const int8_t *x =
            w->x + ((line / p->out_h * p->h + iy) * p->w + from - before) * p->c;
        memset(y, w->zero, (size_t)(from * p->c));
        memcpy(y + from * p->c, x, (size_t)((to - from) * p->c));
        memset(y + to * p->c, w->zero, (size_t)((p->out_w - to) * p->c));
    }
}

void integer_pad(const padding *p, int8_t zero, const int8_t *x, int8_t *y)
{
    pad_work w = {p, zero, x, y};
    parallel_evenly(p->n * p->out_h, lines_of(p->out_w * p->c), pad_lines, &w);
}

typedef struct concat_work {
    const integer_loops *loops;
    const integer_piece *pieces;
    int count;
    int64_t total; /* columns */
    int8_t *y;
} concat_work;

enum { BUFFER = 2048 };

/* Codes of many short rows are mapped together, before they are parted. */
static void concat_piece(const concat_work *w, const integer_piece *p, int64_t begin,
                         int64_t end, int8_t *y)
{
    int8_t buffer[BUFFER];
    int64_t most = p->columns < BUFFER ? BUFFER / p->columns : 1, count;
    for (int64_t row = begin; row < end; row += count, y += count * w->total) {
        const int8_t *x = p->x + row * p->columns;
        int8_t *to = y;
        count = smaller(most, end - row);
        if (p->map && p->columns > BUFFER) {
            w->loops->map(p->columns, x, p->map, to);
            continue;
        }
        if (p->map) {
            w->loops->map(count * p->columns, x, p->map, buffer);
            x = buffer;
        }
        for (int64_t i = 0; i < count; i++, x += p->columns, to += w->total)
            switch (p->columns) {
            case 8:
                memcpy(to, x, 8);
                break;
            case 16:
                memcpy(to, x, 16);
                break;
            case 32:
                memcpy(to, x, 32);
                break;
            default:
                memcpy(to, x, (size_t)p->columns);
            }
    }
}

static void concat_rows(void *context, int64_t begin, int64_t end, int thread)
{
    const concat_work *w = context;
    int64_t first = 0;
    (void)thread;
    for (int i = 0; i < w->count; i++) {
        concat_piece(w, &w->pieces[i], begin, end, w->y + begin * w->total + first);
        first += w->pieces[i].columns;
    }
}

void integer_concat(int64_t rows, const integer_piece *pieces, int count, int8_t *y)
{
    concat_work w = {integer_loops_get(), pieces, count, 0, y};
    for (int i = 0; i < count; i++)
        w.total += pieces[i].columns;
    parallel_evenly(rows, lines_of(w.total), concat_rows, &w);
}

typedef struct add_work {
    const integer_loops *loops;
    integer_term term[2];
    integer_format out;
    int64_t pixels, channels;
    int8_t *y;
} add_work;

static void add_range(void *context, int64_t begin, int64_t end, int thread)
{
    const add_work *w = context;
    integer_term term[2] = {w->term[0], w->term[1]};
    (void)thread;
    term[0].x += begin;
    term[1].x += begin;
    w->loops->add(end - begin, term, w->out, w->y + begin);
}

/* The second term has one pixel for each image. */
static void add_pixels(void *context, int64_t begin, int64_t end, int thread)
{
    const add_work *w = context;
    (void)thread;
    for (int64_t pixel = begin; pixel < end; pixel++) {
        integer_term term[2] = {w->term[0], w->term[1]};
        term[0].x += pixel * w->channels;
        term[1].x += pixel / w->pixels * w->channels;
        w->loops->add(w->channels, term, w->out, w->y + pixel * w->channels);
    }
}

static integer_term term_of(integer_format in, integer_format out, const int8_t *x)
{
    float multiplier = integer_multiplier((double)in.scale / (double)out.scale);
    return (integer_term){x, in.zero, multiplier};
}

void integer_add(const pairing *p, integer_format first, integer_format second,
                 integer_format out, const int8_t *a, const int8_t *b, int8_t *y)
{
    add_work w = {.loops = integer_loops_get(),
                  .term = {term_of(first, out, a), term_of(second, out, b)},
                  .out = out,
                  .pixels = p->pixels,
                  .channels = p->channels,
                  .y = y};
    int64_t pixels = p->images * p->pixels;
    if (p->b_is_vector)
        parallel_evenly(pixels, lines_of(p->channels), add_pixels, &w);
    else
        parallel_evenly(pixels * p->channels, WORTH, add_range, &w);
}

typedef struct product_work {
    pairing pair;
    integer_format out;
    int32_t zero[2];
    float multiplier;
    const int8_t *a, *b;
    int8_t *y;
} product_work;

static void multiply_pixels(void *context, int64_t begin, int64_t end, int thread)
{
    const product_work *w = context;
    const int64_t channels = w->pair.channels;
    (void)thread;
    for (int64_t pixel = begin; pixel < end; pixel++) {
        const int64_t at = pixel * channels;
        const int64_t second = w->pair.b_is_vector ? pixel / w->pair.pixels : pixel;
        const int8_t *a = w->a + at, *b = w->b + second * channels;
        for (int64_t c = 0; c < channels; c++) {
            int32_t product = (a[c] - w->zero[0]) * (b[c] - w->zero[1]);
            w->y[at + c] = (int8_t)integer_round((float)product * w->multiplier, w->out);
        }
    }
}

void integer_multiply(const pairing *p, integer_format first, integer_format second,
                      integer_format out, const int8_t *a, const int8_t *b, int8_t *y)
{
    product_work w = {.pair = *p,
                      .out = out,
                      .zero = {first.zero, second.zero},
                      .multiplier = integer_multiplier(
                          (double)first.scale * (double)second.scale / (double)out.scale),
                      .a = a,
                      .b = b,
                      .y = y};
    parallel_evenly(p->images * p->pixels, lines_of(p->channels), multiply_pixels, &w);
}

typedef struct turn_work {
    const integer_loops *loops;
    int64_t pixels, channels;
    const int8_t *x;
    int8_t *y;
} turn_work;

static void flatten_image(void *context, int64_t image, int thread)
{
    const turn_work *w = context;
    int64_t at = image * w->pixels * w->channels;
    (void)thread;
    w->loops->turn(w->pixels, w->channels, w->x + at, w->channels, w->y + at, w->pixels);
}

void integer_flatten(int64_t n, int64_t pixels, int64_t c, const int8_t *x, int8_t *y)
{
    turn_work w = {integer_loops_get(), pixels, c, x, y};
    parallel_for(n, flatten_image, &w);
}
