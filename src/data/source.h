/* SPDX-License-Identifier: GPL-3.0-or-later
   source.h -- what the data sources share.  Nobody else needs it: users of datasets read
   dataset.h. */
#ifndef LATHE_DATA_SOURCE_H
#define LATHE_DATA_SOURCE_H

#include "data/dataset.h"

/* 60, 20 and 20 per cent of the groups (or samples, without groups) for train, val and
   test; everything for train where there are fewer than three. */
status dataset_split_standard(dataset *d, uint64_t seed, error *e);

/* "gpe n=64 grid=200": the source's name and what was given.  The caller frees. */
char *source_origin(const data_source *source, const option_set *options, error *e);

#endif
