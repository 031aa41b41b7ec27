/* SPDX-License-Identifier: GPL-3.0-or-later
   dataset_file.h -- datasets from archives of numpy arrays, whatever their entries are
   called.  The names that lathe itself writes are dataset.h's dataset_write_npz. */
#ifndef LATHE_DATA_DATASET_FILE_H
#define LATHE_DATA_DATASET_FILE_H

#include "data/dataset.h"
#include "data/npy.h"

/* The published names, those of other datasets, and those of both. */
#define ENTRY_DENSITY  "densities"
#define ENTRY_GRADIENT "phase_gradients"
#define ENTRY_MASKS    "masks"
#define ENTRY_INPUT    "input"
#define ENTRY_TARGET   "target"
#define ENTRY_MASK     "mask"
#define ENTRY_LABELS   "labels"
#define ENTRY_SCALE    "scale"
#define ENTRY_GROUPS   "groups"
#define ENTRY_SPLITS   "splits"

/* Entries of an archive. */
typedef struct dataset_layout {
    const char *input;
    const char *target, *mask; /* NULL: there is none */
    const char *labels;        /* instead of a target, whole numbers from 0; or NULL */
    const char *groups;        /* NULL: ENTRY_GROUPS, if the archive has it */
    int64_t limit;             /* at most so many samples */
} dataset_layout;

/* Reads images (N,H,W) or (N,C,H,W) and blocks (N,C,D,H,W) of any number type; bytes stay
   bytes where ENTRY_SCALE says that they are parts of 255.  A target with the values of
   the input is one to be reproduced.  One-dimensional arrays of N
   numbers become facts.  A whole file that says its own splits keeps them; else the
   standard split under SEED. */
dataset *dataset_read_layout(const char *path, const dataset_layout *layout,
                             uint64_t seed, const task *watch, error *e);

/* The array file PATH in lathe's order and f32: (N,H,W), (N,C,H,W) or (N,C,D,H,W), every
   value finite; of its first dimension at most LIMIT.  ENTRY is what it is for. */
tensor *dataset_images(const char *path, const char *entry, int64_t limit,
                       const task *watch, error *e);

#endif
