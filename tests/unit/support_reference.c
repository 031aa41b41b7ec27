/* SPDX-License-Identifier: GPL-3.0-or-later
   support_reference.c -- independent values kept in tests/reference; read only. */
#include "support_reference.h"

#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "data/npy.h"

double *support_reference(const char *file, const char *entry, int64_t *count)
{
    error e = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/reference/%s", TEST_SOURCE_DIR, file);
    npz *z = npz_open(path, &e);
    tensor *t = z ? npz_read(z, entry, &e) : NULL;
    if (!t)
        fail_msg("%s", e.text);
    *count = tensor_count(t);
    double *x = malloc((size_t)(*count > 0 ? *count : 1) * sizeof *x);
    assert_non_null(x);
    assert_true(tensor_dtype(t) == DTYPE_F64 || tensor_dtype(t) == DTYPE_S64);
    for (int64_t i = 0; i < *count; i++)
        x[i] = tensor_dtype(t) == DTYPE_F64
                   ? ((const double *)tensor_data(t))[i]
                   : (double)((const int64_t *)tensor_data(t))[i];
    tensor_free(t);
    npz_close(z);
    return x;
}
