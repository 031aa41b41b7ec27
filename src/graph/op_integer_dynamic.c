/* SPDX-License-Identifier: GPL-3.0-or-later
   op_integer_dynamic.c -- conv2d and linear whose f32 input becomes codes at every run, each
   sample with a format of its own; the products are those of kernel/integer_method.
   Nothing here allocates. */
#include "graph/op_integer.h"

#include "kernel/integer_method.h"
#include "kernel/scratch.h"

bool integer_is_dynamic(const node *n)
{
    return n->attr.input_bits > 0;
}

bool integer_can_be_dynamic(const node *n)
{
    return n->op == &op_conv2d || n->op == &op_linear;
}

/* Samples that are multiplied at once, at most. */
enum { DYNAMIC_SAMPLES = 256 };

/* Memory of a run. */
typedef struct dynamic_work {
    int8_t *codes;            /* of the whole input */
    float *multiplier, *bias; /* [output channels] */
    char *rest;               /* the method's */
} dynamic_work;

static dynamic_work cut_work(const operation *op, scratch *s)
{
    const int64_t channels = op->out.dim[op->out.rank - 1];
    dynamic_work w;
    w.codes = scratch_take(s, shape_count(op->in[0]), sizeof *w.codes);
    w.multiplier = scratch_floats(s, channels);
    w.bias = scratch_floats(s, channels);
    w.rest = s->base ? s->base + s->used : NULL;
    return w;
}

/* C for COUNT of the samples: those of a linear layer are pixels, side by side. */
static integer_conv part_of(const operation *op, const integer_conv *c, int64_t count)
{
    const int64_t samples = op->in[0].dim[0];
    integer_conv part = *c;
    if (op->node->op == &op_linear)
        part.width = part.out_width = c->width / samples * count;
    else
        part.batch = count;
    return part;
}

/* How many samples run at once is not known before: room for each number of them. */
size_t integer_dynamic_scratch(const operation *op, const integer_conv *c,
                               const integer_method *m)
{
    const int64_t samples = op->in[0].dim[0];
    scratch s = {0};
    size_t most = 0;
    cut_work(op, &s);
    for (int64_t count = 1; count <= samples && count <= DYNAMIC_SAMPLES; count++) {
        integer_conv part = part_of(op, c, count);
        size_t bytes = m->scratch_bytes(&part);
        most = bytes > most ? bytes : most;
    }
    return s.used + most;
}

/* The codes of sample I; its format. */
static integer_format encode_sample(const operation *op, int64_t i, const dynamic_work *w)
{
    const attributes *a = &op->node->attr;
    const int64_t n = shape_count(op->in[0]) / op->in[0].dim[0];
    const float *x = (const float *)op->x[0] + i * n;
    float low, high;
    integer_extremes(x, n, &low, &high);
    integer_format f =
        integer_format_for((double)low, (double)high, a->input_bits, a->input_symmetric);
    integer_quantize(x, n, f, w->codes + i * n);
    return f;
}

/* The sums of COUNT samples from the first on, which share zero point ZERO, to y's memory.
   All that is prepared is the same for any number of samples. */
static void multiply_samples(const operation *op, const integer_conv *c, int32_t zero,
                             int64_t first, int64_t count, const dynamic_work *w,
                             const void *prepared, const integer_method *m)
{
    const int64_t samples = op->in[0].dim[0];
    integer_conv part = part_of(op, c, count);
    part.in.zero = zero;
    part.x = w->codes + first * (shape_count(op->in[0]) / samples);
    part.sums = (int32_t *)op->y + first * (shape_count(op->out) / samples);
    m->run(&part, prepared, w->rest);
}

/* The sums of sample I to real numbers. */
static void scale_sample(const operation *op, const integer_conv *c, int64_t i,
                         float input_scale, const dynamic_work *w)
{
    const int64_t channels = c->out_channels;
    const int64_t each = shape_count(op->out) / op->out.dim[0];
    float *y = (float *)op->y + i * each;
    for (int64_t o = 0; o < channels; o++)
        w->multiplier[o] =
            integer_multiplier((double)input_scale *
                               (double)c->weight_scale[c->weight_channels == 1 ? 0 : o]);
    integer_scale_sums(each / channels, channels, (const int32_t *)op->y + i * each,
                       w->multiplier, w->bias, y);
}

void integer_dynamic_run(const operation *op, const integer_conv *c,
                         const integer_method *m, const void *prepared, void *memory)
{
    scratch s = {.base = memory};
    const dynamic_work w = cut_work(op, &s);
    const parameter *bias = op->parameters[ROLE_BIAS];
    for (int64_t o = 0; o < c->out_channels; o++)
        w.bias[o] = bias ? tensor_f32(bias->data)[o] : 0.0f;
    const int64_t samples = op->in[0].dim[0];
    float scale[DYNAMIC_SAMPLES];
    for (int64_t first = 0, count; first < samples; first += count) {
        integer_format next = encode_sample(op, first, &w);
        const int32_t zero = next.zero;
        count = 0;
        while (next.zero == zero) {
            scale[count++] = next.scale;
            if (first + count == samples || count == DYNAMIC_SAMPLES)
                break;
            next = encode_sample(op, first + count, &w);
        }
        multiply_samples(op, c, zero, first, count, &w, prepared, m);
        for (int64_t i = 0; i < count; i++)
            scale_sample(op, c, first + i, scale[i], &w);
    }
}
