/* SPDX-License-Identifier: GPL-3.0-or-later
   editor.h -- the editing of command lines, for the prompt and for the screen: Readline's
   keys with our completion, history and help.  It reads no key and runs nothing: who asks
   for lines drives Readline's callbacks. */
#ifndef LATHE_UI_EDITOR_H
#define LATHE_UI_EDITOR_H

#include "base/text.h"
#include "session/session.h"

/* Where names come from, and where help goes.  Readline's callbacks carry no context: there
   is one editor in a program. */
typedef struct editor_place {
    void *context;
    /* The session whose names complete a line, until it is given back. */
    const session *(*borrow)(void *context);
    void (*give_back)(void *context);
    int (*columns)(void *context); /* width for pages of help; 0: any */
    /* Shows a page of help; the line that is being typed stays. */
    void (*show)(void *context, const text *page);
} editor_place;

/* Sets up Readline and reads the history, unless the editor is open already, in another
   place, which is the answer then; else NULL.  P must stay. */
const editor_place *editor_open(const editor_place *p);
/* Goes back to the place that editor_open gave; NULL: shortens the history's file and frees
   what Readline holds. */
void editor_close(const editor_place *before);

/* Puts LINE into the history and its file; nothing twice in a row. */
void editor_remember(const char *line);
/* The line of the history that has BACK lines behind it, lent; NULL where there is none. */
const char *editor_past(int64_t back);

#endif
