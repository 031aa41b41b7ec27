/* SPDX-License-Identifier: GPL-3.0-or-later
   coding.h -- parameters as integer codes, and what codes mean. */
#ifndef LATHE_GRAPH_CODING_H
#define LATHE_GRAPH_CODING_H

#include "base/error.h"
#include "graph/graph.h"

/* Gives f32 parameter P codes of TYPE (s8, s16, or s32 for biases) under Q, which it
   takes, also on failure; its data become scale * (q - zero_point), or the nearest entry of
   the codebook.  Masked elements stay exactly 0 (a codebook must hold that); s32 codes
   saturate at +-2^30. */
status parameter_encode(parameter *p, quantizer *q, dtype type, error *e);

/* The real numbers of CODES (s8, s16 or s32) under Q, f32; NULL with E_MEMORY. */
tensor *quantizer_decode(const quantizer *q, const tensor *codes, error *e);

#endif
