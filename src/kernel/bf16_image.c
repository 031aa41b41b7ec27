/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_image.c -- the rounded copy of an image that products read: how it is laid out, and
   making it.  It multiplies nothing. */
#include <string.h>
#include "kernel/bf16.h"

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t rounded_up(int64_t n, int64_t step)
{
    return (n + step - 1) / step * step;
}

static int64_t first_place(const axis *a)
{
    return a->count ? a->place[0] : 0;
}

static int64_t span(const axis *a)
{
    return a->count ? a->place[a->count - 1] - a->place[0] + 1 : 1;
}

/* Rows too short for their borders, or too few of them to share out. */
bool bf16_is_gathered(const mapping *m)
{
    return m->out_w < 8 || m->images * m->out_h < 4;
}

/* Blocks of DEPTH k for each pixel, of MERGE together. */
static int64_t blocks_of(const mapping *m, int64_t merge, int64_t depth)
{
    int64_t k = (span(&m->columns) + (merge - 1) * m->step_w) * m->channels;
    return m->rows.count * ((k + depth - 1) / depth);
}

int64_t bf16_merge(const mapping *m, int64_t depth, bool even)
{
    int64_t best = 1;
    if (bf16_is_gathered(m) || !m->columns.count)
        return 1;
    for (int64_t s = 2; s * m->outputs <= BF16_LANES && s <= m->out_w; s++)
        if ((!even || m->out_w % s == 0) &&
            blocks_of(m, s, depth) * best < blocks_of(m, best, depth) * s)
            best = s;
    return best;
}

static void gathered_make(bf16_layout *l, const mapping *m)
{
    enum { TILE_NUMBERS = 896 * 1024, PIXELS_MOST = 256 };
    int64_t k = m->rows.count * m->columns.count * m->channels;
    int64_t total = m->images * m->out_h * m->out_w;
    l->runs = k ? 1 : 0;
    l->run_length = k;
    l->step = l->pitch = rounded_up(k, BF16_DEPTH);
    /* An odd number of lines of the cache: else pixels take each other's places. */
    l->step += l->step / BF16_DEPTH % 2 == 0 ? BF16_DEPTH : 0;
    l->pixels = k ? TILE_NUMBERS / l->step / BF16_ROWS * BF16_ROWS : PIXELS_MOST;
    l->pixels = l->pixels < BF16_ROWS ? BF16_ROWS : smaller(l->pixels, PIXELS_MOST);
    l->count = (total - 1) / l->pixels + 1;
    l->pixels = rounded_up((total - 1) / l->count + 1, BF16_ROWS);
    l->count = (total - 1) / l->pixels + 1;
    l->numbers = rounded_up(smaller(total, l->pixels), BF16_ROWS) * l->step;
    l->line = l->line_pixels = m->out_w;
}

/* As many rows as a part of the second-level cache holds, in TILES tiles or more. */
static int64_t tile_height(const bf16_layout *l, int64_t tiles)
{
    enum { TILE_NUMBERS = 64 * 1024 };
    const mapping *m = l->m;
    int64_t most = m->images * m->out_h / tiles;
    int64_t height = smaller(TILE_NUMBERS / (m->step_h * l->row), most);
    return height < 1 ? 1 : smaller(height, m->out_h);
}

static void rows_make(bf16_layout *l, const mapping *m, int64_t tiles)
{
    int64_t wide = span(&m->columns), merged = (m->out_w - 1) / l->merge + 1;
    int64_t width = (merged * l->merge - 1) * m->step_w + wide;
    bool joined = m->columns.count && (m->columns.count == wide || l->merge > 1);
    if (m->step_h == 1)
        width = rounded_up(width, l->merge * m->step_w);
    l->row = width * l->pitch;
    l->step = l->merge * m->step_w * l->pitch;
    l->line_pixels = merged;
    l->line = m->step_h == 1 ? width / (l->merge * m->step_w) : merged;
    l->runs = m->rows.count * (joined ? 1 : m->columns.count);
    l->run_length = (joined ? wide + (l->merge - 1) * m->step_w : 1) * l->pitch;
    l->height = tile_height(l, tiles);
    l->tiles = (m->out_h - 1) / l->height + 1;
    l->count = m->images * l->tiles;
    /* A multiply takes up to 31 pixels and 31 k too many; pairs look one further. */
    l->slack = (BF16_ROWS + 1) * l->step + BF16_DEPTH;
    l->numbers = ((l->height - 1) * m->step_h + span(&m->rows)) * l->row + l->slack;
    l->numbers = rounded_up(l->numbers, BF16_DEPTH);
}

void bf16_layout_make(bf16_layout *l, const mapping *m, int64_t pitch, int64_t merge,
                      int64_t tiles)
{
    *l = (bf16_layout){.m = m, .merge = merge, .pitch = pitch};
    l->gathered = bf16_is_gathered(m);
    if (l->gathered)
        gathered_make(l, m);
    else
        rows_make(l, m, tiles);
    l->blocks = l->runs * bf16_run_blocks(l);
}

void bf16_layout_split(bf16_layout *l, const bf16_loops *loops)
{
    enum { PIXELS = 2 };
    const mapping *m = l->m;
    int64_t distance = m->step_w * l->pitch, own = l->run_length - distance;
    bool fewer = PIXELS * ((own + 3) / 4) < (l->run_length + 1) / 2; /* steps */
    if (!loops->multiply_split || l->merge != PIXELS ||
        PIXELS * m->outputs != BF16_LANES || !fewer)
        return;
    l->split = distance;
    l->run_length = own;
    l->blocks = l->runs * bf16_run_blocks(l);
}

void bf16_layout_offsets(const bf16_layout *l, int64_t *offset, int64_t *pairs)
{
    const mapping *m = l->m;
    int64_t per_row = l->runs && !l->gathered ? l->runs / m->rows.count : 1;
    for (int64_t r = 0; r < l->runs; r++) {
        int64_t start = 0;
        if (!l->gathered)
            start = (m->rows.place[r / per_row] - m->rows.place[0]) * l->row +
                    (m->columns.place[r % per_row] - m->columns.place[0]) * l->pitch;
        for (int64_t k = 0; k < l->run_length; k += BF16_DEPTH) {
            *offset++ = start + k;
            *pairs++ = (smaller(l->run_length - k, BF16_DEPTH) + 1) / 2;
        }
    }
}

/* N numbers of SOURCE from number AT on. */
static void take(const mapping *m, const bf16_loops *loops, const void *source,
                 int64_t at, int64_t n, bf16 *to)
{
    const void *from = precision_at(source, m->source_kept, at);
    if (m->source_kept == PRECISION_BF16)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        loops->convert(n, from, to);
}

/* COUNT pixels of CHANNELS from number AT on, zeros up to l->pitch. */
static void take_pixels(const bf16_layout *l, const bf16_loops *loops, int64_t channels,
                        int64_t count, const void *source, int64_t at, bf16 *to)
{
    int64_t pitch = l->m->pitch;
    if (pitch == channels && l->pitch == channels) {
        take(l->m, loops, source, at, count * channels, to);
        return;
    }
    for (int64_t i = 0; i < count; i++, at += pitch, to += l->pitch) {
        take(l->m, loops, source, at, channels, to);
        memset(to + channels, 0, (size_t)(l->pitch - channels) * sizeof *to);
    }
}

/* Source pixels LEFT.. of the image row at number AT, as many as a row of the copy has;
   zeros where there are none. */
static void load_row(const bf16_layout *l, const bf16_loops *loops, int64_t channels,
                     const void *source, int64_t at, int64_t left, bf16 *to)
{
    const mapping *m = l->m;
    int64_t count = l->row / l->pitch;
    int64_t before = smaller(left < 0 ? -left : 0, count);
    int64_t after = left + count > m->w ? left + count - m->w : 0;
    after = smaller(after, count - before);
    int64_t inside = count - before - after;
    memset(to, 0, (size_t)(before * l->pitch) * sizeof *to);
    to += before * l->pitch;
    take_pixels(l, loops, channels, inside, source, at + (left + before) * m->pitch, to);
    memset(to + inside * l->pitch, 0, (size_t)(after * l->pitch) * sizeof *to);
}

static void load_rows(const bf16_layout *l, const bf16_loops *loops, int64_t channels,
                      const void *source, int64_t tile, bf16 *to)
{
    const mapping *m = l->m;
    int64_t begin = tile % l->tiles * l->height;
    int64_t end = smaller(begin + l->height, m->out_h);
    int64_t left = first_place(&m->columns);
    int64_t top = begin * m->step_h + first_place(&m->rows);
    int64_t rows = (end - begin - 1) * m->step_h + span(&m->rows);
    int64_t image = tile / l->tiles * m->h * m->w * m->pitch;
    for (int64_t r = 0; r < rows; r++, to += l->row) {
        int64_t y = top + r;
        if (y < 0 || y >= m->h)
            memset(to, 0, (size_t)l->row * sizeof *to);
        else
            load_row(l, loops, channels, source, image + y * m->w * m->pitch, left, to);
    }
    memset(to, 0, (size_t)l->slack * sizeof *to);
}

static void gather_pixel(const bf16_layout *l, const bf16_loops *loops,
                         const void *source, int64_t p, bf16 *to)
{
    const mapping *m = l->m;
    int64_t image = m->out_h * m->out_w;
    int64_t i = p % image / m->out_w * m->step_h, j = p % m->out_w * m->step_w;
    int64_t from = p / image * m->h * m->w * m->pitch;
    for (int64_t a = 0; a < m->rows.count; a++)
        for (int64_t b = 0; b < m->columns.count; b++, to += m->channels) {
            int64_t y = i + m->rows.place[a], x = j + m->columns.place[b];
            if (y < 0 || y >= m->h || x < 0 || x >= m->w)
                memset(to, 0, (size_t)m->channels * sizeof *to);
            else
                take(m, loops, source, from + (y * m->w + x) * m->pitch, m->channels, to);
        }
    memset(to, 0, (size_t)(l->step - l->run_length) * sizeof *to);
}

void bf16_layout_load(const bf16_layout *l, const bf16_loops *loops, int64_t channels,
                      const void *source, int64_t i, bf16 *to)
{
    if (!l->gathered) {
        load_rows(l, loops, channels, source, i, to);
        return;
    }
    bf16_flow f = bf16_flow_at(l, i, 0);
    for (int64_t p = 0; p < f.count; p++)
        gather_pixel(l, loops, source, f.first + p, to + p * l->step);
}

static int64_t tile_rows(const bf16_layout *l, int64_t tile)
{
    return smaller(l->height, l->m->out_h - tile % l->tiles * l->height);
}

int64_t bf16_flow_count(const bf16_layout *l, int64_t tile)
{
    return l->gathered || l->m->step_h == 1 ? 1 : tile_rows(l, tile);
}

bf16_flow bf16_flow_at(const bf16_layout *l, int64_t tile, int64_t i)
{
    const mapping *m = l->m;
    if (l->gathered) {
        int64_t total = m->images * m->out_h * m->out_w, first = tile * l->pixels;
        return (bf16_flow){.first = first, .count = smaller(l->pixels, total - first)};
    }
    int64_t line = tile / l->tiles * m->out_h + tile % l->tiles * l->height;
    if (m->step_h == 1)
        return (bf16_flow){.line = line,
                           .count = (tile_rows(l, tile) - 1) * l->line + l->line_pixels};
    return (bf16_flow){
        .line = line + i, .count = l->line_pixels, .x = i * m->step_h * l->row};
}
