/* SPDX-License-Identifier: GPL-3.0-or-later
   prune_parts.h -- what the two files of pruning share: which elements make a block.
   Nobody else includes it. */
#ifndef LATHE_COMPRESS_PRUNE_PARTS_H
#define LATHE_COMPRESS_PRUNE_PARTS_H

#include "compress/prune.h"

/* The elements first, first + step .. (count of them) go or stay together. */
typedef struct block {
    int64_t first, step, count;
} block;

/* P falls into blocks, numbered in the order of their first elements as far as that is
   one; what is left at an end makes shorter blocks. */
int64_t block_count(const prune_pattern *pattern, const parameter *p);
block block_at(const prune_pattern *pattern, const parameter *p, int64_t i);

/* The mask of P to be written, made where there is none; NULL with an error. */
uint8_t *parameter_mask(parameter *p, error *e);

/* Of each block of P the PATTERN's keep elements of the largest SCORE stay; of equal ones
   the later.  What is masked stays masked. */
status keep_largest(const prune_pattern *pattern, parameter *p, const float *score,
                    error *e);

#endif
