/* SPDX-License-Identifier: GPL-3.0-or-later
   repl.h -- the prompt: line editing, history, completion and help keys. */
#ifndef LATHE_UI_REPL_H
#define LATHE_UI_REPL_H

#include "ui/interpreter.h"

/* Reads and runs lines until Ctrl-D, quit, or a signal that ends the program; the signals
   must be installed.  The terminal is as before when it returns. */
void repl_run(interpreter *i);

#endif
