/* SPDX-License-Identifier: GPL-3.0-or-later
   check.h -- a finished report against the ledger: every number in it is looked up and
   written again, every figure's bytes are hashed.  Neither is changed. */
#ifndef LATHE_REPORT_CHECK_H
#define LATHE_REPORT_CHECK_H

#include "ledger/ledger.h"
#include "report/writer.h"

typedef struct check_counts {
    int64_t numbers, figures, lines; /* that were looked up */
    int64_t wrong;                   /* rows of the answer */
} check_counts;

/* WORDS are the LENGTH bytes of the report PATH.  Appends one row to OUT for each fault:
   line, what, source, shown, ledger, fault. */
status report_check(ledger *l, const report_format *format, const char *path,
                    const char *words, size_t length, table *out, check_counts *counts,
                    error *e);

#endif
