/* SPDX-License-Identifier: GPL-3.0-or-later
   sparse_codes.c -- convolutions on codes whose weights are mostly zero: four consecutive
   channels are one word, and only words with a weight run over the pixels.  The bits are
   those that integer.h defines. */
#include "kernel/sparse.h"

#include <string.h>
#include "base/cpu.h"
#include "kernel/integer_loops.h"
#include "kernel/integer_method.h"
#include "kernel/scratch.h"
#include "kernel/sparse_parts.h"

enum { LANES_MOST = 16, OFFSET = 128 };

/* What is prepared behind the packed weights. */
typedef struct extra {
    uint32_t *starts;  /* of each list: minus what Z_x + OFFSET makes of it */
    int32_t *bias;     /* [outputs, and room for a vector] */
    float *multiplier; /* the same */
} extra;

typedef struct ending {
    const sparse_code_loops *loops;
    const integer_conv *c;
    extra more;
} ending;

static const sparse_code_loops *loops_get(void)
{
    if (cpu_get_level() >= CPU_VNNI && sparse_codes_vnni)
        return sparse_codes_vnni;
    return sparse_codes_scalar;
}

/* The convolution of words. */
static convolution words_of(const integer_conv *c)
{
    return (convolution){.n = c->batch,
                         .h = c->height,
                         .w = c->width,
                         .c = (c->channels + 3) / 4,
                         .out_h = c->out_height,
                         .out_w = c->out_width,
                         .out_c = c->out_channels,
                         .kernel_h = c->kernel[0],
                         .kernel_w = c->kernel[1],
                         .stride_h = c->stride[0],
                         .stride_w = c->stride[1],
                         .pad_h = c->padding[0],
                         .pad_w = c->padding[1],
                         .dilation_h = c->dilation[0],
                         .dilation_w = c->dilation[1],
                         .groups = 1};
}

static sparse_weights weights_of(const integer_conv *c, const convolution *v)
{
    return (sparse_weights){.v = v,
                            .codes = c->weight,
                            .code_channels = c->channels,
                            .zeros = c->weight_channels,
                            .zero = c->weight_zero};
}

/* Are all weights less their zero points codes again? */
static bool weights_fit(const integer_conv *c)
{
    int64_t each = c->kernel[0] * c->kernel[1] * c->channels;
    for (int64_t o = 0; o < c->out_channels; o++) {
        int32_t zero = c->weight_zero[c->weight_channels == 1 ? 0 : o];
        for (int64_t i = 0; zero != 0 && i < each; i++) {
            int32_t code = c->weight[o * each + i] - zero;
            if (code < INT8_MIN || code > INT8_MAX)
                return false;
        }
    }
    return true;
}

static bool suits(const integer_conv *c)
{
    sparse_shape s;
    convolution v = words_of(c);
    return c->groups == 1 && c->weight && !c->to_sums &&
           c->kernel[0] <= CONVOLUTION_KERNEL_MAX &&
           c->kernel[1] <= CONVOLUTION_KERNEL_MAX &&
           sparse_shape_make(&s, &v, loops_get()->lanes) && weights_fit(c);
}

static int64_t count_words(const integer_conv *c)
{
    int64_t count = 0;
    for (int64_t tap = 0; tap < c->out_channels * c->kernel[0] * c->kernel[1]; tap++) {
        const int8_t *code = c->weight + tap * c->channels;
        int64_t output = tap / (c->kernel[0] * c->kernel[1]);
        int32_t zero = c->weight_zero[c->weight_channels == 1 ? 0 : output];
        for (int64_t i = 0; i < c->channels; i += 4) {
            int64_t end = c->channels < i + 4 ? c->channels : i + 4, k = i;
            while (k < end && code[k] == zero)
                k++;
            count += k < end;
        }
    }
    return count;
}

/* A dense method multiplies so many codes in a cycle and fetches all weights. */
static bool pays(const integer_conv *c)
{
    const double by_amx = 280, by_vnni = 110, fetch = 0.07;
    sparse_shape s;
    convolution v = words_of(c);
    if (loops_get() == sparse_codes_scalar)
        return false;
    double weights = (double)(v.out_c * v.kernel_h * v.kernel_w * c->channels);
    double pixels = (double)(v.n * v.out_h * v.out_w);
    double dense = pixels / (cpu_get_level() >= CPU_AMX ? by_amx : by_vnni) + fetch;
    sparse_shape_make(&s, &v, loops_get()->lanes);
    return sparse_shape_cost(&s, (double)count_words(c)) < weights * dense;
}

/* What lies behind PACKED bytes of weights. */
static size_t extra_make(extra *more, const sparse_shape *s, const sparse_packed *head,
                         void *base, size_t packed)
{
    scratch memory = {.base = base, .used = packed};
    int64_t outputs = head->blocks * s->lanes + LANES_MOST;
    more->starts = scratch_take(&memory, head->blocks * head->chunks * head->lists,
                                sizeof *more->starts);
    more->bias = scratch_take(&memory, outputs, sizeof *more->bias);
    more->multiplier = scratch_floats(&memory, outputs);
    return memory.used;
}

static size_t prepared_bytes(const integer_conv *c)
{
    sparse_shape s;
    extra more;
    convolution v = words_of(c);
    sparse_weights w = weights_of(c, &v);
    sparse_shape_make(&s, &v, loops_get()->lanes);
    sparse_packed head = sparse_pack_head(&s, &w);
    sparse_view view;
    return extra_make(&more, &s, &head, NULL, sparse_view_make(&view, &head, NULL));
}

static int32_t code_sum(uint32_t codes)
{
    int32_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (int8_t)(codes >> 8 * i & 255);
    return sum;
}

static void prepare(const integer_conv *c, void *prepared)
{
    sparse_shape s;
    sparse_view view;
    extra more;
    convolution v = words_of(c);
    sparse_weights w = weights_of(c, &v);
    sparse_shape_make(&s, &v, loops_get()->lanes);
    sparse_pack(&s, &w, prepared);
    extra_make(&more, &s, prepared, prepared,
               sparse_view_make(&view, prepared, prepared));
    const sparse_packed *head = view.head;
    const uint32_t *word = view.words;
    for (int64_t i = 0; i < head->blocks * head->chunks * head->lists; i++) {
        more.starts[i] = 0;
        for (uint32_t k = 0; k < view.counts[i]; k++)
            more.starts[i] -= (uint32_t)(code_sum(*word++) * (c->in.zero + OFFSET));
    }
    for (int64_t o = 0; o < head->blocks * s.lanes + LANES_MOST; o++) {
        bool there = o < c->out_channels;
        double scale =
            there ? (double)c->weight_scale[c->weight_channels == 1 ? 0 : o] : 0;
        more.bias[o] = there && c->bias ? c->bias[o] : 0;
        more.multiplier[o] =
            there ? integer_multiplier((double)c->in.scale * scale / (double)c->out.scale)
                  : 0;
    }
}

/* Scratch memory, cut for W; *OUTSIDE [channels] are the codes around images. */
static size_t layout(sparse_work *w, void *block, int8_t **outside)
{
    scratch memory = {.base = block};
    *outside = scratch_take(&memory, w->channels, 1);
    return memory.used + sparse_work_layout(w, block ? memory.base + memory.used : NULL);
}

static size_t scratch_bytes(const integer_conv *c)
{
    sparse_work w = {.channels = c->channels};
    convolution v = words_of(c);
    int8_t *outside;
    sparse_shape_make(&w.shape, &v, loops_get()->lanes);
    return layout(&w, NULL, &outside);
}

static void sum_block(const sparse_work *w, int64_t block, const sparse_room *r)
{
    const ending *e = w->context;
    const sparse_packed *p = w->view.head;
    int64_t lists = block * p->chunks * p->lists;
    sparse_code_sum sum = {.words = w->view.words + w->view.starts[block],
                           .places = w->view.places + w->view.starts[block],
                           .counts = w->view.counts + lists,
                           .starts = e->more.starts + lists,
                           .lists = p->lists,
                           .x = r->x,
                           .vectors = w->shape.vectors,
                           .sums = (uint32_t *)r->sums + w->reach,
                           .sums_step = w->sums_step};
    for (int64_t chunk = 0; chunk < p->chunks; chunk++) {
        sum.add = chunk > 0;
        e->loops->sum(&sum);
        for (int64_t i = 0; i < p->lists; i++) {
            sum.words += sum.counts[i];
            sum.places += sum.counts[i];
        }
        sum.x += p->channels * sparse_channel_floats(&w->shape);
        sum.counts += p->lists;
        sum.starts += p->lists;
    }
}

/* The codes of one vector of pixels and the outputs of a block go to y. */
static void round_vector(const ending *e, int64_t output, int64_t outputs, int64_t lanes,
                         int32_t *sums, const int64_t *pixel)
{
    const integer_conv *c = e->c;
    _Alignas(64) int8_t codes[LANES_MOST * SPARSE_CODE_ROW];
    int64_t pitch = c->y_pitch ? c->y_pitch : c->out_channels;
    integer_loops_get()->round_tile(
        &(integer_rounding){.rows = lanes,
                            .lanes = SPARSE_CODE_ROW,
                            .sum = sums,
                            .multiplier = e->more.multiplier + output,
                            .out = c->out,
                            .map = c->map,
                            .codes = codes});
    for (int64_t i = 0; i < lanes; i++)
        if (pixel[i] >= 0)
            memcpy(c->y + pixel[i] * pitch + output, codes + i * SPARSE_CODE_ROW,
                   (size_t)outputs);
}

static void finish_block(const sparse_work *w, int64_t block, const sparse_room *r)
{
    const sparse_shape *s = &w->shape;
    const ending *e = w->context;
    int64_t output = block * s->lanes, left = s->outputs - output;
    _Alignas(64) int32_t sums[LANES_MOST * SPARSE_CODE_ROW] = {0};
    sparse_code_gather gather = {.sums_step = w->sums_step,
                                 .outputs = left < s->lanes ? left : s->lanes,
                                 .kinds = s->kinds,
                                 .shift = w->shift,
                                 .inside_step = s->width * s->rows_in,
                                 .bias = e->more.bias + output,
                                 .to = sums};
    sum_block(w, block, r);
    for (int64_t v = 0; v < s->vectors; v++) {
        gather.sums = (const uint32_t *)r->sums + w->reach + v * s->lanes;
        gather.inside = w->inside + v % s->parts * s->lanes;
        e->loops->gather(&gather);
        round_vector(e, output, gather.outputs, s->lanes, sums, r->pixel + v * s->lanes);
    }
}

static void run(const integer_conv *c, const void *prepared, void *block)
{
    ending e = {.loops = loops_get(), .c = c};
    convolution v = words_of(c);
    sparse_work w = {.x = (const char *)c->x,
                     .pitch = c->x_pitch ? c->x_pitch : c->channels,
                     .channels = c->channels,
                     .turn = e.loops->turn,
                     .finish = finish_block,
                     .context = &e};
    void *base = (void *)(uintptr_t)prepared; /* only read */
    int8_t *outside;
    sparse_shape_make(&w.shape, &v, e.loops->lanes);
    extra_make(&e.more, &w.shape, prepared, base,
               sparse_view_make(&w.view, prepared, base));
    layout(&w, block, &outside);
    memset(outside, (int8_t)c->in.zero, (size_t)c->channels);
    w.outside = (const char *)outside;
    sparse_work_run(&w);
}

const integer_method integer_method_sparse = {
    .name = "sparse",
    .suits = suits,
    .prepared_bytes = prepared_bytes,
    .prepare = prepare,
    .scratch_bytes = scratch_bytes,
    .run = run,
    .pays = pays,
};
