/* SPDX-License-Identifier: GPL-3.0-or-later
   augment.h -- random changes of training samples that leave what they show: shifts, flips
   and quarter turns, drawn for each sample and epoch.  Validation and test never see them;
   the dataset itself is never changed. */
#ifndef LATHE_DATA_AUGMENT_H
#define LATHE_DATA_AUGMENT_H

#include "data/dataset.h"

/* What a model records; all zero for none. */
typedef struct augmentation {
    int64_t crop; /* pixels: images are padded by so many, reflected (periodic fields by
                     themselves), and cut back to their size at a random place */
    bool flip_x;  /* left for right, half of the times */
    bool flip_y;  /* top for bottom, half of the times */
    bool turn;    /* by none to three quarter turns */
} augmentation;

bool augmentation_is_none(const augmentation *a);

/* Do images of D take it?  Turns want squares, crops sides above their padding. */
status augmentation_check(const augmentation *a, const dataset *d, error *e);

/* What was drawn for one sample. */
typedef struct augmentation_draw {
    int64_t shift_x, shift_y; /* pixels, -crop .. crop */
    bool flip_x, flip_y;
    int turns; /* each as numpy.rot90 turns: out[i][j] = in[j][n-1-i] */
} augmentation_draw;

/* What the numbers of a sample are. */
typedef enum augmentation_field {
    FIELD_PICTURE,  /* pixels; beyond an edge comes their reflection */
    FIELD_PERIODIC, /* numbers of a field whose last row and column border on its first */
    FIELD_STEPS /* two channels, of such a field: the steps along x and y from each pixel
                       to the next one.  A reflection would turn its vortices the other way
                       round; what comes in on one side is what went out on the other. */
} augmentation_field;

/* That of D's inputs and masks, and that of its targets. */
augmentation_field augmentation_input(const dataset *d);
augmentation_field augmentation_target(const dataset *d);

/* Depends on SEED, SAMPLE and EPOCH alone. */
augmentation_draw augmentation_for(const augmentation *a, uint64_t seed, int64_t epoch,
                                   int64_t sample);

/* Changes X, one sample (H,W,C) or (D,H,W,C), in place: first the crop, then flips, then
   turns.  Pixels of X are SCALE to one of the draw's.  SCRATCH has room for as many
   numbers. */
void augmentation_apply(const augmentation_draw *w, float *x, shape s, int64_t scale,
                        augmentation_field field, float *scratch);

/* dataset_batch for training: as A says, for SEED and EPOCH (the input before T, and
   target and mask alike).  A must have been checked.  E_MEMORY. */
status dataset_batch_augmented(const dataset *d, const transform *t,
                               const augmentation *a, uint64_t seed, int64_t epoch,
                               const int64_t *index, int64_t n, float *input,
                               float *target, float *valid, error *e);

#endif
