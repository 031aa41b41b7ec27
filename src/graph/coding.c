/* SPDX-License-Identifier: GPL-3.0-or-later
   coding.c -- parameters to codes and back, channel by channel.
   It chooses no scale: quantizers come from the caller. */
#include "graph/coding.h"

#include "base/parallel.h"
#include "kernel/integer.h"

#define GRAIN 65536

/* Codes and real numbers of one parameter; either is made from the other. */
typedef struct coding {
    const quantizer *q;
    dtype type;   /* of the codes: s8, s16 or s32 */
    int64_t taps; /* elements of one output channel */
    void *codes;
    float *data;
} coding;

static coding coding_of(const quantizer *q, dtype type, shape s)
{
    int64_t rows = s.rank > 0 ? s.dim[0] : 1;
    return (coding){.q = q, .type = type, .taps = rows > 0 ? shape_count(s) / rows : 1};
}

/* Which scale an element has. */
static int64_t scale_of(const coding *c, int64_t element)
{
    const quantizer *q = c->q;
    if (q->channels == 1)
        return 0;
    if (q->group == 0)
        return element / c->taps;
    int64_t groups = (c->taps + q->group - 1) / q->group;
    return element / c->taps * groups + element % c->taps / q->group;
}

static integer_format format_of(const coding *c, int64_t element)
{
    int64_t at = scale_of(c, element);
    integer_format f = {c->q->scale[at], c->q->zero_point[at], 0, 0};
    f.low = c->type == DTYPE_S32 ? -INTEGER_SUM_MAX : integer_low(c->q->bits);
    f.high = c->type == DTYPE_S32 ? INTEGER_SUM_MAX : integer_high(c->q->bits);
    return f;
}

/* Where the scale of element I ends, or the range. */
static int64_t scale_end(const coding *c, int64_t i, int64_t end)
{
    int64_t row = i / c->taps * c->taps, stop = row + c->taps;
    if (c->q->group > 0) {
        int64_t own = row + ((i - row) / c->q->group + 1) * c->q->group;
        stop = own < stop ? own : stop;
    }
    return stop < end ? stop : end;
}

/* The entry next to R of the codebook, which ascends; of two as near the lower. */
static int32_t nearest_entry(const quantizer *q, float r)
{
    int32_t low = 0, high = (1 << q->bits) - 1;
    while (high - low > 1) {
        int32_t middle = (low + high) / 2;
        if (q->codebook[middle] <= r)
            low = middle;
        else
            high = middle;
    }
    double below = (double)r - (double)q->codebook[low];
    double above = (double)q->codebook[high] - (double)r;
    return (below <= above ? low : high) + integer_low(q->bits);
}

static void put_code(const coding *c, int64_t i, int32_t q)
{
    if (c->type == DTYPE_S8)
        ((int8_t *)c->codes)[i] = (int8_t)q;
    else if (c->type == DTYPE_S16)
        ((int16_t *)c->codes)[i] = (int16_t)q;
    else
        ((int32_t *)c->codes)[i] = q;
}

static int32_t get_code(const coding *c, int64_t i)
{
    return c->type == DTYPE_S8    ? ((const int8_t *)c->codes)[i]
           : c->type == DTYPE_S16 ? ((const int16_t *)c->codes)[i]
                                  : ((const int32_t *)c->codes)[i];
}

static void encode_range(void *context, int64_t begin, int64_t end, int thread)
{
    const coding *c = context;
    (void)thread;
    for (int64_t i = begin; i < end;) {
        integer_format f = format_of(c, i);
        for (int64_t stop = scale_end(c, i, end); i < stop; i++)
            put_code(c, i,
                     c->q->codebook ? nearest_entry(c->q, c->data[i])
                                    : integer_encode((double)c->data[i], f));
    }
}

static void decode_range(void *context, int64_t begin, int64_t end, int thread)
{
    const coding *c = context;
    (void)thread;
    for (int64_t i = begin; i < end;) {
        integer_format f = format_of(c, i);
        for (int64_t stop = scale_end(c, i, end); i < stop; i++)
            c->data[i] = c->q->codebook
                             ? c->q->codebook[get_code(c, i) - integer_low(c->q->bits)]
                             : integer_decode(get_code(c, i), f);
    }
}

tensor *quantizer_decode(const quantizer *q, const tensor *codes, error *e)
{
    coding c = coding_of(q, tensor_dtype(codes), tensor_shape(codes));
    tensor *data = tensor_new(DTYPE_F32, tensor_shape(codes), e);
    c.data = data ? tensor_write_f32(data, e) : NULL;
    c.codes = (void *)tensor_data(codes); /* only read */
    if (c.data)
        parallel_range(tensor_count(codes), GRAIN, decode_range, &c);
    return data;
}

status parameter_encode(parameter *p, quantizer *q, dtype type, error *e)
{
    coding c = coding_of(q, type, tensor_shape(p->data));
    tensor *codes = tensor_new(type, tensor_shape(p->data), e);
    c.codes = codes ? tensor_write(codes, e) : NULL;
    c.data = (float *)tensor_f32(p->data); /* only read */
    if (c.codes)
        parallel_range(tensor_count(p->data), GRAIN, encode_range, &c);
    tensor *data = c.codes ? quantizer_decode(q, codes, e) : NULL;
    if (!data) {
        tensor_free(codes);
        quantizer_free(q);
        return E_MEMORY;
    }
    tensor_free(p->data);
    p->data = data;
    p->codes = codes;
    p->quantizer = q;
    return E_OK;
}
