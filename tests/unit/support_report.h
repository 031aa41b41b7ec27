/* SPDX-License-Identifier: GPL-3.0-or-later
   support_report.h -- a database with a small study in it, for tests of reports: what it
   holds is written in support_report.c by hand.  It tests nothing itself. */
#ifndef LATHE_TESTS_SUPPORT_REPORT_H
#define LATHE_TESTS_SUPPORT_REPORT_H

#include "report/report.h"

#define STUDY_SESSION "5e551040"

/* The runs of the study, in order. */
enum {
    RUN_DATA = 1,
    RUN_TRAIN,
    RUN_EVAL,
    RUN_PRUNE,
    RUN_QUANTIZE,
    RUN_BENCH,
    RUN_COMPARE,
    RUN_PLOT,
    RUN_SAVE,
    RUN_OTHER
};

typedef struct study {
    char folder[64];
    ledger *ledger;
} study;

/* Fails the test where it cannot be made. */
void study_make(study *s);
void study_remove(study *s);

/* FILE in the study's folder; lent until the next call. */
const char *study_path(const study *s, const char *file);
void study_write(const study *s, const char *file, const char *words);

/* Records one more run of LINE with one row of COLUMN = WORDS; its number. */
int64_t study_record(study *s, const char *line, const char *column, const char *words);

/* The report of WORDS (NULL: the usual template) as FILE of the study's folder; fails the
   test where it cannot be made.  The caller clears OUT. */
void study_report(study *s, const char *words, const char *file, text *out,
                  report_counts *counts);

/* The error of a report that cannot be made. */
error study_refuses(study *s, const char *words);

/* How many faults a check of OUT as FILE finds. */
int64_t study_faults(study *s, const char *file, const text *out);

#endif
