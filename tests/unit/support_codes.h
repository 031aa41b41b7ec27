/* SPDX-License-Identifier: GPL-3.0-or-later
   support_codes.h -- one operation on random codes, by every method of its row, against
   the slow reference. */
#ifndef LATHE_TESTS_SUPPORT_CODES_H
#define LATHE_TESTS_SUPPORT_CODES_H

#include <stdbool.h>
#include "base/random.h"
#include "graph/operator.h"

typedef struct bench {
    node node;
    int64_t in_pitch, out_pitch; /* 0: dense */
    const int8_t *map;
    value in[4], out;
    shape in_shape[4], out_shape;
    int8_t *x[4];
    parameter weight, bias;
    random_stream random;
} bench;

/* Fills B, whose `random` is set, for operator OP (a literal): random codes of inputs of
   these SHAPES, random formats.  Attributes are still to be set. */
void bench_begin(bench *b, const char *op, int bits, int inputs, const shape *shapes);
void bench_end(bench *b);

/* Output and input read alike, as operators that move codes want it. */
void bench_same_format(bench *b);

/* Random weights of shape S; a scale of the output under which codes spread over their
   range. */
void bench_give_weights(bench *b, int bits, shape s, bool per_channel, bool affine,
                        bool bias);
void bench_fit_output(bench *b, int64_t taps);

/* Every method, with one thread and with two, must say what the reference says. */
void bench_check(bench *b);

/* The parts of that: the operation on B that writes Y; one run of it by METHOD as in the
   operator's row, its memory prepared (0: prepared in the run); the methods there are,
   NULL beyond the last. */
operation bench_operation(const bench *b, void *y);
void bench_run_method(const bench *b, int method, int threads, int8_t *y);
void bench_run(const bench *b, int threads, int8_t *y);
const char *bench_method_name(const bench *b, int method);
bool bench_method_suits(const bench *b, int method);

#endif
