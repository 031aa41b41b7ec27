/* SPDX-License-Identifier: GPL-3.0-or-later
   signals.h -- Ctrl-C, the end of the terminal and its change of size, as flags.  A
   handler does nothing but set them; whoever waits or works asks. */
#ifndef LATHE_UI_SIGNALS_H
#define LATHE_UI_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* SIGINT sets interpreter_interrupted; SIGTERM and SIGHUP set it too, and are remembered.
   Nothing restarts a system call.  SIGPIPE is ignored: a write tells. */
void signals_install(void);

/* The signal that asks the program to end, or 0. */
int signals_ended(void);

/* Was Ctrl-C pressed since this was asked last?  (interpreter_interrupted stays set until
   the next line runs.) */
bool signals_interrupted(void);

/* Was the terminal's size changed since this was asked last? */
bool signals_resized(void);

/* Was the program stopped and put to the foreground since this was asked last? */
bool signals_continued(void);

/* From now on Ctrl-Z is remembered; or it stops the program, as it does at the start. */
void signals_watch_stop(bool on);
/* Was it pressed since this was asked last?  Then signals_stop stops the program, until it
   is put to the foreground. */
bool signals_stopped(void);
void signals_stop(void);

/* Holds these signals back; *WAITING is the mask with which to wait for them. */
void signals_block(sigset_t *waiting);
void signals_release(const sigset_t *waiting);

#endif
