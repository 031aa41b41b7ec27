/* SPDX-License-Identifier: GPL-3.0-or-later
   op_quantize.c -- the borders of the part of a graph that runs in integers: f32 to codes
   and back.  The quantizer is that of the s8 value on the border. */
#include "graph/op_integer.h"
#include "graph/operator.h"
#include "graph/rule.h"
#include "kernel/integer.h"

static void quantize_forward(const operation *op)
{
    integer_quantize(op->x[0], shape_count(op->out),
                     integer_format_of(op->out_value->quantizer), op->y);
}

static void dequantize_forward(const operation *op)
{
    integer_dequantize(op->x[0], shape_count(op->out),
                       integer_format_of(op->in_value[0]->quantizer), op->y);
}

const operator_row op_quantize = {
    .name = "quantize",
    .summary = "real numbers to 8-bit codes",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = quantize_forward,
    .forward_s8 = quantize_forward,
};

const operator_row op_dequantize = {
    .name = "dequantize",
    .summary = "8-bit codes to real numbers",
    .inputs_min = 1,
    .inputs_max = 1,
    .shape_rule = rule_same,
    .cost = cost_of_moving,
    .couple = couple_first,
    .forward = dequantize_forward,
    .forward_s8 = dequantize_forward,
};
