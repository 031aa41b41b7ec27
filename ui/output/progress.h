/* SPDX-License-Identifier: GPL-3.0-or-later
   progress.h -- long work as one line on standard error that is redrawn and taken away at
   the end; or, where nobody watches, as a plain line for every milestone. */
#ifndef LATHE_UI_PROGRESS_H
#define LATHE_UI_PROGRESS_H

#include <signal.h>
#include <stdbool.h>
#include "base/task.h"
#include "ui/output/output.h"

typedef enum progress_form {
    PROGRESS_NONE,
    PROGRESS_LINES, /* no carriage return, no escape */
    PROGRESS_BAR
} progress_form;

#define PROGRESS_LOSSES 64

typedef struct progress_view {
    progress_form form;
    output_style style;
    task task;      /* give this to the work */
    char stage[64]; /* the one at work */
    int64_t epochs;
    double began, drawn;            /* clocks: of the stage, of the last drawing */
    double first;                   /* share of the work done when the stage began */
    double share;                   /* done by now, 0..1 */
    double losses[PROGRESS_LOSSES]; /* means of SPAN reports each, oldest first */
    int64_t loss_count, span, pending;
    double pending_sum;
    int visible; /* columns of the line on the screen, 0: none */
} progress_view;

/* V must stay where it is until progress_end, which takes the line away. */
void progress_begin(progress_view *v, progress_form form, const output_style *style,
                    const volatile sig_atomic_t *cancel);
void progress_end(progress_view *v);

/* Takes P in at the time NOW and draws nothing: for those who draw by themselves. */
void progress_take(progress_view *v, const progress *p, double now);

/* The line for P at the time NOW, at most COLUMNS wide (0: any width), without an end. */
void progress_line(const progress_view *v, const progress *p, double now, int columns,
                   text *out);

#endif
