/* SPDX-License-Identifier: GPL-3.0-or-later
   support_codes.c -- one operation on random codes, by every method of its row, against
   the slow reference. */
#include "support_codes.h"

#include "support.h"
#include "support_integer.h"

#include <math.h>
#include <string.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "kernel/integer.h"

static quantizer *random_quantizer(random_stream *r, int bits, int64_t channels)
{
    quantizer *q =
        quantizer_new(bits, channels > 1 ? PER_CHANNEL : PER_TENSOR, channels, NULL);
    assert_non_null(q);
    for (int64_t c = 0; c < channels; c++) {
        q->scale[c] = (float)exp(random_between(r, -6, 1));
        q->zero_point[c] = (int32_t)(integer_low(bits) + random_below(r, 1 << bits));
    }
    return q;
}

static void random_codes(random_stream *r, int bits, int8_t *codes, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        codes[i] = (int8_t)(integer_low(bits) + random_below(r, 1 << bits));
}

void bench_begin(bench *b, const char *op, int bits, int inputs, const shape *shapes)
{
    random_stream r = b->random;
    *b = (bench){.random = r};
    b->node.name = (char *)op;
    b->node.op = operator_find(op);
    b->node.input_count = inputs;
    assert_non_null(b->node.op);
    for (int k = 0; k < inputs; k++) {
        int64_t n = shape_count(shapes[k]);
        b->in_shape[k] = shapes[k];
        b->x[k] = memory_new(n, 1, NULL);
        random_codes(&b->random, bits, b->x[k], n);
        b->in[k] = (value){DTYPE_S8, random_quantizer(&b->random, bits, 1), -1};
    }
    b->out = (value){DTYPE_S8, random_quantizer(&b->random, bits, 1), 0};
}

void bench_end(bench *b)
{
    for (int k = 0; k < b->node.input_count; k++) {
        memory_free(b->x[k]);
        quantizer_free(b->in[k].quantizer);
    }
    quantizer_free(b->out.quantizer);
    for (int i = 0; i < 2; i++) {
        parameter *p = i ? &b->bias : &b->weight;
        tensor_free(p->codes);
        quantizer_free(p->quantizer);
    }
}

/* Output and input read alike, as operators that move codes want it. */
void bench_same_format(bench *b)
{
    quantizer_free(b->out.quantizer);
    b->out.quantizer = quantizer_copy(b->in[0].quantizer, NULL);
}

operation bench_operation(const bench *b, void *y)
{
    operation op = {.node = &b->node,
                    .out = b->out_shape,
                    .y = y,
                    .out_value = &b->out,
                    .in_pitch = {b->in_pitch},
                    .out_pitch = b->out_pitch,
                    .tail.map = b->map,
                    .integer = true};
    for (int k = 0; k < b->node.input_count; k++) {
        op.in[k] = b->in_shape[k];
        op.x[k] = b->x[k];
        op.in_value[k] = &b->in[k];
    }
    op.parameters[ROLE_WEIGHT] = b->weight.codes ? &b->weight : NULL;
    op.parameters[ROLE_BIAS] = b->bias.codes ? &b->bias : NULL;
    return op;
}

/* METHOD as in the operator's row, its memory prepared; 0: prepared in the run. */
void bench_run_method(const bench *b, int method, int threads, int8_t *y)
{
    operation op = bench_operation(b, y);
    const operator_row *row = b->node.op;
    op.method = method;
    op.is_prepared = method > 0;
    cpu_set_threads(threads);
    void *prepared =
        method ? memory_new_raw((int64_t)row->methods->prepared_bytes(&op), 1, NULL)
               : NULL;
    size_t bytes = row->scratch_bytes ? row->scratch_bytes(&op) : 0;
    op.scratch = memory_new_raw((int64_t)bytes + 1, 1, NULL);
    op.prepared = prepared;
    if (method)
        row->methods->prepare(&op, prepared);
    row->forward_s8(&op);
    memory_free(op.scratch);
    memory_free(prepared);
    cpu_set_threads(0);
}

void bench_run(const bench *b, int threads, int8_t *y)
{
    bench_run_method(b, 0, threads, y);
}

/* NULL beyond the last; 0 is none of them. */
const char *bench_method_name(const bench *b, int method)
{
    operation op = bench_operation(b, NULL);
    const operator_methods *methods = b->node.op->methods;
    return method == 0 ? "itself" : methods ? methods->name(&op, method) : NULL;
}

bool bench_method_suits(const bench *b, int method)
{
    operation op = bench_operation(b, NULL);
    return method == 0 || b->node.op->methods->suits(&op, method);
}

static void check_codes(const bench *b, const char *method, int threads,
                        const int8_t *seen, const int8_t *wanted)
{
    for (int64_t i = 0; i < shape_count(b->out_shape); i++)
        if (seen[i] != wanted[i])
            fail_msg("%s %s, %d threads: code %lld is %d, wanted %d", b->node.name,
                     method, threads, (long long)i, seen[i], wanted[i]);
}

/* Every method, with one thread and with two, must say what the reference says. */
void bench_check(bench *b)
{
    error e = {0};
    if (b->node.op->shape_rule(&b->node, b->in_shape, &b->out_shape, &e))
        fail_msg("%s", e.text);
    int64_t n = shape_count(b->out_shape);
    operation op = bench_operation(b, NULL);
    int8_t *wanted = support_integer(&op), *seen = memory_new(n, 1, NULL);
    for (int method = 0; bench_method_name(b, method); method++)
        for (int threads = 1; threads < 3; threads++) {
            if (!bench_method_suits(b, method))
                continue;
            memset(seen, 0, (size_t)n);
            bench_run_method(b, method, threads, seen);
            check_codes(b, bench_method_name(b, method), threads, seen, wanted);
        }
    memory_free(seen);
    memory_free(wanted);
}

void bench_give_weights(bench *b, int bits, shape s, bool per_channel, bool affine,
                        bool bias)
{
    b->weight.codes = tensor_new(DTYPE_S8, s, NULL);
    random_codes(&b->random, bits, tensor_write(b->weight.codes, NULL), shape_count(s));
    b->weight.quantizer = random_quantizer(&b->random, bits, per_channel ? s.dim[0] : 1);
    for (int64_t c = 0; !affine && c < b->weight.quantizer->channels; c++)
        b->weight.quantizer->zero_point[c] = 0;
    if (!bias)
        return;
    b->bias.codes = tensor_new(DTYPE_S32, shape_of(1, s.dim[0]), NULL);
    int32_t *codes = tensor_write(b->bias.codes, NULL);
    for (int64_t c = 0; c < s.dim[0]; c++)
        codes[c] = (int32_t)random_between(&b->random, -30000, 30000);
}

/* A scale of the output under which codes spread over their range. */
void bench_fit_output(bench *b, int64_t taps)
{
    double typical = 3000.0 * sqrt((double)taps) * (double)b->in[0].quantizer->scale[0] *
                     (double)b->weight.quantizer->scale[0];
    b->out.quantizer->scale[0] = (float)(typical / 64);
}
