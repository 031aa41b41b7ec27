/* SPDX-License-Identifier: GPL-3.0-or-later
   bf16_pack.c -- weights rounded and packed in panels, pairs of k side by side.
   It multiplies nothing. */
#include <string.h>
#include "base/parallel.h"
#include "kernel/bf16.h"

typedef struct job {
    const bf16_layout *l;
    const bf16_loops *loops;
    const float *weight;
    uint32_t *packed;
} job;

static const float nothing[BF16_DEPTH];

static int64_t outputs_of(const bf16_layout *l)
{
    return l->merge * l->m->outputs;
}

int64_t bf16_panel_count(const bf16_layout *l)
{
    return (outputs_of(l) - 1) / (2 * BF16_LANES) + 1;
}

int bf16_panel_vectors(const bf16_layout *l, int64_t panel)
{
    return outputs_of(l) - panel * 2 * BF16_LANES > BF16_LANES ? 2 : 1;
}

int64_t bf16_panel_start(const bf16_layout *l, int64_t panel)
{
    return panel * 2 * BF16_TILE * l->blocks;
}

int64_t bf16_packed_words(const bf16_layout *l)
{
    int64_t last = bf16_panel_count(l) - 1;
    return bf16_panel_start(l, last) +
           bf16_panel_vectors(l, last) * BF16_TILE * l->blocks;
}

/* K.. of run R in the weight of output 0, and how many of them, up to 32, are channels of
   one tap, weight_channel apart. */
static const float *segment(const job *j, int64_t r, int64_t k, int64_t *count)
{
    const bf16_layout *l = j->l;
    const mapping *m = l->m;
    int64_t per_row = l->gathered ? 1 : l->runs / m->rows.count;
    int64_t a = r / per_row, b = r % per_row + k / m->channels, c = k % m->channels;
    if (l->gathered) {
        a = b / m->columns.count;
        b %= m->columns.count;
    }
    *count = m->channels - c < BF16_DEPTH ? m->channels - c : BF16_DEPTH;
    return j->weight + m->rows.weight[a] + m->columns.weight[b] + c * m->weight_channel;
}

/* FROM[i] = k + i of run R in the weight of output 0, i < DEPTH.  True where they are
   neighbours in memory. */
static bool find_weights(const job *j, int64_t r, int64_t k, int64_t depth,
                         const float *from[BF16_DEPTH])
{
    int64_t count, step = j->l->m->weight_channel;
    bool together = step == 1;
    for (int64_t i = 0; i < depth; i += count) {
        const float *at = segment(j, r, k + i, &count);
        count = count < depth - i ? count : depth - i;
        together &= i == 0 || at == from[0] + i;
        for (int64_t c = 0; c < count; c++)
            from[i + c] = at + c * step;
    }
    return together;
}

/* Block of run R from K, where each pixel has its own outputs FIRST.. . */
static void pack_block(const job *j, int64_t r, int64_t k, int64_t first, uint32_t *to)
{
    const mapping *m = j->l->m;
    const float *from[BF16_DEPTH];
    const void *row[BF16_DEPTH];
    int64_t left = m->outputs - first, n = left < BF16_LANES ? left : BF16_LANES;
    int64_t rest = j->l->run_length - k, depth = rest < BF16_DEPTH ? rest : BF16_DEPTH;
    first *= m->weight_output;
    if (find_weights(j, r, k, depth, from)) {
        for (int64_t o = 0; o < BF16_LANES; o++)
            row[o] = o < n ? from[0] + first + o * m->weight_output : nothing;
        j->loops->pack(row, depth, to);
        return;
    }
    if (m->weight_output == 1) {
        for (int64_t i = 0; i < BF16_DEPTH; i++)
            row[i] = i < depth ? from[i] + first : nothing;
        j->loops->zip(row, PRECISION_F32, n, to);
        return;
    }
    float block[BF16_DEPTH][BF16_LANES] = {0};
    for (int64_t i = 0; i < BF16_DEPTH; i++) {
        row[i] = block[i];
        for (int64_t o = 0; i < depth && o < n; o++)
            block[i][o] = from[i][first + o * m->weight_output];
    }
    j->loops->zip(row, PRECISION_F32, BF16_LANES, to);
}

/* The same for merged pixels: pixel q's column b is at place q step_w + place[b]. */
static void pack_merged(const job *j, int64_t a, int64_t k, uint32_t *to)
{
    const bf16_layout *l = j->l;
    const mapping *m = l->m;
    float block[BF16_DEPTH][BF16_LANES] = {0};
    const void *row[BF16_DEPTH];
    for (int64_t i = 0; i < BF16_DEPTH; i++) {
        int64_t place = (k + i) / m->channels + m->columns.place[0];
        int64_t channel = (k + i) % m->channels;
        row[i] = block[i];
        for (int64_t q = 0; k + i < l->run_length && q < l->merge; q++)
            for (int64_t b = 0; b < m->columns.count; b++) {
                const float *from = j->weight + m->rows.weight[a] + m->columns.weight[b] +
                                    channel * m->weight_channel;
                if (q * m->step_w + m->columns.place[b] != place)
                    continue;
                for (int64_t o = 0; o < m->outputs; o++)
                    block[i][q * m->outputs + o] = from[o * m->weight_output];
            }
    }
    j->loops->zip(row, PRECISION_F32, BF16_LANES, to);
}

/* The same for two pixels of 8 outputs that each read their own: words
   [four k][output][2]. */
static void pack_split(const job *j, int64_t a, int64_t k, uint32_t *to)
{
    enum { STEP = 4, OUTPUTS = BF16_LANES / 2 };
    const mapping *m = j->l->m;
    const float *from[BF16_DEPTH];
    float block[BF16_DEPTH / STEP][OUTPUTS][STEP] = {0};
    int64_t rest = j->l->run_length - k, depth = rest < BF16_DEPTH ? rest : BF16_DEPTH;
    find_weights(j, a, k, depth, from);
    for (int64_t i = 0; i < depth; i++)
        for (int64_t o = 0; o < OUTPUTS; o++)
            block[i / STEP][o][i % STEP] = from[i][o * m->weight_output];
    j->loops->convert(BF16_DEPTH * OUTPUTS, **block, (bf16 *)to);
}

/* Block B of run R for one panel. */
static void pack_panel(const job *j, int64_t panel, int64_t r, int64_t b)
{
    const bf16_layout *l = j->l;
    int vectors = bf16_panel_vectors(l, panel);
    uint32_t *to = j->packed + bf16_panel_start(l, panel) +
                   (r * bf16_run_blocks(l) + b) * vectors * BF16_TILE;
    for (int v = 0; v < vectors; v++, to += BF16_TILE)
        if (l->split)
            pack_split(j, r, b * BF16_DEPTH, to);
        else if (l->merge > 1)
            pack_merged(j, r, b * BF16_DEPTH, to);
        else
            pack_block(j, r, b * BF16_DEPTH, (panel * 2 + v) * BF16_LANES, to);
}

static void panel_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    int64_t panel = task / j->l->runs, r = task % j->l->runs;
    (void)thread;
    for (int64_t b = 0; b < bf16_run_blocks(j->l); b++)
        pack_panel(j, panel, r, b);
}

static void block_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    int64_t blocks = bf16_run_blocks(j->l);
    (void)thread;
    for (int64_t panel = 0; panel < bf16_panel_count(j->l); panel++)
        pack_panel(j, panel, task / blocks, task % blocks);
}

void bf16_pack(const bf16_layout *l, const bf16_loops *loops, const float *weight,
               uint32_t *packed)
{
    job j = {.l = l, .loops = loops, .weight = weight, .packed = packed};
    /* In the order in which weights lie in memory. */
    if (l->m->weight_output == 1)
        parallel_for(l->blocks, block_task, &j);
    else
        parallel_for(bf16_panel_count(l) * l->runs, panel_task, &j);
}
