/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_prepare.c -- weights, biases and scales of a convolution on codes in the order
   that its kernel reads.  Nothing here looks at x or allocates. */
#include <string.h>

#include "base/parallel.h"
#include "kernel/integer_layout.h"
#include "kernel/scratch.h"

/* Behind the header, in `prepared`. */
typedef struct header {
    int32_t affine;
} header;

/* With u = q_x + offset, V = Z_x + offset and all sums modulo 2^32, where the true one
   fits:
     sum (q_w - Z_w) (q_x - Z_x) = sum q_w u - V sum q_w - Z_w (sum u - taps V).
   Where Z_x is not known yet (to_sums), V is the offset alone, and Z_x times the total,
   sum q_w - Z_w, is still to be taken off. */
typedef struct packing {
    const integer_layout *layout;
    header *header;
    float *multiplier;
    int32_t *shift, *zero, *total, *tap_total;
    char *weight;
    size_t block_bytes, bytes;
} packing;

static packing packing_of(const integer_layout *l, void *prepared)
{
    packing p = {.layout = l};
    scratch s = {.base = prepared};
    int64_t lanes = l->conv.groups * l->blocks * INTEGER_LANES;
    int64_t taps = l->runs * l->run_steps * l->form.unit;
    p.header = scratch_take(&s, 1, sizeof *p.header);
    p.multiplier = scratch_floats(&s, lanes);
    p.shift = scratch_take(&s, lanes, sizeof *p.shift);
    p.zero = scratch_take(&s, lanes, sizeof *p.zero);
    p.total = scratch_take(&s, l->conv.to_sums ? lanes : 0, sizeof *p.total);
    p.tap_total = scratch_take(
        &s, integer_layout_padding_counts(l) ? l->taps[0] * l->taps[1] * lanes : 0,
        sizeof *p.tap_total);
    p.weight = scratch_take(&s, lanes * taps, (size_t)l->form.element);
    p.block_bytes = (size_t)(INTEGER_LANES * taps * l->form.element);
    p.bytes = s.used;
    return p;
}

size_t integer_layout_prepared_bytes(const integer_layout *l)
{
    return packing_of(l, NULL).bytes;
}

integer_prepared integer_layout_prepared(const integer_layout *l, const void *prepared)
{
    packing p = packing_of(l, (void *)prepared); /* only read */
    return (integer_prepared){.affine = p.header->affine != 0,
                              .multiplier = p.multiplier,
                              .shift = p.shift,
                              .zero = p.zero,
                              .total = p.total,
                              .tap_total = p.tap_total,
                              .weight = p.weight,
                              .block_bytes = p.block_bytes};
}

/* N taps of one output from tap K of a run on: lane LANE of the run's words. */
static void put_taps(const integer_layout *l, char *run, int64_t lane, int64_t k,
                     const int8_t *weight, int64_t n, int32_t zero)
{
    const int64_t word = 4 * INTEGER_LANES; /* bytes of a word of all lanes */
    if (l->form.element == 1) {
        for (int64_t i = 0; i < n; i++, k++)
            run[k / 4 * word + lane * 4 + k % 4] = weight[i];
        return;
    }
    for (int64_t i = 0; i < n; i++, k++) {
        int16_t code = (int16_t)(weight[i] - zero);
        memcpy(run + k / 2 * word + lane * 4 + k % 2 * 2, &code, sizeof code);
    }
}

/* Output OUT of the whole convolution for pixel SUB of a fold; returns sum q_w. */
static int64_t pack_output(const packing *p, int64_t out, int64_t sub, int32_t zero,
                           char *block, int64_t lane, int32_t *tap_total, int64_t lanes)
{
    const integer_layout *l = p->layout;
    const integer_conv *c = &l->conv;
    int64_t run_bytes = l->run_steps * l->form.unit * INTEGER_LANES * l->form.element,
            sum = 0;
    for (int64_t ky = 0; ky < l->taps[0]; ky++)
        for (int64_t kx = 0; kx < l->taps[1]; kx++) {
            int64_t tap = (out * c->kernel[0] + l->tap_first[0] + ky) * c->kernel[1] +
                          l->tap_first[1] + kx;
            const int8_t *weight = c->weight + tap * l->depth;
            if (l->patches)
                put_taps(l, block, lane, (ky * l->taps[1] + kx) * l->depth, weight,
                         l->depth, zero);
            else
                put_taps(l, block + ky * run_bytes, lane, (kx + sub) * l->depth, weight,
                         l->depth, zero);
            int32_t own = 0;
            for (int64_t i = 0; i < l->depth; i++)
                own += weight[i];
            sum += own;
            if (tap_total)
                tap_total[(ky * l->taps[1] + kx) * lanes] = own;
        }
    return sum;
}

static void pack_lane(const packing *p, int64_t block, int64_t lane)
{
    const integer_layout *l = p->layout;
    const integer_conv *c = &l->conv;
    int64_t at = block * INTEGER_LANES + lane, group = block / l->blocks;
    int64_t own = block % l->blocks * INTEGER_LANES + lane;
    p->multiplier[at] = 0.0f;
    p->shift[at] = p->zero[at] = 0;
    if (c->to_sums)
        p->total[at] = 0;
    const int64_t lanes = c->groups * l->blocks * INTEGER_LANES;
    int32_t *tap_total = integer_layout_padding_counts(l) ? p->tap_total + at : NULL;
    for (int64_t tap = 0; tap_total && tap < l->taps[0] * l->taps[1]; tap++)
        tap_total[tap * lanes] = 0;
    if (own >= l->lanes)
        return;
    int64_t out = group * l->outputs + own % l->outputs;
    int64_t which = c->weight_channels == 1 ? 0 : out;
    int32_t zero = c->weight_zero[which];
    int64_t sum =
        pack_output(p, out, own / l->outputs, zero,
                    p->weight + (size_t)block * p->block_bytes, lane, tap_total, lanes);
    p->multiplier[at] = integer_multiplier(
        (double)c->in.scale * (double)c->weight_scale[which] / (double)c->out.scale);
    p->shift[at] = c->bias && !c->to_sums ? c->bias[out] : 0;
    if (l->form.element != 1)
        return;
    uint32_t offset = (uint32_t)((c->to_sums ? 0 : c->in.zero) + l->form.offset);
    uint32_t taps = (uint32_t)(l->taps[0] * l->taps[1] * l->depth);
    if (c->to_sums)
        p->total[at] = (int32_t)((uint32_t)sum - (uint32_t)zero * taps);
    p->shift[at] = (int32_t)((uint32_t)p->shift[at] - offset * (uint32_t)sum +
                             (uint32_t)zero * taps * offset);
    p->zero[at] = zero;
}

static void pack_block(void *context, int64_t block, int thread)
{
    const packing *p = context;
    (void)thread;
    memset(p->weight + (size_t)block * p->block_bytes, 0, p->block_bytes);
    for (int64_t lane = 0; lane < INTEGER_LANES; lane++)
        pack_lane(p, block, lane);
}

void integer_layout_prepare(const integer_layout *l, void *prepared)
{
    packing p = packing_of(l, prepared);
    p.header->affine = 0;
    for (int64_t i = 0; l->form.element == 1 && i < l->conv.weight_channels; i++)
        p.header->affine |= l->conv.weight_zero[i] != 0;
    parallel_for(l->conv.groups * l->blocks, pack_block, &p);
}
