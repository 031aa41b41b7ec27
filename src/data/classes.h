/* SPDX-License-Identifier: GPL-3.0-or-later
   classes.h -- names of classes, and which of a dataset's classes are wanted.  What the
   labels belong to is the sources' business. */
#ifndef LATHE_DATA_CLASSES_H
#define LATHE_DATA_CLASSES_H

#include "data/dataset.h"

/* The classes that are wanted, in the order of their new labels. */
typedef struct class_choice {
    int64_t known;   /* classes of the file, 0 .. known-1 */
    int64_t *label;  /* [known] the new label, or -1 where the class is not wanted */
    int64_t count;   /* that are wanted */
    char **names;    /* [count]; or NULL where they have none */
} class_choice;

/* `classes=clock,keyboard,...` of OPTIONS: by name (of the KNOWN ones in NAMES, which may
   be NULL) or by index, relabelled in the order given; `household` stands for the ten
   classes of that name; all where the option is not given.  E_NAME, E_RANGE or E_USAGE
   (one class twice).  WHO names the file in messages. */
status class_choice_make(class_choice *c, const char *who, const option_set *options,
                         char *const *names, int64_t known, error *e);
void class_choice_clear(class_choice *c);

/* Gives D its labels' target (N, 1), class count and names, which leave C.  LABEL holds
   d->count new labels. */
status class_choice_give(class_choice *c, dataset *d, const int64_t *label, error *e);

/* The lines of a small text file, blank ones left out: *LINES has *COUNT of them, at most
   MOST.  Free with names_free. */
status names_read(const char *path, int64_t most, char ***lines, int64_t *count,
                  error *e);
void names_free(char **names, int64_t count);

#endif
