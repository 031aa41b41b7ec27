/* SPDX-License-Identifier: GPL-3.0-or-later
   requirement.h -- what a compressed model has to reach, beside the one it came from, and
   whether what was measured does.  It measures nothing. */
#ifndef LATHE_COMPRESS_REQUIREMENT_H
#define LATHE_COMPRESS_REQUIREMENT_H

#include "base/text.h"
#include "measure/evaluate.h"

#define REQUIREMENTS_MAX 8

/* What is known of a model; time in milliseconds, size in bytes. */
typedef struct quantities {
    double size, parameters, multiply_adds;
    double time,
        base_time; /* measured in the same rounds, of the model and of its base */
    evaluation metrics;
} quantities;

typedef enum requirement_kind {
    REQUIRE_SHARE, /* "-30%": at most 0.7 of the base; of what should be high, at least */
    REQUIRE_POINTS, /* "-5pt": base - 0.05, of metrics that are shares */
    REQUIRE_LIMIT   /* "1MiB", "2.5", "0.85": as it stands */
} requirement_kind;

/* size, time, parameters, multiply_adds, or a metric. */
typedef struct requirement {
    char key[40], words[40];  /* as written */
    const metric_row *metric; /* NULL: one of the others */
    requirement_kind kind;
    double amount;
} requirement;

/* E_NAME for a key that is none, with those that there are; E_RANGE for words that are no
   amount. */
status requirement_read(requirement *r, const char *key, const char *words, error *e);

double requirement_value(const requirement *r, const quantities *q); /* NaN: not known */
double requirement_limit(const requirement *r, const quantities *base,
                         const quantities *now);
/* A gain never fails; what is not known does. */
bool requirement_met(const requirement *r, const quantities *base, const quantities *now);
/* The same; where it is missed, adds "size is 91 bytes, size=-30% wants 70 bytes", behind "; " where
   WORDS has something. */
bool requirement_tell(const requirement *r, const quantities *base, const quantities *now,
                      text *words);
/* How far NOW is from the limit, as a share of it: above 0 where it is missed. */
double requirement_gap(const requirement *r, const quantities *base,
                       const quantities *now);

#endif
