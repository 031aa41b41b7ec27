/* SPDX-License-Identifier: GPL-3.0-or-later
   doctor_parts.h -- what the checks look at, and how they tell what they found.  Others
   use doctor.h. */
#ifndef LATHE_COMPRESS_DOCTOR_PARTS_H
#define LATHE_COMPRESS_DOCTOR_PARTS_H

#include "compress/doctor.h"

/* What was seen of one value of the graph over all samples. */
typedef struct doctor_seen {
    int64_t channels;  /* 0: it could not be looked at */
    int64_t pixels;    /* elements of each channel that were seen */
    float *low, *high; /* [channels] */
    int64_t not_finite;
    int64_t at_ends; /* codes at an end of their range that is not the zero */
} doctor_seen;

struct doctor_subject {
    const model *m;
    const doctor_seen *seen; /* [values]; NULL without data */
    int64_t samples;
};

/* A finding of CHECK: WHAT in a sentence without an end. */
void doctor_find(table *out, const doctor_check *check, const char *layer, double value,
                 const char *what, ...) __attribute__((format(printf, 5, 6)));

/* Runs M over the samples; *SEEN [values of the graph], freed by doctor_seen_free. */
status doctor_watch(const model *m, const dataset *d, const int64_t *index, int64_t n,
                    const task *watch, doctor_seen **seen, error *e);
void doctor_seen_free(doctor_seen *seen, int values);

/* By its bits: a processor that flushes takes such a number for 0. */
bool doctor_is_subnormal(float x);

/* Checks of parameters, */
void doctor_look_not_finite(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_subnormal(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_revived(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_collapsed(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_dead_weights(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_norm(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_unobserved(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_target(const doctor_check *c, const doctor_subject *s, table *out);
/* and of what flows. */
void doctor_look_values(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_dead(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_constant(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_saturated(const doctor_check *c, const doctor_subject *s, table *out);
void doctor_look_unused(const doctor_check *c, const doctor_subject *s, table *out);

#endif
