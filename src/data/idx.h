/* SPDX-License-Identifier: GPL-3.0-or-later
   idx.h -- arrays in the format of the MNIST files, plain or compressed by gzip.  Source:
   LeCun, Cortes, Burges, "The MNIST database": two zero bytes, a type, the number of
   dimensions, each as 32 bits, then the numbers; all of them big-endian. */
#ifndef LATHE_DATA_IDX_H
#define LATHE_DATA_IDX_H

#include "tensor/tensor.h"

/* An array read piece by piece.  A header is believed only as far as the file's length
   allows; no dimension is 0. */
typedef struct idx_file idx_file;
idx_file *idx_open(const char *path, error *e);
void idx_close(idx_file *f); /* NULL is fine */
dtype idx_type(const idx_file *f);
shape idx_shape(const idx_file *f);
/* The next COUNT numbers, in the order of this machine's bytes. */
status idx_take(idx_file *f, void *to, int64_t count, error *e);
/* Behind the last number: nothing may follow. */
status idx_expect_end(idx_file *f, error *e);

/* The whole; of the first dimension at most LIMIT, what lies behind is not read. */
tensor *idx_read(const char *path, int64_t limit, error *e);

#endif
