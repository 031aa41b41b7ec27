/* SPDX-License-Identifier: GPL-3.0-or-later
   op_integer.h -- the integer forward of each operator that has one: what its row points
   to.  Values are s8 codes with one scale and one zero point; never called with f32.

   The arithmetic in short, exact on every machine; lathe-integers(7) has it in full (S
   scale, Z zero point, rne round-half-to-even of one float, q codes in [-2^(b-1),
   2^(b-1)-1]):
     all convolutions acc = sum (q_w - Z_w) (q_x - Z_x) + q_bias in s32, padding is Z_x;
                      y = clamp(rne((float)acc * M) + Z_y), M = (float)(S_x S_w / S_y)
     max pool, crop,  act on codes; padding of pad_or_crop is Z
     flatten and all
     that only moves
     bilinear         Z + ((sum w_y w_x (q - Z) + 2^21) >> 22), weights in 11 bits
     concat, add      inputs rescaled by M = (float)(S_x / S_y); equal quantizers: copied
     multiply         rne((float)((q_a - Z_a) (q_b - Z_b)) M) + Z_y, M = (float)(S_a S_b / S_y)
     average pools    rne(sum (q - Z) * (float)(S_x / (S_y n))) + Z_y
     pointwise        a table of 256 codes from double arithmetic
     dynamic layers   acc without bias, S_x and Z_x of the sample at hand;
                      y = (float)acc * M + bias, M = (float)(S_x S_w) */
#ifndef LATHE_GRAPH_OP_INTEGER_H
#define LATHE_GRAPH_OP_INTEGER_H

#include <stdbool.h>
#include "graph/operator.h"
#include "kernel/integer.h"
#include "kernel/integer_method.h"

void pointwise_forward_s8(const operation *op);
void max_pool2d_forward_s8(const operation *op);
void avg_pool2d_forward_s8(const operation *op);
void global_avg_pool2d_forward_s8(const operation *op);
size_t resize_scratch_s8(const operation *op);
void resize_forward_s8(const operation *op);
void pad_or_crop_forward_s8(const operation *op);
void concat_forward_s8(const operation *op);
void add_forward_s8(const operation *op);
void multiply_forward_s8(const operation *op);
void flatten_forward_s8(const operation *op);

/* conv2d and linear: the methods of kernel/integer_method, numbered as in its table. */
extern const operator_methods integer_layer_methods;
size_t integer_layer_scratch(const operation *op);
void integer_layer_forward(const operation *op);

/* What all layers share: codes, scales, formats.  The geometry is still to be set. */
integer_conv integer_layer_of(const operation *op);

/* The same of convolutions that run by patches (unroll.h); geometry: of what is inside. */
integer_conv integer_unroll_geometry(const operation *op);
/* A transposed one whose results overlap: its sums are taken in plain C, pixel by pixel. */
bool integer_unroll_overlaps(const operation *op);
size_t integer_unroll_prepared_bytes(const operation *op);
void integer_unroll_prepare(const operation *op, void *prepared);
size_t integer_unroll_scratch(const operation *op);
void integer_unroll_forward(const operation *op);

/* Layers whose f32 input becomes codes at every run: is N one, could it be one?  C has
   to_sums set; MEMORY holds integer_dynamic_scratch bytes. */
bool integer_is_dynamic(const node *n);
bool integer_can_be_dynamic(const node *n);
size_t integer_dynamic_scratch(const operation *op, const integer_conv *c,
                               const integer_method *m);
void integer_dynamic_run(const operation *op, const integer_conv *c,
                         const integer_method *m, const void *prepared, void *memory);

/* Functions of one code each: is OP one?  The codes they give for -128..127; N must be. */
bool integer_is_pointwise(const operator_row *op);
void integer_pointwise_map(const node *n, integer_format in, integer_format out,
                           int8_t map[256]);

/* A convolution or linear layer: it has weights, whose codes decide whether it runs so. */
bool integer_is_layer(const node *n);

/* The format of a value's codes: its quantizer's first scale and zero point. */
integer_format integer_format_of(const quantizer *q);

/* Acts on codes alone, so that input and output share one quantizer? */
bool integer_keeps_format(const operator_row *op);

/* Do codes mean the same numbers? */
bool integer_same_format(integer_format a, integer_format b);

#endif
