/* SPDX-License-Identifier: GPL-3.0-or-later
   edit.h -- a file, or the last line of the history, in the editor of the user's choice.
   It runs no line. */
#ifndef LATHE_UI_EDIT_H
#define LATHE_UI_EDIT_H

#include "base/error.h"
#include "base/text.h"

/* Opens $VISUAL, $EDITOR, else editor or vi, on the file PATH; where it is "", on the last
   line of the history that edits nothing, and adds what came of it to LINES: nothing where
   all of it was taken out.  The terminal, descriptor OUTPUT, is the editor's meanwhile.
   E_FILE where there is no editor, or it ended with a failure. */
status edit_run(const char *path, int output, text *lines, error *e);

#endif
