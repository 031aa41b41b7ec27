/* SPDX-License-Identifier: GPL-3.0-or-later
   svd.c -- singular values and vectors of a matrix, by OpenBLAS's LAPACK (dgesdd), on one
   thread, so that the bits are the same on any number.  It does no arithmetic itself. */
#include "compress/svd.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include "base/memory.h"

/* LAPACK's routine by Fortran's convention: the length of a text comes last. */
void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda,
             double *s, double *u, const int *ldu, double *vt, const int *ldvt,
             double *work, const int *work_size, int *integers, int *info,
             size_t job_length);

static status failed(int info, error *e)
{
    return fail(e, E_NUMERIC, "svd: LAPACK found no singular values (%d)", info);
}

/* Fortran's columns are our rows, so the transpose of A is decomposed: its left vectors
   are the right ones of A. */
static status decompose(double *a, int rows, int columns, double *u, double *s, double *v,
                        error *e)
{
    const int k = rows < columns ? rows : columns, ask = -1;
    int info = 0, *integers = memory_new(8 * (int64_t)k, sizeof *integers, e);
    double size = 0;
    if (!integers)
        return E_MEMORY;
    dgesdd_("S", &columns, &rows, a, &columns, s, v, &columns, u, &k, &size, &ask,
            integers, &info, 1);
    const int work_size = size < (double)INT_MAX ? (int)size : INT_MAX;
    double *work = info == 0 ? memory_new_raw(work_size, sizeof *work, e) : NULL;
    if (work)
        dgesdd_("S", &columns, &rows, a, &columns, s, v, &columns, u, &k, work,
                &work_size, integers, &info, 1);
    memory_free(integers);
    memory_free(work);
    if (info != 0)
        return failed(info, e);
    return work ? E_OK : E_MEMORY;
}

status svd_of(const double *a, int64_t rows, int64_t columns, double *u, double *s,
              double *v, error *e)
{
    if (rows < 1 || columns < 1 || rows > INT_MAX / 8 || columns > INT_MAX / 8)
        return fail(e, E_RANGE, "svd: a matrix of %lld x %lld", (long long)rows,
                    (long long)columns);
    for (int64_t i = 0; i < rows * columns; i++)
        if (!isfinite(a[i]))
            return fail(e, E_NUMERIC, "svd: the matrix holds a value that is not finite");
    double *copy = memory_new_raw(rows * columns, sizeof *copy, e);
    if (!copy)
        return E_MEMORY;
    memcpy(copy, a, (size_t)(rows * columns) * sizeof *copy);
    openblas_set_num_threads(1);
    status result = decompose(copy, (int)rows, (int)columns, u, s, v, e);
    memory_free(copy);
    return result;
}
