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

/* Rows that sources of labelled images share. */
#define OPTION_CLASSES                                                                   \
    {"classes", OPTION_WORDS, NULL, NULL, NULL,                                          \
     "only these, by name or index, relabelled in this order; or household"}
#define OPTION_VAL                                                                       \
    {"val", OPTION_REAL, "0..0.9", "0.1", NULL,                                          \
     "share of the training samples for choosing; the test split is the file's own"}
#define OPTION_LIMIT                                                                     \
    {"limit", OPTION_INTEGER, "1..", NULL, NULL,                                         \
     "at most so many samples, the first ones, of each file"}
/* The option `limit`, INT64_MAX where it is not given. */
int64_t source_limit(const option_set *options);

/* A dataset with the source's words, INPUT_NAME and TARGET_NAME (or NULL), and a split
   that is all SPLIT_TRAIN, of COUNT samples.  The tensors are the caller's to make. */
dataset *source_dataset(const data_source *source, const option_set *options,
                        int64_t count, const char *input_name, const char *target_name,
                        error *e);

/* D where CHECK is E_OK and it is sound, else NULL and D is freed. */
dataset *source_finish(dataset *d, status result, error *e);

/* Can samples of this shape and type be counted in bytes?  E_FORMAT where not; WHO names
   the file.  Whether there is room for them a tensor finds out: in memory, or in a file. */
status source_check_size(const char *who, dtype type, shape s, error *e);

#endif
