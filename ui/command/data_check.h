/* SPDX-License-Identifier: GPL-3.0-or-later
   data_check.h -- are data what they were when a model was trained on data of that name?
   It changes nothing. */
#ifndef LATHE_UI_DATA_CHECK_H
#define LATHE_UI_DATA_CHECK_H

#include "ui/command/command.h"

/* A note where the runs that made the model M, called NAME, read other data called DATA
   than those which are now: other samples, or another split, so that samples of its test
   split may have been trained on.  WHO is the command.  Silent
   without a database of runs. */
void data_check_note(call *c, const char *who, const char *name, const model *m,
                     const char *data);

#endif
