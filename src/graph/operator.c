/* SPDX-License-Identifier: GPL-3.0-or-later
   operator.c -- the table of operators and its lookups.
   Rows are defined by their families' files; nothing is computed here. */
#include "graph/operator.h"
#include <string.h>

static const operator_row *const rows[] = {
    &op_conv2d,
    &op_conv3d,
    &op_conv_transpose2d,
    &op_conv_transpose3d,
    &op_linear,
    &op_batch_norm,
    &op_group_norm,
    &op_layer_norm,
    &op_relu,
    &op_leaky_relu,
    &op_relu6,
    &op_sigmoid,
    &op_tanh,
    &op_gelu,
    &op_hard_swish,
    &op_hard_sigmoid,
    &op_max_pool2d,
    &op_avg_pool2d,
    &op_global_avg_pool2d,
    &op_resize_bilinear,
    &op_resize_nearest,
    &op_pad_or_crop,
    &op_concat,
    &op_add,
    &op_multiply,
    &op_flatten,
    &op_unflatten,
    &op_slice,
    &op_pixel_shuffle,
    &op_dropout,
    &op_softmax,
    &op_log_softmax,
    &op_quantize,
    &op_dequantize,
};

const operator_row *operator_at(int i)
{
    int count = (int)(sizeof rows / sizeof *rows);
    return i >= 0 && i < count ? rows[i] : NULL;
}

const operator_row *operator_find(const char *name)
{
    for (int i = 0; operator_at(i); i++)
        if (strcmp(operator_at(i)->name, name) == 0)
            return operator_at(i);
    return NULL;
}
