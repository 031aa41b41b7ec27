/* SPDX-License-Identifier: GPL-3.0-or-later
   csv.h -- comma-separated words with a heading, as a table.  It opens no file. */
#ifndef LATHE_REPORT_CSV_H
#define LATHE_REPORT_CSV_H

#include <stddef.h>
#include "base/table.h"

/* Appends LENGTH bytes of WORDS, which a NUL ends, to OUT: every cell is words, in the
   columns of the first line; `#line` is the line a row begins at.  Lines that begin with
   "#" are left out.  E_FORMAT, with the line, for a row of another length and for a quote
   without its end.  Source: RFC 4180. */
status csv_read(const char *words, size_t length, table *out, error *e);

#endif
