/* SPDX-License-Identifier: GPL-3.0-or-later
   crash.h -- the terminal as it was, also where the program is ended by a signal of its
   own fault, or cannot wait for an orderly end.  What it does then is safe in a handler. */
#ifndef LATHE_UI_SCREEN_CRASH_H
#define LATHE_UI_SCREEN_CRASH_H

/* Remembers the modes of the terminal DESCRIPTOR, before anybody changes them. */
void crash_remember(int descriptor);
/* From now on such a signal first writes RESTORE (copied; at most 255 bytes) to that
   terminal and gives it its modes back, and then has its default action. */
void crash_guard(const char *restore);
void crash_release(void);

/* Gives this thread a stack on which it can say so where its own is used up. */
void crash_guard_thread(void);

#endif
