/* SPDX-License-Identifier: GPL-3.0-or-later
   specimen.h -- one sample of a dataset and what a model makes of it, as pictures or as
   probabilities.  It is made by the thread that owns the session, and never changes. */
#ifndef LATHE_UI_SCREEN_SPECIMEN_H
#define LATHE_UI_SCREEN_SPECIMEN_H

#include "session/session.h"

enum { SPECIMEN_IMAGES = 4, SPECIMEN_CLASSES = 10 };

typedef struct specimen_image {
    const char *title; /* "input", "wanted", "predicted", "error" */
    int64_t height, width;
    float *values; /* from 0 to 1; NaN: does not count */
} specimen_image;

typedef struct specimen_class {
    char name[48];
    double share;
    bool true_one;
} specimen_class;

typedef struct specimen {
    int64_t model, data;   /* serials */
    int64_t turn;          /* that was asked for */
    int64_t number, count; /* of the samples of the split that may be looked at */
    const char *split;
    specimen_image images[SPECIMEN_IMAGES];
    int image_count;
    specimen_class
        classes[SPECIMEN_CLASSES]; /* the likeliest, and the true one last where
                                                 it is none of them */
    int class_count;
    double error;      /* root of the mean squared error; NaN of classes */
    char problem[200]; /* why there is nothing else; "" */
} specimen;

/* Runs the model on sample TURN of the dataset's split test, or of all where that is empty;
   below 0 and beyond the last it goes round.  What cannot be shown is told as its problem;
   NULL without memory. */
specimen *specimen_make(const session *s, const char *model, const char *data,
                        int64_t turn);
void specimen_free(specimen *p); /* NULL is fine */

#endif
