/* SPDX-License-Identifier: GPL-3.0-or-later
   doctor.h -- the table of checks for what is wrong with a model without being an error:
   numbers that are none, channels that do nothing, ranges that nobody observed.  A row is
   a check; nothing is changed. */
#ifndef LATHE_COMPRESS_DOCTOR_H
#define LATHE_COMPRESS_DOCTOR_H

#include "base/table.h"
#include "base/task.h"
#include "data/dataset.h"
#include "graph/model.h"

typedef struct doctor_subject doctor_subject; /* doctor_parts.h */

typedef struct doctor_check {
    const char *name;    /* "dead_channels" */
    const char *summary; /* what is looked for */
    const char *advice;  /* what to do about it */
    bool wants_data;     /* looks at what flows between layers */
    /* Adds rows by doctor_find. */
    void (*look)(const struct doctor_check *c, const doctor_subject *s, table *out);
} doctor_check;

const doctor_check *doctor_check_at(int i); /* NULL beyond the last */

/* Runs every check; those that want data only where D is not NULL, on its samples
   INDEX[0..n-1].  Findings become rows of OUT: check, layer, value, what, advice.
   E_STOPPED: the checks without data have been made. */
status doctor_examine(const model *m, const dataset *d, const int64_t *index, int64_t n,
                      const task *watch, table *out, error *e);

#endif
