/* SPDX-License-Identifier: GPL-3.0-or-later
   keep.h -- the session of a person, at the prompt or the screen, is kept while it waits:
   what is told at its begin and its end, and when.  It reads no key. */
#ifndef LATHE_UI_KEEP_H
#define LATHE_UI_KEEP_H

#include "ui/interpreter.h"

/* Work that took this long is kept at once, other when nobody has typed for as long. */
#define KEEP_SECONDS 2

/* Keeps the session of I from now on, and tells what others have left. */
void keep_begin(interpreter *i);
/* Is the session another than it was kept?  By the thread that owns it. */
bool keep_is_due(interpreter *i);
/* Keeps it; after a failure nothing more is kept. */
status keep_now(interpreter *i, error *e);
/* Tells how to get back what was left. */
void keep_finish(interpreter *i);

#endif
