/* SPDX-License-Identifier: GPL-3.0-or-later
   shift_pairs.c -- the sum over taps of shift.c with operands rounded to bf16, two channels
   in a word.  A task has the outputs of a panel: it packs the weights of a tap and
   multiplies all pixels with them while they are in the cache.  Backward it has several
   panels, because a row of weights then lies side by side only as far as they reach. */
#include <string.h>
#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/algorithm.h"
#include "kernel/bf16.h"
#include "kernel/shift.h"

enum {
    VECTORS = 2,
    WIDTH = VECTORS * BF16_LANES,
    GROUP_MOST = 4, /* panels of a task */
    TASKS_EACH = 2  /* for each thread at least, where there are so many panels */
};

/* A mapping of steps of 1: forward, or backward by the input. */
typedef struct job {
    const mapping *m;
    const bf16_loops *loops;
    const void *source;
    const float *weight, *bias;
    const uint32_t *prepared; /* weights, packed before; or NULL */
    uint32_t *packed;         /* where they are packed to be */
    const finish *tail;
    void *y;
    bool accumulate;
    int64_t panels, blocks; /* blocks: of 32 channels */
    int64_t group;          /* panels of a task */
    int64_t step;           /* numbers from pixel to pixel of: */
    bf16 *turned;           /* the source, its batch innermost */
    int64_t *offset, *pairs;
    float *scale, *shift; /* [panels * WIDTH] */
    uint32_t *words;      /* of each thread: one tap of a group */
    float *sums;          /* of each thread: [panel][VECTORS][pixels and images][16] */
    size_t apart;         /* from thread to thread */
} job;

static int64_t tap_count(const mapping *m)
{
    return m->rows.count * m->columns.count;
}

/* Words of one tap of a panel: [block][vector][16 pairs][16 outputs]. */
static int64_t tap_words(const job *j)
{
    return j->blocks * VECTORS * BF16_TILE;
}

static int64_t row_count(const mapping *m)
{
    return m->out_h * m->out_w * m->images;
}

/* Sums of a vector; there is room for rows that are summed without being there. */
static int64_t vector_floats(const job *j)
{
    return (row_count(j->m) + BF16_ROWS) * BF16_LANES;
}

static int64_t panel_floats(const job *j)
{
    return VECTORS * vector_floats(j);
}

/* Turning. */

static void turn_pixel(void *context, int64_t pixel, int thread)
{
    const job *j = context;
    const mapping *m = j->m;
    (void)thread;
    for (int64_t n = 0; n < m->images; n++) {
        bf16 *to = j->turned + (pixel * m->images + n) * j->step;
        int64_t at = (n * m->h * m->w + pixel) * m->pitch;
        const void *from = precision_at(j->source, m->source_kept, at);
        if (m->source_kept == PRECISION_BF16)
            memcpy(to, from, (size_t)m->channels * sizeof *to);
        else
            j->loops->convert(m->channels, from, to);
        memset(to + m->channels, 0, (size_t)(j->step - m->channels) * sizeof *to);
    }
}

/* Packing. */

/* 32 channels from K on of 16 outputs from FIRST on, of the tap that begins at WEIGHT. */
static void pack_block(const job *j, const float *weight, int64_t k, int64_t first,
                       uint32_t *to)
{
    static const float nothing[BF16_DEPTH];
    const mapping *m = j->m;
    const void *row[BF16_DEPTH];
    int64_t depth = m->channels - k < BF16_DEPTH ? m->channels - k : BF16_DEPTH;
    int64_t n = m->outputs - first < BF16_LANES ? m->outputs - first : BF16_LANES;
    if (n > 0) /* else all are missing */
        weight += k * m->weight_channel + first * m->weight_output;
    if (m->weight_channel == 1) {
        for (int64_t o = 0; o < BF16_LANES; o++)
            row[o] = o < n ? weight + o * m->weight_output : nothing;
        j->loops->pack(row, depth, to);
        return;
    }
    for (int64_t i = 0; i < BF16_DEPTH; i++)
        row[i] = i < depth && n > 0 ? weight + i * m->weight_channel : nothing;
    j->loops->zip(row, PRECISION_F32, n > 0 ? n : BF16_LANES, to);
}

/* COUNT panels from FIRST on, side by side: their rows are read together. */
static void pack_tap(const job *j, int64_t first, int64_t count, int64_t tap,
                     uint32_t *to)
{
    const mapping *m = j->m;
    const float *weight = j->weight + m->rows.weight[tap / m->columns.count] +
                          m->columns.weight[tap % m->columns.count];
    for (int64_t b = 0; b < j->blocks; b++)
        for (int64_t i = 0; i < VECTORS * count; i++)
            pack_block(j, weight, b * BF16_DEPTH, first * WIDTH + i * BF16_LANES,
                       to + i / VECTORS * tap_words(j) +
                           (b * VECTORS + i % VECTORS) * BF16_TILE);
}

static void pack_task(void *context, int64_t panel, int thread)
{
    const job *j = context;
    uint32_t *to = j->packed + panel * tap_count(j->m) * tap_words(j);
    (void)thread;
    for (int64_t tap = 0; tap < tap_count(j->m); tap++, to += tap_words(j))
        pack_tap(j, panel, 1, tap, to);
}

/* Products. */

/* Adds the products of COUNT rows of X with WORDS to the sums of rows ROW.. */
static void add_rows(const job *j, const bf16 *x, int64_t count, const uint32_t *words,
                     float *sums, int64_t row)
{
    int64_t vector = vector_floats(j);
    float rest[VECTORS][BF16_TILE] __attribute__((aligned(64)));
    bf16_multiply t = {.blocks = j->blocks,
                       .vectors = VECTORS,
                       .x_step = j->step,
                       .x_offset = j->offset,
                       .pairs = j->pairs,
                       .w = {words, words + BF16_TILE},
                       .w_row = BF16_LANES,
                       .w_block = VECTORS * BF16_TILE,
                       .add = true};
    for (int64_t i = 0; i < count; i += BF16_LANES) {
        int64_t n = count - i < BF16_LANES ? count - i : BF16_LANES;
        size_t bytes = (size_t)(n * BF16_LANES) * sizeof(float);
        t.x = x + i * j->step;
        t.rows = BF16_LANES;
        for (int v = 0; v < VECTORS; v++) {
            float *sum = sums + v * vector + (row + i) * BF16_LANES;
            /* Rows behind the last one belong to other pixels. */
            t.sum[0][v] = n < BF16_LANES ? memcpy(rest[v], sum, bytes) : sum;
        }
        j->loops->multiply(&t);
        for (int v = 0; v < VECTORS && n < BF16_LANES; v++)
            memcpy(sums + v * vector + (row + i) * BF16_LANES, rest[v], bytes);
    }
}

/* sums += the products of one tap, packed in WORDS. */
static void add_tap(const job *j, int64_t tap, const uint32_t *words, float *sums)
{
    const mapping *m = j->m;
    int64_t n = m->images, row = tap / m->columns.count, column = tap % m->columns.count;
    reach h = shift_reach(&m->rows, row, m->h, m->out_h);
    reach w = shift_reach(&m->columns, column, m->w, m->out_w);
    int64_t x = w.first + m->columns.place[column], count = (w.last - w.first) * n;
    int64_t lines = h.last - h.first;
    if (w.last - w.first == m->out_w && m->out_w == m->w) {
        count *= lines;
        lines = lines > 0 ? 1 : 0;
    }
    for (int64_t i = 0; i < lines; i++) {
        int64_t y = h.first + i + m->rows.place[row];
        add_rows(j, j->turned + (y * m->w + x) * n * j->step, count, words, sums,
                 ((h.first + i) * m->out_w + w.first) * n);
    }
}

static void put_sums(const job *j, int64_t panel, const float *sums)
{
    const mapping *m = j->m;
    int64_t image = m->out_h * m->out_w;
    bf16_finish f = {.rows = m->images,
                     .rectify = j->tail->rectify,
                     .slope = j->tail->slope,
                     .accumulate = j->accumulate,
                     .kept = m->y_kept,
                     .y_step = image * m->y_pixel,
                     .residual_step = image * j->tail->residual_pitch};
    for (int v = 0; v < VECTORS; v++) {
        int64_t first = panel * WIDTH + v * BF16_LANES, left = m->outputs - first;
        f.outputs = left < BF16_LANES ? left : BF16_LANES;
        f.scale = j->scale + first;
        f.shift = j->shift + first;
        for (int64_t pixel = 0; left > 0 && pixel < image; pixel++) {
            f.sum = sums + v * vector_floats(j) + pixel * m->images * BF16_LANES;
            f.y = precision_write_at(j->y, m->y_kept, pixel * m->y_pixel + first);
            if (j->tail->residual)
                f.residual = j->tail->residual + pixel * j->tail->residual_pitch + first;
            j->loops->finish(&f);
        }
    }
}

static void group_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    int64_t first = task * j->group, left = j->panels - first, taps = tap_count(j->m);
    int64_t count = left < j->group ? left : j->group;
    uint32_t *own = room_of(j->words, j->apart, thread);
    float *sums = room_of(j->sums, j->apart, thread);
    memset(sums, 0, (size_t)(count * panel_floats(j)) * sizeof *sums);
    j->loops->enter();
    for (int64_t tap = 0; tap < taps; tap++) {
        if (!j->prepared)
            pack_tap(j, first, count, tap, own);
        for (int64_t i = 0; i < count; i++) {
            const uint32_t *words =
                j->prepared ? j->prepared + ((first + i) * taps + tap) * tap_words(j)
                            : own + i * tap_words(j);
            add_tap(j, tap, words, sums + i * panel_floats(j));
        }
    }
    for (int64_t i = 0; i < count; i++)
        put_sums(j, first + i, sums + i * panel_floats(j));
    j->loops->leave();
}

/* Making. */

static void job_shape(job *j)
{
    const mapping *m = j->m;
    j->loops = bf16_loops_get();
    j->panels = (m->outputs - 1) / WIDTH + 1;
    j->blocks = (m->channels - 1) / BF16_DEPTH + 1;
    j->group = j->panels / (TASKS_EACH * cpu_threads());
    if (j->group < 1 || m->weight_channel == 1)
        j->group = 1;
    j->group = j->group > GROUP_MOST ? GROUP_MOST : j->group;
    /* An odd number of lines of the cache. */
    j->step = (j->blocks | 1) * BF16_DEPTH;
}

/* Lays J out in S, and runs it there where S is more than a measure. */
static void mapping_run(job *j, scratch *s)
{
    const mapping *m = j->m;
    job_shape(j);
    j->turned = scratch_take(s, (m->h * m->w * m->images + BF16_ROWS) * j->step,
                             sizeof *j->turned);
    j->offset = scratch_take(s, j->blocks, sizeof *j->offset);
    j->pairs = scratch_take(s, j->blocks, sizeof *j->pairs);
    j->scale = scratch_floats(s, j->panels * WIDTH);
    j->shift = scratch_floats(s, j->panels * WIDTH);
    size_t used = s->used;
    j->words = scratch_take(s, j->group * tap_words(j), sizeof *j->words);
    j->sums = scratch_floats(s, j->group * panel_floats(j));
    j->apart = scratch_rooms(s, used);
    if (!s->base)
        return;
    for (int64_t b = 0; b < j->blocks; b++) {
        int64_t left = m->channels - b * BF16_DEPTH;
        j->offset[b] = b * BF16_DEPTH;
        j->pairs[b] = ((left < BF16_DEPTH ? left : BF16_DEPTH) + 1) / 2;
    }
    memset(j->turned + m->h * m->w * m->images * j->step, 0,
           (size_t)(BF16_ROWS * j->step) * sizeof *j->turned);
    finish_spread(j->tail, j->bias, m->outputs, 1, j->panels * WIDTH, j->scale, j->shift);
    parallel_for(m->h * m->w, turn_pixel, j);
    parallel_for((j->panels - 1) / j->group + 1, group_task, j);
}

static size_t mapping_scratch(const mapping *m)
{
    scratch s = {0};
    mapping_run(&(job){.m = m}, &s);
    return s.used;
}

/* The row of algorithm.h. */

static bool suits(const convolution *v, const float *weight)
{
    return algorithm_shift.suits(v, weight);
}

/* Tiles multiply zeros faster than others leave them out. */
static bool pays(const convolution *v, const float *weight, algorithm_task task)
{
    return cpu_has_bf16() && cpu_get_level() < CPU_AMX &&
           algorithm_shift_kept.pays(v, weight, task);
}

static size_t prepared_bytes(const convolution *v, const float *weight)
{
    mapping m;
    (void)weight;
    mapping_forward(&m, v);
    job j = {.m = &m};
    job_shape(&j);
    return (size_t)(j.panels * tap_count(&m) * tap_words(&j)) * sizeof(uint32_t);
}

static void prepare(const convolution *v, const float *weight, void *prepared)
{
    mapping m;
    mapping_forward(&m, v);
    job j = {.m = &m, .weight = weight, .packed = prepared};
    job_shape(&j);
    parallel_for(j.panels, pack_task, &j);
}

static size_t forward_scratch(const convolution *v)
{
    mapping m;
    mapping_forward(&m, v);
    return mapping_scratch(&m);
}

static void forward(const convolution *v, const float *x, const void *prepared,
                    const float *bias, const finish *tail, float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    mapping_run(&(job){.m = &m,
                       .source = x,
                       .prepared = prepared,
                       .bias = bias,
                       .tail = tail,
                       .y = y},
                &(scratch){.base = block});
}

static void forward_once(const convolution *v, const float *x, const float *weight,
                         const float *bias, const finish *tail, float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    mapping_run(
        &(job){
            .m = &m, .source = x, .weight = weight, .bias = bias, .tail = tail, .y = y},
        &(scratch){.base = block});
}

static size_t gradient_scratch(const convolution *v)
{
    mapping m;
    mapping_backward(&m, v, 0, 0);
    return mapping_scratch(&m);
}

static void grad_input(const convolution *v, const float *grad_y, const float *weight,
                       float *grad_x, bool accumulate, void *block)
{
    static const finish nothing = {0};
    mapping m;
    mapping_backward(&m, v, 0, 0);
    mapping_run(&(job){.m = &m,
                       .source = grad_y,
                       .weight = weight,
                       .tail = &nothing,
                       .y = grad_x,
                       .accumulate = accumulate},
                &(scratch){.base = block});
}

const algorithm algorithm_shift_pairs = {
    .name = "shift-pairs",
    .precision = PRECISION_BF16,
    .suits = suits,
    .pays = pays,
    .prepared_bytes = prepared_bytes,
    .prepare = prepare,
    .scratch_bytes = forward_scratch,
    .forward = forward,
    .once_scratch = forward_scratch,
    .forward_once = forward_once,
    .gradient_scratch = gradient_scratch,
    .grad_input = grad_input,
};
