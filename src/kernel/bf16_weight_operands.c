/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_weight_operands.c -- what the gradient by the weight multiplies in bf16: a tile of
   grad_y, turned, and the same tile of x, two pixels in a word.  It sums nothing. */
#include "kernel/bf16_weight_parts.h"

static const float nothing[BF16_LANES];

/* grad_y, turned. */

/* The place in grad_y that a walk along a flow has reached. */
typedef struct walk {
    int64_t row;            /* number of the line's first pixel in grad_y */
    int64_t line, at, left; /* left: pixels of the flow */
} walk;

static int64_t row_of(const bf16_weight_job *j, int64_t line)
{
    return line / j->m->out_h * j->m->y_image + line % j->m->out_h * j->m->y_row;
}

static void walk_pixels(const bf16_weight_job *j, walk *w, int64_t count)
{
    w->left -= count;
    w->at += count;
    if (w->at == j->layout.line) {
        w->at = 0;
        w->row = row_of(j, ++w->line);
    }
}

/* FROM: the next 32 pixels; NULL where they stick out.  Are all of them there? */
static bool walk_on(const bf16_weight_job *j, walk *w, const void *from[BF16_DEPTH])
{
    const bf16_layout *l = &j->layout;
    const int64_t pixel = l->merge * j->m->y_pixel;
    if (w->at + BF16_DEPTH <= l->line_pixels && w->left >= BF16_DEPTH) {
        const char *first = precision_at(j->grad_y, j->m->y_kept, w->row + w->at * pixel);
        const int64_t step = pixel * (int64_t)precision_bytes(j->m->y_kept);
        for (int k = 0; k < BF16_DEPTH; k++)
            from[k] = first + k * step;
        walk_pixels(j, w, BF16_DEPTH);
        return true;
    }
    for (int k = 0; k < BF16_DEPTH; k++) {
        bool there = w->left > 0 && w->at < l->line_pixels;
        from[k] =
            there ? precision_at(j->grad_y, j->m->y_kept, w->row + w->at * pixel) : NULL;
        walk_pixels(j, w, 1);
    }
    return false;
}

void bf16_weight_turn(const bf16_weight_job *j, int64_t tile, int64_t first, int64_t last,
                      bf16 *to)
{
    const bf16_layout *l = &j->layout;
    const precision kept = j->m->y_kept;
    for (int64_t i = 0; i < bf16_flow_count(l, tile); i++, to += j->line) {
        bf16_flow flow = bf16_flow_at(l, tile, i);
        walk w = {.line = flow.line + flow.first / l->line,
                  .at = flow.first % l->line,
                  .left = flow.count};
        w.row = row_of(j, w.line);
        for (int64_t p = 0; p < flow.count; p += BF16_DEPTH) {
            const void *from[BF16_DEPTH], *row[BF16_DEPTH];
            const bool all = walk_on(j, &w, from);
            for (int64_t o = first; o < last; o += BF16_LANES) {
                for (int k = 0; k < BF16_DEPTH; k++)
                    row[k] = all || from[k] ? precision_at(from[k], kept, o) : nothing;
                j->loops->turn(row, kept, smaller(last - o, BF16_LANES),
                               to + (o - first) * j->g_step + p, j->g_step);
            }
        }
    }
}

/* x in pairs. */

/* Words of the copied tile: each number beside the same one of the next pixel. */
static void pair_rows(const bf16_weight_job *j, int64_t chunk, int64_t tile, int thread,
                      uint32_t *words)
{
    const bf16_layout *l = &j->layout;
    bf16 *copy = room_of(j->copies, j->apart, thread);
    bf16_layout_load(l, j->loops, chunk_channels(j, chunk),
                     precision_at(j->x, j->m->source_kept, chunk * j->chunk), tile, copy);
    j->loops->interleave(l->numbers - l->step, copy, copy + l->step, words);
}

/* A pixel of the output: the image that it reads, and where its first tap would be. */
typedef struct spot {
    const void *image;
    int64_t y, x;
} spot;

static void find_spots(const bf16_weight_job *j, const bf16_flow *flow, spot *to)
{
    const mapping *m = j->m;
    int64_t pixels = m->out_h * m->out_w;
    for (int64_t i = 0; i < flow->count; i++) {
        int64_t p = flow->first + i;
        int64_t image = p / pixels * m->h * m->w * m->pitch;
        to[i] = (spot){.image = precision_at(j->x, m->source_kept, image),
                       .y = p % pixels / m->out_w * m->step_h,
                       .x = p % m->out_w * m->step_w};
    }
}

/* Words [16 channels][pair of pixels][channel] of tap (A, B). */
static void pair_tap(const bf16_weight_job *j, int64_t chunk, int64_t a, int64_t b,
                     const spot *spots, int64_t count, uint32_t *words)
{
    const mapping *m = j->m;
    int64_t channels = chunk_channels(j, chunk), stride = j->line / 2 * BF16_LANES;
    const precision kept = m->source_kept;
    for (int64_t k = 0; k < count; k += BF16_DEPTH, words += BF16_TILE) {
        const void *from[BF16_DEPTH], *row[BF16_DEPTH];
        for (int64_t i = 0; i < BF16_DEPTH; i++) {
            const spot *s = &spots[k + i];
            int64_t y = k + i < count ? s->y + m->rows.place[a] : -1;
            int64_t x = k + i < count ? s->x + m->columns.place[b] : -1;
            bool inside = y >= 0 && y < m->h && x >= 0 && x < m->w;
            int64_t at = (y * m->w + x) * m->pitch + chunk * j->chunk;
            from[i] = inside ? precision_at(s->image, kept, at) : NULL;
        }
        for (int64_t c = 0; c < j->chunk; c += BF16_LANES) {
            int64_t n = channels > c ? smaller(channels - c, BF16_LANES) : 0;
            for (int64_t i = 0; i < BF16_DEPTH; i++)
                row[i] = from[i] && n ? precision_at(from[i], kept, c) : nothing;
            j->loops->zip(row, kept, n, words + c / BF16_LANES * stride);
        }
    }
}

/* Words [tap][16 channels][pair of pixels][channel], gathered. */
static void pair_gathered(const bf16_weight_job *j, int64_t chunk, int64_t tile,
                          uint32_t *words)
{
    const mapping *m = j->m;
    spot spots[BF16_WEIGHT_PIXELS];
    bf16_flow flow = bf16_flow_at(&j->layout, tile, 0);
    int64_t step = divided_up(j->chunk, BF16_LANES) * (j->line / 2) * BF16_LANES;
    find_spots(j, &flow, spots);
    for (int64_t a = 0; a < m->rows.count; a++)
        for (int64_t b = 0; b < m->columns.count; b++, words += step)
            pair_tap(j, chunk, a, b, spots, flow.count, words);
}

void bf16_weight_pair(const bf16_weight_job *j, int64_t chunk, int64_t tile, int thread,
                      uint32_t *words)
{
    if (j->layout.gathered)
        pair_gathered(j, chunk, tile, words);
    else
        pair_rows(j, chunk, tile, thread, words);
}
