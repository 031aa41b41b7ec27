/* SPDX-License-Identifier: GPL-3.0-or-later
   capture.h -- what the program prints, to be read from a pipe in place of the terminal. */
#ifndef LATHE_UI_SCREEN_CAPTURE_H
#define LATHE_UI_SCREEN_CAPTURE_H

#include "base/error.h"

typedef struct capture {
    int out, err;    /* where it went before */
    int read, write; /* the pipe */
} capture;

/* Standard output and standard error go into one pipe, which does not block its reader. */
status capture_open(capture *c, error *e);
void capture_close(capture *c);

#endif
