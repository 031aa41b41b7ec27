/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16.c -- convolution with operands rounded to bf16, and its gradient by the input, both
   as mappings: tiles of the source are copied, rounded, and multiplied with packed
   weights.  Every tile depends on shapes alone. */
#include "kernel/bf16.h"

#include "base/cpu.h"
#include "base/parallel.h"
#include "kernel/algorithm.h"
#include "kernel/depthwise.h"

enum { TASKS_WANTED = 32, PANEL_OUTPUTS = 2 * BF16_LANES };

typedef struct job {
    const mapping *m;
    const bf16_loops *loops;
    const finish *tail;
    bf16_layout layout;
    const void *source;
    const uint32_t *packed;
    void *y;
    bool accumulate;
    float *scale, *shift; /* [panels * 32] */
    int64_t *offset, *pairs;
    bf16 *copies;   /* of all tiles where a task has some panels only; else by thread */
    size_t apart;   /* from thread to thread */
    int64_t groups; /* of panels */
} job;

const bf16_loops *bf16_loops_get(void)
{
    cpu_level level = cpu_get_level();
    if (level >= CPU_AMX && cpu_has_bf16() && bf16_amx)
        return bf16_amx;
    if (cpu_has_bf16() && bf16_dot)
        return bf16_dot;
    if (level >= CPU_AVX512 && bf16_avx512)
        return bf16_avx512;
    return level >= CPU_AVX2 && bf16_avx2 ? bf16_avx2 : bf16_scalar;
}

/* Finishing. */

/* ROWS neighbours of a line, from output FIRST on (of a merged pixel). */
typedef struct piece {
    int64_t line, pixel, rows; /* pixel: not merged */
    int64_t first, outputs;
    const float *sum;
} piece;

static void put_piece(const job *j, const piece *p, int64_t first, int64_t outputs,
                      int64_t pixel)
{
    const mapping *m = j->m;
    const finish *t = j->tail;
    int64_t at = p->line * m->out_w + pixel;
    bf16_finish f = {
        .rows = p->rows,
        .outputs = outputs,
        .sum = p->sum + first % BF16_LANES,
        .scale = j->scale + first,
        .shift = j->shift + first,
        .rectify = t->rectify,
        .slope = t->slope,
        .accumulate = j->accumulate,
        .kept = m->y_kept,
        .y_step = j->layout.merge * m->y_pixel,
    };
    int64_t place = p->line / m->out_h * m->y_image + p->line % m->out_h * m->y_row +
                    pixel * m->y_pixel + (j->layout.merge == 1 ? first : 0);
    f.y = precision_write_at(j->y, m->y_kept, place);
    if (t->residual) {
        f.residual =
            t->residual + at * t->residual_pitch + (j->layout.merge == 1 ? first : 0);
        f.residual_step = j->layout.merge * t->residual_pitch;
    }
    j->loops->finish(&f);
}

/* Merged pixels whose outputs do not lie side by side, or that stick out of the line, are
   put one by one. */
static void put_merged(const job *j, const piece *p)
{
    const mapping *m = j->m;
    bool together = m->y_pixel == m->outputs &&
                    (!j->tail->residual || j->tail->residual_pitch == m->outputs);
    int64_t last = p->pixel + (p->rows - 1) * j->layout.merge; /* of its first output */
    int64_t there = m->out_w - last;
    if (together && there >= j->layout.merge) {
        put_piece(j, p, 0, j->layout.merge * m->outputs, p->pixel);
        return;
    }
    if (there < j->layout.merge && p->rows > 1) {
        piece most = *p, rest = *p;
        most.rows--;
        rest.rows = 1;
        rest.pixel = last;
        rest.sum += most.rows * BF16_LANES;
        put_merged(j, &most);
        put_merged(j, &rest);
        return;
    }
    for (int64_t q = 0; q < j->layout.merge && p->pixel + q < m->out_w; q++)
        put_piece(j, p, q * m->outputs, m->outputs, p->pixel + q);
}

/* The sums [vector][32][16] of pixels START.. of a flow for one panel. */
static void put(const job *j, const bf16_flow *flow, int64_t start, int64_t count,
                int64_t panel, const float *sums)
{
    const bf16_layout *l = &j->layout;
    int vectors = bf16_panel_vectors(l, panel);
    for (int64_t done = 0; done < count;) {
        int64_t f = flow->first + start + done, at = f % l->line;
        int64_t rows = (at < l->line_pixels ? l->line_pixels : l->line) - at;
        rows = rows < count - done ? rows : count - done;
        piece p = {
            .line = flow->line + f / l->line, .pixel = at * l->merge, .rows = rows};
        for (int v = 0; at < l->line_pixels && v < vectors; v++) {
            int64_t first = panel * PANEL_OUTPUTS + v * BF16_LANES;
            int64_t left = j->m->outputs - first;
            p.sum = sums + (v * BF16_ROWS + done) * BF16_LANES;
            if (l->merge > 1)
                put_merged(j, &p);
            else
                put_piece(j, &p, first, left < BF16_LANES ? left : BF16_LANES, p.pixel);
        }
        done += rows;
    }
}

/* Products. */

static void multiply_flow(const job *j, const bf16_flow *flow, int64_t panel,
                          const bf16 *tile)
{
    const bf16_layout *l = &j->layout;
    float sums[2 * BF16_ROWS * BF16_LANES] __attribute__((aligned(64)));
    int vectors = bf16_panel_vectors(l, panel);
    const uint32_t *w = j->packed + bf16_panel_start(l, panel);
    void (*multiply)(const bf16_multiply *) =
        l->split ? j->loops->multiply_split : j->loops->multiply;
    bf16_multiply t = {
        .blocks = l->blocks,
        .vectors = vectors,
        .x_step = l->step,
        .x_offset = j->offset,
        .pairs = j->pairs,
        .w = {w, w + BF16_TILE},
        .w_row = BF16_LANES,
        .w_block = vectors * BF16_TILE,
        .sum = {{sums, sums + 2 * BF16_TILE}, {sums + BF16_TILE, sums + 3 * BF16_TILE}},
        .second = l->split,
    };
    for (int64_t i = 0; i < flow->count; i += BF16_ROWS) {
        t.rows = flow->count - i < BF16_ROWS ? flow->count - i : BF16_ROWS;
        t.x = tile + flow->x + i * l->step;
        multiply(&t);
        put(j, flow, i, t.rows, panel, sums);
    }
}

static void load_task(void *context, int64_t tile, int thread)
{
    const job *j = context;
    (void)thread;
    bf16_layout_load(&j->layout, j->loops, j->m->channels, j->source, tile,
                     j->copies + tile * j->layout.numbers);
}

static void multiply_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const bf16_layout *l = &j->layout;
    int64_t panels = bf16_panel_count(l), tile = task % l->count, group = task / l->count;
    bf16 *x = j->groups > 1 ? j->copies + tile * l->numbers
                            : room_of(j->copies, j->apart, thread);
    if (j->groups == 1)
        bf16_layout_load(l, j->loops, j->m->channels, j->source, tile, x);
    j->loops->enter();
    for (int64_t panel = panels * group / j->groups;
         panel < panels * (group + 1) / j->groups; panel++)
        for (int64_t i = 0; i < bf16_flow_count(l, tile); i++) {
            bf16_flow flow = bf16_flow_at(l, tile, i);
            multiply_flow(j, &flow, panel, x);
        }
    j->loops->leave();
}

static void layout_make(bf16_layout *l, const mapping *m)
{
    int64_t merge = bf16_merge(m, BF16_DEPTH, false);
    int64_t panels = (merge * m->outputs - 1) / PANEL_OUTPUTS + 1;
    bf16_layout_make(l, m, m->channels, merge, (TASKS_WANTED - 1) / panels + 1);
    bf16_layout_split(l, bf16_loops_get());
}

/* Few tiles are copied once for all; then groups of panels share each. */
static void job_make(job *j, scratch *s)
{
    bf16_layout *l = &j->layout;
    j->loops = bf16_loops_get();
    layout_make(l, j->m);
    int64_t panels = bf16_panel_count(l), most = TASKS_WANTED / l->count;
    j->groups = most > panels ? panels : most < 1 ? 1 : most;
    j->scale = scratch_floats(s, panels * PANEL_OUTPUTS);
    j->shift = scratch_floats(s, panels * PANEL_OUTPUTS);
    j->offset = scratch_take(s, l->blocks, sizeof *j->offset);
    j->pairs = scratch_take(s, l->blocks, sizeof *j->pairs);
    size_t used = s->used;
    j->copies =
        scratch_take(s, (j->groups > 1 ? l->count : 1) * l->numbers, sizeof *j->copies);
    j->apart = j->groups > 1 ? 0 : scratch_rooms(s, used);
}

static void job_run(job *j, const float *bias)
{
    bf16_layout_offsets(&j->layout, j->offset, j->pairs);
    finish_spread(j->tail, bias, j->m->outputs, j->layout.merge,
                  bf16_panel_count(&j->layout) * PANEL_OUTPUTS, j->scale, j->shift);
    if (j->groups > 1)
        parallel_for(j->layout.count, load_task, j);
    parallel_for(j->layout.count * j->groups, multiply_task, j);
}

/* The row of algorithm.h. */

static bool bf16_suits(const convolution *v, const float *weight)
{
    (void)weight;
    return !depthwise_is(v);
}

/* Turning pixels for the sums of a weight's gradient takes longer than the products of f32
   where these are few. */
static bool bf16_pays(const convolution *v, const float *weight, algorithm_task task)
{
    enum { PRODUCTS_LEAST = 64 }; /* of a pixel */
    (void)weight;
    return task != ALGORITHM_GRAD_WEIGHT ||
           v->kernel_h * v->kernel_w * v->c * v->out_c >= PRODUCTS_LEAST;
}

/* Bytes of one group's packed weights. */
static size_t packed_bytes(const mapping *m)
{
    bf16_layout l;
    layout_make(&l, m);
    return (size_t)bf16_packed_words(&l) * sizeof(uint32_t);
}

static size_t bf16_prepared_bytes(const convolution *v, const float *weight)
{
    mapping m;
    (void)weight;
    mapping_forward(&m, v);
    return (size_t)v->groups * packed_bytes(&m);
}

static void bf16_prepare(const convolution *v, const float *weight, void *prepared)
{
    mapping m;
    mapping_forward(&m, v);
    bf16_layout l;
    layout_make(&l, &m);
    for (int64_t group = 0; group < v->groups; group++)
        bf16_pack(&l, bf16_loops_get(), weight + group * m.outputs * m.weight_output,
                  (uint32_t *)prepared + group * bf16_packed_words(&l));
}

static size_t bf16_scratch(const convolution *v)
{
    mapping m;
    scratch s = {0};
    mapping_forward(&m, v);
    job_make(&(job){.m = &m}, &s);
    return s.used;
}

static void bf16_forward(const convolution *v, const float *x, const void *prepared,
                         const float *bias, const finish *tail, float *y, void *block)
{
    mapping m;
    mapping_forward(&m, v);
    for (int64_t group = 0; group < v->groups; group++) {
        int64_t output = group * m.outputs;
        finish part = *tail;
        part.scale = tail->scale ? tail->scale + output : NULL;
        part.shift = tail->shift ? tail->shift + output : NULL;
        part.residual = tail->residual ? tail->residual + output : NULL;
        job j = {.m = &m,
                 .source = precision_at(x, m.source_kept, group * m.channels),
                 .packed = (const uint32_t *)((const char *)prepared +
                                              (size_t)group * packed_bytes(&m)),
                 .tail = &part,
                 .y = precision_write_at(y, m.y_kept, output)};
        job_make(&j, &(scratch){.base = block});
        job_run(&j, bias ? bias + output : NULL);
    }
}

static size_t bf16_gradient_scratch(const convolution *v)
{
    mapping m;
    size_t most = bf16_weight_scratch(v);
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w; w++) {
            scratch s = {0};
            if (!mapping_backward(&m, v, h, w))
                continue;
            scratch_take(&s, 1, packed_bytes(&m));
            job_make(&(job){.m = &m}, &s);
            most = s.used > most ? s.used : most;
        }
    return most;
}

static void bf16_grad_input(const convolution *v, const float *grad_y,
                            const float *weight, float *grad_x, bool accumulate,
                            void *block)
{
    static const finish nothing = {0};
    mapping m;
    for (int64_t h = 0; h < v->stride_h; h++)
        for (int64_t w = 0; w < v->stride_w && mapping_backward(&m, v, h, w); w++)
            for (int64_t group = 0; group < v->groups; group++) {
                scratch s = {.base = block};
                uint32_t *packed = scratch_take(&s, 1, packed_bytes(&m));
                int64_t place = (h * v->w + w) * v->c + group * m.outputs;
                job j = {.m = &m,
                         .source =
                             precision_at(grad_y, m.source_kept, group * m.channels),
                         .packed = packed,
                         .tail = &nothing,
                         .y = precision_write_at(grad_x, m.y_kept, place),
                         .accumulate = accumulate};
                job_make(&j, &s);
                bf16_pack(&j.layout, j.loops,
                          weight + group * m.channels * m.weight_channel, packed);
                job_run(&j, NULL);
            }
}

const algorithm algorithm_bf16 = {
    .name = "pairs",
    .precision = PRECISION_BF16,
    .suits = bf16_suits,
    .pays = bf16_pays,
    .prepared_bytes = bf16_prepared_bytes,
    .prepare = bf16_prepare,
    .scratch_bytes = bf16_scratch,
    .forward = bf16_forward,
    .gradient_scratch = bf16_gradient_scratch,
    .grad_input = bf16_grad_input,
    .grad_weight = bf16_grad_weight,
};
