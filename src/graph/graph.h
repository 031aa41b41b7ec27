/* SPDX-License-Identifier: GPL-3.0-or-later
   graph.h -- a model as a static graph: nodes (operators with attributes) over values,
   whose batch dimension is free, and named parameters.  Compression edits the graph and
   its parameters; nothing branches inside a layer.

   Ownership: a graph owns its nodes, values and parameters.  graph_copy shares tensor
   storage (copy on write), so copies are cheap.  Nodes stand in execution order. */
#ifndef LATHE_GRAPH_GRAPH_H
#define LATHE_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "tensor/tensor.h"

typedef struct operator_row operator_row; /* graph/operator.h */

/* Linear quantizer: r = scale[c] * (q - zero_point[c]), q in [-2^(bits-1), 2^(bits-1)-1].
   Source: Jacob et al. 2018, arXiv:1712.05877, eq. 1. */
typedef enum granularity { PER_MODEL, PER_TENSOR, PER_CHANNEL, PER_GROUP } granularity;

typedef struct quantizer {
    int bits;            /* 2..16; 32 of a bias */
    granularity grain;   /* how the scales were chosen */
    int64_t channels;    /* 1, the output channels of a weight, or PER_GROUP all groups,
                            channel by channel */
    int64_t group;       /* PER_GROUP: elements of a channel that share a scale (the last
                            group has what is left), in lathe's order; else 0 */
    float *scale;        /* [channels] */
    int32_t *zero_point; /* [channels] */
    float *codebook;     /* [2^bits], ascending when made: r = codebook[q + 2^(bits-1)], of a weight
                            that runs in f32; NULL: r follows from the scale, which a
                            codebook has for nothing.  The zero point is then the code of 0
                            where something is masked. */
} quantizer;

quantizer *quantizer_new(int bits, granularity grain, int64_t channels, error *e);
status quantizer_add_codebook(quantizer *q, error *e); /* zeroed; bits 2..8 */
quantizer *quantizer_copy(const quantizer *q, error *e);
void quantizer_free(quantizer *q);

typedef enum parameter_role {
    ROLE_WEIGHT,           /* conv, transposed or not: (O, k..., I/groups), in files
                              (O, I/groups, k...); linear: (out, in) */
    ROLE_BIAS,             /* (O) */
    ROLE_SCALE,            /* batch norm gamma (C) */
    ROLE_SHIFT,            /* batch norm beta (C) */
    ROLE_RUNNING_MEAN,     /* (C), not trained */
    ROLE_RUNNING_VARIANCE, /* (C), not trained */
    ROLE_COUNT
} parameter_role;

typedef struct parameter {
    char *name;           /* "inc.0.weight": the outside world's name */
    parameter_role role;
    tensor *data;         /* f32, lathe's layout; where quantized, scale * (q - zero) */
    tensor *mask;         /* u8, same shape, 1 = kept; NULL where nothing is pruned.
                             data is 0 wherever the mask is 0. */
    quantizer *quantizer; /* NULL: plain f32; without codes: f32 whose scales are trained */
    tensor *codes;        /* s8 (s16 above 8 bits, s32 for biases), same shape, where
                             quantized */
} parameter;

bool parameter_is_trained(const parameter *p); /* false for running statistics */
int64_t parameter_nonzero(const parameter *p); /* elements that are not 0 */

/* Attributes of a node.  Each operator's row says which it reads (operator.h). */
typedef struct attributes {
    int64_t kernel[3], stride[3], padding[3], dilation[3]; /* depth, height, width; the
                                    last two for 2-D */
    int64_t output_padding[3]; /* transposed: more pixels behind the last */
    int64_t groups;
    int64_t channels;     /* output channels (conv, linear) */
    int64_t size[3];      /* resize, crop, unflatten: the output's spatial size where
                             fixed */
    int64_t factor;       /* resize: 0, or the whole factor of the input's size; pixel
                             shuffle: pixels for one, each way */
    bool align_corners;
    bool bias;
    double epsilon, momentum, slope, probability;
    int64_t axis;
    int64_t first;        /* slice: its first channel */
    int input_bits;       /* a layer whose weights are s8 codes: its f32 input becomes codes
                             of so many bits at every run; 0: never */
    bool input_symmetric; /* their zero point is 0 */
} attributes;

#define NODE_INPUTS_MAX 8

typedef struct node {
    char *name;                  /* "inc.0"; parameters are named from it */
    const operator_row *op;
    attributes attr;
    int input_count;
    int inputs[NODE_INPUTS_MAX]; /* values */
    int output;                  /* value */
    int parameters[ROLE_COUNT];  /* index in the graph, or -1 */
    char *method;                /* the way to run it (operator_methods) that measuring found
                                    fastest in inference; NULL: as planned.  It changes
                                    speed alone: a plan passes over what does not suit. */
} node;

typedef struct value {
    dtype type;           /* f32, or s8 where the graph runs in integers */
    quantizer *quantizer; /* of an s8 value: one scale, one zero point */
    int producer;         /* node, or -1 for the graph's input */
} value;

typedef struct graph {
    node *nodes;
    int node_count;
    value *values;
    int value_count;
    parameter *parameters;
    int parameter_count;
    int input, output;  /* values */
    shape input_shape;  /* what it was built for, batch left out: (H, W, C) or (F) */
    int64_t node_capacity, value_capacity, parameter_capacity;
} graph;

graph *graph_new(shape input_shape, error *e); /* one value: the input */
graph *graph_copy(const graph *g, error *e);
void graph_free(graph *g);

/* Appends a node; its parameters are made (zeroed) by its operator's row.  INPUTS are
   values.  Returns the output value, or -1.  The last value added is the graph's output.
   Shapes are checked against graph->input_shape. */
int graph_add(graph *g, const char *op, const char *name, const attributes *attr,
              const int *inputs, int input_count, error *e);

/* The same, before node AT (which moves up); for passes that edit a graph. */
int graph_insert(graph *g, int at, const char *op, const char *name,
                 const attributes *attr, const int *inputs, int input_count, error *e);

/* Takes node AT out: its readers read its first input instead.  Its parameters go. */
status graph_bypass(graph *g, int at, error *e);

/* Shapes of every value for BATCH samples of the input shape IN (batch left out).
   OUT has value_count entries. */
status graph_shapes(const graph *g, int64_t batch, shape in, shape *out, error *e);

parameter *graph_parameter(const graph *g, const node *n, parameter_role role); /* or NULL */
int graph_find_parameter(const graph *g, const char *name);                      /* or -1 */
int graph_find_node(const graph *g, const char *name);                           /* or -1 */
int graph_reader_count(const graph *g, int value);

int64_t graph_parameter_count(const graph *g); /* trained elements, masked ones counted */
int64_t graph_nonzero(const graph *g);         /* trained elements that are not 0 */
int64_t graph_multiply_adds(const graph *g, shape in, error *e); /* one sample; -1: failed */
uint64_t graph_hash(const graph *g);           /* of structure and all tensors' bits */

/* NAME is copied; NULL: as planned.  For all nodes: what was measured holds no longer. */
status node_set_method(node *n, const char *name, error *e);
void graph_forget_methods(graph *g);

/* Zeroes what the masks say (after anything wrote data). */
status graph_apply_masks(graph *g, error *e);

#endif
