/* SPDX-License-Identifier: GPL-3.0-or-later
   calibrate.h -- measures this machine: every method on a grid of convolutions, and what
   the processor can do at most.  It writes no file and prints nothing. */
#ifndef LATHE_MEASURE_CALIBRATE_H
#define LATHE_MEASURE_CALIBRATE_H

#include "base/error.h"
#include "base/task.h"
#include "engine/calibration.h"

/* With the threads that are set, the grid within about SECONDS: shapes that the time does
   not reach are left out, but for the first.  *SHAPES: how many were measured, of
   *SHAPES_ALL.  NULL on failure; E_STOPPED where the task was cancelled. */
calibration *calibrate_machine(double seconds, const task *watch, int *shapes,
                               int *shapes_all, error *e);

/* Raises C->limits to what the threads that are set reach now. */
status calibrate_limits(calibration *c, error *e);

#endif
