/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_product.c -- runs the parts of a convolution on codes through a kernel.
   It knows no instruction set, and allocates nothing. */
#include "kernel/integer_product.h"

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/integer_loops.h"
#include "kernel/scratch.h"

/* What the source of a thread was filled for. */
typedef struct held {
    int64_t group, line; /* -1: nothing */
    bool padded, visited;
} held;

typedef struct running {
    const integer_kernel *kernel;
    integer_layout layout;
    integer_prepared prepared;
    /* Of each thread: */
    char *source;          /* [source_bytes] */
    integer_row *rows;     /* [row_most] */
    integer_visit *visits; /* [run][tap], where they visit */
    held *held;
    size_t apart; /* from thread to thread */
} running;

/* Rows of products of one part, and where they are read. */
typedef struct rows {
    const running *run;
    integer_part part;
    const char *x;
    int64_t distance;            /* bytes from one to the next of the source */
    const integer_row *row;      /* where each is, or NULL: one after the other */
    const integer_visit *visits; /* of its taps; or NULL */
    bool padded;                 /* has any of them padding? */
} rows;

size_t integer_kernel_prepared(const integer_kernel *k, const integer_conv *c)
{
    integer_layout l = integer_layout_of(c, k->form);
    return integer_layout_prepared_bytes(&l);
}

void integer_kernel_prepare(const integer_kernel *k, const integer_conv *c,
                            void *prepared)
{
    integer_layout l = integer_layout_of(c, k->form);
    integer_layout_prepare(&l, prepared);
}

static size_t take_scratch(running *r, void *block)
{
    const integer_layout *l = &r->layout;
    scratch s = {.base = block};
    r->source = scratch_take(&s, 1, (size_t)l->source_bytes);
    r->rows = scratch_take(&s, l->row_most, sizeof *r->rows);
    bool visited = integer_layout_is_visited(l, l->part_lines);
    r->visits = scratch_take(&s, visited ? l->runs * l->taps[1] : 0, sizeof *r->visits);
    r->held = scratch_take(&s, 1, sizeof *r->held);
    r->apart = scratch_rooms(&s, 0);
    return s.used;
}

size_t integer_kernel_scratch(const integer_kernel *k, const integer_conv *c)
{
    running r = {.layout = integer_layout_of(c, k->form)};
    return take_scratch(&r, NULL);
}

/* Can the part read x as it lies?  Rows that are computed and thrown away must not lie
   behind its end. */
static bool reads_in_place(const running *r, const integer_part *p)
{
    const integer_layout *l = &r->layout;
    const integer_conv *c = &l->conv;
    return r->kernel->in_place && !l->patches && l->fold == 1 && l->taps[0] == 1 &&
           l->taps[1] == 1 && l->padding[0] == 0 && l->padding[1] == 0 &&
           c->height == c->out_height && c->width == c->out_width &&
           l->depth % l->form.unit == 0 &&
           (p->rows < INTEGER_ROWS || p->rows % INTEGER_ROWS == 0);
}

static rows rows_of(const running *r, const integer_part *p, int thread)
{
    const integer_layout *l = &r->layout;
    const integer_conv *c = &l->conv;
    rows rows = {.run = r, .part = *p};
    if (reads_in_place(r, p)) {
        rows.x = (const char *)c->x + p->line * l->line_rows * c->x_pitch +
                 p->group * l->depth;
        rows.distance = c->x_pitch;
        return rows;
    }
    char *source = room_of(r->source, r->apart, thread);
    integer_row *row = room_of(r->rows, r->apart, thread);
    integer_visit *visits = room_of(r->visits, r->apart, thread);
    held *own = room_of(r->held, r->apart, thread);
    if (own->group != p->group || own->line != p->line) {
        integer_layout_fill(l, p, r->kernel->copy, source);
        own->group = p->group;
        own->line = p->line;
        own->visited = integer_layout_is_visited(l, p->lines);
        own->padded = !l->form.gaps && integer_layout_rows(l, p, row);
        if (own->visited)
            integer_layout_visit(l, p, row, visits);
    }
    rows.x = source;
    rows.distance = l->row_distance * l->form.element;
    rows.row = l->form.gaps ? NULL : row;
    rows.padded = own->padded;
    rows.visits = own->visited ? visits : NULL;
    return rows;
}

static const char *row_at(const rows *r, int64_t row)
{
    return r->x + (r->row ? r->row[row].place : row) * r->distance;
}

/* Where a weight's zero point is not 0: Z_w times the sum of the row's codes, for each
   pixel of the fold its own. */
static void subtract_zeros(const rows *r, int64_t row, int64_t count, int64_t lane,
                           int64_t lanes, int32_t *sum)
{
    const integer_layout *l = &r->run->layout;
    const int32_t *zero =
        r->run->prepared.zero + r->part.group * l->blocks * INTEGER_LANES + lane;
    int64_t n = l->patches ? l->run_length : l->taps[1] * l->depth;
    for (int64_t i = 0; i < count; i++)
        for (int64_t sub = 0; sub < l->fold; sub++) {
            int32_t codes = 0;
            for (int64_t run = 0; run < l->runs; run++) {
                const char *x =
                    row_at(r, row + i) + run * l->run_distance + sub * l->depth;
                for (int64_t k = 0; k < n; k++)
                    codes += l->form.offset ? (uint8_t)x[k] : (int8_t)x[k];
            }
            for (int64_t o = 0; o < lanes; o++)
                if ((lane + o) / l->outputs == sub)
                    sum[i * lanes + o] = (int32_t)((uint32_t)sum[i * lanes + o] -
                                                   (uint32_t)zero[o] * (uint32_t)codes);
        }
}

/* Where the input's zero point was not known when weights were prepared: Z_x times the
   total of each output.  Where both zero points are off already, nothing is left. */
static void subtract_totals(const rows *r, int64_t count, int64_t lane, int64_t lanes,
                            int32_t *sum)
{
    const integer_layout *l = &r->run->layout;
    const int32_t *total =
        r->run->prepared.total + r->part.group * l->blocks * INTEGER_LANES + lane;
    const uint32_t zero = (uint32_t)l->conv.in.zero;
    for (int64_t i = 0; zero && l->form.element == 1 && i < count; i++)
        for (int64_t o = 0; o < lanes; o++)
            sum[i * lanes + o] =
                (int32_t)((uint32_t)sum[i * lanes + o] - zero * (uint32_t)total[o]);
}

/* Rows ROW.. (COUNT) by BLOCKS blocks from BLOCK on. */
static void run_tile(const rows *r, int64_t row, int64_t count, int64_t block,
                     int64_t blocks)
{
    enum { SUMS = INTEGER_VISITED * 2 * INTEGER_LANES };
    _Alignas(64) int32_t sum[SUMS];
    _Alignas(64) int8_t codes[SUMS];
    const running *run = r->run;
    const integer_layout *l = &run->layout;
    const int64_t at = r->part.group * l->blocks + block, lane = at * INTEGER_LANES;
    const integer_product product = {
        .x = r->row ? r->x : row_at(r, row),
        .rows = count,
        .row_distance = r->distance,
        .row = r->row ? r->row + row : NULL,
        .runs = l->runs,
        .run_distance = l->run_distance * l->form.element,
        .run_steps = l->run_steps,
        .weight = run->prepared.weight + (size_t)at * run->prepared.block_bytes,
        .blocks = blocks,
        .block_distance = (int64_t)run->prepared.block_bytes,
        .shift = run->prepared.shift + lane,
        .padded = r->padded,
        .visits = r->visits,
        .tap_total =
            integer_layout_padding_counts(l) ? run->prepared.tap_total + lane : NULL,
        .total_lanes = l->conv.groups * l->blocks * INTEGER_LANES,
        .taps = l->taps[1],
        .tap_steps = l->depth / l->form.unit,
        .padding = l->conv.in.zero + l->form.offset,
        .sum = sum};
    run->kernel->multiply(&product);
    if (run->prepared.affine)
        subtract_zeros(r, row, count, block * INTEGER_LANES, blocks * INTEGER_LANES, sum);
    if (l->conv.to_sums) {
        subtract_totals(r, count, block * INTEGER_LANES, blocks * INTEGER_LANES, sum);
        integer_layout_emit(l, &r->part, row, count, block * INTEGER_LANES,
                            blocks * INTEGER_LANES, sum);
        return;
    }
    const integer_rounding rounding = {.rows = count,
                                       .lanes = blocks * INTEGER_LANES,
                                       .sum = sum,
                                       .multiplier = run->prepared.multiplier + lane,
                                       .out = l->conv.out,
                                       .map = l->conv.map,
                                       .codes = codes};
    integer_loops_get()->round_tile(&rounding);
    integer_layout_emit(l, &r->part, row, count, block * INTEGER_LANES,
                        blocks * INTEGER_LANES, codes);
}

/* Blocks outside, so that their weights are read from far once for all rows. */
static void run_part(void *context, int64_t index, int thread)
{
    const running *run = context;
    integer_part p = integer_layout_part(&run->layout, index);
    rows r = rows_of(run, &p, thread);
    int64_t end = p.block + p.blocks, blocks;
    if (run->kernel->begin)
        run->kernel->begin(p.rows);
    for (int64_t block = p.block; block < end; block += blocks) {
        int64_t left = end - block;
        blocks = left >= 4 && p.rows <= INTEGER_ROWS && !r.visits ? 4 : left >= 2 ? 2 : 1;
        int64_t most = r.visits ? p.rows : INTEGER_SUMS / INTEGER_LANES / blocks;
        for (int64_t row = 0; row < p.rows; row += most)
            run_tile(&r, row, p.rows - row < most ? p.rows - row : most, block, blocks);
    }
    if (run->kernel->end)
        run->kernel->end();
}

void integer_kernel_run(const integer_kernel *k, const integer_conv *c,
                        const void *prepared, void *block)
{
    running run = {.kernel = k, .layout = integer_layout_of(c, k->form)};
    take_scratch(&run, block);
    run.prepared = integer_layout_prepared(&run.layout, prepared);
    for (int i = 0; i < cpu_threads(); i++)
        ((held *)room_of(run.held, run.apart, i))->group = -1;
    parallel_for(integer_layout_parts(&run.layout), run_part, &run);
}
