/* SPDX-License-Identifier: GPL-3.0-or-later
   report.h -- a report made from a template and the ledger.  Every number of it is looked
   up; the template has none.  It runs no command by itself and prints nothing. */
#ifndef LATHE_REPORT_REPORT_H
#define LATHE_REPORT_REPORT_H

#include "ledger/lookup.h"
#include "report/writer.h"

/* What only the program around can do. */
typedef struct report_hooks {
    void *context;
    /* The variable NAME of the session; NULL where there is none. */
    const char *(*variable)(void *context, const char *name);
    /* Draws the figure of `plot WORDS` into the file PATH. */
    status (*draw)(void *context, const char *words, const char *path, error *e);
} report_hooks;

typedef struct report_request {
    ledger *ledger;
    ledger_scope scope;
    const report_format *format;
    const char *path;     /* of the report: figures are named from its folder */
    const char *words;    /* the template */
    const char *name;     /* its file, for messages and relative paths; NULL: built in */
    const char *baseline; /* a model's name; NULL: the first one measured */
    int64_t date;         /* seconds since 1970; below 0: of the last run */
    report_hooks hooks;
} report_request;

typedef struct report_counts {
    int64_t numbers, figures, runs;
    int64_t unmeasured; /* published rows for which there was no run, or no data */
} report_counts;

/* Fills D (zeroes; cleared by the caller, also on failure).  Errors name the template and
   its line. */
status report_build(const report_request *r, document *d, report_counts *counts,
                    error *e);

/* The template that makes all sections from whatever was done. */
extern const char report_usual_template[];

#endif
