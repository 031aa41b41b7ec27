/* SPDX-License-Identifier: GPL-3.0-or-later
   integer_method.h -- the ways to compute one convolution on codes, as a table.  All give
   the bits that kernel/integer.h defines; they differ in speed alone.
   To add one: a file with its functions and a row in integer_method.c.

   A method runs in two parts.  `prepare` turns all that does not depend on x (weights,
   bias, scales, zero points) into what the kernel reads; that memory belongs to the
   caller, 64-byte aligned, and holds as long as these and the shape do not change.  `run`
   may then be called any number of times; of C it reads shape, formats, map, x and y
   alone.  Both are threaded, allocate nothing, and give the same bits at any number of
   threads. */
#ifndef LATHE_KERNEL_INTEGER_METHOD_H
#define LATHE_KERNEL_INTEGER_METHOD_H

#include <stdbool.h>
#include <stddef.h>
#include "kernel/integer.h"

typedef struct integer_method {
    const char *name;                     /* a word for tables: "amx", "vnni" */
    bool (*suits)(const integer_conv *c); /* on this processor? */
    size_t (*prepared_bytes)(const integer_conv *c);
    void (*prepare)(const integer_conv *c, void *prepared);
    size_t (*scratch_bytes)(const integer_conv *c); /* of run, for all threads */
    void (*run)(const integer_conv *c, const void *prepared, void *scratch);
    bool (*pays)(const integer_conv *c); /* faster than the rows behind?  NULL: always */
} integer_method;

/* The I-th row, fastest first as far as it pays, or NULL beyond the end; and the row of
   NAME, or NULL.  The last row suits everything. */
const integer_method *integer_method_at(int i);
const integer_method *integer_method_find(const char *name);

/* The first row that suits C and pays. */
const integer_method *integer_method_choose(const integer_conv *c);

extern const integer_method integer_method_depthwise, integer_method_sparse,
    integer_method_winograd;

#endif
