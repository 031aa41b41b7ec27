/* SPDX-License-Identifier: GPL-3.0-or-later
   support_model_file.h -- models and the bytes of their files, for tests. */
#ifndef LATHE_TESTS_SUPPORT_MODEL_FILE_H
#define LATHE_TESTS_SUPPORT_MODEL_FILE_H

#include <stddef.h>
#include <stdint.h>
#include "graph/model.h"

/* By magnitude, weights and scales, over all layers. */
void support_prune(model *m, double amount);

/* The bytes of M's file; the caller frees. */
unsigned char *support_file(const model *m, size_t *length);

/* The length of the JSON header that a safetensors file begins with. */
uint64_t support_header_length(const unsigned char *bytes);

#endif
