/* SPDX-License-Identifier: GPL-3.0-or-later
   idx.h -- arrays in the format of the MNIST files, plain or compressed by gzip.  Source:
   LeCun, Cortes, Burges, "The MNIST database": two zero bytes, a type, the number of
   dimensions, each as 32 bits, then the numbers; all of them big-endian. */
#ifndef LATHE_DATA_IDX_H
#define LATHE_DATA_IDX_H

#include "tensor/tensor.h"

/* Of the first dimension at most LIMIT; what lies behind is not read.  A header is
   believed only as far as the file's length allows. */
tensor *idx_read(const char *path, int64_t limit, error *e);

#endif
