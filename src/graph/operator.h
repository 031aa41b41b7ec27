/* SPDX-License-Identifier: GPL-3.0-or-later
   operator.h -- the table of operators.  A row holds an operator's shape rule,
   parameters, cost, forward and backward; engine/ calls them through `operation`.
   To add one: a file with its functions and a row in operator.c. */
#ifndef LATHE_GRAPH_OPERATOR_H
#define LATHE_GRAPH_OPERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/random.h"
#include "graph/channel.h"
#include "graph/graph.h"
#include "kernel/algorithm.h"
#include "tensor/tensor.h"

/* What is fused behind an operator that can take it: y = rectify(x * scale + shift).
   NULL scale and shift mean 1 and 0; both have one entry for each output channel. */
typedef struct epilogue {
    const float *scale, *shift;
    rectifier act;
    float slope;
    const int8_t *map; /* on codes alone: [256] the code for each of -128..127, or NULL */
} epilogue;

/* One execution of a node within a plan: shapes with their batch, and where things lie.
   Buffers are lent and hold f32 unless the value's type says otherwise. */
typedef struct operation {
    const node *node;
    shape in[NODE_INPUTS_MAX], out;
    const void *x[NODE_INPUTS_MAX];
    void *y;
    int64_t in_pitch[NODE_INPUTS_MAX], out_pitch; /* elements from pixel to pixel; 0: the
                                    channels.  Only where the row says so. */
    precision in_kept[NODE_INPUTS_MAX], out_kept; /* what x and y, and their gradients, are
                                    kept in: bf16 only where the row says so */
    const value *in_value[NODE_INPUTS_MAX], *out_value; /* types and quantizers */
    const parameter *parameters[ROLE_COUNT];            /* NULL where absent */
    float *running[ROLE_COUNT]; /* training: running statistics to update, else NULL */

    epilogue tail;      /* inference only, and only where the row says can_fuse; the
                           activation alone where it fuses_activation */
    bool training;
    bool integer;       /* runs on codes: forward_s8 */
    precision precision; /* of products in training */
    int method;          /* which of the row's methods runs it, from 1; 0: as guessed */
    int gradient_methods[2]; /* the same for the gradients by input and weight */
    bool is_prepared;    /* the method's prepare runs before: forward finds it here */
    const void *prepared;
    const struct operation *first; /* inference only, and only where the row takes it: what
                                      would write x[0] runs inside; NULL: none */
    random_stream random; /* for dropout: the same stream at every forward of a step */

    void *saved;        /* row->saved_bytes of memory from forward to backward */
    void *scratch;      /* row->scratch_bytes, during the call only */

    /* backward: gradient of the output (out shape), and of each input: NULL where
       nobody wants it; added to where accumulate, else overwritten. */
    const void *grad_y;
    void *grad_x[NODE_INPUTS_MAX];
    bool accumulate[NODE_INPUTS_MAX];
    float *grad_parameters[ROLE_COUNT]; /* overwritten; NULL where not trained */
    /* Not NULL, where the row hands over its weight's gradient: takes what else goes to
       grad_parameters[ROLE_WEIGHT]; the weight may change meanwhile. */
    const weight_taker *weight_taker;
    float *grad_x_sum; /* where the row sums_gradient: takes the sum of grad_x[0] over all
                          but the last dimension; NULL: not wanted */
} operation;

typedef struct operation_cost {
    int64_t multiply_adds; /* products of weights and activations, one sample */
    int64_t bytes;         /* read and written, f32 */
} operation_cost;

/* Which fields of `attributes` an operator reads: for files, tables and equality. */
typedef enum attribute_kind { ATTR_INTEGER, ATTR_REAL, ATTR_FLAG, ATTR_INTEGERS } attribute_kind;

typedef struct attribute {
    const char *name;   /* as in the file; NULL ends the list */
    attribute_kind kind;
    size_t offset;      /* in struct attributes; ATTR_INTEGERS is int64_t[3] */
} attribute;

/* Ways to run an operator forward, for rows that have several.  They depend on shapes and
   parameters, so each is asked about an operation whose shapes, parameters and pitches
   are set. */
typedef struct operator_methods {
    /* Of METHOD, numbered from 1; NULL beyond the last. */
    const char *(*name)(const operation *op, int method);
    bool (*knows)(const char *name); /* is it one of any operation's? */
    bool (*suits)(const operation *op, int method);
    int (*guess)(const operation *op); /* the one expected to be fastest; 0: none */
    /* What op->method rounds operands to, which may be f32 where op asks for less. */
    precision (*precision)(const operation *op);
    /* What op->method keeps from run to run while parameters do not change. */
    size_t (*prepared_bytes)(const operation *op);
    void (*prepare)(const operation *op, void *prepared);
    /* What a table says behind the name, of what was prepared, or NULL; may be NULL. */
    const char *(*detail)(const operation *op);

    /* For measuring.  The convolution that runs inside: methods take as long as with
       others of its shape. */
    convolution (*geometry)(const operation *op);
    /* The method of plain arithmetic that others are compared with. */
    int (*plain)(const operation *op);
    /* What op->y should be, every sum in double, dense; false where nobody knows better
       than `plain` does.  NULL: never. */
    bool (*reference)(const operation *op, double *y);
    /* Has METHOD a kernel for a gradient of OP (TASK)?  And the one that runs it where
       op->gradient_methods does not say.  NULL: the row chooses by itself. */
    bool (*suits_gradient)(const operation *op, int method, algorithm_task task);
    int (*guess_gradient)(const operation *op, algorithm_task task);
    /* Does OP hand over its weight's gradient to op->weight_taker?  NULL: never. */
    bool (*hands_over)(const operation *op);
} operator_methods;

/* What an element of the output sees of the first input, along the spatial axes. */
typedef enum operator_reach {
    REACH_POINT,      /* the element in its place */
    REACH_WINDOW,     /* kernel, stride and dilation */
    REACH_TRANSPOSED, /* the same the other way */
    REACH_SCALED,     /* one element, at another scale */
    REACH_BLENDED,    /* two neighbours, at another scale */
    REACH_ALL
} operator_reach;

struct operator_row {
    const char *name;
    const char *summary;            /* one line, for help */
    const attribute *attributes;    /* NULL: none */
    int inputs_min, inputs_max;

    /* Output shape from input shapes, batch included.  E_SHAPE names the node. */
    status (*shape_rule)(const node *n, const shape *in, shape *out, error *e);
    /* Shape of the parameter of ROLE for input shapes IN; rank 0 where it has none.
       NULL: no parameters. */
    void (*parameter_shape)(const node *n, const shape *in, parameter_role role, shape *out);
    void (*cost)(const node *n, const shape *in, shape out, operation_cost *c);

    /* Which channels of inputs and output go together, told to C.  What nothing is said
       of may go by itself: at an input it is read into a sum, at the output it is a row
       of the weight.  NULL: all of them stay. */
    void (*couple)(const node *n, const shape *in, shape out, coupling *c);
    /* Sets what counts channels in N->attr.  NULL: nothing does. */
    void (*narrow)(node *n, const channel_cut *cut);

    size_t (*saved_bytes)(const operation *op);   /* NULL: none */
    size_t (*scratch_bytes)(const operation *op); /* for all threads; NULL: none */
    void (*forward)(const operation *op);
    void (*backward)(const operation *op);        /* NULL: not differentiable */
    void (*forward_s8)(const operation *op);      /* integer kernel; NULL: f32 only */

    const operator_methods *methods;              /* NULL: there is one way */

    operator_reach reach;

    bool needs_x;   /* backward reads the inputs */
    bool needs_y;   /* backward reads the output */
    bool in_place;  /* forward allows y to be x[0] */
    bool can_fuse;  /* forward obeys op->tail (training: always empty) */
    bool fuses_activation; /* forward and backward obey op->tail's activation */
    bool sums_gradient;    /* backward obeys op->grad_x_sum */
    bool bias_is_added;    /* the bias's gradient is the sum of grad_y over pixels */
    bool takes_x_pitch; /* forward (f32) obeys op->in_pitch[0], */
    bool takes_y_pitch; /* and op->out_pitch; */
    bool pitches_in_training; /* these hold in training too, and backward obeys them in
                                 grad_x[0] and grad_y, which lie as x and y do */
    /* In training: may x[0] (INPUT) or y be kept as bf16, with its gradient?  Asked when
       methods are chosen.  NULL: never. */
    bool (*takes_bf16)(const operation *op, bool input);
    /* In inference, when methods are chosen: can OP run FIRST, which alone writes what OP
       alone reads, inside of itself?  NULL: never. */
    bool (*takes_first)(const operation *op, const operation *first);
    bool second_is_shape; /* the second input gives its size alone: nothing is read */
};

/* The row of NAME, or NULL. */
const operator_row *operator_find(const char *name);
/* The I-th row of the table, or NULL beyond its end. */
const operator_row *operator_at(int i);

/* Each family's file defines its rows. */
extern const operator_row op_conv2d, op_linear, op_batch_norm, op_relu, op_leaky_relu,
    op_sigmoid, op_gelu, op_hard_swish, op_hard_sigmoid, op_max_pool2d, op_avg_pool2d,
    op_global_avg_pool2d, op_resize_bilinear, op_resize_nearest, op_pad_or_crop,
    op_concat, op_add, op_multiply, op_flatten, op_dropout, op_softmax, op_quantize,
    op_dequantize, op_pixel_shuffle, op_slice, op_unflatten, op_conv3d,
    op_conv_transpose2d, op_conv_transpose3d, op_group_norm, op_layer_norm, op_relu6,
    op_tanh, op_log_softmax;

#endif
