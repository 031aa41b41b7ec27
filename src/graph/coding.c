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
    dtype type;   /* of the codes: s8 or s32 */
    int64_t taps; /* elements of one output channel */
    void *codes;
    float *data;
} coding;

static coding coding_of(const quantizer *q, dtype type, shape s)
{
    int64_t rows = s.rank > 0 ? s.dim[0] : 1;
    return (coding){.q = q, .type = type, .taps = rows > 0 ? shape_count(s) / rows : 1};
}

static integer_format format_of(const coding *c, int64_t element)
{
    int64_t at = c->q->channels == 1 ? 0 : element / c->taps;
    integer_format f = {c->q->scale[at], c->q->zero_point[at], 0, 0};
    f.low = c->type == DTYPE_S8 ? integer_low(c->q->bits) : -INTEGER_SUM_MAX;
    f.high = c->type == DTYPE_S8 ? integer_high(c->q->bits) : INTEGER_SUM_MAX;
    return f;
}

/* Where the channel of element I ends, or the range. */
static int64_t channel_end(const coding *c, int64_t i, int64_t end)
{
    int64_t stop = (i / c->taps + 1) * c->taps;
    return stop < end ? stop : end;
}

static void encode_range(void *context, int64_t begin, int64_t end, int thread)
{
    const coding *c = context;
    int8_t *small = c->codes;
    int32_t *large = c->codes;
    (void)thread;
    for (int64_t i = begin; i < end;) {
        integer_format f = format_of(c, i);
        for (int64_t stop = channel_end(c, i, end); i < stop; i++) {
            int32_t q = integer_encode((double)c->data[i], f);
            if (c->type == DTYPE_S8)
                small[i] = (int8_t)q;
            else
                large[i] = q;
        }
    }
}

static void decode_range(void *context, int64_t begin, int64_t end, int thread)
{
    const coding *c = context;
    const int8_t *small = c->codes;
    const int32_t *large = c->codes;
    (void)thread;
    for (int64_t i = begin; i < end;) {
        integer_format f = format_of(c, i);
        for (int64_t stop = channel_end(c, i, end); i < stop; i++)
            c->data[i] = integer_decode(c->type == DTYPE_S8 ? small[i] : large[i], f);
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
