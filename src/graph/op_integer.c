/* SPDX-License-Identifier: GPL-3.0-or-later
   op_integer.c -- integer forward of pointwise functions, of concat and add.  Layers with
   weights are in op_integer_layer.c, windows and resampling in op_integer_window.c.  Nothing here
   allocates or knows f32 data. */
#include "graph/op_integer.h"

#include <math.h>
#include "kernel/integer_image.h"

integer_format integer_format_of(const quantizer *q)
{
    return (integer_format){q->scale[0], q->zero_point[0], integer_low(q->bits),
                            integer_high(q->bits)};
}

bool integer_keeps_format(const operator_row *op)
{
    return op == &op_max_pool2d || op == &op_pad_or_crop || op == &op_flatten ||
           op == &op_resize_bilinear || op == &op_resize_nearest ||
           op == &op_pixel_shuffle || op == &op_slice || op == &op_unflatten;
}

bool integer_same_format(integer_format a, integer_format b)
{
    return a.scale == b.scale && a.zero == b.zero;
}

/* ---- pointwise functions: a table of 256 codes ---- */

static double real_relu(double x, double slope)
{
    (void)slope;
    return x > 0.0 ? x : 0.0;
}

static double real_leaky_relu(double x, double slope)
{
    return x > 0.0 ? x : slope * x;
}

static double real_sigmoid(double x, double slope)
{
    (void)slope;
    return 1.0 / (1.0 + exp(-x));
}

static double real_relu6(double x, double slope)
{
    (void)slope;
    return x < 0.0 ? 0.0 : x > 6.0 ? 6.0 : x;
}

static double real_tanh(double x, double slope)
{
    (void)slope;
    return tanh(x);
}

/* x Phi(x).  Source: Hendrycks, Gimpel, arXiv:1606.08415. */
static double real_gelu(double x, double slope)
{
    (void)slope;
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

/* clamp(x / 6 + 1/2, 0, 1).  Source: Howard et al., arXiv:1905.02244. */
static double real_hard_sigmoid(double x, double slope)
{
    double y = x / 6.0 + 0.5;
    (void)slope;
    return y < 0.0 ? 0.0 : y > 1.0 ? 1.0 : y;
}

static double real_hard_swish(double x, double slope)
{
    return x * real_hard_sigmoid(x, slope);
}

static const struct {
    const operator_row *op;
    double (*function)(double x, double slope);
} functions[] = {{&op_relu, real_relu},
                 {&op_leaky_relu, real_leaky_relu},
                 {&op_relu6, real_relu6},
                 {&op_sigmoid, real_sigmoid},
                 {&op_tanh, real_tanh},
                 {&op_gelu, real_gelu},
                 {&op_hard_swish, real_hard_swish},
                 {&op_hard_sigmoid, real_hard_sigmoid}};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

bool integer_is_pointwise(const operator_row *op)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (functions[i].op == op)
            return true;
    return false;
}

void integer_pointwise_map(const node *n, integer_format in, integer_format out,
                           int8_t map[256])
{
    int which = 0;
    while (functions[which].op != n->op)
        which++;
    for (int q = -128; q < 128; q++) {
        double x = (double)in.scale * (double)(q - in.zero);
        map[q + 128] =
            (int8_t)integer_encode(functions[which].function(x, n->attr.slope), out);
    }
}

void pointwise_forward_s8(const operation *op)
{
    int8_t map[256];
    integer_pointwise_map(op->node, integer_format_of(op->in_value[0]->quantizer),
                          integer_format_of(op->out_value->quantizer), map);
    integer_map(op->x[0], shape_count(op->out), map, op->y);
}

/* ---- concat and add: every input brought to the output's scale ---- */

/* clamp(rne((float)(q - Z_x) M) + Z_y) for each code. */
static void rescale_map(integer_format in, integer_format out, int8_t map[256])
{
    float m = integer_multiplier((double)in.scale / (double)out.scale);
    for (int q = -128; q < 128; q++)
        map[q + 128] = (int8_t)integer_round((float)(q - in.zero) * m, out);
}

void concat_forward_s8(const operation *op)
{
    const integer_format out = integer_format_of(op->out_value->quantizer);
    int8_t map[NODE_INPUTS_MAX][256];
    integer_piece piece[NODE_INPUTS_MAX];
    for (int k = 0; k < op->node->input_count; k++) {
        integer_format in = integer_format_of(op->in_value[k]->quantizer);
        bool same = integer_same_format(in, out);
        if (!same)
            rescale_map(in, out, map[k]);
        piece[k] = (integer_piece){.columns = op->in[k].dim[op->in[k].rank - 1],
                                   .map = same ? NULL : map[k],
                                   .x = op->x[k]};
    }
    integer_concat(shape_count(op->out) / op->out.dim[op->out.rank - 1], piece,
                   op->node->input_count, op->y);
}

/* An input may have one pixel an image, which counts for all of them: it stands second.
   Returns which input is first. */
static int pair_inputs(const operation *op, pairing *p)
{
    int b = shape_count(op->in[1]) <= shape_count(op->in[0]) ? 1 : 0;
    *p = (pairing){.images = op->out.dim[0], .channels = op->out.dim[op->out.rank - 1]};
    p->pixels = shape_count(op->out) / (p->images * p->channels);
    p->b_is_vector = shape_count(op->in[b]) != shape_count(op->out);
    return 1 - b;
}

void add_forward_s8(const operation *op)
{
    pairing p;
    int a = pair_inputs(op, &p), b = 1 - a;
    integer_add(&p, integer_format_of(op->in_value[a]->quantizer),
                integer_format_of(op->in_value[b]->quantizer),
                integer_format_of(op->out_value->quantizer), op->x[a], op->x[b], op->y);
}

void multiply_forward_s8(const operation *op)
{
    pairing p;
    int a = pair_inputs(op, &p), b = 1 - a;
    integer_multiply(&p, integer_format_of(op->in_value[a]->quantizer),
                     integer_format_of(op->in_value[b]->quantizer),
                     integer_format_of(op->out_value->quantizer), op->x[a], op->x[b],
                     op->y);
}
