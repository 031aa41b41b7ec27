/* SPDX-License-Identifier: GPL-3.0-or-later
   dataset.h -- samples in memory: inputs, targets, masks, groups and splits.
   Images are channels-last here; sources and exports convert from and to the outside
   world's (N,C,H,W). */
#ifndef LATHE_DATA_DATASET_H
#define LATHE_DATA_DATASET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/option.h"
#include "base/random.h"
#include "base/table.h"
#include "base/task.h"
#include "tensor/tensor.h"

typedef enum split_kind { SPLIT_NONE, SPLIT_TRAIN, SPLIT_VAL, SPLIT_TEST, SPLIT_ALL } split_kind;

typedef struct dataset {
    char *source;      /* "gpe", "npz"; with its options in `origin` */
    char *origin;      /* the words that made it */
    int64_t count;     /* N, at least 1 */
    tensor *input;     /* f32 (N, H, W, C) */
    tensor *target;    /* f32 (N, H, W, Ct); NULL where there is none */
    tensor *mask;      /* u8 (N, H, W, 1 or Ct), 1 = INVALID; NULL where all is valid */
    int64_t *group;    /* [N] samples of one group never stand in two splits; or NULL */
    uint8_t *split;    /* [N] split_kind */
    table *facts;      /* one row a sample (g, omega, energy, ...), or NULL */
    char *input_name, *target_name; /* "density", "phase gradient" */
} dataset;

dataset *dataset_new(error *e);                        /* empty; fill the fields */
dataset *dataset_copy(const dataset *d, error *e);     /* tensors shared */
void dataset_free(dataset *d);
status dataset_check(const dataset *d, error *e);      /* do the fields fit together? */

/* Splits by fraction, at random under SEED; by group where BY_GROUP and there are groups.
   Fractions are of groups (or samples), rounded so that each split asked for is not empty;
   E_RANGE where that cannot be. */
status dataset_split(dataset *d, double train, double val, double test, bool by_group,
                     uint64_t seed, error *e);
int64_t dataset_split_count(const dataset *d, split_kind split);
/* Sample numbers of a split, ascending; the caller frees *INDEX. */
status dataset_split_index(const dataset *d, split_kind split, int64_t **index,
                           int64_t *count, error *e);
const char *split_name(split_kind split); /* "train", "val", "test", "all" */
split_kind split_find(const char *name);  /* SPLIT_NONE where unknown */

/* Bytes held; shape of one sample's input and target (batch left out). */
size_t dataset_bytes(const dataset *d);
shape dataset_input_shape(const dataset *d);
shape dataset_target_shape(const dataset *d);

/* Transforms that a model records and applies to its input: lathe never changes the
   dataset itself. */
typedef enum transform_kind { TRANSFORM_NONE, TRANSFORM_LOG, TRANSFORM_NORMALIZE } transform_kind;
typedef struct transform {
    transform_kind kind;
    double epsilon;             /* log: ln(x + epsilon) */
    int channels;               /* normalize: (x - mean[c]) / deviation[c] */
    double mean[16], deviation[16];
} transform;
/* X [n x channels] in place, channel fastest. */
void transform_apply(const transform *t, float *x, int64_t n, int64_t channels);

/* Copies samples INDEX[0..n-1] into a batch, transforming the input.  Any of the outputs
   may be NULL.  VALID is 1 - mask as f32, broadcast to the target's channels. */
void dataset_batch(const dataset *d, const transform *t, const int64_t *index, int64_t n,
                   float *input, float *target, float *valid);

/* A source: a row of the table in source.c. */
typedef struct data_source {
    const char *name, *summary;
    const option *options;   /* beside the NAME and SOURCE of the command */
    int arguments, required; /* how many of them are positional (FILE), and must be given */
    const char *example;
    /* Makes the dataset; SEED where it draws. */
    dataset *(*read)(const option_set *options, uint64_t seed, const task *t, error *e);
} data_source;
const data_source *data_source_find(const char *name);
const data_source *data_source_at(int i);
extern const data_source source_npz, source_gpe;

/* Writes the published layout (FILE.npz with densities (N,H,W), phase_gradients and masks
   (N,2,H,W); other datasets: input, target, mask, in N,C,H,W), and one-dimensional arrays:
   groups, splits (1 train, 2 val, 3 test) and every numeric column of the facts;
   atomically. */
status dataset_write_npz(const dataset *d, const char *path, error *e);

/* Reads back what dataset_write_npz wrote, split and facts included; source and origin
   become the file. */
dataset *dataset_read_npz(const char *path, error *e);

#endif
