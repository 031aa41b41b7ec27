/* SPDX-License-Identifier: GPL-3.0-or-later
   convolve.h -- what the rows of convolutions and linear share: they run as
   convolutions, by one of the algorithms of kernel/algorithm.  Kept between these rows. */
#ifndef LATHE_GRAPH_CONVOLVE_H
#define LATHE_GRAPH_CONVOLVE_H

#include "graph/operator.h"

/* The operation as a convolution; a linear layer is one of an image of a single row.
   Those of unroll.h have one inside. */
convolution convolve_geometry(const operation *op);

/* The algorithm that runs OP forward: that of op->method, or as guessed. */
const algorithm *convolve_algorithm(const operation *op);

/* Rules of all convolutions: channels, groups and kernel of an input of RANK dimensions;
   shapes of parameters; the cost where each of PIXELS meets the whole weight. */
status convolve_check(const node *n, const shape *in, int rank, error *e);
void convolve_parameter(const node *n, const shape *in, parameter_role role, shape *out);
void convolve_cost(const node *n, const shape *in, shape out, int64_t pixels,
                   operation_cost *c);

/* Channels of all convolutions and of linear: with one input to a group, inputs and the
   group's outputs go together; with several, the same place in every group. */
void convolve_couple(const node *n, const shape *in, shape out, coupling *c);
void convolve_narrow(node *n, const channel_cut *cut);

bool convolve_takes_bf16(const operation *op, bool input);
bool convolve_takes_first(const operation *op, const operation *first);
size_t convolve_scratch(const operation *op);
void convolve_forward(const operation *op);
void convolve_backward(const operation *op);

/* The algorithms, numbered as in their table. */
const char *convolve_method_name(const operation *op, int method);
bool convolve_method_knows(const char *name);
bool convolve_method_suits(const operation *op, int method);
int convolve_method_guess(const operation *op);
int convolve_method_plain(const operation *op);
precision convolve_method_precision(const operation *op);
extern const operator_methods convolve_methods;

#endif
