/* SPDX-License-Identifier: GPL-3.0-or-later
   tensor.h -- arrays with a type and a shape, over storage that is shared and copied
   only when somebody writes.  Elements are contiguous, the last dimension runs fastest.
   tensor_new and tensor_share return something you must free. */
#ifndef LATHE_TENSOR_TENSOR_H
#define LATHE_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

typedef enum dtype {
    DTYPE_F32,
    DTYPE_F64,
    DTYPE_F16,
    DTYPE_BF16,
    DTYPE_S8,
    DTYPE_U8,
    DTYPE_S16,
    DTYPE_U16,
    DTYPE_S32,
    DTYPE_U32,
    DTYPE_S64,
    DTYPE_U64,
    DTYPE_BOOL,
    DTYPE_COUNT
} dtype;

size_t dtype_size(dtype type);
const char *dtype_name(dtype type); /* "f32", "s8", ... */

#define SHAPE_MAX 6

typedef struct shape {
    int rank;
    int64_t dim[SHAPE_MAX];
} shape;

shape shape_of(int rank, ...); /* rank int64_t arguments */
bool shape_equal(shape a, shape b);
/* Product of the dimensions (1 for rank 0); -1 where it overflows or one is negative. */
int64_t shape_count(shape s);
/* "8x200x200x1" into BUFFER of 128 bytes; returns it. */
char *shape_text(char buffer[128], shape s);

typedef struct tensor tensor;

tensor *tensor_new(dtype type, shape s, error *e); /* zeroed */
tensor *tensor_share(const tensor *t, error *e);   /* same storage until one writes */
void tensor_free(tensor *t);                       /* NULL is fine */

/* Is it kept in a file, because the budget of memory has no room for it?  (base/spill.h) */
bool tensor_is_spilled(const tensor *t);
/* Elements BEGIN to END will not be needed soon: where they are kept in a file, their
   memory is given back.  They stay what they are. */
void tensor_settle(const tensor *t, int64_t begin, int64_t end);

dtype tensor_dtype(const tensor *t);
shape tensor_shape(const tensor *t);
int64_t tensor_count(const tensor *t);
size_t tensor_bytes(const tensor *t);
status tensor_reshape(tensor *t, shape s, error *e); /* same count */

const void *tensor_data(const tensor *t); /* lent, for reading */
const float *tensor_f32(const tensor *t); /* the same for DTYPE_F32 */

/* For writing: storage is made private first.  NULL with E_MEMORY. */
void *tensor_write(tensor *t, error *e);
float *tensor_write_f32(tensor *t, error *e);

/* Differs from every version that any tensor had before, since T was last written. */
uint64_t tensor_version(const tensor *t);

/* How often any tensor was made, shared, swapped or written so far: while it stays the
   same, so does all that tensors hold. */
uint64_t tensor_changes(void);
void tensor_swap(tensor **a, tensor **b);

bool tensor_is_shared(const tensor *a, const tensor *b); /* the same storage? */
bool tensor_equal(const tensor *a, const tensor *b);     /* type, shape and bits */
uint64_t tensor_hash(const tensor *t, uint64_t hash);

/* A new tensor with the dimensions in another order: out.dim[i] = in.dim[order[i]].
   (N,H,W,C) to (N,C,H,W) is order {0,3,1,2}. */
tensor *tensor_permute(const tensor *t, const int *order, error *e);

/* The orders between the outside world's layout and lathe's, for a given rank:
   activations (N,C,spatial...) <-> (N,spatial...,C), weights (O,I,k...) <-> (O,k...,I).
   Both are the same permutation.  Rank 2 and below: unchanged. */
void tensor_order_from_outside(int rank, int order[SHAPE_MAX]);
void tensor_order_to_outside(int rank, int order[SHAPE_MAX]);

/* Conversion of any type to f32 (round to nearest): COUNT numbers, or a tensor (NULL with
   E_MEMORY). */
void dtype_to_f32(dtype type, const void *from, int64_t count, float *to);
tensor *tensor_to_f32(const tensor *t, error *e);

#endif
