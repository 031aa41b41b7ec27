/* SPDX-License-Identifier: GPL-3.0-or-later
   svd.h -- singular values and vectors of a matrix, by OpenBLAS's LAPACK.  It knows no
   layer. */
#ifndef LATHE_COMPRESS_SVD_H
#define LATHE_COMPRESS_SVD_H

#include <stdint.h>
#include "base/error.h"

/* A [rows x columns] = U diag(S) V; U [rows x k], S [k] descending, V [k x columns],
   k = min(rows, columns); all row by row, lent by the caller.  A is kept.  E_NUMERIC where
   A holds what is not finite. */
status svd_of(const double *a, int64_t rows, int64_t columns, double *u, double *s,
              double *v, error *e);

#endif
