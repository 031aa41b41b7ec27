/* SPDX-License-Identifier: GPL-3.0-or-later
   array_feed.h -- arrays that come out of files block by block, and are put into tensors
   as they come: no file is ever whole in memory beside what is made of it.  It knows no
   format: those that do make feeds. */
#ifndef LATHE_DATA_ARRAY_FEED_H
#define LATHE_DATA_ARRAY_FEED_H

#include <stdbool.h>
#include "base/task.h"
#include "tensor/tensor.h"

/* An array as its file has it.  The functions are those of the format. */
typedef struct array_feed {
    dtype type;
    bool swapped; /* the bytes of each number stand in the other order */
    bool fortran; /* the first dimension runs fastest, else the last one */
    shape shape;
    char *who; /* in messages */
    void *context;
    /* The next BYTES of the array, and never more than it has. */
    status (*fill)(void *context, void *to, size_t bytes, error *e);
    status (*rewind)(void *context, error *e); /* the next byte is the first again */
    status (*finish)(void *context, error *e); /* behind the last byte: all sound? */
    void (*close)(void *context);
} array_feed;

/* Frees WHO and the context. */
void array_feed_close(array_feed *f);

typedef enum array_rule {
    ARRAY_REAL, /* f32, every value finite */
    ARRAY_MASK, /* u8; the values are 0 and 1 */
    ARRAY_BYTES /* u8, as they are: for bytes alone */
} array_rule;

/* What is wanted of an array. */
typedef struct array_wish {
    int order[SHAPE_MAX]; /* of the dimensions: out.dim[i] = shape.dim[order[i]] */
    int64_t first;        /* of the first dimension that comes out at most so many */
    array_rule rule;
    float least; /* ARRAY_REAL: smaller numbers are raised to it (-INFINITY: none is) */
    const task *watch;
} array_wish;

/* The array that F feeds, of at least one dimension.  Where the tensor is kept in a file,
   no more than SPILL_WINDOW of it (or what is left of the budget, where samples lie
   scattered) is in memory at a time; scattered samples are then read in several passes.
   E_NUMERIC says where a value is not finite. */
tensor *array_take(array_feed *f, const array_wish *w, error *e);

#endif
