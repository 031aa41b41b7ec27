/* SPDX-License-Identifier: GPL-3.0-or-later
   dataset.h -- samples in memory: inputs, targets, masks, groups and splits.
   Images are channels-last here; sources and exports convert from and to the outside
   world's (N,C,H,W).  Everything below holds for blocks (N,D,H,W,C), too. */
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

typedef enum split_kind {
    SPLIT_NONE,
    SPLIT_TRAIN,
    SPLIT_VAL,
    SPLIT_TEST,
    SPLIT_ALL
} split_kind;

typedef struct dataset {
    char *source;  /* "gpe", "npz"; with its options in `origin` */
    char *origin;  /* the words that made it */
    int64_t count; /* N, at least 1 */
    tensor *input; /* f32 (N, H, W, C); or u8, where BYTE_SCALE times the number counts */
    tensor *target; /* f32 (N, H, W, Ct); the input itself (shared) where it is to be
                          reproduced; (N, 1) labels where there are classes; or NULL */
    tensor *mask;   /* u8 (N, H, W, 1 or Ct), 1 = INVALID; NULL where all is valid */
    int64_t *group; /* [N] samples of one group never stand in two splits; or NULL */
    uint8_t *split; /* [N] split_kind */
    table *facts;   /* one row a sample (g, omega, energy, ...), or NULL */
    char *input_name, *target_name; /* "density", "phase gradient" */
    int64_t class_count; /* labels are 0 .. class_count-1; 0 where targets are none */
    char **class_names;  /* [class_count]; or NULL where they have no names */
} dataset;

#define BYTE_SCALE (1.0f / 255) /* of inputs that are kept as u8 */

dataset *dataset_new(error *e);                    /* empty; fill the fields */
dataset *dataset_copy(const dataset *d, error *e); /* tensors shared */
void dataset_free(dataset *d);
status dataset_check(const dataset *d, error *e); /* do the fields fit together? */

/* Splits by fraction, at random under SEED; by group where BY_GROUP and there are groups.
   Fractions are of groups (or samples), rounded so that each split asked for is not empty;
   E_RANGE where that cannot be. */
status dataset_split(dataset *d, double train, double val, double test, bool by_group,
                     uint64_t seed, error *e);
/* Of the samples that are not SPLIT_TEST the share VAL becomes SPLIT_VAL (at least one
   where VAL > 0), the rest SPLIT_TRAIN: for data whose test samples are given. */
status dataset_split_rest(dataset *d, double val, uint64_t seed, error *e);
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
/* Is the target the input itself, for a network to reproduce? */
bool dataset_is_reproduced(const dataset *d);
/* "clock", or NULL where the class has no name. */
const char *dataset_class_name(const dataset *d, int64_t label);

/* Transforms that a model records and applies to its input: lathe never changes the
   dataset itself. */
typedef enum transform_kind {
    TRANSFORM_NONE,
    TRANSFORM_LOG,
    TRANSFORM_NORMALIZE,
    TRANSFORM_BLOCK_LOG
} transform_kind;
typedef struct transform {
    int64_t height, width; /* pictures come to this size first; 0: as they are */
    transform_kind kind;
    double epsilon; /* log: ln(x + epsilon); block-log: ln(x - min + epsilon),
                                   min being that of the sample and to be stored with it */
    int channels;   /* normalize: (x - mean[c]) / deviation[c] */
    double mean[16], deviation[16];
} transform;
#define TRANSFORM_SIDE_MOST 65536
/* The shape of a sample of shape S under T (which may be NULL): its size may change. */
shape transform_shape(const transform *t, shape s);
/* X [n x channels], one sample of the final size, in place, channel fastest. */
void transform_apply(const transform *t, float *x, int64_t n, int64_t channels);
/* What the way back needs beside the result: for block-log the least of X, as it is
   before transform_apply; else 0. */
float transform_side(const transform *t, const float *x, int64_t n, int64_t channels);
/* The way back, in place: exp(y) + SIDE - epsilon, exp(y) - epsilon, or y deviation[c] +
   mean[c].  Sums are in double, so that only the rounding of Y to f32 is lost. */
void transform_invert(const transform *t, float *y, int64_t n, int64_t channels,
                      float side);

/* Copies samples INDEX[0..n-1] into a batch, transforming the input, and the target
   where it is the input.  Any of the outputs may be NULL.  VALID is 1 - mask as f32,
   broadcast to the target's channels.  It fails only where T changes the size: E_SHAPE for
   what has none that could be changed, E_MEMORY. */
status dataset_batch(const dataset *d, const transform *t, const int64_t *index,
                     int64_t n, float *input, float *target, float *valid, error *e);
/* The shapes of one sample's input and target in a batch. */
shape batch_input_shape(const dataset *d, const transform *t);
shape batch_target_shape(const dataset *d, const transform *t);

/* A source: a row of the table in source.c. */
typedef struct data_source {
    const char *name, *summary;
    const option *options; /* beside the NAME and SOURCE of the command */
    int arguments,
        required; /* how many of them are positional (FILE), and must be given */
    const char *example;
    /* Makes the dataset; SEED where it draws. */
    dataset *(*read)(const option_set *options, uint64_t seed, const task *t, error *e);
    /* The same for sources that make it of another one, whose name is the option `from`:
       they have this instead of `read`. */
    dataset *(*derive)(const dataset *from, const option_set *options, uint64_t seed,
                       const task *t, error *e);
    bool names_test; /* its files may say which samples are for testing */
} data_source;
const data_source *data_source_find(const char *name);
const data_source *data_source_at(int i);
extern const data_source source_cifar10, source_cifar100, source_fashion_mnist,
    source_gpe, source_hdf5, source_idx, source_images, source_lowlight, source_npy,
    source_npz, source_puncture, source_raw;

/* Writes the published layout (FILE.npz with densities (N,H,W), phase_gradients and masks
   (N,2,H,W); other datasets: input, target, mask, in N,C,H,W), and one-dimensional arrays:
   groups, splits (1 train, 2 val, 3 test) and every numeric column of the facts;
   atomically. */
status dataset_write_npz(const dataset *d, const char *path, error *e);

/* Reads back what dataset_write_npz wrote, split and facts included; source and origin
   become the file. */
dataset *dataset_read_npz(const char *path, error *e);

#endif
