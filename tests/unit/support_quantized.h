/* SPDX-License-Identifier: GPL-3.0-or-later
   support_quantized.h -- graphs that run in integers, drawn at random: operators, shapes,
   formats and codes.  It runs nothing. */
#ifndef LATHE_TESTS_SUPPORT_QUANTIZED_H
#define LATHE_TESTS_SUPPORT_QUANTIZED_H

#include "base/random.h"
#include "graph/graph.h"

/* The graph of number SEED: quantize, some operators on codes, dequantize; small enough
   for a slow reference at a batch of BATCH.  The caller frees. */
graph *support_quantized(uint64_t seed, int64_t batch);

/* A quantizer with scales and zero points at random, or N codes. */
quantizer *support_quantizer(random_stream *r, int bits, int64_t channels);
void support_codes(random_stream *r, int bits, int8_t *codes, int64_t n);

#endif
