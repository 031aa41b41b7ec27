/* SPDX-License-Identifier: GPL-3.0-or-later
   convolve.c -- conv2d and linear as convolutions: which algorithm runs them, and running
   it.  The arithmetic is in kernel/. */
#include "graph/convolve.h"

#include "graph/op_integer.h"
#include "graph/rule.h"
#include "graph/unroll.h"
#include "kernel/depthwise.h"
#include "kernel/gather.h"
#include "kernel/integer_method.h"
#include "kernel/norm.h"
#include "kernel/reference.h"
#include "kernel/scratch.h"

static convolution linear_geometry(const operation *op)
{
    int64_t features = op->in[0].dim[op->in[0].rank - 1];
    int64_t rows = shape_count(op->in[0]) / features;
    return (convolution){
        .n = 1,
        .h = 1,
        .w = rows,
        .c = features,
        .out_h = 1,
        .out_w = rows,
        .out_c = op->node->attr.channels,
        .kernel_h = 1,
        .kernel_w = 1,
        .stride_h = 1,
        .stride_w = 1,
        .dilation_h = 1,
        .dilation_w = 1,
        .groups = 1,
        .x_pitch = op->in_pitch[0],
        .y_pitch = op->out_pitch,
        .x_kept = op->in_kept[0],
        .y_kept = op->out_kept,
    };
}

static convolution image_geometry(const operation *op)
{
    const attributes *a = &op->node->attr;
    const int64_t *in = op->in[0].dim, *out = op->out.dim;
    return (convolution){
        .n = in[0],
        .h = in[1],
        .w = in[2],
        .c = in[3],
        .out_h = out[1],
        .out_w = out[2],
        .out_c = out[3],
        .kernel_h = a->kernel[1],
        .kernel_w = a->kernel[2],
        .stride_h = a->stride[1],
        .stride_w = a->stride[2],
        .pad_h = a->padding[1],
        .pad_w = a->padding[2],
        .dilation_h = a->dilation[1],
        .dilation_w = a->dilation[2],
        .groups = a->groups,
        .x_pitch = op->in_pitch[0],
        .y_pitch = op->out_pitch,
        .x_kept = op->in_kept[0],
        .y_kept = op->out_kept,
    };
}

convolution convolve_geometry(const operation *op)
{
    if (unroll_is(op->node->op))
        return unroll_geometry(op);
    return op->node->op == &op_linear ? linear_geometry(op) : image_geometry(op);
}

/* In training weights change at every step, and those of unroll.h have another order:
   nothing is known of their values. */
static const float *known_weight(const operation *op)
{
    return op->training || unroll_is(op->node->op) ? NULL
                                                   : operation_parameter(op, ROLE_WEIGHT);
}

/* ---- methods ---- */

const char *convolve_method_name(const operation *op, int method)
{
    if (op->integer)
        return integer_layer_methods.name(op, method);
    const algorithm *a = algorithm_at(method - 1);
    return a ? a->name : NULL;
}

static const char *method_detail(const operation *op)
{
    const algorithm *a = op->integer ? NULL : algorithm_at(op->method - 1);
    return a && a->detail && op->prepared ? a->detail(op->prepared) : NULL;
}

bool convolve_method_knows(const char *name)
{
    return algorithm_find(name) || integer_method_find(name);
}

bool convolve_method_suits(const operation *op, int method)
{
    if (op->integer)
        return integer_layer_methods.suits(op, method);
    convolution v = convolve_geometry(op);
    const algorithm *a = algorithm_at(method - 1);
    return a->precision == op->precision && a->suits(&v, known_weight(op));
}

const algorithm *convolve_algorithm(const operation *op)
{
    convolution v = convolve_geometry(op);
    return op->method ? algorithm_at(op->method - 1)
                      : algorithm_guess(&v, known_weight(op), op->precision,
                                        op->training ? ALGORITHM_FORWARD_ONCE
                                                     : ALGORITHM_FORWARD);
}

static int number_of(const algorithm *a)
{
    int method = 1;
    while (algorithm_at(method - 1) != a)
        method++;
    return method;
}

int convolve_method_guess(const operation *op)
{
    operation free = *op;
    free.method = 0;
    if (op->integer)
        return integer_layer_methods.guess(&free);
    return number_of(convolve_algorithm(&free));
}

precision convolve_method_precision(const operation *op)
{
    return op->integer ? PRECISION_F32 : convolve_algorithm(op)->precision;
}

static size_t method_prepared_bytes(const operation *op)
{
    if (op->integer)
        return integer_layer_methods.prepared_bytes(op);
    convolution v = convolve_geometry(op);
    return convolve_algorithm(op)->prepared_bytes(&v, known_weight(op));
}

static void method_prepare(const operation *op, void *prepared)
{
    if (op->integer) {
        integer_layer_methods.prepare(op, prepared);
        return;
    }
    convolution v = convolve_geometry(op);
    convolve_algorithm(op)->prepare(&v, known_weight(op), prepared);
}

static bool suits_gradient(const operation *op, int method, algorithm_task task)
{
    convolution v = convolve_geometry(op);
    const algorithm *a = algorithm_at(method - 1);
    return !op->integer && a->precision == op->precision && algorithm_has(a, task) &&
           a->suits(&v, NULL);
}

static int guess_gradient(const operation *op, algorithm_task task)
{
    convolution v = convolve_geometry(op);
    return number_of(algorithm_guess(&v, NULL, op->precision, task));
}

int convolve_method_plain(const operation *op)
{
    return op->integer ? integer_layer_methods.plain(op) : number_of(&algorithm_gather);
}

static bool reference(const operation *op, double *y)
{
    if (op->integer)
        return false;
    convolution v = convolve_geometry(op);
    finish tail = operation_finish(op);
    convolution_reference(&v, op->x[0], operation_parameter(op, ROLE_WEIGHT),
                          operation_parameter(op, ROLE_BIAS), &tail, y);
    return true;
}

static const algorithm *gradient_algorithm(const operation *op, const convolution *v,
                                           algorithm_task task)
{
    int method = op->gradient_methods[task - ALGORITHM_GRAD_INPUT];
    return method ? algorithm_at(method - 1)
                  : algorithm_guess(v, NULL, op->precision, task);
}

/* A gradient that stays in the cache is read there as a whole just as fast. */
static bool hands_over(const operation *op)
{
    convolution v = convolve_geometry(op);
    return !op->integer && !unroll_is(op->node->op) &&
           weight_goes_past(v.out_c * v.kernel_h * v.kernel_w * v.c / v.groups) &&
           gradient_algorithm(op, &v, ALGORITHM_GRAD_WEIGHT)->grad_weight_taken;
}

const operator_methods convolve_methods = {
    .name = convolve_method_name,
    .knows = convolve_method_knows,
    .suits = convolve_method_suits,
    .guess = convolve_method_guess,
    .precision = convolve_method_precision,
    .prepared_bytes = method_prepared_bytes,
    .prepare = method_prepare,
    .detail = method_detail,
    .geometry = convolve_geometry,
    .plain = convolve_method_plain,
    .reference = reference,
    .suits_gradient = suits_gradient,
    .guess_gradient = guess_gradient,
    .hands_over = hands_over,
};

/* ---- running ---- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

bool convolve_takes_bf16(const operation *op, bool input)
{
    (void)input;
    if (op->integer || !op->training || unroll_is(op->node->op))
        return false;
    convolution v = convolve_geometry(op);
    if (v.groups > 1 || convolve_algorithm(op)->precision != PRECISION_BF16)
        return false;
    for (algorithm_task t = ALGORITHM_GRAD_INPUT; t <= ALGORITHM_GRAD_WEIGHT; t++)
        if (gradient_algorithm(op, &v, t)->precision != PRECISION_BF16)
            return false;
    return true;
}

bool convolve_takes_first(const operation *op, const operation *first)
{
    if (op->training || op->integer || first->node->op != &op_conv2d || first->integer ||
        !op->is_prepared || !first->is_prepared)
        return false;
    convolution v = convolve_geometry(op);
    return convolve_algorithm(first) == &algorithm_depthwise &&
           convolve_algorithm(op) == &algorithm_gather && gather_can_follow(&v);
}

static depthwise_call first_call(const operation *first)
{
    return (depthwise_call){.v = convolve_geometry(first),
                            .x = first->x[0],
                            .bias = operation_parameter(first, ROLE_BIAS),
                            .prepared = first->prepared,
                            .tail = operation_finish(first)};
}

size_t convolve_scratch(const operation *op)
{
    if (op->integer)
        return integer_layer_scratch(op);
    convolution v = convolve_geometry(op);
    if (op->first) {
        depthwise_call first = first_call(op->first);
        return gather_following_scratch(&v, &first);
    }
    const algorithm *a = convolve_algorithm(op);
    size_t bytes = op->is_prepared ? a->scratch_bytes(&v)
                                   : algorithm_once_scratch(a, &v, known_weight(op));
    if (!op->training)
        return bytes;
    bytes = larger(bytes, channel_scratch(v.n * v.out_h * v.out_w, v.out_c));
    for (algorithm_task t = ALGORITHM_GRAD_INPUT; t <= ALGORITHM_GRAD_WEIGHT; t++)
        bytes = larger(bytes, gradient_algorithm(op, &v, t)->gradient_scratch(&v));
    return bytes;
}

void convolve_forward(const operation *op)
{
    convolution v = convolve_geometry(op);
    const algorithm *a = convolve_algorithm(op);
    finish tail = operation_finish(op);
    const float *bias = operation_parameter(op, ROLE_BIAS);
    if (op->first) {
        depthwise_call first = first_call(op->first);
        gather_forward_following(&v, &first, op->prepared, bias, &tail, op->y,
                                 op->scratch);
    } else if (op->is_prepared) {
        a->forward(&v, op->x[0], op->prepared, bias, &tail, op->y, op->scratch);
    } else {
        algorithm_forward_once(a, &v, op->x[0], operation_parameter(op, ROLE_WEIGHT),
                               bias, &tail, op->y, op->scratch);
    }
}

/* What is taken comes last, as whoever takes it changes the weight. */
void convolve_backward(const operation *op)
{
    convolution v = convolve_geometry(op);
    const algorithm *weight = gradient_algorithm(op, &v, ALGORITHM_GRAD_WEIGHT);
    if (op->grad_parameters[ROLE_BIAS])
        channel_sum(v.n * v.out_h * v.out_w, v.out_c, op->grad_y, v.y_kept,
                    op->grad_parameters[ROLE_BIAS], op->scratch);
    if (op->grad_parameters[ROLE_WEIGHT] && !op->weight_taker)
        weight->grad_weight(&v, op->x[0], op->grad_y, op->grad_parameters[ROLE_WEIGHT],
                            op->scratch);
    if (op->grad_x[0])
        gradient_algorithm(op, &v, ALGORITHM_GRAD_INPUT)
            ->grad_input(&v, op->grad_y, operation_parameter(op, ROLE_WEIGHT),
                         op->grad_x[0], op->accumulate[0], op->scratch);
    if (op->grad_parameters[ROLE_WEIGHT] && op->weight_taker)
        weight->grad_weight_taken(&v, op->x[0], op->grad_y, op->weight_taker,
                                  op->scratch);
}
