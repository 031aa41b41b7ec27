/* SPDX-License-Identifier: GPL-3.0-or-later
   gather.c -- convolution and its gradient by the input, both as mappings: matrix products
   that gather their pixels while they multiply.
   Images of some width go by rows: each output row is a line of pixels that reads the
   source tile in place.  Small images and single pixels are gathered first.  Which of
   the two, and every tile, depends on shapes alone. */
#include "kernel/gather.h"

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/algorithm.h"
#include "kernel/depthwise.h"
#include "kernel/panel.h"
#include "kernel/weight.h"

typedef struct job {
    const mapping *m;
    const float *source, *weight, *bias;
    const finish *tail;
    float *y;
    bool accumulate;
    panels panels;
    const float *prepared; /* all panels, packed before; or NULL */
    float *packed; /* all panels, packed here; NULL where prepared, or where each task
                      packs its own */
    float *room;   /* of all threads */
    int64_t room_floats;
    tiling tiles;    /* by rows */
    float *gathered; /* gathered: [tile of pixels][k] */
    const float *g;
    int64_t step, first, last, chunk, chunks;
    int64_t columns;      /* gathered: tasks side by side, of a panel each or of all */
    float *sums;          /* gathered, where y is not dense: [tile of pixels][outputs] */
    const placing *place; /* gathered: where outputs lie, or NULL */
    const depthwise_call *before; /* by rows: what makes the source, or NULL */
    const depthwise_rows *made;
} job;

static void pack_task(void *context, int64_t panel, int thread)
{
    const job *j = context;
    (void)thread;
    panels_pack(&j->panels, panel, j->weight, j->packed + panel * j->panels.floats);
}

/* Where panel I lies, packed; in OWN where that has to be done first. */
static const float *panel_at(const job *j, int64_t i, float *own)
{
    const float *all = j->prepared ? j->prepared : j->packed;
    if (all)
        return all + i * j->panels.floats;
    panels_pack(&j->panels, i, j->weight, own);
    return own;
}

/* The residual of output row ROW, counted through images; or NULL. */
static const float *residual_at(const job *j, int64_t row)
{
    const finish *f = j->tail;
    return f->residual ? f->residual + row * j->m->out_w * f->residual_pitch : NULL;
}

/* By rows. */

static const float *load_tile(const job *j, int64_t image, int64_t begin, int64_t end,
                              int thread)
{
    float *room = j->room + thread * j->room_floats;
    if (!j->before)
        return tiling_load(&j->tiles, j->source, image, begin, end, room);
    depthwise_rows_run(j->made, image, begin, end, room, thread);
    return room;
}

/* While the tile of IMAGE that ends before output row END is multiplied, what the next
   one reads comes nearer. */
static void look_ahead(const job *j, int64_t image, int64_t end, product *p)
{
    int64_t after = end + j->tiles.height, rows = j->m->out_h;
    if (!j->before || end >= rows)
        return;
    p->ahead = depthwise_rows_source(j->made, image, end, after < rows ? after : rows,
                                     &p->ahead_floats);
}

static void rows_task(void *context, int64_t tile, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    const tiling *t = &j->tiles;
    int64_t image = tile / t->tiles, begin = tile % t->tiles * t->height;
    int64_t end = begin + t->height > m->out_h ? m->out_h : begin + t->height;
    const float *x = load_tile(j, image, begin, end, thread);
    float *y = j->y + image * m->y_image + begin * m->y_row;
    /* Rows that follow each other without a gap are one line. */
    bool one_line = m->y_row == m->out_w * m->y_pixel &&
                    m->step_h * t->row == m->out_w * m->step_w * t->pitch;
    for (int64_t panel = 0; panel < j->panels.count; panel++) {
        int64_t first = panel * j->panels.form.outputs;
        const float *residual = residual_at(j, image * m->out_h + begin);
        product p = panels_product(&j->panels, panel, j->tail, j->accumulate);
        p.pixels = one_line ? (end - begin) * m->out_w : m->out_w;
        p.lines = one_line ? 1 : end - begin;
        p.x_line = m->step_h * t->row;
        p.y_line = m->y_row;
        p.residual_line = m->out_w * p.residual_step;
        p.x = x;
        p.y = y + first;
        p.residual = residual ? residual + first : NULL;
        p.step = m->step_w * t->pitch;
        p.offset = t->offset;
        p.weight = panel_at(j, panel, NULL);
        p.y_step = m->y_pixel;
        if (!panel)
            look_ahead(j, image, end, &p);
        j->panels.loops->product(&p);
    }
}

/* Whole strips of what makes the rows, where that leaves some tiles to share out. */
static void take_strips(job *j)
{
    enum { TILES_LEAST = 4 };
    const mapping *m = j->m;
    tiling *t = &j->tiles;
    int64_t strip = j->panels.loops->strip_rows;
    int64_t height = (t->height + strip - 1) / strip * strip;
    if (m->images * m->out_h < TILES_LEAST * height || height > m->out_h)
        return;
    t->height = height;
    t->tiles = (m->out_h - 1) / height + 1;
    t->room = height * t->row;
}

static void rows_prepare(job *j, bool packs, scratch *s)
{
    tiling_prepare(&j->tiles, j->m, !j->before, 0, s);
    panels_prepare(&j->panels, j->m, j->tiles.runs, j->tiles.run_length, s);
    if (j->before)
        take_strips(j);
    j->packed = packs ? scratch_floats(s, j->panels.count * j->panels.floats) : NULL;
    j->room_floats = j->tiles.in_place ? 0 : (j->tiles.room + 15) / 16 * 16;
    j->room = scratch_floats(s, cpu_threads() * j->room_floats);
}

static void rows_run(job *j)
{
    if (j->packed)
        parallel_for(j->panels.count, pack_task, j);
    parallel_for(j->m->images * j->tiles.tiles, rows_task, j);
}

/* Gathered. */

enum {
    GATHERED_FLOATS = 1 << 21, /* gathered at once */
    CHUNK_PIXELS = 96,         /* whole blocks of every product loop */
    TASKS_WANTED = 16,
    PRODUCTS_LEAST = 24 * 1024, /* less is not worth waking a thread */
    CACHED_FLOATS = 1 << 18     /* of weights, that stay in the second-level cache */
};

static bool y_is_dense(const mapping *m)
{
    return m->y_row == m->out_w * m->y_pixel && m->y_image == m->out_h * m->y_row;
}

/* A single tap on every pixel: the source is the gathered matrix already. */
static bool source_is_gathered(const mapping *m)
{
    return m->rows.count == 1 && m->columns.count == 1 && m->rows.place[0] == 0 &&
           m->columns.place[0] == 0 && m->step_h == 1 && m->step_w == 1 &&
           m->out_h == m->h && m->out_w == m->w;
}

static int64_t pixel_count(const mapping *m)
{
    return m->images * m->out_h * m->out_w;
}

static void gather_task(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    (void)thread;
    mapping_gather(j->m, j->source, j->first + begin, j->first + end,
                   j->gathered + begin * j->step, j->step);
}

/* Puts the sums of pixels that are not neighbours in y to their places. */
static void scatter_task(void *context, int64_t begin, int64_t end, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t p = j->first + i, image = m->out_h * m->out_w;
        const float *from = j->sums + i * m->outputs;
        float *to = j->y + p / image * m->y_image + p % image / m->out_w * m->y_row +
                    p % m->out_w * m->y_pixel;
        j->panels.loops->blend(m->outputs, 1, from, j->accumulate ? 1 : 0, to);
    }
}

static float *gathered_y(const job *j, int64_t begin)
{
    return j->sums ? j->sums + begin * j->m->outputs
                   : j->y + (j->first + begin) * j->m->y_pixel;
}

/* A panel's outputs from FIRST on are all of one block. */
static void place_outputs(const job *j, int64_t first, int64_t pixel, product *p)
{
    const placing *q = j->place;
    p->row_pixels = q->row_pixels;
    p->row_first = pixel;
    p->y_row = q->y_row;
    p->y_step = q->y_pixel;
    p->y = j->y + q->at[first / q->each] + first % q->each;
}

static void run_panel(const job *j, int64_t panel, int64_t begin, int thread)
{
    const mapping *m = j->m;
    int64_t count = j->last - j->first - begin;
    int64_t first = panel * j->panels.form.outputs, pixel = j->first + begin;
    product p = panels_product(&j->panels, panel, j->tail, j->accumulate && !j->sums);
    static const int64_t start = 0;
    p.lines = 1;
    p.offset = &start;
    p.weight = panel_at(j, panel, j->room + thread * j->room_floats);
    p.pixels = count < j->chunk ? count : j->chunk;
    p.x = j->g + begin * j->step;
    p.step = j->step;
    p.y = gathered_y(j, begin) + first;
    if (j->tail->residual)
        p.residual = j->tail->residual + pixel * j->tail->residual_pitch + first;
    p.y_step = j->sums ? m->outputs : m->y_pixel;
    if (j->place)
        place_outputs(j, first, pixel, &p);
    j->panels.loops->product(&p);
}

/* One panel at a chunk of pixels, or, of many pixels, all panels: then the pixels stay in
   the cache, and what was written, too. */
static void panel_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    int64_t count = j->columns == 1 ? j->panels.count : 1;
    int64_t first = task / j->chunks * count;
    for (int64_t panel = first; panel < first + count; panel++)
        run_panel(j, panel, task % j->chunks * j->chunk, thread);
}

static int64_t at_least_one(int64_t n)
{
    return n < 1 ? 1 : n;
}

/* Rows an odd number of cache lines apart lie in different sets of the cache. */
static int64_t padded_row(int64_t k)
{
    enum { LINE = 16, SHORT = 8 * LINE };
    return k < SHORT ? k : ((k + LINE - 1) / LINE | 1) * LINE;
}

static void gathered_prepare(job *j, bool packs, scratch *s)
{
    const mapping *m = j->m;
    int64_t k = m->rows.count * m->columns.count * m->channels;
    int64_t pixels = pixel_count(m), tile = pixels;
    bool there = source_is_gathered(m);
    j->step = there ? m->pitch : padded_row(k);
    if (!there) {
        tile = at_least_one(GATHERED_FLOATS / at_least_one(k));
        tile = tile > pixels ? pixels : tile;
    }
    j->last = tile;
    j->gathered = there ? NULL : scratch_floats(s, tile * j->step);
    panels_prepare(&j->panels, m, k ? 1 : 0, k, s);
    bool small = pixels * k * m->outputs < PRODUCTS_LEAST;
    bool whole = small || (tile >= TASKS_WANTED * CHUNK_PIXELS &&
                           j->panels.count * j->panels.floats <= CACHED_FLOATS);
    int64_t parts = small ? 1 : at_least_one(TASKS_WANTED / j->panels.count);
    j->columns = whole ? 1 : j->panels.count;
    j->chunk =
        whole && !small ? CHUNK_PIXELS : (tile / parts / CHUNK_PIXELS + 1) * CHUNK_PIXELS;
    j->chunks = (tile - 1) / j->chunk + 1;
    bool shared = j->chunks > 1 || tile < pixels;
    j->packed =
        packs && shared ? scratch_floats(s, j->panels.count * j->panels.floats) : NULL;
    j->room_floats = packs && !shared ? j->panels.floats : 0;
    j->room = scratch_floats(s, cpu_threads() * j->room_floats);
    j->sums = y_is_dense(m) ? NULL : scratch_floats(s, tile * m->outputs);
}

static void gathered_run(job *j)
{
    enum { GRAIN = 8 };
    int64_t pixels = pixel_count(j->m), tile = j->last;
    if (j->packed)
        parallel_for(j->panels.count, pack_task, j);
    for (j->first = 0; j->first < pixels; j->first += tile) {
        j->last = j->first + tile > pixels ? pixels : j->first + tile;
        int64_t count = j->last - j->first;
        if (j->gathered)
            parallel_range(count, GRAIN, gather_task, j);
        j->g = j->gathered ? j->gathered : j->source + j->first * j->step;
        j->chunks = (count - 1) / j->chunk + 1;
        parallel_for(j->columns * j->chunks, panel_task, j);
        if (j->sums)
            parallel_range(count, GRAIN, scatter_task, j);
    }
}

/* Rows too short to fill a block of pixels, or too few of them to share out; or short
   ones that would each read more weights than pixels. */
static bool is_gathered(const mapping *m)
{
    bool heavy = m->out_w < 16 && m->channels * m->outputs > CACHED_FLOATS / 4;
    return m->out_w < 8 || m->images * m->out_h < 4 || (heavy && source_is_gathered(m));
}

/* Lays out what J needs in S, and runs it there where S is more than a measure. */
static void mapping_run(job *j, bool packs, scratch *s)
{
    if (is_gathered(j->m))
        gathered_prepare(j, packs, s);
    else
        rows_prepare(j, packs, s);
    if (!s->base)
        return;
    panels_finish(&j->panels, j->bias, j->tail);
    if (is_gathered(j->m))
        gathered_run(j);
    else
        rows_run(j);
}

static size_t mapping_scratch(const mapping *m, bool packs)
{
    job j = {.m = m};
    scratch s = {0};
    mapping_run(&j, packs, &s);
    return s.used;
}

/* ---- the row of the table ---- */

static bool gather_suits(const convolution *v, const float *weight)
{
    (void)weight;
    return !depthwise_is(v);
}

/* Floats of all panels of one group. */
static int64_t group_floats(const mapping *m)
{
    job j = {.m = m};
    scratch s = {0};
    if (is_gathered(m))
        gathered_prepare(&j, false, &s);
    else
        rows_prepare(&j, false, &s);
    return j.panels.count * j.panels.floats;
}

static size_t gather_prepared(const convolution *v, const float *weight)
{
    mapping m;
    (void)weight;
    mapping_forward(&m, v);
    return (size_t)(v->groups * group_floats(&m)) * sizeof(float);
}

static void gather_prepare(const convolution *v, const float *weight, void *prepared)
{
    mapping m;
    mapping_forward(&m, v);
    int64_t floats = group_floats(&m);
    for (int64_t group = 0; group < v->groups; group++) {
        scratch s = {0};
        job j = {.m = &m, .weight = weight + group * m.outputs * m.weight_output};
        if (is_gathered(&m))
            gathered_prepare(&j, false, &s);
        else
            rows_prepare(&j, false, &s);
        j.packed = (float *)prepared + group * floats;
        parallel_for(j.panels.count, pack_task, &j);
    }
}

static void run_groups(const convolution *v, const float *x, const float *prepared,
                       const float *weight, const float *bias, const finish *tail,
                       float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    int64_t floats = prepared ? group_floats(&m) : 0;
    for (int64_t group = 0; group < v->groups; group++) {
        int64_t output = group * m.outputs;
        finish part = *tail;
        part.scale = tail->scale ? tail->scale + output : NULL;
        part.shift = tail->shift ? tail->shift + output : NULL;
        part.residual = tail->residual ? tail->residual + output : NULL;
        job j = {.m = &m,
                 .source = x + group * m.channels,
                 .prepared = prepared ? prepared + group * floats : NULL,
                 .weight = weight ? weight + output * m.weight_output : NULL,
                 .bias = bias ? bias + output : NULL,
                 .tail = &part,
                 .y = y + output};
        mapping_run(&j, !prepared, &(scratch){.base = block});
    }
}

static size_t gather_scratch(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return mapping_scratch(&m, false);
}

bool gather_can_place(const convolution *v, int64_t each)
{
    panel_form form = panel_form_for(v->out_c, loops_get()->lanes);
    mapping m;
    mapping_forward(&m, v);
    return v->groups == 1 && form.split == 1 && each % form.outputs == 0 &&
           is_gathered(&m) && source_is_gathered(&m) && y_is_dense(&m);
}

void gather_forward_placed(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, const placing *place,
                           float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    job j = {.m = &m,
             .source = x,
             .prepared = prepared,
             .bias = bias,
             .tail = tail,
             .y = y,
             .place = place};
    mapping_run(&j, false, &(scratch){.base = block});
}

bool gather_can_follow(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return v->groups == 1 && source_is_gathered(&m) && m.pitch == m.channels &&
           !is_gathered(&m);
}

static void run_following(job *j, scratch *s)
{
    j->made = depthwise_rows_open(j->before, s);
    rows_prepare(j, false, s);
    if (!s->base)
        return;
    panels_finish(&j->panels, j->bias, j->tail);
    rows_run(j);
}

size_t gather_following_scratch(const convolution *v, const depthwise_call *first)
{
    mapping m;
    scratch s = {0};
    mapping_forward(&m, v);
    run_following(&(job){.m = &m, .before = first}, &s);
    return s.used;
}

void gather_forward_following(const convolution *v, const depthwise_call *first,
                              const void *prepared, const float *bias, const finish *tail,
                              float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    job j = {.m = &m,
             .prepared = prepared,
             .bias = bias,
             .tail = tail,
             .y = y,
             .before = first};
    run_following(&j, &(scratch){.base = block});
}

static void gather_forward(const convolution *v, const float *x, const void *prepared,
                           const float *bias, const finish *tail, float *y, void *block)
{
    run_groups(v, x, prepared, NULL, bias, tail, y, block);
}

static size_t gather_once_scratch(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return mapping_scratch(&m, true);
}

static void gather_forward_once(const convolution *v, const float *x, const float *weight,
                                const float *bias, const finish *tail, float *y,
                                void *block)
{
    run_groups(v, x, NULL, weight, bias, tail, y, block);
}

static void gather_grad_input(const convolution *v, const float *grad_y,
                              const float *weight, float *grad_x, bool accumulate,
                              void *block)
{
    static const finish nothing = {0};
    mapping m;
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w && mapping_backward(&m, v, h, w); w++)
            for (int64_t group = 0; group < v->groups; group++) {
                job j = {.m = &m,
                         .source = grad_y + group * m.channels,
                         .weight = weight + group * m.channels * m.weight_channel,
                         .tail = &nothing,
                         .y = grad_x + (h * v->w + w) * v->c + group * m.outputs,
                         .accumulate = accumulate};
                mapping_run(&j, true, &(scratch){.base = block});
            }
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t gather_gradient_scratch(const convolution *v)
{
    mapping m;
    size_t bytes = weight_scratch(v);
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w; w++)
            if (mapping_backward(&m, v, h, w))
                bytes = larger(bytes, mapping_scratch(&m, true));
    return bytes;
}

const algorithm algorithm_gather = {
    .name = "gather",
    .suits = gather_suits,
    .prepared_bytes = gather_prepared,
    .prepare = gather_prepare,
    .scratch_bytes = gather_scratch,
    .forward = gather_forward,
    .once_scratch = gather_once_scratch,
    .forward_once = gather_forward_once,
    .gradient_scratch = gather_gradient_scratch,
    .grad_input = gather_grad_input,
    .grad_weight = weight_gradient,
};
