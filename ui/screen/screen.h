/* SPDX-License-Identifier: GPL-3.0-or-later
   screen.h -- the whole terminal as a workbench, over the session and with the commands of
   the prompt. */
#ifndef LATHE_UI_SCREEN_SCREEN_H
#define LATHE_UI_SCREEN_SCREEN_H

#include "ui/interpreter.h"

/* Runs the screen until the user leaves it, says quit, or a signal ends the program.  The
   terminal is as before when it returns, and where it could not be opened nothing has
   happened.  KEYS is a file of keys to be played first (NULL: none); with it no terminal is
   needed, and where there is none it has LINES x COLUMNS of the environment and is left
   when they are played.  The signals must be installed. */
status screen_run(interpreter *i, const char *keys, error *e);

#endif
