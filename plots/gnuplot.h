/* SPDX-License-Identifier: GPL-3.0-or-later
   gnuplot.h -- gnuplot as a child process.  It knows nothing of figures and writes no
   file of the user's. */
#ifndef LATHE_PLOTS_GNUPLOT_H
#define LATHE_PLOTS_GNUPLOT_H

#include "base/error.h"
#include "base/task.h"
#include "base/text.h"

/* The path of gnuplot, looked for in the absolute folders of PATH; the caller frees.
   E_FILE with a hint where there is none. */
char *gnuplot_find(error *e);

/* Runs "gnuplot SCRIPT" within FOLDER, without a shell, without the user's own gnuplot
   settings, in a fixed locale and time zone; what it writes to standard output is
   appended to OUT.  E_FILE with gnuplot's message where it refuses, or where it is not
   done after SECONDS; E_STOPPED where WATCH was cancelled.  No process is left behind. */
status gnuplot_run(const char *folder, const char *script, double seconds,
                   const task *watch, text *out, error *e);

/* The date that pictures are stamped with: SOURCE_DATE_EPOCH, or 0 where it is unset. */
int64_t gnuplot_epoch(void);

#endif
