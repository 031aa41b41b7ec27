/* SPDX-License-Identifier: GPL-3.0-or-later
   support_reference.h -- independent values kept in tests/reference. */
#ifndef LATHE_TESTS_SUPPORT_REFERENCE_H
#define LATHE_TESTS_SUPPORT_REFERENCE_H

#include <stdint.h>

/* Entry ENTRY of tests/reference/FILE (an .npz of float64 or int64) as doubles, in the
   file's order; the test fails where it is missing.  The caller frees. */
double *support_reference(const char *file, const char *entry, int64_t *count);

#endif
