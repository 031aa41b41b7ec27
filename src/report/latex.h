/* SPDX-License-Identifier: GPL-3.0-or-later
   latex.h -- LaTeX source into a pdf by whichever LaTeX the system has.  It writes into
   memory; what LaTeX itself leaves is in a folder that is removed. */
#ifndef LATHE_REPORT_LATEX_H
#define LATHE_REPORT_LATEX_H

#include "base/error.h"
#include "base/task.h"
#include "base/text.h"

/* E_FILE, with what to install, where there is no LaTeX. */
status latex_check(error *e);

/* Runs it on LENGTH bytes of SOURCE, in the folder of the report PATH, whose figures it
   names.  The same source gives the same bytes.  E_FILE with LaTeX's own sentence where it
   refuses, or takes longer than two minutes; E_STOPPED. */
status latex_run(const char *source, size_t length, const char *path, const task *watch,
                 text *pdf, error *e);

#endif
