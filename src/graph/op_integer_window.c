/* SPDX-License-Identifier: GPL-3.0-or-later
   op_integer_window.c -- integer forward of the operators that move or gather pixels:
   pools, resampling, pad and crop, flatten.  The arithmetic is in kernel/integer_image. */
#include "graph/op_integer.h"

#include "kernel/integer_image.h"

static integer_format in_format(const operation *op)
{
    return integer_format_of(op->in_value[0]->quantizer);
}

static integer_format out_format(const operation *op)
{
    return integer_format_of(op->out_value->quantizer);
}

static int64_t channels_of(shape s)
{
    return s.dim[s.rank - 1];
}

static pooling pool_geometry(const operation *op)
{
    const attributes *a = &op->node->attr;
    const int64_t *in = op->in[0].dim;
    return (pooling){.n = in[0],
                     .h = in[1],
                     .w = in[2],
                     .c = in[3],
                     .out_h = op->out.dim[1],
                     .out_w = op->out.dim[2],
                     .kernel_h = a->kernel[1],
                     .kernel_w = a->kernel[2],
                     .stride_h = a->stride[1],
                     .stride_w = a->stride[2],
                     .pad_h = a->padding[1],
                     .pad_w = a->padding[2]};
}

void max_pool2d_forward_s8(const operation *op)
{
    pooling p = pool_geometry(op);
    integer_max_pool(&p, op->x[0], op->y);
}

void avg_pool2d_forward_s8(const operation *op)
{
    pooling p = pool_geometry(op);
    integer_avg_pool(&p, in_format(op), out_format(op), op->x[0], op->y);
}

void global_avg_pool2d_forward_s8(const operation *op)
{
    int64_t n = op->in[0].dim[0], c = channels_of(op->in[0]);
    integer_global_pool(n, shape_count(op->in[0]) / (n * c), c, in_format(op),
                        out_format(op), op->x[0], op->y);
}

static resizing resize_geometry(const operation *op)
{
    const int64_t *in = op->in[0].dim;
    return (resizing){.n = in[0],
                      .h = in[1],
                      .w = in[2],
                      .c = in[3],
                      .out_h = op->out.dim[1],
                      .out_w = op->out.dim[2],
                      .nearest = op->node->op == &op_resize_nearest,
                      .align_corners = op->node->attr.align_corners};
}

size_t resize_scratch_s8(const operation *op)
{
    resizing r = resize_geometry(op);
    return integer_resize_scratch(&r);
}

void resize_forward_s8(const operation *op)
{
    resizing r = resize_geometry(op);
    integer_resize(&r, op->x[0], op->y, op->scratch);
}

void pad_or_crop_forward_s8(const operation *op)
{
    const int64_t *in = op->in[0].dim;
    padding p = {.n = in[0],
                 .h = in[1],
                 .w = in[2],
                 .c = in[3],
                 .out_h = op->out.dim[1],
                 .out_w = op->out.dim[2]};
    integer_pad(&p, (int8_t)in_format(op).zero, op->x[0], op->y);
}

void flatten_forward_s8(const operation *op)
{
    int64_t n = op->in[0].dim[0], c = channels_of(op->in[0]);
    integer_flatten(n, shape_count(op->in[0]) / (n * c), c, op->x[0], op->y);
}
